#include "dns/ares_sock_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dns/server_ev.h"
#include "dns/sockaddr_ev.h"

static void
socket_cb(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;

	ares_process_fd(channel->ares,
	    (what & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
	    (what & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
}

static ares_socket_t
on_socket(int family, int type, int proto, void *arg)
{
	struct channel *channel = arg;
	const struct upstream_spec *spec = &channel->pool->upstream->spec;
	int fd = socket(spec->addr.family == ADDR_IP4 ? AF_INET : AF_INET6,
	    type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

	(void)family;
	for (size_t i = 0; fd >= 0 && i < 2; i++) {
		struct sock *sock = &channel->socks[i];

		if (sock->fd >= 0)
			continue;
		sock->event = event_new(channel->pool->ae->base, fd,
		    EV_READ | EV_PERSIST, socket_cb, channel);
		if (sock->event == NULL)
			break;
		sock->fd = fd;
		sock->what = 0;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	errno = EMFILE;
	return -1;
}

static struct sock *
find_sock(struct channel *channel, int fd)
{
	for (size_t i = 0; i < 2; i++)
		if (channel->socks[i].fd == fd)
			return &channel->socks[i];
	return NULL;
}

static int
on_close(ares_socket_t fd, void *arg)
{
	struct sock *sock = find_sock(arg, fd);

	if (sock != NULL) {
		event_free(sock->event);
		sock->event = NULL;
		sock->fd = -1;
	}
	return close(fd);
}

/* To the upstream, whatever c-ares believes: its versions take no address with
 * a scope, or that alone, or none of some networks. */
static int
on_connect(ares_socket_t fd, const struct sockaddr *addr, ares_socklen_t len,
    void *arg)
{
	const struct channel *channel = arg;
	struct sockaddr_storage to;

	(void)addr;
	len = sockaddr_of_upstream(&to, &channel->pool->upstream->spec);
	return connect(fd, (const struct sockaddr *)&to, len);
}

static ares_ssize_t
on_receive(ares_socket_t fd, void *buf, size_t len, int flags,
    struct sockaddr *from, ares_socklen_t *from_len, void *arg)
{
	(void)arg;
	return recvfrom(fd, buf, len, flags, from, from_len);
}

static ares_ssize_t
on_send(ares_socket_t fd, const struct iovec *iov, int n, void *arg)
{
	struct msghdr msg = { .msg_iov = (void *)(uintptr_t)iov,
		.msg_iovlen = (size_t)n };

	(void)arg;
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static const struct ares_socket_functions socket_functions = {
	.asocket = on_socket,
	.aclose = on_close,
	.aconnect = on_connect,
	.arecvfrom = on_receive,
	.asendv = on_send,
};

void
ares_sock_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct channel *channel = arg;
	struct sock *sock = find_sock(channel, fd);
	short what = (short)((readable ? EV_READ : 0) |
			     (writable ? EV_WRITE : 0) | EV_PERSIST);

	if (sock == NULL)
		return; /* it is closed */
	if (sock->what == what)
		return;
	if (sock->what != 0)
		event_del(sock->event);
	sock->what = 0;
	if (!readable && !writable)
		return;
	if (event_assign(sock->event, channel->pool->ae->base, fd, what,
		socket_cb, channel) == 0 &&
	    event_add(sock->event, NULL) == 0)
		sock->what = what;
}

void
ares_sock_prepare(struct channel *channel)
{
	for (size_t i = 0; i < 2; i++)
		channel->socks[i].fd = -1;
	ares_set_socket_functions(channel->ares, &socket_functions, channel);
}
