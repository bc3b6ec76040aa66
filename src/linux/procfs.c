#include "src/linux/procfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/linux/procfs_own.h"

/* What there is before anything is looked up is read for so long. */
#define SEED_NS (MONO_S / 2)

/* Names, arguments and cgroup of a process that was read whole so shortly ago
 * are taken as they were, as long as executable and user are the same: no
 * program is started and has made a connection in that time. */
#define FRESH_NS (200 * MONO_MS / 1000)

/* Descriptors that one look-up has open at a time, at most. */
#define LOOKUP_FDS 4

/* So long this process is asked for, and so often. */
#define SELF_NS (10 * MONO_S)
#define SELF_PAUSE_NS 20000000

/* How often an answer is looked for that is gone when it is checked. */
#define TRIES 3

int
procfs_open(struct procfs **ret, size_t processes_max)
{
	struct procfs *procfs = calloc(1, sizeof(*procfs));
	int r;

	if (procfs == NULL)
		return -ENOMEM;
	r = procscan_init(&procfs->scan, processes_max);
	if (r != 0) {
		free(procfs);
		return r;
	}
	r = procread_init(&procfs->read);
	if (r != 0) {
		procfs_close(procfs);
		return r;
	}
	procfs_round(procfs);
	*ret = procfs;
	return 0;
}

void
procfs_close(struct procfs *procfs)
{
	if (procfs == NULL)
		return;
	procscan_done(&procfs->scan);
	procread_done(&procfs->read);
	free(procfs);
}

/* Sees to it that value is the process as it is in this round. */
static int
holder_read(struct procfs *procfs, struct holder *holder)
{
	const struct process *proc;
	int r;

	if (holder->value != NULL && holder->round == procfs->round)
		return 0;
	if (holder->value == NULL ||
	    mono_since(procfs->now, holder->read) >= FRESH_NS ||
	    !procread_is_same(&procfs->read, &holder->dir, holder->value)) {
		r = procread_process(&procfs->read, &holder->dir, holder->pid,
		    holder->value, &proc);
		if (r != 0)
			return r;
		process_unref(holder->value);
		holder->value = proc;
		holder->uid = proc->uid;
		holder->read = procfs->now;
	}
	holder->round = procfs->round;
	return 0;
}

/* The process behind a note. -ESRCH when the note does not hold (any more). */
static int
answer(struct procfs *procfs, const struct procfs_want *want,
    const struct process **ret)
{
	struct holders *hs = &procfs->scan.holders;
	struct held *held = procfs_noted(procfs, want);
	struct holder *holder;
	const struct process *proc;
	int r;

	if (held == NULL)
		return -ENOENT;
	holder = held->holder;
	if (holder->dir.fd < 0) { /* only scanned, by pid */
		r = holder_has(hs, holder, held->at, want->inode);
		if (r != 1)
			return r < 0 ? r : -ESRCH;
	}
	r = holder_open(hs, holder);
	if (r != 0)
		return r;
	held_used(hs, held);
	holder->hint = held->at;
	r = holder_read(procfs, holder);
	/* by a thread that has ended, while others may run */
	if (r == -ESRCH)
		holder_close(hs, holder);
	if (r != 0)
		return r;
	proc = holder->value;
	/* no exe, but a socket: it ends, and was never seen before */
	if (proc->exe[0] == '\0')
		return -ENOENT;
	*ret = process_ref(proc);
	return 0;
}

static int
owner(struct procfs *procfs, const struct procfs_want *want,
    const struct process **ret)
{
	int r = procfs->heard ? 0 : procscan_news(&procfs->scan, want->now);

	procfs->heard = r == 0;
	for (int i = 0; r == 0 && i < TRIES; i++) {
		r = procfs_find(procfs, want);
		if (r == 0)
			r = answer(procfs, want, ret);
		if (r != -ESRCH)
			return r;
		r = 0; /* it went away in between: another may have it */
	}
	return r == 0 ? -ENOENT : r;
}

/* Out of descriptors: those of the processes used longest ago are enough for
 * one look-up. */
static void
make_room(struct procfs *procfs)
{
	for (int i = 0; i < LOOKUP_FDS; i++)
		if (!holders_close_one(&procfs->scan.holders))
			break;
}

void
procfs_round(struct procfs *procfs)
{
	procfs->now = mono_now();
	procread_round(&procfs->read, procfs->now);
	procfs->round++;
	procfs->heard = false;
}

void
procfs_until(struct procfs *procfs, mono_t end)
{
	procfs->scan.end = end;
}

int
procfs_owner(struct procfs *procfs, uint64_t inode, uint32_t uid,
    const struct process **ret)
{
	struct procfs_want want = {
		.inode = inode, .uid = uid, .now = procfs->now
	};
	int r;

	if (inode == 0)
		return -ENOENT;
	r = owner(procfs, &want, ret);
	if (r == -EMFILE || r == -ENFILE) {
		make_room(procfs);
		r = owner(procfs, &want, ret);
	}
	return r;
}

void
procfs_note(struct procfs *procfs, const struct holding *holding)
{
	struct holders *hs = &procfs->scan.holders;
	struct holder *holder = holder_get(hs, holding->pid, holding->start);
	struct held_seen seen = { .inode = holding->inode,
		.at = { holding->fd, holding->thread },
		.now = procfs->now };

	if (holder != NULL) /* else it is looked for when it is asked about */
		held_put(hs, holder, &seen);
}

void
procfs_seed(struct procfs *procfs)
{
	mono_t now = mono_now();

	/* who is born from now on is new; failing, all are looked for later */
	if (procscan_news(&procfs->scan, now) == 0)
		(void)procscan_refresh(&procfs->scan, now, SEED_NS);
}

static int
read_pid(struct procfs *procfs, pid_t pid, const struct process **ret)
{
	struct holders *hs = &procfs->scan.holders;
	struct procdir_stat st;
	struct holder *holder;
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid); /* fits */
	r = procdir_status(hs->proc_fd, path, &st);
	if (r != 0)
		return r;
	holder = holder_get(hs, pid, st.start);
	if (holder == NULL)
		return -ENOMEM;
	r = holder_open(hs, holder);
	if (r == 0)
		r = procread_process(
		    &procfs->read, &holder->dir, pid, holder->value, ret);
	if (r == -ESRCH)
		holder_forget(hs, holder);
	if (r != 0)
		return r;
	process_unref(holder->value);
	holder->value = process_ref(*ret);
	holder->uid = (*ret)->uid;
	return 0;
}

int
procfs_process(struct procfs *procfs, pid_t pid, const struct process **ret)
{
	int r;

	if (pid <= 0)
		return -ESRCH;
	procread_round(&procfs->read, mono_now());
	r = read_pid(procfs, pid, ret);
	if (r == -EMFILE || r == -ENFILE) {
		make_room(procfs);
		r = read_pid(procfs, pid, ret);
	}
	return r;
}

int
procfs_self(struct procfs *procfs, const struct process **ret)
{
	static const struct timespec pause = { 0, SELF_PAUSE_NS };
	mono_t end = mono_add(mono_now(), SELF_NS);
	int r;

	for (;;) {
		r = procfs_process(procfs, getpid(), ret);
		if (r != -ETIMEDOUT || mono_before(end, mono_now()))
			return r;
		(void)nanosleep(&pause, NULL); /* it may be shorter */
	}
}

static int
read_once(struct procfs *procfs, const struct procfs_one *one,
    const struct process *old, const struct process **ret)
{
	struct procdir dir;
	int r = procdir_open(
	    &dir, procfs->scan.holders.proc_fd, one->pid, one->start);

	if (r != 0)
		return r;
	dir.args = one->args;
	dir.args_len = one->args_len;
	dir.sister = one->sister;
	r = procread_process(&procfs->read, &dir, one->pid, old, ret);
	procdir_close(&dir);
	return r;
}

int
procfs_read_once(struct procfs *procfs, const struct procfs_one *one,
    const struct process *old, const struct process **ret)
{
	int r = read_once(procfs, one, old, ret);

	if (r == -EMFILE || r == -ENFILE) {
		make_room(procfs);
		r = read_once(procfs, one, old, ret);
	}
	return r;
}

struct procread *
procfs_read(struct procfs *procfs)
{
	return &procfs->read;
}

size_t
procfs_count(const struct procfs *procfs)
{
	return procfs->scan.holders.n_open;
}

uint64_t
procfs_walks(const struct procfs *procfs)
{
	return procfs->scan.walks;
}
