#ifndef LINUX_BPF_SEED_H
#define LINUX_BPF_SEED_H

#include <stdint.h>

#include "src/core/actor.h"

/* What was there before anybody listened: the processes with their programs,
 * and who has which socket of this network namespace. Read once, through
 * iterators of the kernel that are gone again when it returns. */
struct bpf_seed_ops {
	void (*exec)(void *arg, const struct exec *exec);
	void (*holds)(void *arg, const struct holding *holding);
	void *arg;
};

/* pid_level: of the pid namespace whose numbers are wanted. 0 or -errno (what
 * was told until then holds). Needs the privileges of bpf_open(). */
int bpf_seed(const struct bpf_seed_ops *ops, uint32_t pid_level);

#endif
