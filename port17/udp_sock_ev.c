#include "port17/udp_sock_ev.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port17/dgram.h"
#include "port17/sock.h"
#include "src/base/inodes.h"
#include "src/core/mark.h"

/* A wake-up takes a few batches, and no more bytes, nor flows that begin, than
 * a millisecond or two are enough for. */
#define ROUNDS 4
#define BYTES_MAX (2 << 20)

/* The default would be full after a few large ones. */
#define BUFFER (4 << 20)

/* More than the system's limit, with CAP_NET_ADMIN; else up to that. */
static void
set_buffer(int fd, int forced, int asked)
{
	static const int size = BUFFER;

	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, asked, &size, sizeof(size));
}

static int
watch(struct udp_sock *sock, const struct udp_sock_opts *opts)
{
	set_buffer(sock->fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(sock->fd, SO_SNDBUFFORCE, SO_SNDBUF);
	dgram_merge(sock->fd);
	sock->readable = event_new(
	    opts->base, sock->fd, EV_READ | EV_PERSIST, opts->cb, opts->arg);
	if (sock->readable != NULL && event_add(sock->readable, NULL) == 0) {
		pacer_enter(opts->pacer, &sock->paced, sock->readable);
		return 0;
	}
	udp_sock_close(sock);
	return -ENOMEM;
}

/* fd_take: connected, or -errno. */
static int
take(struct udp_sock *sock, int fd_take, const struct udp_sock_opts *opts)
{
	struct stat st;

	*sock = (struct udp_sock){ .fd = fd_take < 0 ? -1 : fd_take };
	if (fd_take < 0)
		return fd_take;
	if (fstat(fd_take, &st) == 0 && inodes_add(opts->own, st.st_ino) == 0) {
		sock->own = opts->own;
		sock->inode = st.st_ino;
	}
	return watch(sock, opts);
}

int
udp_sock_connect(struct udp_sock *sock, const struct tunnel *via,
    const struct sock_addr *to, const struct udp_sock_opts *opts)
{
	return take(sock, sock_connect(via, to, SOCK_DGRAM), opts);
}

int
udp_sock_connect_made(struct udp_sock *sock, const struct tunnel *via,
    int fd_take, const struct sock_addr *to, const struct udp_sock_opts *opts)
{
	return take(
	    sock, sock_connect_made(via, fd_take, to, SOCK_DGRAM), opts);
}

int
udp_sock_bind(struct udp_sock *sock, const struct addr *addr, uint16_t port,
    const struct udp_sock_opts *opts)
{
	static const int on = 1;
	struct sock_addr at;
	int family, r;

	(void)sock_addr_ip(&at, addr, port, ""); /* has no zone */
	family = at.sa.sa_family;
	*sock = (struct udp_sock){
		.fd =
		    socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
	};
	if (sock->fd < 0)
		return -errno;
	if ((family == AF_INET6 && setsockopt(sock->fd, IPPROTO_IPV6,
				       IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(sock->fd, &at.sa, at.len) < 0) {
		r = -errno;
		udp_sock_close(sock);
		return r;
	}
	(void)setsockopt(sock->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	sock_mark(sock->fd, MARK_PORT17); /* of all flows that come here */
	return watch(sock, opts);
}

int
udp_sock_read(struct udp_sock *sock, const struct udp_reader *reader)
{
	mono_t now = mono_now();
	mono_t end = mono_add(now, PACE_SLICE_NS);
	size_t bytes = 0;
	unsigned int all = 0;
	int n = DGRAM_BATCH;

	if (!pacer_may(&sock->paced, now))
		return 0;
	for (int round = 0;
	     round < ROUNDS && n == DGRAM_BATCH && bytes < BYTES_MAX &&
	     (round == 0 || mono_before(mono_now(), end));
	     round++) {
		n = dgrams_read(reader->in, sock->fd);
		for (int i = 0; i < n; i++) {
			struct dgram dgram =
			    dgrams_get(reader->in, (unsigned int)i);

			reader->take(reader->arg, &dgram, now);
			bytes += dgram.bytes.iov_len;
		}
		reader->taken(reader->arg);
		all += n > 0 ? (unsigned int)n : 0;
	}
	pacer_read(&sock->paced, all, now);
	return n < 0 ? n : 0;
}

void
udp_sock_close(struct udp_sock *sock)
{
	pacer_leave(&sock->paced);
	if (sock->readable != NULL)
		event_free(sock->readable);
	if (sock->own != NULL)
		inodes_remove(sock->own, sock->inode);
	if (sock->fd >= 0)
		(void)close(sock->fd); /* datagrams need no goodbye */
	*sock = (struct udp_sock){ .fd = -1 };
}
