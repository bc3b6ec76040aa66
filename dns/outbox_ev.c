#include "dns/outbox_ev.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

void
outbox_init(struct outbox *box)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size;
	socklen_t len = sizeof(size);

	box->n = 0;
	/* a kernel that does not know it would send them as one datagram */
	box->joins = fd >= 0 &&
		     getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &len) == 0;
	if (fd >= 0)
		(void)close(fd); /* nothing was sent */
}

void
outbox_put(struct outbox *box, const uint8_t *msg, size_t len)
{
	unsigned int i = box->n++;

	memcpy(box->bytes[i], msg, len);
	box->iov[i] = (struct iovec){ box->bytes[i], len };
}

/* Those of one length stand in a row then. */
static void
sort(struct outbox *box)
{
	for (unsigned int i = 1; i < box->n; i++) {
		struct iovec one = box->iov[i];
		unsigned int j = i;

		for (; j > 0 && box->iov[j - 1].iov_len > one.iov_len; j--)
			box->iov[j] = box->iov[j - 1];
		box->iov[j] = one;
	}
}

/* What is sent is several, all as long as the first. */
static void
write_size(struct outbox *box, struct msghdr *msg, size_t place)
{
	uint16_t size = (uint16_t)msg->msg_iov->iov_len;
	struct cmsghdr *c;

	msg->msg_control = box->control[place].bytes;
	msg->msg_controllen = sizeof(box->control[place].bytes);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* What is sent for those from the first on; how many messages that are. */
static unsigned int
gather(struct outbox *box, unsigned int first)
{
	unsigned int n = 0;

	for (unsigned int i = first, end; i < box->n; i = end, n++) {
		struct msghdr *msg = &box->at[n].msg_hdr;

		end = i + 1;
		while (box->joins && end < box->n &&
		       box->iov[end].iov_len == box->iov[i].iov_len)
			end++;
		*msg = (struct msghdr){ .msg_iov = &box->iov[i],
			.msg_iovlen = end - i };
		if (end > i + 1)
			write_size(box, msg, n);
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

/* The way there may be one (IPsec, a device that adds no checksums) by which
 * none go that are to be parted. */
static bool
is_of_joining(int error)
{
	return error == -EIO || error == -EINVAL || error == -EMSGSIZE ||
	       error == -EOPNOTSUPP;
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
		if (box->joins && is_of_joining(r)) {
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
