#include "port17/leg_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port17/sock.h"
#include "src/base/inodes.h"
#include "src/base/mono.h"
#include "src/base/tls_peer.h"

/* Asked for at once, and passed on in one wake-up: what one event leads to may
 * take half a millisecond, and the rest of the loop must breathe. */
#define BATCH 4
#define SLICE_NS MONO_MS

struct legs {
	int epoll;
	struct event *reported;
	struct leg **by_fd;
	size_t room;
	uint32_t last; /* number */
	struct inodes *own;
	bool telling;
	void (*told)(void *arg);
	void *arg;
};

/* By its descriptor and its number, never by its address: a leg that is closed
 * may be reported still, in the same batch, or for as long as a process that
 * was just started has not let go of the descriptor. */
static struct leg *
find(const struct legs *legs, uint64_t reported)
{
	size_t fd = (uint32_t)reported;
	struct leg *leg = fd < legs->room ? legs->by_fd[fd] : NULL;

	return leg != NULL && leg->number == reported >> 32 ? leg : NULL;
}

static void
take(struct leg *leg, uint32_t what)
{
	bool broken = what & (EPOLLERR | EPOLLHUP);

	/* an urgent byte alone is nothing to be read, to the kernel */
	if (broken || (what & (EPOLLIN | EPOLLPRI | EPOLLRDHUP)))
		leg->readable = true;
	if (broken || (what & EPOLLOUT))
		leg->writable = true;
	if (what & EPOLLRDHUP)
		leg->closed = true;
	if (what & EPOLLPRI)
		leg->urgent = true;
	if (broken) /* it may lie behind the last bytes */
		leg->doubt = true;
	if (leg->ssl != NULL) /* either may wait for the other */
		leg->readable = leg->writable = true;
	leg->fn(leg->arg, leg);
}

static void
reported_cb(evutil_socket_t fd, short what, void *arg)
{
	struct epoll_event events[BATCH];
	struct legs *legs = arg;
	mono_t end = mono_add(mono_now(), SLICE_NS);
	int n = BATCH;

	(void)what;
	legs->telling = true;
	while (n == BATCH && mono_before(mono_now(), end)) {
		n = epoll_wait(fd, events, BATCH, 0);
		for (int i = 0; i < n; i++) { /* -1: EINTR, asked again */
			struct leg *leg = find(legs, events[i].data.u64);

			if (leg != NULL)
				take(leg, events[i].events);
		}
	}
	legs->telling = false;
	if (legs->told != NULL)
		legs->told(legs->arg);
}

int
legs_new(struct legs **ret, struct event_base *base, struct inodes *own,
    void (*told)(void *arg), void *arg)
{
	struct legs *legs = calloc(1, sizeof(*legs));
	int r = -ENOMEM;

	if (legs == NULL)
		return -ENOMEM;
	legs->own = own;
	legs->told = told;
	legs->arg = arg;
	legs->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (legs->epoll < 0)
		r = -errno;
	else
		legs->reported = event_new(
		    base, legs->epoll, EV_READ | EV_PERSIST, reported_cb, legs);
	if (legs->reported == NULL || event_add(legs->reported, NULL) < 0) {
		legs_free(legs);
		return r;
	}
	*ret = legs;
	return 0;
}

void
legs_free(struct legs *legs)
{
	if (legs == NULL)
		return;
	if (legs->reported != NULL)
		event_free(legs->reported);
	if (legs->epoll >= 0)
		(void)close(legs->epoll); /* nothing is watched any more */
	free(legs->by_fd);
	free(legs);
}

bool
legs_are_telling(const struct legs *legs)
{
	return legs->telling;
}

static int
watch(struct legs *legs, struct leg *leg)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLPRI | EPOLLOUT |
					       EPOLLRDHUP | EPOLLET };
	size_t fd = (size_t)leg->fd, room = legs->room > 0 ? legs->room : 64;

	while (room <= fd)
		room *= 2;
	if (room > legs->room) {
		struct leg **grown =
		    reallocarray(legs->by_fd, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		memset(grown + legs->room, 0,
		    (room - legs->room) * sizeof(*grown));
		legs->by_fd = grown;
		legs->room = room;
	}
	leg->legs = legs;
	leg->number = ++legs->last;
	event.data.u64 = (uint64_t)leg->number << 32 | (uint32_t)leg->fd;
	if (epoll_ctl(legs->epoll, EPOLL_CTL_ADD, leg->fd, &event) < 0)
		return -errno;
	legs->by_fd[fd] = leg;
	return 0;
}

void
leg_break_at_close(int fd, bool reset)
{
	const struct linger how = { .l_onoff = reset, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &how, sizeof(how));
}

static void
close_hurt(int fd)
{
	leg_break_at_close(fd, true);
	(void)close(fd); /* nothing can be done about an error */
}

void
leg_guard(struct leg *leg)
{
	leg_break_at_close(leg->fd, true);
	leg->guarded = true;
}

int
leg_open(struct leg **ret, struct legs *legs, int fd_take, bool own)
{
	struct leg *leg = calloc(1, sizeof(*leg));
	struct stat st;
	int r;

	if (leg == NULL) {
		close_hurt(fd_take);
		return -ENOMEM;
	}
	leg->fd = fd_take;
	r = watch(legs, leg);
	if (r < 0) {
		close_hurt(fd_take);
		free(leg);
		return r;
	}
	if (own && fstat(fd_take, &st) == 0 &&
	    inodes_add(legs->own, st.st_ino) == 0)
		leg->inode = st.st_ino;
	*ret = leg;
	return 0;
}

/* What a call of OpenSSL's means, as if it were one of the kernel's. */
static ssize_t
tls_result(struct leg *leg, int r)
{
	int saved = errno;

	switch (SSL_get_error(leg->ssl, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return saved != 0 ? -saved : -ECONNRESET;
	default:
		ERR_clear_error();
		/* an end without a goodbye may be an attacker's */
		return -ECONNRESET;
	}
}

static ssize_t
tls_read(struct leg *leg, void *buf, size_t size)
{
	int r;

	errno = 0;
	tls_peer_begin_call(leg->ssl);
	r = SSL_read(leg->ssl, buf, size > INT32_MAX ? INT32_MAX : (int)size);
	if (r > 0)
		return r;
	r = (int)tls_result(leg, r);
	return r == -EAGAIN && tls_peer_floods(leg->ssl) ? -EPROTO : r;
}

static ssize_t
tls_write(struct leg *leg, const void *buf, size_t len)
{
	int r;

	errno = 0;
	r = SSL_write(leg->ssl, buf, len > INT32_MAX ? INT32_MAX : (int)len);
	if (r > 0)
		return r;
	r = (int)tls_result(leg, r);
	return r == 0 ? -EPIPE : r;
}

ssize_t
leg_read(struct leg *leg, void *buf, size_t size)
{
	ssize_t n;

	if (leg->ssl != NULL) {
		n = tls_read(leg, buf, size);
	} else {
		do
			n = recv(leg->fd, buf, size, 0);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			n = -errno;
		else
			leg->got += (uint64_t)n;
		leg->dead = leg->dead || n == -ECONNRESET;
		if (n > 0 && (size_t)n < size && leg->exact && !leg->closed &&
		    !leg->doubt && !leg->urgent)
			leg->readable = false;
	}
	if (n == -EAGAIN)
		leg->readable = leg->doubt = leg->urgent = false;
	return n;
}

static ssize_t
write_with(struct leg *leg, const void *buf, size_t len, int flags)
{
	ssize_t n;

	if (leg->ssl != NULL) {
		n = tls_write(leg, buf, len);
	} else {
		do
			n = send(leg->fd, buf, len, MSG_NOSIGNAL | flags);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			n = -errno;
	}
	if (n == -EAGAIN)
		leg->writable = false;
	return n;
}

ssize_t
leg_write(struct leg *leg, const void *buf, size_t len)
{
	return write_with(leg, buf, len, 0);
}

int
leg_peek_urgent(const struct leg *leg, uint8_t *ret)
{
	int here = 0;

	/* TLS reads by itself, and has no such thing */
	return leg->urgent && leg->ssl == NULL &&
	       ioctl(leg->fd, SIOCATMARK, &here) == 0 && here != 0 &&
	       recv(leg->fd, ret, 1, MSG_OOB | MSG_PEEK) == 1;
}

ssize_t
leg_write_urgent(struct leg *leg, uint8_t byte)
{
	return write_with(leg, &byte, 1, leg->exact ? MSG_OOB : 0);
}

/* Says goodbye, and hears none. */
static int
tls_finish(struct leg *leg)
{
	int r;

	errno = 0;
	r = SSL_shutdown(leg->ssl);
	if (r >= 0)
		return 0;
	r = (int)tls_result(leg, r);
	return r == -EAGAIN ? r : -EPIPE;
}

int
leg_finish(struct leg *leg)
{
	int r;

	if (leg->ssl == NULL)
		return shutdown(leg->fd, SHUT_WR) < 0 ? -errno : 0;
	r = tls_finish(leg);
	if (r == -EAGAIN)
		leg->writable = false;
	return r;
}

void
leg_close(struct leg *leg)
{
	if (leg == NULL)
		return;
	/* the last descriptor's end takes it out of the epoll */
	leg->legs->by_fd[leg->fd] = NULL;
	if (leg->inode != 0)
		inodes_remove(leg->legs->own, leg->inode);
	if (!leg->hurt && leg->ssl != NULL && SSL_is_init_finished(leg->ssl)) {
		(void)SSL_shutdown(leg->ssl);
		ERR_clear_error();
	}
	if (leg->ssl != NULL)
		SSL_free(leg->ssl);
	if (leg->guarded && !leg->hurt)
		leg_break_at_close(leg->fd, false);
	if (leg->hurt && !leg->dead)
		close_hurt(leg->fd);
	else
		(void)close(leg->fd); /* nothing can be done about an error */
	free(leg);
}

void
leg_reset(struct leg *leg)
{
	if (leg != NULL)
		leg->hurt = true;
	leg_close(leg);
}

size_t
leg_unsent(const struct leg *leg)
{
	int n = 0;

	return ioctl(leg->fd, TIOCOUTQ, &n) < 0 || n < 0 ? 0 : (size_t)n;
}

bool
leg_had_end(const struct leg *leg)
{
	/* TLS has ends of its own, and what was read is not what it gives */
	return leg->ssl != NULL || sock_had_end(leg->fd, leg->got);
}

int
leg_error(const struct leg *leg)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (!leg->doubt)
		return 0;
	if (getsockopt(leg->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}
