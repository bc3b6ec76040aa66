#include "src/core/netline.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "src/base/num.h"

#define STATE_LISTEN 10

struct text {
	const char *p;
	size_t len;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word; empty at the end. */
static struct text
word(struct text *s)
{
	struct text w;

	while (s->len > 0 && is_blank(*s->p)) {
		s->p++;
		s->len--;
	}
	w = (struct text){ s->p, 0 };
	while (s->len > 0 && !is_blank(*s->p)) {
		s->p++;
		s->len--;
		w.len++;
	}
	return w;
}

static void
skip(struct text *s, unsigned int words)
{
	while (words-- > 0)
		(void)word(s); /* at the end there is nothing to skip */
}

static int
hex(uint32_t *ret, const char *s, size_t digits)
{
	uint32_t n = 0;

	for (size_t i = 0; i < digits; i++) {
		char c = s[i];

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint32_t)(c - '0');
		else if (c >= 'A' && c <= 'F')
			n = n << 4 | (uint32_t)(c - 'A' + 10);
		else
			return -EBADMSG;
	}
	*ret = n;
	return 0;
}

/* "0100007F:1F90": words of the address as the CPU reads them from memory in
 * network order, so that copying them back restores the bytes. */
static int
endpoint(struct addr *ret_addr, uint16_t *ret_port, struct text s)
{
	uint8_t bytes[16];
	struct addr a;
	uint32_t n;
	size_t words;

	if (s.len != 8 + 5 && s.len != 32 + 5)
		return -EBADMSG;
	words = (s.len - 5) / 8;
	for (size_t i = 0; i < words; i++) {
		if (hex(&n, s.p + i * 8, 8) != 0)
			return -EBADMSG;
		memcpy(bytes + i * 4, &n, 4);
	}
	if (s.p[words * 8] != ':' || hex(&n, s.p + words * 8 + 1, 4) != 0)
		return -EBADMSG;
	a = words == 1 ? addr_ip4(bytes) : addr_ip6(bytes);
	*ret_addr = addr_unmap(&a);
	*ret_port = (uint16_t)n;
	return 0;
}

static int
number(uint64_t *ret, struct text s, uint64_t max)
{
	return num_parse(ret, s.p, s.len, max) == 0 ? 0 : -EBADMSG;
}

/* sl: local remote st tx:rx tr:when retrnsmt uid timeout inode ... */
static int
parse_inet(struct netline *ret, struct text s)
{
	struct netline l = { 0 };
	struct text sl = word(&s), state;
	uint64_t uid;
	uint32_t n;

	if (sl.len < 2 || sl.p[sl.len - 1] != ':')
		return -EBADMSG;
	if (endpoint(&l.local, &l.lport, word(&s)) != 0 ||
	    endpoint(&l.remote, &l.rport, word(&s)) != 0)
		return -EBADMSG;
	state = word(&s);
	if (state.len != 2 || hex(&n, state.p, 2) != 0)
		return -EBADMSG;
	skip(&s, 3);
	if (number(&uid, word(&s), UINT32_MAX) != 0)
		return -EBADMSG;
	skip(&s, 1);
	if (number(&l.inode, word(&s), UINT64_MAX) != 0)
		return -EBADMSG;
	l.state = (uint8_t)n;
	l.uid = (uint32_t)uid;
	*ret = l;
	return 0;
}

/* What sctp's seq_show functions (net/sctp/proc.c) print:
 * assocs: ASSOC SOCK STY SST ST HBKT ID TXQ RXQ UID INODE LPORT RPORT
 *         LADDRS <-> RADDRS <tab> numbers
 * eps:    ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS */
static int
parse_sctp(struct netline *ret, struct text s, bool assoc)
{
	struct netline l = { 0 };
	uint64_t uid, lport, rport = 0;
	const char *arrow, *tab;

	skip(&s, assoc ? 9 : 5);
	if (!assoc && number(&lport, word(&s), UINT16_MAX) != 0)
		return -EBADMSG;
	if (number(&uid, word(&s), UINT32_MAX) != 0 ||
	    number(&l.inode, word(&s), UINT64_MAX) != 0)
		return -EBADMSG;
	if (assoc && (number(&lport, word(&s), UINT16_MAX) != 0 ||
			 number(&rport, word(&s), UINT16_MAX) != 0))
		return -EBADMSG;
	l.locals = s.p;
	l.locals_len = s.len;
	if (assoc) {
		arrow = memmem(s.p, s.len, "<->", 3);
		if (arrow == NULL)
			return -EBADMSG;
		l.locals_len = (size_t)(arrow - s.p);
		l.remotes = arrow + 3;
		l.remotes_len = s.len - l.locals_len - 3;
		tab = memchr(l.remotes, '\t', l.remotes_len);
		if (tab != NULL)
			l.remotes_len = (size_t)(tab - l.remotes);
	}
	l.uid = (uint32_t)uid;
	l.lport = (uint16_t)lport;
	l.rport = (uint16_t)rport;
	*ret = l;
	return 0;
}

int
netline_parse(
    struct netline *ret, enum netline_table table, const char *s, size_t len)
{
	struct text text = { s, len };

	if (table == NETLINE_SCTP_ASSOCS || table == NETLINE_SCTP_EPS)
		return parse_sctp(ret, text, table == NETLINE_SCTP_ASSOCS);
	return parse_inet(ret, text);
}

/* Quality of an address match; the best one that fits wins. */
enum {
	FIT_FAMILY = 1, /* "any" of the packet's own family, not of both */
	FIT_ANY = 2,
	FIT_LOCAL = 4,
	FIT_REMOTE = 8,
	FIT_PROTO = 16, /* raw: made for this protocol, not for any */
};

/* :: takes IPv4 as well, if the socket is not IPv6 only; the tables don't
 * say which. 0.0.0.0 never takes IPv6. */
static unsigned int
any_fits(const struct addr *any, const struct addr *a)
{
	if (!addr_is_any(any))
		return 0;
	if (any->family == a->family)
		return FIT_ANY | FIT_FAMILY;
	return any->family == ADDR_IP6 ? FIT_ANY : 0;
}

static unsigned int
local_fits(const struct netline *line, const struct flow_key *key)
{
	if (addr_equal(&line->local, &key->local))
		return FIT_LOCAL | FIT_ANY | FIT_FAMILY;
	return any_fits(&line->local, &key->local);
}

static bool
remote_equal(const struct netline *line, const struct flow_key *key)
{
	return line->rport == key->rport &&
	       addr_equal(&line->remote, &key->remote);
}

static unsigned int
score_ports(const struct netline *line, enum netline_table table,
    const struct flow_key *key, bool in)
{
	unsigned int local = local_fits(line, key);

	if (line->lport != key->lport || local == 0)
		return 0;
	if (remote_equal(line, key))
		return local | FIT_REMOTE;
	if (table == NETLINE_TCP && (!in || line->state != STATE_LISTEN))
		return 0;
	return line->rport == 0 && addr_is_any(&line->remote) ? local : 0;
}

/* Ping sockets and raw sockets: the remote side has no port. */
static unsigned int
score_portless(const struct netline *line, const struct flow_key *key)
{
	unsigned int local = local_fits(line, key);

	if (local == 0)
		return 0;
	if (addr_equal(&line->remote, &key->remote))
		return local | FIT_REMOTE;
	return addr_is_any(&line->remote) ? local : 0;
}

static unsigned int
score_raw(const struct netline *line, const struct flow_key *key, bool in)
{
	unsigned int fit = score_portless(line, key);

	if (fit == 0)
		return 0;
	if (line->lport == key->proto)
		return fit | FIT_PROTO;
	/* a socket that writes its own headers sends anything, gets nothing */
	return line->lport == IPPROTO_RAW && !in ? fit : 0;
}

static bool
list_has(const char *s, size_t len, const struct addr *a)
{
	struct text rest = { s, len };

	for (;;) {
		struct text w = word(&rest);
		struct addr one;

		if (w.len == 0)
			return false;
		if (*w.p == '*') { /* the primary address */
			w.p++;
			w.len--;
		}
		if (addr_parse(&one, w.p, w.len) != 0)
			continue;
		one = addr_unmap(&one);
		if (addr_equal(&one, a) || any_fits(&one, a) != 0)
			return true;
	}
}

static unsigned int
score_sctp(const struct netline *line, enum netline_table table,
    const struct flow_key *key)
{
	if (line->lport != key->lport ||
	    !list_has(line->locals, line->locals_len, &key->local))
		return 0;
	if (table == NETLINE_SCTP_EPS)
		return FIT_LOCAL;
	if (line->rport != key->rport ||
	    !list_has(line->remotes, line->remotes_len, &key->remote))
		return 0;
	return FIT_LOCAL | FIT_REMOTE;
}

unsigned int
netline_score(const struct netline *line, enum netline_table table,
    const struct flow_key *key, bool in)
{
	switch (table) {
	case NETLINE_TCP:
	case NETLINE_UDP:
		return score_ports(line, table, key, in);
	case NETLINE_ICMP:
		return line->lport == key->lport ? score_portless(line, key)
						 : 0;
	case NETLINE_RAW:
		return score_raw(line, key, in);
	case NETLINE_SCTP_ASSOCS:
	case NETLINE_SCTP_EPS:
		return score_sctp(line, table, key);
	}
	return 0;
}
