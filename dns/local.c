#include "dns/local.h"

#include <string.h>

static void
put_soa(struct writer *w, const struct name *owner, uint32_t ttl)
{
	struct name primary = name_of("localhost");
	struct name mail = name_of("nobody.invalid");
	struct writer_rr rr = { owner, TYPE_SOA, CLASS_IN, ttl };
	size_t begun;

	begun = writer_rr_begin(w, &rr);
	writer_name(w, &primary, true);
	writer_name(w, &mail, true);
	writer_u32(w, 1); /* serial, refresh, retry, expire, minimum */
	writer_u32(w, 3600);
	writer_u32(w, 1200);
	writer_u32(w, 604800);
	writer_u32(w, ttl);
	writer_rr_end(w, begun);
}

static void
begin(struct writer *w, struct writer_space *space, const struct key *key)
{
	writer_begin(w, space, &key->name, key->type, key->class);
}

static void
finish(const struct writer *w, struct answer *ret, size_t n, uint32_t ttl)
{
	writer_answer(w, ret);
	ret->n_answer = (uint16_t)n;
	ret->n_authority = (uint16_t)(w->n_rrs - n);
	ret->ttl = ttl;
}

static bool
is_asked(const struct key *key, const struct addr *addr)
{
	return key->type == TYPE_ANY ||
	       key->type == (addr->family == ADDR_IP4 ? TYPE_A : TYPE_AAAA);
}

void
local_addresses(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct addr *addrs, size_t n, uint32_t ttl)
{
	struct writer w;

	begin(&w, space, key);
	for (size_t i = 0; i < n; i++) {
		struct writer_rr rr = { &key->name,
			addrs[i].family == ADDR_IP4 ? TYPE_A : TYPE_AAAA,
			CLASS_IN, ttl };
		size_t begun;

		if (!is_asked(key, &addrs[i]))
			continue;
		begun = writer_rr_begin(&w, &rr);
		writer_bytes(&w, addrs[i].bytes, addr_len(&addrs[i]));
		writer_rr_end(&w, begun);
	}
	if (w.n_rrs == 0)
		local_negative(ret, space, key, RCODE_NOERROR, ttl);
	else
		finish(&w, ret, w.n_rrs, ttl);
}

void
local_names(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct name *names, size_t n, uint32_t ttl)
{
	struct writer_rr rr = { &key->name, TYPE_PTR, CLASS_IN, ttl };
	struct writer w;
	size_t begun;

	if (n == 0 || (key->type != TYPE_PTR && key->type != TYPE_ANY)) {
		local_negative(ret, space, key, RCODE_NOERROR, ttl);
		return;
	}
	begin(&w, space, key);
	for (size_t i = 0; i < n; i++) {
		begun = writer_rr_begin(&w, &rr);
		writer_name(&w, &names[i], true);
		writer_rr_end(&w, begun);
	}
	finish(&w, ret, n, ttl);
}

void
local_negative(struct answer *ret, struct writer_space *space,
    const struct key *key, unsigned int rcode, uint32_t ttl)
{
	static const struct name root = { .len = 1, .wire = { 0 } };
	struct writer w;

	begin(&w, space, key);
	put_soa(&w, &root, ttl);
	finish(&w, ret, 0, ttl);
	ret->rcode = (uint8_t)rcode;
	ret->nodata = rcode == RCODE_NOERROR;
}

void
local_zone(struct answer *ret, struct writer_space *space,
    const struct key *key, uint32_t ttl)
{
	struct writer_rr rr = { &key->name, TYPE_NS, CLASS_IN, ttl };
	struct name host = name_of("localhost");
	struct writer w;
	size_t begun;

	if (key->type != TYPE_SOA && key->type != TYPE_NS) {
		local_negative(ret, space, key, RCODE_NOERROR, ttl);
		return;
	}
	begin(&w, space, key);
	if (key->type == TYPE_SOA) {
		put_soa(&w, &key->name, ttl);
	} else {
		begun = writer_rr_begin(&w, &rr);
		writer_name(&w, &host, true);
		writer_rr_end(&w, begun);
	}
	finish(&w, ret, 1, ttl);
}

void
local_below(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct answer *above, uint32_t age)
{
	size_t off = WIRE_HEADER;
	struct wire_rr rr;
	struct name question;
	struct writer w;

	begin(&w, space, key);
	/* what we wrote ourselves is sound */
	(void)wire_name_read(&question, above->wire, above->len, &off, true);
	off += 4;
	while (off < above->len &&
	       wire_rr_read(&rr, above->wire, above->len, &off) == 0) {
		struct writer_rr head = { &rr.owner, rr.type, rr.class,
			rr.ttl > age ? rr.ttl - age : 0 };
		size_t begun = writer_rr_begin(&w, &head);

		(void)writer_rdata(&w, above->wire, above->len, &rr);
		writer_rr_end(&w, begun);
	}
	finish(&w, ret, 0, 0);
	ret->rcode = RCODE_NXDOMAIN;
}

void
local_error(struct answer *ret, struct writer_space *space,
    const struct key *key, unsigned int rcode)
{
	struct writer w;

	begin(&w, space, key);
	finish(&w, ret, 0, 0);
	ret->rcode = (uint8_t)rcode;
}
