#include "port17/dgram.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif

/* Of one message: the kernel's limit is 64 in older ones. */
#define SEGMENTS_MAX 64
/* A datagram's, with room for the headers of IPv6. */
#define MESSAGE_MAX 65000
/* Larger ones are cut into fragments, which segments can't be. */
#define JOIN_MAX 1452
/* A head and its bytes for each segment of a message, and then some. */
#define PIECES_MAX 256

struct control {
	_Alignas(struct cmsghdr) uint8_t
	    bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t))];
};

struct dgrams {
	unsigned int used; /* of the last read */
	struct mmsghdr msgs[DGRAM_BATCH];
	struct iovec iov[DGRAM_BATCH];
	struct sock_addr from[DGRAM_BATCH];
	struct control controls[DGRAM_BATCH];
	uint8_t (*buffers)[DGRAM_MAX];
};

/* Reading ------------------------------------------------------------------ */

/* Those of the last read are as they were. */
static void
make_ready(struct dgrams *dgrams, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct sock_addr *from = &dgrams->from[i];

		dgrams->iov[i] =
		    (struct iovec){ dgrams->buffers[i], DGRAM_MAX };
		dgrams->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &from->space,
			.msg_namelen = sizeof(from->space),
			.msg_iov = &dgrams->iov[i],
			.msg_iovlen = 1,
			.msg_control = dgrams->controls[i].bytes,
			.msg_controllen = sizeof(dgrams->controls[i].bytes),
		};
	}
	dgrams->used = 0;
}

struct dgrams *
dgrams_new(void)
{
	struct dgrams *dgrams = calloc(1, sizeof(*dgrams));

	if (dgrams == NULL)
		return NULL;
	dgrams->buffers = malloc(DGRAM_BATCH * sizeof(*dgrams->buffers));
	if (dgrams->buffers == NULL) {
		free(dgrams);
		return NULL;
	}
	make_ready(dgrams, DGRAM_BATCH);
	return dgrams;
}

void
dgrams_free(struct dgrams *dgrams)
{
	if (dgrams == NULL)
		return;
	free(dgrams->buffers);
	free(dgrams);
}

int
dgrams_read(struct dgrams *dgrams, int fd)
{
	int n;

	make_ready(dgrams, dgrams->used);
	do
		n = recvmmsg(fd, dgrams->msgs, DGRAM_BATCH, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	dgrams->used = (unsigned int)n;
	for (int i = 0; i < n; i++)
		dgrams->from[i].len = dgrams->msgs[i].msg_hdr.msg_namelen;
	return n;
}

struct dgram
dgrams_get(const struct dgrams *dgrams, unsigned int i)
{
	/* the macros want what they only read to be writable */
	struct msghdr *hdr = (struct msghdr *)&dgrams->msgs[i].msg_hdr;
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(hdr);
	struct dgram dgram = {
		.from = &dgrams->from[i],
		.bytes = { dgrams->buffers[i], dgrams->msgs[i].msg_len },
	};

	for (; cmsg != NULL; cmsg = CMSG_NXTHDR(hdr, cmsg)) {
		int size;

		if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
			dgram.segment = (uint16_t)size;
		}
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SO_RXQ_OVFL) {
			memcpy(
			    &dgram.lost, CMSG_DATA(cmsg), sizeof(dgram.lost));
			dgram.lost_known = true;
		}
	}
	return dgram;
}

void
dgram_merge(int fd)
{
	static const int on = 1;

	(void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
}

/* Writing ------------------------------------------------------------------ */

struct message {
	unsigned int first, n; /* pieces */
	size_t len;
	uint16_t segment;
	uint16_t segments;
	bool *single;
	int *error;
	const void *way;
	struct sock_addr to; /* len 0: none */
};

struct dgram_out {
	int fd; /* that all of them go to */
	unsigned int n, n_pieces, lost;
	struct iovec pieces[PIECES_MAX];
	struct message messages[DGRAM_BATCH];
	struct mmsghdr msgs[DGRAM_BATCH];
	struct control controls[DGRAM_BATCH];
};

struct dgram_out *
dgram_out_new(void)
{
	return calloc(1, sizeof(struct dgram_out));
}

void
dgram_out_free(struct dgram_out *out)
{
	free(out);
}

static struct msghdr
header_of(struct dgram_out *out, struct message *message)
{
	struct msghdr hdr = {
		.msg_iov = &out->pieces[message->first],
		.msg_iovlen = message->n,
	};

	if (message->to.len > 0) {
		hdr.msg_name = &message->to.space;
		hdr.msg_namelen = message->to.len;
	}
	return hdr;
}

static void
add_segment_size(struct msghdr *msg, struct control *control, uint16_t size)
{
	struct cmsghdr *cmsg;

	msg->msg_control = control->bytes;
	msg->msg_controllen = CMSG_SPACE(sizeof(size));
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
}

/* The first `len` bytes of the pieces, which are taken off them. */
static size_t
cut_off(struct msghdr *from, size_t len, struct iovec ret[SEGMENTS_MAX])
{
	size_t n = 0;

	while (len > 0 && from->msg_iovlen > 0 && n < SEGMENTS_MAX) {
		struct iovec *iov = from->msg_iov;
		size_t part = len < iov->iov_len ? len : iov->iov_len;

		ret[n++] = (struct iovec){ iov->iov_base, part };
		iov->iov_base = (uint8_t *)iov->iov_base + part;
		iov->iov_len -= part;
		len -= part;
		if (iov->iov_len == 0) {
			from->msg_iov++;
			from->msg_iovlen--;
		}
	}
	return n;
}

/* Each segment by itself. */
static void
send_segments(struct dgram_out *out, struct message *message)
{
	struct msghdr all = header_of(out, message), one = all;
	struct iovec iov[SEGMENTS_MAX];
	size_t left = message->len;

	one.msg_iov = iov;
	for (unsigned int i = 0; i < message->segments; i++) {
		size_t len = left < message->segment ? left : message->segment;

		one.msg_iovlen = cut_off(&all, len, iov);
		left -= len;
		if (sendmsg(out->fd, &one, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			out->lost++;
	}
}

/* The device does no checksums, or its packets are smaller. */
static bool
takes_no_segments(int error)
{
	return error == EINVAL || error == EMSGSIZE || error == EIO ||
	       error == EOPNOTSUPP;
}

/* Its device, its address (EINVAL) or its route is gone. A device that comes
 * back is another one to a socket that was bound to it. */
static bool
has_no_way(int error)
{
	return error == ENODEV || error == ENXIO || error == ENETDOWN ||
	       error == ENETUNREACH || error == EHOSTUNREACH ||
	       error == EADDRNOTAVAIL || error == EINVAL;
}

static void
send_failed(struct dgram_out *out, struct message *message, int error)
{
	if (message->segments > 1 && takes_no_segments(error)) {
		*message->single = true;
		send_segments(out, message);
		return;
	}
	if (message->error != NULL && has_no_way(error))
		*message->error = error;
	out->lost += message->segments;
}

static void
send_all(struct dgram_out *out)
{
	unsigned int at = 0;
	bool again = false;

	while (at < out->n) {
		int n = sendmmsg(out->fd, out->msgs + at, out->n - at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0) {
			at += (unsigned int)n;
			again = false;
			continue;
		}
		/* of one before: the reader is told by the next, too */
		if (errno == ECONNREFUSED && !again) {
			again = true;
			continue;
		}
		send_failed(out, &out->messages[at], errno);
		again = false;
		at++;
	}
}

static void
push(struct dgram_out *out)
{
	for (unsigned int i = 0; i < out->n; i++) {
		struct message *message = &out->messages[i];
		struct msghdr *hdr = &out->msgs[i].msg_hdr;

		*hdr = header_of(out, message);
		if (message->segments > 1)
			add_segment_size(
			    hdr, &out->controls[i], message->segment);
	}
	if (out->n > 0)
		send_all(out);
	out->n = 0;
	out->n_pieces = 0;
}

unsigned int
dgram_out_flush(struct dgram_out *out)
{
	unsigned int lost;

	push(out);
	lost = out->lost;
	out->lost = 0;
	return lost;
}

/* Whether one more of that size may follow in the message. */
static bool
may_join(const struct message *message, const struct dgram_to *to, size_t size)
{
	return message->way == to->way && !*to->single &&
	       message->segment <= JOIN_MAX && size <= message->segment &&
	       size > 0 && message->len % message->segment == 0 &&
	       message->segments < SEGMENTS_MAX &&
	       message->len + size <= MESSAGE_MAX;
}

static void
begin_message(struct dgram_out *out, const struct dgram_to *to, size_t size)
{
	struct message *message = &out->messages[out->n++];

	message->first = out->n_pieces;
	message->n = 0;
	message->len = 0;
	message->segment = (uint16_t)size;
	message->segments = 0;
	message->single = to->single;
	message->error = to->error;
	message->way = to->way;
	message->to.len = 0;
	if (to->to != NULL)
		message->to = *to->to;
}

static void
add_piece(struct dgram_out *out, const void *bytes, size_t len)
{
	struct message *message = &out->messages[out->n - 1];
	struct iovec *last =
	    message->n > 0 ? &out->pieces[out->n_pieces - 1] : NULL;

	message->len += len;
	if (last != NULL &&
	    (uint8_t *)last->iov_base + last->iov_len == bytes) {
		last->iov_len += len;
		return;
	}
	/* it is not written to */
	out->pieces[out->n_pieces++] = (struct iovec){ (void *)bytes, len };
	message->n++;
}

static void
add_one(struct dgram_out *out, const struct dgram_to *to,
    const struct dgram_in *in, size_t at, size_t len)
{
	size_t size = in->head_len + len;

	if (out->n == 0 || !may_join(&out->messages[out->n - 1], to, size)) {
		if (out->n == DGRAM_BATCH)
			push(out);
		begin_message(out, to, size);
	}
	if (in->head_len > 0)
		add_piece(out, in->head, in->head_len);
	add_piece(out, (const uint8_t *)in->bytes + at, len);
	out->messages[out->n - 1].segments++;
}

void
dgram_out_add(
    struct dgram_out *out, const struct dgram_to *to, const struct dgram_in *in)
{
	size_t step = in->segment > 0 ? in->segment : in->len, at = 0;

	if (out->n > 0 && out->fd != to->fd)
		push(out);
	out->fd = to->fd;
	do {
		size_t left = in->len - at, len = left < step ? left : step;

		/* pieces of one message lie in one row */
		if (out->n_pieces + 2 > PIECES_MAX)
			push(out);
		add_one(out, to, in, at, len);
		at += step;
	} while (at < in->len);
}
