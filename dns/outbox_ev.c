#include "dns/outbox_ev.h"

#include <errno.h>
#include <string.h>

void
outbox_init(struct outbox *box)
{
	box->n = 0;
	box->joins = joined_known();
}

void
outbox_put(struct outbox *box, const uint8_t *msg, size_t len)
{
	unsigned int i = box->n++;

	memcpy(box->bytes[i], msg, len);
	box->iov[i] = (struct iovec){ box->bytes[i], len };
}

/* The longest first: those of one length stand in a row. */
static void
sort(struct outbox *box)
{
	for (unsigned int i = 1; i < box->n; i++) {
		struct iovec one = box->iov[i];
		unsigned int j = i;

		for (; j > 0 && box->iov[j - 1].iov_len < one.iov_len; j--)
			box->iov[j] = box->iov[j - 1];
		box->iov[j] = one;
	}
}

/* What is sent for those from the first on; how many messages that are. */
static unsigned int
gather(struct outbox *box, unsigned int first)
{
	unsigned int n = 0;

	for (unsigned int i = first, run; i < box->n; i += run, n++) {
		struct iovec *iov = &box->iov[i];
		struct msghdr *msg = &box->at[n].msg_hdr;

		run = box->joins ? joined_run(iov, box->n - i) : 1;
		*msg = (struct msghdr){ .msg_iov = iov, .msg_iovlen = run };
		if (run == 1)
			continue;
		msg->msg_control = box->control[n].bytes;
		joined_say(msg, iov->iov_len);
	}
	return n;
}

/* How many messages left, or -errno. */
static int
send_some(struct outbox *box, unsigned int n, int fd)
{
	int r;

	do
		r = sendmmsg(fd, box->at, n, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

int
outbox_send(struct outbox *box, int fd)
{
	unsigned int first = 0;
	bool short_of = false;
	int r = 0;

	if (box->joins)
		sort(box);
	while (first < box->n) {
		unsigned int n = gather(box, first);

		r = send_some(box, n, fd);
		if (box->joins && joined_refused(r)) {
			box->joins = false;
			continue;
		}
		if (r <= 0)
			break;
		for (int i = 0; i < r; i++)
			first += (unsigned int)box->at[i].msg_hdr.msg_iovlen;
		short_of = short_of || (unsigned int)r < n;
	}
	box->n = 0;
	if (r < 0)
		return r;
	/* a call that ends early does not say why: where the next one goes on
	 * it was ICMP, which the kernel tells once */
	return short_of ? -ECONNREFUSED : 0;
}
