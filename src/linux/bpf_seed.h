#ifndef LINUX_BPF_SEED_H
#define LINUX_BPF_SEED_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/mono.h"
#include "src/core/actor.h"

struct bpf_object;

/* What was there before anybody listened: the processes with their programs,
 * and who has which socket of this network namespace. Read once, through
 * iterators of the kernel; the one for processes is kept, for those whose start
 * is lost later. */
struct bpf_seed_ops {
	void (*fork)(void *arg, const struct fork *fork);
	void (*exec)(void *arg, const struct exec *exec);
	void (*holds)(void *arg, const struct holding *holding);
	void *arg;
};

/* Those that were missed. */
struct bpf_missed {
	struct bpf_seed_ops ops;
	int link;      /* -1: they can't be asked for */
	uint64_t lost; /* records by then */
	mono_t asked;
	uint64_t rest_ns; /* until they may be asked for again */
};
void bpf_missed_init(struct bpf_missed *missed);
void bpf_missed_done(struct bpf_missed *missed);

/* Runs the two programs of a loaded object. 0 or -errno (what was told until
 * then holds); -ENOENT where they could not be loaded. */
int bpf_seed(struct bpf_missed *missed, const struct bpf_seed_ops *ops,
    struct bpf_object *obj);

/* As bpf_ask_missed(); lost: records until now. */
int bpf_missed_ask(struct bpf_missed *missed, uint64_t lost, mono_t now);

#endif
