#include "src/linux/xtlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "src/base/mono.h"

#define WAIT_STEP_NS 10000000L

const char *
xtlock_path(void)
{
	const char *path = getenv("XTABLES_LOCKFILE");

	return path != NULL && *path != '\0' ? path : "/run/xtables.lock";
}

/* /proc/locks names device and inode: "1: FLOCK  ADVISORY  WRITE 4711
 * 00:18:905 0 EOF". A holder in another pid namespace has pid 0 or less. */
static pid_t
find_holder(int fd)
{
	unsigned int major_nr, minor_nr;
	unsigned long long ino;
	char line[256];
	struct stat st;
	pid_t holder = 0;
	FILE *f;
	int pid;

	if (fstat(fd, &st) < 0)
		return 0;
	f = fopen("/proc/locks", "re");
	if (f == NULL)
		return 0;
	while (holder == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*u: FLOCK %*s %*s %d %x:%x:%llu", &pid,
			&major_nr, &minor_nr, &ino) == 4 &&
		    ino == st.st_ino && major_nr == major(st.st_dev) &&
		    minor_nr == minor(st.st_dev) && pid > 0)
			holder = pid;
	(void)fclose(f); /* it was only read */
	return holder;
}

int
xtlock_take(mono_t end, int *ret_fd, pid_t *ret_holder)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_NS };
	/* so many are made, in a machine that stands still meanwhile, too */
	uint64_t steps = mono_since(end, mono_now()) / (2 * WAIT_STEP_NS);
	/* read-only as iptables does: so it works without the right to write */
	int fd = open(xtlock_path(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	int r;

	if (fd < 0 && errno == EACCES && access(xtlock_path(), F_OK) < 0 &&
	    errno == ENOENT) {
		*ret_fd = -1; /* nobody holds what is not there */
		return 0;
	}
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		if (r == -EINTR)
			continue;
		if (r == -EWOULDBLOCK &&
		    (steps > 0 || mono_before(mono_now(), end))) {
			steps -= steps > 0;
			/* cut short by a signal is as good */
			(void)nanosleep(&step, NULL);
			continue;
		}
		if (r == -EWOULDBLOCK) {
			*ret_holder = find_holder(fd);
			r = -EBUSY;
		}
		(void)close(fd); /* nothing was written */
		return r;
	}
	*ret_fd = fd;
	return 0;
}

void
xtlock_make(void)
{
	int fd = open(xtlock_path(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd); /* nothing was written */
}

void
xtlock_release(int fd)
{
	(void)close(fd); /* gives the lock back; nothing was written */
}
