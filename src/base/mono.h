#ifndef BASE_MONO_H
#define BASE_MONO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

/* Monotonic time in nanoseconds, in a struct so that it can't be mixed with
 * durations or wall-clock seconds. */
typedef struct {
	uint64_t ns;
} mono_t;

#define MONO_MS UINT64_C(1000000)
#define MONO_S UINT64_C(1000000000)

/* Reads the clock: for shells only, pure code takes `now` as an argument. */
static inline mono_t
mono_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono_t){ (uint64_t)ts.tv_sec * MONO_S + (uint64_t)ts.tv_nsec };
}

/* What this thread has had of a CPU: for bounds on its own work, which others
 * that are given the CPU meanwhile don't use up. */
static inline mono_t
mono_work(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (mono_t){ (uint64_t)ts.tv_sec * MONO_S + (uint64_t)ts.tv_nsec };
}

static inline bool
mono_before(mono_t a, mono_t b)
{
	return a.ns < b.ns;
}

static inline mono_t
mono_add(mono_t a, uint64_t ns)
{
	return (mono_t){ a.ns + ns };
}

/* Nanoseconds from `from` to `to`; 0 if `to` is the earlier one. */
static inline uint64_t
mono_since(mono_t to, mono_t from)
{
	return to.ns > from.ns ? to.ns - from.ns : 0;
}

/* As long a wait as timers take it; never shorter. */
static inline struct timeval
mono_timeval(uint64_t ns)
{
	uint64_t us = (ns + 999) / 1000;

	return (struct timeval){ (time_t)(us / 1000000),
		(suseconds_t)(us % 1000000) };
}

#endif
