#ifndef CORE_ANCESTORS_H
#define CORE_ANCESTORS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/mono.h"
#include "src/core/process.h"

/* The parents of processes that were looked up lately, for their sisters: to
 * read a chain of ten in /proc costs more than all else of a short process. */
#define ANCESTORS_MAX 16

struct ancestors {
	struct ancestry {
		pid_t pid; /* the nearest parent, or the one above */
		uint64_t start;
		mono_t read;
		const struct process *of; /* a reference; NULL: free */
		size_t from;		  /* among its parents, where pid is */
	} all[ANCESTORS_MAX];
	size_t next;
};

void ancestors_done(struct ancestors *ancestors);

/* Those of `of` were read then, and its parent is the process with that pid and
 * start. */
void ancestors_put(struct ancestors *ancestors, pid_t pid, uint64_t start,
    const struct process *of, mono_t read);

/* The same of its second parent, above which all is alike for the children of
 * many a first one: whoever runs a script each time. */
void ancestors_put_above(struct ancestors *ancestors, pid_t pid, uint64_t start,
    const struct process *of, mono_t read);

/* The process and those above it, as they were read no longer than age ago:
 * `of`'s parents from `from` on; NULL where they were not. Borrowed until the
 * next call. */
const struct ancestry *ancestors_above(const struct ancestors *ancestors,
    pid_t pid, uint64_t start, mono_t now, uint64_t age);

/* A process with the same parent whose chain was read no longer than age ago;
 * NULL where there is none. Borrowed until the next call. */
const struct process *ancestors_find(const struct ancestors *ancestors,
    pid_t pid, uint64_t start, mono_t now, uint64_t age);

/* That process became another program: what it is in is to be read anew. */
void ancestors_changed(struct ancestors *ancestors, pid_t pid);

#endif
