#ifndef CORE_ATTR_SIZES_H
#define CORE_ATTR_SIZES_H

#include <stddef.h>
#include <stdint.h>

/* How much is kept to know who sends, as large as the machine is. */
struct attr_machine {
	uint64_t memory;    /* bytes */
	uint64_t pid_max;   /* processes that there may be */
	uint64_t flows_max; /* that conntrack keeps; 0: not known */
	uint64_t queue;	    /* packets that may wait in each queue */
};

struct attr_sizes {
	uint64_t uses;	    /* packets that wait for a verdict */
	uint64_t judged;    /* those, and some that were judged */
	uint64_t processes; /* that live, and those that are gone … */
	uint64_t gone;	    /* … of which there are no more than these */
	uint64_t owners;    /* flows whose owner the kernel remembers */
	/* bytes of the rings between the kernel and us, powers of two; all of
	 * a ring is resident */
	uint64_t uses_ring, births_ring;
};

/* All within bounds, whatever the machine is said to be. */
void attr_sizes_of(struct attr_sizes *ret, const struct attr_machine *machine);

#endif
