#include "port17/relay_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "port17/ebb_ev.h"
#include "port17/leg_ev.h"
#include "port17/pump_ev.h"
#include "port17/sock.h"
#include "src/base/list.h"
#include "src/base/mono.h"

/* What relays that have more to move may take of one turn of the loop: packets
 * and names wait for that. */
#define SLICE_NS MONO_MS
/* One direction has ended, and the other says nothing. */
#define HALF_IDLE_S 3600
/* Both have, and what the program was told last is not taken yet. */
#define DRAIN_S 10
/* Well within the two minutes that sock_limit_silence() sets, and the one that
 * sock_keep_half() is for. */
#define SWEEP_S 30
/* Options of use after a minute are set so late, and of so many sockets in one
 * turn of the loop, which takes some 100 us. */
#define KEEP_MS 500
#define KEEP_MAX 64
struct relay {
	struct relay_set *set;
	struct list all;
	struct pump up, down; /* from the program to the far end, and back */
	struct list ready;    /* in the set, where more is to be moved */
	struct list young;    /* in the set, until its far end is kept alive */
	struct event *idle;   /* half-closed, or draining; NULL: not */
	enum closed closed;   /* who ended first */
	bool stalled;	      /* the far end, when it was looked at */
	bool half;	 /* one has ended, and the program is asked often */
	bool draining;	 /* both have ended */
	bool far_broken; /* what it said before is still to be delivered */
	void *arg;
};

struct relay_set {
	relay_ended_fn *ended;
	struct event_base *base;
	struct event *turn;
	struct event *sweep;
	struct event *keep;
	struct list all, ready;
	struct list young; /* whose options are not set yet */
	struct list kept;  /* of those: it is time now */
	struct list mark;  /* in ready, while a turn lasts */
	struct ebbs ebbs;
	struct pumps *pumps;
};

static struct leg *
program_of(const struct relay *relay)
{
	return relay->up.from;
}

struct leg *
relay_far(const struct relay *relay)
{
	return relay->up.to;
}

struct relay_bytes
relay_moved(const struct relay *relay)
{
	return (struct relay_bytes){ relay->up.bytes, relay->down.bytes };
}

static void
relay_free(struct relay *relay)
{
	list_remove(&relay->ready);
	list_remove(&relay->young);
	list_remove(&relay->all);
	if (relay->idle != NULL)
		event_free(relay->idle);
	pump_done(relay->set->pumps, &relay->up);
	pump_done(relay->set->pumps, &relay->down);
	leg_close(program_of(relay));
	leg_close(relay_far(relay));
	free(relay);
}

static void
relay_end(struct relay *relay, enum closed closed, bool reset)
{
	struct relay_bytes bytes = relay_moved(relay);
	relay_ended_fn *ended = relay->set->ended;
	void *arg = relay->arg;

	if (reset && program_of(relay) != NULL)
		program_of(relay)->hurt = true;
	if (reset && relay_far(relay) != NULL)
		relay_far(relay)->hurt = true;
	relay_free(relay);
	ended(arg, closed, &bytes);
}

void
relay_abort(struct relay *relay_take, struct relay_bytes *ret_bytes)
{
	*ret_bytes = relay_moved(relay_take);
	program_of(relay_take)->hurt = true;
	relay_far(relay_take)->hurt = true;
	relay_free(relay_take);
}

static void
idle_cb(evutil_socket_t fd, short what, void *arg)
{
	struct relay *relay = arg;

	(void)fd;
	(void)what;
	if (relay->draining)
		relay_end(relay, relay->closed, false);
	else
		relay_end(relay, CLOSED_IDLE, true);
}

/* False: there is no memory for it. */
static bool
watch_for(struct relay *relay, time_t seconds)
{
	const struct timeval idle = { seconds, 0 };

	if (relay->idle == NULL)
		relay->idle =
		    event_new(relay->set->base, -1, 0, idle_cb, relay);
	return relay->idle != NULL && event_add(relay->idle, &idle) == 0;
}

/* Each has said its end. Where conntrack was made to forget the flow, what the
 * program was told last reaches it from nobody it knows: it resets that, and
 * waits for ever, unless it is told. */
static void
end_well(struct relay *relay)
{
	struct leg *program = program_of(relay);

	if (leg_error(program) != 0) {
		relay_end(relay, CLOSED_PROGRAM_RESET, false);
		return;
	}
	if (leg_unsent(program) == 0) {
		relay_end(relay, relay->closed, false);
		return;
	}
	if (relay->draining)
		return;
	relay->draining = watch_for(relay, DRAIN_S);
	if (!relay->draining)
		relay_end(relay, relay->closed, false);
	else if (relay->up.last) /* closing would have said it */
		(void)leg_finish(relay_far(relay));
}

/* Breaking ----------------------------------------------------------------- */

/* One side is gone, and the other has been given all that there was. */
static void
end_broken(struct relay *relay, struct leg *leg, bool hurt)
{
	if (leg == program_of(relay))
		relay->up.from = relay->down.to = NULL;
	else
		relay->up.to = relay->down.from = NULL;
	leg->hurt = hurt;
	ebbs_close(&relay->set->ebbs, leg);
	relay_end(relay, relay->closed, true);
}

/* False: the relay is gone. */
static bool
far_broke(struct relay *relay, int error)
{
	/* EPIPE: it may have ended before, and all that it said is there */
	if (!relay->down.done &&
	    (error != -EPIPE || !leg_had_end(relay_far(relay))))
		relay->down.cut = true;
	if (!relay->down.cut && !relay->up.done)
		relay->closed = CLOSED_FAR;
	else
		relay->closed = CLOSED_FAR_RESET;
	relay->far_broken = true;
	return true;
}

static bool
pump_broke(const struct pump *pump)
{
	return pump->broke_from || pump->broke_to;
}

/* The relay is gone. */
static void
program_broke(struct relay *relay)
{
	relay->closed =
	    relay->far_broken ? CLOSED_FAR_RESET : CLOSED_PROGRAM_RESET;
	end_broken(relay, relay_far(relay), true);
}

/* What one direction's step makes of the relay; false: it is gone. */
static bool
take_step(struct relay *relay, const struct pump *pump, int r)
{
	if (r >= 0)
		return true;
	if (!pump_broke(pump)) { /* memory ran out */
		relay_end(relay, CLOSED_NO_ROOM, true);
		return false;
	}
	if (pump == &relay->up ? pump->broke_to : pump->broke_from)
		return far_broke(relay, r);
	program_broke(relay);
	return false;
}

/* Who has ended before is not read any more: where he breaks it off then, that
 * shows as an error alone. False: the relay is gone. */
static bool
take_late_break(struct relay *relay)
{
	int error;

	if (relay->up.done && leg_error(program_of(relay)) != 0) {
		program_broke(relay);
		return false;
	}
	error = relay->down.done && !relay->far_broken
		    ? leg_error(relay_far(relay))
		    : 0;
	return error == 0 || far_broke(relay, error);
}

/* Moving ------------------------------------------------------------------- */

static void
note_end(struct relay *relay, const struct pump *pump, enum closed closed)
{
	const struct pump *other =
	    pump == &relay->up ? &relay->down : &relay->up;

	if (pump->eof && !other->eof && !relay->far_broken)
		relay->closed = closed;
}

static void
turn_soon(struct relay_set *set)
{
	static const struct timeval soon = { 0, 0 };

	if (!event_pending(set->turn, EV_TIMEOUT, NULL))
		(void)event_add(set->turn, &soon);
}

static void
have_turn(struct relay *relay)
{
	list_append(&relay->set->ready, &relay->ready);
	turn_soon(relay->set);
}

static void
run(struct relay *relay)
{
	struct pumps *pumps = relay->set->pumps;
	struct pump *up = &relay->up, *down = &relay->down;
	int r = 0, s = 0;

	list_remove(&relay->ready);
	if (!up->done && !relay->far_broken) {
		up->last = down->done;
		r = pump_run(pumps, up);
		note_end(relay, up, CLOSED_PROGRAM);
		if (!take_step(relay, up, r))
			return;
	}
	if (!down->done && (!relay->far_broken || !pump_broke(down))) {
		s = pump_run(pumps, down);
		note_end(relay, down, CLOSED_FAR);
		if (!take_step(relay, down, s))
			return;
	}
	if (up->done != down->done && !take_late_break(relay))
		return;
	if (relay->far_broken && (down->done || pump_broke(down))) {
		end_broken(relay, program_of(relay), down->cut);
		return;
	}
	if (up->done && down->done) {
		end_well(relay);
		return;
	}
	if (pump_is_over(up) || pump_is_over(down) || relay->far_broken)
		(void)watch_for(relay, HALF_IDLE_S); /* or by keepalive */
	if (r == 1 || s == 1)
		have_turn(relay);
}

static void
leg_changed(void *arg, struct leg *leg)
{
	(void)leg;
	run(arg);
}

/* Each that was waiting when it began, once, as far as the time goes; what they
 * leave stands behind those that had no turn yet. */
static void
turn_cb(evutil_socket_t fd, short what, void *arg)
{
	struct relay_set *set = arg;
	mono_t end = mono_add(mono_now(), SLICE_NS);

	(void)fd;
	(void)what;
	list_append(&set->ready, &set->mark);
	while (set->ready.next != &set->mark && mono_before(mono_now(), end)) {
		struct list *node = set->ready.next;

		list_remove(node);
		run(container_of(node, struct relay, ready));
	}
	list_remove(&set->mark);
	if (!list_empty(&set->ready))
		turn_soon(set);
}

/* Far ends that have been there for a while; of many flows there are none by
 * then. Those of programs have it from the listener. */
static void
keep_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval later = { 0, KEEP_MS * 1000 };
	static const struct timeval soon = { 0, 0 };
	struct relay_set *set = arg;

	(void)fd;
	(void)what;
	if (list_empty(&set->kept))
		list_move(&set->kept, &set->young);
	for (int i = 0; i < KEEP_MAX && !list_empty(&set->kept); i++) {
		struct relay *relay =
		    container_of(set->kept.next, struct relay, young);

		list_remove(&relay->young);
		sock_keep_alive(relay_far(relay)->fd);
		if (!relay->stalled)
			sock_limit_silence(relay_far(relay)->fd, true);
	}
	if (!list_empty(&set->kept))
		(void)event_add(set->keep, &soon);
	else if (!list_empty(&set->young))
		(void)event_add(set->keep, &later);
}

static void
keep_later(struct relay_set *set, struct relay *relay)
{
	static const struct timeval later = { 0, KEEP_MS * 1000 };

	list_append(&set->young, &relay->young);
	if (!event_pending(set->keep, EV_TIMEOUT, NULL))
		(void)event_add(set->keep, &later); /* or with the next */
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
	relay->down.bytes = opts->ahead_len;
	relay->up.from = relay->down.to = opts->program;
	relay->up.to = relay->down.from = opts->far;
	relay->arg = opts->arg;
	opts->program->fn = opts->far->fn = leg_changed;
	opts->program->arg = opts->far->arg = relay;
	leg_guard(opts->far); /* the program's is from the start */
	/* what came while it was dialled raises no edge any more */
	list_append(&set->ready, &relay->ready);
	list_append(&set->all, &relay->all);
	keep_later(set, relay);
	(void)event_add(set->turn, &soon);
	*ret = relay;
	return 0;
}

/* A far end that takes nothing is asked whether it is there; the kernel would
 * give it up for that after a while, though it says that it is. A program's
 * reset lies behind what can't be passed on to it: that is looked for here. */
static void
look_at_stall(struct relay *relay)
{
	struct leg *far = relay_far(relay);
	int error;

	relay->stalled = sock_is_stalled(far->fd);
	sock_limit_silence(far->fd, !relay->stalled);
	if (!relay->stalled)
		return;
	error = leg_error(program_of(relay));
	/* EPIPE: it had ended its side before, and all is to arrive */
	if (error == ECONNRESET || error == ETIMEDOUT)
		program_broke(relay);
}

/* It is set once: there may be thousands of them. */
static void
look_at_half(struct relay *relay)
{
	struct leg *program = program_of(relay);

	if (relay->half || (!program->closed && !pump_is_over(&relay->down)))
		return;
	relay->half = true;
	sock_keep_half(program->fd);
}

static void
sweep_cb(evutil_socket_t fd, short what, void *arg)
{
	struct relay_set *set = arg;
	struct list *node, *next;

	(void)fd;
	(void)what;
	list_for_each_safe (node, next, &set->all) {
		struct relay *relay = container_of(node, struct relay, all);

		look_at_half(relay);
		if (relay->stalled || !relay_far(relay)->writable)
			look_at_stall(relay);
	}
}

int
relay_set_new(
    struct relay_set **ret, struct event_base *base, relay_ended_fn *ended)
{
	static const struct timeval sweep = { SWEEP_S, 0 };
	struct relay_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	set->base = base;
	set->ended = ended;
	list_init(&set->all);
	list_init(&set->ready);
	list_init(&set->young);
	list_init(&set->kept);
	ebbs_init(&set->ebbs, base);
	set->pumps = pumps_new();
	set->turn = event_new(base, -1, 0, turn_cb, set);
	set->sweep = event_new(base, -1, EV_PERSIST, sweep_cb, set);
	set->keep = event_new(base, -1, 0, keep_cb, set);
	if (set->pumps == NULL || set->turn == NULL || set->sweep == NULL ||
	    set->keep == NULL || event_add(set->sweep, &sweep) < 0) {
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
	ebbs_done(&set->ebbs);
	pumps_free(set->pumps);
	if (set->turn != NULL)
		event_free(set->turn);
	if (set->sweep != NULL)
		event_free(set->sweep);
	if (set->keep != NULL)
		event_free(set->keep);
	free(set);
}
