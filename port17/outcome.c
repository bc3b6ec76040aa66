#include "port17/outcome.h"

#include <errno.h>
#include <stddef.h>

enum fault {
	F, /* the far end's */
	T, /* the tunnel's */
	N, /* nobody's: it can't do this */
};

static const struct {
	const char *name, *text;
	int error;
	enum fault fault;
} outcomes[] = {
#define X(suffix, name, text, error, fault) { name, text, error, fault },
	OUTCOMES(X)
#undef X
};

const char *
outcome_name(enum outcome outcome)
{
	return outcomes[outcome].name;
}

const char *
outcome_text(enum outcome outcome)
{
	return outcomes[outcome].text;
}

int
outcome_errno(enum outcome outcome)
{
	return outcomes[outcome].error;
}

bool
outcome_is_tunnel_fault(enum outcome outcome)
{
	return outcomes[outcome].fault == T;
}

bool
outcome_try_next(enum outcome outcome)
{
	return outcomes[outcome].fault != F;
}

enum outcome
outcome_of_errno(int error)
{
	switch (error) {
	case 0:
		return OUTCOME_CONNECTED;
	case ECONNREFUSED:
	case ECONNRESET:
		return OUTCOME_REFUSED;
	case ENETUNREACH:
	case ENETDOWN:
		return OUTCOME_NET_UNREACHABLE;
	case ETIMEDOUT:
		return OUTCOME_TIMED_OUT;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EADDRNOTAVAIL:
	case EAGAIN:
		return OUTCOME_NO_ROOM;
	default:
		return OUTCOME_HOST_UNREACHABLE;
	}
}

enum outcome
outcome_of_unmade(int error)
{
	return outcome_of_errno(error) == OUTCOME_NO_ROOM ? OUTCOME_NO_ROOM
							  : OUTCOME_TUNNEL_DOWN;
}
