#include "port17/dial_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port17/connect.h"
#include "port17/leg_ev.h"
#include "port17/proxy2.h"
#include "port17/sock.h"
#include "port17/socks.h"
#include "port17/tls.h"
#include "src/base/list.h"

/* To the proxy; for its part of the handshake; for all members together. */
#define CONNECT_NS (5 * MONO_S)
#define SHAKE_NS (10 * MONO_S)
#define DIAL_NS (15 * MONO_S)
/* What a proxy says of UDP changes with its settings alone. */
#define NO_UDP_NS (600 * MONO_S)
/* A program that dials a thousand ends at once has other troubles. */
#define DIALS_MAX 4096
/* An answer to CONNECT, and what a far end says first. */
#define READ_SIZE 4096

struct state_node {
	struct list node;
	struct tunnel_state state;
};

struct dialer {
	struct dialer_opts opts;
	struct tunnel_set *set;
	struct list states;
	size_t n_dials;
};

enum phase {
	PHASE_START,
	PHASE_CONNECT,
	PHASE_TLS,
	PHASE_SHAKE,
};

struct dial {
	struct dialer *dialer;
	struct dial_opts opts;
	struct tunnel_set *set; /* a reference */
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	size_t n_members;
	uint32_t tried;
	const struct tunnel *via;
	struct tunnel_state *state; /* of via */
	bool trial;
	enum phase phase;
	mono_t began, end;
	struct event *timer;
	struct leg *leg;
	struct shake_out out;
	size_t sent;
	union {
		struct socks socks;
		struct connect connect;
	} codec;
	struct shake_error error;
};

static void next_member(struct dial *dial);

/* What a tester, or the log, reads. */
static void
say_step(const struct dial *dial, const char *what)
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
dial_free(struct dial *dial)
{
	leg_close(dial->leg);
	if (dial->timer != NULL)
		event_free(dial->timer);
	dial->dialer->n_dials--;
	tunnel_set_unref(dial->set);
	explicit_bzero(&dial->codec, sizeof(dial->codec));
	explicit_bzero(&dial->out, sizeof(dial->out));
	free(dial);
}

static void
dial_finish(struct dial *dial, enum outcome outcome, const uint8_t *ahead,
    size_t ahead_len)
{
	struct dial_result result = {
		.outcome = outcome,
		.why = dial->error.why,
		.via = dial->via,
		.ms = (uint32_t)(mono_since(mono_now(), dial->began) / MONO_MS),
		.ahead = ahead,
		.ahead_len = ahead_len,
	};
	dial_done_fn *done = dial->opts.done;
	void *arg = dial->opts.arg;

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
	struct tunnel_state *state = dial->state;
	mono_t now = mono_now();

	if (state == NULL)
		return;
	health_end(&state->health, dial->trial, outcome, now);
	dial->state = NULL;
	if (outcome == OUTCOME_CONNECTED || outcome == OUTCOME_GONE)
		return;
	state->failures++;
	state->error = outcome;
	state->error_at = now;
	(void)snprintf(
	    state->why, sizeof(state->why), "%s", dial->error.why); /* cut */
}

static void
member_failed(struct dial *dial, enum outcome outcome, const char *why)
{
	if (why != NULL)
		(void)snprintf(dial->error.why, sizeof(dial->error.why), "%s",
		    why); /* cut */
	dial->error.outcome = outcome;
	if (dial->opts.step != NULL) {
		char text[256];

		(void)snprintf(text, sizeof(text), "%s%s%s%s",
		    outcome_text(outcome), dial->error.why[0] ? " (" : "",
		    dial->error.why, dial->error.why[0] ? ")" : "");
		say_step(dial, text);
	}
	count_end(dial, outcome);
	leg_close(dial->leg);
	dial->leg = NULL;
	if (outcome_try_next(outcome) && dial->opts.tunnel->kind == TUNNEL_LIST)
		next_member(dial);
	else
		dial_finish(dial, outcome, NULL, 0);
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

static void
set_timer(struct dial *dial, uint64_t ns)
{
	mono_t now = mono_now();
	uint64_t left = mono_since(dial->end, now);
	struct timeval tv;

	if (ns > left)
		ns = left;
	tv.tv_sec = (time_t)(ns / MONO_S);
	tv.tv_usec = (suseconds_t)(ns % MONO_S / 1000);
	(void)event_add(dial->timer, &tv); /* it was added before: no memory
					    * is needed */
}

static void
connected(struct dial *dial, const uint8_t *ahead, size_t len)
{
	say_step(dial, "connected to the far end");
	count_end(dial, OUTCOME_CONNECTED);
	dial_finish(dial, OUTCOME_CONNECTED, ahead, len);
}

/* What was written so far goes; false where the dial is gone. */
static bool
send_out(struct dial *dial)
{
	while (dial->sent < dial->out.len) {
		ssize_t n = leg_write(dial->leg, dial->out.bytes + dial->sent,
		    dial->out.len - dial->sent);

		if (n == -EAGAIN)
			return true;
		if (n < 0) {
			member_failed(
			    dial, OUTCOME_TUNNEL_DOWN, strerror((int)-n));
			return false;
		}
		dial->sent += (size_t)n;
	}
	return true;
}

/* The proxy ended before it had answered: what it was asked last tells who is
 * to blame. */
static enum outcome
hung_up(const struct dial *dial)
{
	if (dial->via->kind == TUNNEL_SOCKS5) {
		switch (dial->codec.socks.state) {
		case SOCKS_METHOD:
			return OUTCOME_PROTOCOL;
		case SOCKS_AUTH:
			return OUTCOME_AUTH;
		case SOCKS_REPLY:
		case SOCKS_UP:
		case SOCKS_BROKEN:
			break;
		}
	}
	return OUTCOME_HUNG_UP;
}

static bool
waits_for_far_end(const struct dial *dial)
{
	return dial->via->kind != TUNNEL_SOCKS5 ||
	       dial->codec.socks.state == SOCKS_REPLY;
}

static enum shake_step
codec_take(
    struct dial *dial, const uint8_t *bytes, size_t len, size_t *ret_used)
{
	struct shake_out out = { .len = 0 };
	enum shake_step step;

	if (dial->via->kind != TUNNEL_SOCKS5)
		return connect_take(
		    &dial->codec.connect, bytes, len, ret_used, &dial->error);
	step = socks_take(
	    &dial->codec.socks, bytes, len, ret_used, &out, &dial->error);
	if (out.len > 0) {
		dial->out = out;
		dial->sent = 0;
	}
	explicit_bzero(&out, sizeof(out));
	return step;
}

static void
shake(struct dial *dial)
{
	uint8_t bytes[READ_SIZE];
	size_t used;

	for (;;) {
		ssize_t n;

		if (!send_out(dial))
			return;
		if (!dial->leg->readable)
			return;
		n = leg_read(dial->leg, bytes, sizeof(bytes));
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			member_failed(dial, hung_up(dial), "");
			return;
		}
		switch (codec_take(dial, bytes, (size_t)n, &used)) {
		case SHAKE_MORE:
			break;
		case SHAKE_DONE:
			connected(dial, bytes + used, (size_t)n - used);
			return;
		case SHAKE_FAILED:
			member_failed(dial, dial->error.outcome, NULL);
			return;
		}
	}
}

/* Credentials for this program; NULL user: none. */
static void
fill_shake(const struct dial *dial, struct shake_opts *ret,
    char user[TUNNEL_WORD_SIZE], char password[TUNNEL_WORD_SIZE])
{
	const struct tunnel *via = dial->via;

	*ret = (struct shake_opts){ .target = &dial->opts.target,
		.udp = dial->opts.udp };
	if (via->user[0] == '\0')
		return;
	ret->user = tunnel_expand(via->user, &dial->opts.identity.words, user);
	ret->password =
	    tunnel_expand(via->password, &dial->opts.identity.words, password);
}

static int
begin_proxy2(struct dial *dial)
{
	const struct dial_identity *id = &dial->opts.identity;
	struct proxy2_process process = {
		.pid = id->pid,
		.uid = id->uid,
		.start = id->start,
		.exe = id->words.exe,
		.unit = id->words.unit,
		.rule = id->rule,
	};
	struct proxy2_opts opts = {
		.src = id->src,
		.sport = id->sport,
		.target = &dial->opts.target,
		.flow = id->flow,
		.max = dial->via->long_header ? PROXY2_MAX : PROXY2_SHORT_MAX,
		.process = dial->via->tell_process ? &process : NULL,
	};
	int n = proxy2_build(dial->out.bytes, &opts);

	dial->out.len = n > 0 ? (size_t)n : 0;
	return n < 0 ? n : 0;
}

static void
begin_shake(struct dial *dial)
{
	char user[TUNNEL_WORD_SIZE], password[TUNNEL_WORD_SIZE];
	struct shake_opts opts;
	int r = 0;

	dial->phase = PHASE_SHAKE;
	dial->sent = 0;
	dial->out.len = 0;
	fill_shake(dial, &opts, user, password);
	switch (dial->via->kind) {
	case TUNNEL_SOCKS5:
		r = socks_begin(&dial->codec.socks, &opts, &dial->out);
		break;
	case TUNNEL_HTTP:
	case TUNNEL_HTTPS:
		r = connect_begin(&dial->codec.connect, &opts, &dial->out);
		break;
	case TUNNEL_PROXY2:
		r = begin_proxy2(dial);
		break;
	case TUNNEL_DIRECT:
	case TUNNEL_LIST:
		connected(dial, NULL, 0);
		return;
	}
	explicit_bzero(password, sizeof(password));
	if (r < 0) {
		member_failed(
		    dial, OUTCOME_UNSUPPORTED, "this can't be asked of it");
		return;
	}
	set_timer(dial, SHAKE_NS);
	if (dial->via->kind != TUNNEL_PROXY2)
		shake(dial);
	else if (send_out(dial))
		connected(dial, NULL, 0);
}

static void
shake_tls(struct dial *dial)
{
	char why[SHAKE_WHY_SIZE] = "";
	int r = tls_shake(dial->leg->ssl, dial->via, why, sizeof(why));

	if (r == 0)
		return;
	if (r == 1) {
		say_step(dial, "TLS is up");
		begin_shake(dial);
		return;
	}
	member_failed(
	    dial, r == -EACCES ? OUTCOME_CERTIFICATE : OUTCOME_PROTOCOL, why);
}

static void
begin_tls(struct dial *dial)
{
	struct tunnel_state *state = dial->state;
	char why[SHAKE_WHY_SIZE] = "out of memory";

	if (state->tls == NULL)
		state->tls = tls_context(dial->via, why, sizeof(why));
	if (state->tls != NULL)
		dial->leg->ssl =
		    tls_begin(state->tls, dial->via, dial->leg->fd);
	if (dial->leg->ssl == NULL) {
		member_failed(dial, OUTCOME_CERTIFICATE, why);
		return;
	}
	dial->phase = PHASE_TLS;
	set_timer(dial, SHAKE_NS);
	shake_tls(dial);
}

/* Connecting --------------------------------------------------------------- */

static enum outcome
connect_outcome(const struct dial *dial, int error)
{
	enum outcome outcome = outcome_of_errno(error);

	if (dial->via->kind == TUNNEL_DIRECT || outcome == OUTCOME_NO_ROOM)
		return outcome;
	return outcome == OUTCOME_TIMED_OUT ? OUTCOME_TUNNEL_SLOW
					    : OUTCOME_TUNNEL_DOWN;
}

static void
check_connected(struct dial *dial)
{
	int error = leg_error(dial->leg);

	if (error != 0) {
		member_failed(
		    dial, connect_outcome(dial, error), strerror(error));
		return;
	}
	if (!dial->leg->writable)
		return;
	if (dial->via->kind != TUNNEL_DIRECT)
		say_step(dial, "the proxy is reached");
	if (dial->via->kind == TUNNEL_HTTPS)
		begin_tls(dial);
	else
		begin_shake(dial);
}

static void
leg_changed(void *arg, struct leg *leg)
{
	struct dial *dial = arg;

	(void)leg;
	switch (dial->phase) {
	case PHASE_START:
		break;
	case PHASE_CONNECT:
		check_connected(dial);
		break;
	case PHASE_TLS:
		shake_tls(dial);
		break;
	case PHASE_SHAKE:
		shake(dial);
		break;
	}
}

/* Where its sockets go. 0 or -errno. */
static int
find_end(const struct dial *dial, struct sock_addr *ret)
{
	const struct tunnel *via = dial->via;
	const struct addr *addr = &via->addr;

	if (via->path[0] != '\0') {
		sock_addr_unix(ret, via->path);
		return 0;
	}
	if (via->kind == TUNNEL_DIRECT) {
		if (dial->opts.target.addr.family == ADDR_NONE ||
		    dial->opts.target.by_name)
			return -EDESTADDRREQ;
		return sock_addr_ip(
		    ret, &dial->opts.target.addr, dial->opts.target.port, "");
	}
	if (addr->family == ADDR_NONE)
		addr = &dial->state->resolved;
	if (addr->family == ADDR_NONE)
		return -EHOSTUNREACH;
	return sock_addr_ip(ret, addr, via->port, via->zone);
}

static void
start_member(struct dial *dial)
{
	struct sock_addr to;
	int fd = find_end(dial, &to), r;

	dial->phase = PHASE_CONNECT;
	if (fd == -EDESTADDRREQ) {
		member_failed(dial, OUTCOME_UNSUPPORTED,
		    "only the name is known, and nobody here may resolve it");
		return;
	}
	if (fd == 0)
		fd = sock_connect(dial->via, &to, SOCK_STREAM);
	if (fd < 0) {
		member_failed(dial, connect_outcome(dial, -fd), strerror(-fd));
		return;
	}
	r = leg_open(&dial->leg, dial->dialer->opts.base, fd,
	    to.sa.sa_family == AF_UNIX ? NULL : dial->dialer->opts.own);
	if (r < 0) {
		member_failed(dial, OUTCOME_NO_ROOM, strerror(-r));
		return;
	}
	dial->leg->exact = to.sa.sa_family != AF_UNIX;
	dial->leg->fn = leg_changed;
	dial->leg->arg = dial;
	set_timer(dial, CONNECT_NS);
}

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
	dial->via = dial->members[i];
	dial->state = states[i];
	dial->state->dials++;
	dial->error.why[0] = '\0';
	dial->trial = health_begin(&dial->state->health, now);
	start_member(dial);
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
		next_member(dial);
		return;
	case PHASE_CONNECT:
	case PHASE_TLS:
		break;
	case PHASE_SHAKE:
		far = waits_for_far_end(dial);
		break;
	}
	member_failed(dial, far ? OUTCOME_TIMED_OUT : OUTCOME_TUNNEL_SLOW, "");
}

struct dial *
dial_start(struct dialer *dialer, const struct dial_opts *opts)
{
	static const struct timeval at_once = { 0, 0 };
	struct dial *dial;

	if (dialer->n_dials >= DIALS_MAX)
		return NULL;
	dial = calloc(1, sizeof(*dial));
	if (dial == NULL)
		return NULL;
	dial->dialer = dialer;
	dial->opts = *opts;
	dial->set = tunnel_set_ref(dialer->set);
	dial->n_members =
	    tunnel_set_members(dialer->set, opts->tunnel, dial->members);
	dial->began = mono_now();
	dial->end = mono_add(dial->began, DIAL_NS);
	dialer->n_dials++;
	dial->timer = event_new(dialer->opts.base, -1, 0, timer_cb, dial);
	if (dial->timer == NULL || event_add(dial->timer, &at_once) < 0) {
		dial_free(dial);
		return NULL;
	}
	return dial;
}

/* The dialer --------------------------------------------------------------- */

int
dialer_new(struct dialer **ret, const struct dialer_opts *opts)
{
	struct dialer *dialer = calloc(1, sizeof(*dialer));

	if (dialer == NULL)
		return -ENOMEM;
	dialer->opts = *opts;
	list_init(&dialer->states);
	*ret = dialer;
	return 0;
}

void
dialer_free(struct dialer *dialer)
{
	if (dialer == NULL)
		return;
	while (!list_empty(&dialer->states)) {
		struct state_node *node =
		    container_of(dialer->states.next, struct state_node, node);

		list_remove(&node->node);
		tls_context_free(node->state.tls);
		free(node);
	}
	tunnel_set_unref(dialer->set);
	free(dialer);
}

/* What was made of a tunnel's settings is made anew. */
void
dialer_set_tunnels(struct dialer *dialer, struct tunnel_set *set)
{
	struct list *node;

	list_for_each (node, &dialer->states) {
		struct tunnel_state *state =
		    &container_of(node, struct state_node, node)->state;

		tls_context_free(state->tls); /* flows have references */
		state->tls = NULL;
		state->resolved_at = (mono_t){ 0 };
	}
	tunnel_set_unref(dialer->set);
	dialer->set = tunnel_set_ref(set);
}

struct tunnel_set *
dialer_tunnels(const struct dialer *dialer)
{
	return dialer->set;
}

struct tunnel_state *
dialer_state(struct dialer *dialer, const char *name)
{
	struct state_node *found;
	struct list *node;

	list_for_each (node, &dialer->states) {
		found = container_of(node, struct state_node, node);
		if (strcmp(found->state.name, name) == 0)
			return &found->state;
	}
	found = calloc(1, sizeof(*found));
	if (found == NULL)
		return NULL;
	(void)snprintf(
	    found->state.name, sizeof(found->state.name), "%s", name);
	list_append(&dialer->states, &found->node);
	return &found->state;
}

bool
dialer_carries_udp(
    struct dialer *dialer, const struct tunnel *tunnel, mono_t now)
{
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	size_t n = tunnel_set_members(dialer->set, tunnel, members);

	if (!tunnel_carries_udp(tunnel))
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct tunnel_state *state =
		    dialer_state(dialer, members[i]->name);

		if (state != NULL && tunnel_carries_udp(members[i]) &&
		    !mono_before(now, state->no_udp_until))
			return true;
	}
	return false;
}

void
dialer_no_udp(struct dialer *dialer, const struct tunnel *tunnel, mono_t now)
{
	struct tunnel_state *state = dialer_state(dialer, tunnel->name);

	if (state != NULL)
		state->no_udp_until = mono_add(now, NO_UDP_NS);
}

void
dialer_resolved(struct dialer *dialer, const char *tunnel,
    const struct addr *addr, mono_t now)
{
	struct tunnel_state *state = dialer_state(dialer, tunnel);

	if (state == NULL || addr->family == ADDR_NONE)
		return; /* what was known before is as good as nothing */
	state->resolved = *addr;
	state->resolved_at = now;
}

void
dialer_resolve(struct dialer *dialer)
{
	for (size_t i = 0; i < dialer->set->n; i++) {
		const struct tunnel *t = &dialer->set->v[i];
		struct addr addr;

		if (t->host[0] != '\0' && sock_resolve(t->host, &addr) == 0)
			dialer_resolved(dialer, t->name, &addr, mono_now());
	}
}

size_t
dialer_count(const struct dialer *dialer)
{
	return dialer->n_dials;
}
