#include "src/linux/procscan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

struct threads {
	struct procscan *ps;
	const struct procscan_job *job;
	struct procscan_threads *left;
};

#define MET 2 /* no failure */

/* False, too, where the kernel doesn't say: then they are read once more. */
static bool
is_shared(pid_t a, pid_t b)
{
	return syscall(SYS_kcmp, a, b, KCMP_FILES, 0, 0) == 0;
}

static int
scan_thread(struct threads *s)
{
	struct procscan_threads *left = s->left;
	struct procscan_job job = *s->job;
	int r;

	job.thread = left->thread;
	job.part = &left->part;
	r = procscan_one(s->ps, &job);
	if (r != 0)
		return r;
	left->last = left->thread;
	return procscan_has_met(s->ps, job.inode) ? MET : 0;
}

static int
thread_listed(void *arg, uint64_t number)
{
	struct threads *s = arg;
	struct procscan_threads *left = s->left;
	pid_t thread = (pid_t)number, first = s->job->who.pid;
	int r = 0;

	if (thread != first && !is_shared(thread, first) &&
	    (left->last == 0 || !is_shared(thread, left->last))) {
		left->thread = thread;
		r = scan_thread(s);
	}
	return r == 0 && procscan_is_late(s->job->end) ? -EINPROGRESS : r;
}

static int
list_threads(struct threads *s)
{
	int r = PROCSCAN_MORE, fd;
	char path[32];

	(void)snprintf(
	    path, sizeof(path), "%d/task", (int)s->job->who.pid); /* fits */
	fd = openat(
	    s->ps->holders.proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (r == PROCSCAN_MORE)
		r = procscan_list_some(fd, &s->left->list_at, thread_listed, s);
	(void)close(fd); /* only read from */
	return r;
}

int
procscan_threads(struct procscan *ps, const struct procscan_job *job,
    struct procscan_threads *left)
{
	struct threads s = { ps, job, left };
	int r = 0;

	if (!left->going)
		*left = (struct procscan_threads){ .going = true };
	if (left->part.going)
		r = scan_thread(&s);
	if (r == 0)
		r = list_threads(&s);
	if (r == -EINPROGRESS)
		return r;
	left->going = false;
	return r == MET ? 0 : procscan_failure(r);
}
