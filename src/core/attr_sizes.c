#include "src/core/attr_sizes.h"

/* What all of it may take: a share of the memory for each of the tables. */
#define SHARE 512

/* Bytes of one: what a table has for it, or a record in its ring. */
#define USE_BYTES 240
#define PROCESS_BYTES 512
#define OWNER_BYTES 160

/* Of the flows that conntrack may keep, one in so many is of a program here,
 * has not ended, and goes on after a pause. The kernel touches the place of
 * each at start: a microsecond and a cache line or three. */
#define OWNED 4

/* Of those that wait for nothing any more. Packets: those of a wake-up or two
 * are asked about again, by the resolver and by tunnels. Processes: some
 * seconds of a build that starts hundreds a second. */
#define JUDGED_MAX 2048
#define GONE_MAX 4096

static uint64_t
bound(uint64_t n, uint64_t least, uint64_t most)
{
	if (n > most)
		n = most;
	return n < least ? least : n;
}

static uint64_t
power_of_two(uint64_t n)
{
	uint64_t power = 1;

	while (power < n)
		power *= 2;
	return power;
}

void
attr_sizes_of(struct attr_sizes *ret, const struct attr_machine *machine)
{
	uint64_t share = machine->memory / SHARE;
	uint64_t queue = bound(machine->queue, 256, 1 << 20);
	uint64_t flows = machine->flows_max != 0 ? machine->flows_max : 65536;

	/* both families have a queue of what goes out */
	ret->uses = bound(
	    bound(2 * queue, 1, share / USE_BYTES), 4096, UINT64_C(1) << 20);
	ret->judged = JUDGED_MAX;
	/* what is sent while one wake-up lasts, and 50 ms of it where another
	 * has our processor */
	ret->uses_ring =
	    power_of_two(bound(queue / 2 * USE_BYTES, 1 << 19, share / 2 + 1));
	ret->uses_ring = bound(ret->uses_ring, 1 << 19, 1 << 24);
	ret->processes = bound(
	    bound(machine->pid_max, 1, share / PROCESS_BYTES), 1024, 65536);
	ret->gone = bound(GONE_MAX, 1, ret->processes / 2);
	/* what a build starts in two seconds, for which the daemon may stand
	 * still: without room for them who sends then is dropped */
	ret->births_ring = power_of_two(ret->processes * 32);
	ret->births_ring = bound(ret->births_ring, 1 << 17, 1 << 20);
	/* all of it is taken from the kernel's memory at start */
	ret->owners = bound(
	    bound(flows / OWNED, 1, share / 2 / OWNER_BYTES), 8192, 1 << 20);
}
