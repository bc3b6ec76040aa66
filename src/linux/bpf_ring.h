#ifndef LINUX_BPF_RING_H
#define LINUX_BPF_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a ring buffer of BPF in the memory it shares with the kernel: no
 * system call, and what is half written can be told from what is not there. */
struct bpf_ring {
	size_t size, page;
	size_t mapped;	/* bytes from `produced` on */
	size_t longest; /* no record is longer */
	uint64_t *consumed;
	const uint64_t *produced;
	const uint8_t *bytes;
};

/* fd: of the map; size: its max_entries. 0 or -errno; done accepts one that is
 * zero. */
int bpf_ring_init(struct bpf_ring *ring, int fd, size_t size, size_t longest);
void bpf_ring_done(struct bpf_ring *ring);

/* Fetches the next record, of len bytes: another CPU has just written it, or is
 * about to. */
void bpf_ring_expect(const struct bpf_ring *ring, size_t len);

/* Calls fn for each record that is complete, in order. Borrowed until fn
 * returns. False when one is in the way that is being written now. */
typedef void bpf_ring_fn(void *arg, const void *record, size_t len);
bool bpf_ring_read(struct bpf_ring *ring, bpf_ring_fn *fn, void *arg);

#endif
