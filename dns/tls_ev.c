#include "dns/tls_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "dns/tls_own.h"

/* For TCP and TLS together: three round trips, one lost SYN. */
#define OPEN_NS (4 * MONO_S)
/* What was begun while the server was away ends in one failure for all who
 * wait, and before Linux 6.5 the kernel repeats its SYN after 1, 2 and 4 s
 * alone: who asks a server that may be back is not to wait for that. More than
 * a round trip that fits in OPEN_NS three times. */
#define ANEW_NS (1500 * MONO_MS)
/* Servers keep idle connections for 10 to 30 s or as long as they like. */
#define IDLE_NS (60 * MONO_S)
/* A connection that has worked and then is silent while somebody waits: the
 * path is gone (sleep, another network), since a server that is busy with one
 * name answers others. */
#define STALL_NS (2 * MONO_S)

/* Queries of one wake-up go out together. */
static void
flush_cb(evutil_socket_t fd, short what, void *arg)
{
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	tls_conn_pump(arg, now);
	tls_ev_arm(arg, now);
}

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
	return t->state == TLS_UP && t->stream.answered > 0 &&
	       !list_empty(&t->stream.flying);
}

/* Somebody has asked while a connection that is not answered was old. */
static bool
is_stale(const struct tls_ev *t)
{
	return t->state == TLS_CONNECTING &&
	       mono_since(t->asked, t->begun) >= ANEW_NS;
}

void
tls_ev_arm(struct tls_ev *t, mono_t now)
{
	mono_t next = { 0 }, due;
	struct timeval wait;

	if (stream_next_due(&t->stream, &due))
		earlier(&next, due);
	if (t->state == TLS_CONNECTING || t->state == TLS_SHAKING)
		earlier(&next, mono_add(t->begun, OPEN_NS));
	if (is_stale(t))
		earlier(&next, now);
	if (stalls(t))
		earlier(&next, mono_add(t->heard, STALL_NS));
	if (t->state == TLS_UP && t->stream.n == 0)
		earlier(&next, mono_add(t->heard, IDLE_NS));
	if (next.ns == 0 || (t->armed.ns != 0 && !mono_before(next, t->armed)))
		return;
	wait = mono_timeval(mono_since(next, now));
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
		tls_conn_end_query(t, q, -ETIMEDOUT);
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
	if (is_stale(t))
		tls_conn_anew(t, now);
	switch (t->state) {
	case TLS_CLOSED:
		break;
	case TLS_CONNECTING:
	case TLS_SHAKING:
		if (mono_since(now, t->begun) < OPEN_NS)
			break;
		tls_conn_complain(t, t->state == TLS_CONNECTING
					 ? TLS_UNANSWERED
					 : "it stalls in the TLS handshake");
		trust_link_forget(&t->link);
		tls_conn_fail(t, -ETIMEDOUT, now);
		break;
	case TLS_UP:
		if (silent ||
		    (stalls(t) && mono_since(now, t->heard) >= STALL_NS)) {
			t->stats.stalls++;
			if (silent)
				tls_conn_complain(
				    t, "it stalls: no answer comes");
			tls_conn_lost(t, "it stalls: no answer comes", now);
		} else if (t->stream.n == 0 &&
			   mono_since(now, t->heard) >= IDLE_NS) {
			tls_conn_close(t);
		}
		break;
	}
	tls_ev_arm(t, now);
}

int
tls_ev_query(struct tls_ev *t, const uint8_t *msg, size_t len, mono_t deadline,
    void *asker)
{
	mono_t now = mono_now();
	int r;

	if (t->state == TLS_CLOSED && mono_before(now, t->hold_until))
		return t->hold_error;
	if (t->state == TLS_CLOSED) {
		r = tls_conn_open(t, now);
		if (r < 0) {
			tls_conn_say(t, r);
			tls_conn_hold(t, r, now);
			return r;
		}
	}
	r = stream_add(&t->stream, msg, len, deadline, asker);
	if (r < 0)
		return r;
	t->asked = now;
	if (t->state == TLS_UP)
		event_active(t->flush, EV_TIMEOUT, 0);
	tls_ev_arm(t, now);
	return 0;
}

void
tls_ev_cancel(struct tls_ev *t)
{
	struct stream_query *q;

	while ((q = stream_any(&t->stream)) != NULL)
		tls_conn_end_query(t, q, -ECANCELED);
}

void
tls_ev_trust(struct tls_ev *t, struct trust *trust)
{
	trust_unref(t->opts.trust);
	t->opts.trust = trust_ref(trust);
	trust_link_forget(&t->link); /* it would spare the certificate */
	t->hold_until = (mono_t){ 0 };
	if (t->state != TLS_CLOSED)
		tls_conn_lost(t, "others are believed now", mono_now());
}

const struct upstream_spec *
tls_ev_spec(const struct tls_ev *t)
{
	return &t->spec;
}

void
tls_ev_forgive(struct tls_ev *t)
{
	t->hold_until = (mono_t){ 0 };
	if (t->state != TLS_CLOSED)
		tls_conn_lost(t, "the network has changed", mono_now());
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
	if (t == NULL)
		return;
	tls_conn_close(t);
	tls_conn_hold(t, -ECANCELED, mono_now());
	tls_ev_cancel(t);
	tls_conn_drop(&t->flush);
	tls_conn_drop(&t->timer);
	stream_done(&t->stream);
	trust_link_done(&t->link);
	trust_unref(t->opts.trust);
	free(t);
}
