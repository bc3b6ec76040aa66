#include "src/linux/procscan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/core/procline.h"
#include "src/linux/procdir.h"

/* With so many pids or fewer given out since, each is tried; with more, /proc
 * is listed. */
#define PROBE_MAX 64

/* A pid is given out a little before its process can be seen (copy_process()
 * in kernel/fork.c): it is tried again for so long. */
#define UNBORN_NS (10 * MONO_MS)

/* A new process with more descriptors than this is not read to the end. */
#define BIRTH_MAX 4096

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
	n = procdir_file(ps->holders.proc_fd, path, buf, sizeof(buf));
	if (n < 0)
		return n == -ESRCH ? -ENOENT : (int)n;
	return procline_tgid(&tgid, buf, (size_t)n) == 0 && tgid == pid;
}

/* Scans a process that is new to us. 0, -ENOENT when it is not there, or
 * -errno. */
static int
scan_new(struct procscan *ps, pid_t pid, mono_t now)
{
	struct procscan_job job = { .who.pid = pid,
		.max = BIRTH_MAX,
		.born = true,
		.now = now,
		.end = ps->end,
		.part = &ps->news.part };
	struct procdir_stat st;
	char path[32];
	int r = is_process(ps, pid);

	if (r <= 0)
		return r;
	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid); /* fits */
	r = procdir_status(ps->holders.proc_fd, path, &st);
	if (r != 0)
		return r == -ESRCH ? -ENOENT : r;
	if (st.kthread)
		return 0;
	job.who.start = st.start;
	if (!ps->news.part.going)
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
retry_unborn(struct procscan *ps)
{
	unsigned int n = ps->n_unborn;
	int r = 0;

	ps->n_unborn = 0;
	for (unsigned int i = 0; r == 0 && i < n; i++)
		r = news_add(ps, ps->unborn[i].pid, ps->unborn[i].until);
	return r;
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

		if (procscan_is_late(ps->end))
			return -EINPROGRESS;
		r = scan_new(ps, next.pid, now);
		if (r == -EINPROGRESS || procscan_failure(r) != 0)
			return r;
		if (r == -ENOENT && mono_before(now, (mono_t){ next.start }))
			unborn_add(ps, next.pid, (mono_t){ next.start });
		ps->news.part.going = false;
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
		if (procscan_is_late(ps->end))
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
	ps->news.listing = ps->news.part.going = false;
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
	if (r == 0)
		r = retry_unborn(ps);
	if (r == 0)
		r = list_news(ps, now);
	if (r == 0)
		r = scan_news(ps, now);
	return news_failed(ps, r);
}

int
procscan_young(struct procscan *ps, uint64_t inode, mono_t now)
{
	for (int i = 0; i < PROCSCAN_YOUNG; i++) {
		struct procscan_job job = { .who = ps->young[i],
			.inode = inode,
			.max = BIRTH_MAX,
			.now = now,
			.end = ps->end };
		uint64_t start;
		int r;

		if (procscan_is_late(ps->end))
			break; /* a walk comes to them, too */
		if (job.who.pid == 0)
			continue;
		r = procscan_start(ps, job.who.pid, &start);
		if (r == 0 && start != job.who.start)
			r = -ESRCH;
		if (r != 0) /* gone: its pid may be another's */
			ps->young[i].pid = 0;
		r = r != 0 ? procscan_failure(r) : procscan_one(ps, &job);
		if (r != 0 || procscan_has_met(ps, inode))
			return r;
	}
	return 0;
}
