#include "dns/listed.h"

#include <string.h>

#include "dns/addresses.h"
#include "dns/local.h"

/* The records of the type; NODATA where there are none of it. Either is an
 * answer of the list's own. */
static void
put_records(struct answer *ret, struct writer_space *space,
    const struct key *key, struct list_answer *said)
{
	uint32_t least = UINT32_MAX;
	struct list_rr record;
	struct writer w;

	writer_begin(&w, space, &key->name, key->type, key->class);
	while (list_answer_next(said, &record)) {
		struct writer_rr rr = { &key->name, record.type, CLASS_IN,
			record.ttl };
		size_t begun;

		if (key->type != record.type && key->type != TYPE_ANY)
			continue;
		begun = writer_rr_begin(&w, &rr);
		writer_bytes(&w, record.rdata, record.len);
		writer_rr_end(&w, begun);
		if (record.ttl < least)
			least = record.ttl;
	}
	if (w.n_rrs == 0 || w.bad) {
		local_negative(ret, space, key, RCODE_NOERROR, LISTED_TTL);
	} else {
		writer_answer(&w, ret);
		ret->n_answer = (uint16_t)w.n_rrs;
		ret->ttl = least;
	}
	ret->ede = EDE_FORGED;
}

/* What the list says of the first alias or address of the answer that it has:
 * in the order in which the rules were asked. */
static void
ask_found(struct list_answer *ret, const struct list_index *l,
    const struct answer *found, uint16_t qtype)
{
	struct addresses addresses;
	struct name target;
	struct addr addr;

	for (unsigned int i = 0;
	     i < found->n_answer && ret->action == LIST_NONE; i++) {
		if (addresses_target(&target, found, i))
			list_answer(ret, l, &target, qtype);
		addresses_of(&addresses, found, i);
		while (ret->action == LIST_NONE &&
		       addresses_next(&addresses, &addr))
			list_answer_addr(ret, l, &addr);
	}
}

/* Another name in place of records: who asked can't look that up. */
static bool
is_alias(struct list_answer said, const struct key *key)
{
	struct list_rr record;

	return said.action == LIST_LOCAL && key->type != TYPE_CNAME &&
	       key->type != TYPE_ANY && list_answer_next(&said, &record) &&
	       record.type == TYPE_CNAME;
}

bool
listed_answer(struct answer *ret, struct writer_space *space,
    const struct list_index *l, const struct key *key,
    const struct answer *found, bool *ret_silent)
{
	struct list_answer said;

	*ret_silent = false;
	if (!list_may_answer(l))
		return false;
	list_answer(&said, l, &key->name, key->type);
	if (said.action == LIST_NONE && found != NULL) {
		ask_found(&said, l, found, key->type);
		if (is_alias(said, key))
			return false;
	}
	switch (said.action) {
	case LIST_NONE:
	case LIST_BLOCK:
		return false;
	case LIST_NXDOMAIN:
		local_negative(ret, space, key, RCODE_NXDOMAIN, LISTED_TTL);
		return true;
	case LIST_NODATA:
		local_negative(ret, space, key, RCODE_NOERROR, LISTED_TTL);
		return true;
	case LIST_REFUSED:
		local_error(ret, space, key, RCODE_REFUSED);
		return true;
	case LIST_DROP:
		*ret_silent = true;
		return true;
	case LIST_LOCAL:
		put_records(ret, space, key, &said);
		return true;
	}
	return false; /* no other action is said */
}

bool
listed_target(struct name *ret, const struct list_index *l,
    const struct name *name, uint16_t qtype)
{
	struct list_answer said;
	struct list_rr record;

	if (!list_may_answer(l))
		return false;
	list_answer(&said, l, name, qtype);
	return said.action == LIST_LOCAL && list_answer_next(&said, &record) &&
	       list_rr_target(ret, &record, name) == 0;
}

void
listed_alias(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct name *target,
    const struct answer *found)
{
	struct writer_rr alias = { &key->name, TYPE_CNAME, CLASS_IN,
		LISTED_TTL };
	size_t off = WIRE_HEADER, begun;
	struct name question;
	struct wire_rr rr;
	struct writer w;

	writer_begin(&w, space, &key->name, key->type, key->class);
	begun = writer_rr_begin(&w, &alias);
	writer_name(&w, target, true);
	writer_rr_end(&w, begun);
	/* an answer that is kept is sound */
	(void)wire_name_read(&question, found->wire, found->len, &off, true);
	off += 4;
	for (unsigned int i = 0;
	     i < (unsigned int)found->n_answer + found->n_authority &&
	     wire_rr_read(&rr, found->wire, found->len, &off) == 0;
	     i++) {
		struct writer_rr head = { &rr.owner, rr.type, rr.class,
			rr.ttl };

		begun = writer_rr_begin(&w, &head);
		(void)writer_rdata(&w, found->wire, found->len, &rr);
		writer_rr_end(&w, begun);
	}
	if (w.bad) { /* all that a message holds was there without the alias */
		local_error(ret, space, key, RCODE_SERVFAIL);
		return;
	}
	writer_answer(&w, ret);
	ret->n_answer = (uint16_t)(1 + found->n_answer);
	ret->n_authority = found->n_authority;
	ret->rcode = found->rcode;
	ret->nodata = found->nodata;
	ret->ttl = LISTED_TTL;
	ret->ede = found->ede;
	ret->ede_text = found->ede_text;
}
