#ifndef LINUX_CHAINS_WATCH_H
#define LINUX_CHAINS_WATCH_H

#include "src/linux/chains.h"

/* Word that the tables may have changed. The kernel tells of nf_tables alone;
 * of the legacy tables it is the lock that each well-behaved program opens and
 * closes around a change. What changes them without it shows in chains_state()
 * only. */
struct chains_watch {
	enum chains_backend backend;
	int fd;	  /* readable when there is word */
	int lock; /* inotify's number for the lock's file; -1 for none */
};

/* 0 or -errno. */
int chains_watch_open(struct chains_watch *ret, enum chains_backend backend);
void chains_watch_close(struct chains_watch *watch); /* once opened */

/* Takes all word there is; also looks for the lock's file where it was not
 * there. True if there was any. */
bool chains_watch_read(struct chains_watch *watch);

#endif
