#ifndef PORT17_SESSION_EV_H
#define PORT17_SESSION_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/closed.h"
#include "port17/dial_ev.h"
#include "port17/relay_ev.h"
#include "port17/session.h"

struct event_base;

/* Why a flow ended, once for each. */
struct session_end {
	enum closed closed;
	enum outcome outcome; /* of its dial */
	const char *why;      /* the proxy's words, foreign; "" for none */
	struct relay_bytes bytes;
	/* it was broken off when its program may have been there, or that never
	 * came: where conntrack has forgotten it the program knows nothing of
	 * that */
	bool may_be_lost;
};

struct sessions_opts {
	struct event_base *base;
	struct dialer *dialer;
	size_t max;  /* flows at once */
	size_t held; /* SYNs that may wait at once */
	/* what a held SYN waits for; the flow goes on where it is CONNECTED */
	void (*release)(
	    void *arg, const struct session *session, enum outcome outcome);
	void (*ended)(void *arg, const struct session *session,
	    const struct session_end *end);
	void *arg;
};

struct sessions;

/* 0 or -ENOMEM. */
int sessions_new(struct sessions **ret, const struct sessions_opts *opts);
/* Resets all there are. Accepts NULL. */
void sessions_free(struct sessions *sessions);

/* Dials for a SYN that waits in the queue; release() is called once, never
 * within. The claim is taken where it returns 0. -EBUSY: as many wait as may;
 * -ENOSPC, -ENOMEM. */
struct session_hold {
	struct flow_key key;
	uint32_t tcp_seq, id;
	uint16_t queue;
};
int sessions_hold(struct sessions *sessions, const struct session_hold *hold,
    struct claim *claim_take);

/* Whether this flow's SYN is held: a second one has nothing to wait for. */
bool sessions_is_held(
    const struct sessions *sessions, const struct flow_key *key);

/* Whether that is waited for from the flow whose SYN had this number. */
bool sessions_awaits(const struct sessions *sessions,
    const struct flow_key *key, uint32_t tcp_seq);

/* The program's side of a flow whose far end is there already: true (and the
 * leg is taken). */
bool sessions_join(
    struct sessions *sessions, const struct flow_key *key, struct leg *program);

/* The program's side of any other flow: dials. Takes leg and claim, always. */
void sessions_accept(struct sessions *sessions, const struct flow_key *key,
    struct leg *program_take, struct claim *claim_take);

/* Ends the flow, if there is one. */
void sessions_abort(
    struct sessions *sessions, const struct flow_key *key, enum closed closed);

/* One that is relayed goes on by its tunnel's device where that was made anew:
 * true where it does from now on. */
bool sessions_rebind(const struct session *session);

/* NULL where there is none. */
const struct session *sessions_find(
    const struct sessions *sessions, const struct flow_key *key);

/* From the youngest on: first NULL. */
const struct session *sessions_older(
    const struct sessions *sessions, const struct session *after);

#endif
