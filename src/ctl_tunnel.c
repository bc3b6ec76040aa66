#include "src/ctl_tunnel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/num.h"
#include "src/core/fakeip.h"
#include "src/core/mark.h"
#include "src/core/policy.h"
#include "src/port17_past.h"
#include "src/tunnel_test_ev.h"

/* A member of a list, and why it failed. */
#define FAILED_SIZE                                                            \
	(TUNNEL_NAME_SIZE + 2 + sizeof((struct tunnel_state){ 0 }.why))

/* Where a tunnel leads, for people: no user and no password. */
static json_t *
json_upstream(const struct tunnel_set *set, const struct tunnel *t)
{
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	struct target at = { .addr = t->addr, .port = t->port };
	char text[TUNNEL_MEMBERS_MAX * (TUNNEL_NAME_SIZE + 2) + 16] = "";
	char where[TARGET_STRLEN];
	size_t len = 0, n;

	if (t->kind == TUNNEL_LIST) {
		n = tunnel_set_members(set, t, members);
		for (size_t i = 0; i < n; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    "%s%s", i > 0 ? ", " : "", members[i]->name);
		(void)snprintf(text + len, sizeof(text) - len, "%s",
		    t->ends_reject ? ", reject" : "");
	} else if (t->kind == TUNNEL_DIRECT) {
		(void)snprintf(text, sizeof(text), "direct%s%s%s%s",
		    t->device[0] != '\0' ? " by " : "", t->device,
		    t->netns[0] != '\0' ? " in " : "", t->netns);
	} else if (t->path[0] != '\0') {
		(void)snprintf(text, sizeof(text), "%s+unix:%s",
		    tunnel_kind_name(t->kind), t->path);
	} else if (t->host[0] != '\0') {
		(void)snprintf(text, sizeof(text), "%s://%s:%u",
		    tunnel_kind_name(t->kind), t->host, t->port);
	} else {
		(void)snprintf(text, sizeof(text), "%s://%s",
		    tunnel_kind_name(t->kind), target_format(&at, where));
	}
	return json_text(text);
}

/* Of what is under way. */
struct live {
	uint64_t up, down;
};

static struct live
live_of(const struct port17_ev *p17, const char *via)
{
	const struct sessions *sessions = port17_ev_sessions(p17);
	const struct udp *udp = port17_ev_udp(p17);
	const struct session *session = NULL;
	const struct udp_flow *flow = NULL;
	struct live live = { 0 };

	while ((session = sessions_older(sessions, session)) != NULL) {
		struct relay_bytes moved;

		if (session_relay(session) == NULL ||
		    strcmp(session->via->name, via) != 0)
			continue;
		moved = relay_moved(session->relay);
		live.up += moved.up;
		live.down += moved.down;
	}
	while ((flow = udp_older(udp, flow)) != NULL) {
		if (flow->via == NULL || strcmp(flow->via->name, via) != 0)
			continue;
		live.up += flow->up;
		live.down += flow->down;
	}
	return live;
}

static bool
is_untried(const struct tunnel_state *state)
{
	return state->good_at.ns == 0 && state->error_at.ns == 0 &&
	       state->flows == 0 && state->up == 0 && state->down == 0;
}

/* A list is as well as the best of its members; nobody knows of those that
 * nothing has gone through. */
static const char *
state_of(struct dialer *dialer, const struct tunnel_set *set,
    const struct tunnel *t, mono_t now)
{
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	size_t n = tunnel_set_members(set, t, members);
	enum health_state best = HEALTH_DOWN;
	bool untried = false;

	for (size_t i = 0; i < n; i++) {
		const struct tunnel_state *state =
		    dialer_state(dialer, members[i]->name);

		if (state == NULL || is_untried(state))
			untried = true;
		else if (health_state(&state->health, now) < best)
			best = health_state(&state->health, now);
	}
	return best != HEALTH_UP && untried ? "untried"
					    : health_state_name(best);
}

/* What failed last of that it goes through: its own state, or that of a list's
 * member; NULL where nothing has. In why what is known beyond the outcome. */
static const struct tunnel_state *
failed_last(struct dialer *dialer, const struct tunnel_set *set,
    const struct tunnel *t, char why[FAILED_SIZE])
{
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	size_t n = tunnel_set_members(set, t, members);
	const struct tunnel_state *last = NULL;
	bool list = t->kind == TUNNEL_LIST;

	for (size_t i = 0; i < n; i++) {
		const struct tunnel_state *state =
		    dialer_state(dialer, members[i]->name);

		if (state != NULL && state->error_at.ns != 0 &&
		    (last == NULL ||
			mono_before(last->error_at, state->error_at)))
			last = state;
	}
	if (last != NULL)
		(void)snprintf(why, FAILED_SIZE, "%s%s%s",
		    list ? last->name : "",
		    list && last->why[0] != '\0' ? ": " : "",
		    last->why); /* fits */
	return last;
}

static const char *
udp_word(struct dialer *dialer, const struct tunnel *t, mono_t now)
{
	if (t->udp == TUNNEL_UDP_DROP)
		return "drop";
	return dialer_carries_udp(dialer, t, now) ? "tunnel" : "reject";
}

/* Those that wait after a failure: how many, until when the first of them does,
 * and what failed of that one. */
static void
add_resting(json_t *row, const struct ctl_list *list, const char *name)
{
	struct assoc_rest rest;
	mono_t now = list->time.now;
	size_t n =
	    udp_resting(port17_ev_udp(list->env->port17), name, now, &rest);

	json_object_set_new(row, "udp_resting", json_integer((json_int_t)n));
	json_object_set_new(row, "udp_error",
	    n > 0 ? json_string(outcome_text(rest.outcome)) : json_null());
	json_object_set_new(row, "udp_retry_time",
	    n > 0 ? json_real(list->time.wall +
			      (double)mono_since(rest.until, now) / 1e9)
		  : json_null());
}

static void
add_error(json_t *row, const struct ctl_list *list, const struct tunnel *t)
{
	struct dialer *dialer = port17_ev_dialer(list->env->port17);
	char why[FAILED_SIZE];
	const struct tunnel_state *failed =
	    failed_last(dialer, dialer_tunnels(dialer), t, why);

	if (failed == NULL) {
		json_object_set_new(row, "error", json_null());
		return;
	}
	json_object_set_new(
	    row, "error", json_string(outcome_text(failed->error)));
	json_object_set_new(row, "error_why", json_text(why));
	json_object_set_new(row, "error_time",
	    json_real(
		list->time.wall -
		(double)mono_since(list->time.now, failed->error_at) / 1e9));
}

static json_t *
tunnel_row(const struct ctl_list *list, size_t i)
{
	static const char *const dns[] = { "local", "tunnel", "fake" };
	const struct port17_ev *p17 = list->env->port17;
	struct dialer *dialer = port17_ev_dialer(list->env->port17);
	const struct tunnel_set *set = dialer_tunnels(dialer);
	const struct tunnel_state *state;
	const struct tunnel *t;
	struct live live;
	mono_t now = list->time.now;
	json_t *row;

	if (i >= set->n)
		return NULL; /* the settings have changed */
	t = &set->v[i];
	state = dialer_state(dialer, t->name);
	if (state == NULL)
		return NULL;
	live = live_of(p17, t->name);
	row = json_pack("{s:s, s:s, s:o, s:s, s:I, s:I, s:I, s:I, s:I}", "name",
	    t->name, "kind", tunnel_kind_name(t->kind), "upstream",
	    json_upstream(set, t), "state", state_of(dialer, set, t, now),
	    "flows", (json_int_t)state->flows, "dials",
	    (json_int_t)state->dials, "failures", (json_int_t)state->failures,
	    "bytes_up", (json_int_t)(state->up + live.up), "bytes_down",
	    (json_int_t)(state->down + live.down));
	if (row == NULL)
		return NULL;
	json_object_update_new(
	    row, json_pack("{s:s, s:s, s:b}", "dns", dns[t->dns], "udp",
		     udp_word(dialer, t, now), "honest_connect", t->honest));
	add_resting(row, list, t->name);
	add_error(row, list, t);
	return row;
}

enum ctl_answer
ctl_tunnel_list(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	static const struct ctl_list_ops ops = { .row = tunnel_row };
	const struct tunnel_set *set =
	    dialer_tunnels(port17_ev_dialer(env->port17));

	(void)args;
	(void)ret_line;
	ret_job->list = ctl_list_new(env, &ops, NULL, set->n);
	return ret_job->list != NULL ? CTL_LIST : CTL_LINE;
}

/* Its name, and what it met last. */
static json_t *
json_broken(
    struct dialer *dialer, const struct tunnel_set *set, const struct tunnel *t)
{
	char text[TUNNEL_NAME_SIZE + FAILED_SIZE + 128], why[FAILED_SIZE] = "";
	const struct tunnel_state *failed = failed_last(dialer, set, t, why);
	bool known = why[0] != '\0';

	(void)snprintf(text, sizeof(text), "%s%s%s%s%s%s", t->name,
	    failed != NULL ? ": " : "",
	    failed != NULL ? outcome_text(failed->error) : "",
	    known ? " (" : "", why, known ? ")" : "");
	return json_text(text);
}

json_t *
ctl_tunnel_broken(const struct ctl_env *env)
{
	struct dialer *dialer = port17_ev_dialer(env->port17);
	const struct tunnel_set *set = dialer_tunnels(dialer);
	const char *down = health_state_name(HEALTH_DOWN);
	json_t *broken = json_array();

	for (size_t i = 0; i < set->n; i++) {
		const struct tunnel *t = &set->v[i];
		const struct tunnel_state *s = dialer_state(dialer, t->name);

		if (s == NULL ||
		    strcmp(state_of(dialer, set, t, mono_now()), down) != 0 ||
		    !policy_names_tunnel(judge_policy(env->judge), t->name))
			continue;
		json_array_append_new(broken, json_broken(dialer, set, t));
	}
	return broken;
}

/* Flows -------------------------------------------------------------------- */

static void
add(json_t *row, const char *upstream, uint64_t up, uint64_t down,
    json_t *dial_ms_take)
{
	json_object_set_new(row, "upstream",
	    upstream != NULL && upstream[0] != '\0' ? json_text(upstream)
						    : json_null());
	json_object_set_new(row, "bytes_up", json_integer((json_int_t)up));
	json_object_set_new(row, "bytes_down", json_integer((json_int_t)down));
	json_object_set_new(row, "dial_ms", dial_ms_take);
}

static void
add_past(json_t *row, const struct port17_past *past)
{
	char text[SHAKE_WHY_SIZE + 96];

	add(row, past->via, past->up, past->down, json_integer(past->dial_ms));
	if (past->closed == CLOSED_DIAL && past->why[0] != '\0')
		(void)snprintf(text, sizeof(text), "%s (%s)",
		    outcome_text(past->outcome), past->why); /* fits */
	else
		(void)snprintf(text, sizeof(text), "%s",
		    past->closed == CLOSED_DIAL ? outcome_text(past->outcome)
						: closed_text(past->closed));
	json_object_set_new(row, "close_reason", json_text(text));
}

void
ctl_tunnel_add(
    const struct ctl_env *env, const struct flow_key *key, json_t *row)
{
	const struct session *session =
	    sessions_find(port17_ev_sessions(env->port17), key);
	const struct udp_flow *flow = NULL;
	const struct port17_past *past;
	struct relay_bytes moved = { 0 };

	if (row == NULL)
		return;
	if (session != NULL) {
		if (session_relay(session) != NULL)
			moved = relay_moved(session->relay);
		add(row, session->via != NULL ? session->via->name : NULL,
		    moved.up, moved.down,
		    session->via != NULL ? json_integer(session->dial_ms)
					 : json_null());
		json_object_set_new(row, "close_reason", json_null());
		return;
	}
	flow = udp_find(port17_ev_udp(env->port17), key);
	past = port17_pasts_find(port17_ev_pasts(env->port17), key);
	if (flow != NULL) {
		add(row, flow->via != NULL ? flow->via->name : NULL, flow->up,
		    flow->down, json_null());
		json_object_set_new(row, "close_reason", json_null());
	} else if (past != NULL) {
		add_past(row, past);
	}
}

json_t *
ctl_tunnel_end(const struct port17_past *past, const struct json_time *at)
{
	const struct flow_key *k = &past->key;
	char src[ADDR_STRLEN], dst[ADDR_STRLEN];
	json_t *row = json_pack("{s:f, s:s, s:s, s:i, s:s, s:i, s:s, s:s, s:o}",
	    "time", at->wall, "proto", k->proto == 6 ? "tcp" : "udp", "src",
	    addr_format(&k->local, src), "sport", k->lport, "dst",
	    addr_format(&k->remote, dst), "dport", k->rport, "tunnel",
	    past->tunnel, "attributed_by", attributed_name(past->by), "process",
	    json_process(past->process));

	if (row != NULL)
		add_past(row, past);
	return row;
}

/* A dial for people -------------------------------------------------------- */

/* "192.0.2.7", "2001:db8::7" or a name: not what can be no host's, such as an
 * address with a zone. */
static bool
read_host(struct target *ret, const char *host)
{
	return addr_parse(&ret->addr, host, strlen(host)) == 0 ||
	       (name_parse(&ret->name, host, strlen(host)) == 0 &&
		   !target_is_mute(ret));
}

/* What no connection of others' would reach, either. An address that stands for
 * a name becomes the name, as it does for what is rerouted. NULL, or what is
 * wrong. */
static const char *
resolve_stand_in(const struct ctl_env *env, struct target *target)
{
	static const char *const entries[] = { PORT17_IP4, PORT17_IP6 };
	const struct name *name;
	struct addr entry;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (target->port == PORT17_PORT &&
		    addr_parse(&entry, entries[i], strlen(entries[i])) == 0 &&
		    addr_equal(&target->addr, &entry))
			return "that is the daemon's own entry for tunnels";
	if (!fakeip_is(&target->addr) || !port17_ev_stands_for(env->port17,
					     &target->addr, mono_now(), &name))
		return NULL;
	if (name == NULL)
		return "that address stands for a name, and there is none any "
		       "more";
	target->name = *name;
	target->addr = (struct addr){ .family = ADDR_NONE };
	return NULL;
}

enum ctl_answer
ctl_tunnel_test(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	const char *name = json_string_value(json_object_get(args, "name"));
	const char *host = json_string_value(json_object_get(args, "host"));
	json_int_t port = json_integer_value(json_object_get(args, "port"));
	const struct tunnel_set *set =
	    dialer_tunnels(port17_ev_dialer(env->port17));
	struct target target = { .addr = { .family = ADDR_NONE } };
	const char *wrong;
	char what[128];

	if (name == NULL || tunnel_set_find(set, name) == NULL) {
		(void)snprintf(what, sizeof(what),
		    "there is no [tunnel \"%s\"] in the settings",
		    name != NULL ? name : ""); /* may be cut */
		*ret_line = ctlmsg_error(CTLMSG_BAD_ARGS, what);
		return CTL_LINE;
	}
	if (host == NULL || port < 1 || port > UINT16_MAX ||
	    !read_host(&target, host)) {
		*ret_line = ctlmsg_error(CTLMSG_BAD_ARGS,
		    "a host and a port are needed, such as example.com:443 or "
		    "[2001:db8::1]:443");
		return CTL_LINE;
	}
	target.port = (uint16_t)port;
	wrong = resolve_stand_in(env, &target);
	if (wrong != NULL) {
		*ret_line = ctlmsg_error(CTLMSG_BAD_ARGS, wrong);
		return CTL_LINE;
	}
	ret_job->tunnel = tunnel_test_new(name, &target);
	if (ret_job->tunnel == NULL)
		return CTL_LINE;
	if (json_is_true(json_object_get(args, "steps")))
		tunnel_test_want_steps(ret_job->tunnel);
	return CTL_TEST;
}
