#include "src/ctl_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "src/core/schema.h"

/* Somebody is in at most 65536 groups (NGROUPS_MAX); who is in more than this
 * is looked at only for the first ones, and refused. */
#define GROUPS_MAX 1024

/* Returns 1, 0, or a negative errno where that can't be known. */
static int
somebody_answers(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes;

	if (fd < 0)
		return -errno;
	/* EAGAIN: it listens, and is too busy to accept anybody */
	yes = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
	      errno == EAGAIN;
	close(fd);
	return yes;
}

static int
make_folder(const char *path)
{
	char copy[PATH_MAX];

	if (strlen(path) >= sizeof(copy))
		return -ENAMETOOLONG;
	strcpy(copy, path); /* length checked */
	if (mkdir(dirname(copy), 0755) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* The folder may be somebody else's, who puts another file there in between, or
 * a link to one: what is given away is looked at first, and held. */
static int
give_to_group(const char *path, gid_t group)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() ||
		 st.st_nlink != 1)
		r = -EPERM;
	else if (fchownat(fd, "", (uid_t)-1, group, AT_EMPTY_PATH) < 0)
		r = -errno;
	(void)close(fd); /* it was only held */
	return r;
}

static int
bind_and_listen(int fd, const struct sockaddr_un *sun, gid_t group)
{
	mode_t old = umask(0117); /* 0660 from birth */
	int r = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));

	r = r < 0 ? -errno : 0;
	umask(old);
	if (r == 0 && group != CTL_SOCK_NO_GROUP)
		r = give_to_group(sun->sun_path, group);
	if (r < 0)
		return r;
	return listen(fd, 64) < 0 ? -errno : 0;
}

gid_t
ctl_sock_group(const char *name)
{
	const struct group *gr = getgrnam(name);

	return gr != NULL ? gr->gr_gid : CTL_SOCK_NO_GROUP;
}

const char *
ctl_sock_group_missing(const char *name)
{
	const struct conf_row *row =
	    conf_row_find("rerouted", "control-group", 13);

	/* who has not named it does not miss it */
	if (strcmp(name, row->dflt) == 0 ||
	    ctl_sock_group(name) != CTL_SOCK_NO_GROUP)
		return NULL;
	return "there is no such group: root alone may use the control socket";
}

int
ctl_sock_listen(const char *path, gid_t group)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, r;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path); /* length checked */
	r = make_folder(path);
	if (r < 0)
		return r;
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return -EEXIST; /* somebody's file: not ours to remove
					 */
		r = somebody_answers(&sun);
		if (r != 0)
			return r < 0 ? r : -EADDRINUSE;
		if (unlink(path) < 0)
			return -errno;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = bind_and_listen(fd, &sun, group);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

void
ctl_sock_peer(struct ctl_peer *ret, int fd)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec boot = { 0 };
	struct ucred cred;
	socklen_t len = sizeof(cred);

	*ret = (struct ctl_peer){ 0 };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return;
	ret->pid = cred.pid;
	ret->since = (uint64_t)boot.tv_sec * hz +
		     (uint64_t)boot.tv_nsec / (1000000000 / hz);
}

bool
ctl_sock_is_gone(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
}

bool
ctl_sock_is_trusted(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	if (cred.uid == 0)
		return true;
	if (group == CTL_SOCK_NO_GROUP)
		return false;
	if (cred.gid == group)
		return true;
	len = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}
