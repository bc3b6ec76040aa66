#include "src/linux/bpf_ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* The head of a record (linux/bpf.h has the bits as BPF_RINGBUF_*): its length
 * with two flags, and four bytes of the kernel's own. */
#define HEAD 8
#define CACHE_LINE 64
#define BUSY (UINT32_C(1) << 31)
#define DISCARDED (UINT32_C(1) << 30)

/* All that is mapped is resident, from the first moment on. */
int
bpf_ring_init(struct bpf_ring *ring, int fd, size_t size, size_t longest)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t over = (HEAD + longest + page - 1) / page * page;
	size_t mapped = page + size + (over < size ? over : size);
	void *own, *theirs;

	own = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (own == MAP_FAILED)
		return -errno;
	/* the bytes are there twice in a row, so that a record at the end is
	 * in one piece: of the second time so much as that takes */
	theirs = mmap(NULL, mapped, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (theirs == MAP_FAILED) {
		int r = -errno;

		(void)munmap(own, page);
		return r;
	}
	*ring = (struct bpf_ring){ .size = size,
		.page = page,
		.mapped = mapped,
		.longest = longest,
		.consumed = own,
		.produced = theirs,
		.bytes = (const uint8_t *)theirs + page };
	return 0;
}

void
bpf_ring_done(struct bpf_ring *ring)
{
	if (ring->consumed == NULL)
		return;
	(void)munmap(ring->consumed, ring->page);
	/* const for us: the kernel writes */
	(void)munmap((void *)ring->produced, ring->mapped);
	*ring = (struct bpf_ring){ .size = 0 };
}

void
bpf_ring_expect(const struct bpf_ring *ring, size_t len)
{
	const uint8_t *next =
	    ring->bytes + (*ring->consumed & (ring->size - 1));

	__builtin_prefetch(ring->produced);
	for (size_t i = 0; i < HEAD + len; i += CACHE_LINE)
		__builtin_prefetch(next + i);
}

bool
bpf_ring_read(struct bpf_ring *ring, bpf_ring_fn *fn, void *arg)
{
	uint64_t at = *ring->consumed; /* nobody else writes it */

	while (at < __atomic_load_n(ring->produced, __ATOMIC_ACQUIRE)) {
		const uint8_t *head = ring->bytes + (at & (ring->size - 1));
		uint32_t len = __atomic_load_n(
		    (const uint32_t *)(const void *)head, __ATOMIC_ACQUIRE);

		if ((len & BUSY) != 0)
			return false;
		if ((len & DISCARDED) == 0 && len <= ring->longest)
			fn(arg, head + HEAD, len);
		len &= ~DISCARDED;
		at += (HEAD + (uint64_t)len + 7) / 8 * 8;
		__atomic_store_n(ring->consumed, at, __ATOMIC_RELEASE);
	}
	return true;
}
