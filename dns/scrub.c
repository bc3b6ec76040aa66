#include "dns/scrub.h"

#include <string.h>

#include "dns/addresses.h"

/* A chain that is longer is a loop, or nobody's good will: who looks up all of
 * it for us stops sooner, and who has all of its zones may have twenty. */
#define CHAIN_MAX 24
/* All records are looked at for each name of a chain: of the largest answer for
 * a few, of usual ones for all. */
#define LOOKS_MAX (3 * WRITER_RRS_MAX)
/* Of a host, and of a service: each of them is judged, and learnt; programs use
 * one or two. */
#define ADDRESSES_MAX 1024
#define HINTS_MAX 256
/* Names that an answer leads to beside its chain are judged, too: each CNAME of
 * that is made of one DNAME. */
#define TARGETS_MAX 16

struct scrubber {
	const uint8_t *msg;
	size_t len;
	const struct key *key;
	const struct scrub_opts *opts;
	struct writer w;
	struct name at;			      /* where the chain has come to */
	size_t answer, authority, additional; /* where the sections begin */
	unsigned int n_answer, n_authority, n_additional;
	uint32_t ttl;
	unsigned int n_data;	 /* records of the type asked */
	unsigned int n_stripped; /* private addresses taken out */
	unsigned int chain;
	unsigned int n_looks, n_addresses, n_hints, n_targets, n_left_out;
	uint8_t kept[WRITER_RRS_MAX / 8]; /* of the answer, by place */
};

bool
scrub_is_answer(
    const uint8_t *msg, size_t len, const struct key *key, const uint8_t *asked)
{
	size_t n = key->name.len, off = WIRE_HEADER;
	struct name name;

	if (len < WIRE_HEADER + n + 4 ||
	    (wire_u16(msg + 2) & (WIRE_QR | WIRE_OPCODE)) != WIRE_QR ||
	    wire_u16(msg + 4) != 1)
		return false;
	if (wire_name_read(&name, msg, len, &off, asked == NULL) < 0 ||
	    off + 4 > len || name.len != n)
		return false;
	return memcmp(name.wire, asked != NULL ? asked : key->name.wire, n) ==
		   0 &&
	       wire_u16(msg + off) == key->type &&
	       wire_u16(msg + off + 2) == key->class;
}

/* One that is malformed gives no address (RFC 9460: hints are addresses). */
static bool
is_rebinding(const struct scrubber *s, const struct wire_rr *rr)
{
	struct addresses addresses;
	struct addr addr;

	(void)addresses_read(
	    &addresses, rr->type, s->msg + rr->rdata, rr->rdlen);
	while (addresses_next(&addresses, &addr))
		if (scrub_takes_out(s->opts, &addr))
			return true;
	return false;
}

/* With this record there are more addresses, or names that it leads to, than an
 * answer may have. */
static bool
is_too_much(struct scrubber *s, const struct wire_rr *rr, bool data)
{
	struct addresses addresses;
	unsigned int n;

	if (rr->type == TYPE_DNAME || (data && rr->type == TYPE_CNAME))
		return ++s->n_targets > TARGETS_MAX;
	if (!data)
		return false;
	if (rr->type == TYPE_A || rr->type == TYPE_AAAA)
		return ++s->n_addresses > ADDRESSES_MAX;
	if (!addresses_is_service(rr->type))
		return false;
	(void)addresses_read(
	    &addresses, rr->type, s->msg + rr->rdata, rr->rdlen);
	n = (unsigned int)(addresses.four.len / 4 + addresses.six.len / 16);
	s->n_hints += n > 0 ? n : 1; /* it has a name in any case */
	return s->n_hints > HINTS_MAX;
}

/* Types whose RDATA has one size, and those that hold addresses. */
static bool
is_sound(const struct scrubber *s, const struct wire_rr *rr)
{
	struct addresses addresses;

	switch (rr->type) {
	case TYPE_A:
		return rr->rdlen == 4 || rr->class != CLASS_IN;
	case TYPE_AAAA:
		return rr->rdlen == 16 || rr->class != CLASS_IN;
	case TYPE_SOA:
		return rr->rdlen >= 22;
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return rr->class != CLASS_IN ||
		       addresses_read(
			   &addresses, rr->type, s->msg + rr->rdata, rr->rdlen);
	case TYPE_OPT:
		return false;
	default:
		return true;
	}
}

/* RFC 2181 section 8: with the top bit set it is 0. */
static uint32_t
ttl_of(const struct scrubber *s, uint32_t ttl)
{
	if (ttl > INT32_MAX)
		return 0;
	if (ttl < s->opts->ttl_min)
		return s->opts->ttl_min;
	return ttl < s->opts->ttl_max ? ttl : s->opts->ttl_max;
}

static bool
written(struct scrubber *s, size_t begun, uint32_t ttl)
{
	writer_rr_end(&s->w, begun);
	if (ttl < s->ttl)
		s->ttl = ttl;
	return !s->w.bad;
}

/* Writes a record with this TTL. */
static bool
keep(struct scrubber *s, const struct wire_rr *rr, uint32_t ttl)
{
	struct writer_rr head = { &rr->owner, rr->type, rr->class, ttl };
	size_t begun = writer_rr_begin(&s->w, &head);

	return writer_rdata(&s->w, s->msg, s->len, rr) == 0 &&
	       written(s, begun, ttl);
}

/* Above a name stands the DNAME that its CNAME was made of (RFC 6672), and for
 * those who asked for it what signs that: the CNAME has no signature. */
static bool
is_of_dname(const struct scrubber *s, const struct wire_rr *rr)
{
	if (rr->type == TYPE_DNAME)
		return true;
	return rr->type == TYPE_RRSIG && s->key->type != TYPE_RRSIG &&
	       (s->key->flags & KEY_DO) != 0 && rr->rdlen >= 2 &&
	       wire_u16(s->msg + rr->rdata) == TYPE_DNAME;
}

/* Whether a record of the section's belongs to the name that the chain has
 * come to. */
static bool
is_wanted(const struct scrubber *s, const struct wire_rr *rr, bool *ret_data)
{
	uint16_t type = rr->type;

	*ret_data = false;
	if (rr->class != s->key->class || !is_sound(s, rr))
		return false;
	if (!name_equal(&rr->owner, &s->at))
		return name_in(&s->at, &rr->owner) && is_of_dname(s, rr);
	if (type == TYPE_RRSIG && s->key->type != TYPE_RRSIG)
		return (s->key->flags & KEY_DO) != 0;
	*ret_data = type == s->key->type || s->key->type == TYPE_ANY;
	return *ret_data || type == TYPE_CNAME;
}

/* The DNAME above the name; of several the nearest. */
static void
note_dname(
    const struct scrubber *s, struct wire_rr *nearest, const struct wire_rr *rr)
{
	if (rr->type == TYPE_DNAME && rr->owner.len < s->at.len &&
	    rr->owner.len > nearest->owner.len)
		*nearest = *rr;
}

/* The CNAME that a DNAME above the name stands for (RFC 6672 section 3.1),
 * where the server has not made it: programs follow nothing else. None where
 * the name would be too long. */
static bool
make_alias(struct scrubber *s, const struct wire_rr *dname, struct name *ret)
{
	uint32_t ttl = ttl_of(s, dname->ttl);
	struct writer_rr head = { &s->at, TYPE_CNAME, dname->class, ttl };
	size_t off = dname->rdata, front = s->at.len - dname->owner.len, begun;
	struct name below, made;

	if (wire_name_read(&below, s->msg, s->len, &off, true) < 0)
		return false;
	if (front + below.len > NAME_WIRE_MAX)
		return true;
	memcpy(made.wire, s->at.wire, front);
	memcpy(made.wire + front, below.wire, below.len);
	made.len = (uint8_t)(front + below.len);
	begun = writer_rr_begin(&s->w, &head);
	writer_name(&s->w, &made, true);
	if (s->key->type == TYPE_CNAME || s->key->type == TYPE_ANY)
		s->n_data++;
	else
		*ret = made;
	return written(s, begun, ttl);
}

static bool
is_kept(const struct scrubber *s, unsigned int i)
{
	return i < WRITER_RRS_MAX && (s->kept[i / 8] & 1U << i % 8) != 0;
}

/* All records of the answer that are of the name `at`; *ret_next is the CNAME's
 * target (len 0: none). */
static bool
pass_chain(struct scrubber *s, struct name *ret_next)
{
	size_t off = s->answer;
	struct wire_rr rr, dname;
	bool data;

	ret_next->len = dname.owner.len = 0;
	s->n_looks += s->n_answer;
	if (s->n_looks > LOOKS_MAX)
		return false;
	for (unsigned int i = 0; i < s->n_answer; i++) {
		if (wire_rr_read(&rr, s->msg, s->len, &off) < 0)
			return false;
		if (!is_wanted(s, &rr, &data))
			continue;
		note_dname(s, &dname, &rr);
		if (is_kept(s, i)) {
			if (rr.type == TYPE_CNAME)
				return false; /* in circles */
			continue;	      /* a DNAME above both ends */
		}
		if (data && is_rebinding(s, &rr)) {
			s->n_stripped++;
			continue;
		}
		if (is_too_much(s, &rr, data)) {
			s->n_left_out++;
			continue;
		}
		if (rr.type == TYPE_CNAME && !data) {
			size_t at = rr.rdata;

			if (ret_next->len > 0)
				continue; /* two of them: the first */
			if (wire_name_read(
				ret_next, s->msg, s->len, &at, true) < 0)
				return false;
		}
		if (i >= WRITER_RRS_MAX || !keep(s, &rr, ttl_of(s, rr.ttl)))
			return false;
		s->kept[i / 8] |= (uint8_t)(1U << i % 8);
		s->n_data += data;
	}
	return ret_next->len > 0 || s->n_data > 0 || dname.owner.len == 0 ||
	       make_alias(s, &dname, ret_next);
}

static bool
keep_answers(struct scrubber *s)
{
	struct name next;

	s->at = s->key->name;
	for (;;) {
		if (!pass_chain(s, &next))
			return false;
		if (next.len == 0 || s->n_data > 0)
			return true;
		if (++s->chain > CHAIN_MAX)
			return false;
		s->at = next;
	}
}

/* RFC 2308 section 5: an answer that there is nothing lives as long as the
 * lesser of the SOA's TTL and its last field. */
static uint32_t
negative_ttl(const struct scrubber *s, const struct wire_rr *rr)
{
	uint32_t minimum = wire_u32(s->msg + rr->rdata + rr->rdlen - 4);
	uint32_t ttl = rr->ttl > INT32_MAX ? 0 : rr->ttl;

	if (minimum > INT32_MAX)
		minimum = 0;
	ttl = ttl_of(s, minimum < ttl ? minimum : ttl);
	return ttl < s->opts->negative_max ? ttl : s->opts->negative_max;
}

static bool
is_proof(uint16_t type)
{
	return type == TYPE_RRSIG || type == 47 || type == 50; /* NSEC(3) */
}

/* Of the authority section: the SOA of a negative answer, and for those who
 * asked for it what proves it. *ret_referral: it points to other servers. */
static bool
keep_authority(
    struct scrubber *s, bool negative, bool *ret_soa, bool *ret_referral)
{
	size_t off = s->authority;
	struct wire_rr rr;

	for (unsigned int i = 0; i < s->n_authority; i++) {
		uint32_t ttl;

		if (wire_rr_read(&rr, s->msg, s->len, &off) < 0)
			return false;
		if (rr.class != s->key->class || !is_sound(s, &rr))
			continue;
		if (rr.type == TYPE_NS)
			*ret_referral = true;
		ttl = ttl_of(s, rr.ttl);
		if (negative && rr.type == TYPE_SOA && !*ret_soa &&
		    name_in(&s->at, &rr.owner)) {
			*ret_soa = true;
			ttl = negative_ttl(s, &rr);
		} else if ((s->key->flags & KEY_DO) == 0 || !is_proof(rr.type))
			continue;
		if (!keep(s, &rr, ttl))
			return false;
	}
	return true;
}

bool
scrub_ede(const uint8_t *options, size_t len, int16_t *ret,
    char text[ANSWER_EDE_MAX + 1])
{
	struct rd rd;

	rd_init(&rd, options, len);
	while (rd.len > 0 && !rd.bad) {
		uint16_t code = rd_u16(&rd);
		uint16_t size = rd_u16(&rd);
		const uint8_t *value = rd_bytes(&rd, size);
		size_t n;

		if (value == NULL || code != EDNS_OPTION_EDE || size < 2)
			continue;
		n = size - 2U < ANSWER_EDE_MAX ? size - 2U : ANSWER_EDE_MAX;
		*ret = (int16_t)wire_u16(value);
		memcpy(text, value + 2, n);
		text[n] = '\0';
		return true;
	}
	return false;
}

/* Finds the sections; rcode with its upper bits, and EDE, are in the OPT. */
static bool
find_sections(struct scrubber *s, struct answer *ret, char *ede_text)
{
	size_t off = WIRE_HEADER;
	struct name name;
	struct wire_rr rr;

	if (wire_name_read(&name, s->msg, s->len, &off, false) < 0)
		return false;
	off += 4;
	s->n_answer = wire_u16(s->msg + 6);
	s->n_authority = wire_u16(s->msg + 8);
	s->n_additional = wire_u16(s->msg + 10);
	s->answer = off;
	for (unsigned int i = 0; i < s->n_answer; i++)
		if (wire_rr_read(&rr, s->msg, s->len, &off) < 0)
			return false;
	s->authority = off;
	for (unsigned int i = 0; i < s->n_authority; i++)
		if (wire_rr_read(&rr, s->msg, s->len, &off) < 0)
			return false;
	s->additional = off;
	for (unsigned int i = 0; i < s->n_additional; i++) {
		if (wire_rr_read(&rr, s->msg, s->len, &off) < 0)
			return false;
		if (rr.type != TYPE_OPT || rr.owner.len != 1)
			continue;
		if (rr.ttl >> 24 != 0) /* BADVERS and worse */
			ret->rcode = RCODE_SERVFAIL;
		(void)scrub_ede(s->msg + rr.rdata, rr.rdlen, &ret->ede,
		    ede_text); /* or none */
	}
	return true;
}

static void
finish(struct scrubber *s, struct answer *ret, bool negative, bool soa)
{
	ret->nodata = negative && ret->rcode == RCODE_NOERROR;
	/* what lies below a name that is not there is not there (RFC 8020);
	 * where it has records all the same, the server does not mean it */
	ret->cut = ret->rcode == RCODE_NXDOMAIN && s->chain == 0 && negative;
	ret->ttl = negative && !soa ? 0 : s->ttl;
	ret->shortened = s->n_left_out > 0;
	if (ret->shortened && ret->ede == EDE_NONE) {
		ret->ede = EDE_OTHER;
		ret->ede_text = "shortened: it has too many addresses";
	}
	if (s->n_stripped > 0) {
		ret->nodata = s->n_data == 0;
		if (ret->nodata)
			ret->ttl = s->opts->negative_max < 60
				       ? s->opts->negative_max
				       : 60;
		ret->ede = EDE_FILTERED;
		ret->ede_text = "private address (rebinding protection)";
	}
}

enum scrub_result
scrub(struct answer *ret, struct writer_space *space, const uint8_t *msg,
    size_t len, const struct key *key, const struct scrub_opts *opts)
{
	struct scrubber s = { .msg = msg,
		.len = len,
		.key = key,
		.opts = opts,
		.ttl = UINT32_MAX };
	char *text = (char *)space->ede_text;
	bool negative, soa = false, referral = false;
	struct answer got = { .ede = EDE_NONE };

	text[0] = '\0';
	got.rcode = (uint8_t)(wire_u16(msg + 2) & WIRE_RCODE);
	if (!find_sections(&s, &got, text))
		return SCRUB_BROKEN;
	writer_begin(&s.w, space, &key->name, key->type, key->class);
	if (got.rcode != RCODE_NOERROR && got.rcode != RCODE_NXDOMAIN) {
		writer_answer(&s.w, ret);
		ret->rcode = got.rcode;
		ret->ede = got.ede;
		ret->ede_text = text;
		return SCRUB_ERROR;
	}
	if (!keep_answers(&s))
		return SCRUB_BROKEN;
	negative = s.n_data == 0;
	got.n_answer = (uint16_t)s.w.n_rrs;
	if (!keep_authority(&s, negative, &soa, &referral) || s.w.bad)
		return SCRUB_BROKEN;
	/* neither data nor a word that there is none: it can't resolve */
	if (negative && !soa && referral && s.chain == 0 &&
	    got.rcode == RCODE_NOERROR && s.n_stripped == 0)
		return SCRUB_BROKEN;
	writer_answer(&s.w, ret);
	ret->rcode = got.rcode;
	ret->n_answer = got.n_answer;
	ret->n_authority = (uint16_t)(s.w.n_rrs - got.n_answer);
	ret->secure = (wire_u16(msg + 2) & WIRE_AD) != 0 && s.n_stripped == 0 &&
		      s.n_left_out == 0;
	ret->ede = got.ede;
	ret->ede_text = text;
	finish(&s, ret, negative, soa);
	return SCRUB_GOOD;
}
