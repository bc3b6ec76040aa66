#include "port17/dial_own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "port17/leg_ev.h"
#include "port17/proxy2.h"
#include "port17/tls.h"
#include "src/base/tls_peer.h"

/* TLS, and the proxy's part of the handshake. */
#define SHAKE_NS (10 * MONO_S)
/* … of a list: until TLS is up, and until a SOCKS proxy says which method it
 * takes. No far end has a part in that, the next member may be well, and the
 * program's SYN is held no longer than all of them may take. */
#define SHAKE_FIRST_NS (4 * MONO_S)
/* For a user or password that is empty. */
#define NO_WORD "-"
/* An answer to CONNECT, and what a far end says first. */
#define READ_SIZE 4096

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
			dial_failed(
			    dial, OUTCOME_TUNNEL_DOWN, strerror((int)-n));
			return false;
		}
		dial->sent += (size_t)n;
	}
	return true;
}

static void
wait_for_first(struct dial *dial)
{
	dial_set_timer(dial, dial->n_members > 1 ? SHAKE_FIRST_NS : SHAKE_NS);
}

/* It speaks: what is left is for the far end. */
static void
wait_for_rest(struct dial *dial)
{
	uint64_t gone = mono_since(mono_now(), dial->asked);

	dial_set_timer(dial, gone < SHAKE_NS ? SHAKE_NS - gone : 0);
}

/* Some proxies of HTTP hang up on a far end that they don't reach, and those of
 * SOCKS on what they don't understand. */
bool
dial_is_stranger(const struct dial *dial)
{
	return dial->via->kind == TUNNEL_HTTP && dial->state->heard.ns == 0 &&
	       dial->state->looped.ns == 0;
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
	return dial_is_stranger(dial) ? OUTCOME_PROTOCOL : OUTCOME_HUNG_UP;
}

/* With bytes that it has not read an end is a reset. */
static const char *
why_hung_up(const struct dial *dial, ssize_t n)
{
	if (dial_is_stranger(dial) && (n == 0 || n == -ECONNRESET))
		return "it hung up; it has never answered in HTTP: is it one "
		       "for socks5://?";
	return n < 0 ? strerror((int)-n) : "it hung up";
}

/* One of HTTP says nothing before it has asked the far end: it may be gone
 * itself, where it has answered nobody else meanwhile. In a list that is better
 * believed than not. */
static bool
is_silent(const struct dial *dial)
{
	return dial->opts.tunnel->kind == TUNNEL_LIST &&
	       !mono_before(dial->asked, dial->state->heard);
}

bool
dial_waits_for_far_end(const struct dial *dial)
{
	switch (dial->via->kind) {
	case TUNNEL_SOCKS5:
		return dial->codec.socks.state == SOCKS_REPLY &&
		       dial->codec.socks.in_len == 0;
	case TUNNEL_HTTP:
	case TUNNEL_HTTPS:
		return !connect_has_begun(&dial->codec.connect) &&
		       !is_silent(dial);
	case TUNNEL_PROXY2: /* it does not take its header */
	case TUNNEL_DIRECT:
	case TUNNEL_LIST:
		break;
	}
	return false;
}

/* Of HTTP, what it was sent: in words of its own it may come back. */
static bool
tells_secret(const struct dial *dial)
{
	static const char before[] = "Proxy-Authorization: Basic ";
	const char *sent = (const char *)dial->out.bytes, *why;
	const char *basic =
	    memmem(sent, dial->out.len, before, sizeof(before) - 1);
	char password[TUNNEL_WORD_SIZE];
	bool tells;

	if (dial->via->kind == TUNNEL_SOCKS5 || basic == NULL)
		return false;
	basic += sizeof(before) - 1;
	why = dial->error.why;
	(void)tunnel_expand(
	    dial->via->password, &dial->opts.identity.words, password);
	tells = shake_tells(why, password, strlen(password)) ||
		shake_tells(why, basic,
		    strcspn(basic, "\r")); /* an empty line is the end */
	explicit_bzero(password, sizeof(password));
	return tells;
}

static void
hide_secret(struct dial *dial)
{
	char *why = dial->error.why;

	if (tells_secret(dial))
		(void)snprintf(why + strnlen(why, 3),
		    sizeof(dial->error.why) - 3,
		    " (its words are not shown: it says the password)");
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

/* A proxy may answer before it has been asked: it is asked all the same, before
 * the program's bytes go there. False: the dial is gone. */
static bool
say_the_rest(struct dial *dial)
{
	if (!send_out(dial))
		return false;
	if (dial->sent == dial->out.len)
		return true;
	dial_failed(
	    dial, OUTCOME_PROTOCOL, "it does not take what it is asked");
	return false;
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
			dial_failed(dial, hung_up(dial), why_hung_up(dial, n));
			return;
		}
		dial->state->heard = mono_now();
		switch (codec_take(dial, bytes, (size_t)n, &used)) {
		case SHAKE_MORE:
			wait_for_rest(dial);
			break;
		case SHAKE_DONE:
			if (say_the_rest(dial))
				dial_connected(
				    dial, bytes + used, (size_t)n - used);
			return;
		case SHAKE_FAILED:
			hide_secret(dial);
			dial_failed(dial, dial->error.outcome, NULL);
			return;
		}
	}
}

static bool
is_by_ip6(const struct dial *dial)
{
	struct sock_addr peer = { .len = sizeof(peer.space) };

	return getpeername(dial->leg->fd, &peer.sa, &peer.len) == 0 &&
	       peer.sa.sa_family == AF_INET6;
}

/* All but the target. Credentials for this program; NULL user: none. */
static void
fill_shake(const struct dial *dial, struct shake_opts *ret,
    char user[TUNNEL_WORD_SIZE], char password[TUNNEL_WORD_SIZE])
{
	const struct tunnel *via = dial->via;

	*ret = (struct shake_opts){ .udp = dial->opts.udp,
		.ip6 = dial->opts.udp && is_by_ip6(dial) };
	if (via->user[0] == '\0')
		return;
	ret->user = tunnel_user(via, &dial->opts.identity.words, user);
	ret->password =
	    tunnel_expand(via->password, &dial->opts.identity.words, password);
	if (via->kind != TUNNEL_SOCKS5)
		return;
	/* RFC 1929 has no empty ones: who has no unit is of one all the same */
	if (user[0] == '\0')
		strcpy(user, NO_WORD);
	if (password[0] == '\0')
		strcpy(password, NO_WORD);
}

/* Ends are of one family, and there are two, also where only a name is known,
 * or where nobody's program but ourselves is the source. */
static void
fill_ends(
    const struct dial *dial, struct target *ret_target, struct addr *ret_src)
{
	static const uint8_t any[16] = { 0 };

	*ret_target = dial_target(dial);
	*ret_src = dial->opts.identity.src;
	if (ret_target->addr.family == ADDR_NONE)
		ret_target->addr = addr_ip4(any);
	if (ret_src->family == ADDR_NONE)
		*ret_src = ret_target->addr.family == ADDR_IP4 ? addr_ip4(any)
							       : addr_ip6(any);
}

static int
begin_proxy2(struct dial *dial)
{
	const struct dial_identity *id = &dial->opts.identity;
	char exe[PROXY2_MAX], file[TUNNEL_EXE_FILE_SIZE];
	struct target target;
	struct proxy2_process process = {
		.pid = id->pid,
		.uid = id->uid,
		.start = id->start,
		.exe = exe,
		.unit = id->words.unit,
		.rule = id->rule,
	};
	struct proxy2_opts opts = {
		.sport = id->sport,
		.target = &target,
		.flow = id->flow,
		.max = dial->via->long_header ? PROXY2_MAX : PROXY2_SHORT_MAX,
		.process = dial->via->tell_process ? &process : NULL,
	};
	int n;

	/* cut, there is no room for it either */
	(void)snprintf(exe, sizeof(exe), "%s%s", id->words.exe,
	    tunnel_exe_file(&id->words, file));
	fill_ends(dial, &target, &opts.src);
	n = proxy2_build(dial->out.bytes, &opts);

	dial->out.len = n > 0 ? (size_t)n : 0;
	return n < 0 ? n : 0;
}

static void
begin_shake(struct dial *dial)
{
	char user[TUNNEL_WORD_SIZE], password[TUNNEL_WORD_SIZE];
	struct target target = dial_target(dial);
	struct shake_opts opts;
	int r = 0;

	dial->phase = PHASE_SHAKE;
	dial->asked = mono_now();
	dial->sent = 0;
	dial->out.len = 0;
	fill_shake(dial, &opts, user, password);
	opts.target = &target;
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
		dial_connected(dial, NULL, 0);
		return;
	}
	explicit_bzero(password, sizeof(password));
	if (r < 0) {
		dial_failed(dial, OUTCOME_UNSUPPORTED,
		    r == -ENAMETOOLONG || (!opts.udp && target_is_mute(&target))
			? "it can't be told such a name"
			: "this can't be asked of it");
		return;
	}
	if (dial->via->kind == TUNNEL_SOCKS5)
		wait_for_first(dial);
	else
		dial_set_timer(dial, SHAKE_NS);
	if (dial->via->kind != TUNNEL_PROXY2)
		shake(dial);
	else if (send_out(dial))
		dial_connected(dial, NULL, 0);
}

static void
shake_tls(struct dial *dial)
{
	char why[SHAKE_WHY_SIZE] = "";
	int r = tls_shake(dial->leg->ssl, dial->via, why, sizeof(why));

	if (r == 0)
		return;
	if (r == 1) {
		dial_say_step(dial, "TLS is up");
		begin_shake(dial);
		return;
	}
	dial_failed(
	    dial, r == -EACCES ? OUTCOME_CERTIFICATE : OUTCOME_PROTOCOL, why);
}

static void
begin_tls(struct dial *dial)
{
	struct trust *trust = trusts_of(dial->trusts, dial->via);

	if (trust == NULL) {
		dial_failed(dial, OUTCOME_CERTIFICATE,
		    "its settings are others by now");
		return;
	}
	if (!trust->known) {
		dial->phase = PHASE_TRUST;
		list_append(&dial->dialer->waiting, &dial->waits);
		dial_set_timer(dial, SHAKE_NS);
		return;
	}
	list_remove(&dial->waits);
	if (trust->tls == NULL && dial->via->has_pin)
		trust->tls = tls_peer_context_new(); /* that needs no files */
	if (trust->tls != NULL)
		dial->leg->ssl =
		    tls_begin(trust->tls, dial->via, dial->leg->fd);
	if (dial->leg->ssl == NULL) {
		dial_failed(dial, OUTCOME_CERTIFICATE,
		    trust->why[0] != '\0' ? trust->why : "out of memory");
		return;
	}
	dial->phase = PHASE_TLS;
	wait_for_first(dial);
	shake_tls(dial);
}

void
dial_shake_begin(struct dial *dial)
{
	if (dial->via->kind == TUNNEL_HTTPS)
		begin_tls(dial);
	else
		begin_shake(dial);
}

void
dial_shake_changed(struct dial *dial)
{
	if (dial->phase == PHASE_TLS)
		shake_tls(dial);
	else
		shake(dial);
}
