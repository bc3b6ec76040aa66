#include "src/linux/procscan.h"

#include <errno.h>

/* Those born last are read in each piece: it is to them that a socket is handed
 * on, as a rule. They get no more than a part of it. */
#define NEWEST_MAX 8
#define NEWEST_PART 4

static int
sweep_newest(struct procscan *ps, mono_t now, mono_t end)
{
	struct procscan_job job = { .now = now, .end = end };
	uint64_t start;
	int r = 0;

	for (int i = 0; r == 0 && i < NEWEST_MAX && !procscan_is_late(end);
	     i++) {
		job.who = ps->young[i];
		if (job.who.pid == 0)
			continue;
		r = procscan_start(ps, job.who.pid, &start);
		if (r == 0 && start == job.who.start)
			r = procscan_one(ps, &job);
		r = procscan_failure(r);
	}
	return r;
}

static int
sweep_one(struct procscan *ps, mono_t now)
{
	struct procscan_sweep *sweep = &ps->sweep;
	struct procscan_job job = { .who.pid = sweep->pid,
		.now = now,
		.end = sweep->end,
		.part = &sweep->part };

	return procscan_one(ps, &job);
}

struct sweeping {
	struct procscan *ps;
	mono_t now;
};

/* Whether it was born since this began, and is not waited for: it has been seen
 * as one of the new ones. Where the numbers began anew in the midst of those
 * from before, what is left of them is for the next time. */
static bool
is_newborn(const struct procscan *ps, pid_t pid)
{
	return pid > ps->sweep.last &&
	       (pid <= ps->last_pid || ps->last_pid < ps->sweep.last);
}

/* First the numbers above the last one that was given when it began, of
 * processes from before they began anew; then those below. */
static int
sweep_listed(void *arg, uint64_t number)
{
	const struct sweeping *s = arg;
	struct procscan_sweep *sweep = &s->ps->sweep;
	pid_t pid = (pid_t)number;
	int r;

	if ((pid <= sweep->last) != sweep->below || is_newborn(s->ps, pid))
		return 0;
	sweep->pid = pid;
	r = sweep_one(s->ps, s->now);
	return r == 0 && procscan_is_late(sweep->end) ? -EINPROGRESS : r;
}

static int
sweep_half(struct procscan *ps, mono_t now)
{
	struct sweeping s = { ps, now };
	int r = PROCSCAN_MORE;

	while (r == PROCSCAN_MORE) {
		r = procscan_list_some(
		    ps->holders.proc_fd, &ps->sweep.list_at, sweep_listed, &s);
		if (r == PROCSCAN_MORE && procscan_is_late(ps->sweep.end))
			r = -EINPROGRESS;
	}
	return r;
}

static int
sweep_on(struct procscan *ps, mono_t now)
{
	struct procscan_sweep *sweep = &ps->sweep;
	int r = sweep->part.going ? sweep_one(ps, now) : 0;

	if (r == 0)
		r = sweep_half(ps, now);
	if (r == 0 && !sweep->below) {
		sweep->below = true;
		sweep->list_at = 0;
		r = sweep_half(ps, now);
	}
	return r;
}

int
procscan_refresh(struct procscan *ps, mono_t now, uint64_t ns)
{
	struct procscan_sweep *sweep = &ps->sweep;
	mono_t begin = mono_work();
	int r;

	if (!sweep->going)
		*sweep = (struct procscan_sweep){ .going = true,
			.last = ps->last_pid };
	sweep->end = mono_add(begin, ns);
	r = sweep_newest(ps, now, mono_add(begin, ns / NEWEST_PART));
	if (r == 0)
		r = sweep_on(ps, now);
	if (r == 0)
		sweep->going = false;
	return r == -EINPROGRESS ? 0 : r;
}
