#include "src/linux/chains_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "src/linux/xtlock.h"

static void
watch_lock(struct chains_watch *watch)
{
	/* where the file is not there yet, the next look finds it */
	if (watch->lock < 0)
		watch->lock = inotify_add_watch(
		    watch->fd, xtlock_path(), IN_CLOSE | IN_DELETE_SELF);
}

static int
open_tables(void)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int group = NFNLGRP_NFTABLES;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_NETFILTER);
	int r;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 &&
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		sizeof(group)) == 0)
		return fd;
	r = -errno;
	(void)close(fd); /* nothing was sent */
	return r;
}

int
chains_watch_open(struct chains_watch *ret, enum chains_backend backend)
{
	struct chains_watch watch = { backend, -1, -1 };

	switch (backend) {
	case CHAINS_LIBIPTC:
		watch.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (watch.fd < 0)
			return -errno;
		watch_lock(&watch);
		break;
	case CHAINS_RESTORE:
		watch.fd = open_tables();
		if (watch.fd < 0)
			return watch.fd;
		break;
	}
	*ret = watch;
	return 0;
}

void
chains_watch_close(struct chains_watch *watch)
{
	(void)close(watch->fd); /* it was only read */
}

/* True when the file's watch is gone with the file. */
static bool
is_lost(const char *bytes, size_t len)
{
	const struct inotify_event *event;

	for (size_t at = 0; at + sizeof(*event) <= len;
	     at += sizeof(*event) + event->len) {
		event = (const void *)(bytes + at);
		if ((event->mask & IN_IGNORED) != 0)
			return true;
	}
	return false;
}

bool
chains_watch_read(struct chains_watch *watch)
{
	_Alignas(8) char bytes[4096];
	bool any = false;
	ssize_t n;

	for (;;) {
		n = read(watch->fd, bytes, sizeof(bytes));
		if (n > 0 && watch->backend == CHAINS_LIBIPTC &&
		    is_lost(bytes, (size_t)n))
			watch->lock = -1;
		/* ENOBUFS: more word than fits is word, too */
		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			break;
		any = true;
	}
	if (watch->backend == CHAINS_LIBIPTC)
		watch_lock(watch);
	return any;
}
