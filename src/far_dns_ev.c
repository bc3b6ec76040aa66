#include "src/far_dns_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/stream.h"
#include "port17/dial_ev.h"
#include "port17/leg_ev.h"
#include "port17/sock.h"
#include "src/base/log.h"

/* The resolver has had its say before: after that, nobody waits. */
#define TIMEOUT_NS (5 * MONO_S)
/* As long as nobody asks. */
#define IDLE_NS (60 * MONO_S)
/* After a failure, so long is not dialled again for each question. */
#define HOLD_NS (250 * MONO_MS)
/* In one wake-up. */
#define READS_MAX 4
#define OUT_SIZE ((size_t)4096)
#define WHY_SIZE 256

static const char it_hangs_up[] = "it ends the connection without an answer";

/* One server, by one tunnel. */
struct link {
	struct list node;
	struct far_dns *far;
	struct upstream_spec spec;
	struct stream stream;
	struct dial *dial; /* one of the two, or none */
	struct leg *leg;
	uint8_t out[OUT_SIZE]; /* what is being sent */
	size_t out_from, out_to;
	mono_t heard; /* the last bytes, or since when nobody asks */
	mono_t hold_until;
	bool again; /* dial when the one that ended is gone */
	bool hung;  /* it has hung up on a question, and answered none since */
	struct event *flush, *timer;
	char why[WHY_SIZE];
	struct log_limit fails, works; /* what is said of this one */
};

struct far_dns {
	struct far_dns_opts opts;
	struct list links;
	bool closing; /* what one gives back is not asked again */
};

static void leg_changed(void *arg, struct leg *leg);
static void arm(struct link *link, mono_t now);

/* Questions' ends -----------------------------------------------------------
 */

static void
end_query(struct link *link, struct stream_query *q, int error, mono_t now)
{
	struct attempt *attempt = stream_take(&link->stream, q);

	resolve_failed(link->far->opts.resolve, attempt, error, now);
}

static void
hang_up(struct link *link)
{
	leg_close(link->leg);
	link->leg = NULL;
	link->out_from = link->out_to = 0;
}

/* It can't be reached: nobody need wait. */
static void
fail_all(struct link *link, int error, mono_t now)
{
	struct stream_query *q;

	hang_up(link);
	link->hold_until = mono_add(now, HOLD_NS);
	while ((q = stream_any(&link->stream)) != NULL)
		end_query(link, q, error, now);
}

/* Once for each thing that is wrong; "" where nothing is. */
static void
complain(struct link *link, const char *why)
{
	char name[UPSTREAM_TEXT_SIZE], quoted[WHY_SIZE];

	if (strcmp(link->why, why) == 0)
		return;
	(void)snprintf(link->why, sizeof(link->why), "%s", why); /* cut */
	(void)upstream_format(&link->spec, name);
	if (why[0] != '\0')
		log_limited_by(&link->fails, LOG_LEVEL_WARNING, "dns",
		    "upstream=\"%s\" fails: %s", name,
		    log_quote(link->why, quoted, sizeof(quoted)));
	else
		log_limited_by(&link->works, LOG_LEVEL_INFO, "dns",
		    "upstream=\"%s\" works again", name);
}

/* Bytes ---------------------------------------------------------------------
 */

/* What was open is so no more: what was sent goes out again, by another. That
 * it hangs up may be for one question's sake, as dnsmasq does where its own
 * servers can't be asked: by the second in a row it is so of all. */
static void
lost(struct link *link, const char *why, mono_t now)
{
	struct list failed;
	int error = why == it_hangs_up && !link->hung ? -ENODATA : -ECONNRESET;

	list_init(&failed);
	hang_up(link);
	stream_restart(&link->stream, &failed);
	if (!list_empty(&failed) && error != -ENODATA) {
		complain(link, why);
		link->hold_until = mono_add(now, HOLD_NS);
	}
	link->hung |= !list_empty(&failed);
	link->again = !list_empty(&link->stream.waiting);
	while (!list_empty(&failed))
		end_query(link,
		    container_of(failed.next, struct stream_query, node), error,
		    now);
	event_active(link->flush, EV_TIMEOUT, 0);
}

/* Sends what waits, until the socket is full. False: the link is lost. */
static bool
pump(struct link *link, mono_t now)
{
	while (link->leg != NULL) {
		ssize_t n;

		if (link->out_from == link->out_to) {
			if (list_empty(&link->stream.flying))
				link->heard = now;
			link->out_from = 0;
			link->out_to = stream_fill(
			    &link->stream, link->out, OUT_SIZE, now);
			if (link->out_to == 0)
				break;
		}
		n = leg_write(link->leg, link->out + link->out_from,
		    link->out_to - link->out_from);
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			lost(link, strerror((int)-n), now);
			return false;
		}
		link->out_from += (size_t)n;
	}
	return true;
}

static void
take_messages(struct link *link, mono_t now)
{
	struct resolve *resolve = link->far->opts.resolve;
	uint8_t *msg;
	size_t len;

	while (stream_next(&link->stream, &msg, &len)) {
		struct stream_query *q = stream_match(&link->stream, msg, len);
		struct attempt *attempt;

		if (q == NULL)
			continue;
		complain(link, "");
		link->hung = false;
		attempt = stream_take(&link->stream, q);
		if (resolve_fits(resolve, attempt, msg, len))
			resolve_answer(resolve, attempt, msg, len, now);
		else
			resolve_failed(resolve, attempt, -EBADMSG, now);
	}
}

static void
take_bytes(struct link *link, mono_t now)
{
	for (unsigned int i = 0; link->leg != NULL && link->leg->readable;
	     i++) {
		size_t room = 0;
		uint8_t *to = stream_room(&link->stream, &room);
		ssize_t n =
		    to != NULL ? leg_read(link->leg, to, room) : -ENOMEM;

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			lost(link,
			    n == 0 || n == -ECONNRESET ? it_hangs_up
						       : strerror((int)-n),
			    now);
			return;
		}
		link->heard = now;
		stream_got(&link->stream, (size_t)n);
		take_messages(link, now);
		if (stream_is_junk(&link->stream)) {
			lost(link, "it sends answers that nobody asked for",
			    now);
			return;
		}
		if (i == READS_MAX) { /* the rest in its turn */
			event_active(link->flush, EV_TIMEOUT, 0);
			return;
		}
	}
}

static void
leg_changed(void *arg, struct leg *leg)
{
	struct link *link = arg;
	mono_t now = mono_now();

	(void)leg;
	take_bytes(link, now);
	(void)pump(link, now);
	arm(link, now);
}

/* Connections ---------------------------------------------------------------
 */

static void
dial_done(void *arg, const struct dial_result *result)
{
	struct link *link = arg;
	mono_t now = mono_now();
	char why[WHY_SIZE];

	link->dial = NULL;
	if (result->outcome != OUTCOME_CONNECTED) {
		(void)snprintf(why, sizeof(why), "%s%s%s",
		    outcome_text(result->outcome),
		    result->why[0] != '\0' ? ": " : "", result->why);
		complain(link, why);
		fail_all(link, -EHOSTUNREACH, now);
		return;
	}
	/* a server that speaks first is none */
	link->leg = result->leg;
	link->leg->fn = leg_changed;
	link->leg->arg = link;
	sock_keep_alive(link->leg->fd);
	sock_limit_silence(link->leg->fd, true);
	link->heard = now;
	leg_changed(link, link->leg);
}

/* 0 or -errno. */
static int
dial(struct link *link)
{
	struct dialer *dialer = link->far->opts.dialer;
	struct dial_opts opts = {
		.tunnel =
		    tunnel_set_find(dialer_tunnels(dialer), link->spec.name),
		.target = { .addr = link->spec.addr, .port = link->spec.port },
		.identity = { .words = { .exe = "rerouted",
				  .user = "rerouted",
				  .unit = "" } },
		.done = dial_done,
		.arg = link,
	};

	if (opts.tunnel == NULL)
		return -ENOENT;
	link->dial = dial_start(dialer, &opts);
	return link->dial != NULL ? 0 : -ENOBUFS;
}

/* Questions of one wake-up go out together; and what was left undone. */
static void
flush_cb(evutil_socket_t fd, short what, void *arg)
{
	struct link *link = arg;
	mono_t now = mono_now();
	int r = 0;

	(void)fd;
	(void)what;
	if (link->again && link->leg == NULL && link->dial == NULL)
		r = dial(link);
	link->again = false;
	if (r < 0)
		fail_all(link, r, now);
	else if (link->leg != NULL)
		leg_changed(link, link->leg);
	arm(link, now);
}

/* Time ----------------------------------------------------------------------
 */

static void
arm(struct link *link, mono_t now)
{
	struct timeval wait;
	mono_t next;

	if (!stream_next_due(&link->stream, &next)) {
		if (link->leg == NULL)
			return;
		next = mono_add(link->heard, IDLE_NS);
	}
	wait = mono_timeval(mono_since(next, now));
	if (event_add(link->timer, &wait) < 0)
		log_limited(LOG_LEVEL_WARNING, "dns",
		    "a timer can't be set: no memory");
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct link *link = arg;
	struct stream_query *q;
	mono_t now = mono_now();
	bool silent = false;

	(void)fd;
	(void)what;
	while ((q = stream_overdue(&link->stream, now)) != NULL) {
		/* since it was sent nothing at all has come */
		silent |= q->flying && !mono_before(q->sent, link->heard);
		end_query(link, q, -ETIMEDOUT, now);
	}
	if (silent && link->leg != NULL) {
		complain(link, "it stalls: no answer comes");
		lost(link, "it stalls: no answer comes", now);
	} else if (link->stream.n == 0 &&
		   mono_since(now, link->heard) >= IDLE_NS) {
		hang_up(link);
	}
	arm(link, now);
}

/* Links ---------------------------------------------------------------------
 */

static void
link_free(struct link *link)
{
	list_remove(&link->node);
	dial_cancel(link->dial);
	link->dial = NULL;
	fail_all(link, -ECANCELED, mono_now());
	if (link->flush != NULL)
		event_free(link->flush);
	if (link->timer != NULL)
		event_free(link->timer);
	stream_done(&link->stream);
	free(link);
}

static struct link *
find_link(const struct far_dns *far, const struct upstream_spec *spec)
{
	struct list *node;

	list_for_each (node, &far->links) {
		struct link *link = container_of(node, struct link, node);

		if (link->spec.port == spec->port &&
		    addr_equal(&link->spec.addr, &spec->addr) &&
		    strcmp(link->spec.name, spec->name) == 0)
			return link;
	}
	return NULL;
}

/* NULL when there is no memory. */
static struct link *
link_new(struct far_dns *far, const struct upstream_spec *spec)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->far = far;
	link->spec = *spec;
	stream_init(&link->stream);
	link->stream.bare = true;
	list_append(&far->links, &link->node);
	link->flush = event_new(far->opts.base, -1, 0, flush_cb, link);
	link->timer = event_new(far->opts.base, -1, 0, timer_cb, link);
	if (link->flush == NULL || link->timer == NULL) {
		link_free(link);
		return NULL;
	}
	return link;
}

int
far_dns_send(struct far_dns *far, struct attempt *attempt, const uint8_t *msg,
    size_t len)
{
	const struct upstream_spec *spec = &attempt->upstream->spec;
	mono_t now = mono_now();
	struct link *link;
	int r;

	if (far->closing)
		return -ECANCELED;
	link = find_link(far, spec);
	if (link == NULL)
		link = link_new(far, spec);
	if (link == NULL)
		return -ENOMEM;
	if (link->leg == NULL && link->dial == NULL) {
		if (mono_before(now, link->hold_until))
			return -EHOSTUNREACH;
		r = link->again ? 0 : dial(link);
		if (r < 0)
			return r;
	}
	r = stream_add(
	    &link->stream, msg, len, mono_add(now, TIMEOUT_NS), attempt);
	if (r < 0)
		return r;
	if (link->leg != NULL)
		event_active(link->flush, EV_TIMEOUT, 0);
	arm(link, now);
	return 0;
}

void
far_dns_reset(struct far_dns *far)
{
	far->closing = true;
	while (!list_empty(&far->links))
		link_free(container_of(far->links.next, struct link, node));
	far->closing = false;
}

const char *
far_dns_why(const struct far_dns *far, const struct upstream *upstream)
{
	const struct link *link = find_link(far, &upstream->spec);

	return link != NULL ? link->why : "";
}

struct far_dns *
far_dns_new(const struct far_dns_opts *opts)
{
	struct far_dns *far = calloc(1, sizeof(*far));

	if (far == NULL)
		return NULL;
	far->opts = *opts;
	list_init(&far->links);
	return far;
}

void
far_dns_free(struct far_dns *far)
{
	if (far != NULL)
		far_dns_reset(far);
	free(far);
}
