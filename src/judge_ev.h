#ifndef JUDGE_EV_H
#define JUDGE_EV_H

#include <stdint.h>

#include "src/core/judge.h"
#include "src/core/stats.h"

struct attr;
struct diag;
struct event_base;
struct nfq;

/* What the packet judge works with; all borrowed. */
struct judge_ev_opts {
	struct event_base *base;
	struct judge *judge;
	struct nfq *nfq;
	struct diag *diag;
	struct attr *attr;
	struct stats *stats;
	/* called after a flow was judged, not for repeats */
	void (*judged)(void *arg, const struct flow *flow, mono_t now);
	/* called when the queues are of no more use; the loop should end */
	void (*broken)(void *arg, int error);
	void *arg;
};

struct judge_ev;

/* Reads the queues from now on. 0 or -errno. */
int judge_ev_new(struct judge_ev **ret, const struct judge_ev_opts *opts);
void judge_ev_free(struct judge_ev *je); /* accepts NULL */

#endif
