#include "port17/closed.h"

static const struct {
	const char *name, *text;
} reasons[] = {
#define X(suffix, name, text) { name, text },
	CLOSED_REASONS(X)
#undef X
};

const char *
closed_name(enum closed closed)
{
	return reasons[closed].name;
}

const char *
closed_text(enum closed closed)
{
	return reasons[closed].text;
}
