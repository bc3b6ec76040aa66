#include "port17/session_ev.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "port17/leg_ev.h"
#include "port17/sock.h"

/* How often it is looked for those that are late. */
#define LATE_S 1

struct sessions {
	struct sessions_opts opts;
	struct relay_set *relays;
	struct session_table table;
	struct event *late;
};

static void dial_done(void *arg, const struct dial_result *result);

const struct session *
sessions_find(const struct sessions *sessions, const struct flow_key *key)
{
	return session_find(&sessions->table, key);
}

const struct session *
sessions_older(const struct sessions *sessions, const struct session *after)
{
	return session_older(&sessions->table, after);
}

bool
sessions_is_held(const struct sessions *sessions, const struct flow_key *key)
{
	const struct session *session = sessions_find(sessions, key);

	return session != NULL && session->phase == SESSION_HELD;
}

/* Ends --------------------------------------------------------------------- */

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
	session_remove(&session->sessions->table, session);
	if (session->phase == SESSION_HELD ||
	    session->phase == SESSION_DIALLING)
		dial_cancel(session->dial);
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

/* Something happened that ends it. The outcome of its dial, where that was it.
 */
static void
happened(struct session *session, enum session_event event,
    enum outcome outcome, const struct session_end *end)
{
	struct sessions *sessions = session->sessions;
	struct session_move move =
	    session_take(&sessions->table, session, event, mono_now());

	assert(move.end);
	if (move.syn == SYN_DENIED)
		sessions->opts.release(sessions->opts.arg, session, outcome);
	session_end(session, end);
}

static void
session_fail(
    struct session *session, enum session_event event, enum closed closed)
{
	struct session_end end = { .closed = closed,
		.why = "",
		.may_be_lost = event == SESSION_LATE };

	happened(session, event, OUTCOME_GONE, &end);
}

void
sessions_abort(
    struct sessions *sessions, const struct flow_key *key, enum closed closed)
{
	struct session *session = session_find(&sessions->table, key);
	struct session_end end = { .closed = closed, .why = "" };

	if (session == NULL)
		return;
	/* for other reasons another socket may have its ends by now */
	end.may_be_lost = session->phase != SESSION_HELD &&
			  (closed == CLOSED_POLICY || closed == CLOSED_STOPPED);
	if (session_relay(session) != NULL) {
		relay_abort(session->relay, &end.bytes);
		session->relay = NULL;
	}
	happened(session, SESSION_ABORTED, OUTCOME_GONE, &end);
}

static void
late_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval again = { LATE_S, 0 };
	struct sessions *sessions = arg;
	mono_t now = mono_now();
	struct session *session;

	(void)fd;
	(void)what;
	while ((session = session_late(&sessions->table, now)) != NULL)
		session_fail(session, SESSION_LATE, CLOSED_PROGRAM);
	if (!list_empty(&sessions->table.ready))
		(void)event_add(sessions->late, &again);
}

/* Dialling ----------------------------------------------------------------- */

static struct session *
session_new(struct sessions *sessions, enum session_phase phase,
    const struct flow_key *key, struct claim *claim_take)
{
	struct session *session = calloc(1, sizeof(*session));
	struct dial_opts dial;

	if (session == NULL)
		return NULL;
	session->sessions = sessions;
	session->key = *key;
	session->claim = *claim_take;
	session->phase = phase;
	session_put(&sessions->table, session, mono_now());
	dial = (struct dial_opts){
		.tunnel = claim_take->tunnel,
		.target = { .addr = key->remote,
		    .port = key->rport,
		    .name = claim_name(claim_take),
		    .by_name = claim_take->by_name },
		.identity = claim_identity(&session->claim, key, session->id),
		.done = dial_done,
		.arg = session,
	};
	session->dial = dial_start(sessions->opts.dialer, &dial);
	if (session->dial == NULL) {
		session_remove(&sessions->table, session);
		free(session);
		return NULL;
	}
	return session;
}

int
sessions_hold(struct sessions *sessions, const struct session_hold *hold,
    struct claim *claim_take)
{
	struct session *session;
	int r;

	if (session_find(&sessions->table, &hold->key) != NULL)
		sessions_abort(sessions, &hold->key, CLOSED_PROGRAM_RESET);
	r = session_may_hold(&sessions->table, claim_take->process);
	if (r < 0)
		return r;
	session = session_new(sessions, SESSION_HELD, &hold->key, claim_take);
	if (session == NULL)
		return -ENOMEM;
	session->hold_queue = hold->queue;
	session->hold_id = hold->id;
	session->tcp_seq = hold->tcp_seq;
	return 0;
}

/* Relaying ----------------------------------------------------------------- */

static void
relay_ended(void *arg, enum closed closed, const struct relay_bytes *bytes)
{
	struct session *session = arg;
	struct session_end end = { .closed = closed,
		.bytes = *bytes,
		.why = "",
		.may_be_lost =
		    closed != CLOSED_PROGRAM && closed != CLOSED_FAR };

	session->relay = NULL;
	happened(session, SESSION_ENDED, OUTCOME_CONNECTED, &end);
}

static void
begin_relay(struct session *session)
{
	struct relay_opts opts = {
		.program = session->program,
		.far = session->far,
		.ahead = session->ahead,
		.ahead_len = session->ahead_len,
		.arg = session,
	};
	struct session_end end = { .closed = CLOSED_NO_ROOM, .why = "" };

	session->program = session->far = NULL; /* taken in any case */
	if (relay_new(&session->relay, session->sessions->relays, &opts) < 0) {
		happened(session, SESSION_BROKE, OUTCOME_CONNECTED, &end);
		return;
	}
	free(session->ahead);
	session->ahead = NULL;
	session->ahead_len = 0;
}

/* While the other side is not there nothing is read: what breaks shows as an
 * error, and an end may be the program's half of a conversation. */
static void
waiting_changed(void *arg, struct leg *leg)
{
	struct session *session = arg;

	/* once the SYN has gone it is the relay that tells, behind what the far
	 * end said before: another dial would ask that end twice */
	if (session->phase == SESSION_READY || leg_error(leg) == 0)
		return;
	session_fail(session, SESSION_BROKE,
	    leg == session->program ? CLOSED_PROGRAM_RESET : CLOSED_FAR_RESET);
}

static void
watch_leg(struct session *session, struct leg *leg)
{
	leg->fn = waiting_changed;
	leg->arg = session;
}

static int
keep_ahead(struct session *session, const struct dial_result *result)
{
	if (result->ahead_len == 0)
		return 0;
	session->ahead = malloc(result->ahead_len);
	if (session->ahead == NULL)
		return -ENOMEM;
	memcpy(session->ahead, result->ahead, result->ahead_len);
	session->ahead_len = (uint16_t)result->ahead_len; /* one read's */
	return 0;
}

/* The SYN goes on; what opens the flow's other end is accept(). */
static void
let_go(struct session *session)
{
	static const struct timeval soon = { LATE_S, 0 };
	struct sessions *sessions = session->sessions;

	if (!event_pending(sessions->late, EV_TIMEOUT, NULL))
		(void)event_add(sessions->late, &soon);
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
		.may_be_lost = session->phase == SESSION_DIALLING,
	};

	happened(session, SESSION_FAILED, result->outcome, &end);
}

static void
dial_done(void *arg, const struct dial_result *result)
{
	struct session *session = arg;
	struct tunnel_state *state;
	struct session_move move;

	session->dial = NULL;
	session->dial_ms =
	    (uint16_t)(result->ms < UINT16_MAX ? result->ms : UINT16_MAX);
	if (result->outcome != OUTCOME_CONNECTED) {
		dial_failed(session, result);
		return;
	}
	session->via = result->via;
	session->proxy = result->proxy;
	session->far = result->leg;
	state = state_of(session);
	if (state != NULL)
		state->flows++;
	if (keep_ahead(session, result) < 0) {
		session_fail(session, SESSION_BROKE, CLOSED_NO_ROOM);
		return;
	}
	move = session_take(
	    &session->sessions->table, session, SESSION_DIALLED, mono_now());
	if (move.syn == SYN_GOES)
		let_go(session);
	if (move.relay)
		begin_relay(session);
}

bool
sessions_awaits(const struct sessions *sessions, const struct flow_key *key,
    uint32_t tcp_seq)
{
	const struct session *session = sessions_find(sessions, key);

	return session != NULL && session->phase == SESSION_READY &&
	       session->tcp_seq == tcp_seq;
}

bool
sessions_join(
    struct sessions *sessions, const struct flow_key *key, struct leg *program)
{
	struct session *session = session_find(&sessions->table, key);

	if (session == NULL || session->phase != SESSION_READY)
		return false;
	session->program = program;
	(void)session_take(
	    &sessions->table, session, SESSION_JOINED, mono_now());
	begin_relay(session);
	return true;
}

/* There is no room for it: it ends before it has begun. */
static void
turn_away(struct sessions *sessions, const struct flow_key *key,
    struct leg *program_take, struct claim *claim_take)
{
	const struct session never = { .key = *key, .claim = *claim_take };
	struct session_end end = { .closed = CLOSED_NO_ROOM, .why = "" };

	if (!dialer_has_room(sessions->opts.dialer, claim_take->process))
		end.closed = CLOSED_CROWD;
	sessions->opts.ended(sessions->opts.arg, &never, &end);
	leg_reset(program_take);
	claim_done(claim_take);
}

void
sessions_accept(struct sessions *sessions, const struct flow_key *key,
    struct leg *program_take, struct claim *claim_take)
{
	struct session *session = NULL;

	if (sessions_find(sessions, key) !=
	    NULL) /* of an earlier life of the port */
		sessions_abort(sessions, key, CLOSED_PROGRAM_RESET);
	if (session_may_begin(&sessions->table) == 0)
		session =
		    session_new(sessions, SESSION_DIALLING, key, claim_take);
	if (session == NULL) {
		turn_away(sessions, key, program_take, claim_take);
		return;
	}
	session->program = program_take;
	watch_leg(session, program_take);
}

bool
sessions_rebind(const struct session *session)
{
	const struct relay *relay = session_relay(session);
	const struct leg *far = relay != NULL ? relay_far(relay) : NULL;

	return far != NULL && sock_rebind(session->via, far->fd);
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
	r = session_table_init(&sessions->table, opts->max, opts->held);
	/* proxies are told it as unique, by the daemon before this one, too;
	 * where there is no chance yet it is from 1 on */
	if (getrandom(&sessions->table.last_id, sizeof(sessions->table.last_id),
		GRND_NONBLOCK) < 0)
		sessions->table.last_id = 0;
	if (r == 0)
		r = relay_set_new(&sessions->relays, opts->base, relay_ended);
	sessions->late = event_new(opts->base, -1, 0, late_cb, sessions);
	if (r == 0 && sessions->late == NULL)
		r = -ENOMEM;
	if (r < 0) {
		sessions_free(sessions);
		return r;
	}
	*ret = sessions;
	return 0;
}

void
sessions_free(struct sessions *sessions)
{
	struct session *session;

	if (sessions == NULL)
		return;
	while ((session = session_older(&sessions->table, NULL)) != NULL)
		sessions_abort(sessions, &session->key, CLOSED_STOPPED);
	relay_set_free(sessions->relays);
	if (sessions->late != NULL)
		event_free(sessions->late);
	session_table_done(&sessions->table);
	free(sessions);
}
