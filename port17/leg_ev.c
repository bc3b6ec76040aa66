#include "port17/leg_ev.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port17/inodes.h"

static void
leg_cb(evutil_socket_t fd, short what, void *arg)
{
	struct leg *leg = arg;

	(void)fd;
	if (what & (EV_READ | EV_CLOSED))
		leg->readable = true;
	if (what & EV_WRITE)
		leg->writable = true;
	if (what & EV_CLOSED)
		leg->closed = true;
	/* so an error looks, too, and it may lie behind the last bytes */
	if ((what & EV_READ) && (what & EV_WRITE))
		leg->doubt = true;
	if (leg->ssl != NULL) /* either may wait for the other */
		leg->readable = leg->writable = true;
	leg->fn(leg->arg, leg);
}

int
leg_open(
    struct leg **ret, struct event_base *base, int fd_take, struct inodes *own)
{
	struct leg *leg = calloc(1, sizeof(*leg));
	struct stat st;

	if (leg == NULL) {
		(void)close(fd_take); /* nothing was sent */
		return -ENOMEM;
	}
	leg->fd = fd_take;
	if (own != NULL && fstat(fd_take, &st) == 0 &&
	    inodes_add(own, st.st_ino) == 0) {
		leg->own = own;
		leg->inode = st.st_ino;
	}
	if (event_assign(&leg->event, base, fd_take,
		EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, leg_cb,
		leg) < 0 ||
	    event_add(&leg->event, NULL) < 0) {
		if (leg->own != NULL)
			inodes_remove(leg->own, leg->inode);
		(void)close(fd_take); /* nothing was sent */
		free(leg);
		return -ENOMEM;
	}
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
	r = SSL_read(leg->ssl, buf, size > INT32_MAX ? INT32_MAX : (int)size);
	return r > 0 ? r : tls_result(leg, r);
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
		if (n > 0 && (size_t)n < size && leg->exact && !leg->closed &&
		    !leg->doubt)
			leg->readable = false;
	}
	if (n == -EAGAIN)
		leg->readable = leg->doubt = false;
	return n;
}

ssize_t
leg_write(struct leg *leg, const void *buf, size_t len)
{
	ssize_t n;

	if (leg->ssl != NULL) {
		n = tls_write(leg, buf, len);
	} else {
		do
			n = send(leg->fd, buf, len, MSG_NOSIGNAL);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			n = -errno;
	}
	if (n == -EAGAIN)
		leg->writable = false;
	return n;
}

int
leg_finish(struct leg *leg)
{
	if (leg->ssl != NULL) {
		int r = SSL_shutdown(leg->ssl); /* says goodbye, hears none */

		ERR_clear_error();
		return r < 0 ? -EPIPE : 0;
	}
	return shutdown(leg->fd, SHUT_WR) < 0 ? -errno : 0;
}

void
leg_close(struct leg *leg)
{
	if (leg == NULL)
		return;
	(void)event_del(&leg->event); /* it was added */
	if (leg->own != NULL)
		inodes_remove(leg->own, leg->inode);
	if (leg->hurt) {
		struct linger now = { .l_onoff = 1, .l_linger = 0 };

		(void)setsockopt(
		    leg->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	} else if (leg->ssl != NULL && SSL_is_init_finished(leg->ssl)) {
		(void)SSL_shutdown(leg->ssl);
		ERR_clear_error();
	}
	if (leg->ssl != NULL)
		SSL_free(leg->ssl);
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

int
leg_error(const struct leg *leg)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(leg->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}
