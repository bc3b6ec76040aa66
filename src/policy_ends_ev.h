#ifndef POLICY_ENDS_EV_H
#define POLICY_ENDS_EV_H

#include <stdbool.h>
#include <stdint.h>

#include "src/policy_texts.h"

struct event_base;

/* What ends by the wall clock: rules from the command line that hold for a
 * time, and a set that is tried. */
struct policy_ends;

/* All borrowed. */
struct policy_ends_opts {
	struct event_base *base;
	struct policy_texts *texts; /* of what is in force */
	/* something has ended: queues the change that takes it away, and
	 * policy_ends_over() is called when that is done, perhaps at once. 0
	 * or -ENOMEM. */
	int (*end)(void *arg, enum change_kind kind);
	void *arg;
};

/* 0 or -errno. */
int policy_ends_new(
    struct policy_ends **ret, const struct policy_ends_opts *opts);
void policy_ends_free(struct policy_ends *ends); /* accepts NULL */

/* The texts are others, or the clock is: the timer is set for what ends next,
 * and what has ended goes at once. */
void policy_ends_look(struct policy_ends *ends);

/* A set is tried for that long from now on, whatever the wall clock does. */
void policy_ends_try(struct policy_ends *ends, uint64_t for_ms);

/* The change that end() queued is done. One that failed (a user of another
 * rule is gone) is tried again in a while. policy_ends_look() is to follow. */
void policy_ends_over(struct policy_ends *ends, bool failed);

#endif
