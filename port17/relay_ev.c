#include "port17/relay_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "port17/leg_ev.h"
#include "port17/pump_ev.h"
#include "src/base/list.h"

/* One direction has ended, and the other says nothing. */
#define HALF_IDLE_S 3600

struct relay {
	struct relay_set *set;
	struct pump up, down;
	struct list ready;  /* in the set, where more is to be moved */
	struct event *idle; /* half-closed; NULL: not */
	enum closed closed; /* who ended first */
	relay_ended_fn *ended;
	void *arg;
};

struct relay_set {
	struct event_base *base;
	struct event *turn;
	struct list ready;
	struct pumps *pumps;
};

struct relay_bytes
relay_moved(const struct relay *relay)
{
	return (struct relay_bytes){ relay->up.bytes, relay->down.bytes };
}

static void
relay_free(struct relay *relay, bool reset)
{
	list_remove(&relay->ready);
	if (relay->idle != NULL)
		event_free(relay->idle);
	pump_done(relay->set->pumps, &relay->up);
	pump_done(relay->set->pumps, &relay->down);
	relay->up.from->hurt = reset;
	relay->up.to->hurt = reset;
	leg_close(relay->up.from);
	leg_close(relay->up.to);
	free(relay);
}

static void
relay_end(struct relay *relay, enum closed closed, bool reset)
{
	struct relay_bytes bytes = relay_moved(relay);
	relay_ended_fn *ended = relay->ended;
	void *arg = relay->arg;

	relay_free(relay, reset);
	ended(arg, closed, &bytes);
}

void
relay_abort(struct relay *relay_take, struct relay_bytes *ret_bytes)
{
	*ret_bytes = relay_moved(relay_take);
	relay_free(relay_take, true);
}

static void
idle_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	relay_end(arg, CLOSED_IDLE, true);
}

static void
watch_half(struct relay *relay)
{
	static const struct timeval idle = { HALF_IDLE_S, 0 };

	if (relay->idle == NULL)
		relay->idle =
		    event_new(relay->set->base, -1, 0, idle_cb, relay);
	if (relay->idle != NULL) /* else keepalive finds out */
		(void)event_add(relay->idle, &idle);
}

/* Who broke it: a leg with an error of its own, else the one that was read. */
static enum closed
broken_by(const struct relay *relay, const struct pump *half, int error)
{
	bool program;

	if (error == -ENOMEM || error == -ENOBUFS)
		return CLOSED_NO_ROOM;
	/* a write that fails is the reader's fault */
	program = (half == &relay->up) != (error == -EPIPE);
	return program ? CLOSED_PROGRAM_RESET : CLOSED_FAR_RESET;
}

static void
run(struct relay *relay)
{
	struct pump *first = &relay->up, *second = &relay->down;
	bool was_done = first->done || second->done;
	int r = pump_run(relay->set->pumps, first), s = 0;

	if (first->eof && !second->eof && !was_done)
		relay->closed = CLOSED_PROGRAM;
	if (r >= 0) {
		s = pump_run(relay->set->pumps, second);
		if (second->eof && !first->eof && !was_done)
			relay->closed = CLOSED_FAR;
	}
	if (r < 0 || s < 0) {
		/* a side that has said all, and heard all, is not hurt by the
		 * other's end */
		const struct pump *half = r < 0 ? first : second;
		int error = r < 0 ? r : s;

		relay_end(relay, broken_by(relay, half, error), true);
		return;
	}
	if (first->done && second->done) {
		relay_end(relay, relay->closed, false);
		return;
	}
	if (first->done || second->done)
		watch_half(relay);
	list_remove(&relay->ready);
	if (r == 1 || s == 1) {
		static const struct timeval soon = { 0, 0 };

		list_append(&relay->set->ready, &relay->ready);
		if (!event_pending(relay->set->turn, EV_TIMEOUT, NULL))
			(void)event_add(relay->set->turn, &soon);
	}
}

static void
leg_changed(void *arg, struct leg *leg)
{
	(void)leg;
	run(arg);
}

/* Those that were waiting when it began; what they leave waits for the
 * next. */
static void
turn_cb(evutil_socket_t fd, short what, void *arg)
{
	struct relay_set *set = arg;
	struct list now;

	(void)fd;
	(void)what;
	list_init(&now);
	while (!list_empty(&set->ready)) {
		struct list *node = set->ready.next;

		list_remove(node);
		list_append(&now, node);
	}
	while (!list_empty(&now)) {
		struct list *node = now.next;

		list_remove(node);
		run(container_of(node, struct relay, ready));
	}
}

int
relay_new(
    struct relay **ret, struct relay_set *set, const struct relay_opts *opts)
{
	static const struct timeval soon = { 0, 0 };
	struct relay *relay = calloc(1, sizeof(*relay));

	if (relay == NULL ||
	    (opts->ahead_len > 0 &&
		pump_hold(&relay->down, opts->ahead, opts->ahead_len) < 0)) {
		free(relay);
		leg_reset(opts->program);
		leg_reset(opts->far);
		return -ENOMEM;
	}
	relay->set = set;
	relay->up.from = relay->down.to = opts->program;
	relay->up.to = relay->down.from = opts->far;
	relay->ended = opts->ended;
	relay->arg = opts->arg;
	opts->program->fn = opts->far->fn = leg_changed;
	opts->program->arg = opts->far->arg = relay;
	/* what came while it was dialled raises no edge any more */
	list_append(&set->ready, &relay->ready);
	(void)event_add(set->turn, &soon);
	*ret = relay;
	return 0;
}

int
relay_set_new(struct relay_set **ret, struct event_base *base)
{
	struct relay_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	set->base = base;
	list_init(&set->ready);
	set->pumps = pumps_new();
	set->turn = event_new(base, -1, 0, turn_cb, set);
	if (set->pumps == NULL || set->turn == NULL) {
		relay_set_free(set);
		return -ENOMEM;
	}
	*ret = set;
	return 0;
}

void
relay_set_free(struct relay_set *set)
{
	if (set == NULL)
		return;
	pumps_free(set->pumps);
	if (set->turn != NULL)
		event_free(set->turn);
	free(set);
}

size_t
relay_set_pipes(const struct relay_set *set, size_t *ret_used)
{
	return pumps_pipes(set->pumps, ret_used);
}
