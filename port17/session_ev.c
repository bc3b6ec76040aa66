#include "port17/session_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "port17/leg_ev.h"

/* From the verdict to accept() it is some 100 us; a program that gave up in
 * between never comes. */
#define READY_S 10

struct sessions {
	struct sessions_opts opts;
	struct relay_set *relays;
	struct map map;
	struct list all;
	size_t n_held;
	uint64_t last_id;
};

static void dial_done(void *arg, const struct dial_result *result);

/* The table ---------------------------------------------------------------- */

static struct session *
find(const struct sessions *sessions, const struct flow_key *key)
{
	uint64_t hash = map_hash(&sessions->map, key, sizeof(*key));
	struct map_node *node = map_first(&sessions->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct session *session =
		    container_of(node, struct session, node);

		if (memcmp(&session->key, key, sizeof(*key)) == 0)
			return session;
	}
	return NULL;
}

const struct session *
sessions_find(const struct sessions *sessions, const struct flow_key *key)
{
	return find(sessions, key);
}

const struct session *
sessions_older(const struct sessions *sessions, const struct session *after)
{
	const struct list *next =
	    after != NULL ? after->all.next : sessions->all.next;

	return next != &sessions->all ? container_of(next, struct session, all)
				      : NULL;
}

size_t
sessions_count(const struct sessions *sessions, size_t *ret_held)
{
	*ret_held = sessions->n_held;
	return sessions->map.count;
}

struct relay_set *
sessions_relays(const struct sessions *sessions)
{
	return sessions->relays;
}

static struct tunnel_state *
state_of(const struct session *session)
{
	const struct tunnel *via =
	    session->via != NULL ? session->via : session->claim.tunnel;

	return dialer_state(session->sessions->opts.dialer, via->name);
}

static void
session_free(struct session *session)
{
	struct sessions *sessions = session->sessions;

	if (session->phase == SESSION_HELD)
		sessions->n_held--;
	list_remove(&session->all);
	map_remove(&sessions->map, &session->node);
	dial_cancel(session->dial);
	if (session->timer != NULL)
		event_free(session->timer);
	leg_reset(session->program);
	leg_reset(session->far);
	free(session->ahead);
	claim_done(&session->claim);
	free(session);
}

/* Tells of the end, once, and forgets it. */
static void
session_end(struct session *session, const struct session_end *end)
{
	struct sessions *sessions = session->sessions;
	struct tunnel_state *state = state_of(session);

	if (state != NULL && session->via != NULL) {
		state->flows--;
		state->up += end->bytes.up;
		state->down += end->bytes.down;
	}
	sessions->opts.ended(sessions->opts.arg, session, end);
	session_free(session);
}

static void
session_fail(struct session *session, enum closed closed)
{
	struct session_end end = { .closed = closed, .why = "" };

	if (session->phase == SESSION_HELD)
		session->sessions->opts.release(
		    session->sessions->opts.arg, session, OUTCOME_GONE);
	session_end(session, &end);
}

void
sessions_abort(
    struct sessions *sessions, const struct flow_key *key, enum closed closed)
{
	struct session *session = find(sessions, key);
	struct session_end end = { .closed = closed, .why = "" };

	if (session == NULL)
		return;
	if (session->relay == NULL) {
		session_fail(session, closed);
		return;
	}
	relay_abort(session->relay, &end.bytes);
	session->relay = NULL;
	session_end(session, &end);
}

/* Dialling ----------------------------------------------------------------- */

static struct session *
session_new(struct sessions *sessions, const struct flow_key *key,
    struct claim *claim_take)
{
	struct session *session = calloc(1, sizeof(*session));
	struct dial_opts dial;

	if (session == NULL)
		return NULL;
	session->sessions = sessions;
	session->id = ++sessions->last_id;
	session->key = *key;
	session->claim = *claim_take;
	session->began = mono_now();
	session->phase = SESSION_DIALLING;
	dial = (struct dial_opts){
		.tunnel = claim_take->tunnel,
		.target = { .addr = key->remote,
		    .port = key->rport,
		    .name = claim_take->name,
		    .by_name = claim_take->by_name },
		.identity = claim_identity(&session->claim, key, session->id),
		.done = dial_done,
		.arg = session,
	};
	session->dial = dial_start(sessions->opts.dialer, &dial);
	if (session->dial == NULL) {
		free(session);
		return NULL;
	}
	list_prepend(&sessions->all, &session->all);
	map_put(&sessions->map, &session->node,
	    map_hash(&sessions->map, key, sizeof(*key)));
	return session;
}

static size_t
held_by(const struct sessions *sessions, const struct process *process)
{
	const struct session *session = NULL;
	size_t n = 0, left = sessions->n_held;

	while (
	    left > 0 && (session = sessions_older(sessions, session)) != NULL) {
		if (session->phase != SESSION_HELD)
			continue;
		left--;
		n += session->claim.process == process;
	}
	return n;
}

int
sessions_hold(struct sessions *sessions, const struct session_hold *hold,
    struct claim *claim_take)
{
	struct session *session;

	if (find(sessions, &hold->key) != NULL)
		sessions_abort(sessions, &hold->key, CLOSED_PROGRAM_RESET);
	if (sessions->map.count >= sessions->opts.max)
		return -ENOSPC;
	if (sessions->n_held >= SESSIONS_HELD_MAX ||
	    (sessions->n_held >= SESSIONS_HELD_BY_ONE &&
		held_by(sessions, claim_take->process) >= SESSIONS_HELD_BY_ONE))
		return -EBUSY;
	session = session_new(sessions, &hold->key, claim_take);
	if (session == NULL)
		return -ENOMEM;
	session->phase = SESSION_HELD;
	session->hold_queue = hold->queue;
	session->hold_id = hold->id;
	session->tcp_seq = hold->tcp_seq;
	sessions->n_held++;
	return 0;
}

bool
sessions_is_held(const struct sessions *sessions, const struct flow_key *key)
{
	const struct session *session = find(sessions, key);

	return session != NULL && session->phase == SESSION_HELD;
}

/* Relaying ----------------------------------------------------------------- */

static void
relay_ended(void *arg, enum closed closed, const struct relay_bytes *bytes)
{
	struct session *session = arg;
	struct session_end end = {
		.closed = closed, .bytes = *bytes, .why = ""
	};

	session->relay = NULL;
	session_end(session, &end);
}

static void
begin_relay(struct session *session)
{
	struct relay_opts opts = {
		.program = session->program,
		.far = session->far,
		.ahead = session->ahead,
		.ahead_len = session->ahead_len,
		.ended = relay_ended,
		.arg = session,
	};
	struct session_end end = { .closed = CLOSED_NO_ROOM, .why = "" };

	session->program = session->far = NULL; /* taken in any case */
	session->phase = SESSION_RELAYED;
	if (session->timer != NULL)
		event_free(session->timer);
	session->timer = NULL;
	if (relay_new(&session->relay, session->sessions->relays, &opts) < 0) {
		session_end(session, &end);
		return;
	}
	free(session->ahead);
	session->ahead = NULL;
	session->ahead_len = 0;
}

static void
not_joined_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	session_fail(arg, CLOSED_PROGRAM);
}

/* While the other side is not there nothing is read: what breaks shows as an
 * error, and an end may be the program's half of a conversation. */
static void
waiting_changed(void *arg, struct leg *leg)
{
	struct session *session = arg;

	if (leg_error(leg) == 0)
		return;
	session_fail(session,
	    leg == session->program ? CLOSED_PROGRAM_RESET : CLOSED_FAR_RESET);
}

static void
watch_leg(struct session *session, struct leg *leg)
{
	leg->fn = waiting_changed;
	leg->arg = session;
}

/* The SYN goes on; what opens the flow's other end is accept(). */
static void
become_ready(struct session *session)
{
	static const struct timeval patience = { READY_S, 0 };
	struct sessions *sessions = session->sessions;

	session->phase = SESSION_READY;
	sessions->n_held--;
	session->timer =
	    event_new(sessions->opts.base, -1, 0, not_joined_cb, session);
	if (session->timer != NULL)
		(void)event_add(session->timer, &patience);
	watch_leg(session, session->far);
	sessions->opts.release(sessions->opts.arg, session, OUTCOME_CONNECTED);
}

static void
dial_failed(struct session *session, const struct dial_result *result)
{
	struct session_end end = {
		.closed = CLOSED_DIAL,
		.outcome = result->outcome,
		.why = result->why,
	};

	session->via = NULL; /* it carries no flow */
	if (session->phase == SESSION_HELD)
		session->sessions->opts.release(
		    session->sessions->opts.arg, session, result->outcome);
	session_end(session, &end);
}

static void
dial_done(void *arg, const struct dial_result *result)
{
	struct session *session = arg;
	struct tunnel_state *state;

	session->dial = NULL;
	session->dial_ms = result->ms;
	if (result->outcome != OUTCOME_CONNECTED) {
		dial_failed(session, result);
		return;
	}
	session->via = result->via;
	session->far = result->leg;
	state = state_of(session);
	if (state != NULL)
		state->flows++;
	if (result->ahead_len > 0) {
		session->ahead = malloc(result->ahead_len);
		if (session->ahead == NULL) {
			session_fail(session, CLOSED_NO_ROOM);
			return;
		}
		memcpy(session->ahead, result->ahead, result->ahead_len);
		session->ahead_len = result->ahead_len;
	}
	if (session->phase == SESSION_HELD)
		become_ready(session);
	else
		begin_relay(session);
}

bool
sessions_join(
    struct sessions *sessions, const struct flow_key *key, struct leg *program)
{
	struct session *session = find(sessions, key);

	if (session == NULL || session->phase != SESSION_READY)
		return false;
	session->program = program;
	begin_relay(session);
	return true;
}

void
sessions_accept(struct sessions *sessions, const struct flow_key *key,
    struct leg *program_take, struct claim *claim_take)
{
	struct session *session = NULL;

	if (find(sessions, key) != NULL) /* of an earlier life of the port */
		sessions_abort(sessions, key, CLOSED_PROGRAM_RESET);
	if (sessions->map.count < sessions->opts.max)
		session = session_new(sessions, key, claim_take);
	if (session == NULL) {
		leg_reset(program_take);
		claim_done(claim_take);
		return;
	}
	session->program = program_take;
	watch_leg(session, program_take);
}

/* All of them -------------------------------------------------------------- */

int
sessions_new(struct sessions **ret, const struct sessions_opts *opts)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));
	int r;

	if (sessions == NULL)
		return -ENOMEM;
	sessions->opts = *opts;
	list_init(&sessions->all);
	r = map_init(&sessions->map);
	if (r == 0)
		r = relay_set_new(&sessions->relays, opts->base);
	if (r < 0) {
		map_done(&sessions->map);
		free(sessions);
		return r;
	}
	*ret = sessions;
	return 0;
}

void
sessions_free(struct sessions *sessions)
{
	if (sessions == NULL)
		return;
	while (!list_empty(&sessions->all)) {
		struct session *session =
		    container_of(sessions->all.next, struct session, all);

		sessions_abort(sessions, &session->key, CLOSED_STOPPED);
	}
	relay_set_free(sessions->relays);
	map_done(&sessions->map);
	free(sessions);
}
