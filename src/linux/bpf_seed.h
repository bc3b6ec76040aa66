#ifndef LINUX_BPF_SEED_H
#define LINUX_BPF_SEED_H

#include "src/core/actor.h"

struct bpf_object;

/* What was there before anybody listened: the processes with their programs,
 * and who has which socket of this network namespace. Read once, through
 * iterators of the kernel that are gone again when it returns. */
struct bpf_seed_ops {
	void (*exec)(void *arg, const struct exec *exec);
	void (*holds)(void *arg, const struct holding *holding);
	void *arg;
};

/* Runs the two programs of a loaded object. 0 or -errno (what was told until
 * then holds); -ENOENT where they could not be loaded. */
int bpf_seed(const struct bpf_seed_ops *ops, struct bpf_object *obj);

#endif
