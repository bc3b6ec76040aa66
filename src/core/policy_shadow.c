#include "src/core/policy_shadow.h"

#include <stdlib.h>
#include <string.h>

#include "src/core/policy_own.h"
#include "src/core/policy_within.h"

/* One for each field, two for from and to, and the direction. */
#define SIDES_MAX 32

/* What is left of a rule while it is taken away piece by piece: a rule of more
 * pieces is not divided. */
#define PIECES_MAX 64

/* What compare() says beside the number of a side. */
enum {
	COVERED = -1,	/* all of it */
	ELSEWHERE = -2, /* not in all sides but one */
};

/* One way in which rules may divide another one. */
struct shadow_side {
	const struct policy_match *match; /* NULL: the direction */
	bool ports;			  /* of it; else the addresses */
	bool lost;			  /* it has too many pieces */
	size_t by[2], n_by;		  /* who took some of it */
	size_t n;			  /* pieces that are left */
	union {
		unsigned int direction;
		struct addr_range addrs[PIECES_MAX];
		struct rule_ports port[PIECES_MAX];
		uint8_t values[PIECES_MAX]; /* by number */
	};
};

static void
find_fields(struct policy_shadow_fields *ret, const struct policy_entry *entry)
{
	for (size_t i = 0; i < entry->n_matches; i++) {
		unsigned int field = 1u << entry->matches[i].field;

		ret->all |= field;
		if (!policy_is_to_any(&entry->matches[i]))
			ret->narrow |= field;
	}
}

struct policy_shadow *
policy_shadow_new(const struct policy *policy)
{
	struct policy_shadow *shadow = calloc(1, sizeof(*shadow));

	if (shadow == NULL)
		return NULL;
	shadow->policy = policy;
	shadow->side = calloc(SIDES_MAX, sizeof(shadow->side[0]));
	shadow->fields = calloc(policy->n + 1, sizeof(shadow->fields[0]));
	if (shadow->side == NULL || shadow->fields == NULL) {
		policy_shadow_free(shadow);
		return NULL;
	}
	for (size_t i = 0; i < policy->n; i++)
		find_fields(&shadow->fields[i], &policy->entries[i]);
	return shadow;
}

void
policy_shadow_free(struct policy_shadow *shadow)
{
	if (shadow == NULL)
		return;
	free(shadow->side);
	free(shadow->fields);
	free(shadow);
}

/* Pieces ------------------------------------------------------------------- */

static size_t
n_values(const struct policy_match *m)
{
	switch (set_kind_of(m->field)) {
	case SET_IDS:
		return m->ids.n;
	case SET_TEXTS:
		return m->texts.n_literals + m->texts.n_globs;
	case SET_PROCESSES:
		return 8; /* bits */
	case SET_DOMAINS:
		return m->domains.n_whole + m->domains.n_below;
	case SET_LISTS:
		return m->lists.n;
	case SET_ENDS:
		break;
	}
	__builtin_trap();
}

/* The match with its kth value alone. */
static struct policy_match
one_value(const struct policy_match *m, size_t k)
{
	struct policy_match one = *m;

	switch (set_kind_of(m->field)) {
	case SET_IDS:
		one.ids = (struct id_set){ &m->ids.ids[k], 1 };
		return one;
	case SET_TEXTS:
		one.texts = (struct text_set){ NULL, 0, NULL, 0 };
		if (k < m->texts.n_literals) {
			one.texts.literals = &m->texts.literals[k];
			one.texts.n_literals = 1;
		} else {
			k -= m->texts.n_literals;
			one.texts.globs = &m->texts.globs[k];
			one.texts.n_globs = 1;
		}
		return one;
	case SET_PROCESSES:
		one.processes = m->processes & 1u << k;
		return one;
	case SET_DOMAINS:
		one.domains = (struct domain_set){ NULL, 0, NULL, 0 };
		if (k < m->domains.n_whole) {
			one.domains.whole = &m->domains.whole[k];
			one.domains.n_whole = 1;
		} else {
			k -= m->domains.n_whole;
			one.domains.below = &m->domains.below[k];
			one.domains.n_below = 1;
		}
		return one;
	case SET_LISTS:
		one.lists.lists = &m->lists.lists[k];
		one.lists.n = 1;
		return one;
	case SET_ENDS:
		break;
	}
	__builtin_trap();
}

/* A scope is more than can be taken away range by range, but for `any`. */
static void
begin_addrs(struct shadow_side *side, const struct policy_match *m)
{
	const struct addr_range all[] = {
		{ { ADDR_IP4, { 0 } }, { ADDR_IP4, { 255, 255, 255, 255 } } },
		{ { ADDR_IP6, { 0 } },
		    { ADDR_IP6, { 255, 255, 255, 255, 255, 255, 255, 255, 255,
				    255, 255, 255, 255, 255, 255, 255 } } },
	};
	bool any = m->all_addrs || m->addrs.scopes == SCOPE_ANY;

	side->lost =
	    !any && (m->addrs.scopes != 0 || m->addrs.n_ranges > PIECES_MAX);
	if (side->lost)
		return;
	side->n = any ? 2 : m->addrs.n_ranges;
	memcpy(side->addrs, any ? all : m->addrs.ranges,
	    side->n * sizeof(side->addrs[0]));
}

static void
begin_ports(struct shadow_side *side, const struct policy_match *m)
{
	side->n = m->ports.n;
	side->lost = side->n == 0 || side->n > PIECES_MAX;
	if (!side->lost)
		memcpy(side->port, m->ports.ranges,
		    side->n * sizeof(side->port[0]));
}

static void
begin_values(struct shadow_side *side, const struct policy_match *m)
{
	size_t n = n_values(m);

	side->lost = n > PIECES_MAX;
	for (size_t k = 0; k < n && !side->lost; k++)
		if (m->field != FIELD_PROCESS || (m->processes & 1u << k) != 0)
			side->values[side->n++] = (uint8_t)k;
}

static struct shadow_side *
add_side(struct policy_shadow *shadow, const struct policy_match *m, bool ports)
{
	struct shadow_side *side = &shadow->side[shadow->n_sides++];

	side->match = m;
	side->ports = ports;
	side->lost = m != NULL && m->negated;
	side->n_by = side->n = 0;
	return side;
}

static void
begin(struct policy_shadow *shadow, const struct policy_entry *later)
{
	struct shadow_side *side;

	shadow->n_sides = 0;
	side = add_side(shadow, NULL, false);
	side->n = 1;
	side->direction = later->direction;
	for (size_t i = 0; i < later->n_matches; i++) {
		const struct policy_match *m = &later->matches[i];
		bool ends = set_kind_of(m->field) == SET_ENDS;

		side = add_side(shadow, m, false);
		if (!side->lost && ends)
			begin_addrs(side, m);
		else if (!side->lost)
			begin_values(side, m);
		if (!ends)
			continue;
		side = add_side(shadow, m, true);
		if (!side->lost)
			begin_ports(side, m);
	}
}

/* Taking away -------------------------------------------------------------- */

/* One step up or down; not from the last or first of the family. */
static struct addr
addr_beside(struct addr a, bool up)
{
	for (size_t i = addr_len(&a); i-- > 0;) {
		a.bytes[i] = (uint8_t)(a.bytes[i] + (up ? 1 : 255));
		if (a.bytes[i] != (up ? 0 : 255))
			break;
	}
	return a;
}

/* Cuts r out of the piece: what is left below stays in its place, what is left
 * above is a piece more. */
static bool
cut_range(
    struct shadow_side *side, size_t at, const struct addr_range *r, bool *gone)
{
	struct addr_range piece = side->addrs[at];
	bool below, above;

	if (r->lo.family != piece.lo.family ||
	    addr_cmp(&r->lo, &piece.hi) > 0 || addr_cmp(&piece.lo, &r->hi) > 0)
		return false;
	below = addr_cmp(&piece.lo, &r->lo) < 0;
	above = addr_cmp(&r->hi, &piece.hi) < 0;
	if (below && above && side->n == PIECES_MAX)
		return false; /* as if it were not taken */
	if (below)
		side->addrs[at].hi = addr_beside(r->lo, false);
	else if (above)
		side->addrs[at].lo = addr_beside(r->hi, true);
	if (below && above)
		side->addrs[side->n++] =
		    (struct addr_range){ addr_beside(r->hi, true), piece.hi };
	*gone = !below && !above;
	return true;
}

static bool
take_addrs(struct shadow_side *side, const struct policy_match *f)
{
	bool taken = false;

	for (size_t at = 0; at < side->n; at++) {
		bool gone = policy_range_within(&side->addrs[at], &f->addrs);

		taken |= gone;
		for (size_t i = 0; i < f->addrs.n_ranges && !gone; i++)
			taken |=
			    cut_range(side, at, &f->addrs.ranges[i], &gone);
		if (gone) /* the last one takes its place, and its turn */
			side->addrs[at--] = side->addrs[--side->n];
	}
	return taken;
}

static bool
cut_ports(
    struct shadow_side *side, size_t at, const struct rule_ports *r, bool *gone)
{
	struct rule_ports piece = side->port[at];
	bool below = piece.lo < r->lo, above = r->hi < piece.hi;

	if (r->lo > piece.hi || piece.lo > r->hi ||
	    (below && above && side->n == PIECES_MAX))
		return false;
	if (below)
		side->port[at].hi = (uint16_t)(r->lo - 1);
	else if (above)
		side->port[at].lo = (uint16_t)(r->hi + 1);
	if (below && above)
		side->port[side->n++] =
		    (struct rule_ports){ (uint16_t)(r->hi + 1), piece.hi };
	*gone = !below && !above;
	return true;
}

static bool
take_ports(struct shadow_side *side, const struct policy_match *f)
{
	bool taken = false;

	for (size_t at = 0; at < side->n; at++) {
		bool gone = false;

		for (size_t i = 0; i < f->ports.n && !gone; i++)
			taken |=
			    cut_ports(side, at, &f->ports.ranges[i], &gone);
		if (gone)
			side->port[at--] = side->port[--side->n];
	}
	return taken;
}

/* Whether `f` matches all that `l`, which is not negated, does; of values. */
static bool
matches_all(const struct policy_match *l, const struct policy_match *f)
{
	return f->negated ? policy_apart(l, f) : policy_within(l, f);
}

static bool
take_values(struct shadow_side *side, const struct policy_match *f)
{
	size_t kept = 0, had = side->n;

	for (size_t i = 0; i < had; i++) {
		struct policy_match one =
		    one_value(side->match, side->values[i]);

		if (!matches_all(&one, f))
			side->values[kept++] = side->values[i];
	}
	side->n = kept;
	return kept < had;
}

static void
take(struct shadow_side *side, const struct policy_entry *first, size_t n)
{
	const struct policy_match *f = first->matches;
	bool taken;

	if (side->lost)
		return;
	if (side->match == NULL) {
		taken = (side->direction & first->direction) != 0;
		side->direction &= ~(unsigned int)first->direction;
		side->n = side->direction != 0;
	} else {
		while (f->field != side->match->field)
			f++;
		if (side->ports)
			taken = take_ports(side, f);
		else if (set_kind_of(f->field) == SET_ENDS)
			taken = take_addrs(side, f);
		else
			taken = take_values(side, f);
	}
	if (taken && side->n_by < 2)
		side->by[side->n_by] = n;
	side->n_by += taken;
}

/* Comparing ---------------------------------------------------------------- */

/* Whether it decides about a query that may lead to a flow that it matches. */
static bool
is_late(const struct policy_entry *entry)
{
	const struct policy_match *m;

	if (entry->action == ACTION_ACCEPT || entry->action == ACTION_REROUTE)
		return false;
	for (m = entry->matches; m < entry->matches + entry->n_matches; m++)
		if (!policy_is_to_any(m) &&
		    (m->field == FIELD_PROTO || m->field == FIELD_FROM ||
			m->field == FIELD_TO || m->field == FIELD_LIST))
			return true;
	return false;
}

/* The side in which `f` leaves something of its match, as compare(). `at` is
 * the first of that match's. */
static int
compare_match(
    const struct policy_match *f, const struct policy_match *l, int at)
{
	bool addrs, ports;

	if (l->negated)
		return f->negated && policy_within(f, l) ? COVERED : ELSEWHERE;
	if (set_kind_of(f->field) != SET_ENDS)
		return matches_all(l, f) ? COVERED : at;
	if (f->negated)
		return ELSEWHERE;
	addrs = policy_addrs_within(l, f);
	ports = policy_ports_within(&l->ports, &f->ports);
	if (addrs && ports)
		return COVERED;
	return addrs ? at + 1 : ports ? at : ELSEWHERE;
}

/* The one side in which `first` leaves something of the rule at hand. It has no
 * field that this one has not, but what is any address. */
static int
compare(const struct policy_shadow *shadow, const struct policy_entry *first,
    const struct policy_entry *later)
{
	int where = COVERED;

	if ((later->direction & ~(unsigned int)first->direction) != 0)
		where = 0;
	for (size_t i = 0; i < first->n_matches; i++) {
		const struct policy_match *f = &first->matches[i];
		int at = 1, one;

		if (policy_is_to_any(f))
			continue;
		while (shadow->side[at].match->field != f->field)
			at++;
		one = compare_match(f, shadow->side[at].match, at);
		if (one == ELSEWHERE || (one != COVERED && where != COVERED))
			return ELSEWHERE;
		if (one != COVERED)
			where = one;
	}
	return where;
}

/* Whether the rules before it match all of it; queries: those too. */
static bool
find(struct policy_shadow *shadow, size_t n, bool queries)
{
	const struct policy_entry *entries = shadow->policy->entries;
	const struct policy_entry *later = &entries[n];
	bool late = is_late(later);

	begin(shadow, later);
	for (size_t i = 0; i < n; i++) {
		struct shadow_side *side;
		int at;

		if ((shadow->fields[i].narrow & ~shadow->fields[n].all) != 0 ||
		    (queries && !late && is_late(&entries[i])))
			continue;
		at = compare(shadow, &entries[i], later);
		if (at == COVERED) {
			shadow->by[0] = shadow->by[1] = i;
			shadow->n_by = 1;
			return true;
		}
		if (at == ELSEWHERE)
			continue;
		side = &shadow->side[at];
		take(side, &entries[i], i);
		if (side->lost || side->n > 0)
			continue;
		memcpy(shadow->by, side->by, sizeof(side->by));
		shadow->n_by = side->n_by;
		return true;
	}
	return false;
}

bool
policy_shadow_find(struct policy_shadow *shadow, size_t n)
{
	const struct policy_entry *later = &shadow->policy->entries[n];
	bool asked = (later->direction & RULE_OUT) != 0;

	shadow->queries = false;
	if (!find(shadow, n, false))
		return false;
	if (!asked || find(shadow, n, true))
		return true;
	if ((shadow->fields[n].all & 1u << FIELD_QTYPE) != 0)
		return false; /* it is about nothing else */
	shadow->queries = true;
	return find(shadow, n, false);
}
