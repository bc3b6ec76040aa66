#include "dns/tls_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
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

#include "src/base/log.h"

/* For TCP and TLS together: three round trips, one lost SYN. */
#define OPEN_NS (4 * MONO_S)
/* Servers keep idle connections for 10 to 30 s or as long as they like. */
#define IDLE_NS (60 * MONO_S)
/* A connection that has worked and then is silent while somebody waits: the
 * path is gone (sleep, another network), since a server that is busy with one
 * name answers others. */
#define STALL_NS (2 * MONO_S)
/* After a failure, so long is not tried again for each query. */
#define HOLD_NS (250 * MONO_MS)
/* Of one record or, at first, 4 KiB each, in one wake-up. */
#define READS_MAX 4
/* A TLS record. */
#define OUT_SIZE ((size_t)16384)

enum state {
	STATE_CLOSED,
	STATE_CONNECTING,
	STATE_SHAKING, /* hands */
	STATE_UP,
};

struct tls_ev {
	struct tls_ev_opts opts;
	struct upstream_spec spec;
	struct trust_link link;
	struct stream stream;
	struct tls_ev_stats stats;
	enum state state;
	int fd;
	SSL *ssl;
	bool resuming;			   /* the handshake offers a session */
	struct event *readable, *writable; /* NULL while closed */
	struct event *flush, *timer;
	uint8_t *out; /* a record that is being sent; NULL while closed */
	size_t out_from, out_to;
	mono_t begun; /* the connection */
	/* the last bytes, or since when something is waited for */
	mono_t heard;
	mono_t armed; /* the timer; 0: it is not */
	mono_t hold_until;
	int hold_error;
	char why[TRUST_WHY_SIZE];
};

static int open_connection(struct tls_ev *t, mono_t now);
static void arm(struct tls_ev *t, mono_t now);

/* Saying what is wrong ------------------------------------------------------
 */

/* Once for each thing that is wrong. */
static void
complain(struct tls_ev *t, const char *why)
{
	char name[UPSTREAM_TEXT_SIZE];

	if (strcmp(t->why, why) == 0)
		return;
	(void)snprintf(t->why, sizeof(t->why), "%s", why); /* as long */
	log_limited(LOG_LEVEL_WARNING, "dns", "upstream=%s fails: %s",
	    upstream_format(&t->spec, name), t->why);
}

static void
works(struct tls_ev *t)
{
	char name[UPSTREAM_TEXT_SIZE];

	if (t->why[0] == '\0')
		return;
	t->why[0] = '\0';
	log_limited(LOG_LEVEL_INFO, "dns", "upstream=%s works again",
	    upstream_format(&t->spec, name));
}

static void
say_errno(struct tls_ev *t, int error)
{
	char why[TRUST_WHY_SIZE];

	if (error == -ECONNREFUSED)
		(void)snprintf(why, sizeof(why), "it refuses the connection");
	else
		(void)snprintf(why, sizeof(why), "no connection: %s",
		    strerror(-error)); /* fits */
	complain(t, why);
}

/* Ends -----------------------------------------------------------------------
 */

static void
event_drop(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

static void
close_connection(struct tls_ev *t)
{
	event_drop(&t->readable);
	event_drop(&t->writable);
	if (t->ssl != NULL) {
		/* the server may keep reading: it costs nothing to tell it */
		if (t->state == STATE_UP)
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
	t->state = STATE_CLOSED;
}

static void
end_query(struct tls_ev *t, struct stream_query *q, int error)
{
	void *asker = stream_take(&t->stream, q);

	t->opts.done(t->opts.arg, asker, error, NULL, 0);
}

static void
hold(struct tls_ev *t, int error, mono_t now)
{
	t->hold_until = mono_add(now, HOLD_NS);
	t->hold_error = error;
}

/* It could not be opened: nobody need wait. */
static void
fail_all(struct tls_ev *t, int error, mono_t now)
{
	struct stream_query *q;

	t->stats.failures++;
	close_connection(t);
	hold(t, error, now); /* who asks again from done() is refused */
	while ((q = stream_any(&t->stream)) != NULL)
		end_query(t, q, error);
}

/* What was open is so no more: what was sent goes out again. */
static void
connection_lost(struct tls_ev *t, const char *why, mono_t now)
{
	struct list failed;
	int r = 0;

	list_init(&failed);
	close_connection(t);
	stream_restart(&t->stream, &failed);
	if (!list_empty(&failed)) {
		complain(t, why);
		hold(t, -ECONNRESET, now);
	}
	if (!list_empty(&t->stream.waiting)) {
		r = open_connection(t, now);
		if (r < 0)
			say_errno(t, r);
	}
	while (!list_empty(&failed))
		end_query(t,
		    container_of(failed.next, struct stream_query, node),
		    -ECONNRESET);
	if (r < 0)
		fail_all(t, r, now);
	else
		arm(t, now);
}

/* A call of OpenSSL's has failed. */
static void
broken(struct tls_ev *t, int result, mono_t now)
{
	bool was_up = t->state == STATE_UP;
	int error = trust_failed(t->ssl, result, &t->link), r;

	if (was_up) {
		connection_lost(t, t->link.why, now);
		return;
	}
	/* a server that can't make anything of its own old ticket */
	if (t->resuming && error != -EKEYREJECTED) {
		trust_link_forget(&t->link);
		close_connection(t);
		r = open_connection(t, now);
		if (r == 0)
			return;
		say_errno(t, r);
		fail_all(t, r, now);
		return;
	}
	complain(t, t->link.why);
	fail_all(t, error, now);
}

/* Bytes ----------------------------------------------------------------------
 */

/* Waits for what a call wants. False: it has failed. */
static bool
wants(struct tls_ev *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return true; /* always waited for */
	case SSL_ERROR_WANT_WRITE:
		return event_add(t->writable, NULL) == 0;
	default:
		return false;
	}
}

static void
before_call(void)
{
	ERR_clear_error();
	errno = 0;
}

/* Sends what waits, until the socket is full. */
static void
pump(struct tls_ev *t, mono_t now)
{
	while (t->state == STATE_UP) {
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
		before_call();
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
			connection_lost(t, "out of memory", now);
			return;
		}
		before_call();
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
			connection_lost(
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

	before_call();
	r = SSL_connect(t->ssl);
	if (r == 1) {
		t->state = STATE_UP;
		t->heard = now;
		t->stats.connections++;
		t->stats.resumed += SSL_session_reused(t->ssl) == 1;
		pump(t, now);
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
		say_errno(t, -error);
		fail_all(t, -error, now);
		return;
	}
	t->resuming = t->link.session != NULL;
	t->state = STATE_SHAKING;
	shake(t, now);
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct tls_ev *t = arg;
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	if (t->state == STATE_SHAKING) {
		shake(t, now);
	} else {
		receive(t, now);
		pump(t, now); /* it may have waited for something to be read */
	}
	arm(t, now);
}

static void
writable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct tls_ev *t = arg;
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	if (t->state == STATE_CONNECTING) {
		connected(t, now);
	} else if (t->state == STATE_SHAKING) {
		shake(t, now);
	} else {
		receive(t, now);
		pump(t, now);
	}
	arm(t, now);
}

/* Queries of one wake-up go out together. */
static void
flush_cb(evutil_socket_t fd, short what, void *arg)
{
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	pump(arg, now);
	arm(arg, now);
}

/* Time -----------------------------------------------------------------------
 */

static void
earlier(mono_t *ret, mono_t t)
{
	if (ret->ns == 0 || mono_before(t, *ret))
		*ret = t;
}

/* It has answered before, and has been silent since then. */
static bool
stalls(const struct tls_ev *t)
{
	return t->state == STATE_UP && t->stream.answered > 0 &&
	       !list_empty(&t->stream.flying);
}

static void
arm(struct tls_ev *t, mono_t now)
{
	mono_t next = { 0 }, due;
	struct timeval wait;
	uint64_t us;

	if (stream_next_due(&t->stream, &due))
		earlier(&next, due);
	if (t->state == STATE_CONNECTING || t->state == STATE_SHAKING)
		earlier(&next, mono_add(t->begun, OPEN_NS));
	if (stalls(t))
		earlier(&next, mono_add(t->heard, STALL_NS));
	if (t->state == STATE_UP && t->stream.n == 0)
		earlier(&next, mono_add(t->heard, IDLE_NS));
	if (next.ns == 0 || (t->armed.ns != 0 && !mono_before(next, t->armed)))
		return;
	us = mono_since(next, now) / 1000 + 1;
	wait.tv_sec = (time_t)(us / 1000000);
	wait.tv_usec = (suseconds_t)(us % 1000000);
	if (event_add(t->timer, &wait) == 0)
		t->armed = next;
}

/* Ends those that have waited long enough; true if nothing at all has come
 * since one of them was sent. */
static bool
end_overdue(struct tls_ev *t, mono_t now)
{
	struct stream_query *q;
	bool silent = false;

	while ((q = stream_overdue(&t->stream, now)) != NULL) {
		silent |= q->flying && !mono_before(q->sent, t->heard);
		end_query(t, q, -ETIMEDOUT);
	}
	return silent;
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct tls_ev *t = arg;
	mono_t now = mono_now();
	bool silent;

	(void)fd;
	(void)what;
	t->armed = (mono_t){ 0 };
	silent = end_overdue(t, now);
	switch (t->state) {
	case STATE_CLOSED:
		break;
	case STATE_CONNECTING:
	case STATE_SHAKING:
		if (mono_since(now, t->begun) < OPEN_NS)
			break;
		complain(t, t->state == STATE_CONNECTING
				? "the connection is not answered"
				: "it stalls in the TLS handshake");
		trust_link_forget(&t->link);
		fail_all(t, -ETIMEDOUT, now);
		break;
	case STATE_UP:
		if (silent ||
		    (stalls(t) && mono_since(now, t->heard) >= STALL_NS)) {
			t->stats.stalls++;
			if (silent)
				complain(t, "it stalls: no answer comes");
			connection_lost(t, "it stalls: no answer comes", now);
		} else if (t->stream.n == 0 &&
			   mono_since(now, t->heard) >= IDLE_NS) {
			close_connection(t);
		}
		break;
	}
	arm(t, now);
}

/* Beginnings -----------------------------------------------------------------
 */

static socklen_t
fill_address(const struct upstream_spec *spec, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (spec->addr.family == ADDR_IP4) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(spec->port);
		memcpy(&in4->sin_addr, spec->addr.bytes, 4);
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(spec->port);
	memcpy(&in6->sin6_addr, spec->addr.bytes, 16);
	if (spec->zone[0] != '\0')
		in6->sin6_scope_id = if_nametoindex(spec->zone);
	return sizeof(*in6);
}

/* 0 or -errno, with nothing open. */
static int
open_connection(struct tls_ev *t, mono_t now)
{
	struct sockaddr_storage to;
	socklen_t len = fill_address(&t->spec, &to);
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
	t->state = STATE_CONNECTING;
	t->begun = now;
	return 0;
fail:
	close_connection(t);
	return r;
}

int
tls_ev_query(struct tls_ev *t, const uint8_t *msg, size_t len, mono_t deadline,
    void *asker)
{
	mono_t now = mono_now();
	int r;

	if (t->state == STATE_CLOSED && mono_before(now, t->hold_until))
		return t->hold_error;
	if (t->state == STATE_CLOSED) {
		r = open_connection(t, now);
		if (r < 0) {
			say_errno(t, r);
			hold(t, r, now);
			return r;
		}
	}
	r = stream_add(&t->stream, msg, len, deadline, asker);
	if (r < 0)
		return r;
	if (t->state == STATE_UP)
		event_active(t->flush, EV_TIMEOUT, 0);
	arm(t, now);
	return 0;
}

void
tls_ev_forgive(struct tls_ev *t)
{
	t->hold_until = (mono_t){ 0 };
	if (t->state != STATE_CLOSED)
		connection_lost(t, "the network has changed", mono_now());
}

const char *
tls_ev_why(const struct tls_ev *t)
{
	return t->why;
}

const struct tls_ev_stats *
tls_ev_stats(const struct tls_ev *t)
{
	return &t->stats;
}

const struct stream_stats *
tls_ev_stream_stats(const struct tls_ev *t)
{
	return &t->stream.stats;
}

int
tls_ev_new(struct tls_ev **ret, const struct tls_ev_opts *opts)
{
	struct tls_ev *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->opts = *opts;
	t->opts.trust = trust_ref(opts->trust);
	t->spec = *opts->spec;
	t->opts.spec = &t->spec;
	t->fd = -1;
	stream_init(&t->stream);
	t->flush = event_new(opts->base, -1, 0, flush_cb, t);
	t->timer = event_new(opts->base, -1, 0, timer_cb, t);
	if (t->flush == NULL || t->timer == NULL) {
		tls_ev_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void
tls_ev_free(struct tls_ev *t)
{
	struct stream_query *q;

	if (t == NULL)
		return;
	close_connection(t);
	hold(t, -ECANCELED, mono_now());
	while ((q = stream_any(&t->stream)) != NULL)
		end_query(t, q, -ECANCELED);
	event_drop(&t->flush);
	event_drop(&t->timer);
	stream_done(&t->stream);
	trust_link_done(&t->link);
	trust_unref(t->opts.trust);
	free(t);
}
