#include "tests/netns/attrtest.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/procfs.h"

/* A uid and a name that every system has. */
#define NOBODY 65534

static struct procfs *
open_procfs(void)
{
	struct procfs *procfs;

	if (procfs_open(&procfs, 64) != 0)
		die("procfs_open");
	return procfs;
}

/* Where looking took long, on a busy machine, there is time for it again only
 * after a while (-EAGAIN). */
static pid_t
owner_pid(struct procfs *procfs, uint64_t inode)
{
	const struct process *proc;
	pid_t pid;
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < 1000; i++) {
		if (i > 0)
			(void)poll(NULL, 0, 10);
		procfs_round(procfs);
		r = procfs_owner(procfs, inode, 0, &proc);
	}
	if (r != 0)
		return r;
	pid = proc->pid;
	process_unref(proc);
	return pid;
}

static const struct process *
owner(struct procfs *procfs, uint64_t inode)
{
	const struct process *proc;

	procfs_round(procfs);
	if (procfs_owner(procfs, inode, 0, &proc) != 0)
		die("no owner");
	return proc;
}

static void
test_self(void)
{
	struct procfs *procfs = open_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const struct process *proc = owner(procfs, inode_of(fd)), *again;
	char exe[PATH_MAX] = "", cgroup[PATH_MAX] = "";
	struct stat st;
	uint64_t inode;
	FILE *f = fopen("/proc/self/cgroup", "re");

	(void)readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	(void)stat(exe, &st);
	check("self: pid, and that it is us",
	    proc->pid == getpid() && proc->self &&
		proc->kind == PROCESS_PROGRAM && proc->start > 0);
	check("self: exe as a path and as a file",
	    strcmp(proc->exe, exe) == 0 && proc->exe_dev == st.st_dev &&
		proc->exe_ino == st.st_ino && proc->exe_here);
	check("self: command line and name",
	    strstr(proc->cmd, "attrtest") != NULL &&
		strcmp(proc->comm, "attrtest") == 0);
	check("self: user", proc->uid == 0 && proc->gid == 0 &&
				strcmp(proc->user, "root") == 0);
	check("self: parents up to pid 1",
	    proc->n_parents > 0 && proc->parents[0].pid == getppid() &&
		(proc->parents[proc->n_parents - 1].pid == 1 ||
		    proc->n_parents == PROCESS_PARENTS_MAX));
	while (f != NULL && fgets(cgroup, sizeof(cgroup), f) != NULL)
		if (strstr(cgroup, proc->cgroup) != NULL)
			break;
	check("self: cgroup",
	    proc->cgroup[0] == '/' && strstr(cgroup, proc->cgroup) != NULL);
	again = owner(procfs, inode_of(fd));
	check("the same process is the same object", again == proc);
	check("that takes no second walk", procfs_walks(procfs) == 1);
	process_unref(again);
	if (f != NULL)
		(void)fclose(f);
	inode = inode_of(fd);
	(void)close(fd);
	check("closed: nobody holds it", owner_pid(procfs, inode) == -ENOENT);
	procfs_close(procfs);
	check("a process outlives the cache", strcmp(proc->exe, exe) == 0);
	process_unref(proc);
}

static void
test_many(void)
{
	struct procfs *procfs = open_procfs();
	int fds[64], fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool one = true, many = true;
	uint64_t walks;

	one &= owner_pid(procfs, inode_of(fd)) == getpid();
	walks = procfs_walks(procfs);
	for (int i = 0; i < 200; i++) {
		(void)close(fd);
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		one &= owner_pid(procfs, inode_of(fd)) == getpid();
	}
	check("one socket after the other", one);
	check("… without a walk", procfs_walks(procfs) == walks);
	for (int i = 0; i < 64; i++)
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
	for (int i = 63; i >= 0; i--)
		many &= owner_pid(procfs, inode_of(fds[i])) == getpid();
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
	struct procfs *procfs = open_procfs(), *late;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int fd2 = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t inode = inode_of(fd), inode2 = inode_of(fd2);
	struct kid kid, kid2;

	check("fork: before it, the parent",
	    owner_pid(procfs, inode) == getpid());
	kid = kid_fork();
	check("fork: after it, the child that inherited",
	    owner_pid(procfs, inode) == kid.pid);
	check("fork: a socket never asked about before, too",
	    owner_pid(procfs, inode2) == kid.pid);
	kid2 = kid_fork();
	check("fork: of two, the one that started last",
	    owner_pid(procfs, inode) == kid2.pid);
	late = open_procfs();
	check("fork: found by a walk, the last one too",
	    owner_pid(late, inode) == kid2.pid);
	procfs_close(late);
	kid_kill(&kid2);
	check("fork: that one gone, the one before",
	    owner_pid(procfs, inode) == kid.pid);
	kid_kill(&kid);
	check("fork: the child gone, the parent",
	    owner_pid(procfs, inode) == getpid());
	(void)close(fd);
	(void)close(fd2);
	procfs_close(procfs);
}

static void
test_own_socket_of_child(void)
{
	struct procfs *procfs = open_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct kid kid;
	uint64_t inode;

	(void)owner_pid(procfs, inode_of(fd));
	kid = kid_fork();
	(void)owner_pid(procfs, inode_of(fd)); /* the child is known now */
	inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	check("a child's own socket", owner_pid(procfs, inode) == kid.pid);
	(void)kid_tell(&kid, KID_MOVE, NULL, 0, -1);
	check("a socket under another number",
	    owner_pid(procfs, inode) == kid.pid);
	(void)kid_tell(&kid, KID_CLOSE, NULL, 0, -1);
	check("a socket that was closed", owner_pid(procfs, inode) == -ENOENT);
	inode = (uint64_t)kid_tell(&kid, KID_THREAD, NULL, 0, -1);
	check("a socket made by a thread is its process's",
	    owner_pid(procfs, inode) == kid.pid);
	kid_kill(&kid);
	check("a process that is gone", owner_pid(procfs, inode) == -ENOENT);
	(void)close(fd);
	procfs_close(procfs);
}

static void
test_exec(void)
{
	struct procfs *procfs = open_procfs();
	struct kid kid = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	const struct process *before = owner(procfs, inode), *after, *last;

	(void)kid_tell(&kid, KID_EXEC, before->exe, 1, -1);
	after = owner(procfs, inode);
	check("exec: same file, other arguments: another process",
	    after != before && after->pid == before->pid &&
		after->start == before->start &&
		strstr(after->cmd, "attrkid kid ") == after->cmd &&
		after->cmd[strlen(after->cmd) - 1] == '1');
	check("exec: what was true is kept",
	    strstr(before->cmd, "attrkid kid ") == NULL);
	(void)kid_tell(&kid, KID_EXEC, before->exe, 2, -1);
	last = owner(procfs, inode);
	check("exec: same interpreter, other script",
	    last != after && last->cmd[strlen(last->cmd) - 1] == '2');
	process_unref(before);
	process_unref(after);
	process_unref(last);
	kid_kill(&kid);
	procfs_close(procfs);
}

static void
copy_file(const char *from, const char *to)
{
	char buf[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ssize_t n;

	if (in < 0 || out < 0)
		die(to);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			die("write");
	(void)close(in);
	(void)close(out);
}

static void
test_other_exe(void)
{
	struct procfs *procfs = open_procfs();
	struct kid kid = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	const struct process *before = owner(procfs, inode), *after;
	char copy[64], gone[80];

	(void)snprintf(copy, sizeof(copy), "/tmp/attr_copy.%d", getpid());
	(void)snprintf(gone, sizeof(gone), "%s (deleted)", copy);
	copy_file("/proc/self/exe", copy);
	(void)kid_tell(&kid, KID_EXEC, copy, 0, -1);
	after = owner(procfs, inode);
	check("exec: another file is another process",
	    strcmp(after->exe, copy) == 0 && after->exe_here &&
		after->pid == before->pid && after->exe_ino != before->exe_ino);
	process_unref(after);
	(void)unlink(copy);
	after = owner(procfs, inode);
	check("a file that was deleted is not here",
	    strcmp(after->exe, gone) == 0 && !after->exe_here);
	process_unref(after);
	copy_file("/proc/self/exe", gone);
	after = owner(procfs, inode);
	check("… nor is another one that took its name", !after->exe_here);
	(void)unlink(gone);
	process_unref(after);
	process_unref(before);
	kid_kill(&kid);
	procfs_close(procfs);
}

static void
test_mount_namespace(void)
{
	static const char path[] = "/usr/bin/sleep";
	struct procfs *procfs = open_procfs();
	struct kid kid = kid_fork();
	const struct process *proc;
	uint64_t inode;

	(void)kid_tell(&kid, KID_MOUNT, path, 0, -1);
	(void)kid_tell(&kid, KID_EXEC, path, 0, -1);
	inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	proc = owner(procfs, inode);
	check("a program laid over another path does not pass for it",
	    strcmp(proc->exe, path) == 0 && !proc->exe_here);
	process_unref(proc);
	kid_kill(&kid);
	procfs_close(procfs);
}

static void
test_passed(void)
{
	struct procfs *procfs = open_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t inode = inode_of(fd);
	struct kid first = kid_fork(), second = kid_fork();

	(void)owner_pid(procfs, inode);
	(void)close(fd); /* the kids inherited that one */
	inode = (uint64_t)kid_tell(&second, KID_SOCKET, NULL, 0, -1);
	check("passed: before, the maker",
	    owner_pid(procfs, inode) == second.pid);
	kid_kill(&second);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	inode = inode_of(fd);
	check("passed: ours", owner_pid(procfs, inode) == getpid());
	(void)kid_tell(&first, KID_TAKE, NULL, 0, fd);
	(void)close(fd);
	check("passed and closed: the one that took it",
	    owner_pid(procfs, inode) == first.pid);
	kid_kill(&first);
	check("passed, and the taker gone: nobody",
	    owner_pid(procfs, inode) == -ENOENT);
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
	struct procfs *procfs = open_procfs();
	struct kid old = kid_fork(), young = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&young, KID_SOCKET, NULL, 0, -1);
	mono_t end;

	check("passed on: the maker", owner_pid(procfs, inode) == young.pid);
	give(&young, &old, inode);
	check("passed on to an older one: the younger one",
	    owner_pid(procfs, inode) == young.pid);
	kid_kill(&young);
	check("… and when that exits, the older one",
	    owner_pid(procfs, inode) == old.pid);
	young = kid_fork();
	check("a younger one without it changes nothing",
	    owner_pid(procfs, inode) == old.pid);
	give(&old, &young, inode);
	end = mono_add(mono_now(), 3 * MONO_S);
	while (owner_pid(procfs, inode) != young.pid &&
	       mono_before(mono_now(), end))
		(void)poll(NULL, 0, 10);
	check("passed on to a younger one: seen within two seconds",
	    owner_pid(procfs, inode) == young.pid);
	(void)kid_tell(&young, KID_CLOSE, NULL, 0, -1);
	check("… and closed there: the older one again",
	    owner_pid(procfs, inode) == old.pid);
	kid_kill(&young);
	kid_kill(&old);
	procfs_close(procfs);
}

static void
test_changes(void)
{
	struct procfs *procfs = open_procfs();
	struct kid kid = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	const struct process *a = owner(procfs, inode), *b, *c;

	(void)kid_tell(&kid, KID_NAME, "a) R 1 (b", 0, -1);
	b = owner(procfs, inode);
	check("a new name, brackets and all",
	    strcmp(b->comm, "a) R 1 (b") == 0 && b->start == a->start &&
		b->n_parents == a->n_parents);
	(void)kid_tell(&kid, KID_SETUID, NULL, NOBODY, -1);
	c = owner(procfs, inode);
	check("a new user",
	    a->uid == 0 && c->uid == NOBODY && strcmp(c->user, "nobody") == 0);
	process_unref(a);
	process_unref(b);
	process_unref(c);
	kid_kill(&kid);
	kid = kid_fork();
	inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	(void)kid_tell(&kid, KID_SETUID, NULL, 4234567, -1);
	a = owner(procfs, inode);
	check("a user without a name is a number",
	    strcmp(a->user, "4234567") == 0);
	process_unref(a);
	kid_kill(&kid);
	procfs_close(procfs);
}

/* The hierarchy that systemd uses, or would. */
static const char *
cgroup_root(void)
{
	static const char *const roots[] = { "/sys/fs/cgroup/unified",
		"/sys/fs/cgroup/systemd", "/sys/fs/cgroup" };
	char path[128];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/cgroup.procs", roots[i]);
		if (access(path, W_OK) == 0)
			return roots[i];
	}
	return NULL;
}

static void
join_cgroup(const char *group, pid_t pid)
{
	char path[160];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	f = fopen(path, "we");
	if (f == NULL || fprintf(f, "%d", (int)pid) < 0 || fclose(f) != 0)
		die(path);
}

static void
test_cgroup(void)
{
	struct procfs *procfs = open_procfs();
	struct kid kid = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	const struct process *a = owner(procfs, inode), *b;
	char slice[96], scope[128];

	if (cgroup_root() == NULL) {
		(void)printf("skip moved to another cgroup: none here\n");
	} else {
		(void)snprintf(
		    slice, sizeof(slice), "%s/attr.slice", cgroup_root());
		(void)snprintf(scope, sizeof(scope), "%s/attr-\\x2d%d.scope",
		    slice, (int)getpid());
		if (mkdir(slice, 0755) != 0 || mkdir(scope, 0755) != 0)
			die(scope);
		join_cgroup(scope, kid.pid);
		b = owner(procfs, inode);
		check("moved to another cgroup",
		    strcmp(b->unit, strrchr(scope, '/') + 1) == 0 &&
			strstr(b->cgroup, "/attr.slice/attr-") != NULL &&
			a->unit[0] == '\0');
		process_unref(b);
	}
	process_unref(a);
	kid_kill(&kid);
	if (cgroup_root() != NULL && (rmdir(scope) != 0 || rmdir(slice) != 0))
		die("rmdir");
	procfs_close(procfs);
}

/* The pid of a process that is gone is given out again. */
static void
test_pid_reuse(void)
{
	struct procfs *procfs = open_procfs();
	struct kid first = kid_fork(), second;
	uint64_t one = (uint64_t)kid_tell(&first, KID_SOCKET, NULL, 0, -1);
	uint64_t two;
	const struct process *a, *b = NULL;
	mono_t tick = mono_add(mono_now(), 20 * MONO_MS);

	a = owner(procfs, one);
	while (mono_before(mono_now(), tick))
		(void)poll(NULL, 0, 1); /* start times are counted in ticks */
	kid_kill(&first);
	check("pid: gone", procfs_process(procfs, a->pid, &b) == -ESRCH);
	second = kid_fork_pid(a->pid);
	(void)kid_tell(&second, KID_NAME, "second", 0, -1);
	two = (uint64_t)kid_tell(&second, KID_SOCKET, NULL, 0, -1);
	check("pid: what the old one had is nobody's",
	    owner_pid(procfs, one) == -ENOENT);
	b = owner(procfs, two);
	check("pid: reused by another process",
	    b->pid == a->pid && b->start > a->start &&
		strcmp(b->comm, "second") == 0);
	process_unref(b);
	check("pid: asked by number", procfs_process(procfs, a->pid, &b) == 0 &&
					  strcmp(b->comm, "second") == 0);
	process_unref(b);
	process_unref(a);
	kid_kill(&second);
	procfs_close(procfs);
}

/* Start times can't tell the two apart then. */
static void
test_pid_reuse_within_tick(void)
{
	struct procfs *procfs = open_procfs();
	bool same = false, right = true;

	/* on a busy machine few are as quick */
	for (int i = 0; i < 20 || (!same && i < 500); i++) {
		struct kid first = kid_fork(), second;
		uint64_t one, two;
		const struct process *a, *b;

		(void)kid_tell(&first, KID_NAME, "first", 0, -1);
		one = (uint64_t)kid_tell(&first, KID_SOCKET, NULL, 0, -1);
		a = owner(procfs, one);
		kid_kill(&first);
		second = kid_fork_pid(a->pid);
		(void)kid_tell(&second, KID_NAME, "second", 0, -1);
		two = (uint64_t)kid_tell(&second, KID_SOCKET, NULL, 0, -1);
		b = owner(procfs, two);
		right &= strcmp(b->comm, "second") == 0 && b != a;
		same |= a->start == b->start;
		process_unref(a);
		process_unref(b);
		kid_kill(&second);
	}
	check("pid: reused within one clock tick", right && same);
	procfs_close(procfs);
}

static void
test_nobody(void)
{
	const uint64_t inode = UINT64_MAX / 2; /* no inode is that large */
	struct procfs *procfs = open_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t walks, more = 1;

	check(
	    "a socket that nobody holds", owner_pid(procfs, inode) == -ENOENT);
	/* it is after a while, which others that run here may take */
	for (int round = 0; more > 0 && round < 5; round++) {
		(void)owner_pid(procfs, inode);
		walks = procfs_walks(procfs);
		for (int i = 0; i < 10; i++)
			(void)owner_pid(procfs, inode);
		more = procfs_walks(procfs) - walks;
	}
	check("… is not looked for by a walk each time", more == 0);
	check("an orphan", owner_pid(procfs, 0) == -ENOENT);
	check("… does not hide others",
	    owner_pid(procfs, inode_of(fd)) == getpid());
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

/* Who asked for it has gone: others are not held up for that. */
static void
test_walk_left(void)
{
	struct procfs *procfs = open_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t inode = inode_of(fd);
	const struct process *proc = NULL;
	int r = -EINPROGRESS;

	check("a walk is begun, and left", begin_walk(procfs) == 0);
	for (int i = 0; i < 10000 && (r == -EINPROGRESS || r == -EAGAIN); i++) {
		if (r == -EAGAIN)
			(void)poll(NULL, 0, 1);
		allow(procfs, MONO_MS);
		r = procfs_owner(procfs, inode, 0, &proc);
	}
	check("… another look-up brings it to its end, and is answered",
	    r == 0 && proc->pid == getpid());
	if (r == 0)
		process_unref(proc);
	(void)close(fd);
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
	struct procfs *procfs = open_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct kid kids[8];
	uint64_t inodes[8];
	struct rlimit old, low = { 128, 128 };
	bool ok = true;

	for (int i = 0; i < 8; i++) {
		kids[i] = kid_fork();
		inodes[i] =
		    (uint64_t)kid_tell(&kids[i], KID_SOCKET, NULL, 0, -1);
		ok &= owner_pid(procfs, inodes[i]) == kids[i].pid;
	}
	check("one descriptor for each process", procfs_count(procfs) == 8);
	(void)getrlimit(RLIMIT_NOFILE, &old);
	low.rlim_max = old.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &low);
	while (n < 256 && (fds[n] = dup(fd)) >= 0)
		n++;
	for (int i = 0; i < 8; i++)
		ok &= owner_pid(procfs, inodes[i]) == kids[i].pid;
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
		ok &=
		    owner_pid(procfs, inodes[i * 3 % 8]) == kids[i * 3 % 8].pid;
	check("more processes than the cache holds",
	    ok && procfs_count(procfs) == 2);
	for (int i = 0; i < 8; i++)
		kid_kill(&kids[i]);
	procfs_close(procfs);
}

void
attr_proc_tests(void)
{
	test_self();
	test_many();
	test_fork();
	test_own_socket_of_child();
	test_exec();
	test_other_exe();
	test_mount_namespace();
	test_passed();
	test_passed_on();
	test_changes();
	test_cgroup();
	test_pid_reuse();
	test_pid_reuse_within_tick();
	test_nobody();
	test_walk_left();
	test_descriptors();
	test_small_cache();
}
