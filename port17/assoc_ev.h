#ifndef PORT17_ASSOC_EV_H
#define PORT17_ASSOC_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/claim.h"
#include "port17/dial_ev.h"
#include "port17/target.h"

struct event_base;
struct inodes;

/* SOCKS 5 UDP ASSOCIATE: one for each socket of a program and tunnel, shared by
 * all destinations of that socket. It lives as long as its TCP connection, and
 * as long as somebody uses it. */
struct assoc;
struct assocs;

struct assocs_opts {
	struct event_base *base;
	struct dialer *dialer;
	struct inodes *own;
	size_t max;
	/* a datagram came for one of its flows */
	void (*received)(void *arg, struct assoc *assoc,
	    const struct target *from, const void *bytes, size_t len);
	/* it is gone: what used it finds another, or none. outcome: of the
	 * dial, CONNECTED where it had been up */
	void (*gone)(void *arg, struct assoc *assoc, enum outcome outcome);
	void *arg;
};

int assocs_new(struct assocs **ret, const struct assocs_opts *opts);
void assocs_free(struct assocs *assocs); /* nobody uses one; NULL too */

/* The one of this socket and tunnel, made where there is none yet, with one
 * use more. NULL: too many, or no memory. claim is borrowed as long as it is
 * used: via is a socks5 tunnel of claim->set. */
struct assoc *assoc_use(struct assocs *assocs, const struct claim *claim,
    const struct tunnel *via, const struct flow_key *key);
void assoc_leave(struct assoc *assoc); /* with the last use it goes */

/* Sends, or keeps a few while it is not up yet. -EMSGSIZE (with its header it
 * is too long), -ENOBUFS, or -errno. */
int assoc_send(struct assoc *assoc, const struct target *to, const void *bytes,
    size_t len);

const struct tunnel *assoc_via(const struct assoc *assoc);

#endif
