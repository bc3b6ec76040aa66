#ifndef PORT17_HEALTH_H
#define PORT17_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/outcome.h"
#include "src/base/mono.h"

/* What the flows themselves tell of a tunnel: nothing is probed, since a probe
 * would tell the far side which tunnels there are. */

/* So many faults in a row, of the tunnel's own, and it is down. */
#define HEALTH_FAULTS 2
/* It is left alone so long, and twice as long each time, up to the last. */
#define HEALTH_REST_FIRST_NS (5 * MONO_S)
#define HEALTH_REST_LAST_NS (300 * MONO_S)
/* Then one flow at a time tries it, and after so many that went well it is
 * up. */
#define HEALTH_TRIALS 3

enum health_state {
	HEALTH_UP,
	HEALTH_TRIAL, /* its rest is over */
	HEALTH_DOWN,
};

struct health {
	bool down;
	unsigned int faults; /* in a row */
	unsigned int good;   /* trials that went well, in a row */
	unsigned int trials; /* under way */
	uint64_t rest_ns;
	mono_t until; /* the rest's end */
};

enum health_state health_state(const struct health *health, mono_t now);
const char *health_state_name(enum health_state state);

/* A dial begins, and ends. `trial`: what health_begin() said. */
bool health_begin(struct health *health, mono_t now);
void health_end(
    struct health *health, bool trial, enum outcome outcome, mono_t now);

/* It is another tunnel now: what there was says nothing of it. */
void health_forget(struct health *health);

/* Which of n members is next: the first that is up (or free for a trial) and
 * was not tried, else the first that was not tried at all, since down may be
 * over by now; n when all were. tried is a set of bits. */
size_t health_pick(
    const struct health *const *members, size_t n, uint32_t tried, mono_t now);

#endif
