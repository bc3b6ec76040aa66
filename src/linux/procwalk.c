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

/* What is left is done in the next piece. */
static bool
is_late(const struct procscan *ps)
{
	return ps->end.ns != 0 && !mono_before(mono_work(), ps->end);
}

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

static int
news_add(struct procscan *ps, pid_t pid, mono_t unborn_until)
{
	if (ps->news.n == ps->news.size) {
		size_t size = ps->news.size > 0 ? ps->news.size * 2 : 256;
		struct procscan_pid *v =
		    reallocarray(ps->news.v, size, sizeof(v[0]));

		if (v == NULL)
			return -ENOMEM;
		ps->news.v = v;
		ps->news.size = size;
	}
	ps->news.v[ps->news.n++] =
	    (struct procscan_pid){ pid, unborn_until.ns };
	return 0;
}

static int
news_of_list(void *arg, uint64_t number)
{
	struct procscan *ps = arg;
	pid_t after = ps->news.after, last = ps->news.last;
	pid_t pid = (pid_t)number;
	/* after a wrap the new ones are at both ends */
	bool is_new = after <= last ? pid > after && pid <= last
				    : pid > after || pid <= last;

	return is_new ? news_add(ps, pid, (mono_t){ 0 }) : 0;
}

static int
news_of_range(struct procscan *ps, mono_t now)
{
	int r = 0;

	for (pid_t pid = ps->news.after + 1; r == 0 && pid <= ps->news.last;
	     pid++)
		r = news_add(ps, pid, mono_add(now, UNBORN_NS));
	return r;
}

/* All that were listed, or as many as there is time for. */
static int
scan_news(struct procscan *ps, mono_t now)
{
	while (ps->news.at < ps->news.n) {
		struct procscan_pid next = ps->news.v[ps->news.at];
		int r;

		if (is_late(ps))
			return -EINPROGRESS;
		r = scan_new(ps, next.pid, now);
		if (procscan_failure(r) != 0)
			return r;
		if (r == -ENOENT && next.start != 0)
			unborn_add(ps, next.pid, (mono_t){ next.start });
		ps->news.at++;
	}
	ps->news.n = ps->news.at = 0;
	return 0;
}

static int
list_on(struct procscan *ps)
{
	int r = PROCSCAN_MORE;

	while (r == PROCSCAN_MORE) {
		if (is_late(ps))
			return -EINPROGRESS;
		r = procscan_list_some(
		    ps->holders.proc_fd, &ps->news.list_at, news_of_list, ps);
	}
	ps->news.listing = false;
	return r;
}

static int
list_news(struct procscan *ps, mono_t now)
{
	char buf[128];
	ssize_t n = pread(ps->loadavg_fd, buf, sizeof(buf), 0);
	pid_t last;

	if (n < 0)
		return -errno;
	if (procline_last_pid(&last, buf, (size_t)n) != 0)
		return -EBADMSG;
	ps->news.after = ps->last_pid;
	ps->news.last = ps->last_pid = last;
	if (ps->news.after == last || ps->news.after == 0)
		return 0; /* the first walk will see them all */
	if (last > ps->news.after && last - ps->news.after <= PROBE_MAX)
		return news_of_range(ps, now);
	ps->news.list_at = 0;
	ps->news.listing = true;
	return list_on(ps);
}

/* One that failed begins anew. */
static int
news_failed(struct procscan *ps, int r)
{
	if (r == 0 || r == -EINPROGRESS)
		return r;
	ps->news.n = ps->news.at = 0;
	ps->news.listing = false;
	ps->last_pid = ps->news.after;
	return r;
}

int
procscan_news(struct procscan *ps, mono_t now)
{
	/* those of before */
	int r = ps->news.listing ? list_on(ps) : 0;

	if (r == 0)
		r = scan_news(ps, now);
	if (r == 0 && ps->n_unborn > 0)
		r = retry_unborn(ps, now);
	if (r == 0)
		r = list_news(ps, now);
	if (r == 0)
		r = scan_news(ps, now);
	return news_failed(ps, r);
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

struct procscan_walk {
	struct procscan *ps;
	struct procscan_pid *pids;
	size_t n, size;
	size_t at; /* the next one */
	int64_t list_at;
	bool listed;
	uint64_t inode; /* what is looked for */
	/* Read when each process started only as it is scanned: the order of
	 * their pids will do, as counted back from the last one. */
	bool quick;
	bool sorted;
};

/* How a list of pids alone is sorted: those up to the last one were given out
 * after the others, from before the numbers began anew. */
static uint64_t
quick_start(const struct procscan *ps, pid_t pid)
{
	return (uint64_t)pid + (pid <= ps->last_pid ? INT_MAX : 0);
}

static int
walk_start(struct procscan_walk *walk, pid_t pid, uint64_t *ret)
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
	struct procscan_walk *walk = arg;
	pid_t pid = (pid_t)number;

	if (walk->n == walk->size) {
		size_t size = walk->size > 0 ? walk->size * 2 : 256;
		struct procscan_pid *pids =
		    reallocarray(walk->pids, size, sizeof(pids[0]));

		if (pids == NULL)
			return -ENOMEM;
		walk->pids = pids;
		walk->size = size;
	}
	walk->pids[walk->n++] =
	    (struct procscan_pid){ pid, quick_start(walk->ps, pid) };
	return 0;
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

static void
walk_sort(struct procscan_walk *walk)
{
	if (walk->n > 1)
		qsort(walk->pids, walk->n, sizeof(walk->pids[0]), newest_first);
	walk->sorted = true;
}

static int
walk_list(struct procscan_walk *walk)
{
	int r = PROCSCAN_MORE;

	while (r == PROCSCAN_MORE) {
		if (!walk->quick && is_late(walk->ps))
			return -EINPROGRESS;
		r = procscan_list_some(
		    walk->ps->holders.proc_fd, &walk->list_at, walk_add, walk);
	}
	walk->listed = r == 0;
	return r;
}

/* When each one started, so that they can be sorted. */
static int
walk_starts(struct procscan_walk *walk)
{
	size_t n = 0;
	int r;

	for (; walk->at < walk->n; walk->at++) {
		struct procscan_pid *who = &walk->pids[walk->at];

		if (is_late(walk->ps))
			return -EINPROGRESS;
		r = walk_start(walk, who->pid, &who->start);
		if (procscan_failure(r) != 0)
			return r;
		if (r != 0) /* gone, or a thread of the kernel */
			who->pid = 0;
	}
	for (size_t i = 0; i < walk->n; i++)
		if (walk->pids[i].pid != 0)
			walk->pids[n++] = walk->pids[i];
	walk->n = n;
	walk->at = 0;
	walk_sort(walk);
	return 0;
}

static int
walk_scan(struct procscan_walk *walk, size_t i, uint64_t inode, mono_t now)
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
	return is_late(ps) || (ps->end.ns != 0 && ps->walk != NULL);
}

static int
walk_on(struct procscan_walk *walk, mono_t now)
{
	int r = walk->listed ? 0 : walk_list(walk);

	if (r == 0 && !walk->sorted)
		r = walk_starts(walk);
	while (r == 0 && walk->at < walk->n && !met(walk->ps, walk->inode)) {
		if (is_late(walk->ps))
			return -EINPROGRESS;
		r = walk_scan(walk, walk->at++, walk->inode, now);
	}
	return r;
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
	if (r == 0 && !met(ps, sought))
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

	for (bool done = false; r == 0 && !done && !met(ps, inode);) {
		if (ps->walk == NULL)
			r = walk_begin(ps, inode);
		if (r != 0)
			break;
		done = ps->walk->inode == inode;
		r = procscan_walk_on(ps, now);
	}
	return r;
}

/* Where the one before ended, but for the very newest; 0: at the newest. */
static size_t
refresh_from(const struct procscan_walk *walk)
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
	struct procscan_walk walk = { .ps = ps, .quick = true };
	mono_t end = mono_add(mono_work(), ns);
	int r = walk_list(&walk);
	size_t from, i = 0;

	walk_sort(&walk);
	from = refresh_from(&walk);
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
