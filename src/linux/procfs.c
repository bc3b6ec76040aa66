#include "src/linux/procfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/linux/procread.h"
#include "src/linux/procscan.h"

/* Processes whose next socket is guessed by its number, and those whose
 * descriptors are all read, before /proc is walked. */
#define GUESS_MAX 64
#define GUESS_FEW 2
#define SCAN_MAX 4
#define SCAN_FDS_MAX 512

/* Descriptors that are read when a known socket has left its number. */
#define MOVED_MAX 4096

/* A socket that nobody holds (one of the kernel's own, or one that is on its
 * way between processes) is not looked for by a walk again for so long. */
#define NOBODY_NS (250 * MONO_MS)

/* A socket may have been handed to a process that was there before. That shows
 * only in the descriptors of that process, which are read again when a socket
 * is asked about that was last looked for so long ago, and not more often; in
 * pieces of so much work, so far apart, where there are many processes. */
#define REFRESH_NS MONO_S
#define REFRESH_TIME_NS MONO_MS
#define REFRESH_NEXT_NS (50 * MONO_MS)

/* What there is before anything is looked up is read for so long. */
#define SEED_NS (MONO_S / 2)

/* Names, arguments and cgroup of a process that was read whole so shortly ago
 * are taken as they were, as long as executable and user are the same: no
 * program is started and has made a connection in that time. */
#define FRESH_NS (200 * MONO_MS / 1000)

/* Descriptors that one look-up has open at a time, at most. */
#define LOOKUP_FDS 2

/* How often an answer is looked for that is gone when it is checked. */
#define TRIES 3

struct procfs {
	struct procscan scan;
	struct procread read;
	mono_t refreshed;
	uint32_t walker; /* the user that the walk under way is for */
	mono_t now;	 /* when this round began */
	uint64_t round;
	bool heard; /* the newborn of this round have been seen */
};

/* What is looked for. */
struct want {
	uint64_t inode;
	uint32_t uid;
	mono_t now;
};

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

/* The note of who holds it, where it names somebody. */
static struct held *
noted(struct procfs *procfs, const struct want *want)
{
	struct held *held = held_find(&procfs->scan.holders, want->inode);

	return held != NULL && held->holder != NULL ? held : NULL;
}

/* 1 if the process has the socket at that number, 0 if not, or -errno. */
static int
guess_one(struct procfs *procfs, struct holder *holder, int fd,
    const struct want *want)
{
	struct holders *hs = &procfs->scan.holders;
	struct held_seen seen = {
		.inode = want->inode, .fd = fd, .now = want->now
	};
	int r = holder_has(hs, holder, fd, want->inode);

	if (r == 1)
		held_put(hs, holder, &seen);
	if (r != -ESRCH)
		return r;
	holder_forget(hs, holder);
	return 0;
}

/* In the processes of that user that had sockets last, so many at most, at
 * the number of the last one plus `step`. */
static int
guess_at(
    struct procfs *procfs, const struct want *want, int step, unsigned int max)
{
	struct list *node, *tmp;
	int r = 0;

	list_for_each_safe (node, tmp, &procfs->scan.holders.open) {
		struct holder *holder = container_of(node, struct holder, open);

		if (holder->uid != want->uid || holder->scan == 0)
			continue;
		if (max-- == 0)
			break;
		r = guess_one(procfs, holder, holder->hint + step, want);
		if (r != 0)
			break;
	}
	return r;
}

/* A program that makes one connection after the other gets the same descriptor
 * again, one that makes many at once the next one. 0 or -errno. */
static int
guess(struct procfs *procfs, const struct want *want, unsigned int max)
{
	int r = guess_at(procfs, want, 0, max);

	if (r == 0)
		r = guess_at(procfs, want, 1, max);
	return r < 0 ? r : 0;
}

/* From the last socket on: the next one is near. */
static int
scan_holder(struct procfs *procfs, const struct holder *holder,
    const struct want *want, int max)
{
	struct procscan_job job = { .who = { holder->pid, holder->start },
		.inode = want->inode,
		.from = holder->hint,
		.max = max,
		.now = want->now,
		.end = procfs->scan.end };

	return procscan_one(&procfs->scan, &job);
}

/* All descriptors of the processes of that user that had sockets last. */
static int
scan_recent(struct procfs *procfs, const struct want *want)
{
	struct holders *hs = &procfs->scan.holders;
	struct holder *recent[SCAN_MAX];
	struct list *node;
	size_t n = 0;

	list_for_each (node, &hs->open) {
		struct holder *holder = container_of(node, struct holder, open);

		if (n == SCAN_MAX)
			break;
		if (holder->uid == want->uid && holder->scan != 0)
			recent[n++] = holder;
	}
	for (size_t i = 0; i < n; i++) {
		int r = scan_holder(procfs, recent[i], want, SCAN_FDS_MAX);

		if (r != 0 || noted(procfs, want) != NULL)
			return r;
	}
	return 0;
}

/* Was it handed to somebody else? All processes are gone through once a second
 * at most, in pieces where there are many. */
static int
refresh(struct procfs *procfs, struct held *held, const struct want *want)
{
	uint64_t wait = procfs->scan.sweep.going ? REFRESH_NEXT_NS : REFRESH_NS;
	int r;

	if (mono_since(want->now, held->since) < REFRESH_NS ||
	    mono_since(want->now, procfs->refreshed) < wait)
		return 0;
	procfs->refreshed = want->now;
	r = procscan_refresh(&procfs->scan, want->now, REFRESH_TIME_NS);
	held = noted(procfs, want);
	if (r == 0 && held != NULL && !procfs->scan.sweep.going)
		held->since = want->now;
	return r == 0 && held == NULL ? -ESRCH : r;
}

/* Where no note says who holds it, each rung costing more than the one above.
 * Since procscan_news() has seen every process that was born, a socket that
 * has no note is held by one process alone, and whoever is met with it first
 * is the answer. Going by user before all others would save nothing: the walk
 * has to pass all newer processes in any case. 0 or -errno. */
static int
search(struct procfs *procfs, const struct want *want)
{
	struct procscan *scan = &procfs->scan;
	int r;

	/* 2. the next socket of a process that had one before */
	r = guess(procfs, want, GUESS_MAX);
	if (r != 0 || noted(procfs, want) != NULL)
		return r;
	/* 3. somewhere in the processes that had the last ones */
	r = scan_recent(procfs, want);
	if (r != 0 || noted(procfs, want) != NULL)
		return r;
	/* 4. a process that has just started */
	r = procscan_young(scan, want->inode, want->now);
	if (r != 0 || noted(procfs, want) != NULL)
		return r;
	/* 5. anybody */
	procfs->walker = want->uid;
	return procscan_walk(scan, want->inode, want->now);
}

/* A process that had it may have it under another number now. */
static int
scan_mover(struct procfs *procfs, const struct procscan_pid *had,
    const struct want *want)
{
	const struct holder *holder =
	    holder_find(&procfs->scan.holders, had->pid);

	if (holder == NULL || holder->start != had->start)
		return 0;
	return scan_holder(procfs, holder, want, MOVED_MAX);
}

static int
walk(struct procfs *procfs, const struct want *want)
{
	struct budget *budget = procscan_budget(&procfs->scan, want->uid);
	mono_t begin = mono_work();
	int r;

	procfs->walker = want->uid;
	r = procscan_walk(&procfs->scan, want->inode, want->now);
	budget_spend(budget, mono_since(mono_work(), begin));
	return r;
}

/* Nobody may ask for the socket of the walk that is under way any more. */
static int
walk_for_another(struct procfs *procfs, const struct want *want)
{
	struct budget *budget = procscan_budget(&procfs->scan, procfs->walker);
	mono_t begin = mono_work();
	int r = procscan_walk_on(&procfs->scan, want->now);

	budget_spend(budget, mono_since(mono_work(), begin));
	return r < 0 ? r : -EINPROGRESS;
}

/* Sockets that nobody holds are looked for within a share of the time. What
 * finds somebody need not be counted, but for a walk. -EAGAIN: there is no time
 * left for this user's. */
static int
look(struct procfs *procfs, const struct procscan_pid *had,
    const struct want *want)
{
	struct budget *budget = procscan_budget(&procfs->scan, want->uid);
	uint64_t walks = procfs->scan.walks;
	mono_t begin;
	int r;

	if (procscan_is_walking(&procfs->scan, want->inode))
		return walk(procfs, want);
	r = guess(procfs, want, GUESS_FEW);
	if (r != 0 || noted(procfs, want) != NULL)
		return r;
	if (procscan_is_busy(&procfs->scan))
		return walk_for_another(procfs, want);
	if (!budget_has(budget, want->now))
		return -EAGAIN;
	begin = mono_work();
	if (had != NULL)
		r = scan_mover(procfs, had, want);
	if (r == 0 && noted(procfs, want) == NULL)
		r = search(procfs, want);
	if (noted(procfs, want) == NULL || procfs->scan.walks != walks)
		budget_spend(budget, mono_since(mono_work(), begin));
	return r;
}

/* The note is wrong: the holder is gone, or has closed the socket, or has it
 * under another number now. Where two held it, an older one has it still, and
 * only a walk knows which one. */
static int
look_again(struct procfs *procfs, struct held *held, bool gone,
    const struct want *want)
{
	struct holders *hs = &procfs->scan.holders;
	struct budget *budget = procscan_budget(&procfs->scan, want->uid);
	struct holder *holder = held->holder;
	struct procscan_pid had = { holder->pid, holder->start };
	bool shared = held->shared;

	if (shared && !budget_has(budget, want->now))
		return -EAGAIN;
	held_forget(hs, held);
	if (gone)
		holder_forget(hs, holder);
	if (!shared)
		return look(procfs, gone ? NULL : &had, want);
	return walk(procfs, want);
}

/* What nobody held is looked for again after a while, where there is time. */
static int
look_for_nobodys(
    struct procfs *procfs, const struct held *held, const struct want *want)
{
	int r;

	if (mono_since(want->now, held->since) < NOBODY_NS) {
		r = guess_at(procfs, want, 0, GUESS_FEW);
		return r < 0 ? r : 0;
	}
	r = look(procfs, NULL, want);
	return r == -EAGAIN ? 0 : r;
}

/* The ladder of design.md section 4: the first rung is what was noted. */
static int
find(struct procfs *procfs, const struct want *want)
{
	struct holders *hs = &procfs->scan.holders;
	struct held *held = held_find(hs, want->inode);
	int r;

	if (held == NULL)
		return look(procfs, NULL, want);
	if (held->holder == NULL)
		return look_for_nobodys(procfs, held, want);
	/* seen with it in this very round */
	if (held->since.ns == want->now.ns)
		return 0;
	r = holder_has(hs, held->holder, held->fd, want->inode);
	if (r == 1)
		return refresh(procfs, held, want);
	if (r != 0 && r != -ESRCH)
		return r;
	return look_again(procfs, held, r == -ESRCH, want);
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
answer(
    struct procfs *procfs, const struct want *want, const struct process **ret)
{
	struct holders *hs = &procfs->scan.holders;
	struct held *held = noted(procfs, want);
	struct holder *holder;
	const struct process *proc;
	int r;

	if (held == NULL)
		return -ENOENT;
	holder = held->holder;
	if (holder->dir.fd < 0) { /* only scanned, by pid */
		r = holder_has(hs, holder, held->fd, want->inode);
		if (r != 1)
			return r < 0 ? r : -ESRCH;
	}
	r = holder_open(hs, holder);
	if (r != 0)
		return r;
	held_used(hs, held);
	holder->hint = held->fd;
	r = holder_read(procfs, holder);
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
owner(
    struct procfs *procfs, const struct want *want, const struct process **ret)
{
	int r = procfs->heard ? 0 : procscan_news(&procfs->scan, want->now);

	procfs->heard = r == 0;
	for (int i = 0; r == 0 && i < TRIES; i++) {
		r = find(procfs, want);
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
	struct want want = { .inode = inode, .uid = uid, .now = procfs->now };
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
	struct held_seen seen = {
		.inode = holding->inode, .fd = holding->fd, .now = procfs->now
	};

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
	struct procread_stat st;
	struct holder *holder;
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid); /* fits */
	r = procread_status(hs->proc_fd, path, &st);
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

static int
read_once(struct procfs *procfs, const struct procfs_one *one,
    const struct process *old, const struct process **ret)
{
	struct procread_dir dir;
	int r = procread_open(
	    &dir, procfs->scan.holders.proc_fd, one->pid, one->start);

	if (r != 0)
		return r;
	dir.args = one->args;
	dir.args_len = one->args_len;
	r = procread_process(&procfs->read, &dir, one->pid, old, ret);
	procread_close(&dir);
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
