#ifndef GUARD_EV_H
#define GUARD_EV_H

#include <stdbool.h>
#include <stdint.h>

#include "src/fw_ev.h"

/* Keeps the rules as they were put in (design.md section 2, A7), and as they
 * ought to be beside others (A4): looks at the tables once a second and
 * whenever there is word of a change, and puts them right off the loop. */
struct guard_ev;

/* What `status` says of it. */
struct guard_status {
	uint64_t repairs; /* times that tables were put right */
	char error[256];  /* why they can't be; empty when they stand */
};

/* fw has put the chains in and outlives the guard, which keeps fw->in and
 * fw->setup as they are. 0 or -errno. */
int guard_ev_new(
    struct guard_ev **ret, struct event_base *base, struct fw_ev *fw);
/* Accepts NULL; never while guard_ev_is_busy(). */
void guard_ev_free(struct guard_ev *guard);

/* Nothing is put right from now on. stopped(arg) is called once a repair that
 * is under way has ended: maybe before this returns. */
void guard_ev_stop(
    struct guard_ev *guard, void (*stopped)(void *arg), void *arg);
bool guard_ev_is_busy(const struct guard_ev *guard); /* accepts NULL */

/* To be called once a second. Accepts NULL. */
void guard_ev_second(struct guard_ev *guard);

const struct guard_status *guard_ev_status(const struct guard_ev *guard);

#endif
