#ifndef PORT17_ASSOC_EV_H
#define PORT17_ASSOC_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/claim.h"
#include "port17/dgram.h"
#include "port17/dial_ev.h"
#include "port17/shake.h"
#include "port17/target.h"
#include "src/base/list.h"

struct dgram_kept;
struct event_base;
struct inodes;
struct pacer;

/* SOCKS 5 UDP ASSOCIATE: one for each socket of a program and tunnel, shared by
 * all destinations of that socket, but for those that are names: who answers
 * one of these shows by the association alone. It lives as long as its TCP
 * connection, and as long as somebody uses it. */
struct assoc;
struct assocs;

struct assocs_opts {
	struct event_base *base;
	struct dialer *dialer;
	struct inodes *own;
	struct pacer *pacer; /* NULL: none */
	size_t max;
	/* both are the owner's, of one wake-up */
	struct dgrams *in;
	struct dgram_out *out;
	/* what its users have for it may go */
	void (*up)(void *arg, struct assoc *assoc, struct list *users);
	/* a datagram came for one of its flows */
	void (*received)(void *arg, struct assoc *assoc,
	    const struct target *from, const void *bytes, size_t len);
	/* those were all, for now: what was added to `out` is to be sent */
	void (*received_all)(void *arg);
	/* it is gone: those that used it leave it, each for itself. outcome: of
	 * the dial, CONNECTED where it had been up: see assoc_blame() */
	void (*gone)(void *arg, struct assoc *assoc, struct list *users,
	    const struct shake_error *error);
	void *arg;
};

/* 0 or -ENOMEM. */
int assocs_new(struct assocs **ret, const struct assocs_opts *opts);
void assocs_free(struct assocs *assocs); /* nobody uses one; NULL too */

/* Of which flow, and through which tunnel: a socks5 one of claim->set. */
struct assoc_want {
	const struct claim *claim;
	const struct tunnel *via;
	const struct flow_key *key;
};

/* The one of this socket and tunnel, made where there is none yet, with one
 * user more; the claim is borrowed as long as it is used. NULL: too many, no
 * memory, or one that is alike has failed a moment ago (port17/backoff.h);
 * *ret_error says which. */
struct assoc *assoc_use(struct assocs *assocs, const struct assoc_want *want,
    struct list *user, struct shake_error *ret_error);
/* With the last user it goes. */
void assoc_leave(struct assoc *assoc, struct list *user);

bool assoc_is_up(const struct assoc *assoc);

/* Whether the proxy, which is elsewhere, says that its relay is there: what is
 * for that address must not be sent to it. */
bool assoc_leads_to(const struct assoc *assoc, const struct addr *addr);
#define ASSOC_LIE "it says that its relay is the far end"
/* It ends for that, and has failed; up() may call this. */
void assoc_lies(struct assoc *assoc);

/* With its head, which is socks_udp_header()'s, one may be too long. */
bool assoc_takes(const struct dgram_in *in);

/* Of one that is up: sends with the next flush of `out`. */
void assoc_send(struct assoc *assoc, const struct dgram_in *in);
/* The same, at once, for those that were kept until it was up: how many were
 * lost. */
unsigned int assoc_send_kept(
    struct assoc *assoc, struct dgram_kept *kept, const struct dgram_in *head);

/* Of one that is gone, within gone(): nothing came back for that flow. Where it
 * was not up for long, the proxy may have ended it for what the far end said:
 * so that is not asked again for a while, nor by that socket anybody, where it
 * heard nothing at all. */
void assoc_blame(struct assoc *assoc, const struct flow_key *key);
/* Something did, for the first time. */
void assoc_answered(struct assoc *assoc, const struct flow_key *key);

const struct tunnel *assoc_via(const struct assoc *assoc);

/* How many of those that are alike (to the tunnel: one for each user that it
 * is told) and of the far ends rest after a failure; *ret: what failed of the
 * one that may be tried first, and when that is. */
struct assoc_rest {
	enum outcome outcome;
	mono_t until;
};
size_t assocs_resting(const struct assocs *assocs, const char *via, mono_t now,
    struct assoc_rest *ret);

#endif
