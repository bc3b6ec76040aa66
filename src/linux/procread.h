#ifndef LINUX_PROCREAD_H
#define LINUX_PROCREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/mono.h"
#include "src/core/process.h"
#include "src/linux/places.h"
#include "src/linux/procdir.h"
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

/* 0 or -ENOMEM; to be done with in any case. */
int procread_init(struct procread *pr);
void procread_done(struct procread *pr);

/* What is asked for from here on is asked for at that time: what was read
 * shortly before may do. */
void procread_round(struct procread *pr, mono_t now);

/* True if executable, its place, user and group of the process are still those
 * of `old`: what rules trust most, and a third of the cost of reading it all.
 */
bool procread_is_same(
    struct procread *pr, const struct procdir *dir, const struct process *old);

/* Adds the ancestor *pid with all that is read of it, who started no later than
 * *start, and exactly at `exactly` where that is not 0: another one has its
 * pid. 0 with *pid and *start of the next one up; -ESRCH, -ETIMEDOUT (what is
 * at its path can't be told in time) or -errno. */
int procread_add_parent(struct procread *pr, struct process *proc, pid_t *pid,
    uint64_t *start, uint64_t exactly);

/* The parent that the process has now that started then. 0, -ESRCH or -errno.
 */
int procread_ppid(pid_t pid, uint64_t start, pid_t *ret);

/* True if its executable is at its path now, or was not then either; what was
 * there a moment ago, for whichever process, is there (places_had()). */
bool procread_is_here(struct procread *pr, const struct process *proc);

/* The process as it is now: `old` with one more reference when nothing about
 * it has changed, else a new one. A process that is ending keeps what `old`
 * says of it; so does one whose command line does not come, of that. 0, -ESRCH
 * when it is gone, -ETIMEDOUT (it does not come, and nothing is known), -EAGAIN
 * (it becomes another program all the time), -ENOMEM or -errno. */
int procread_process(struct procread *pr, struct procdir *dir, pid_t pid,
    const struct process *old, const struct process **ret);

#endif
