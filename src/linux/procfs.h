#ifndef LINUX_PROCFS_H
#define LINUX_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mono.h"
#include "src/core/actor.h"
#include "src/core/process.h"

/* From a socket's inode to the process that holds it, and all that is known
 * of it. What it keeps between calls is checked again at each use, so that pid
 * reuse, exec, fork and a socket handed on are seen. */
struct procfs;
struct procread;

/* processes_max bounds the cache; it holds one descriptor each. 0 or -errno
 * (no /proc). */
int procfs_open(struct procfs **ret, size_t processes_max);
void procfs_close(struct procfs *procfs); /* accepts NULL */

/* What asks next was sent before now: what is read of a process from here on
 * holds for all of it, and is read once, until the next round. */
void procfs_round(struct procfs *procfs);

/* Before anything is looked up, so that it need not be searched for: a socket
 * that a process has (start in ticks, as /proc gives it); or all that /proc
 * shows within half a second. */
void procfs_note(struct procfs *procfs, const struct holding *holding);
void procfs_seed(struct procfs *procfs);

/* What of a look-up takes long is put off to the next call when this thread
 * has had so much of a CPU (mono_work()); ns 0: never. */
void procfs_until(struct procfs *procfs, mono_t end);

/* The holder of the socket: the one that is not pid 1 and started last where
 * there are several. uid (of the socket) narrows the search. 0 with a
 * reference in *ret that the caller gives back; -ENOENT when nobody holds it;
 * -EINPROGRESS when it is to be called again, in another round;
 * -EAGAIN when all of /proc would have to be walked, and was too often lately;
 * -ETIMEDOUT when its command line does not come (cmdline.h); -errno when /proc
 * could not be read. */
int procfs_owner(struct procfs *procfs, uint64_t inode, uint32_t uid,
    const struct process **ret);

/* Whether a socket may be somebody else's by now, and processes are gone
 * through for that; then a small piece of it: true where there is more. To be
 * called every few milliseconds, so that who asks for a process need not wait
 * for it. */
bool procfs_is_sweeping(const struct procfs *procfs);
bool procfs_sweep(struct procfs *procfs);

/* The process with that pid as it is now; 0, -ESRCH or -errno. */
int procfs_process(
    struct procfs *procfs, pid_t pid, const struct process **ret);

/* This one, for the start, which can't go on without: waits for some seconds
 * where the machine has no time for who reads it. 0, -ETIMEDOUT or -errno. */
int procfs_self(struct procfs *procfs, const struct process **ret);

/* The same for the one that started then, without keeping a descriptor of it:
 * `old` (or NULL) with one more reference where nothing has changed. args: its
 * arguments where they are known, each with its NUL; else NULL. sister: its
 * parents are those of that process; NULL: /proc is asked. -ESRCH when it is
 * gone. */
struct procfs_one {
	pid_t pid;
	uint64_t start;
	const char *args;
	size_t args_len;
	const struct process *sister;
};
int procfs_read_once(struct procfs *procfs, const struct procfs_one *one,
    const struct process *old, const struct process **ret);

/* Makes names of users and the like, for what is built by others. */
struct procread *procfs_read(struct procfs *procfs);

/* Processes in the cache: for `status`. */
size_t procfs_count(const struct procfs *procfs);

/* How often the whole of /proc had to be walked. */
uint64_t procfs_walks(const struct procfs *procfs);

#endif
