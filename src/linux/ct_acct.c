#include "src/linux/ct_acct.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/linux/nla.h"

#define ACCT "/proc/sys/net/netfilter/nf_conntrack_acct"

/* One entry's end takes some 300 bytes, and has a datagram of its own. */
#define END_SIZE 1024

/* Datagrams read by one system call. */
#define BATCH 32

struct end {
	_Alignas(8) uint8_t bytes[END_SIZE];
};

struct ct_ends {
	struct mnl_socket *nl;
	struct end in[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH];
};

int
ct_acct_is_on(void)
{
	int fd = open(ACCT, O_RDONLY | O_CLOEXEC), r = -EIO;
	char c;

	if (fd < 0)
		return -errno;
	if (read(fd, &c, 1) == 1)
		r = c != '0';
	(void)close(fd); /* was only read */
	return r;
}

int
ct_acct_switch_on(void)
{
	int fd = open(ACCT, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = write(fd, "1", 1) == 1 ? 0 : -errno;
	(void)close(fd); /* the write has told */
	return r;
}

int
ct_ends_open(struct ct_ends **ret, int buffer)
{
	struct ct_ends *ends = calloc(1, sizeof(*ends));
	int fd, r;

	if (ends == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < BATCH; i++) {
		ends->iov[i] = (struct iovec){ ends->in[i].bytes, END_SIZE };
		ends->msgs[i].msg_hdr.msg_iov = &ends->iov[i];
		ends->msgs[i].msg_hdr.msg_iovlen = 1;
	}
	ends->nl =
	    mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (ends->nl == NULL ||
	    mnl_socket_bind(ends->nl, NF_NETLINK_CONNTRACK_DESTROY,
		MNL_SOCKET_AUTOPID) < 0) {
		r = -errno;
		ct_ends_close(ends);
		return r;
	}
	fd = mnl_socket_get_fd(ends->nl);
	/* else what the system allows: more is lost then, and counted */
	if (setsockopt(
		fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	*ret = ends;
	return 0;
}

void
ct_ends_close(struct ct_ends *ends)
{
	if (ends == NULL)
		return;
	if (ends->nl != NULL)
		(void)mnl_socket_close(ends->nl); /* was only read */
	free(ends);
}

int
ct_ends_fd(const struct ct_ends *ends)
{
	return mnl_socket_get_fd(ends->nl);
}

static void
read_messages(const struct end *end, size_t len, ct_end_fn *fn, void *arg)
{
	const struct nlmsghdr *nlh = (const void *)end->bytes;
	int n = (int)len;

	for (; nlmsg_is_whole(nlh, n); nlh = mnl_nlmsg_next(nlh, &n)) {
		struct ct_entry entry;

		if (ct_msg_destroyed(&entry, nlh) == 0)
			fn(arg, &entry);
	}
}

int
ct_ends_read(struct ct_ends *ends, ct_end_fn *fn, void *arg)
{
	int n;

	do
		n = recvmmsg(
		    mnl_socket_get_fd(ends->nl), ends->msgs, BATCH, 0, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0) /* ENOBUFS among them */
		return errno == EAGAIN ? 0 : -errno;
	for (int i = 0; i < n; i++)
		read_messages(&ends->in[i], ends->msgs[i].msg_len, fn, arg);
	return n == BATCH;
}
