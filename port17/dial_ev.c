#include "port17/dial_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port17/dial_own.h"
#include "port17/leg_ev.h"
#include "port17/sock.h"

/* For all members together. */
#define DIAL_NS (15 * MONO_S)
/* A time-out that is said sooner is none. */
#define AT_ONCE_NS (500 * MONO_MS)

const char dial_loop_why[] = "a rule has to let it out";

static void next_member(struct dial *dial);

void
dial_say_step(const struct dial *dial, const char *what)
{
	char text[512], where[TARGET_STRLEN + 1] = "";
	const struct tunnel *via = dial->via;

	if (dial->opts.step == NULL)
		return;
	if (via->path[0] != '\0')
		(void)snprintf(where, sizeof(where), " %s", via->path);
	else if (via->kind != TUNNEL_DIRECT && via->host[0] != '\0')
		(void)snprintf(
		    where, sizeof(where), " %s:%u", via->host, via->port);
	else if (via->kind != TUNNEL_DIRECT) {
		struct target at = { .addr = via->addr, .port = via->port };

		where[0] = ' ';
		(void)target_format(&at, where + 1); /* into where */
	}
	(void)snprintf(text, sizeof(text), "%s (%s%s): %s", via->name,
	    tunnel_kind_name(via->kind), where, what); /* cut */
	dial->opts.step(dial->opts.arg, text);
}

/* Ends --------------------------------------------------------------------- */

static void
cancel_order(struct dial *dial)
{
	const struct sock_maker *maker = dial->dialer->opts.maker;

	if (dial->phase == PHASE_SOCKET)
		maker->cancel(maker->arg, &dial->order);
	dial->phase = PHASE_START;
}

static void
dial_free(struct dial *dial)
{
	cancel_order(dial);
	list_remove(&dial->waits);
	leg_close(dial->leg);
	if (dial->timer != NULL)
		event_free(dial->timer);
	if (dial->counted)
		shares_give(&dial->dialer->dials, &dial->whose, 1);
	tunnel_set_unref(dial->set);
	trusts_unref(dial->trusts);
	explicit_bzero(&dial->codec, sizeof(dial->codec));
	explicit_bzero(&dial->out, sizeof(dial->out));
	free(dial);
}

/* Not yet where dial_start() has not returned. */
static void
dial_finish(struct dial *dial, enum outcome outcome, const uint8_t *ahead,
    size_t ahead_len)
{
	static const struct timeval at_once = { 0, 0 };
	struct dial_result result = {
		.outcome = outcome,
		.why = dial->error.why,
		.via = dial->via,
		.ms = (uint32_t)(mono_since(mono_now(), dial->began) / MONO_MS),
		.proxy = dial->proxy,
		.ahead = ahead,
		.ahead_len = ahead_len,
	};
	dial_done_fn *done = dial->opts.done;
	void *arg = dial->opts.arg;

	if (dial->starting) {
		dial->phase = PHASE_FAILED;
		dial->error.outcome = outcome;
		(void)event_add(dial->timer, &at_once);
		return;
	}
	if (outcome == OUTCOME_CONNECTED) {
		result.leg = dial->leg;
		dial->leg = NULL;
		if (dial->opts.udp) {
			result.bound = dial->codec.socks.bound;
			result.bound_port = dial->codec.socks.bound_port;
		}
	}
	/* why, via and ahead live in the dial and its set */
	done(arg, &result);
	dial_free(dial);
}

static void
count_end(struct dial *dial, enum outcome outcome)
{
	if (dial->state != NULL && !dial->opts.test)
		tunnel_state_end(
		    dial->state, dial->trial, outcome, dial->error.why);
	dial->state = NULL;
}

/* Some proxies take no names, some (ssh -D) hang up whatever it is, and some
 * (ncat) call it a time-out, at once. */
static bool
may_be_for_the_name(const struct dial *dial, enum outcome outcome)
{
	if (outcome == OUTCOME_TIMED_OUT)
		return dial->phase == PHASE_SHAKE &&
		       mono_since(mono_now(), dial->asked) < AT_ONCE_NS;
	return outcome == OUTCOME_HOST_UNREACHABLE ||
	       outcome == OUTCOME_FAILED || outcome == OUTCOME_NO_NAME ||
	       outcome == OUTCOME_UNSUPPORTED || outcome == OUTCOME_HUNG_UP ||
	       (outcome == OUTCOME_PROTOCOL && dial_is_stranger(dial));
}

/* The far side may not know a name that was resolved here, for this program:
 * then it is asked once more, for what the program asked for. Never so where
 * the far side alone resolves: its address may be none of this network's. */
static bool
may_ask_by_address(const struct dial *dial, enum outcome outcome)
{
	const struct target *target = &dial->opts.target;

	return !dial->by_address && may_be_for_the_name(dial, outcome) &&
	       dial->via->kind != TUNNEL_DIRECT &&
	       dial->opts.tunnel->dns == TUNNEL_DNS_LOCAL &&
	       dial->via->dns == TUNNEL_DNS_LOCAL && !target->by_name &&
	       target->name.len > 0 && target->addr.family != ADDR_NONE;
}

/* Its proxy's own way led into this tunnel meanwhile, and was refused: what the
 * proxy says follows from that. */
static bool
is_of_loop(const struct dial *dial, enum outcome outcome)
{
	return dial->phase == PHASE_SHAKE && !outcome_try_next(outcome) &&
	       dial->state->looped.ns != 0 &&
	       !mono_before(dial->state->looped, dial->began);
}

/* One that hangs up on what it was asked may have died of something else: in a
 * list it is looked whether it is there still. */
static bool
may_be_gone(const struct dial *dial, enum outcome outcome)
{
	return outcome == OUTCOME_HUNG_UP && !dial->again &&
	       dial->opts.tunnel->kind == TUNNEL_LIST;
}

static void
ask_again(struct dial *dial, const char *what)
{
	dial->again = true;
	dial->error.why[0] = '\0';
	dial_connect_limit(dial);
	dial_say_step(dial, what);
	dial_connect(dial);
}

void
dial_failed(struct dial *dial, enum outcome outcome, const char *why)
{
	if (is_of_loop(dial, outcome)) {
		outcome = OUTCOME_LOOP;
		why = dial_loop_why;
	}
	if (why != NULL)
		(void)snprintf(dial->error.why, sizeof(dial->error.why), "%s",
		    why); /* cut */
	dial->error.outcome = outcome;
	if (dial->opts.step != NULL) {
		char text[256];

		(void)snprintf(text, sizeof(text), "%s%s%s%s",
		    outcome_text(outcome), dial->error.why[0] ? " (" : "",
		    dial->error.why, dial->error.why[0] ? ")" : "");
		dial_say_step(dial, text);
	}
	list_remove(&dial->waits);
	leg_close(dial->leg);
	dial->leg = NULL;
	if (dial_next_address(dial, outcome)) {
		dial_connect(dial);
		return;
	}
	if (may_ask_by_address(dial, outcome)) {
		dial->by_address = true;
		ask_again(dial, "asked again, for the address");
		return;
	}
	if (may_be_gone(dial, outcome)) {
		ask_again(dial, "asked again, if it is there still");
		return;
	}
	count_end(dial, outcome);
	if (outcome_try_next(outcome) && dial->opts.tunnel->kind == TUNNEL_LIST)
		next_member(dial);
	else
		dial_finish(dial, outcome, NULL, 0);
}

pid_t
dial_proxy(const struct dial *dial)
{
	return dial->proxy;
}

void
dial_cancel(struct dial *dial)
{
	if (dial == NULL)
		return;
	count_end(dial, OUTCOME_GONE);
	dial_free(dial);
}

/* Handshake ---------------------------------------------------------------- */

void
dial_set_timer(struct dial *dial, uint64_t ns)
{
	mono_t now = mono_now();
	uint64_t left = mono_since(dial->end, now);
	struct timeval tv;

	tv = mono_timeval(ns < left ? ns : left);
	/* memory is needed for the first time alone: dial_start() looks */
	(void)event_add(dial->timer, &tv);
}

void
dial_connected(struct dial *dial, const uint8_t *ahead, size_t len)
{
	dial_say_step(dial, "connected to the far end");
	count_end(dial, OUTCOME_CONNECTED);
	dial_finish(dial, OUTCOME_CONNECTED, ahead, len);
}

struct target
dial_target(const struct dial *dial)
{
	struct target target = dial->opts.target;

	if (dial->by_address)
		target.name.len = 0;
	return target;
}

/* Members -------------------------------------------------------------------
 */

/* Which is asked next, or the end. */
static void
next_member(struct dial *dial)
{
	const struct health *health[TUNNEL_MEMBERS_MAX];
	struct tunnel_state *states[TUNNEL_MEMBERS_MAX];
	mono_t now = mono_now();
	size_t i;

	for (i = 0; i < dial->n_members; i++) {
		states[i] = dialer_state(dial->dialer, dial->members[i]->name);
		if (states[i] == NULL) {
			dial_finish(dial, OUTCOME_NO_ROOM, NULL, 0);
			return;
		}
		health[i] = &states[i]->health;
		if (dial->opts.udp && dial->members[i]->kind != TUNNEL_SOCKS5)
			dial->tried |= UINT32_C(1) << i;
	}
	i = health_pick(health, dial->n_members, dial->tried, now);
	if (i == dial->n_members || !mono_before(now, dial->end)) {
		enum outcome outcome = dial->via != NULL ? dial->error.outcome
							 : OUTCOME_UNSUPPORTED;

		if (dial->opts.tunnel->ends_reject)
			outcome = OUTCOME_REJECTED;
		dial_finish(dial, outcome, NULL, 0);
		return;
	}
	dial->tried |= UINT32_C(1) << i;
	dial->by_address = dial->again = false;
	dial->via = dial->members[i];
	dial->state = states[i];
	dial->address = dial->state->reached;
	dial->addresses = 0;
	dial_connect_limit(dial);
	dial->error.why[0] = '\0';
	if (!dial->opts.test) {
		dial->state->dials++;
		dial->trial = health_begin(&dial->state->health, now);
	}
	dial_connect(dial);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dial = arg;
	bool far = dial->via == NULL || dial->via->kind == TUNNEL_DIRECT;

	(void)fd;
	(void)what;
	switch (dial->phase) {
	case PHASE_START:
		return;
	case PHASE_FAILED:
		dial_finish(dial, dial->error.outcome, NULL, 0);
		return;
	case PHASE_SOCKET:
		cancel_order(dial);
		dial_not_entered(dial, -ETIMEDOUT);
		return;
	case PHASE_TRUST:
		dial_failed(dial, OUTCOME_CERTIFICATE,
		    "the certificates to believe are not read yet");
		return;
	case PHASE_CONNECT:
	case PHASE_TLS:
		break;
	case PHASE_SHAKE:
		far = dial_waits_for_far_end(dial);
		break;
	}
	dial_failed(dial, far ? OUTCOME_TIMED_OUT : OUTCOME_TUNNEL_SLOW, "");
}

struct dial *
dial_start(struct dialer *dialer, const struct dial_opts *opts)
{
	struct dial *dial = calloc(1, sizeof(*dial));

	if (dial == NULL)
		return NULL;
	/* ours are few, and must not wait for anybody's */
	dial->counted = opts->identity.process != NULL;
	if (dial->counted)
		dial->whose = share_key_of(opts->identity.process);
	if (dial->counted && !shares_take(&dialer->dials, &dial->whose, 1)) {
		free(dial);
		return NULL;
	}
	list_init(&dial->waits);
	dial->dialer = dialer;
	dial->opts = *opts;
	dial->set = tunnel_set_ref(dialer->set);
	dial->trusts = trusts_ref(dialer->trusts);
	dial->n_members =
	    tunnel_set_members(dialer->set, opts->tunnel, dial->members);
	dial->began = mono_now();
	dial->end = mono_add(dial->began, DIAL_NS);
	dial->timer = event_new(dialer->opts.base, -1, 0, timer_cb, dial);
	if (dial->timer == NULL) {
		dial_free(dial);
		return NULL;
	}
	dial->starting = true;
	next_member(dial);
	dial->starting = false;
	if (!event_pending(dial->timer, EV_TIMEOUT, NULL)) { /* no memory */
		dial_cancel(dial);
		return NULL;
	}
	return dial;
}
