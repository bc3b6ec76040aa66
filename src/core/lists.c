#include "src/core/lists.h"

#include <errno.h>
#include <string.h>

#include "src/core/lists_own.h"

/* What is sought by patterns. */
struct seeking {
	const struct list_index *l;
	struct hostset_sought sought;
	struct hostset_match *match;
};

static void
take_pattern(void *arg, uint32_t entry, size_t len)
{
	struct seeking *s = arg;

	hostset_take(&s->l->names, &s->sought,
	    &(struct hostset_pattern){ entry, len }, s->match);
}

/* All that the list says of a name: the code of a name goes before that of a
 * pattern. */
static void
find(const struct list_index *l, const struct name *name, uint16_t qtype,
    struct hostset_match *ret)
{
	struct seeking seeking;

	seeking.l = l;
	seeking.match = ret;
	hostset_seek(&seeking.sought, name, qtype);
	hostset_find(&l->names, &seeking.sought, ret);
	if (l->patterns != NULL)
		patterns_find(l->patterns, name, take_pattern, &seeking);
}

static enum list_action
code_action(enum hostset_code code)
{
	switch (code) {
	case HOSTSET_NO_CODE:
		return LIST_BLOCK;
	case HOSTSET_NXDOMAIN:
		return LIST_NXDOMAIN;
	case HOSTSET_NODATA:
		return LIST_NODATA;
	case HOSTSET_DROP:
		return LIST_DROP;
	case HOSTSET_REFUSED:
		return LIST_REFUSED;
	case HOSTSET_LOCAL:
		return LIST_LOCAL;
	case HOSTSET_PASSTHRU:
	case HOSTSET_TCP_ONLY:
		return LIST_NONE;
	}
	return LIST_NONE; /* a damaged file may hold a number of no code */
}

static enum list_action
match_action(const struct hostset_match *m)
{
	/* 1. to 3. AdBlock's order: important exceptions, what is important,
	 * exceptions */
	if ((m->levels & HOSTSET_ALLOW_FIRST) != 0)
		return LIST_NONE;
	if ((m->levels & HOSTSET_BLOCK_FIRST) != 0)
		return LIST_BLOCK;
	if ((m->levels & HOSTSET_ALLOW) != 0)
		return LIST_NONE;
	/* 4. what an RPZ says, also that it says nothing (passthru) */
	if (m->code != HOSTSET_NO_CODE)
		return code_action(m->code);
	/* 5. all else */
	return (m->levels & HOSTSET_BLOCK) != 0 ? LIST_BLOCK : LIST_NONE;
}

/* A name that is to be looked up as what it is: "||example.com^" that leads to
 * safe.example.com means all but that one. */
static bool
leads_to_itself(const struct list_answer *said, const struct name *name)
{
	struct list_answer records = *said;
	struct list_rr first;
	struct name target;

	return list_answer_next(&records, &first) &&
	       list_rr_target(&target, &first, name) == 0 &&
	       name_equal(&target, name);
}

void
list_answer(struct list_answer *ret, const struct list_index *l,
    const struct name *name, uint16_t qtype)
{
	struct hostset_match match;

	memset(ret, 0, sizeof(*ret));
	if (l == NULL || l->names.n == 0)
		return;
	find(l, name, qtype, &match);
	ret->action = match_action(&match);
	if (ret->action != LIST_LOCAL)
		return;
	ret->at = match.records;
	ret->end = match.records_end;
	ret->below = match.below;
	if (!leads_to_itself(ret, name))
		return;
	memset(ret, 0, sizeof(*ret)); /* the other lines are left */
	if ((match.levels & HOSTSET_BLOCK) != 0)
		ret->action = LIST_BLOCK;
}

static enum list_action
name_action(const struct list_index *l, const struct name *name, uint16_t qtype)
{
	struct list_answer said;

	list_answer(&said, l, name, qtype);
	return said.action;
}

bool
list_has_name(
    const struct list_index *l, const struct name *name, uint16_t qtype)
{
	return name_action(l, name, qtype) != LIST_NONE;
}

bool
list_has_host(const struct list_index *l, const struct name *name)
{
	enum list_action action = name_action(l, name, 0);

	return action != LIST_NONE && action != LIST_LOCAL;
}

bool
list_has_addr(const struct list_index *l, const struct addr *addr)
{
	uint32_t what;

	return l != NULL && addrset_find(&l->addrs, addr, &what) &&
	       code_action((enum hostset_code)(what & HOSTSET_CODE)) !=
		   LIST_NONE;
}

bool
list_knows_types(const struct list_index *l)
{
	return l->names.n_more > 0 || l->patterns != NULL;
}

void
list_expect(const struct list_index *l, const struct name *name)
{
	if (l != NULL)
		hostset_expect(&l->names, name);
}

bool
list_may_answer(const struct list_index *l)
{
	static const uint32_t more =
	    1U << HOSTSET_NXDOMAIN | 1U << HOSTSET_NODATA | 1U << HOSTSET_DROP |
	    1U << HOSTSET_REFUSED | 1U << HOSTSET_LOCAL;

	/* what is said of addresses is not noted by itself */
	return l != NULL &&
	       ((l->header->codes & more) != 0 || list_n_addrs(l) > 0);
}

/* What is in doubt may have been denied for this list. */
static bool
find_any_addr(
    const struct list_index *l, const struct addr *addr, uint32_t *ret_what)
{
	struct addr far;

	return addrset_find(&l->addrs, addr, ret_what) ||
	       (addr_nat64(&far, addr) &&
		   addrset_find(&l->addrs, &far, ret_what));
}

void
list_answer_addr(struct list_answer *ret, const struct list_index *l,
    const struct addr *addr)
{
	uint32_t what, len;

	memset(ret, 0, sizeof(*ret));
	if (l == NULL || !find_any_addr(l, addr, &what))
		return;
	ret->action = code_action((enum hostset_code)(what & HOSTSET_CODE));
	if (ret->action != LIST_LOCAL)
		return;
	/* checked by addrset_is_sound() */
	ret->at = l->addr_records + (what >> ADDRSET_CODE_BITS);
	memcpy(&len, ret->at, sizeof(len));
	ret->at += sizeof(len);
	ret->end = ret->at + len;
}

bool
list_answer_next(struct list_answer *answer, struct list_rr *ret)
{
	uint8_t wanted = answer->below ? HOSTSET_RR_BELOW : HOSTSET_RR;
	struct hostset_record record;

	while (answer->at != answer->end) {
		const uint8_t *p = answer->at + sizeof(record);

		memcpy(&record, answer->at, sizeof(record));
		answer->at = p + record.len;
		if (record.kind != wanted)
			continue;
		memcpy(&ret->type, p, sizeof(ret->type));
		memcpy(&ret->ttl, p + 2, sizeof(ret->ttl));
		ret->len = (uint16_t)(record.len - 6);
		ret->rdata = p + 6;
		return true;
	}
	return false;
}

int
list_rr_target(
    struct name *ret, const struct list_rr *rr, const struct name *qname)
{
	static const uint8_t star[] = { 1, '*' };
	struct name target, whole;
	size_t rest;

	if (rr->type != 5 || name_from_wire(&target, rr->rdata, rr->len) < 0)
		return -EINVAL;
	if (memcmp(target.wire, star, sizeof(star)) != 0) {
		*ret = target;
		return 0;
	}
	rest = (size_t)target.len - sizeof(star);
	if ((size_t)qname->len - 1 + rest > NAME_WIRE_MAX)
		return -ENAMETOOLONG;
	memcpy(whole.wire, qname->wire, (size_t)qname->len - 1);
	memcpy(whole.wire + qname->len - 1, target.wire + sizeof(star), rest);
	whole.len = (uint8_t)((size_t)qname->len - 1 + rest);
	*ret = whole;
	return 0;
}

bool
list_wants_tcp(const struct list_index *l, const struct name *name)
{
	struct hostset_match match;

	if (l == NULL || (l->header->codes & 1U << HOSTSET_TCP_ONLY) == 0)
		return false;
	find(l, name, 0, &match);
	return match.code == HOSTSET_TCP_ONLY && match.levels == 0;
}
