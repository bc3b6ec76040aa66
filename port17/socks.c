#include "port17/socks.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/rd.h"

#define SOCKS5 5
#define METHOD_NONE 0
#define METHOD_PASSWORD 2
#define METHOD_NOBODY 0xff
#define CMD_CONNECT 1
#define CMD_UDP 3
#define ATYP_IP4 1
#define ATYP_NAME 3
#define ATYP_IP6 4
/* Of a reply: as far as the length of a name. */
#define REPLY_HEAD 5

static enum shake_step
fail(struct socks *socks, struct shake_error *ret, enum outcome outcome,
    const char *why)
{
	socks->state = SOCKS_BROKEN;
	shake_fail(ret, outcome, why);
	return SHAKE_FAILED;
}

int
socks_begin(
    struct socks *socks, const struct shake_opts *opts, struct shake_out *out)
{
	size_t user = opts->user != NULL ? strlen(opts->user) : 0;
	size_t password = opts->password != NULL ? strlen(opts->password) : 0;

	if (opts->user != NULL &&
	    (user == 0 || user > SHAKE_WORD_MAX || password > SHAKE_WORD_MAX))
		return -EINVAL;
	if (!opts->udp && target_is_mute(opts->target))
		return -EINVAL;
	memset(socks, 0, sizeof(*socks));
	socks->udp = opts->udp;
	socks->ip6 = opts->ip6;
	socks->target = *opts->target;
	if (opts->user != NULL) {
		memcpy(socks->user, opts->user, user);
		if (password > 0)
			memcpy(socks->password, opts->password, password);
		socks->user_len = (uint8_t)user;
		socks->password_len = (uint8_t)password;
	}
	socks->state = SOCKS_METHOD;
	socks->want = 2;
	/* only what we have is offered */
	out->bytes[0] = SOCKS5;
	out->bytes[1] = 1;
	out->bytes[2] = user > 0 ? METHOD_PASSWORD : METHOD_NONE;
	out->len = 3;
	return 0;
}

static void
put(struct shake_out *out, const void *bytes, size_t len)
{
	assert(len <= sizeof(out->bytes) - out->len);
	if (len > 0)
		memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

static void
put_u8(struct shake_out *out, unsigned int value)
{
	uint8_t byte = (uint8_t)value;

	put(out, &byte, 1);
}

/* ATYP, address, port. */
static void
put_target(struct shake_out *out, const struct target *target)
{
	char host[TARGET_HOST_SIZE];

	if (target_host(target, host)) {
		size_t len = strlen(host);

		put_u8(out, ATYP_NAME);
		put_u8(out, (unsigned int)len);
		put(out, host, len);
	} else if (target->addr.family == ADDR_IP6) {
		put_u8(out, ATYP_IP6);
		put(out, target->addr.bytes, 16);
	} else {
		put_u8(out, ATYP_IP4);
		put(out, target->addr.bytes, 4);
	}
	put_u8(out, target->port >> 8);
	put_u8(out, target->port & 0xff);
}

static enum shake_step
ask(struct socks *socks, struct shake_out *out)
{
	/* a proxy that is strict about who may send drops the datagrams where
	 * this names an address that a NAT changes; and one of IPv6 alone has
	 * nothing for them where it is of the other family */
	struct target nobody = { .addr = { .family = socks->ip6 ? ADDR_IP6
								: ADDR_IP4 } };

	socks->state = SOCKS_REPLY;
	socks->in_len = 0;
	socks->want = 2;
	put_u8(out, SOCKS5);
	put_u8(out, socks->udp ? CMD_UDP : CMD_CONNECT);
	put_u8(out, 0);
	put_target(out, socks->udp ? &nobody : &socks->target);
	return SHAKE_MORE;
}

static enum shake_step
take_method(
    struct socks *socks, struct shake_out *out, struct shake_error *ret_error)
{
	uint8_t method = socks->in[1];
	uint8_t offered = socks->user_len > 0 ? METHOD_PASSWORD : METHOD_NONE;

	if (socks->in[0] != SOCKS5)
		return fail(socks, ret_error, OUTCOME_PROTOCOL,
		    socks->in[0] > SOCKS5 && shake_speaks(socks->in[0]) != NULL
			? shake_speaks(socks->in[0])
			: "its first byte is not that of SOCKS 5");
	if (method == METHOD_NOBODY)
		return fail(socks, ret_error, OUTCOME_AUTH,
		    offered == METHOD_NONE ? "it wants a user and password"
					   : "it takes no user and password");
	/* some don't care what was offered; without, all programs would be one
	 * to it */
	if (method == METHOD_NONE && offered != METHOD_NONE)
		return fail(socks, ret_error, OUTCOME_AUTH,
		    "it asks for none: leave out 'user' for it");
	if (method != offered)
		return fail(socks, ret_error, OUTCOME_PROTOCOL,
		    "it chose a method that was not offered");
	if (method == METHOD_NONE)
		return ask(socks, out);
	socks->state = SOCKS_AUTH;
	socks->in_len = 0;
	socks->want = 2;
	put_u8(out, 1); /* of the negotiation, not of SOCKS */
	put_u8(out, socks->user_len);
	put(out, socks->user, socks->user_len);
	put_u8(out, socks->password_len);
	put(out, socks->password, socks->password_len);
	return SHAKE_MORE;
}

static enum shake_step
take_auth(
    struct socks *socks, struct shake_out *out, struct shake_error *ret_error)
{
	memset(socks->password, 0, sizeof(socks->password));
	/* some answer with the version of SOCKS */
	if (socks->in[0] != 1 && socks->in[0] != SOCKS5)
		return fail(socks, ret_error, OUTCOME_PROTOCOL,
		    "its answer to user and password is no answer");
	if (socks->in[1] != 0)
		return fail(socks, ret_error, OUTCOME_AUTH,
		    "it refused the user and password");
	return ask(socks, out);
}

/* What replies mean: RFC 1928 section 6; F0 to F7 are Tor's
 * (ExtendedErrors). */
static const struct {
	uint8_t code;
	enum outcome outcome;
	const char *why;
} replies[] = {
	{ 1, OUTCOME_FAILED, "general failure" },
	{ 2, OUTCOME_DENIED, "not allowed by its rules" },
	{ 3, OUTCOME_NET_UNREACHABLE, "network unreachable" },
	{ 4, OUTCOME_HOST_UNREACHABLE, "host unreachable" },
	{ 5, OUTCOME_REFUSED, "connection refused" },
	/* said of a time-out by danted, microsocks and Tor alike */
	{ 6, OUTCOME_TIMED_OUT, "TTL expired, or no answer in time" },
	{ 7, OUTCOME_UNSUPPORTED, "command not supported" },
	{ 8, OUTCOME_UNSUPPORTED, "kind of address not supported" },
	{ 0xf0, OUTCOME_HOST_UNREACHABLE, "onion service: no descriptor" },
	{ 0xf1, OUTCOME_HOST_UNREACHABLE, "onion service: bad descriptor" },
	{ 0xf2, OUTCOME_HOST_UNREACHABLE, "onion service: no introduction" },
	{ 0xf3, OUTCOME_HOST_UNREACHABLE, "onion service: no rendezvous" },
	{ 0xf4, OUTCOME_DENIED, "onion service: client authorisation missing" },
	{ 0xf5, OUTCOME_DENIED, "onion service: client authorisation wrong" },
	{ 0xf6, OUTCOME_NO_NAME, "onion service: bad address" },
	{ 0xf7, OUTCOME_TIMED_OUT, "onion service: introduction timed out" },
};

static enum shake_step
refused(struct socks *socks, uint8_t code, struct shake_error *ret_error)
{
	char why[32];

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		if (replies[i].code == code)
			return fail(socks, ret_error, replies[i].outcome,
			    replies[i].why);
	(void)snprintf(why, sizeof(why), "reply %u", code); /* it fits */
	return fail(socks, ret_error, OUTCOME_FAILED, why);
}

static size_t
reply_len(const struct socks *socks)
{
	switch (socks->in[3]) {
	case ATYP_IP4:
		return 4 + 4 + 2;
	case ATYP_IP6:
		return 4 + 16 + 2;
	case ATYP_NAME:
		return (size_t)4 + 1 + socks->in[4] + 2;
	default:
		return 0;
	}
}

static enum shake_step
take_reply(struct socks *socks, struct shake_error *ret_error)
{
	const uint8_t *end;
	size_t len;

	if (socks->in[0] != SOCKS5)
		return fail(socks, ret_error, OUTCOME_PROTOCOL,
		    "its reply is not one of SOCKS 5");
	/* where it failed the address is of no use, and some send none */
	if (socks->in[1] != 0)
		return refused(socks, socks->in[1], ret_error);
	if (socks->in_len < REPLY_HEAD) {
		socks->want = REPLY_HEAD;
		return SHAKE_MORE;
	}
	len = reply_len(socks);
	if (len == 0)
		return fail(socks, ret_error, OUTCOME_PROTOCOL,
		    "its reply has an unknown kind of address");
	if (socks->in_len < len) {
		socks->want = len;
		return SHAKE_MORE;
	}
	end = socks->in + len;
	socks->bound_port = (uint16_t)((unsigned int)end[-2] << 8 | end[-1]);
	if (socks->in[3] == ATYP_IP4)
		socks->bound = addr_ip4(socks->in + 4);
	else if (socks->in[3] == ATYP_IP6)
		socks->bound = addr_ip6(socks->in + 4);
	socks->state = SOCKS_UP;
	return SHAKE_DONE;
}

static enum shake_step
take_message(
    struct socks *socks, struct shake_out *out, struct shake_error *ret_error)
{
	switch (socks->state) {
	case SOCKS_METHOD:
		return take_method(socks, out, ret_error);
	case SOCKS_AUTH:
		return take_auth(socks, out, ret_error);
	case SOCKS_REPLY:
		return take_reply(socks, ret_error);
	case SOCKS_UP:
	case SOCKS_BROKEN:
		break;
	}
	__builtin_trap();
}

enum shake_step
socks_take(struct socks *socks, const uint8_t *bytes, size_t len,
    size_t *ret_used, struct shake_out *out, struct shake_error *ret_error)
{
	enum shake_step step = SHAKE_MORE;
	size_t used = 0;

	out->len = 0;
	while (step == SHAKE_MORE && used < len) {
		size_t n = socks->want - socks->in_len;

		if (n > len - used)
			n = len - used;
		memcpy(socks->in + socks->in_len, bytes + used, n);
		socks->in_len += n;
		used += n;
		if (socks->in_len < socks->want)
			break;
		step = take_message(socks, out, ret_error);
	}
	*ret_used = used;
	return step;
}

/* Datagrams ---------------------------------------------------------------- */

size_t
socks_udp_header(uint8_t buf[SOCKS_UDP_MAX], const struct target *target)
{
	struct shake_out out = { .len = 0 };

	if (target_is_mute(target))
		return 0;
	put(&out, "\0\0\0", 3); /* reserved, and no fragment */
	put_target(&out, target);
	assert(out.len <= SOCKS_UDP_MAX);
	memcpy(buf, out.bytes, out.len);
	return out.len;
}

int
socks_udp_parse(const uint8_t *bytes, size_t len, struct target *ret_from)
{
	struct target from = { .port = 0 };
	const uint8_t *p;
	uint8_t fragment, n;
	struct rd rd;

	rd_init(&rd, bytes, len);
	rd_skip(&rd, 2);
	fragment = rd_u8(&rd);
	switch (rd_u8(&rd)) {
	case ATYP_IP4:
		p = rd_bytes(&rd, 4);
		if (p != NULL)
			from.addr = addr_ip4(p);
		break;
	case ATYP_IP6:
		p = rd_bytes(&rd, 16);
		if (p != NULL)
			from.addr = addr_ip6(p);
		break;
	case ATYP_NAME:
		n = rd_u8(&rd);
		p = rd_bytes(&rd, n);
		/* some write an address out */
		if (p != NULL &&
		    addr_parse(&from.addr, (const char *)p, n) < 0 &&
		    name_parse(&from.name, (const char *)p, n) < 0)
			return -EBADMSG;
		break;
	default:
		return -EBADMSG;
	}
	from.port = rd_u16(&rd);
	if (rd.bad || fragment != 0)
		return -EBADMSG;
	/* of a proxy whose sockets are for both */
	from.addr = addr_unmap(&from.addr);
	*ret_from = from;
	return (int)(rd.p - bytes);
}

int
socks_udp_relay(const struct addr *said, uint16_t port,
    const struct addr *proxy, struct addr *ret)
{
	struct addr addr = addr_unmap(said);

	if (addr.family == ADDR_NONE || addr_is_any(&addr) ||
	    (addr_is_loopback(&addr) && !addr_is_loopback(proxy)) ||
	    (addr_is_lan(&addr) && !addr_is_lan(proxy)))
		addr = *proxy;
	if (port == 0 || addr_is_multicast(&addr) || addr_is_broadcast(&addr))
		return -EPROTO;
	*ret = addr;
	return 0;
}
