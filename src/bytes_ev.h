#ifndef BYTES_EV_H
#define BYTES_EV_H

#include <stdbool.h>

#include "src/base/list.h"
#include "src/core/judge.h"
#include "src/core/stats.h"
#include "src/core/tally.h"

struct event_base;

/* How much flows have moved, as conntrack counts it: asked when somebody wants
 * to know, and heard when an entry ends. Packets cost nothing more. */
struct bytes_ev;

struct bytes_opts {
	struct event_base *base;
	const struct judge *judge;
	struct tally *tally;
	struct stats *stats;
};

/* Somebody who waits for fresh counts; zeroed where he does not. */
struct bytes_wait {
	struct list node;
	void (*fresh)(void *arg);
	void *arg;
};

/* Switches the counting on where it is off, and says so in the log; where that
 * can't be done, bytes are not known, and that is said too. 0 or -errno. */
int bytes_ev_new(struct bytes_ev **ret, const struct bytes_opts *opts);
void bytes_ev_free(struct bytes_ev *be); /* accepts NULL; nobody waits */

/* A thread works on it: it can't be freed yet. */
bool bytes_ev_is_busy(const struct bytes_ev *be); /* accepts NULL */

/* True if the counts are of this moment, or can't be had. Else they are asked
 * for, a few at a time, and fresh() is called when all are there. */
bool bytes_ev_refresh(struct bytes_ev *be, struct bytes_wait *wait);

/* He waits no longer. */
void bytes_wait_cancel(struct bytes_wait *wait);

#endif
