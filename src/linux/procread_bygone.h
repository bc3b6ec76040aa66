#ifndef LINUX_PROCREAD_BYGONE_H
#define LINUX_PROCREAD_BYGONE_H

#include "src/linux/procread.h"

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

#endif
