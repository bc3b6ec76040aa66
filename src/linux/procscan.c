#include "src/linux/procscan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/num.h"
#include "src/core/procline.h"
#include "src/linux/procdir.h"

/* Where the socket is found the scan goes on for so many descriptors: others
 * of the same burst are near. A process with 10,000 has no end in sight. */
#define AFTER_HIT 256

/* Where /proc/PID/fd puts descriptor n in the directory: after . and .. */
#define FD_OFFSET 2

/* What getdents64(2) writes. */
struct entry {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

int
procscan_list_some(int fd, int64_t *at, procscan_list_fn *fn, void *arg)
{
	union {
		char bytes[2048];
		uint64_t align;
	} buf;
	uint64_t number;
	long n;

	if (lseek(fd, *at, SEEK_SET) < 0)
		return -errno;
	n = syscall(SYS_getdents64, fd, buf.bytes, sizeof(buf));
	if (n < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	for (long i = 0; i < n;) {
		const struct entry *e = (const struct entry *)(buf.bytes + i);
		int r;

		i += e->d_reclen;
		*at = e->d_off;
		if (num_parse(&number, e->d_name, strlen(e->d_name), INT_MAX) !=
		    0)
			continue;
		r = fn(arg, number);
		if (r != 0)
			return r;
	}
	return n > 0 ? PROCSCAN_MORE : 0;
}

/* Calls fn for all of them until it gives other than 0, and gives that; or
 * -errno. */
static int
list_all(int fd, procscan_list_fn *fn, void *arg)
{
	int64_t at = lseek(fd, 0, SEEK_CUR);
	int r;

	do
		r = procscan_list_some(fd, &at, fn, arg);
	while (r == PROCSCAN_MORE);
	return r;
}

struct scan {
	struct procscan *ps;
	const struct procscan_job *job;
	struct holder *holder; /* made when the first socket is met */
	struct held_seen seen;
	int fd_dir;
	int from;    /* the first part begins with this descriptor */
	int below;   /* the second part ends where the first began */
	int n, left; /* descriptors read, and allowed after the hit */
	int before;  /* of those, in earlier pieces */
	bool hit, met_start;
};

#define SCAN_FULL 2 /* stop, no failure */

/* So many descriptors at least are read at a time. */
#define PIECE_LEAST 16

static bool
goes_on(const struct procscan_job *job)
{
	return job->part != NULL && job->part->going;
}

static bool
scan_is_late(const struct scan *s)
{
	int n = s->n - s->before;

	return n > 0 && n % PIECE_LEAST == 0 && procscan_is_late(s->job->end);
}

/* What is left from that descriptor on is for the next call, or nobody's. */
static int
scan_leave(struct scan *s, int fd)
{
	struct procscan_part *part = s->job->part;

	if (part == NULL)
		return SCAN_FULL;
	*part = (struct procscan_part){ .going = true,
		.at = fd,
		.n = s->n,
		.from = s->from,
		.below = s->below };
	return -EINPROGRESS;
}

static int
scan_holder(struct scan *s)
{
	struct procscan_pid who = s->job->who;
	int r = who.start != 0 ? 0 : procscan_start(s->ps, who.pid, &who.start);

	if (r != 0)
		return r;
	s->holder = holder_get(&s->ps->holders, who.pid, who.start);
	if (s->holder == NULL)
		return -ENOMEM;
	s->holder->scan = s->ps->scan;
	return 0;
}

static int
scan_note(struct scan *s, uint64_t inode, int fd)
{
	int r = s->holder != NULL ? 0 : scan_holder(s);

	if (r != 0)
		return r;
	s->seen.inode = inode;
	s->seen.at.fd = fd;
	held_put(&s->ps->holders, s->holder, &s->seen);
	s->hit |= inode == s->job->inode;
	return 0;
}

static int
scan_fd(void *arg, uint64_t number)
{
	struct scan *s = arg;
	char name[16], link[64];
	uint64_t inode;
	ssize_t n;

	if (s->below > 0 && (int)number >= s->below) {
		s->met_start = true;
		return SCAN_FULL;
	}
	if (scan_is_late(s))
		return scan_leave(s, (int)number);
	if (++s->n == s->job->max || (s->hit && --s->left < 0))
		return SCAN_FULL;
	(void)snprintf(name, sizeof(name), "%d", (int)number); /* fits */
	n = readlinkat(s->fd_dir, name, link, sizeof(link));
	if (n < 0 || procline_socket(&inode, link, (size_t)n) != 0)
		return 0; /* closed meanwhile, or no socket */
	return scan_note(s, inode, (int)number);
}

static int
scan_from(struct scan *s, int fd)
{
	if (lseek(s->fd_dir, fd > 0 ? fd + FD_OFFSET : 0, SEEK_SET) < 0)
		return -errno;
	return list_all(s->fd_dir, scan_fd, s);
}

/* From the job's descriptor to the end, then what stands before it; or on from
 * where that was left. 0 when all have been read. */
static int
scan_parts(struct scan *s)
{
	const struct procscan_part *part = s->job->part;
	bool going = goes_on(s->job);
	int at = going ? part->at : s->job->from, r;

	s->n = s->before = going ? part->n : 0;
	s->from = going ? part->from : s->job->from;
	s->below = going ? part->below : 0;
	if (s->below == 0) {
		r = scan_from(s, at);
		if (r != 0 || s->from == 0)
			return r;
		s->below = s->from;
		at = 0;
	}
	r = scan_from(s, at);
	return r == SCAN_FULL && s->met_start ? 0 : r;
}

bool
procscan_is_late(mono_t end)
{
	return end.ns != 0 && !mono_before(mono_work(), end);
}

bool
procscan_has_met(struct procscan *ps, uint64_t inode)
{
	const struct held *held = held_find(&ps->holders, inode);

	return held != NULL && held->holder != NULL;
}

int
procscan_start(struct procscan *ps, pid_t pid, uint64_t *ret)
{
	struct procdir_stat st;
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid); /* fits */
	r = procdir_status(ps->holders.proc_fd, path, &st);
	if (r != 0)
		return r;
	if (st.kthread || st.zombie)
		return -ESRCH;
	*ret = st.start;
	return 0;
}

int
procscan_failure(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE ? r : 0;
}

/* After one that was read whole: what it was not met with is not its own. Where
 * that took several pieces the first ones would count as not met. */
static void
note_scan(struct procscan *ps, const struct procscan_job *job, bool whole)
{
	struct holder *holder = holder_find(&ps->holders, job->who.pid);

	if (holder == NULL ||
	    (job->who.start != 0 && holder->start != job->who.start))
		return;
	holder->scan = ps->scan;
	if (whole)
		holder_swept(&ps->holders, holder);
}

/* The folder of threads has a link for each, and three with one thread alone:
 * so it is with all of the kernel's, of which there are many. */
bool
procscan_has_threads(const struct procscan *ps, pid_t pid)
{
	struct stat st;
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/task", (int)pid); /* fits */
	return fstatat(ps->holders.proc_fd, path, &st, 0) == 0 &&
	       st.st_nlink > 3;
}

/* The folder of a thread that runs, where the first one has ended: a
 * descriptor; -ESRCH: it is no such process, or -errno. */
static int
open_headless(const struct scan *s)
{
	const struct procscan_pid *who = &s->job->who;
	struct procdir_stat st;
	char name[16];
	int fd;

	(void)snprintf(name, sizeof(name), "%d", (int)who->pid); /* fits */
	fd = procdir_base(s->ps->holders.proc_fd, name, &st);
	if (fd < 0 ||
	    (st.headless && (who->start == 0 || st.start == who->start)))
		return fd;
	(void)close(fd); /* O_PATH */
	return -ESRCH;
}

/* One that has none may have them by another thread than its first. */
static int
scan_headless(struct scan *s)
{
	int thread, r;

	if (!procscan_has_threads(s->ps, s->job->who.pid))
		return 0;
	thread = open_headless(s);
	if (thread < 0)
		return thread == -ESRCH ? 0 : thread;
	s->fd_dir = openat(thread, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = s->fd_dir < 0 ? -errno : scan_parts(s);
	if (s->fd_dir >= 0)
		(void)close(s->fd_dir); /* only read from */
	(void)close(thread);		/* O_PATH */
	return r;
}

/* The folder of descriptors that the job is about, or -errno. */
static int
open_links(const struct procscan *ps, const struct procscan_job *job)
{
	char path[48];
	int fd;

	if (job->thread == 0)
		(void)snprintf(path, sizeof(path), "%d/fd", (int)job->who.pid);
	else
		(void)snprintf(path, sizeof(path), "%d/task/%d/fd", /* fits */
		    (int)job->who.pid, (int)job->thread);
	fd = openat(
	    ps->holders.proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int
procscan_one(struct procscan *ps, const struct procscan_job *job)
{
	struct scan s = { .ps = ps,
		.job = job,
		.left = AFTER_HIT,
		.seen = { .at.thread = job->thread,
		    .now = job->now,
		    .born = job->born } };
	bool whole = job->thread == 0 && !goes_on(job);
	int r;

	s.fd_dir = open_links(ps, job);
	r = s.fd_dir < 0 ? s.fd_dir : 0;
	if (r == 0) {
		ps->scan++;
		r = scan_parts(&s);
		(void)close(s.fd_dir); /* only read from */
	}
	if (r == 0 && s.n == s.before && job->thread == 0)
		r = scan_headless(&s);
	if (r == -EINPROGRESS)
		return r;
	if (r == 0)
		note_scan(ps, job, whole);
	r = procscan_failure(r);
	if (r == 0 && job->part != NULL)
		job->part->going = false;
	return r;
}

int
procscan_init(struct procscan *ps, size_t open_max)
{
	int r;

	memset(ps, 0, sizeof(*ps));
	ps->loadavg_fd = -1;
	for (size_t i = 0; i < PROCSCAN_USERS; i++)
		ps->budgets[i] = (struct budget){ .share = PROCSCAN_SHARE,
			.most = PROCSCAN_MOST };
	r = holders_init(&ps->holders, open_max);
	if (r != 0)
		return r;
	ps->loadavg_fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	if (ps->loadavg_fd < 0) {
		r = -errno;
		procscan_done(ps);
	}
	return r;
}

/* Which users share one nobody can choose: the hash has a key of its own. */
struct budget *
procscan_budget(struct procscan *ps, uint32_t uid)
{
	uint64_t hash = map_hash(&ps->holders.by_pid, &uid, sizeof(uid));

	return &ps->budgets[hash % PROCSCAN_USERS];
}

void
procscan_done(struct procscan *ps)
{
	holders_done(&ps->holders);
	procscan_walk_end(ps);
	free(ps->news.v);
	ps->news.v = NULL;
	if (ps->loadavg_fd >= 0)
		(void)close(ps->loadavg_fd); /* only read from */
	ps->loadavg_fd = -1;
}
