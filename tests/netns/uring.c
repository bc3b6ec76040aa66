#include "tests/netns/uring.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	uint8_t *rings; /* both, in one piece */
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

static int
ring_open(struct ring *ring, bool poll)
{
	struct io_uring_params *p = &ring->params;
	size_t sq, cq;

	memset(ring, 0, sizeof(*ring));
	if (poll) {
		p->flags = IORING_SETUP_SQPOLL;
		p->sq_thread_idle = 1000; /* ms */
	}
	ring->fd = (int)syscall(SYS_io_uring_setup, 1, p);
	if (ring->fd < 0)
		return -errno;
	sq = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	ring->rings = mmap(NULL, sq > cq ? sq : cq, PROT_READ | PROT_WRITE,
	    MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, sizeof(struct io_uring_sqe),
	    PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	return ring->rings != MAP_FAILED && ring->sqes != MAP_FAILED ? 0
								     : -errno;
}

static uint32_t *
word(struct ring *ring, uint32_t at)
{
	return (uint32_t *)(void *)(ring->rings + at);
}

/* Until it is done, or only until it is taken. 0 or -errno. */
static int
submit(struct ring *ring, bool poll, bool done)
{
	unsigned int flags = (done ? IORING_ENTER_GETEVENTS : 0) |
			     (poll ? IORING_ENTER_SQ_WAKEUP : 0);

	*word(ring, ring->params.sq_off.array) = 0;
	__atomic_store_n(
	    word(ring, ring->params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, done, flags, NULL, 0) < 0)
		return -errno;
	while (__atomic_load_n(
		   word(ring, ring->params.sq_off.head), __ATOMIC_ACQUIRE) != 1)
		(void)sched_yield(); /* never fails on Linux */
	return 0;
}

int
uring_send(int fd, const struct msghdr *msg, bool poll)
{
	struct ring ring;
	const struct io_uring_cqe *cqe;
	int r = ring_open(&ring, poll);

	if (r < 0)
		return r;
	memset(ring.sqes, 0, sizeof(*ring.sqes));
	ring.sqes->opcode = IORING_OP_SENDMSG;
	ring.sqes->fd = fd;
	ring.sqes->addr = (uintptr_t)msg;
	ring.sqes->len = 1;
	r = submit(&ring, poll, true);
	cqe = (const void *)(ring.rings + ring.params.cq_off.cqes);
	return r < 0 ? r : cqe->res;
}

int
uring_connect(int fd, const struct sockaddr *to, socklen_t len, bool poll)
{
	struct ring ring;
	int r = ring_open(&ring, poll);

	if (r < 0)
		return r;
	memset(ring.sqes, 0, sizeof(*ring.sqes));
	ring.sqes->opcode = IORING_OP_CONNECT;
	ring.sqes->fd = fd;
	ring.sqes->addr = (uintptr_t)to;
	ring.sqes->off = len;
	return submit(&ring, poll, false);
}
