#ifndef PORT17_DIALER_EV_H
#define PORT17_DIALER_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "port17/health.h"
#include "port17/outcome.h"
#include "port17/tunnel_set.h"
#include "src/core/flow.h"

struct event_base;
struct legs;
struct process;
struct sock_maker;
struct ssl_ctx_st;
struct target;
struct trust;
struct trusts;

/* What is known of a tunnel while the daemon runs, whatever generation of
 * settings it has: kept by name. */
struct tunnel_state {
	char name[TUNNEL_NAME_SIZE];
	struct health health;
	uint64_t flows, dials, failures; /* now; since the start */
	uint64_t up, down;		 /* bytes of flows that ended */
	enum outcome error;		 /* the last one */
	char why[160];
	mono_t error_at; /* ns 0: there was none */
	mono_t good_at;	 /* it was last reached; ns 0: never */
	mono_t heard;	 /* its proxy last answered anything; ns 0: never */
	mono_t looped;	 /* its proxy's own way last led into it; likewise */
	/* it said that it carries no UDP: believed for a while */
	mono_t no_udp_until;
	/* of a proxy that has a name: what it was last resolved to, and which
	 * of those was reached last */
	struct addrs resolved;
	size_t reached;
};

struct dialer;

/* Dials at once, of programs; one process may have an eighth of them: twice as
 * many as wait in its connect(). */
#define DIALS_MAX 8192

/* A proxy on this host: by the connection as its end sees it, or, of a Unix
 * socket, by who listens there. */
struct dial_reached {
	struct flow_key key;
	pid_t pid; /* 0: the key counts */
};

/* What is to be reached through it, and for whom. */
struct dial_for {
	const struct target *target;
	const struct process *process;
};

struct dialer_opts {
	struct event_base *base;
	struct legs *legs;
	/* of sockets in other network namespaces; NULL: nobody makes any */
	const struct sock_maker *maker;
	/* whether what a dial has reached on this host is its own program, or
	 * one that began it, or would come to that again; if not, *ret_proxy is
	 * who it is, 0 where that is not known. NULL: it is not asked */
	bool (*is_loop)(void *arg, const struct dial_reached *reached,
	    const struct dial_for *dial, pid_t *ret_proxy);
	void *arg;
};

/* With no tunnels yet. 0 or -ENOMEM. */
int dialer_new(struct dialer **ret, const struct dialer_opts *opts);
/* No dial is left. Accepts NULL. */
void dialer_free(struct dialer *dialer);

/* Takes a reference. What is under way goes on with what it began with. 0 or
 * -ENOMEM (then all is as it was). */
int dialer_set_tunnels(struct dialer *dialer, struct tunnel_set *set);
struct tunnel_set *dialer_tunnels(const struct dialer *dialer); /* borrowed */

/* Whom its https tunnels believe. Those without a pin are to be read after
 * dialer_set_tunnels(), and told (to the trusts of then) with the context
 * (taken; NULL: nobody, for that reason): dials wait for that. */
struct trusts *dialer_trusts(const struct dialer *dialer); /* borrowed */
void dialer_trust(struct dialer *dialer, struct trust *trust,
    struct ssl_ctx_st *context_take, const char *why);

/* By name, made where it is not there; NULL when there is no memory. */
struct tunnel_state *dialer_state(struct dialer *dialer, const char *name);

/* What is shown as its last error. */
void tunnel_state_error(struct tunnel_state *state, enum outcome outcome,
    const char *why, mono_t now);

/* Something ended like this that goes by the tunnel (by the trial that
 * health_begin() said it was): counted, and remembered. */
void tunnel_state_end(struct tunnel_state *state, bool trial,
    enum outcome outcome, const char *why);

/* Who makes sockets for tunnels with a network namespace; NULL: nobody. */
const struct sock_maker *dialer_maker(const struct dialer *dialer);

/* Whether the process may have one dial more. */
bool dialer_has_room(
    const struct dialer *dialer, const struct process *process);

/* Whether UDP may pass the tunnel, or one of its members: by the settings, and
 * by what a proxy said of late. */
bool dialer_carries_udp(
    struct dialer *dialer, const struct tunnel *tunnel, mono_t now);
/* It said that it does not: believed for ten minutes. */
void dialer_no_udp(
    struct dialer *dialer, const struct tunnel *tunnel, mono_t now);

/* A proxy that has a name is there now; none: nobody knows, and it is where it
 * was. */
void dialer_resolved(
    struct dialer *dialer, const char *tunnel, const struct addrs *addrs);

#endif
