#include "src/linux/procread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/core/procline.h"
#include "src/core/script.h"
#include "src/linux/cmdline.h"

/* Tries to read a process that runs exec meanwhile. */
#define TRIES 3

/* What may change while a process lives, read anew for each answer. */
struct snapshot {
	uint32_t uid, gid;
	struct file_id file; /* ino 0: no exe */
	bool exe_here;
	size_t exe_len, cmd_len, comm_len;
	struct procline_cgroup group; /* borrows cgroup */
	char exe[PATH_MAX];
	size_t script_off, script_len; /* of cmd; nothing of it is changed */
	/* whose command line and script it has kept, or NULL */
	const struct process *kept;
	char cmd[CMDLINE_MAX];
	char comm[64];
	char cgroup[PATH_MAX];
};

int
procread_init(struct procread *pr)
{
	pr->places = (struct places){ .next = 0 };
	pr->now = mono_now();
	pr->self = getpid();
	pr->cmdlines = cmdlines_new();
	pr->places.cmdlines = pr->cmdlines;
	users_init(&pr->users, pr->cmdlines);
	return pr->cmdlines != NULL ? 0 : -ENOMEM;
}

void
procread_done(struct procread *pr)
{
	users_done(&pr->users);
	places_done(&pr->places);
	cmdlines_free(pr->cmdlines);
}

void
procread_round(struct procread *pr, mono_t now)
{
	pr->now = now;
}

ssize_t
procread_file(int dirfd, const char *name, char *buf, size_t size)
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

/* The same for a file that is kept open: *fd is -1 before the first time. */
static ssize_t
read_kept(int *fd, int dirfd, const char *name, char *buf, size_t size)
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
procread_status(int dirfd, const char *name, struct procread_stat *ret)
{
	char buf[1024];
	struct procline_stat st;
	ssize_t n = procread_file(dirfd, name, buf, sizeof(buf));

	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	if (procline_stat(&st, buf, (size_t)n) != 0)
		return -EBADMSG;
	ret->ppid = st.ppid;
	ret->start = st.start;
	ret->kthread = st.kthread;
	ret->zombie = st.state == 'Z' || st.state == 'X';
	return 0;
}

int
procread_open(struct procread_dir *ret, int proc_fd, pid_t pid, uint64_t start)
{
	struct procread_stat st;
	char name[16];
	int fd, r;

	(void)snprintf(name, sizeof(name), "%d", (int)pid); /* fits */
	fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = procread_status(fd, "stat", &st);
	if (r == 0 && st.start != start)
		r = -ESRCH; /* another process with its pid */
	if (r != 0) {
		(void)close(fd); /* O_PATH */
		return r;
	}
	*ret = (struct procread_dir){ fd, -1, -1, -1, -1, NULL, 0 };
	ret->links = openat(fd, "fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->links >= 0)
		return 0;
	r = errno == ENOENT ? -ESRCH : -errno;
	procread_close(ret);
	return r;
}

void
procread_close(struct procread_dir *dir)
{
	const int fds[] = { dir->fd, dir->links, dir->comm, dir->cmdline,
		dir->cgroup };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]); /* only read from */
	*dir = (struct procread_dir){ -1, -1, -1, -1, -1, NULL, 0 };
}

static bool
is_file(const struct process *proc, const struct file_id *file)
{
	return proc->exe_dev == file->dev && proc->exe_ino == file->ino;
}

/* 1, 0 or -ETIMEDOUT: as it is now. */
static int
is_at(struct procread *pr, uint32_t uid, const struct file_id *file,
    const char *path)
{
	return places_has(&pr->places, &(struct placed){ *file, uid, path });
}

/* No exe is a thread of the kernel, or a process that ends. Where file and path
 * are what they were, the path need not be asked for again. 0 or -ETIMEDOUT. */
static int
read_exe(struct procread *pr, struct snapshot *snap, int dirfd,
    const struct process *old)
{
	struct file_id file;
	ssize_t n = -1;
	int here = 0;

	snap->file = (struct file_id){ 0, 0 };
	snap->exe_here = false;
	snap->exe_len = 0;
	if (file_id_of_exe(&file, dirfd) != 0)
		return 0;
	if (old != NULL && old->exe_here && is_file(old, &file)) {
		n = (ssize_t)strlen(old->exe);
		memcpy(snap->exe, old->exe, (size_t)n + 1);
		here = is_at(pr, snap->uid, &file, snap->exe);
	}
	if (here == 0) {
		n = readlinkat(dirfd, "exe", snap->exe, sizeof(snap->exe) - 1);
		if (n <= 0)
			return 0;
		snap->exe[n] = '\0';
		here = is_at(pr, snap->uid, &file, snap->exe);
	}
	if (here < 0)
		return here;
	snap->exe_here = here > 0;
	snap->exe_len = (size_t)n;
	snap->file = file;
	return 0;
}

static int
read_cgroup(struct snapshot *snap, struct procread_dir *dir)
{
	ssize_t n = read_kept(&dir->cgroup, dir->fd, "cgroup", snap->cgroup,
	    sizeof(snap->cgroup));

	if (n == -EMFILE || n == -ENFILE)
		return (int)n;
	if (n < 0 ||
	    procline_cgroup(&snap->group, snap->cgroup, (size_t)n) != 0)
		snap->group = (struct procline_cgroup){ { snap->cgroup, 0 },
			{ snap->cgroup, 0 } };
	return 0;
}

/* Before the arguments are joined: that leaves each where it is. */
static void
find_script(struct snapshot *snap, size_t cmdline_len)
{
	const char *arg;

	snap->script_len = 0;
	if (snap->exe_here && script_find(snap->exe, snap->cmd, cmdline_len,
				  &arg, &snap->script_len))
		snap->script_off = (size_t)(arg - snap->cmd);
}

/* As it was, where it is the same program still. 0 or -ETIMEDOUT. */
static int
keep_cmdline(struct procread *pr, struct snapshot *snap,
    struct procread_dir *dir, const struct process *old)
{
	struct file_id file;

	if (old == NULL || old->exe_ino == 0 ||
	    file_id_of_exe(&file, dir->fd) != 0 || !is_file(old, &file))
		return -ETIMEDOUT;
	snap->kept = old;
	snap->cmd_len = strnlen(old->cmd, sizeof(snap->cmd));
	memcpy(snap->cmd, old->cmd, snap->cmd_len);
	snap->script_len = 0;
	return read_exe(pr, snap, dir->fd, old);
}

static ssize_t
copy_args(struct snapshot *snap, const struct procread_dir *dir)
{
	size_t len = dir->args_len < sizeof(snap->cmd) ? dir->args_len
						       : sizeof(snap->cmd);

	memcpy(snap->cmd, dir->args, len);
	return (ssize_t)len;
}

/* The arguments, each with its NUL: the length or -errno. Root's processes, and
 * this one, hold nobody up. */
static ssize_t
read_cmdline(
    struct procread *pr, struct snapshot *snap, struct procread_dir *dir)
{
	if (dir->args != NULL)
		return copy_args(snap, dir);
	if (snap->uid == 0 || snap->uid == geteuid())
		return read_kept(&dir->cmdline, dir->fd, "cmdline", snap->cmd,
		    sizeof(snap->cmd));
	if (dir->cmdline < 0)
		dir->cmdline = openat(dir->fd, "cmdline", O_RDONLY | O_CLOEXEC);
	if (dir->cmdline < 0)
		return -errno;
	return cmdlines_read(pr->cmdlines, dir->cmdline, snap->uid, snap->cmd);
}

/* 0, -ESRCH or -errno. */
static int
snapshot_read(struct procread *pr, struct snapshot *snap,
    struct procread_dir *dir, const struct process *old)
{
	struct stat st;
	ssize_t n;
	int r;

	if (fstat(dir->fd, &st) != 0)
		return -errno;
	/* the owner of the directory is the effective user (task_dump_owner()
	 * in fs/proc/base.c); it stays readable when the process is gone */
	snap->uid = st.st_uid;
	snap->gid = st.st_gid;
	n = read_kept(
	    &dir->comm, dir->fd, "comm", snap->comm, sizeof(snap->comm));
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	snap->comm_len = (size_t)n;
	if (n > 0 && snap->comm[n - 1] == '\n')
		snap->comm_len--;
	snap->kept = NULL;
	n = read_cmdline(pr, snap, dir);
	if (n == -ETIMEDOUT) {
		r = keep_cmdline(pr, snap, dir, old);
		return r < 0 ? r : read_cgroup(snap, dir);
	}
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	r = read_exe(pr, snap, dir->fd, old);
	if (r < 0)
		return r;
	find_script(snap, (size_t)n);
	snap->cmd_len = procline_join(snap->cmd, (size_t)n);
	return read_cgroup(snap, dir);
}

static bool
same(const char *have, const char *s, size_t len)
{
	return strncmp(have, s, len) == 0 && have[len] == '\0';
}

static bool
snapshot_is(const struct snapshot *snap, const struct process *old)
{
	return snap->uid == old->uid && snap->gid == old->gid &&
	       is_file(old, &snap->file) && snap->exe_here == old->exe_here &&
	       same(old->exe, snap->exe, snap->exe_len) &&
	       same(old->cmd, snap->cmd, snap->cmd_len) &&
	       same(old->comm, snap->comm, snap->comm_len) &&
	       same(old->cgroup, snap->group.path.p, snap->group.path.len);
}

/* Reads again until no exec came between the first file and the last. */
static int
snapshot_settle(
    struct procread *pr, struct snapshot *snap, struct procread_dir *dir)
{
	struct file_id file;
	int r;

	for (int i = 0; i < TRIES; i++) {
		if (file_id_of_exe(&file, dir->fd) != 0 ||
		    file_id_equal(&file, &snap->file))
			return 0;
		r = snapshot_read(pr, snap, dir, NULL);
		if (r != 0)
			return r;
	}
	return -EAGAIN;
}

/* 1, 0 or -ETIMEDOUT */
static int
exe_is_here(struct procread *pr, uint32_t uid, int dirfd, const char *path)
{
	struct file_id file;

	if (file_id_of_exe(&file, dirfd) != 0)
		return 0;
	return is_at(pr, uid, &file, path);
}

int
procread_add_parent(struct procread *pr, struct process *proc, pid_t *pid,
    uint64_t *start, uint64_t exactly)
{
	char path[32], exe[PATH_MAX];
	struct procread_stat st = { 0 };
	struct process_parent *parent;
	int r, dirfd, here;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)*pid); /* fits */
	dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	r = procread_status(dirfd, "stat", &st);
	n = readlinkat(dirfd, "exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	here = exe_is_here(pr, proc->uid, dirfd, exe);
	(void)close(dirfd); /* O_PATH */
	if (r == 0 && here < 0)
		r = here;
	if (r != 0)
		return r;
	if (st.start > *start || (exactly != 0 && st.start != exactly))
		return -ESRCH;
	parent = process_add_parent(proc);
	if (parent == NULL)
		return -ENOMEM;
	parent->pid = *pid;
	parent->exe_here = here > 0;
	r = process_set(&parent->exe, exe, strlen(exe));
	if (r < 0)
		return r;
	*pid = st.ppid;
	*start = st.start;
	return 0;
}

/* A parent that has gone ends the chain; only memory, descriptors and a file
 * system that doesn't answer count as failures. */
static int
add_parents(struct procread *pr, struct process *proc, pid_t ppid)
{
	uint64_t start = proc->start;
	int r = 0;

	while (r == 0 && ppid > 0 && proc->n_parents < PROCESS_PARENTS_MAX)
		r = procread_add_parent(pr, proc, &ppid, &start, 0);
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -ETIMEDOUT
		   ? r
		   : 0;
}

static int
set_strings(
    struct procread *pr, struct process *proc, const struct snapshot *snap)
{
	char number[USERS_NUMLEN];
	const char *user = users_name(&pr->users, snap->uid, pr->now, number);
	const struct procline_cgroup *group = &snap->group;

	if (process_set(&proc->exe, snap->exe, snap->exe_len) != 0 ||
	    process_set(&proc->cmd, snap->cmd, snap->cmd_len) != 0 ||
	    process_set(&proc->comm, snap->comm, snap->comm_len) != 0 ||
	    process_set(&proc->cgroup, group->path.p, group->path.len) != 0 ||
	    process_set(&proc->unit, group->unit.p, group->unit.len) != 0 ||
	    process_set(&proc->user, user, strlen(user)) != 0)
		return -ENOMEM;
	return 0;
}

/* The script as a path, by the working directory that the process has now. The
 * file is not looked at: a file system that a user has made may never answer.
 * 0 or -ENOMEM. */
static int
set_script(struct process *proc, int dirfd, const struct snapshot *snap)
{
	char cwd[PATH_MAX], path[PATH_MAX];
	ssize_t n;

	if (snap->kept != NULL)
		return process_set(&proc->script, snap->kept->script,
		    strlen(snap->kept->script));
	if (snap->script_len == 0)
		return 0;
	n = readlinkat(dirfd, "cwd", cwd, sizeof(cwd) - 1);
	cwd[n > 0 ? n : 0] = '\0';
	if (!script_path(cwd, snap->cmd + snap->script_off, snap->script_len,
		path, sizeof(path)))
		return 0;
	return process_set(&proc->script, path, strlen(path));
}

static int
build(struct procread *pr, int dirfd, pid_t pid, const struct snapshot *snap,
    const struct process **ret)
{
	struct procread_stat st;
	struct process *proc;
	int r = procread_status(dirfd, "stat", &st);

	if (r != 0)
		return r;
	proc = process_new(PROCESS_PROGRAM);
	if (proc == NULL)
		return -ENOMEM;
	proc->self = pid == pr->self;
	proc->pid = pid;
	proc->start = st.start;
	proc->exe_dev = snap->file.dev;
	proc->exe_ino = snap->file.ino;
	proc->exe_here = snap->exe_here;
	proc->uid = snap->uid;
	proc->gid = snap->gid;
	r = set_strings(pr, proc, snap);
	if (r == 0)
		r = set_script(proc, dirfd, snap);
	if (r == 0)
		r = add_parents(pr, proc, st.ppid);
	if (r != 0) {
		process_unref(proc);
		return r;
	}
	*ret = proc;
	return 0;
}

static struct placed
placed_of(const struct process *proc)
{
	return (struct placed){ { proc->exe_dev, proc->exe_ino }, proc->uid,
		proc->exe };
}

/* A file that was taken from its path, or came back to it, is what rules by
 * path are about: that is never taken as it was. What can't be told is as it
 * was no more than what is otherwise. */
bool
procread_is_same(struct procread *pr, const struct procread_dir *dir,
    const struct process *old)
{
	const struct placed placed = placed_of(old);
	struct file_id file;
	struct stat st;

	return fstat(dir->fd, &st) == 0 && st.st_uid == old->uid &&
	       st.st_gid == old->gid && file_id_of_exe(&file, dir->fd) == 0 &&
	       is_file(old, &file) &&
	       places_has(&pr->places, &placed) == (int)old->exe_here;
}

bool
procread_is_here(struct procread *pr, const struct process *proc)
{
	const struct placed placed = placed_of(proc);

	return places_had(&pr->places, &placed, pr->now) == (int)proc->exe_here;
}

int
procread_process(struct procread *pr, struct procread_dir *dir, pid_t pid,
    const struct process *old, const struct process **ret)
{
	struct snapshot snap;
	int r = snapshot_read(pr, &snap, dir, old);

	if (r != 0)
		return r;
	/* its memory goes before its descriptors: it ends just now */
	if (old != NULL && (snapshot_is(&snap, old) ||
			       (snap.file.ino == 0 && old->exe[0] != '\0'))) {
		*ret = process_ref(old);
		return 0;
	}
	r = snapshot_settle(pr, &snap, dir);
	return r != 0 ? r : build(pr, dir->fd, pid, &snap, ret);
}

/* Without the working directory only an absolute path names a script. */
static int
bygone_script(struct process *proc, const struct procread_facts *facts)
{
	char path[PATH_MAX];
	const char *arg;
	size_t len;

	if (!proc->exe_here ||
	    !script_find(
		facts->exe, facts->args, facts->args_len, &arg, &len) ||
	    !script_path("", arg, len, path, sizeof(path)))
		return 0;
	return process_set_lent(proc, &proc->script, path, strlen(path));
}

/* Where another file is at its path now, or none, it is shown as readlink(2)
 * would have. */
static int
bygone_exe(struct process *proc, const struct procread_facts *facts)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX + sizeof(deleted)];
	size_t len = strlen(facts->exe);

	if (proc->exe_here || !facts->exe_ours || len >= PATH_MAX ||
	    process_exe_was(facts->exe, false) > 0)
		return process_set_lent(proc, &proc->exe, facts->exe, len);
	memcpy(path, facts->exe, len);
	memcpy(path + len, deleted, sizeof(deleted));
	return process_set_lent(proc, &proc->exe, path, sizeof(path));
}

static int
bygone_cmd(struct process *proc, const struct procread_facts *facts)
{
	char cmd[CMDLINE_MAX];
	size_t len =
	    facts->args_len < sizeof(cmd) ? facts->args_len : sizeof(cmd);

	memcpy(cmd, facts->args, len);
	return process_set_lent(proc, &proc->cmd, cmd, procline_join(cmd, len));
}

static int
bygone_strings(struct procread *pr, struct process *proc,
    const struct procread_facts *facts)
{
	char number[USERS_NUMLEN];
	const char *user = users_name(&pr->users, facts->uid, pr->now, number);
	const struct {
		char **field;
		const char *s;
		size_t len;
	} strings[] = {
		{ &proc->comm, facts->comm, facts->comm_len },
		{ &proc->cgroup, facts->cgroup, strlen(facts->cgroup) },
		{ &proc->unit, facts->unit, strlen(facts->unit) },
		{ &proc->user, user, strlen(user) },
	};
	int r = bygone_exe(proc, facts);

	for (size_t i = 0; r == 0 && i < sizeof(strings) / sizeof(strings[0]);
	     i++)
		r = process_set_lent(
		    proc, strings[i].field, strings[i].s, strings[i].len);
	if (r == 0)
		r = bygone_cmd(proc, facts);
	return r == 0 ? bygone_script(proc, facts) : r;
}

int
procread_bygone(struct procread *pr, const struct procread_facts *facts,
    struct process **ret)
{
	const struct placed placed = { { facts->exe_dev, facts->exe_ino },
		facts->uid, facts->exe };
	int here = places_had(&pr->places, &placed, pr->now);
	struct process *proc;

	if (here < 0)
		return here;
	proc = process_new(PROCESS_PROGRAM);
	if (proc == NULL)
		return -ENOMEM;
	proc->self = facts->pid == pr->self;
	proc->pid = facts->pid;
	proc->start = facts->start;
	proc->exe_dev = facts->exe_dev;
	proc->exe_ino = facts->exe_ino;
	proc->exe_here = here > 0;
	proc->uid = facts->uid;
	proc->gid = facts->gid;
	if (facts->sister != NULL)
		process_join(proc, facts->sister);
	if (bygone_strings(pr, proc, facts) != 0) {
		process_unref(proc);
		return -ENOMEM;
	}
	*ret = proc;
	return 0;
}
