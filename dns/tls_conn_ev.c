#include "dns/tls_own.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/sockaddr_ev.h"
#include "src/base/log.h"
#include "src/base/tls_peer.h"

/* After a failure, so long is not tried again for each query. */
#define HOLD_NS (250 * MONO_MS)
/* Of one record or, at first, 4 KiB each, in one wake-up. */
#define READS_MAX 4
/* A TLS record. */
#define OUT_SIZE ((size_t)16384)

void
tls_conn_complain(struct tls_ev *t, const char *why)
{
	char name[UPSTREAM_TEXT_SIZE];

	if (strcmp(t->why, why) == 0)
		return;
	(void)snprintf(t->why, sizeof(t->why), "%s", why); /* as long */
	log_limited_by(&t->fails, LOG_LEVEL_WARNING, "dns",
	    "upstream=%s fails: %s", upstream_format(&t->spec, name), t->why);
}

static void
works(struct tls_ev *t)
{
	char name[UPSTREAM_TEXT_SIZE];

	if (t->why[0] == '\0')
		return;
	t->why[0] = '\0';
	log_limited_by(&t->works, LOG_LEVEL_INFO, "dns",
	    "upstream=%s works again", upstream_format(&t->spec, name));
}

void
tls_conn_say(struct tls_ev *t, int error)
{
	char why[TRUST_WHY_SIZE];

	if (error == -ECONNREFUSED)
		(void)snprintf(why, sizeof(why), "it refuses the connection");
	else
		(void)snprintf(why, sizeof(why), "no connection: %s",
		    strerror(-error)); /* fits */
	tls_conn_complain(t, why);
}

void
tls_conn_drop(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

void
tls_conn_close(struct tls_ev *t)
{
	tls_conn_drop(&t->readable);
	tls_conn_drop(&t->writable);
	if (t->ssl != NULL) {
		/* the server may keep reading: it costs nothing to tell it */
		if (t->state == TLS_UP)
			(void)SSL_shutdown(t->ssl);
		/* and however that went, the session stays good */
		SSL_set_shutdown(
		    t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(t->ssl);
		ERR_clear_error();
	}
	t->ssl = NULL;
	if (t->fd >= 0)
		(void)close(t->fd); /* all that was sent is sent */
	t->fd = -1;
	free(t->out);
	t->out = NULL;
	t->out_from = 0;
	t->out_to = 0;
	t->state = TLS_CLOSED;
}

void
tls_conn_end_query(struct tls_ev *t, struct stream_query *q, int error)
{
	void *asker = stream_take(&t->stream, q);

	t->opts.done(t->opts.arg, asker, error, NULL, 0);
}

void
tls_conn_hold(struct tls_ev *t, int error, mono_t now)
{
	t->hold_until = mono_add(now, HOLD_NS);
	t->hold_error = error;
}

void
tls_conn_fail(struct tls_ev *t, int error, mono_t now)
{
	struct stream_query *q;

	t->stats.failures++;
	tls_conn_close(t);
	tls_conn_hold(
	    t, error, now); /* who asks again from done() is refused */
	while ((q = stream_any(&t->stream)) != NULL)
		tls_conn_end_query(t, q, error);
}

void
tls_conn_lost(struct tls_ev *t, const char *why, mono_t now)
{
	struct list failed;
	int r = 0;

	list_init(&failed);
	tls_conn_close(t);
	stream_restart(&t->stream, &failed);
	if (!list_empty(&failed)) {
		tls_conn_complain(t, why);
		tls_conn_hold(t, -ECONNRESET, now);
	}
	if (!list_empty(&t->stream.waiting)) {
		r = tls_conn_open(t, now);
		if (r < 0)
			tls_conn_say(t, r);
	}
	while (!list_empty(&failed))
		tls_conn_end_query(t,
		    container_of(failed.next, struct stream_query, node),
		    -ECONNRESET);
	if (r < 0)
		tls_conn_fail(t, r, now);
	else
		tls_ev_arm(t, now);
}

static void
reopen(struct tls_ev *t, mono_t now)
{
	int r;

	tls_conn_close(t);
	r = tls_conn_open(t, now);
	if (r == 0)
		return;
	tls_conn_say(t, r);
	tls_conn_fail(t, r, now);
}

void
tls_conn_anew(struct tls_ev *t, mono_t now)
{
	t->stats.failures++;
	tls_conn_complain(t, TLS_UNANSWERED);
	reopen(t, now);
}

/* A call of OpenSSL's has failed. */
static void
broken(struct tls_ev *t, int result, mono_t now)
{
	bool was_up = t->state == TLS_UP;
	int error = trust_failed(t->ssl, result, &t->link);

	if (was_up) {
		tls_conn_lost(t, t->link.why, now);
		return;
	}
	/* a server that can't make anything of its own old ticket */
	if (t->resuming && error != -EKEYREJECTED) {
		trust_link_forget(&t->link);
		reopen(t, now);
		return;
	}
	tls_conn_complain(t, t->link.why);
	tls_conn_fail(t, error, now);
}

/* Waits for what a call wants. False: it has failed. */
static bool
wants(struct tls_ev *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ: /* always waited for */
		return !tls_peer_floods(t->ssl);
	case SSL_ERROR_WANT_WRITE:
		return event_add(t->writable, NULL) == 0;
	default:
		return false;
	}
}

static void
before_call(struct tls_ev *t)
{
	ERR_clear_error();
	errno = 0;
	tls_peer_begin_call(t->ssl);
}

void
tls_conn_pump(struct tls_ev *t, mono_t now)
{
	while (t->state == TLS_UP) {
		int n;

		if (t->out_from == t->out_to) {
			if (list_empty(&t->stream.flying))
				t->heard = now;
			t->out_from = 0;
			t->out_to =
			    stream_fill(&t->stream, t->out, OUT_SIZE, now);
			if (t->out_to == 0)
				return;
		}
		before_call(t);
		n = SSL_write(t->ssl, t->out + t->out_from,
		    (int)(t->out_to - t->out_from));
		if (n > 0) {
			t->out_from += (size_t)n;
		} else if (wants(t, n)) {
			return;
		} else {
			broken(t, n, now);
			return;
		}
	}
}

/* Takes the messages that are whole. */
static void
take_messages(struct tls_ev *t)
{
	struct stream_query *q;
	uint8_t *msg;
	size_t len;

	while (stream_next(&t->stream, &msg, &len)) {
		void *asker;

		q = stream_match(&t->stream, msg, len);
		if (q == NULL)
			continue;
		works(t);
		asker = stream_take(&t->stream, q);
		t->opts.done(t->opts.arg, asker, 0, msg, len);
	}
}

static void
receive(struct tls_ev *t, mono_t now)
{
	for (unsigned int i = 0; i < READS_MAX; i++) {
		size_t room = 0;
		uint8_t *to = stream_room(&t->stream, &room);
		int n;

		if (to == NULL) {
			tls_conn_lost(t, "out of memory", now);
			return;
		}
		before_call(t);
		n = SSL_read(t->ssl, to, (int)room);
		if (n <= 0) {
			if (!wants(t, n))
				broken(t, n, now);
			return;
		}
		t->heard = now;
		stream_got(&t->stream, (size_t)n);
		take_messages(t);
		if (stream_is_junk(&t->stream)) {
			tls_conn_lost(
			    t, "it sends answers that nobody asked for", now);
			return;
		}
	}
	/* OpenSSL may hold more: the socket would not tell */
	event_active(t->readable, EV_READ, 0);
}

static void
shake(struct tls_ev *t, mono_t now)
{
	int r;

	before_call(t);
	r = SSL_connect(t->ssl);
	if (r == 1) {
		t->state = TLS_UP;
		t->heard = now;
		t->stats.connections++;
		t->stats.resumed += SSL_session_reused(t->ssl) == 1;
		tls_conn_pump(t, now);
	} else if (!wants(t, r)) {
		broken(t, r, now);
	}
}

static void
connected(struct tls_ev *t, mono_t now)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error == 0) {
		t->ssl = trust_begin(t->opts.trust, &t->spec, t->fd, &t->link);
		if (t->ssl == NULL || event_add(t->readable, NULL) < 0)
			error = ENOMEM;
	}
	if (error != 0) {
		tls_conn_say(t, -error);
		tls_conn_fail(t, -error, now);
		return;
	}
	t->resuming = t->link.session != NULL;
	t->state = TLS_SHAKING;
	shake(t, now);
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct tls_ev *t = arg;
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	if (t->state == TLS_SHAKING) {
		shake(t, now);
	} else {
		receive(t, now);
		tls_conn_pump(
		    t, now); /* it may have waited for something to be read */
	}
	tls_ev_arm(t, now);
}

static void
writable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct tls_ev *t = arg;
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	if (t->state == TLS_CONNECTING) {
		connected(t, now);
	} else if (t->state == TLS_SHAKING) {
		shake(t, now);
	} else {
		receive(t, now);
		tls_conn_pump(t, now);
	}
	tls_ev_arm(t, now);
}

int
tls_conn_open(struct tls_ev *t, mono_t now)
{
	struct sockaddr_storage to;
	socklen_t len = sockaddr_of_upstream(&to, &t->spec);
	int one = 1, r = -ENOMEM;

	t->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    IPPROTO_TCP);
	if (t->fd < 0)
		return -errno;
	/* small frames, each at once; where that can't be, it is slow */
	(void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(t->fd, (struct sockaddr *)&to, len) < 0 &&
	    errno != EINPROGRESS) {
		r = -errno;
		goto fail;
	}
	t->out = malloc(OUT_SIZE);
	t->readable = event_new(
	    t->opts.base, t->fd, EV_READ | EV_PERSIST, readable_cb, t);
	t->writable = event_new(t->opts.base, t->fd, EV_WRITE, writable_cb, t);
	if (t->out == NULL || t->readable == NULL || t->writable == NULL ||
	    event_add(t->writable, NULL) < 0)
		goto fail;
	t->state = TLS_CONNECTING;
	t->begun = now;
	return 0;
fail:
	tls_conn_close(t);
	return r;
}
