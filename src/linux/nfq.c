#include "src/linux/nfq.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include "src/base/mono.h"
#include "src/base/rd.h"
#include "src/core/mark.h"

/* Not <libnetfilter_queue/...>: its old calls have names that are ours here
 * (nfq_open, nfq_close, nfq_fd). nfq_msg.c builds the messages with it. */

static const uint16_t queues[] = { NFQ_OUT4, NFQ_OUT6, NFQ_IN4, NFQ_IN6 };
#define N_QUEUES (sizeof(queues) / sizeof(queues[0]))

/* Each answer to a request of ours comes at once; this is for a kernel that
 * does not answer at all. */
#define ACK_WAIT_MS 1000

/* Datagrams read by one system call, and packets by one nfq_receive(): the
 * rest of the loop must breathe while packets flood. */
#define RECEIVE_BATCH 64

/* Where packets have come one at a time for so many wake-ups, one is asked for:
 * that there is no second one costs a look. Each such number of wake-ups as
 * many as there are. */
#define RECEIVE_SINGLES 8

/* One datagram holds one packet. The kernel puts no more than this before the
 * payload: netlink and nfnetlink headers (20), packet header (12), mark,
 * four devices, uid, gid, ct info, capture length, skb info and priority (8
 * each), hardware address (16), time (20), VLAN (24), security context and
 * link-layer header, which belong to flags and families that we don't bind;
 * conntrack (about 300) only with a flag that we don't set. */
#define OVERHEAD_MAX (20 + 12 + 11 * 8 + 16 + 20 + 24 + 4)
#define DATAGRAM_SIZE 2048
static_assert(OVERHEAD_MAX + NFQ_COPY_RANGE <= DATAGRAM_SIZE,
    "a datagram fits its buffer");

struct datagram {
	_Alignas(8) uint8_t bytes[DATAGRAM_SIZE];
};

struct nfq {
	int fd;
	uint32_t seq;
	struct stats *stats; /* borrowed */
	struct datagram datagrams[RECEIVE_BATCH];
	struct iovec iov[RECEIVE_BATCH];
	struct mmsghdr msgs[RECEIVE_BATCH];
	unsigned int singles; /* wake-ups since more than one was asked for */
	bool single;	      /* then there was one */
	/* verdicts not yet sent, one message after the other */
	_Alignas(8) uint8_t out[RECEIVE_BATCH * NFQ_MSG_MAX];
	size_t out_len;
	uint64_t out_n;
	bool alone; /* the packet that is being judged, in this wake-up */
};

int
nfq_fd(const struct nfq *nfq)
{
	return nfq->fd;
}

/* One line of /proc/net/netfilter/nfnetlink_queue. */
struct proc_queue {
	unsigned int queue, portid, waiting, copy_mode, copy_range;
	unsigned int dropped_full, dropped_user;
};

/* -ENOENT when the queue is bound by nobody, -errno when that can't be
 * known. */
static int
proc_find(uint16_t queue, struct proc_queue *ret)
{
	FILE *f = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
	struct proc_queue q;
	char line[256];
	int r = -ENOENT;

	if (f == NULL)
		return errno == ENOENT ? -ENOSYS : -errno;
	while (r < 0 && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%u %u %u %u %u %u %u", &q.queue, &q.portid,
			&q.waiting, &q.copy_mode, &q.copy_range,
			&q.dropped_full, &q.dropped_user) != 7 ||
		    q.queue != queue)
			continue;
		*ret = q;
		r = 0;
	}
	(void)fclose(f); /* it was only read */
	return r;
}

int
nfq_counters(uint16_t queue, struct nfq_counters *ret)
{
	struct proc_queue q;
	int r = proc_find(queue, &q);

	if (r < 0)
		return r;
	ret->queue = queue;
	ret->owner = q.portid;
	ret->waiting = q.waiting;
	ret->dropped_full = q.dropped_full;
	ret->dropped_user = q.dropped_user;
	return 0;
}

static int
send_bytes(const struct nfq *nfq, const void *bytes, size_t len)
{
	ssize_t n;

	do
		n = send(nfq->fd, bytes, len, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* What waits in a datagram of the time before packets may come: the answer to
 * request seq, or nothing of interest (-EAGAIN). */
static int
read_ack(const void *bytes, size_t len, uint32_t seq)
{
	struct nfq_packet packet;
	struct rd rd;

	rd_init(&rd, bytes, len);
	while (!rd.bad && rd.len > 0) {
		uint32_t answered = 0;
		int error = 0;

		if (nfq_msg_take(&rd, &packet, &error, &answered) ==
			NFQ_MSG_ERROR &&
		    answered == seq)
			return error;
	}
	return -EAGAIN;
}

/* Waits for the kernel's answer to the last request: 0, or the error it
 * gave. */
static int
wait_ack(struct nfq *nfq)
{
	mono_t end = mono_add(mono_now(), ACK_WAIT_MS * MONO_MS);
	struct datagram *d = &nfq->datagrams[0];

	for (;;) {
		uint64_t left = mono_since(end, mono_now()) / MONO_MS;
		struct pollfd pfd = { .fd = nfq->fd, .events = POLLIN };
		ssize_t n = recv(nfq->fd, d->bytes, sizeof(d->bytes), 0);
		int r =
		    n < 0 ? -errno : read_ack(d->bytes, (size_t)n, nfq->seq);

		if (n < 0 && r != -EAGAIN && r != -EINTR)
			return r;
		if (n >= 0 && r != -EAGAIN)
			return r;
		if (left == 0)
			return -ETIMEDOUT;
		/* whatever poll says, recv tells */
		if (n < 0)
			(void)poll(&pfd, 1, (int)left);
	}
}

static int
request(struct nfq *nfq, const void *msg, size_t len)
{
	int r = send_bytes(nfq, msg, len);

	return r < 0 ? r : wait_ack(nfq);
}

/* EPERM means two things: no privilege, or the queue of another socket. */
static int
refused(uint16_t queue, uint32_t *ret_owner)
{
	struct proc_queue q;

	int r = proc_find(queue, &q);

	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		return r;
	if (r < 0)
		return -EPERM;
	*ret_owner = q.portid;
	return -EBUSY;
}

/* Whose queue it was may be gone by the time that it is looked for: nobody has
 * it, then, and it can be had. */
static int
bind_one(struct nfq *nfq, uint16_t queue, uint32_t *ret_owner)
{
	_Alignas(8) uint8_t msg[NFQ_MSG_MAX];
	int r = -EPERM;

	for (int tries = 0; r == -EPERM && tries < 2; tries++) {
		r = request(nfq, msg, nfq_msg_bind(msg, queue, ++nfq->seq));
		if (r == -EPERM)
			r = refused(queue, ret_owner);
	}
	return r;
}

/* Everything but the copy range: until that is set the kernel queues nothing,
 * so that no packet is among the answers. Flags go one by one, since one that
 * the kernel does not know fails the whole message. */
static int
bind_queue(
    struct nfq *nfq, uint16_t queue, uint32_t length, uint32_t *ret_owner)
{
	_Alignas(8) uint8_t msg[NFQ_MSG_MAX];
	int r = bind_one(nfq, queue, ret_owner);

	if (r < 0)
		return r;
	r = request(
	    nfq, msg, nfq_msg_flag(msg, queue, NFQA_CFG_F_GSO, ++nfq->seq));
	if (r < 0)
		return r;
	r = request(
	    nfq, msg, nfq_msg_flag(msg, queue, NFQA_CFG_F_UID_GID, ++nfq->seq));
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	return request(
	    nfq, msg, nfq_msg_queue_length(msg, queue, length, ++nfq->seq));
}

/* An answer would lie among the packets, so none is asked for: /proc tells
 * whether it took. */
int
nfq_start(struct nfq *nfq)
{
	_Alignas(8) uint8_t msgs[N_QUEUES * NFQ_MSG_MAX];
	size_t len = 0;
	int r;

	for (size_t i = 0; i < N_QUEUES; i++)
		len += nfq_msg_copy_range(msgs + len, queues[i], 0);
	r = send_bytes(nfq, msgs, len);
	for (size_t i = 0; r == 0 && i < N_QUEUES; i++) {
		struct proc_queue q;

		if (proc_find(queues[i], &q) == 0 &&
		    (q.copy_mode != NFQNL_COPY_PACKET ||
			q.copy_range != NFQ_COPY_RANGE))
			r = -EPROTO;
	}
	return r;
}

static void
set_receive_buffer(const struct nfq *nfq, uint32_t bytes)
{
	int size = bytes > INT_MAX / 2 ? INT_MAX / 2 : (int)bytes;

	/* past the system's limit with CAP_NET_ADMIN, else as far as it goes:
	 * a small buffer shows in `overflows` */
	if (setsockopt(
		nfq->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(
		    nfq->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static void
init_receive(struct nfq *nfq)
{
	for (size_t i = 0; i < RECEIVE_BATCH; i++) {
		nfq->iov[i].iov_base = nfq->datagrams[i].bytes;
		nfq->iov[i].iov_len = DATAGRAM_SIZE;
		nfq->msgs[i].msg_hdr.msg_iov = &nfq->iov[i];
		nfq->msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

/* Connected to the kernel: it lets nobody else write to our port. */
static int
open_socket(struct nfq *nfq)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	nfq->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_NETFILTER);
	if (nfq->fd < 0)
		return -errno;
	if (bind(nfq->fd, (const struct sockaddr *)&kernel, sizeof(kernel)) <
		0 ||
	    connect(nfq->fd, (const struct sockaddr *)&kernel, sizeof(kernel)) <
		0)
		return -errno;
	return 0;
}

int
nfq_open(struct nfq **ret, const struct nfq_opts *opts, struct stats *stats,
    uint32_t *ret_owner)
{
	struct nfq *nfq = calloc(1, sizeof(*nfq));
	int r;

	*ret_owner = 0;
	if (nfq == NULL)
		return -ENOMEM;
	nfq->fd = -1;
	nfq->stats = stats;
	init_receive(nfq);
	r = open_socket(nfq);
	if (r < 0)
		goto fail;
	set_receive_buffer(nfq, opts->receive_buffer);
	for (size_t i = 0; i < N_QUEUES; i++) {
		r = bind_queue(nfq, queues[i], opts->queue_length, ret_owner);
		if (r < 0)
			goto fail;
	}
	*ret = nfq;
	return 0;
fail:
	nfq_close(nfq);
	return r;
}

void
nfq_close(struct nfq *nfq)
{
	if (nfq == NULL)
		return;
	if (nfq->fd >= 0) {
		nfq_flush(nfq);
		(void)close(nfq->fd); /* the kernel unbinds the queues */
	}
	free(nfq);
}

/* The kernel reads the messages before sendto() returns, so that a failure
 * means that it had no memory for them: they are kept for the next flush. */
void
nfq_flush(struct nfq *nfq)
{
	if (nfq->out_len == 0 || send_bytes(nfq, nfq->out, nfq->out_len) < 0)
		return;
	nfq->stats->verdicts += nfq->out_n;
	nfq->out_len = 0;
	nfq->out_n = 0;
}

void
nfq_flush_alone(struct nfq *nfq)
{
	if (nfq->alone)
		nfq_flush(nfq);
}

void
nfq_verdict(struct nfq *nfq, uint16_t queue, uint32_t id, uint32_t mark)
{
	if (nfq->out_len + NFQ_MSG_MAX > sizeof(nfq->out))
		nfq_flush(nfq);
	if (nfq->out_len + NFQ_MSG_MAX > sizeof(nfq->out)) {
		nfq->stats->verdict_errors++;
		return;
	}
	nfq->out_len +=
	    nfq_msg_verdict(nfq->out + nfq->out_len, queue, id, mark);
	nfq->out_n++;
}

/* One datagram; returns how many packets it held. */
static unsigned int
read_datagram(struct nfq *nfq, const uint8_t *bytes, size_t len,
    nfq_packet_fn *fn, void *arg)
{
	unsigned int n = 0;
	struct rd rd;

	rd_init(&rd, bytes, len);
	while (!rd.bad && rd.len > 0) {
		struct nfq_packet packet;
		uint32_t seq;
		int error;

		switch (nfq_msg_take(&rd, &packet, &error, &seq)) {
		case NFQ_MSG_PACKET:
			n++;
			nfq->stats->packets++;
			fn(arg, &packet);
			break;
		case NFQ_MSG_UNREADABLE:
			n++;
			nfq->stats->packets++;
			nfq->stats->queue_errors++;
			nfq_verdict(nfq, packet.queue, packet.id, MARK_DROP);
			break;
		case NFQ_MSG_ERROR:
			/* only verdicts are sent now, and ask for no answer */
			if (error < 0)
				nfq->stats->verdict_errors++;
			break;
		case NFQ_MSG_OTHER:
			break;
		case NFQ_MSG_BAD:
			nfq->stats->queue_errors++;
			break;
		}
	}
	return n;
}

static bool
wants_one(struct nfq *nfq)
{
	if (nfq->single && ++nfq->singles < RECEIVE_SINGLES)
		return true;
	nfq->singles = 0;
	return false;
}

/* One system call: number of datagrams, -1 and errno. */
static int
receive_some(struct nfq *nfq, bool one)
{
	ssize_t n;

	if (!one)
		return recvmmsg(nfq->fd, nfq->msgs, RECEIVE_BATCH, 0, NULL);
	n = recv(nfq->fd, nfq->datagrams[0].bytes, DATAGRAM_SIZE, 0);
	if (n < 0)
		return -1;
	nfq->msgs[0].msg_len = (unsigned int)n;
	return 1;
}

/* Number of datagrams, 0 for none, -errno. */
static int
receive_batch(struct nfq *nfq)
{
	bool one = wants_one(nfq);

	for (;;) {
		int n = receive_some(nfq, one);

		nfq->single = n == 1;
		if (n >= 0)
			return n;
		switch (errno) {
		case EINTR:
			continue;
		case EAGAIN:
			return 0;
		case ENOBUFS:
			/* the kernel dropped some; the queue lives */
			nfq->stats->overflows++;
			continue;
		default:
			return -errno;
		}
	}
}

int
nfq_receive(struct nfq *nfq, nfq_packet_fn *fn, void *arg)
{
	unsigned int packets = 0;
	int n = receive_batch(nfq);

	nfq->alone = n == 1;
	for (int i = 0; i < n; i++)
		packets += read_datagram(nfq, nfq->datagrams[i].bytes,
		    nfq->msgs[i].msg_len, fn, arg);
	if (packets > 0)
		nfq->stats->wakeups++;
	nfq_flush(nfq);
	return n < 0 ? n : 0;
}
