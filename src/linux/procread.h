#ifndef LINUX_PROCREAD_H
#define LINUX_PROCREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/mono.h"
#include "src/core/process.h"
#include "src/linux/places.h"
#include "src/linux/users.h"

/* One process, read through a descriptor of its directory in /proc: what it
 * names is that process and never another one with the same pid. */
struct procread {
	struct users users;
	struct cmdlines *cmdlines;
	struct places places;
	mono_t now; /* of this round */
	pid_t self;
};

struct procread_stat {
	pid_t ppid;
	uint64_t start;
	bool kthread, zombie;
};

/* The open directory of a process, and those of its files that are read for
 * each answer: kept open, a read of them costs a third. Descriptors, or -1. */
struct procread_dir {
	int fd;	   /* O_PATH */
	int links; /* O_PATH of its folder fd */
	int comm, cmdline, cgroup;
	/* its arguments, each with its NUL, where they are known; borrowed.
	 * NULL: they are read, as the process has them now */
	const char *args;
	size_t args_len;
};

/* Opens /proc/PID below proc_fd, for the process that started then: 0, -ESRCH
 * (it is gone, or it is another one) or -errno. */
int procread_open(
    struct procread_dir *ret, int proc_fd, pid_t pid, uint64_t start);
void procread_close(struct procread_dir *dir);

/* 0 or -ENOMEM; to be done with in any case. */
int procread_init(struct procread *pr);
void procread_done(struct procread *pr);

/* What is asked for from here on is asked for at that time: what was read
 * shortly before may do. */
void procread_round(struct procread *pr, mono_t now);

/* Reads a small file whole, or as much of it as fits; the length or -errno. */
ssize_t procread_file(int dirfd, const char *name, char *buf, size_t size);

/* PID/stat below dirfd (name: "stat" or "123/stat"): 0, -ESRCH or -errno. */
int procread_status(int dirfd, const char *name, struct procread_stat *ret);

/* True if executable, its place, user and group of the process are still those
 * of `old`: what rules trust most, and a third of the cost of reading it all.
 */
bool procread_is_same(struct procread *pr, const struct procread_dir *dir,
    const struct process *old);

/* A process that is gone, by what was heard of it. */
struct procread_facts {
	pid_t pid;
	uint64_t start; /* clock ticks since boot */
	uint32_t uid, gid;
	uint64_t exe_dev, exe_ino;
	const char *exe;  /* as it was when it was started */
	bool exe_ours;	  /* a path of our own mount namespace */
	const char *args; /* each with its NUL */
	size_t args_len;
	const char *comm;
	size_t comm_len;
	const char *cgroup, *unit;
	/* one with the same parents, or NULL */
	const struct process *sister;
};

/* Its process, with its sister's parents or none yet; to be given back. 0,
 * -ETIMEDOUT (what is at its path can't be told in time) or -ENOMEM. */
int procread_bygone(struct procread *pr, const struct procread_facts *facts,
    struct process **ret);

/* Adds the ancestor *pid with all that is read of it, who started no later than
 * *start, and exactly at `exactly` where that is not 0: another one has its
 * pid. 0 with *pid and *start of the next one up; -ESRCH, -ETIMEDOUT as above,
 * or -errno. */
int procread_add_parent(struct procread *pr, struct process *proc, pid_t *pid,
    uint64_t *start, uint64_t exactly);

/* True if its executable is at its path now, or was not then either; what was
 * there a moment ago, for whichever process, is there (places_had()). */
bool procread_is_here(struct procread *pr, const struct process *proc);

/* The process as it is now: `old` with one more reference when nothing about
 * it has changed, else a new one. A process that is ending keeps what `old`
 * says of it; so does one whose command line does not come, of that. 0, -ESRCH
 * when it is gone, -ETIMEDOUT (it does not come, and nothing is known), -EAGAIN
 * (it becomes another program all the time), -ENOMEM or -errno. */
int procread_process(struct procread *pr, struct procread_dir *dir, pid_t pid,
    const struct process *old, const struct process **ret);

#endif
