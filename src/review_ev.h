#ifndef REVIEW_EV_H
#define REVIEW_EV_H

#include <stdbool.h>

#include "src/core/judge.h"

struct diag;
struct event_base;

/* After a change of policy: flows whose decision changed are judged again, a
 * few a turn of the loop, between the packets. First those of the flow table:
 * what is blocked now is ended where it is TCP, the rest gets connection mark
 * 0, so that its next packet comes to the judge. Then conntrack's entries that
 * carry a mark of ours and belong to no flow that we know; and those of this
 * host's with a mark of others, which an accept has left to them. */
struct review_ev;

struct review_result {
	uint64_t flows;		 /* looked at */
	uint64_t changed, ended; /* of those that are up: decided otherwise;
				  * TCP connections ended */
	uint64_t marks;		 /* set to 0 in conntrack */
	int error;		 /* 0, or -errno of conntrack */
};

/* All borrowed. */
struct review_opts {
	struct event_base *base;
	struct judge *judge;
	struct diag *diag;
	struct stats *stats;
	/* a flow was ended by its new decision */
	void (*judged)(void *arg, const struct flow *flow, mono_t now);
	/* whether its first packet still waits for a verdict, which moved()
	 * takes from it: there is nothing to end, the program's kernel sends
	 * it once more, and that one is judged. NULL: none does */
	bool (*waits)(void *arg, const struct flow_key *key);
	/* a flow went through a tunnel, or is to go through one; NULL: nobody
	 * wants to know */
	void (*moved)(void *arg, const struct flow_key *key);
	/* all of it is done */
	void (*done)(void *arg, const struct review_result *result);
	void *arg;
};

/* 0 or -errno. */
int review_ev_new(struct review_ev **ret, const struct review_opts *opts);
void review_ev_free(struct review_ev *review); /* accepts NULL */

/* A thread works on it: it can't be freed yet. */
bool review_ev_is_busy(const struct review_ev *review);

/* From the first flow on; one that was under way is not finished. */
void review_ev_start(struct review_ev *review);

/* The same when nothing was judged yet: what a daemon before this one decided
 * is judged anew. Marks of others stay, since none of them can have been
 * saved by a decision that is known to be old. */
void review_ev_start_first(struct review_ev *review);

#endif
