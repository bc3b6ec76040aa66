#ifndef LINUX_PROCSCAN_H
#define LINUX_PROCSCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/budget.h"
#include "src/base/mono.h"
#include "src/linux/holders.h"

/* Reads descriptors of processes into the table of holders: of one process
 * (procscan.c), of the new ones (procnews.c), of all of them until a socket is
 * met (procwalk.c), also in threads that have some of their own (procthread.c),
 * of all of them again and again (procsweep.c). */

#define PROCSCAN_YOUNG 16
#define PROCSCAN_UNBORN 16
#define PROCSCAN_USERS 4

struct procscan_pid {
	pid_t pid;
	uint64_t start; /* 0: it is read where that is needed */
};

/* Where one process is too much for one time: what is left of it. */
struct procscan_part {
	bool going;
	int at; /* the next descriptor */
	int n;	/* read before */
	int from, below;
};

/* The same where it has threads with descriptors of their own. */
struct procscan_threads {
	bool going;
	int64_t list_at;
	pid_t thread, last; /* at hand; whose were read before */
	struct procscan_part part;
};

struct procscan_sweep {
	bool going;
	bool below; /* among the numbers up to `last` */
	pid_t last; /* the newest when it began */
	int64_t list_at;
	mono_t end; /* of this piece */
	pid_t pid;  /* the one at hand */
	struct procscan_part part;
};

struct procscan_walk;

struct procscan {
	struct holders holders;
	int loadavg_fd;
	pid_t last_pid; /* every process up to it is scanned or news; 0: none */
	/* new ones that are to be scanned; start: until when (in ns) one that
	 * is not to be seen may be yet */
	struct {
		struct procscan_pid *v;
		size_t n, size, at;
		/* /proc is being listed for those between the two pids */
		bool listing;
		int64_t list_at;
		pid_t after, last;
		struct procscan_part part; /* of the next one */
	} news;
	struct procscan_walk *walk; /* one that goes on later; NULL */
	/* what this thread has had of a CPU when what takes long is to go on
	 * later; 0: it is done to the end */
	mono_t end;
	uint32_t scan; /* number of the scan at hand */
	/* the youngest processes, the last one first */
	struct procscan_pid young[PROCSCAN_YOUNG];
	/* pids given out whose process was not to be seen yet */
	struct {
		pid_t pid;
		mono_t until;
	} unborn[PROCSCAN_UNBORN];
	unsigned int n_unborn;
	uint64_t walks;
	struct procscan_sweep sweep;
	/* of time for what finds nobody, and for walks */
	struct budget budgets[PROCSCAN_USERS];
};

/* A program can make sockets that nobody holds when they are looked for (they
 * are on their way between processes), as many as it likes: to look for them
 * in vain gets this share of the time, and so much at once. What one user has
 * used up others have still, as a rule: users share a few of them. */
#define PROCSCAN_SHARE 10
#define PROCSCAN_MOST (50 * MONO_MS)

struct budget *procscan_budget(struct procscan *ps, uint32_t uid);

int procscan_init(struct procscan *ps, size_t open_max);
void procscan_done(struct procscan *ps);

/* Calls fn for some of a directory's entries that are numbers, from *at on,
 * which is moved, until it gives other than 0, and gives that; PROCSCAN_MORE
 * when there may be more; or -errno. */
#define PROCSCAN_MORE 1
typedef int procscan_list_fn(void *arg, uint64_t number);
int procscan_list_some(int fd, int64_t *at, procscan_list_fn *fn, void *arg);

/* True where this thread has had so much of a CPU (mono_work()); 0: never. */
bool procscan_is_late(mono_t end);

/* Whether it is known who has the socket. */
bool procscan_has_met(struct procscan *ps, uint64_t inode);

/* When the process started. 0, -ESRCH (it is gone, or a thread of the kernel)
 * or -errno. */
int procscan_start(struct procscan *ps, pid_t pid, uint64_t *ret);

/* Failures of a process that goes away or hides are normal: of an error only
 * the lack of memory and of descriptors is left, else 0. */
int procscan_failure(int r);

/* One process to scan. */
struct procscan_job {
	struct procscan_pid who;
	/* its own are read, as of one that has some; 0: of the process */
	pid_t thread;
	uint64_t inode; /* looked for: 256 descriptors after it, it is enough */
	int from;	/* begin with this descriptor */
	int max;	/* read no more than so many; 0: all */
	bool born;	/* it is new: it shares its sockets with its parent */
	mono_t now;
	mono_t end; /* it is left when procscan_is_late() */
	struct procscan_part
	    *part; /* keeps what is left; NULL: it is not read */
};

/* held_find() tells what was met. 0, -EINPROGRESS (call again with that part:
 * there are more) or -errno. */
int procscan_one(struct procscan *ps, const struct procscan_job *job);

/* Scans those of its threads that share their descriptors with none that was
 * scanned before, until the socket is met. 0, -EINPROGRESS (call again with
 * that `left`) or -errno. */
int procscan_threads(struct procscan *ps, const struct procscan_job *job,
    struct procscan_threads *left);

/* Whether there may be any. */
bool procscan_has_threads(const struct procscan *ps, pid_t pid);

/* Scans the processes that started since the last call, so that a child that
 * inherited a known socket is known as its holder. Costs 0.4 us when there is
 * none. 0, -EINPROGRESS (call again: there are more) or -errno (no
 * descriptors). */
int procscan_news(struct procscan *ps, mono_t now);

/* Scans the youngest processes, the newest first, until the socket is met. */
int procscan_young(struct procscan *ps, uint64_t inode, mono_t now);

/* Scans all processes, the newest first and pid 1 last, until the socket is
 * met, so that the first one met is the answer, and then what their threads
 * have of their own; notes that nobody has it where it is not. 0, -EINPROGRESS
 * (call again: it goes on) or -errno. */
int procscan_walk(struct procscan *ps, uint64_t inode, mono_t now);

/* True where a walk for that one is to go on. */
bool procscan_is_walking(const struct procscan *ps, uint64_t inode);
void procscan_walk_end(struct procscan *ps);

/* Goes on with the one that is under way, whoever it is for. As that. */
int procscan_walk_on(struct procscan *ps, mono_t now);

/* True where what takes long is to wait: for a walk that goes on, or since
 * there is no time left for it now. */
bool procscan_is_busy(const struct procscan *ps);

/* Scans processes for so much work, each call those behind the last one's, and
 * none of them twice before all that were there at the beginning had their
 * turn: then ps->sweep.going is false. What is begun is finished however many
 * are born meanwhile. 0 or -errno. */
int procscan_refresh(struct procscan *ps, mono_t now, uint64_t ns);

#endif
