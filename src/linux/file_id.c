#include "src/linux/file_id.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Of headers that are older than the kernel (5.12). */
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

/* Where anything is mounted meanwhile the kernel gives up, and would go on by
 * asking: so often it is asked again, which takes a microsecond each. */
#define TRIES 8

/* Of a file that is read whole. */
#define READ_SIZE 16384
#define TEXT_MAX (16 << 20)

/* Nothing is wanted but what is always there: NFS, FUSE and their like answer
 * that out of memory. */
static int
read_id(struct file_id *ret, int dir, const char *name, int flags)
{
	struct statx st;

	if (statx(dir, name, flags | AT_STATX_DONT_SYNC, 0, &st) < 0)
		return -errno;
	/* a FUSE of another user says no more than its device */
	if (st.stx_ino == 0)
		return -EACCES;
	ret->dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	ret->ino = st.stx_ino;
	return 0;
}

int
file_id_of_exe(struct file_id *ret, int proc_dir)
{
	return read_id(ret, proc_dir, "exe", 0);
}

/* A descriptor, -EAGAIN or -errno. */
static int
open_known(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_CACHED };
	int fd = -1;

	for (int i = 0; i < TRIES; i++) {
		fd = (int)syscall(
		    SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	if (fd >= 0)
		return fd;
	/* with no descriptor left a thread can tell, that needs none */
	return errno == ENOSYS || errno == EINVAL || errno == EPERM ||
		       errno == EMFILE || errno == ENFILE
		   ? -EAGAIN
		   : -errno;
}

int
file_id_known(struct file_id *ret, const char *path)
{
	int fd = open_known(path), r;

	if (fd < 0)
		return fd;
	r = read_id(ret, fd, "", AT_EMPTY_PATH);
	(void)close(fd); /* O_PATH */
	return r;
}

int
file_state_known(struct file_state *ret, const char *path)
{
	int fd = open_known(path), r = 0;
	struct statx st;

	if (fd < 0)
		return fd;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MTIME,
		&st) < 0)
		r = -errno;
	else if ((st.stx_mask & STATX_MTIME) == 0 || st.stx_ino == 0)
		r = -EAGAIN;
	(void)close(fd); /* O_PATH */
	if (r < 0)
		return r;
	ret->id = (struct file_id){ makedev(st.stx_dev_major, st.stx_dev_minor),
		st.stx_ino };
	ret->mtime =
	    st.stx_mtime.tv_sec * INT64_C(1000000000) + st.stx_mtime.tv_nsec;
	return 0;
}

int
file_id_find(struct file_id *ret, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	return 0;
}

static ssize_t
read_whole(int fd, char **ret)
{
	char *text = NULL;
	size_t len = 0, size = 0;
	ssize_t n;

	for (;;) {
		if (len == size) {
			char *grown = realloc(text, size + READ_SIZE);

			if (grown == NULL || len > TEXT_MAX) {
				n = grown == NULL ? -ENOMEM : -EFBIG;
				free(grown != NULL ? grown : text);
				return n;
			}
			text = grown;
			size += READ_SIZE;
		}
		n = read(fd, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (n < 0) {
		n = -errno;
		free(text);
		return n;
	}
	*ret = text;
	return (ssize_t)len;
}

ssize_t
file_read_changed(const char *path, struct file_state *state, char **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct file_state now;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = fstat(fd, &st) < 0 ? -errno : 0;
	now = (struct file_state){ { st.st_dev, st.st_ino },
		st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec };
	*ret = NULL;
	if (n == 0 && !file_state_equal(&now, state))
		n = read_whole(fd, ret);
	(void)close(fd); /* it was only read */
	if (n >= 0)
		*state = now;
	return n;
}
