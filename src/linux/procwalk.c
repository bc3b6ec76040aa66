#include "src/linux/procscan.h"

#include <errno.h>
#include <stdlib.h>

/* All processes for one socket, in pieces: they are listed, then made a heap as
 * it is read when each one started, then the newest one is taken from it and
 * scanned, one after the other. Where none has it the same is done once more,
 * for what their threads have of their own. */
struct procscan_walk {
	struct procscan *ps;
	struct procscan_pid *pids;
	size_t n, size; /* listed */
	size_t at;	/* the next one to be put into the heap */
	size_t n_heap;	/* in their places: none is put in before it is read */
	int64_t list_at;
	bool listed;
	uint64_t inode; /* what is looked for */
	struct procscan_pid
	    who; /* the rest of whose descriptors is to be read */
	struct procscan_part part;
	bool in_threads;
	struct procscan_threads threads;
};

static int
walk_add(void *arg, uint64_t number)
{
	struct procscan_walk *walk = arg;

	if (walk->n == walk->size) {
		size_t size = walk->size > 0 ? walk->size * 2 : 256;
		struct procscan_pid *pids =
		    reallocarray(walk->pids, size, sizeof(pids[0]));

		if (pids == NULL)
			return -ENOMEM;
		walk->pids = pids;
		walk->size = size;
	}
	walk->pids[walk->n++] = (struct procscan_pid){ (pid_t)number, 0 };
	return 0;
}

static int
walk_list(struct procscan_walk *walk)
{
	int r = PROCSCAN_MORE;

	while (r == PROCSCAN_MORE) {
		if (procscan_is_late(walk->ps->end))
			return -EINPROGRESS;
		r = procscan_list_some(
		    walk->ps->holders.proc_fd, &walk->list_at, walk_add, walk);
	}
	walk->listed = r == 0;
	return r;
}

static bool
is_newer(const struct procscan_pid *a, const struct procscan_pid *b)
{
	struct holder ha = { .pid = a->pid, .start = a->start };
	struct holder hb = { .pid = b->pid, .start = b->start };

	return holder_newer(&ha, &hb);
}

static void
heap_put(struct procscan_walk *walk, struct procscan_pid who)
{
	struct procscan_pid *heap = walk->pids;
	size_t i = walk->n_heap++;

	while (i > 0 && is_newer(&who, &heap[(i - 1) / 2])) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = who;
}

static struct procscan_pid
heap_take(struct procscan_walk *walk)
{
	struct procscan_pid *heap = walk->pids, newest = heap[0];
	struct procscan_pid last = heap[--walk->n_heap];
	size_t i = 0, next = 1;

	while (next < walk->n_heap) {
		if (next + 1 < walk->n_heap &&
		    is_newer(&heap[next + 1], &heap[next]))
			next++;
		if (!is_newer(&heap[next], &last))
			break;
		heap[i] = heap[next];
		i = next;
		next = 2 * i + 1;
	}
	heap[i] = last;
	return newest;
}

/* When each one started. */
static int
walk_starts(struct procscan_walk *walk)
{
	int r;

	for (; walk->at < walk->n; walk->at++) {
		struct procscan_pid who = walk->pids[walk->at];

		if (procscan_is_late(walk->ps->end))
			return -EINPROGRESS;
		if (walk->in_threads &&
		    !procscan_has_threads(walk->ps, who.pid))
			continue;
		r = procscan_start(walk->ps, who.pid, &who.start);
		if (procscan_failure(r) != 0)
			return r;
		if (r == 0) /* else it is gone, or a thread of the kernel */
			heap_put(walk, who);
	}
	return 0;
}

static int
walk_scan(struct procscan_walk *walk, mono_t now)
{
	struct procscan *ps = walk->ps;
	struct procscan_job job = { .who = walk->who,
		.inode = walk->inode,
		.now = now,
		.end = ps->end,
		.part = &walk->part };
	const struct holder *holder = holder_find(&ps->holders, job.who.pid);

	if (walk->in_threads)
		return procscan_threads(ps, &job, &walk->threads);
	if (holder != NULL && holder->start == job.who.start)
		job.from = holder->hint.fd;
	return procscan_one(ps, &job);
}

/* The process at hand. */
static bool
is_unfinished(const struct procscan_walk *walk)
{
	return walk->part.going || walk->threads.going;
}

static int
walk_begin(struct procscan *ps, uint64_t inode)
{
	struct procscan_walk *walk = calloc(1, sizeof(*walk));

	if (walk == NULL)
		return -ENOMEM;
	*walk = (struct procscan_walk){ .ps = ps, .inode = inode };
	ps->walk = walk;
	ps->walks++;
	return 0;
}

void
procscan_walk_end(struct procscan *ps)
{
	if (ps->walk == NULL)
		return;
	free(ps->walk->pids);
	free(ps->walk);
	ps->walk = NULL;
}

bool
procscan_is_walking(const struct procscan *ps, uint64_t inode)
{
	return ps->walk != NULL && ps->walk->inode == inode;
}

bool
procscan_is_busy(const struct procscan *ps)
{
	return procscan_is_late(ps->end) ||
	       (ps->end.ns != 0 && ps->walk != NULL);
}

/* One after the other, or the rest of those. */
static int
walk_turn(struct procscan_walk *walk, mono_t now)
{
	int r = walk->listed ? 0 : walk_list(walk);

	if (r == 0)
		r = walk_starts(walk);
	while (r == 0 && (is_unfinished(walk) || walk->n_heap > 0) &&
	       !procscan_has_met(walk->ps, walk->inode)) {
		if (procscan_is_late(walk->ps->end))
			return -EINPROGRESS;
		if (!is_unfinished(walk))
			walk->who = heap_take(walk);
		r = walk_scan(walk, now);
	}
	return r;
}

static int
walk_on(struct procscan_walk *walk, mono_t now)
{
	int r = walk_turn(walk, now);

	if (r != 0 || walk->in_threads ||
	    procscan_has_met(walk->ps, walk->inode))
		return r;
	walk->in_threads = true;
	walk->n = walk->at = 0;
	walk->list_at = 0;
	walk->listed = false;
	return walk_turn(walk, now);
}

int
procscan_walk_on(struct procscan *ps, mono_t now)
{
	uint64_t sought;
	int r;

	if (ps->walk == NULL)
		return 0;
	sought = ps->walk->inode;
	r = walk_on(ps->walk, now);
	if (r == -EINPROGRESS)
		return r;
	if (r == 0 && !procscan_has_met(ps, sought))
		held_put_nobody(&ps->holders, sought, now);
	procscan_walk_end(ps);
	return r;
}

/* Where one for another socket is under way that goes on first: it may meet
 * this one too. */
int
procscan_walk(struct procscan *ps, uint64_t inode, mono_t now)
{
	int r = 0;

	for (bool done = false;
	     r == 0 && !done && !procscan_has_met(ps, inode);) {
		if (ps->walk == NULL)
			r = walk_begin(ps, inode);
		if (r != 0)
			break;
		done = ps->walk->inode == inode;
		r = procscan_walk_on(ps, now);
	}
	return r;
}
