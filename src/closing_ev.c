#include "src/closing_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "src/attr.h"
#include "src/core/judge.h"
#include "src/core/stats.h"
#include "src/linux/ct.h"
#include "src/linux/diag.h"

/* What was decided for a closed socket goes after one or two of these: who
 * draws its port before that, for the same far end, is refused his first
 * datagram. …
 */
static const struct timeval closing_pause = { 0, 50000 };

/* … of so many flows at a time, 50 us, or of as many as packets have come
 * since. Who waits for a verdict meanwhile waits no longer, and what is left
 * does not grow. */
#define CLOSING_LEAST 24
#define CLOSING_MOST 256

/* Sockets that wait for that: as many as are closed in this time where 80,000
 * are in a second. */
#define CLOSED_MAX 8192

/* Ports from here on are drawn (net.ipv4.ip_local_port_range), and of so many
 * closed sockets of those at most it is asked whether they are used again. */
#define EPHEMERAL 32768
#define CLOSING_FEW 4

/* Questions of that kind in one turn, 30 us each. */
#define ASKED_MAX 64

/* See closing_ev_later(): for an answer from upstream, and what a far end says.
 */
#define LATER_NS MONO_S
static const struct timeval later_pause = { 1, 0 };
#define LATER_MAX 64

struct closing_ev {
	struct closing_opts opts;
	struct event *later; /* the entries of these go */
	struct flow_key keys[LATER_MAX];
	size_t n_keys, n_late; /* the first ones have waited for one pause */
	struct event *due;     /* closed sockets are looked for */
	struct {
		uint64_t inode;
		mono_t heard;
	} closed[CLOSED_MAX]; /* the first ones have waited for one pause */
	size_t n_closed, n_waited;
	size_t n_closing; /* that are being looked for */
	struct {
		uint64_t inode;
		bool used;	/* its port is, again */
		unsigned int n; /* in this turn */
	} asked;		/* of the kernel, last */
	bool more;		/* flows of theirs are left */
	uint64_t packets;	/* that had come when that was seen last */
};

/* Not looked for at once: its last packet may be the one that is being judged,
 * or on its way to the resolver or to a tunnel, which need the entry. */
static void
closed_cb(void *arg, uint64_t inode)
{
	struct closing_ev *c = arg;

	if (c->n_closed == CLOSED_MAX) {
		c->opts.stats->closed_missed++;
		return;
	}
	c->closed[c->n_closed].inode = inode;
	c->closed[c->n_closed++].heard = mono_now();
	if (!event_pending(c->due, EV_TIMEOUT, NULL))
		(void)event_add(c->due, &closing_pause); /* or later */
}

static void
look_for_closed(struct closing_ev *c)
{
	for (size_t i = 0; i < c->n_waited; i++)
		judge_closed(
		    c->opts.judge, c->closed[i].inode, c->closed[i].heard);
	c->n_closing = c->n_waited;
	c->asked.inode = 0; /* of the round before */
	c->n_closed -= c->n_waited;
	memmove(c->closed, c->closed + c->n_waited,
	    c->n_closed * sizeof(c->closed[0]));
	c->n_waited = c->n_closed;
}

/* Whether its ends are another socket's of the same user by now: the program
 * went on with its port, and so does its flow. For another program it does not:
 * the kernel is told whose it is. */
static bool
is_used_again(struct closing_ev *c, const struct flow *flow)
{
	struct socket_facts sock = { .status = SOCKET_NONE };

	if (flow->key.lport >= EPHEMERAL && c->n_closing > CLOSING_FEW)
		return false; /* drawn, and hardly the same again */
	if (flow->inode == c->asked.inode)
		return c->asked.used;
	if (++c->asked.n > ASKED_MAX)
		return true;
	diag_find(c->opts.diag, &flow->key, true, 0, &sock);
	c->asked.inode = flow->inode;
	c->asked.used = sock.status == SOCKET_FOUND && sock.inode != 0 &&
			sock.inode != flow->inode &&
			sock.uid == flow->process->uid;
	return c->asked.used;
}

static uint64_t
one_piece(struct closing_ev *c)
{
	uint64_t n = c->opts.stats->packets - c->packets;

	c->packets = c->opts.stats->packets;
	if (n < CLOSING_LEAST)
		return CLOSING_LEAST;
	return n < CLOSING_MOST ? n : CLOSING_MOST;
}

/* False when there are more. */
static bool
forget_closed(struct closing_ev *c)
{
	uint64_t before = ct_changed(c->opts.ct), n = one_piece(c);
	const struct flow *flow = NULL;

	c->asked.n = 0;
	for (uint64_t i = 0; i < n; i++) {
		flow = judge_closed_next(c->opts.judge);
		if (flow == NULL)
			break;
		if (is_used_again(c, flow))
			continue;
		if (flow->asks) /* the answer needs the entry */
			closing_ev_later(c, &flow->key);
		else {
			c->opts.closed(c->opts.arg, &flow->key, false);
			(void)ct_delete_flow(
			    c->opts.ct, &flow->key); /* it may be gone */
		}
	}
	(void)ct_flush(c->opts.ct);
	c->opts.stats->closed_forgotten += ct_changed(c->opts.ct) - before;
	return flow == NULL;
}

/* Who draws the port of a closed socket is judged by itself. */
static void
closing_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = { 0, 0 };
	struct closing_ev *c = arg;

	(void)fd;
	(void)what;
	attr_drain(c->opts.attr);
	if (c->opts.ct == NULL)
		return;
	if (!c->more)
		look_for_closed(c);
	c->more = !forget_closed(c);
	if (c->more)
		(void)event_add(c->due, &at_once); /* or later */
	else if (c->n_closed > 0)
		(void)event_add(c->due, &closing_pause); /* likewise */
}

static void
forget(struct closing_ev *c, const struct flow_key *keys, size_t n)
{
	if (c->opts.ct == NULL || n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		(void)ct_delete_flow(c->opts.ct, &keys[i]); /* it may be gone */
	(void)ct_flush(c->opts.ct);
}

/* A query of this pause may have no answer yet. */
static bool
asks_still(const struct closing_ev *c, const struct flow_key *key, mono_t now)
{
	const struct flow *flow = flow_find(judge_flows(c->opts.judge), key);

	return flow != NULL && flow->asked.ns != 0 &&
	       mono_since(now, flow->asked) < LATER_NS;
}

static void
later_cb(evutil_socket_t fd, short what, void *arg)
{
	struct closing_ev *c = arg;
	size_t kept = 0, n = c->n_late;
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	for (size_t i = 0; i < n; i++)
		if (asks_still(c, &c->keys[i], now))
			c->keys[kept++] = c->keys[i];
		else
			forget(c, &c->keys[i], 1);
	c->n_keys -= n - kept;
	memmove(c->keys + kept, c->keys + n,
	    (c->n_keys - kept) * sizeof(c->keys[0]));
	c->n_late = c->n_keys;
	if (c->n_keys > 0)
		(void)event_add(c->later, &later_pause); /* or with others */
}

void
closing_ev_later(struct closing_ev *c, const struct flow_key *key)
{
	if (c->n_keys == LATER_MAX) {
		forget(c, key, 1);
		return;
	}
	c->keys[c->n_keys++] = *key;
	if (!event_pending(c->later, EV_TIMEOUT, NULL))
		(void)event_add(c->later, &later_pause); /* likewise */
}

int
closing_ev_new(struct closing_ev **ret, const struct closing_opts *opts)
{
	struct closing_ev *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->opts = *opts;
	c->due = evtimer_new(opts->base, closing_cb, c);
	c->later = evtimer_new(opts->base, later_cb, c);
	if (c->due == NULL || c->later == NULL) {
		closing_ev_free(c);
		return -ENOMEM;
	}
	attr_watch_closes(opts->attr, closed_cb, c);
	*ret = c;
	return 0;
}

void
closing_ev_free(struct closing_ev *c)
{
	if (c == NULL)
		return;
	attr_watch_closes(c->opts.attr, NULL, NULL);
	if (c->due != NULL)
		event_free(c->due);
	if (c->later != NULL)
		event_free(c->later);
	free(c);
}
