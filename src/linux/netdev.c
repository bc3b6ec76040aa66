#include "src/linux/netdev.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

int
netdev_open(void)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK };
	int fd = socket(
	    AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int r;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	r = -errno;
	(void)close(fd); /* nothing was read */
	return r;
}

static int
link_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	bool *up = arg;

	if (nlh->nlmsg_type == RTM_NEWLINK &&
	    mnl_nlmsg_get_payload_len(nlh) >= sizeof(*info) &&
	    (info->ifi_flags & IFF_UP) != 0)
		*up = true;
	return MNL_CB_OK;
}

bool
netdev_came_up(int fd)
{
	_Alignas(8) uint8_t buf[16384];
	bool up = false;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		/* what can't be read says nothing of the others */
		(void)mnl_cb_run(buf, (size_t)n, 0, 0, link_cb, &up);
	return up || (n < 0 && errno == ENOBUFS);
}
