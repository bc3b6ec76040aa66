#include "src/core/decision.h"

#include <stdlib.h>

const char *
action_name(enum action action)
{
	switch (action) {
	case ACTION_ACCEPT:
		return "accept";
	case ACTION_BLOCK:
		return "block";
	case ACTION_DROP:
		return "drop";
	case ACTION_REROUTE:
		return "reroute";
	}
	abort();
}

const char *
reason_name(enum reason reason)
{
	switch (reason) {
#define X(suffix, name)                                                        \
	case REASON_##suffix:                                                  \
		return name;
		DECISION_REASONS(X)
#undef X
	}
	abort();
}
