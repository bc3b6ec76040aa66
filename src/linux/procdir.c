#include "src/linux/procdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "src/core/procline.h"

/* So many threads are looked at for one that runs: all but the first go when
 * they end, unless they are kept by somebody who traces them. */
#define THREADS_MAX 1024

ssize_t
procdir_file(int dirfd, const char *name, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n, r = 0;
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (len < size) {
		n = read(fd, buf + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		if (n <= 0)
			break;
		len += (size_t)n;
		/* these files come whole or cut at what was asked for */
		if (len < size)
			break;
	}
	(void)close(fd); /* only read from */
	return r < 0 ? r : (ssize_t)len;
}

ssize_t
procdir_kept(int *fd, int dirfd, const char *name, char *buf, size_t size)
{
	ssize_t n;

	if (*fd < 0)
		*fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	do
		n = pread(*fd, buf, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int
procdir_status(int dirfd, const char *name, struct procdir_stat *ret)
{
	char buf[1024];
	struct procline_stat st;
	ssize_t n = procdir_file(dirfd, name, buf, sizeof(buf));

	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	if (procline_stat(&st, buf, (size_t)n) != 0)
		return -EBADMSG;
	ret->ppid = st.ppid;
	ret->start = st.start;
	ret->state = st.state;
	ret->kthread = st.kthread;
	ret->zombie = st.state == 'Z' || st.state == 'X';
	ret->headless = ret->zombie && st.threads > 1;
	ret->zombie &= !ret->headless;
	return 0;
}

static bool
runs(int dirfd)
{
	struct procdir_stat st;

	return procdir_status(dirfd, "stat", &st) == 0 && st.state != 'Z' &&
	       st.state != 'X';
}

/* A thread that runs, of a process that is headless. */
static int
open_thread(int dirfd)
{
	int tasks = openat(dirfd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = tasks >= 0 ? fdopendir(tasks) : NULL;
	int fd = -ESRCH, left = THREADS_MAX;
	struct dirent *e;

	if (dir == NULL) {
		int r = errno == ENOENT ? -ESRCH : -errno;

		if (tasks >= 0)
			(void)close(tasks); /* only read from */
		return r;
	}
	while (fd < 0 && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (left-- == 0)
			break;
		fd = openat(tasks, e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && !runs(fd)) {
			(void)close(fd); /* O_PATH */
			fd = -ESRCH;
		} else if (fd < 0) {
			fd = errno == ENOENT ? -ESRCH : -errno;
		}
	}
	(void)closedir(dir); /* only read from */
	return fd;
}

int
procdir_base(int dirfd, const char *name, struct procdir_stat *ret)
{
	int dir = openat(dirfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	int r = dir < 0 ? -errno : procdir_status(dir, "stat", ret);

	if (dir < 0)
		return r == -ENOENT ? -ESRCH : r;
	if (r == 0 && !ret->headless)
		return dir;
	fd = r != 0 ? r : open_thread(dir);
	(void)close(dir); /* O_PATH */
	return fd;
}

int
procdir_open(struct procdir *ret, int proc_fd, pid_t pid, uint64_t start)
{
	struct procdir_stat st;
	char name[16];
	int fd, r;

	(void)snprintf(name, sizeof(name), "%d", (int)pid); /* fits */
	fd = procdir_base(proc_fd, name, &st);
	if (fd < 0)
		return fd;
	if (st.start != start) { /* another process with its pid */
		(void)close(fd); /* O_PATH */
		return -ESRCH;
	}
	*ret = (struct procdir){ fd, -1, -1, -1, -1, NULL, 0, NULL, start };
	ret->links = openat(fd, "fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->links >= 0)
		return 0;
	r = errno == ENOENT ? -ESRCH : -errno;
	procdir_close(ret);
	return r;
}

void
procdir_close(struct procdir *dir)
{
	const int fds[] = { dir->fd, dir->links, dir->comm, dir->cmdline,
		dir->cgroup };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]); /* only read from */
	*dir = (struct procdir){ -1, -1, -1, -1, -1, NULL, 0, NULL, 0 };
}
