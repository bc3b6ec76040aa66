#ifndef CLOSING_EV_H
#define CLOSING_EV_H

#include <stdbool.h>

struct attr;
struct ct;
struct diag;
struct event_base;
struct flow_key;
struct judge;
struct stats;

/* UDP sockets that programs have closed: what was decided for their flows is
 * made void in conntrack soon after, so that who draws the port next is judged
 * by itself. */
struct closing_ev;

/* All are borrowed. */
struct closing_opts {
	struct event_base *base;
	struct judge *judge;
	struct attr *attr; /* tells of them */
	struct diag *diag;
	struct ct *ct; /* NULL: conntrack can't be asked */
	struct stats *stats;
	/* called when the entry of such a flow goes */
	void (*closed)(void *arg, const struct flow_key *key, bool taken);
	void *arg;
};

/* A flow goes on for another socket of its program, and NAT leads it to this
 * daemon, whose answer needs conntrack's entry: that goes a second or two from
 * now, or at once where too many wait for it. */
void closing_ev_later(struct closing_ev *c, const struct flow_key *key);

/* 0 or -ENOMEM. */
int closing_ev_new(struct closing_ev **ret, const struct closing_opts *opts);
void closing_ev_free(struct closing_ev *c); /* accepts NULL */

#endif
