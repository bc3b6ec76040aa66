#ifndef LINUX_HOLDERS_H
#define LINUX_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/list.h"
#include "src/base/map.h"
#include "src/base/mono.h"
#include "src/core/process.h"
#include "src/linux/procdir.h"

/* Which process holds which socket, as it was when last looked at: hints that
 * are checked at each use. */

/* Where a process has a socket. */
struct held_at {
	int fd;
	/* who alone has that number for it: a thread that shares its
	 * descriptors with none of the others; 0: the process */
	pid_t thread;
};

/* A process with sockets, by pid and start time. */
struct holder {
	struct map_node node;
	struct list lru;     /* all: those used last come first */
	struct list open;    /* those with a descriptor, likewise */
	struct list sockets; /* struct held */
	pid_t pid;
	uint64_t start;
	struct procdir dir;  /* fd -1: not open */
	uint32_t uid;	     /* effective, when last seen */
	struct held_at hint; /* of its last socket */
	uint32_t scan; /* which one; 0: never scanned, nor what is newer */
	const struct process *value; /* a reference; NULL */
	uint64_t round;		     /* of procfs, in which value was read */
	mono_t read;		     /* when value was read whole */
};

/* A socket. */
struct held {
	struct map_node node;
	struct list lru;
	struct list of_holder;
	uint64_t inode;
	struct holder *holder; /* NULL: nobody held it at `since` */
	struct held_at at;
	/* Two processes held it, or one was born with it: these stay longest,
	 * since without them the older holder would be taken for the only
	 * one. */
	bool shared;
	uint32_t scan;
	mono_t since; /* when it was last made sure that none newer holds it */
};

struct holders {
	struct map by_pid, by_inode;
	struct list lru, open, plain, shared;
	size_t n_open, open_max;
	int proc_fd;
};

/* 0 or -errno (no /proc). */
int holders_init(struct holders *hs, size_t open_max);
void holders_done(struct holders *hs);

/* Finds or makes it; one with another start time is forgotten. NULL when there
 * is no memory. */
struct holder *holder_get(struct holders *hs, pid_t pid, uint64_t start);
struct holder *holder_find(struct holders *hs, pid_t pid);
void holder_forget(struct holders *hs, struct holder *holder);

/* True if a started after b. Within one clock tick the pid tells. */
bool holder_newer(const struct holder *a, const struct holder *b);

/* Sees to it that dir is open and names this very process, and that it is
 * the one used last. 0, -ESRCH (it is gone) or -errno. */
int holder_open(struct holders *hs, struct holder *holder);

/* Lets go of dir and value; what it was met with stays. */
void holder_close(struct holders *hs, struct holder *holder);

/* 1 if the process has the socket there, 0 if not, -ESRCH or -errno. Does not
 * count as a use. */
int holder_has(struct holders *hs, struct holder *holder, struct held_at at,
    uint64_t inode);

/* Gives back the descriptor used longest ago; false when there is none. */
bool holders_close_one(struct holders *hs);

/* Borrowed until the next held_put() or forgetting. */
struct held *held_find(struct holders *hs, uint64_t inode);
void held_forget(struct holders *hs, struct held *held);
void held_used(struct holders *hs, struct held *held); /* keep it longer */

/* Notes that the process was seen with the socket at *seen, just now. Another
 * one that is newer and still has it stays its holder. */
struct held_seen {
	uint64_t inode;
	struct held_at at;
	bool born; /* the process is new: it may share it with its parent */
	mono_t now;
};
void held_put(
    struct holders *hs, struct holder *holder, const struct held_seen *seen);

/* Notes that nobody holds it. */
void held_put_nobody(struct holders *hs, uint64_t inode, mono_t now);

/* After a scan of all descriptors of the process: forgets sockets that it did
 * not meet, but for those of a thread alone. */
void holder_swept(struct holders *hs, struct holder *holder);

#endif
