#include "src/linux/procfs_own.h"

#include <errno.h>

/* Processes whose next socket is guessed by its number, and those whose
 * descriptors are all read, before /proc is walked. */
#define GUESS_MAX 64
#define GUESS_FEW 2
#define SCAN_MAX 4
#define SCAN_FDS_MAX 512

/* Descriptors that are read when a known socket has left its number. */
#define MOVED_MAX 4096

/* A socket that nobody holds (one of the kernel's own, or one that is on its
 * way between processes) is not looked for by a walk again for so long. */
#define NOBODY_NS (250 * MONO_MS)

/* A socket may have been handed to a process that was there before. That shows
 * only in the descriptors of that process, which are read again when a socket
 * is asked about that was last looked for so long ago, and not more often; in
 * pieces of so much work, where there are many processes. Who asks waits for
 * the first one; the others come between the questions, where somebody sees to
 * that (procfs_sweep()), and else with one that comes so much later. */
#define REFRESH_NS MONO_S
#define REFRESH_TIME_NS MONO_MS
#define REFRESH_NEXT_NS (50 * MONO_MS)
#define SWEEP_TIME_NS (MONO_MS * 3 / 10)

/* One piece of work is so much longer than it may be, at most. */
#define OVER_NS (5 * MONO_MS)

struct held *
procfs_noted(struct procfs *procfs, const struct procfs_want *want)
{
	struct held *held = held_find(&procfs->scan.holders, want->inode);

	return held != NULL && held->holder != NULL ? held : NULL;
}

/* 1 if the process has the socket at that number, 0 if not, or -errno. */
static int
guess_one(struct procfs *procfs, struct holder *holder, struct held_at at,
    const struct procfs_want *want)
{
	struct holders *hs = &procfs->scan.holders;
	struct held_seen seen = {
		.inode = want->inode, .at = at, .now = want->now
	};
	int r = holder_has(hs, holder, at, want->inode);

	if (r == 1)
		held_put(hs, holder, &seen);
	if (r != -ESRCH)
		return r;
	holder_forget(hs, holder);
	return 0;
}

/* In the processes of that user that had sockets last, so many at most, at
 * the number of the last one plus `step`. */
static int
guess_at(struct procfs *procfs, const struct procfs_want *want, int step,
    unsigned int max)
{
	struct list *node, *tmp;
	int r = 0;

	list_for_each_safe (node, tmp, &procfs->scan.holders.open) {
		struct holder *holder = container_of(node, struct holder, open);
		struct held_at at = holder->hint;

		if (holder->uid != want->uid || holder->scan == 0)
			continue;
		if (max-- == 0)
			break;
		at.fd += step;
		r = guess_one(procfs, holder, at, want);
		if (r != 0)
			break;
	}
	return r;
}

/* A program that makes one connection after the other gets the same descriptor
 * again, one that makes many at once the next one. 0 or -errno. */
static int
guess(struct procfs *procfs, const struct procfs_want *want, unsigned int max)
{
	int r = guess_at(procfs, want, 0, max);

	if (r == 0)
		r = guess_at(procfs, want, 1, max);
	return r < 0 ? r : 0;
}

/* From the last socket on: the next one is near. */
static int
scan_holder(struct procfs *procfs, const struct holder *holder,
    const struct procfs_want *want, int max)
{
	const struct held_at hint = holder->hint;
	struct procscan_job job = { .who = { holder->pid, holder->start },
		.inode = want->inode,
		.from = hint.thread == 0 ? hint.fd : 0,
		.max = max,
		.now = want->now,
		.end = procfs->scan.end };
	int r = procscan_one(&procfs->scan, &job);

	if (r != 0 || hint.thread == 0 || procfs_noted(procfs, want) != NULL)
		return r;
	job.thread = hint.thread;
	job.from = hint.fd;
	return procscan_one(&procfs->scan, &job);
}

/* All descriptors of the processes of that user that had sockets last. */
static int
scan_recent(struct procfs *procfs, const struct procfs_want *want)
{
	struct holders *hs = &procfs->scan.holders;
	struct holder *recent[SCAN_MAX];
	struct list *node;
	size_t n = 0;

	list_for_each (node, &hs->open) {
		struct holder *holder = container_of(node, struct holder, open);

		if (n == SCAN_MAX)
			break;
		if (holder->uid == want->uid && holder->scan != 0)
			recent[n++] = holder;
	}
	for (size_t i = 0; i < n; i++) {
		int r = scan_holder(procfs, recent[i], want, SCAN_FDS_MAX);

		if (r != 0 || procfs_noted(procfs, want) != NULL)
			return r;
	}
	return 0;
}

/* Was it handed to somebody else? All processes are gone through once a second
 * at most, in pieces where there are many. */
static int
refresh(
    struct procfs *procfs, struct held *held, const struct procfs_want *want)
{
	uint64_t wait = procfs->scan.sweep.going ? REFRESH_NEXT_NS : REFRESH_NS;
	int r;

	if (mono_since(want->now, held->since) < REFRESH_NS ||
	    mono_since(want->now, procfs->refreshed) < wait)
		return 0;
	procfs->refreshed = want->now;
	r = procscan_refresh(&procfs->scan, want->now, REFRESH_TIME_NS);
	held = procfs_noted(procfs, want);
	if (r == 0 && held != NULL && !procfs->scan.sweep.going)
		held->since = want->now;
	return r == 0 && held == NULL ? -ESRCH : r;
}

bool
procfs_is_sweeping(const struct procfs *procfs)
{
	return procfs->scan.sweep.going;
}

bool
procfs_sweep(struct procfs *procfs)
{
	if (!procfs->scan.sweep.going)
		return false;
	procfs->refreshed = mono_now();
	/* where that fails the next question says so */
	return procscan_refresh(
		   &procfs->scan, procfs->refreshed, SWEEP_TIME_NS) == 0 &&
	       procfs->scan.sweep.going;
}

/* Where no note says who holds it, each rung costing more than the one above.
 * Since procscan_news() has seen every process that was born, a socket that
 * has no note is held by one process alone, and whoever is met with it first
 * is the answer. Going by user before all others would save nothing: the walk
 * has to pass all newer processes in any case. 0 or -errno. */
static int
search(struct procfs *procfs, const struct procfs_want *want)
{
	struct procscan *scan = &procfs->scan;
	int r;

	/* 2. the next socket of a process that had one before */
	r = guess(procfs, want, GUESS_MAX);
	if (r != 0 || procfs_noted(procfs, want) != NULL)
		return r;
	/* 3. somewhere in the processes that had the last ones */
	r = scan_recent(procfs, want);
	if (r != 0 || procfs_noted(procfs, want) != NULL)
		return r;
	/* 4. a process that has just started */
	r = procscan_young(scan, want->inode, want->now);
	if (r != 0 || procfs_noted(procfs, want) != NULL)
		return r;
	/* 5. anybody */
	procfs->walker = want->uid;
	return procscan_walk(scan, want->inode, want->now);
}

/* A process that had it may have it under another number now. */
static int
scan_mover(struct procfs *procfs, const struct procscan_pid *had,
    const struct procfs_want *want)
{
	const struct holder *holder =
	    holder_find(&procfs->scan.holders, had->pid);

	if (holder == NULL || holder->start != had->start)
		return 0;
	return scan_holder(procfs, holder, want, MOVED_MAX);
}

/* What is to end at a time ends soon after it. If more was counted it is not
 * our work: the machine stood still, which the clock of a guest may count as
 * that. Nobody is to pay for it with minutes in which his are not looked for.
 */
static void
spend(const struct procfs *procfs, struct budget *budget, mono_t begin)
{
	uint64_t took = mono_since(mono_work(), begin);
	uint64_t most = mono_since(procfs->scan.end, begin) + OVER_NS;

	if (procfs->scan.end.ns != 0 && took > most)
		took = most;
	budget_spend(budget, took);
}

static int
walk(struct procfs *procfs, const struct procfs_want *want)
{
	struct budget *budget = procscan_budget(&procfs->scan, want->uid);
	mono_t begin = mono_work();
	int r;

	procfs->walker = want->uid;
	r = procscan_walk(&procfs->scan, want->inode, want->now);
	spend(procfs, budget, begin);
	return r;
}

/* Nobody may ask for the socket of the walk that is under way any more. */
static int
walk_for_another(struct procfs *procfs, const struct procfs_want *want)
{
	struct budget *budget = procscan_budget(&procfs->scan, procfs->walker);
	mono_t begin = mono_work();
	int r = procscan_walk_on(&procfs->scan, want->now);

	spend(procfs, budget, begin);
	return r < 0 ? r : -EINPROGRESS;
}

/* Sockets that nobody holds are looked for within a share of the time. What
 * finds somebody need not be counted, but for a walk. -EAGAIN: there is no time
 * left for this user's. */
static int
look(struct procfs *procfs, const struct procscan_pid *had,
    const struct procfs_want *want)
{
	struct budget *budget = procscan_budget(&procfs->scan, want->uid);
	uint64_t walks = procfs->scan.walks;
	mono_t begin;
	int r;

	if (procscan_is_walking(&procfs->scan, want->inode))
		return walk(procfs, want);
	r = guess(procfs, want, GUESS_FEW);
	if (r != 0 || procfs_noted(procfs, want) != NULL)
		return r;
	if (procscan_is_busy(&procfs->scan))
		return walk_for_another(procfs, want);
	if (!budget_has(budget, want->now))
		return -EAGAIN;
	begin = mono_work();
	if (had != NULL)
		r = scan_mover(procfs, had, want);
	if (r == 0 && procfs_noted(procfs, want) == NULL)
		r = search(procfs, want);
	if (procfs_noted(procfs, want) == NULL || procfs->scan.walks != walks)
		spend(procfs, budget, begin);
	return r;
}

/* The note is wrong: the holder is gone, or has closed the socket, or has it
 * under another number now. Where two held it, an older one has it still, and
 * only a walk knows which one. */
static int
look_again(struct procfs *procfs, struct held *held, bool gone,
    const struct procfs_want *want)
{
	struct holders *hs = &procfs->scan.holders;
	struct budget *budget = procscan_budget(&procfs->scan, want->uid);
	struct holder *holder = held->holder;
	struct procscan_pid had = { holder->pid, holder->start };
	bool shared = held->shared;

	if (shared && !budget_has(budget, want->now))
		return -EAGAIN;
	held_forget(hs, held);
	if (gone)
		holder_forget(hs, holder);
	if (!shared)
		return look(procfs, gone ? NULL : &had, want);
	return walk(procfs, want);
}

/* What nobody held is looked for again after a while, where there is time. */
static int
look_for_nobodys(struct procfs *procfs, const struct held *held,
    const struct procfs_want *want)
{
	int r;

	if (mono_since(want->now, held->since) < NOBODY_NS) {
		r = guess_at(procfs, want, 0, GUESS_FEW);
		return r < 0 ? r : 0;
	}
	r = look(procfs, NULL, want);
	return r == -EAGAIN ? 0 : r;
}

/* The ladder of design.md section 4: the first rung is what was noted. */
int
procfs_find(struct procfs *procfs, const struct procfs_want *want)
{
	struct holders *hs = &procfs->scan.holders;
	struct held *held = held_find(hs, want->inode);
	int r;

	if (held == NULL)
		return look(procfs, NULL, want);
	if (held->holder == NULL)
		return look_for_nobodys(procfs, held, want);
	/* seen with it in this very round */
	if (held->since.ns == want->now.ns)
		return 0;
	r = holder_has(hs, held->holder, held->at, want->inode);
	if (r == 1)
		return refresh(procfs, held, want);
	if (r != 0 && r != -ESRCH)
		return r;
	return look_again(procfs, held, r == -ESRCH, want);
}
