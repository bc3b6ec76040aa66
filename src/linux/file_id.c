#include "src/linux/file_id.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
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

int
file_id_known(struct file_id *ret, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_CACHED };
	int fd = -1, r;

	for (int i = 0; i < TRIES; i++) {
		fd = (int)syscall(
		    SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	if (fd < 0)
		/* with no descriptor left a thread can tell, that needs none */
		return errno == ENOSYS || errno == EINVAL || errno == EPERM ||
			       errno == EMFILE || errno == ENFILE
			   ? -EAGAIN
			   : -errno;
	r = read_id(ret, fd, "", AT_EMPTY_PATH);
	(void)close(fd); /* O_PATH */
	return r;
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
