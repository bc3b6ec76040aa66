#include "dns/joined_ev.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

/* Less than what a datagram holds. */
#define BYTES_MAX 60000

bool
joined_known(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size;
	socklen_t len = sizeof(size);
	bool known;

	if (fd < 0)
		return false;
	known = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &len) == 0;
	(void)close(fd); /* nothing was sent */
	return known;
}

unsigned int
joined_run(const struct iovec *v, unsigned int n)
{
	size_t most = n < JOINED_MAX ? n : JOINED_MAX;
	unsigned int run = 1;

	if (most * v->iov_len > BYTES_MAX)
		most = BYTES_MAX / v->iov_len;
	while (run < most && v[run].iov_len == v->iov_len)
		run++;
	return run < most ? run + 1 : run;
}

void
joined_say(struct msghdr *msg, size_t size)
{
	uint16_t value = (uint16_t)size;
	struct cmsghdr *c =
	    (void *)((uint8_t *)msg->msg_control + msg->msg_controllen);

	msg->msg_controllen += JOINED_SPACE;
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(c), &value, sizeof(value));
}

bool
joined_refused(int error)
{
	return error == -EIO || error == -EINVAL || error == -EMSGSIZE ||
	       error == -EOPNOTSUPP;
}
