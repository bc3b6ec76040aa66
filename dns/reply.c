#include "dns/answer.h"

#include <string.h>

/* Sections behind the question. */
struct counts {
	unsigned int answer, authority, additional;
};

uint16_t
answer_type(const struct answer *a, unsigned int i)
{
	return wire_u16(a->wire + a->ttls[i] - 4);
}

/* Option with its header; returns what was written. */
static size_t
put_ede(uint8_t *p, int ede, const char *text, size_t room)
{
	size_t n = strlen(text);

	if (n > ANSWER_EDE_MAX)
		n = ANSWER_EDE_MAX;
	if (6 + n > room)
		n = 0; /* the code alone says enough */
	if (ede == EDE_NONE || room < 6)
		return 0;
	wire_put16(p, EDNS_OPTION_EDE);
	wire_put16(p + 2, (unsigned int)(2 + n));
	wire_put16(p + 4, (unsigned int)ede);
	memcpy(p + 6, text, n);
	return 6 + n;
}

/* OPT (RFC 6891): our size, DO as it came, nothing of the client's options. */
static size_t
put_opt(uint8_t *p, const struct query *q, unsigned int rcode,
    const struct reply_opts *opts, size_t room)
{
	size_t n = WIRE_OPT_SIZE;

	if (!q->edns || room < WIRE_OPT_SIZE)
		return 0;
	memset(p, 0, WIRE_OPT_SIZE);
	p[2] = TYPE_OPT;
	wire_put16(p + 3, QUERY_UDP_MAX);
	p[5] = (uint8_t)(rcode >> 4);
	if (q->dnssec_ok)
		p[7] = EDNS_DO >> 8;
	if (opts->tcp && q->keepalive && room >= n + 6) {
		wire_put16(p + n, EDNS_OPTION_KEEPALIVE);
		wire_put16(p + n + 2, 2);
		wire_put16(p + n + 4, REPLY_KEEPALIVE);
		n += 6;
	}
	n += put_ede(p + n, opts->ede,
	    opts->ede_text != NULL ? opts->ede_text : "", room - n);
	wire_put16(p + 9, (unsigned int)(n - WIRE_OPT_SIZE));
	return n;
}

static void
put_header(uint8_t *out, const struct query *q, unsigned int rcode,
    unsigned int flags, const struct counts *counts)
{
	/* RA and CD are of queries: another opcode's bits may mean anything */
	flags |= WIRE_QR | (q->flags & WIRE_RD) | (rcode & WIRE_RCODE);
	if ((q->flags & WIRE_OPCODE) == 0)
		flags |= WIRE_RA | (q->flags & WIRE_CD);
	wire_put16(out, q->id);
	wire_put16(out + 2, flags);
	wire_put16(out + 6, counts->answer);
	wire_put16(out + 8, counts->authority);
	wire_put16(out + 10, counts->additional);
}

/* Where the record ends whose TTL stands at off. */
static size_t
rr_end(const struct answer *a, size_t off)
{
	return off + 6 + wire_u16(a->wire + off + 4);
}

/* How many records fit into room, whole; *ret_len is where they end. */
static unsigned int
fitting(const struct answer *a, size_t head, size_t room, size_t *ret_len)
{
	unsigned int n = a->n_rrs;

	*ret_len = a->len;
	while (n > 0 && *ret_len > room) {
		n--;
		*ret_len = n > 0 ? rr_end(a, a->ttls[n - 1]) : head;
	}
	return n;
}

static void
count_down(uint8_t *out, const struct answer *a, unsigned int n,
    const struct reply_opts *opts)
{
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *ttl = out + a->ttls[i];
		uint32_t had = wire_u32(ttl);

		wire_put32(ttl, opts->stale	  ? REPLY_STALE_TTL
				: had > opts->age ? had - opts->age
						  : 0);
	}
}

size_t
reply_build(uint8_t *out, const struct answer *a, const struct query *q,
    const struct reply_opts *opts)
{
	struct reply_opts with = *opts;
	size_t head = WIRE_HEADER + q->qname.len + 4, len = a->len, opt, want;
	unsigned int n = a->n_rrs, flags = 0;
	struct counts counts;

	if (with.ede == EDE_NONE) {
		with.ede = a->ede;
		with.ede_text = a->ede_text;
	}
	/* by TCP there is no other way to have more: what is so long that an
	 * OPT does not fit beside it goes without */
	want = q->edns && !opts->tcp ? WIRE_OPT_SIZE : 0;
	if (len + want > opts->limit)
		n = fitting(a, head, opts->limit - want, &len);
	if (n < (unsigned int)a->n_answer + a->n_authority)
		flags |= WIRE_TC;
	if (a->secure && (q->dnssec_ok || (q->flags & WIRE_AD) != 0) &&
	    (q->flags & WIRE_CD) == 0)
		flags |= WIRE_AD; /* RFC 6840 5.8 */
	memcpy(out + WIRE_HEADER, a->wire + WIRE_HEADER, len - WIRE_HEADER);
	memcpy(out + WIRE_HEADER, q->asked, q->qname.len);
	/* one NXDOMAIN is for all types */
	wire_put16(out + head - 4, q->qtype);
	if (opts->age > 0 || opts->stale)
		count_down(out, a, n, opts);
	opt = put_opt(out + len, q, a->rcode, &with, opts->limit - len);
	counts.answer = n < a->n_answer ? n : a->n_answer;
	n -= counts.answer;
	counts.authority = n < a->n_authority ? n : a->n_authority;
	counts.additional = n - counts.authority + (opt > 0);
	wire_put16(out + 4, 1);
	put_header(out, q, a->rcode, flags, &counts);
	return len + opt;
}

size_t
reply_error(uint8_t *out, const struct query *q, unsigned int rcode,
    const struct reply_opts *opts)
{
	size_t len = WIRE_HEADER, opt;
	struct counts counts = { 0 };

	wire_put16(out + 4, q->qname.len > 0);
	if (q->qname.len > 0) {
		memcpy(out + len, q->asked, q->qname.len);
		len += q->qname.len;
		wire_put16(out + len, q->qtype);
		wire_put16(out + len + 2, q->qclass);
		len += 4;
	}
	opt = put_opt(out + len, q, rcode, opts, opts->limit - len);
	counts.additional = opt > 0;
	/* the opcode of what we do not implement is repeated (RFC 1035 4.1.1)
	 */
	put_header(out, q, rcode, q->flags & WIRE_OPCODE, &counts);
	return len + opt;
}
