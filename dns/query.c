#include "dns/query.h"

#include <errno.h>
#include <string.h>

void
query_copy(struct query *ret, const struct query *from)
{
	size_t n = from->qname.len;

	memcpy(ret, from, offsetof(struct query, qname.wire) + n);
	memcpy(ret->asked, from->asked, n);
}

/* The counts of the header. */
enum {
	QDCOUNT = 4,
	ANCOUNT = 6,
	NSCOUNT = 8,
	ARCOUNT = 10
};

/* Options of an OPT: each whole, or the message is malformed (RFC 6891 6.1.2).
 * Those that we do not know are passed over. */
static bool
read_options(struct query *q, const uint8_t *rdata, size_t len)
{
	struct rd rd;

	rd_init(&rd, rdata, len);
	while (rd.len > 0 && !rd.bad) {
		uint16_t code = rd_u16(&rd);
		uint16_t size = rd_u16(&rd);

		rd_skip(&rd, size);
		if (code == EDNS_OPTION_KEEPALIVE)
			q->keepalive = true;
	}
	return !rd.bad;
}

/* ttl of an OPT: extended rcode, version, flags. */
static enum query_kind
read_opt(struct query *q, const struct wire_rr *rr, const uint8_t *msg)
{
	if (q->edns || rr->owner.len != 1)
		return QUERY_FORMERR; /* two of them, or not at the root */
	q->edns = true;
	q->dnssec_ok = (rr->ttl & EDNS_DO) != 0;
	q->size = rr->class < 512 ? 512 : rr->class;
	if (!read_options(q, msg + rr->rdata, rr->rdlen))
		return QUERY_FORMERR;
	return (rr->ttl >> 16 & 0xff) != 0 ? QUERY_BADVERS : QUERY_GOOD;
}

/* What stands behind the question: only the additional section is expected. */
static enum query_kind
read_rest(struct query *q, const uint8_t *msg, size_t len, size_t off)
{
	unsigned int before =
	    (unsigned int)wire_u16(msg + ANCOUNT) + wire_u16(msg + NSCOUNT);
	unsigned int n = before + wire_u16(msg + ARCOUNT);
	enum query_kind kind = QUERY_GOOD, r;
	struct wire_rr rr;

	for (unsigned int i = 0; i < n; i++) {
		if (wire_rr_read(&rr, msg, len, &off) < 0)
			return QUERY_FORMERR;
		if (rr.type != TYPE_OPT)
			continue;
		r = i < before ? QUERY_FORMERR : read_opt(q, &rr, msg);
		if (r == QUERY_FORMERR)
			return r;
		if (r != QUERY_GOOD)
			kind = r;
	}
	return kind;
}

/* The name as it was sent and in lower case. Compression in the one question
 * can only point into the header: not taken. */
static bool
read_question(struct query *q, const uint8_t *msg, size_t len, size_t *off)
{
	size_t at = *off, n;

	do {
		if (at >= len || msg[at] > 63)
			return false;
		n = msg[at];
		if (at + n >= len || at + n + 1 - *off > NAME_WIRE_MAX)
			return false;
		at += n + 1;
	} while (n > 0);
	n = at - *off;
	if (at + 4 > len)
		return false;
	memcpy(q->asked, msg + *off, n);
	for (size_t i = 0; i < n; i++)
		q->qname.wire[i] = wire_lower(q->asked[i]);
	q->qname.len = (uint8_t)n;
	q->qtype = wire_u16(msg + at);
	q->qclass = wire_u16(msg + at + 2);
	*off = at + 4;
	return true;
}

enum query_kind
query_type_kind(uint16_t qtype)
{
	switch (qtype) {
	case TYPE_NONE:
	case TYPE_OPT:
		return QUERY_FORMERR;
	case TYPE_AXFR:
	case TYPE_IXFR:
	case TYPE_MAILA:
	case TYPE_MAILB:
		return QUERY_REFUSED;
	case TYPE_ANY:
		return QUERY_GOOD;
	default: /* TKEY, TSIG and other meta types ask for no data */
		return qtype >= TYPE_META_FIRST && qtype < TYPE_ANY
			   ? QUERY_REFUSED
			   : QUERY_GOOD;
	}
}

static enum query_kind
check_type(const struct query *q)
{
	enum query_kind kind = query_type_kind(q->qtype);

	return kind == QUERY_GOOD && q->qclass == 0 ? QUERY_FORMERR : kind;
}

/* Of what is refused for its header: what its OPT asks for, so that the answer
 * can say why. */
static void
look_for_opt(struct query *q, const uint8_t *msg, size_t len)
{
	size_t off = WIRE_HEADER;
	struct name name;

	for (unsigned int n = wire_u16(msg + QDCOUNT); n > 0; n--) {
		if (wire_name_read(&name, msg, len, &off, false) < 0 ||
		    len - off < 4)
			return;
		off += 4;
	}
	(void)read_rest(q, msg, len, off); /* its fault is no news */
}

enum query_kind
query_parse(struct query *ret, const uint8_t *msg, size_t len)
{
	size_t off = WIRE_HEADER;
	enum query_kind kind;

	if (len < WIRE_HEADER)
		return QUERY_IGNORED;
	ret->id = wire_u16(msg);
	ret->flags = wire_u16(msg + 2);
	ret->qname.len = 0;
	ret->edns = false;
	ret->dnssec_ok = false;
	ret->keepalive = false;
	ret->size = 512;
	if ((ret->flags & WIRE_QR) != 0)
		return QUERY_IGNORED;
	if ((ret->flags & WIRE_OPCODE) != 0) {
		look_for_opt(ret, msg, len);
		return QUERY_NOTIMP;
	}
	if (wire_u16(msg + QDCOUNT) != 1) {
		look_for_opt(ret, msg, len);
		return QUERY_FORMERR; /* RFC 9619 */
	}
	if (!read_question(ret, msg, len, &off)) {
		ret->qname.len = 0;
		return QUERY_FORMERR;
	}
	/* the usual: nothing behind it */
	if (wire_u32(msg + ANCOUNT) == 0 && wire_u16(msg + ARCOUNT) == 0)
		return check_type(ret);
	kind = read_rest(ret, msg, len, off);
	return kind != QUERY_GOOD ? kind : check_type(ret);
}
