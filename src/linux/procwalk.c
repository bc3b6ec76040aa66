#include "src/linux/procscan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/core/procline.h"
#include "src/linux/procread.h"

/* With so many pids or fewer given out since, each is tried; with more, /proc
 * is listed. */
#define PROBE_MAX 64

/* A pid is given out a little before its process can be seen (copy_process()
 * in kernel/fork.c): it is tried again for so long. */
#define UNBORN_NS (10 * MONO_MS)

/* A new process with more descriptors than this is not read to the end. */
#define BIRTH_MAX 4096

/* The list alone may take all the time that there is for a refresh. */
#define REFRESH_LEAST 8

static void
young_add(struct procscan *ps, struct procscan_pid who)
{
	memmove(&ps->young[1], &ps->young[0],
	    sizeof(ps->young) - sizeof(ps->young[0]));
	ps->young[0] = who;
}

/* 1 for a process, 0 for a thread or one that is not there, -errno. */
static int
is_process(struct procscan *ps, pid_t pid)
{
	char path[32], buf[2048];
	ssize_t n;
	pid_t tgid;

	(void)snprintf(path, sizeof(path), "%d/status", (int)pid); /* fits */
	n = procread_file(ps->holders.proc_fd, path, buf, sizeof(buf));
	if (n < 0)
		return n == -ESRCH ? -ENOENT : (int)n;
	return procline_tgid(&tgid, buf, (size_t)n) == 0 && tgid == pid;
}

/* Scans a process that is new to us. 0, -ENOENT when it is not there, or
 * -errno. */
static int
scan_new(struct procscan *ps, pid_t pid, mono_t now)
{
	struct procscan_job job = {
		.who.pid = pid, .max = BIRTH_MAX, .born = true, .now = now
	};
	struct procread_stat st;
	char path[32];
	int r = is_process(ps, pid);

	if (r <= 0)
		return r;
	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid); /* fits */
	r = procread_status(ps->holders.proc_fd, path, &st);
	if (r != 0)
		return r == -ESRCH ? -ENOENT : r;
	if (st.kthread)
		return 0;
	job.who.start = st.start;
	young_add(ps, job.who);
	return procscan_one(ps, &job);
}

static void
unborn_add(struct procscan *ps, pid_t pid, mono_t until)
{
	if (ps->n_unborn == PROCSCAN_UNBORN) /* the oldest one had its time */
		memmove(&ps->unborn[0], &ps->unborn[1],
		    --ps->n_unborn * sizeof(ps->unborn[0]));
	ps->unborn[ps->n_unborn].pid = pid;
	ps->unborn[ps->n_unborn++].until = until;
}

static int
retry_unborn(struct procscan *ps, mono_t now)
{
	unsigned int n = ps->n_unborn;

	ps->n_unborn = 0;
	for (unsigned int i = 0; i < n; i++) {
		pid_t pid = ps->unborn[i].pid;
		mono_t until = ps->unborn[i].until;
		int r = scan_new(ps, pid, now);

		if (procscan_failure(r) != 0)
			return r;
		if (r == -ENOENT && mono_before(now, until))
			unborn_add(ps, pid, until);
	}
	return 0;
}

struct news {
	struct procscan *ps;
	pid_t after, last;
	mono_t now;
};

static int
news_of_list(void *arg, uint64_t number)
{
	struct news *news = arg;
	pid_t pid = (pid_t)number;
	/* after a wrap the new ones are at both ends */
	bool is_new = news->after <= news->last
			  ? pid > news->after && pid <= news->last
			  : pid > news->after || pid <= news->last;

	return is_new ? procscan_failure(scan_new(news->ps, pid, news->now))
		      : 0;
}

static int
news_of_range(struct news *news)
{
	for (pid_t pid = news->after + 1; pid <= news->last; pid++) {
		int r = scan_new(news->ps, pid, news->now);

		if (procscan_failure(r) != 0)
			return r;
		if (r == -ENOENT)
			unborn_add(
			    news->ps, pid, mono_add(news->now, UNBORN_NS));
	}
	return 0;
}

int
procscan_news(struct procscan *ps, mono_t now)
{
	struct news news = { ps, ps->last_pid, 0, now };
	char buf[128];
	ssize_t n = pread(ps->loadavg_fd, buf, sizeof(buf), 0);
	int r = 0;

	if (n < 0)
		return -errno;
	if (procline_last_pid(&news.last, buf, (size_t)n) != 0)
		return -EBADMSG;
	if (ps->n_unborn > 0)
		r = retry_unborn(ps, now);
	if (r != 0 || news.last == news.after)
		return r;
	if (news.after == 0) {
		r = 0; /* the first walk will see them all */
	} else if (news.last > news.after &&
		   news.last - news.after <= PROBE_MAX) {
		r = news_of_range(&news);
	} else if (lseek(ps->holders.proc_fd, 0, SEEK_SET) == 0) {
		r = procscan_list(ps->holders.proc_fd, news_of_list, &news);
	}
	if (r == 0)
		ps->last_pid = news.last;
	return r;
}

/* 0 if the process is there and is the one that started then. */
static int
check_start(struct procscan *ps, struct procscan_pid who)
{
	struct procread_stat st;
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)who.pid); /* fits */
	r = procread_status(ps->holders.proc_fd, path, &st);
	return r == 0 && st.start != who.start ? -ESRCH : r;
}

static bool
met(struct procscan *ps, uint64_t inode)
{
	const struct held *held = held_find(&ps->holders, inode);

	return held != NULL && held->holder != NULL;
}

int
procscan_young(struct procscan *ps, uint64_t inode, mono_t now)
{
	for (int i = 0; i < PROCSCAN_YOUNG; i++) {
		struct procscan_job job = {
			.who = ps->young[i], .inode = inode, .now = now
		};
		int r;

		if (job.who.pid == 0)
			continue;
		r = check_start(ps, job.who);
		if (r != 0) /* gone: its pid may be another's */
			ps->young[i].pid = 0;
		r = r != 0 ? procscan_failure(r) : procscan_one(ps, &job);
		if (r != 0 || met(ps, inode))
			return r;
	}
	return 0;
}

struct walk {
	struct procscan *ps;
	struct procscan_pid *pids;
	size_t n, size;
	/* Don't read when each process started: the order of their pids will
	 * do, as counted back from the last one. */
	bool quick;
};

/* How a list of pids alone is sorted: those up to the last one were given out
 * after the others, from before the numbers began anew. */
static uint64_t
quick_start(const struct procscan *ps, pid_t pid)
{
	return (uint64_t)pid + (pid <= ps->last_pid ? INT_MAX : 0);
}

static int
walk_start(struct walk *walk, pid_t pid, uint64_t *ret)
{
	struct procread_stat st;
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid); /* fits */
	r = procread_status(walk->ps->holders.proc_fd, path, &st);
	if (r != 0)
		return r;
	if (st.kthread || st.zombie)
		return -ESRCH;
	*ret = st.start;
	return 0;
}

static int
walk_add(void *arg, uint64_t number)
{
	struct walk *walk = arg;
	struct procscan_pid who = { .pid = (pid_t)number };
	int r = 0;

	if (walk->n == walk->size) {
		size_t size = walk->size > 0 ? walk->size * 2 : 256;
		struct procscan_pid *pids =
		    reallocarray(walk->pids, size, sizeof(pids[0]));

		if (pids == NULL)
			return -ENOMEM;
		walk->pids = pids;
		walk->size = size;
	}
	if (walk->quick)
		who.start = quick_start(walk->ps, who.pid);
	else
		r = walk_start(walk, who.pid, &who.start);
	if (r == 0)
		walk->pids[walk->n++] = who;
	return procscan_failure(r);
}

/* For qsort: the newest first. */
static int
newest_first(const void *a, const void *b)
{
	const struct procscan_pid *pa = a, *pb = b;
	struct holder ha = { .pid = pa->pid, .start = pa->start };
	struct holder hb = { .pid = pb->pid, .start = pb->start };

	return holder_newer(&ha, &hb) ? -1 : 1;
}

static int
walk_list(struct walk *walk)
{
	int r;

	if (lseek(walk->ps->holders.proc_fd, 0, SEEK_SET) < 0)
		return -errno;
	r = procscan_list(walk->ps->holders.proc_fd, walk_add, walk);
	if (walk->n > 1)
		qsort(walk->pids, walk->n, sizeof(walk->pids[0]), newest_first);
	return r;
}

static int
walk_scan(struct walk *walk, size_t i, uint64_t inode, mono_t now)
{
	struct procscan_job job = {
		.who = walk->pids[i], .inode = inode, .now = now
	};
	const struct holder *holder;

	if (walk->quick && walk_start(walk, job.who.pid, &job.who.start) != 0)
		return 0; /* a thread of the kernel, or gone */
	holder = holder_find(&walk->ps->holders, job.who.pid);
	if (holder != NULL && holder->start == job.who.start)
		job.from = holder->hint;
	return procscan_one(walk->ps, &job);
}

int
procscan_walk(struct procscan *ps, uint64_t inode, mono_t now)
{
	struct walk walk = { .ps = ps };
	int r = walk_list(&walk);

	ps->walks++;
	for (size_t i = 0; r == 0 && i < walk.n && !met(ps, inode); i++)
		r = walk_scan(&walk, i, inode, now);
	free(walk.pids);
	return r;
}

/* Where the one before ended, but for the very newest; 0: at the newest. */
static size_t
refresh_from(const struct walk *walk)
{
	uint64_t start = quick_start(walk->ps, walk->ps->refreshed);
	size_t i = 0;

	if (walk->ps->refreshed == 0)
		return 0;
	while (i < walk->n && walk->pids[i].start >= start)
		i++;
	return i;
}

int
procscan_refresh(struct procscan *ps, mono_t now, uint64_t ns)
{
	struct walk walk = { .ps = ps, .quick = true };
	mono_t end = mono_add(mono_work(), ns);
	int r = walk_list(&walk);
	size_t from = refresh_from(&walk);
	size_t i = 0;

	while (r == 0 && i < walk.n) {
		if (i == REFRESH_LEAST && i < from) {
			i = from;
			continue;
		}
		if (i >= from + REFRESH_LEAST && !mono_before(mono_work(), end))
			break;
		r = walk_scan(&walk, i++, 0, now);
	}
	if (r == 0)
		ps->refreshed = i < walk.n ? walk.pids[i - 1].pid : 0;
	free(walk.pids);
	return r;
}
