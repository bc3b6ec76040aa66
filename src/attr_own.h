#ifndef ATTR_OWN_H
#define ATTR_OWN_H

#include "src/attr.h"
#include "src/attr_bygone.h"
#include "src/core/cgroups.h"
#include "src/core/idmap.h"
#include "src/core/lineage.h"
#include "src/core/owners.h"
#include "src/core/uses.h"
#include "src/linux/bpf.h"
#include "src/linux/procfs.h"

/* Behind struct attr: shared by attr.c (sockets, what is heard of the kernel)
 * and attr_process.c (which process that is). */

struct attr {
	struct attr_opts opts;
	struct attr_sizes sizes;
	struct bpf *bpf; /* NULL where there is none */
	struct uses *uses;
	struct lineage *lineage;
	struct groups groups;
	/* NULL where /proc has other names for them than the kernel */
	struct cgroups *cgroups;
	struct ancestors ancestors;
	struct twins twins;
	struct owners owners;
	uint64_t tick_ns;
	uint64_t mounts; /* number of our mount namespace; 0: not known */
	struct idmap users, user_groups;
	mono_t now;
	uint64_t round;
	bool apart;   /* see attr_tell_apart() */
	bool drained; /* in this round */
	bool late;    /* in this round a record did not come in time */
	bool asked;   /* /proc was, in this round */
	mono_t end;   /* of the work on it in this round, once asked */
	struct used used;
	attr_taken_fn *taken;
	attr_closed_fn *closed;
	void *taken_arg, *closed_arg;
	char why[BPF_WHY_MAX];
};

/* What the process was started as last; NULL: not known. Borrowed. */
const struct image *attr_image_of(
    const struct attr *attr, const struct process *proc);

/* Whether the process, as /proc has it, runs what it was started as. Devices
 * that are none may have another number for stat(2). */
bool attr_is_run_by(const struct attr *attr, const struct image *image,
    const struct process *proc);

/* The process of the record that was found last, attr->used: 0, to be released
 * by the caller; -ENOENT: it is gone, unnamed; or -errno. */
int attr_user(struct attr *attr, const struct process **ret);

#endif
