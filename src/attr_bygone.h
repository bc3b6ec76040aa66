#ifndef ATTR_BYGONE_H
#define ATTR_BYGONE_H

#include <stdbool.h>

#include "src/base/mono.h"
#include "src/core/actor.h"
#include "src/core/ancestors.h"
#include "src/core/lineage.h"
#include "src/core/process.h"

struct procread;

/* Control groups by the number that the kernel has for a set of them: what was
 * read of a process that lives is true of others in the same set. */
#define GROUPS_MAX 64
struct groups {
	struct group {
		uint64_t set, id;
		const struct process *of; /* a reference; NULL: free */
	} all[GROUPS_MAX];
	size_t next;
};

void groups_done(struct groups *groups);
void groups_put(struct groups *groups, const struct actor *actor,
    const struct process *proc);
/* NULL where it is not known. */
const struct process *groups_find(
    const struct groups *groups, const struct actor *actor);

/* What was made of an image lately, for those that are copies of each other: of
 * the same program, user, groups and parents. */
#define TWINS_MAX 8
struct twins {
	struct twin {
		const struct image *image; /* a reference; NULL: free */
		struct actor actor;
		/* references; those with the control group and the parents */
		const struct process *of, *peer, *sister;
		mono_t made;
	} all[TWINS_MAX];
	size_t next;
};

void twins_done(struct twins *twins);

struct bygone_opts {
	struct procread *read;
	struct lineage *lineage;
	struct groups *groups;
	struct cgroups *cgroups; /* NULL: none are known */
	struct ancestors *ancestors;
	struct twins *twins;
	/* each birth, exec and end: who lives, and as what */
	bool all_heard;
	uint64_t tick_ns; /* of /proc's clock */
	uint64_t mounts;  /* number of our own mount namespace */
	mono_t now;
	uint64_t fresh_ns; /* what was read holds for so long */
};

/* The process of an actor from what was heard of it, without reading it in
 * /proc: for one that is gone, or became another program. *ret_whole: nothing
 * is missing that /proc would have. 0 with a reference, -ENOENT where too
 * little is known, or -ENOMEM. */
int bygone_process(const struct bygone_opts *opts, const struct actor *actor,
    const struct process **ret, bool *ret_whole);

/* The same from the parent that it is a copy of, as /proc has that one. */
int bygone_copy(const struct bygone_opts *opts, const struct actor *actor,
    const struct process *parent, const struct process **ret);

#endif
