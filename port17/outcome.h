#ifndef PORT17_OUTCOME_H
#define PORT17_OUTCOME_H

#include <stdbool.h>

/* How a dial through a tunnel ended: X(suffix, word in logs, what people read,
 * what the program's connect() says, whose fault). The fault is the far end's
 * (F), so that another way to it is no better; or the tunnel's (T), which
 * counts against its health, and the next member of a list is tried; or the
 * tunnel can't do this at all (N): the next one, but no harm to its health. */
#define OUTCOMES(X)                                                            \
	X(CONNECTED, "connected", "connected", 0, F)                           \
	X(REFUSED, "refused", "the far end refused", ECONNREFUSED, F)          \
	X(HOST_UNREACHABLE, "host-unreachable", "the host can't be reached",   \
	    EHOSTUNREACH, F)                                                   \
	X(NET_UNREACHABLE, "net-unreachable", "the network can't be reached",  \
	    ENETUNREACH, F)                                                    \
	X(TIMED_OUT, "timed-out", "the far end did not answer in time",        \
	    EHOSTUNREACH, F)                                                   \
	X(NO_NAME, "no-name", "the far side does not know the name",           \
	    EHOSTUNREACH, F)                                                   \
	X(FAILED, "failed", "the proxy could not connect", EHOSTUNREACH, F)    \
	X(HUNG_UP, "hung-up", "the proxy hung up without an answer",           \
	    EHOSTUNREACH, F)                                                   \
	X(DENIED, "denied", "the proxy's rules do not allow it", EHOSTUNREACH, \
	    N)                                                                 \
	X(UNSUPPORTED, "unsupported", "the tunnel can't carry this",           \
	    EHOSTUNREACH, N)                                                   \
	X(LOOP, "loop", "the tunnel's own proxy would go through it",          \
	    EHOSTUNREACH, N)                                                   \
	X(REJECTED, "rejected", "the list of tunnels ends in reject",          \
	    ECONNREFUSED, N)                                                   \
	X(TUNNEL_DOWN, "tunnel-down", "the tunnel can't be reached",           \
	    EHOSTUNREACH, T)                                                   \
	X(TUNNEL_SLOW, "tunnel-slow", "the tunnel did not answer in time",     \
	    EHOSTUNREACH, T)                                                   \
	X(AUTH, "auth", "the proxy does not take the user and password",       \
	    EHOSTUNREACH, T)                                                   \
	X(PROTOCOL, "protocol", "the proxy does not speak its protocol",       \
	    EHOSTUNREACH, T)                                                   \
	X(CERTIFICATE, "certificate",                                          \
	    "the proxy's certificate is not the one expected", EHOSTUNREACH,   \
	    T)                                                                 \
	X(SHORT_LIVED, "short-lived",                                          \
	    "the proxy soon ended what it had granted", EHOSTUNREACH, N)       \
	X(NO_ROOM, "no-room", "too many connections at once", EHOSTUNREACH, N) \
	X(GONE, "gone", "the program gave up", ECONNREFUSED, F)

enum outcome {
#define X(suffix, name, text, error, fault) OUTCOME_##suffix,
	OUTCOMES(X)
#undef X
};

/* The word that logs and tables have. */
const char *outcome_name(enum outcome outcome);
const char *outcome_text(enum outcome outcome);

/* What the program is told: an errno, 0 for CONNECTED. */
int outcome_errno(enum outcome outcome);

/* Counts against the tunnel's health. */
bool outcome_is_tunnel_fault(enum outcome outcome);

/* Whether another tunnel may do better. */
bool outcome_try_next(enum outcome outcome);

/* What a failed connect() to the far end itself means. */
enum outcome outcome_of_errno(int error);

/* … and that a socket in the tunnel's network namespace could not be had. */
enum outcome outcome_of_unmade(int error);

#endif
