#ifndef PORT17_DIAL_EV_H
#define PORT17_DIAL_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/claim.h"
#include "port17/dialer_ev.h"
#include "port17/outcome.h"
#include "port17/target.h"

struct leg;

/* One step of a dial, for people who test a tunnel: "socks5 127.0.0.1:1080:
 * connected". May be NULL. */
typedef void dial_step_fn(void *arg, const char *text);

struct dial_result {
	enum outcome outcome;
	const char *why;	  /* what the proxy said; foreign; may be "" */
	const struct tunnel *via; /* that answered; NULL: none was tried */
	uint32_t ms;
	pid_t proxy; /* dial_proxy() */
	/* CONNECTED: the far end, taken by the callback, with what it said
	 * before it was asked */
	struct leg *leg;
	const void *ahead;
	size_t ahead_len;
	/* UDP ASSOCIATE: where datagrams go */
	struct addr bound;
	uint16_t bound_port;
};

/* Called once, never within dial_start(). The dial is gone. */
typedef void dial_done_fn(void *arg, const struct dial_result *result);

struct dial_opts {
	const struct tunnel *tunnel; /* of the dialer's set */
	struct target target;
	struct dial_identity identity;
	bool udp;  /* UDP ASSOCIATE: members that are not socks5 are left out */
	bool test; /* it does not count: neither for health, nor anywhere */
	dial_done_fn *done;
	dial_step_fn *step;
	void *arg;
};

struct dial;

/* Begins to connect to the target through the tunnel: through the first member
 * that works, where it is a list. NULL when there is no memory, or the process
 * has as many as it may (DIALS_MAX). */
struct dial *dial_start(struct dialer *dialer, const struct dial_opts *opts);

/* Who listens where it is asked for the far end, on this host; 0: elsewhere, or
 * that is not known (yet). */
pid_t dial_proxy(const struct dial *dial);

/* Gives up: done() is not called. Accepts NULL. */
void dial_cancel(struct dial *dial);

#endif
