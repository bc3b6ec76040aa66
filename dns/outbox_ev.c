#include "dns/outbox_ev.h"

#include <errno.h>
#include <string.h>

void
outbox_put(struct outbox *box, const uint8_t *msg, size_t len)
{
	unsigned int i = box->n++;

	memcpy(box->bytes[i], msg, len);
	box->iov[i] = (struct iovec){ box->bytes[i], len };
	box->at[i].msg_hdr =
	    (struct msghdr){ .msg_iov = &box->iov[i], .msg_iovlen = 1 };
}

/* How many left, or -errno. */
static int
send_from(struct outbox *box, unsigned int first, int fd)
{
	int n;

	do
		n = sendmmsg(fd, box->at + first, box->n - first, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int
outbox_send(struct outbox *box, int fd)
{
	unsigned int sent = 0;
	bool short_of = false;
	int n = 0;

	while (sent < box->n) {
		n = send_from(box, sent, fd);
		if (n <= 0)
			break;
		sent += (unsigned int)n;
		short_of = short_of || sent < box->n;
	}
	box->n = 0;
	if (n < 0)
		return n;
	/* a call that ends early does not say why: where the next one goes on
	 * it was ICMP, which the kernel tells once */
	return short_of ? -ECONNREFUSED : 0;
}
