#include "src/linux/procdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "src/core/procline.h"

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
	return 0;
}

int
procdir_open(struct procdir *ret, int proc_fd, pid_t pid, uint64_t start)
{
	struct procdir_stat st;
	char name[16];
	int fd, r;

	(void)snprintf(name, sizeof(name), "%d", (int)pid); /* fits */
	fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = procdir_status(fd, "stat", &st);
	if (r == 0 && st.start != start)
		r = -ESRCH; /* another process with its pid */
	if (r != 0) {
		(void)close(fd); /* O_PATH */
		return r;
	}
	*ret = (struct procdir){ fd, -1, -1, -1, -1, NULL, 0 };
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
	*dir = (struct procdir){ -1, -1, -1, -1, -1, NULL, 0 };
}
