#ifndef LINUX_BPF_HEARD_H
#define LINUX_BPF_HEARD_H

struct bpf_hearer;
struct bpf_shared;
struct flow_key;

/* bpf_heard() in the memory that the programs share with us: where they look it
 * up by the ends that conntrack has. */
void bpf_heard_put(volatile struct bpf_shared *shared,
    const struct flow_key *key, const struct bpf_hearer *hearer);

#endif
