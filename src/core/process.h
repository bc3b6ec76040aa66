#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum process_kind {
	PROCESS_PROGRAM,
	PROCESS_KERNEL,	 /* no socket: traffic of the kernel's own */
	PROCESS_UNKNOWN, /* there is, or was, a program; it can't be named */
};

struct process_parent {
	pid_t pid;
	bool exe_here; /* as with the process itself */
	char *exe;     /* never NULL */
};

/* Parents past this depth are left out: a fork bomb is not a history. */
#define PROCESS_PARENTS_MAX 16

/* Who a flow belongs to. Immutable once made and counted by reference: what
 * changes in a process (exec, setuid, another cgroup) makes a new one, so that
 * a flow keeps what was true when it was judged. No string is ever NULL;
 * foreign text as it is, escape it before printing. */
struct process {
	unsigned int refs;
	enum process_kind kind;
	bool self; /* the daemon */
	pid_t pid;
	uint64_t start; /* clock ticks since boot, as in /proc/PID/stat */
	uint64_t exe_dev, exe_ino;
	/* of an unknown process: uid, gid and user alone are known */
	bool has_uid;
	/* the path exe names this very file in the daemon's mount namespace;
	 * false for deleted files, memfd, containers, bind mounts elsewhere */
	bool exe_here;
	uint32_t uid, gid; /* effective */
	char *exe;	   /* as readlink gives it */
	char *script;	   /* that an interpreter runs; "" for none */
	char *cmd;	   /* arguments joined by blanks */
	char *comm;
	char *user; /* name of uid, or its number */
	char *unit; /* systemd unit, or container id; "" for none */
	/* the whole cgroup path: slices and scopes are matched on it */
	char *cgroup;
	/* a reference: whose the parents are, and each string that is at the
	 * same place there; NULL: all are its own */
	const struct process *lender;
	size_t n_parents; /* the nearest first */
	struct process_parent *parents;
};

/* A process with empty strings and one reference; NULL when no memory. */
struct process *process_new(enum process_kind kind);

/* Takes one more reference; gives one back, and frees on the last. Both
 * accept NULL. */
const struct process *process_ref(const struct process *proc);
void process_unref(const struct process *proc);

/* Sets one of the strings to a copy of s[0..len), NUL bytes ending it; 0 or
 * -ENOMEM (the field keeps its old value). */
int process_set(char **field, const char *s, size_t len);

/* The same with a string of malloc(3), which is the process's from then on. */
void process_take(char **field, char *s);

/* One parent more, a copy of its path, where there are fewer than the most. 0
 * or -ENOMEM. */
int process_add_parent(
    struct process *proc, pid_t pid, const char *exe, bool exe_here);

/* Gives a process that has no parents yet those of a sister. What the two have
 * in common is in memory once from then on: of proc nothing may be set any more
 * but by process_set_lent(). */
void process_join(struct process *proc, const struct process *sister);

/* Another process of which nothing differs but these two: all its strings and
 * parents are those of `of`. Its `self` is to be set. NULL when there is no
 * memory. */
struct process *process_twin(
    const struct process *of, pid_t pid, uint64_t start);

/* As process_set(): what a sister has as well stays in memory once. */
int process_set_lent(
    struct process *proc, char **field, const char *s, size_t len);

/* Of an executable that has been taken from its path ("/usr/bin/x (deleted)",
 * as an upgrade does with what runs): the length of that path; else 0. Another
 * file may be there now, so that it is good for a denial alone. */
size_t process_exe_was(const char *exe, bool exe_here);

/* Whether what the one does may be the other's work: they are one, or the one
 * has begun the other, or one program has begun both. Of `listener` its pid is
 * enough. Who begins everything (init, and each user's) listens for others as
 * well, systemd.socket(5): what else it has begun is nothing of that. */
bool process_is_kin(const struct process *listener, const struct process *proc);

const char *process_kind_name(enum process_kind kind);

#endif
