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
		if (n < 0 && errno == ENAMETOOLONG)
			return -ENAMETOOLONG;
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
read_cgroup(struct snapshot *snap, struct procdir *dir)
{
	ssize_t n = procdir_kept(&dir->cgroup, dir->fd, "cgroup", snap->cgroup,
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
keep_cmdline(struct procread *pr, struct snapshot *snap, struct procdir *dir,
    const struct process *old)
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
copy_args(struct snapshot *snap, const struct procdir *dir)
{
	size_t len = dir->args_len < sizeof(snap->cmd) ? dir->args_len
						       : sizeof(snap->cmd);

	memcpy(snap->cmd, dir->args, len);
	return (ssize_t)len;
}

/* The arguments, each with its NUL: the length or -errno. Root's processes, and
 * this one, hold nobody up. */
static ssize_t
read_cmdline(struct procread *pr, struct snapshot *snap, struct procdir *dir)
{
	if (dir->args != NULL)
		return copy_args(snap, dir);
	if (snap->uid == 0 || snap->uid == geteuid())
		return procdir_kept(&dir->cmdline, dir->fd, "cmdline",
		    snap->cmd, sizeof(snap->cmd));
	if (dir->cmdline < 0)
		dir->cmdline = openat(dir->fd, "cmdline", O_RDONLY | O_CLOEXEC);
	if (dir->cmdline < 0)
		return -errno;
	return cmdlines_read(pr->cmdlines, dir->cmdline, snap->uid, snap->cmd);
}

/* 0, -ESRCH or -errno. */
static int
snapshot_read(struct procread *pr, struct snapshot *snap, struct procdir *dir,
    const struct process *old)
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
	n = procdir_kept(
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
snapshot_settle(struct procread *pr, struct snapshot *snap, struct procdir *dir)
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

/* 1, 0 or -ETIMEDOUT. Parents are many, and often of one program. */
static int
exe_is_here(struct procread *pr, uint32_t uid, int dirfd, const char *path)
{
	struct placed placed = { .uid = uid, .path = path };

	if (file_id_of_exe(&placed.file, dirfd) != 0)
		return 0;
	return places_had(&pr->places, &placed, pr->now);
}

int
procread_add_parent(struct procread *pr, struct process *proc, pid_t *pid,
    uint64_t *start, uint64_t exactly)
{
	char path[32], exe[PATH_MAX];
	struct procdir_stat st;
	int r, dirfd, here;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)*pid); /* fits */
	dirfd = procdir_base(AT_FDCWD, path, &st);
	if (dirfd < 0)
		return dirfd;
	n = readlinkat(dirfd, "exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	here = exe_is_here(pr, proc->uid, dirfd, exe);
	(void)close(dirfd); /* O_PATH */
	if (here < 0)
		return here;
	if (st.start > *start || (exactly != 0 && st.start != exactly))
		return -ESRCH;
	r = process_add_parent(proc, *pid, exe, here > 0);
	if (r < 0)
		return r;
	*pid = st.ppid;
	*start = st.start;
	return 0;
}

int
procread_ppid(pid_t pid, uint64_t start, pid_t *ret)
{
	struct procdir_stat st;
	char path[32];
	int r;

	(void)snprintf(
	    path, sizeof(path), "/proc/%d/stat", (int)pid); /* fits */
	r = procdir_status(AT_FDCWD, path, &st);
	if (r < 0)
		return r;
	if (st.start != start)
		return -ESRCH;
	*ret = st.ppid;
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
build(struct procread *pr, const struct procdir *dir, pid_t pid,
    const struct snapshot *snap, const struct process **ret)
{
	struct procdir_stat st;
	struct process *proc;
	int r = procdir_status(dir->fd, "stat", &st);

	if (r != 0)
		return r;
	proc = process_new(PROCESS_PROGRAM);
	if (proc == NULL)
		return -ENOMEM;
	proc->self = pid == pr->self;
	proc->pid = pid;
	proc->start = dir->start;
	proc->exe_dev = snap->file.dev;
	proc->exe_ino = snap->file.ino;
	proc->exe_here = snap->exe_here;
	proc->uid = snap->uid;
	proc->gid = snap->gid;
	r = set_strings(pr, proc, snap);
	if (r == 0)
		r = set_script(proc, dir->fd, snap);
	if (r == 0 && dir->sister != NULL)
		process_join(proc, dir->sister);
	else if (r == 0)
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
procread_is_same(
    struct procread *pr, const struct procdir *dir, const struct process *old)
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
procread_process(struct procread *pr, struct procdir *dir, pid_t pid,
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
	return r != 0 ? r : build(pr, dir, pid, &snap, ret);
}
