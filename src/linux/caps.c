#include "src/linux/caps.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>

/* design.md section 10 */
static const unsigned int kept[] = {
	CAP_NET_ADMIN,
	CAP_NET_RAW,
	CAP_NET_BIND_SERVICE,
	CAP_SYS_PTRACE,
	CAP_DAC_READ_SEARCH,
};

/* Of who makes sockets in other network namespaces (netns.h): to enter one,
 * and to see where it lies. */
static const unsigned int kept_by_maker[] = {
	CAP_SYS_ADMIN,
	CAP_SYS_PTRACE,
	CAP_DAC_READ_SEARCH,
};

/* What iptables-restore and its like need. */
static const unsigned int lent[] = { CAP_NET_ADMIN, CAP_NET_RAW };

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Folders of state lie no deeper. */
#define FOLDERS_DEPTH 3

/* An entry may be long; past this it is no entry of ours. */
#define ENTRY_SIZE 16384

int
caps_user_find(const char *name, struct caps_user *ret)
{
	struct passwd entry, *found = NULL;
	char *buf = malloc(ENTRY_SIZE);
	int r;

	if (buf == NULL)
		return -ENOMEM;
	r = getpwnam_r(name, &entry, buf, ENTRY_SIZE, &found);
	if (found != NULL)
		*ret = (struct caps_user){ found->pw_uid, found->pw_gid };
	free(buf);
	return found != NULL ? 0 : r != 0 ? -r : -ENOENT;
}

static int give_folder(int fd, const struct caps_user *user, int depth);

/* What can't be given can't be written: that is said when it is tried. */
static void
give_entry(int dir, const char *name, const struct caps_user *user, int depth)
{
	struct stat st;
	int fd;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode) && depth > 0) {
		fd = openat(
		    dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			(void)give_folder(fd, user, depth - 1);
	} else if (S_ISREG(st.st_mode) && st.st_nlink == 1) {
		(void)!fchownat(
		    dir, name, user->uid, user->gid, AT_SYMLINK_NOFOLLOW);
	}
}

/* Takes the descriptor. A folder of the user's own could hold a link to
 * anything; this one is root's, and files with several names are left alone. */
static int
give_folder(int fd, const struct caps_user *user, int depth)
{
	struct dirent *e;
	struct stat st;
	DIR *d;
	int r = 0;

	d = fdopendir(fd);
	if (d == NULL) {
		r = -errno;
		(void)close(fd); /* it was only read */
		return r;
	}
	if (fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0 && st.st_uid == 0) {
		while ((e = readdir(d)) != NULL)
			give_entry(fd, e->d_name, user, depth);
		if (fchown(fd, user->uid, user->gid) < 0)
			r = -errno;
	}
	(void)closedir(d); /* it was only read */
	return r;
}

int
caps_give_folder(const char *path, mode_t mode, const struct caps_user *user)
{
	int fd;

	if (mode != 0 && mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : give_folder(fd, user, FOLDERS_DEPTH);
}

int
caps_give_below(
    const char *path, const char *name, const struct caps_user *user)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = -1, r = 0;

	if (dir >= 0)
		fd = openat(
		    dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		r = give_folder(fd, user, FOLDERS_DEPTH);
	else if (errno != ENOENT)
		r = -errno;
	if (dir >= 0)
		(void)close(dir); /* it was only read */
	return r;
}

bool
caps_may_write(const char *path, const struct caps_user *user)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	if (st.st_uid == user->uid)
		return (st.st_mode & (S_IWUSR | S_IXUSR)) ==
		       (S_IWUSR | S_IXUSR);
	/* in a folder like /tmp only its own files: the socket is root's */
	if ((st.st_mode & S_ISVTX) != 0)
		return false;
	if (st.st_gid == user->gid)
		return (st.st_mode & S_IWGRP) != 0;
	return (st.st_mode & S_IWOTH) != 0;
}

/* The calling thread's, as the kernel has them. */
static void
set_kept(const unsigned int *keep, size_t n)
{
	bool have[CAP_LAST_CAP + 1] = { false };

	for (size_t i = 0; i < n; i++)
		have[keep[i]] =
		    capng_have_capability(CAPNG_PERMITTED, keep[i]) != 0;
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < n; i++) {
		capng_update(CAPNG_ADD, CAPNG_BOUNDING_SET, keep[i]);
		if (have[keep[i]])
			capng_update(CAPNG_ADD,
			    CAPNG_EFFECTIVE | CAPNG_PERMITTED, keep[i]);
	}
}

static int
become(const struct caps_user *user)
{
	if (prctl(PR_SET_KEEPCAPS, 1L) < 0 || setgroups(1, &user->gid) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return 0;
}

/* Fails without CAP_SETPCAP: then the bound is as somebody else has set it. */
static bool
apply_bound(void)
{
	return capng_apply(CAPNG_SELECT_BOUNDS) == 0;
}

static int
drop(const unsigned int *keep, size_t n, const struct caps_user *user)
{
	int r = 0;

	if (capng_get_caps_process() < 0)
		return -errno;
	set_kept(keep, n);
	if (prctl(PR_CAPBSET_READ, (long)CAP_SETPCAP) == 1)
		(void)apply_bound();
	if (user != NULL && geteuid() == 0)
		r = become(user);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
		r = -errno;
	if (capng_apply(CAPNG_SELECT_CAPS) < 0 && r == 0)
		r = -EPERM;
	(void)prctl(PR_CAP_AMBIENT, (long)PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
	return r;
}

int
caps_drop(const struct caps_user *user)
{
	return drop(kept, N(kept), user);
}

void
caps_lacking(char buf[CAPS_TEXT_SIZE])
{
	static const char *const names[N(kept)] = { "CAP_NET_ADMIN",
		"CAP_NET_RAW", "CAP_NET_BIND_SERVICE", "CAP_SYS_PTRACE",
		"CAP_DAC_READ_SEARCH" };
	char *p = buf;

	*p = '\0';
	if (capng_get_caps_process() < 0)
		return;
	for (size_t i = 0; i < N(kept); i++) /* all of them fit */
		if (capng_have_capability(CAPNG_EFFECTIVE, kept[i]) == 0)
			p += sprintf(p, "%s%s", p > buf ? " " : "", names[i]);
}

int
caps_drop_to_netns(void)
{
	return drop(kept_by_maker, N(kept_by_maker), NULL);
}

int
caps_drop_all(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	(void)apply_bound();
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 ? -errno : 0;
}

/* The thread's own, by the system call: libcap-ng keeps one state for all. */
static int
set_inheritable(bool on)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	for (size_t i = 0; i < N(data); i++)
		data[i].inheritable = 0;
	for (size_t i = 0; on && i < N(lent); i++)
		data[CAP_TO_INDEX(lent[i])].inheritable |=
		    data[CAP_TO_INDEX(lent[i])].permitted &
		    CAP_TO_MASK(lent[i]);
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

int
caps_lend(void)
{
	int r = set_inheritable(true);

	for (size_t i = 0; r == 0 && i < N(lent); i++)
		if (prctl(PR_CAP_AMBIENT, (long)PR_CAP_AMBIENT_RAISE,
			(long)lent[i], 0L, 0L) < 0)
			r = -errno;
	return r;
}

void
caps_take_back(void)
{
	(void)prctl(PR_CAP_AMBIENT, (long)PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
	(void)set_inheritable(false); /* less than it has is always granted */
}
