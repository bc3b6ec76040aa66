#include "tests/netns/attrtest.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/procfs.h"

/* Which process has a socket: made, inherited, passed on, closed; and how it is
 * found. */

struct procfs *
attr_procfs(void)
{
	struct procfs *procfs;

	if (procfs_open(&procfs, 64) != 0)
		die("procfs_open");
	return procfs;
}

/* 0 with a reference, or -errno. */
static int
find_owner(struct procfs *procfs, uint64_t inode, const struct process **ret)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < 1000; i++) {
		if (i > 0)
			(void)poll(NULL, 0, 10);
		procfs_round(procfs);
		r = procfs_owner(procfs, inode, 0, ret);
	}
	return r;
}

pid_t
attr_owner_pid(struct procfs *procfs, uint64_t inode)
{
	const struct process *proc;
	int r = find_owner(procfs, inode, &proc);
	pid_t pid;

	if (r != 0)
		return r;
	pid = proc->pid;
	process_unref(proc);
	return pid;
}

const struct process *
attr_owner(struct procfs *procfs, uint64_t inode)
{
	const struct process *proc;
	int r = find_owner(procfs, inode, &proc);

	errno = -r;
	if (r != 0)
		die("no owner");
	return proc;
}

static void
test_many(void)
{
	struct procfs *procfs = attr_procfs();
	int fds[64], fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool one = true, many = true;
	uint64_t walks;

	one &= attr_owner_pid(procfs, inode_of(fd)) == getpid();
	walks = procfs_walks(procfs);
	for (int i = 0; i < 200; i++) {
		(void)close(fd);
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		one &= attr_owner_pid(procfs, inode_of(fd)) == getpid();
	}
	check("one socket after the other", one);
	check("… without a walk", procfs_walks(procfs) == walks);
	for (int i = 0; i < 64; i++)
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
	for (int i = 63; i >= 0; i--)
		many &= attr_owner_pid(procfs, inode_of(fds[i])) == getpid();
	check("many sockets at once", many);
	check("… without a walk", procfs_walks(procfs) == walks);
	for (int i = 0; i < 64; i++)
		(void)close(fds[i]);
	(void)close(fd);
	procfs_close(procfs);
}

static void
test_fork(void)
{
	struct procfs *procfs = attr_procfs(), *late;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int fd2 = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t inode = inode_of(fd), inode2 = inode_of(fd2);
	struct kid kid, kid2;

	check("fork: before it, the parent",
	    attr_owner_pid(procfs, inode) == getpid());
	kid = kid_fork();
	check("fork: after it, the child that inherited",
	    attr_owner_pid(procfs, inode) == kid.pid);
	check("fork: a socket never asked about before, too",
	    attr_owner_pid(procfs, inode2) == kid.pid);
	kid2 = kid_fork();
	check("fork: of two, the one that started last",
	    attr_owner_pid(procfs, inode) == kid2.pid);
	late = attr_procfs();
	check("fork: found by a walk, the last one too",
	    attr_owner_pid(late, inode) == kid2.pid);
	procfs_close(late);
	kid_kill(&kid2);
	check("fork: that one gone, the one before",
	    attr_owner_pid(procfs, inode) == kid.pid);
	kid_kill(&kid);
	check("fork: the child gone, the parent",
	    attr_owner_pid(procfs, inode) == getpid());
	(void)close(fd);
	(void)close(fd2);
	procfs_close(procfs);
}

static void
test_own_socket_of_child(void)
{
	struct procfs *procfs = attr_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct kid kid;
	uint64_t inode;

	(void)attr_owner_pid(procfs, inode_of(fd));
	kid = kid_fork();
	(void)attr_owner_pid(procfs, inode_of(fd)); /* the child is known now */
	inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	check("a child's own socket", attr_owner_pid(procfs, inode) == kid.pid);
	(void)kid_tell(&kid, KID_MOVE, NULL, 0, -1);
	check("a socket under another number",
	    attr_owner_pid(procfs, inode) == kid.pid);
	(void)kid_tell(&kid, KID_CLOSE, NULL, 0, -1);
	check("a socket that was closed",
	    attr_owner_pid(procfs, inode) == -ENOENT);
	inode = (uint64_t)kid_tell(&kid, KID_THREAD, NULL, 0, -1);
	check("a socket made by a thread is its process's",
	    attr_owner_pid(procfs, inode) == kid.pid);
	kid_kill(&kid);
	check(
	    "a process that is gone", attr_owner_pid(procfs, inode) == -ENOENT);
	(void)close(fd);
	procfs_close(procfs);
}

static void
test_passed(void)
{
	struct procfs *procfs = attr_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t inode = inode_of(fd);
	struct kid first = kid_fork(), second = kid_fork();

	(void)attr_owner_pid(procfs, inode);
	(void)close(fd); /* the kids inherited that one */
	inode = (uint64_t)kid_tell(&second, KID_SOCKET, NULL, 0, -1);
	check("passed: before, the maker",
	    attr_owner_pid(procfs, inode) == second.pid);
	kid_kill(&second);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	inode = inode_of(fd);
	check("passed: ours", attr_owner_pid(procfs, inode) == getpid());
	(void)kid_tell(&first, KID_TAKE, NULL, 0, fd);
	(void)close(fd);
	check("passed and closed: the one that took it",
	    attr_owner_pid(procfs, inode) == first.pid);
	kid_kill(&first);
	check("passed, and the taker gone: nobody",
	    attr_owner_pid(procfs, inode) == -ENOENT);
	procfs_close(procfs);
}

/* A copy of the kid's socket. */
static int
take_from(const struct kid *kid, uint64_t inode)
{
	int pidfd = (int)syscall(SYS_pidfd_open, kid->pid, 0);
	int fd = -1;

	for (int i = 0; i < 64 && fd < 0; i++) {
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, i, 0);
		if (fd >= 0 && inode_of(fd) != inode) {
			(void)close(fd);
			fd = -1;
		}
	}
	if (fd < 0)
		die("pidfd_getfd");
	(void)close(pidfd);
	return fd;
}

static void
give(const struct kid *from, const struct kid *to, uint64_t inode)
{
	int fd = take_from(from, inode);

	(void)kid_tell(to, KID_TAKE, NULL, 0, fd);
	(void)close(fd);
}

static void
test_passed_on(void)
{
	struct procfs *procfs = attr_procfs();
	struct kid old = kid_fork(), young = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&young, KID_SOCKET, NULL, 0, -1);
	mono_t end;

	check(
	    "passed on: the maker", attr_owner_pid(procfs, inode) == young.pid);
	give(&young, &old, inode);
	check("passed on to an older one: the younger one",
	    attr_owner_pid(procfs, inode) == young.pid);
	kid_kill(&young);
	check("… and when that exits, the older one",
	    attr_owner_pid(procfs, inode) == old.pid);
	young = kid_fork();
	check("a younger one without it changes nothing",
	    attr_owner_pid(procfs, inode) == old.pid);
	give(&old, &young, inode);
	end = mono_add(mono_now(), 3 * MONO_S);
	while (attr_owner_pid(procfs, inode) != young.pid &&
	       mono_before(mono_now(), end))
		(void)poll(NULL, 0, 10);
	check("passed on to a younger one: seen within two seconds",
	    attr_owner_pid(procfs, inode) == young.pid);
	(void)kid_tell(&young, KID_CLOSE, NULL, 0, -1);
	check("… and closed there: the older one again",
	    attr_owner_pid(procfs, inode) == old.pid);
	kid_kill(&young);
	kid_kill(&old);
	procfs_close(procfs);
}

static void
test_nobody(void)
{
	const uint64_t inode = UINT64_MAX / 2; /* no inode is that large */
	struct procfs *procfs = attr_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t walks, more = 1;

	check("a socket that nobody holds",
	    attr_owner_pid(procfs, inode) == -ENOENT);
	/* it is after a while, which others that run here may take */
	for (int round = 0; more > 0 && round < 5; round++) {
		(void)attr_owner_pid(procfs, inode);
		walks = procfs_walks(procfs);
		for (int i = 0; i < 10; i++)
			(void)attr_owner_pid(procfs, inode);
		more = procfs_walks(procfs) - walks;
	}
	check("… is not looked for by a walk each time", more == 0);
	check("an orphan", attr_owner_pid(procfs, 0) == -ENOENT);
	check("… does not hide others",
	    attr_owner_pid(procfs, inode_of(fd)) == getpid());
	(void)close(fd);
	procfs_close(procfs);
}

/* So much work of this thread from now on. */
static void
allow(struct procfs *procfs, uint64_t ns)
{
	procfs_round(procfs);
	procfs_until(procfs, mono_add(mono_work(), ns));
}

/* A walk for a socket that nobody has, ended in the midst of it: 0, or
 * -ENOENT where each one comes to its end at once. */
static int
begin_walk(struct procfs *procfs)
{
	const struct process *proc;

	for (uint64_t i = 1; i < 1000; i++) {
		uint64_t walks = procfs_walks(procfs);

		allow(procfs, i * MONO_MS / 100);
		if (procfs_owner(procfs, UINT64_MAX / 2 + i, NOBODY, &proc) ==
			-EINPROGRESS &&
		    procfs_walks(procfs) > walks)
			return 0;
	}
	return -ENOENT;
}

/* The holder, with so much work at a time. */
static pid_t
look_in_pieces(struct procfs *procfs, uint64_t inode, uint64_t ns)
{
	const struct process *proc;
	int r = -EINPROGRESS;
	pid_t pid;

	for (int i = 0; i < 10000 && (r == -EINPROGRESS || r == -EAGAIN); i++) {
		if (r == -EAGAIN)
			(void)poll(NULL, 0, 1);
		allow(procfs, ns);
		r = procfs_owner(procfs, inode, 0, &proc);
	}
	if (r != 0)
		return r;
	pid = proc->pid;
	process_unref(proc);
	return pid;
}

/* Who asked for it has gone: others are not held up for that. */
static void
test_walk_left(void)
{
	struct procfs *procfs = attr_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	check("a walk is begun, and left", begin_walk(procfs) == 0);
	check("… another look-up brings it to its end, and is answered",
	    look_in_pieces(procfs, inode_of(fd), MONO_MS) == getpid());
	(void)close(fd);
	procfs_close(procfs);
}

/* Each of two threads has descriptors of its own, which are found in pieces,
 * too. */
static void
test_alone(void)
{
	struct procfs *procfs = attr_procfs();
	struct kid kid = kid_fork();
	uint64_t one = (uint64_t)kid_tell(&kid, KID_ALONE, NULL, 0, -1);
	uint64_t two = (uint64_t)kid_tell(&kid, KID_ALONE, NULL, 0, -1);
	uint64_t own = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	uint64_t walks;

	check("a thread's alone", attr_owner_pid(procfs, one) == kid.pid);
	check("another one's", attr_owner_pid(procfs, two) == kid.pid);
	check("… and the process's", attr_owner_pid(procfs, own) == kid.pid);
	walks = procfs_walks(procfs);
	check("… are known then", attr_owner_pid(procfs, one) == kid.pid &&
				      attr_owner_pid(procfs, two) == kid.pid &&
				      procfs_walks(procfs) == walks);
	procfs_close(procfs);
	procfs = attr_procfs();
	check("… in pieces",
	    look_in_pieces(procfs, two, MONO_MS / 20) == kid.pid);
	kid_kill(&kid);
	check("… and nobody's when it has ended",
	    look_in_pieces(procfs, two, MONO_MS) == -ENOENT);
	procfs_close(procfs);
}

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

static void
test_descriptors(void)
{
	int before = count_fds(), n = 0, fds[256];
	struct procfs *procfs = attr_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct kid kids[8];
	uint64_t inodes[8];
	struct rlimit old, low = { 128, 128 };
	bool ok = true;
	size_t opened;

	for (int i = 0; i < 8; i++) {
		kids[i] = kid_fork();
		inodes[i] =
		    (uint64_t)kid_tell(&kids[i], KID_SOCKET, NULL, 0, -1);
		ok &= attr_owner_pid(procfs, inodes[i]) == kids[i].pid;
	}
	/* and one for who was met with a socket that several have */
	opened = procfs_count(procfs);
	for (int i = 0; i < 8; i++)
		ok &= attr_owner_pid(procfs, inodes[i]) == kids[i].pid;
	check("one descriptor for each process",
	    ok && opened >= 8 && procfs_count(procfs) == opened);
	(void)getrlimit(RLIMIT_NOFILE, &old);
	low.rlim_max = old.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &low);
	while (n < 256 && (fds[n] = dup(fd)) >= 0)
		n++;
	for (int i = 0; i < 8; i++)
		ok &= attr_owner_pid(procfs, inodes[i]) == kids[i].pid;
	check("no descriptors left: those of the cache are given back", ok);
	while (n > 0)
		(void)close(fds[--n]);
	(void)setrlimit(RLIMIT_NOFILE, &old);
	for (int i = 0; i < 8; i++)
		kid_kill(&kids[i]);
	(void)close(fd);
	procfs_close(procfs);
	check("all descriptors are given back", count_fds() == before);
}

/* A cache of two for eight processes. */
static void
test_small_cache(void)
{
	struct procfs *procfs;
	struct kid kids[8];
	uint64_t inodes[8];
	bool ok = true;

	if (procfs_open(&procfs, 2) != 0)
		die("procfs_open");
	for (int i = 0; i < 8; i++) {
		kids[i] = kid_fork();
		inodes[i] =
		    (uint64_t)kid_tell(&kids[i], KID_SOCKET, NULL, 0, -1);
	}
	for (int i = 0; i < 24; i++)
		ok &= attr_owner_pid(procfs, inodes[i * 3 % 8]) ==
		      kids[i * 3 % 8].pid;
	check("more processes than the cache holds",
	    ok && procfs_count(procfs) == 2);
	for (int i = 0; i < 8; i++)
		kid_kill(&kids[i]);
	procfs_close(procfs);
}

void
attr_proc_tests(void)
{
	test_many();
	test_fork();
	test_own_socket_of_child();
	test_passed();
	test_passed_on();
	test_nobody();
	test_walk_left();
	test_alone();
	test_descriptors();
	test_small_cache();
}
