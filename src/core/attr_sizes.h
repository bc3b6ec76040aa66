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
	uint64_t uses;	    /* packets that wait, and some that were judged */
	uint64_t processes; /* that live, or are gone since a short while */
	uint64_t owners;    /* flows whose owner the kernel remembers */
	/* bytes of the rings between the kernel and us, powers of two */
	uint64_t uses_ring, births_ring;
};

/* All within bounds, whatever the machine is said to be. */
void attr_sizes_of(struct attr_sizes *ret, const struct attr_machine *machine);

#endif
