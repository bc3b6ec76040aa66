#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/mono.h"

/* Time for work that others can cause: a share of all time in the long run,
 * and some of it at once. Zeroed it is full at its first use. */
struct budget {
	uint64_t share; /* 1/share of the time */
	uint64_t most;	/* nanoseconds that can be saved up */
	uint64_t spent; /* and not earned again yet */
	mono_t last;
};

/* True while something is left; what is begun then may take more. */
static inline bool
budget_has(struct budget *b, mono_t now)
{
	uint64_t earned = mono_since(now, b->last) / b->share;

	b->spent -= earned < b->spent ? earned : b->spent;
	b->last = now;
	return b->spent < b->most;
}

static inline void
budget_spend(struct budget *b, uint64_t ns)
{
	b->spent += ns;
}

#endif
