#include "src/core/policy_within.h"

#include <string.h>

#include "src/core/glob.h"

/* What the scopes are made of, and what the internet is not; bit 0 is of no
 * scope. The numbers that addr_is_lan() and its like know. */
static const struct {
	unsigned int scope;
	struct prefix prefix;
} blocks[] = {
#define IP4(scope, a, b, len)                                                  \
	{                                                                      \
		scope,                                                         \
		{                                                              \
			{ ADDR_IP4, { a, b } }, len                            \
		}                                                              \
	}
#define IP6(scope, a, b, len)                                                  \
	{                                                                      \
		scope,                                                         \
		{                                                              \
			{ ADDR_IP6, { a, b } }, len                            \
		}                                                              \
	}
	IP4(SCOPE_LAN, 10, 0, 8),
	IP4(SCOPE_LAN, 100, 64, 10),
	IP4(SCOPE_LAN, 169, 254, 16),
	IP4(SCOPE_LAN, 172, 16, 12),
	IP4(SCOPE_LAN, 192, 168, 16),
	IP6(SCOPE_LAN, 0xfc, 0, 7),
	IP6(SCOPE_LAN, 0xfe, 0x80, 10),
	IP4(SCOPE_LOOPBACK, 127, 0, 8),
	IP4(SCOPE_MULTICAST, 224, 0, 4),
	IP6(SCOPE_MULTICAST, 0xff, 0, 8),
	IP4(0, 0, 0, 8),
	IP4(0, 240, 0, 4),
	IP6(0, 0, 0, 127), /* :: and ::1 */
	/* NAT64: some of it is in doubt, see addr_set_match() */
	{ 0, { { ADDR_IP6, { 0, 0x64, 0xff, 0x9b } }, 96 } },
#undef IP4
#undef IP6
};

static bool
in_scopes(const struct addr_range *r, unsigned int scopes)
{
	const struct addr_set set = { scopes, NULL, 0 };
	bool internet =
	    (scopes & SCOPE_INTERNET) != 0 && addr_is_internet(&r->lo);

	if (addr_equal(&r->lo, &r->hi))
		return addr_set_match(&set, &r->lo, false) == MATCH_YES;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct addr_range block = prefix_range(&blocks[i].prefix);
		bool lo = addr_range_contains(&block, &r->lo);
		bool hi = addr_range_contains(&block, &r->hi);

		if ((scopes & blocks[i].scope) != 0 && lo && hi)
			return true;
		/* it begins in the internet: what is not of it comes later */
		if (hi || addr_range_contains(r, &block.lo))
			internet = false;
	}
	return internet;
}

bool
policy_range_within(const struct addr_range *r, const struct addr_set *set)
{
	for (size_t i = 0; i < set->n_ranges; i++)
		if (addr_range_contains(&set->ranges[i], &r->lo) &&
		    addr_range_contains(&set->ranges[i], &r->hi))
			return true;
	return set->scopes != 0 && in_scopes(r, set->scopes);
}

bool
policy_is_to_any(const struct policy_match *m)
{
	return set_kind_of(m->field) == SET_ENDS && !m->negated &&
	       m->ports.n == 0 &&
	       (m->all_addrs || (m->addrs.scopes & SCOPE_ANY) != 0);
}

bool
policy_addrs_within(const struct policy_match *a, const struct policy_match *b)
{
	if (b->all_addrs || (b->addrs.scopes & SCOPE_ANY) != 0)
		return true;
	if (a->all_addrs || (a->addrs.scopes & ~b->addrs.scopes) != 0)
		return false;
	for (size_t i = 0; i < a->addrs.n_ranges; i++)
		if (!policy_range_within(&a->addrs.ranges[i], &b->addrs))
			return false;
	return true;
}

bool
policy_ports_within(const struct port_set *a, const struct port_set *b)
{
	if (b->n == 0)
		return true;
	for (size_t i = 0; i < a->n; i++) {
		bool found = false;

		for (size_t j = 0; !found && j < b->n; j++)
			found = b->ranges[j].lo <= a->ranges[i].lo &&
				a->ranges[i].hi <= b->ranges[j].hi;
		if (!found)
			return false;
	}
	return a->n > 0;
}

static bool
ids_within(const struct id_set *a, const struct id_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!id_set_has(b, a->ids[i]))
			return false;
	return true;
}

/* The same, or b is the beginning of a with ** behind it. */
static bool
glob_within(const char *a, const char *b)
{
	char fixed[GLOB_MAX + 1], head[GLOB_MAX + 1];
	size_t len = strlen(b), at;

	if (strcmp(a, b) == 0)
		return true;
	if (len < 2 || len > GLOB_MAX || strcmp(b + len - 2, "**") != 0)
		return false;
	memcpy(fixed, b, len - 2);
	fixed[len - 2] = '\0';
	if (glob_check(fixed, &at) < 0 || !glob_literal(fixed, fixed))
		return false;
	len = strlen(fixed);
	return glob_prefix(a, head, len) == len &&
	       memcmp(head, fixed, len) == 0;
}

static bool
texts_within(const struct text_set *a, const struct text_set *b)
{
	for (size_t i = 0; i < a->n_literals; i++)
		if (!text_set_has(b, a->literals[i].s, a->literals[i].len))
			return false;
	for (size_t i = 0; i < a->n_globs; i++) {
		bool found = false;

		for (size_t j = 0; !found && j < b->n_globs; j++)
			found = glob_within(a->globs[i], b->globs[j]);
		if (!found)
			return false;
	}
	return true;
}

static bool
domains_within(const struct domain_set *a, const struct domain_set *b)
{
	struct domain_set whole = *b, below = *b;
	struct name name;

	/* a name below x is below all that x is below */
	below.whole = b->below;
	below.n_whole = b->n_below;
	for (size_t i = 0; i < a->n_whole; i++) {
		name.len = (uint8_t)a->whole[i].len;
		memcpy(name.wire, a->whole[i].s, name.len);
		if (!domain_set_has(&whole, &name))
			return false;
	}
	for (size_t i = 0; i < a->n_below; i++) {
		name.len = (uint8_t)a->below[i].len;
		memcpy(name.wire, a->below[i].s, name.len);
		if (!domain_set_has(&below, &name))
			return false;
	}
	return true;
}

static bool
lists_within(const struct list_set *a, const struct list_set *b)
{
	for (size_t i = 0; i < a->n; i++) {
		struct id_set lists = { b->lists, b->n };

		if (!id_set_has(&lists, a->lists[i]))
			return false;
	}
	return true;
}

static bool
ids_apart(const struct id_set *a, const struct id_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (id_set_has(b, a->ids[i]))
			return false;
	return a->n > 0; /* whom nobody is may come */
}

bool
policy_apart(const struct policy_match *a, const struct policy_match *b)
{
	switch (set_kind_of(a->field)) {
	case SET_IDS:
		return ids_apart(&a->ids, &b->ids);
	case SET_PROCESSES:
		return (a->processes & b->processes) == 0;
	case SET_ENDS:
	case SET_TEXTS:
	case SET_DOMAINS:
	case SET_LISTS:
		return false;
	}
	__builtin_trap();
}

bool
policy_within(const struct policy_match *a, const struct policy_match *b)
{
	switch (set_kind_of(a->field)) {
	case SET_ENDS:
		return policy_addrs_within(a, b) &&
		       policy_ports_within(&a->ports, &b->ports);
	case SET_IDS:
		return ids_within(&a->ids, &b->ids);
	case SET_TEXTS:
		return texts_within(&a->texts, &b->texts);
	case SET_PROCESSES:
		return (a->processes & ~b->processes) == 0;
	case SET_DOMAINS:
		return domains_within(&a->domains, &b->domains);
	case SET_LISTS:
		return lists_within(&a->lists, &b->lists);
	}
	__builtin_trap();
}
