#ifndef LINUX_PROCFS_OWN_H
#define LINUX_PROCFS_OWN_H

#include "src/linux/procfs.h"

#include "src/linux/holders.h"
#include "src/linux/procread.h"
#include "src/linux/procscan.h"

/* Shared by procfs.c (processes, as they are now) and proclook.c (who of them
 * has a socket). */

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
struct procfs_want {
	uint64_t inode;
	uint32_t uid;
	mono_t now;
};

/* The note of who holds it, where it names somebody. */
struct held *procfs_noted(
    struct procfs *procfs, const struct procfs_want *want);

/* Sees to it that there is one, if anybody holds it. 0, or as procfs_owner(),
 * and -ESRCH where it was wrong: look again. */
int procfs_find(struct procfs *procfs, const struct procfs_want *want);

#endif
