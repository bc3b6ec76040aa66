#ifndef CORE_OWNERS_H
#define CORE_OWNERS_H

#include <stdint.h>
#include <sys/types.h>

#include "src/base/mono.h"
#include "src/core/process.h"

/* Whose the sockets were that were asked about a moment ago: to a server comes
 * one connection after the other, and to read in /proc who it is costs more
 * than all else of them. */
#define OWNERS_MAX 64

struct owners {
	struct owner {
		uint64_t socket; /* its inode */
		uint32_t uid;	 /* that the kernel has with it */
		mono_t read;
		const struct process *of; /* a reference; NULL: free */
	} all[OWNERS_MAX];
};

void owners_done(struct owners *owners);

/* It was seen just now that the process has that socket. */
void owners_put(struct owners *owners, uint64_t socket, uint32_t uid,
    const struct process *of, mono_t now);

/* Who was seen with it no longer than age ago; NULL where nobody was. Borrowed
 * until the next call. */
const struct process *owners_find(const struct owners *owners, uint64_t socket,
    uint32_t uid, mono_t now, uint64_t age);

/* That process became another program, or ended. */
void owners_changed(struct owners *owners, pid_t pid);

/* That socket was closed. */
void owners_closed(struct owners *owners, uint64_t socket);

#endif
