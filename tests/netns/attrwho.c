#include "tests/netns/attrtest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/procfs.h"
#include "tests/netns/pair.h"

/* What is told of a process that has a socket, and that another one, or the
 * same one with another program, is not taken for it. */

static void
test_self(void)
{
	struct procfs *procfs = attr_procfs();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const struct process *proc = attr_owner(procfs, inode_of(fd)), *again;
	char exe[PATH_MAX] = "", cgroup[PATH_MAX] = "";
	struct stat st;
	uint64_t inode;
	FILE *f = fopen("/proc/self/cgroup", "re");

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0 ||
	    stat(exe, &st) < 0)
		die("no executable of our own");
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
	again = attr_owner(procfs, inode_of(fd));
	check("the same process is the same object", again == proc);
	check("that takes no second walk", procfs_walks(procfs) == 1);
	process_unref(again);
	if (f != NULL)
		(void)fclose(f);
	inode = inode_of(fd);
	(void)close(fd);
	check("closed: nobody holds it",
	    attr_owner_pid(procfs, inode) == -ENOENT);
	procfs_close(procfs);
	check("a process outlives the cache", strcmp(proc->exe, exe) == 0);
	process_unref(proc);
}

static void
test_exec(void)
{
	struct procfs *procfs = attr_procfs();
	struct kid kid = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	const struct process *before = attr_owner(procfs, inode), *after, *last;

	(void)kid_tell(&kid, KID_EXEC, before->exe, 1, -1);
	after = attr_owner(procfs, inode);
	check("exec: same file, other arguments: another process",
	    after != before && after->pid == before->pid &&
		after->start == before->start &&
		strstr(after->cmd, "attrkid kid ") == after->cmd &&
		after->cmd[strlen(after->cmd) - 1] == '1');
	check("exec: what was true is kept",
	    strstr(before->cmd, "attrkid kid ") == NULL);
	(void)kid_tell(&kid, KID_EXEC, before->exe, 2, -1);
	last = attr_owner(procfs, inode);
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
	struct procfs *procfs = attr_procfs();
	struct kid kid = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	const struct process *before = attr_owner(procfs, inode), *after;
	char copy[64], gone[80];

	(void)snprintf(copy, sizeof(copy), "/tmp/attr_copy.%d", getpid());
	(void)snprintf(gone, sizeof(gone), "%s (deleted)", copy);
	copy_file("/proc/self/exe", copy);
	(void)kid_tell(&kid, KID_EXEC, copy, 0, -1);
	after = attr_owner(procfs, inode);
	check("exec: another file is another process",
	    strcmp(after->exe, copy) == 0 && after->exe_here &&
		after->pid == before->pid && after->exe_ino != before->exe_ino);
	process_unref(after);
	(void)unlink(copy);
	after = attr_owner(procfs, inode);
	check("a file that was deleted is not here",
	    strcmp(after->exe, gone) == 0 && !after->exe_here);
	process_unref(after);
	copy_file("/proc/self/exe", gone);
	after = attr_owner(procfs, inode);
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
	struct procfs *procfs = attr_procfs();
	struct kid kid = kid_fork();
	const struct process *proc;
	uint64_t inode;

	(void)kid_tell(&kid, KID_MOUNT, path, 0, -1);
	(void)kid_tell(&kid, KID_EXEC, path, 0, -1);
	inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	proc = attr_owner(procfs, inode);
	check("a program laid over another path does not pass for it",
	    strcmp(proc->exe, path) == 0 && !proc->exe_here);
	process_unref(proc);
	kid_kill(&kid);
	procfs_close(procfs);
}

static void
test_changes(void)
{
	struct procfs *procfs = attr_procfs();
	struct kid kid = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	const struct process *a = attr_owner(procfs, inode), *b, *c;

	(void)kid_tell(&kid, KID_NAME, "a) R 1 (b", 0, -1);
	b = attr_owner(procfs, inode);
	check("a new name, brackets and all",
	    strcmp(b->comm, "a) R 1 (b") == 0 && b->start == a->start &&
		b->n_parents == a->n_parents);
	(void)kid_tell(&kid, KID_SETUID, NULL, NOBODY, -1);
	c = attr_owner(procfs, inode);
	check("a new user",
	    a->uid == 0 && c->uid == NOBODY && strcmp(c->user, "nobody") == 0);
	process_unref(a);
	process_unref(b);
	process_unref(c);
	kid_kill(&kid);
	kid = kid_fork();
	inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	(void)kid_tell(&kid, KID_SETUID, NULL, 4234567, -1);
	a = attr_owner(procfs, inode);
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
	struct procfs *procfs = attr_procfs();
	struct kid kid = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	const struct process *a = attr_owner(procfs, inode), *b;
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
		b = attr_owner(procfs, inode);
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
	struct procfs *procfs = attr_procfs();
	struct kid first = kid_fork(), second;
	uint64_t one = (uint64_t)kid_tell(&first, KID_SOCKET, NULL, 0, -1);
	uint64_t two;
	const struct process *a, *b = NULL;
	mono_t tick = mono_add(mono_now(), 20 * MONO_MS);

	a = attr_owner(procfs, one);
	while (mono_before(mono_now(), tick))
		(void)poll(NULL, 0, 1); /* start times are counted in ticks */
	kid_kill(&first);
	check("pid: gone", procfs_process(procfs, a->pid, &b) == -ESRCH);
	second = kid_fork_pid(a->pid);
	(void)kid_tell(&second, KID_NAME, "second", 0, -1);
	two = (uint64_t)kid_tell(&second, KID_SOCKET, NULL, 0, -1);
	check("pid: what the old one had is nobody's",
	    attr_owner_pid(procfs, one) == -ENOENT);
	b = attr_owner(procfs, two);
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

/* The program beside this one, with the other end of a socket as its argument.
 */
static pid_t
start_pair(int *ret_ctl)
{
	char path[PATH_MAX], fd[16];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int ends[2];
	pid_t pid;

	if (n < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
		die("socketpair");
	path[n] = '\0';
	(void)snprintf(fd, sizeof(fd), "%d", ends[1]); /* fits */
	(void)strcpy(strrchr(path, '/') + 1, "pair");  /* it is shorter */
	(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	pid = vfork();
	if (pid == 0) {
		(void)execl(path, "pair", fd, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		die("vfork");
	(void)close(ends[1]);
	*ret_ctl = ends[0];
	return pid;
}

/* The next one; a byte lets it end. */
static const struct process *
next_of_pair(struct procfs *procfs, int ctl)
{
	struct made made;
	const struct process *proc;

	if (recv(ctl, &made, sizeof(made), 0) != sizeof(made))
		die("pair is gone");
	proc = attr_owner(procfs, made.inode);
	if (send(ctl, "", 1, MSG_NOSIGNAL) != 1)
		die("pair is gone");
	return proc;
}

/* Start times can't tell the two apart then. They go before all others, and are
 * of a program that forks in no time, so that on a busy machine, too, few pairs
 * are needed until two are of one tick. */
static void
test_pid_reuse_within_tick(void)
{
	const struct sched_param first = { .sched_priority = 1 }, usual = { 0 };
	struct procfs *procfs = attr_procfs();
	bool right = true;
	int ctl, same = 0;
	pid_t pair;

	if (sched_setscheduler(0, SCHED_FIFO, &first) != 0 &&
	    setpriority(PRIO_PROCESS, 0, -20) != 0)
		die("setpriority");
	pair = start_pair(&ctl);
	for (int i = 0; i < 20 || (same == 0 && i < 1000); i++) {
		const struct process *a = next_of_pair(procfs, ctl);
		const struct process *b = next_of_pair(procfs, ctl);

		right &= a->pid == b->pid && a != b &&
			 strcmp(a->comm, "first") == 0 &&
			 strcmp(b->comm, "second") == 0;
		same += a->start == b->start;
		process_unref(a);
		process_unref(b);
	}
	check("pid: reused at once", right);
	check("pid: reused within one clock tick", same > 0);
	(void)close(ctl);
	(void)waitpid(pair, NULL, 0);
	if (sched_setscheduler(0, SCHED_OTHER, &usual) != 0 ||
	    setpriority(PRIO_PROCESS, 0, 0) != 0)
		die("setpriority");
	procfs_close(procfs);
}

void
attr_who_tests(void)
{
	test_self();
	test_exec();
	test_other_exe();
	test_mount_namespace();
	test_changes();
	test_cgroup();
	test_pid_reuse();
	test_pid_reuse_within_tick();
}
