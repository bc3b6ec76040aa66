#include "src/core/policy_index.h"

#include <stdlib.h>
#include <string.h>

#include "src/core/policy_key.h"

/* Rules that share a key, by number. */
struct bucket {
	uint64_t hash;
	uint32_t n; /* 0: an empty place */
	uint32_t filled;
	uint32_t *rules;
};

/* Open addressing; never more than half full. */
struct buckets {
	struct bucket *slots;
	size_t mask;
};

struct policy_index {
	const struct policy_entry *entries;
	size_t n;
	const uint32_t *rest; /* filed under no key */
	size_t n_rest;
	struct key_use use;
	struct buckets buckets;
};

static struct bucket *
bucket_at(const struct buckets *b, uint64_t hash)
{
	size_t i = hash & b->mask;

	while (b->slots[i].n > 0 && b->slots[i].hash != hash)
		i = (i + 1) & b->mask;
	return &b->slots[i];
}

/* Slots for n different keys. */
static size_t
mask_for(size_t n)
{
	size_t mask = 7;

	while (mask < 2 * n)
		mask = mask * 2 + 1;
	return mask;
}

/* Building ----------------------------------------------------------------- */

/* A key of one of the ways that a rule can be filed. */
struct item {
	struct key key;
	uint32_t rule;
	uint16_t way;
};

struct build {
	bool queries;	    /* the index is for these */
	struct item *items; /* by rule, then way */
	size_t n, room;
	uint32_t rule;
	uint16_t way;
	bool failed; /* no memory */
};

static void
build_add(void *arg, const struct key *key)
{
	struct build *b = arg;

	if (b->n == b->room) {
		size_t room = b->room == 0 ? 1024 : b->room * 2;
		struct item *items =
		    reallocarray(b->items, room, sizeof(*items));

		if (items == NULL) {
			b->failed = true;
			return;
		}
		b->items = items;
		b->room = room;
	}
	b->items[b->n++] = (struct item){ *key, b->rule, b->way };
}

static bool
denies(const struct policy_entry *entry)
{
	return entry->action == ACTION_BLOCK || entry->action == ACTION_DROP;
}

/* Whether a query may have to have such a value for the entry to decide about
 * it: not where the value is not known yet and the entry lets it through. */
static bool
way_good(const struct build *b, const struct policy_entry *entry,
    const struct policy_match *m, unsigned int way)
{
	if (!b->queries)
		return true;
	switch (m->field) {
	case FIELD_PROTO:
	case FIELD_FROM:
		return false;
	case FIELD_TO: /* where the address is not known, no deny decides */
		return way == 0 && denies(entry);
	default:
		return true;
	}
}

/* Whether the entry can decide about any such subject. */
static bool
is_about(const struct build *b, const struct policy_entry *entry)
{
	if (b->queries && (entry->direction & RULE_OUT) == 0)
		return false;
	for (size_t i = 0; i < entry->n_matches; i++) {
		const struct policy_match *m = &entry->matches[i];

		if (m->field == FIELD_QTYPE && !b->queries)
			return false;
		/* all that it names are missing */
		if ((m->field == FIELD_USER || m->field == FIELD_GROUP) &&
		    m->ids.n == 0 && !m->negated)
			return false;
		if (b->queries && denies(entry) &&
		    (m->field == FIELD_PROTO ||
			(m->ports.n > 0 && !m->negated)))
			return false;
	}
	return true;
}

/* All the ways of all the rules. */
static void
build_collect(
    struct build *b, const struct policy_entry *entries, size_t n_entries)
{
	for (size_t i = 0; i < n_entries; i++) {
		const struct policy_entry *entry = &entries[i];

		b->rule = (uint32_t)i;
		b->way = 0;
		for (size_t m = 0; is_about(b, entry) && m < entry->n_matches;
		     m++)
			for (unsigned int w = 0; w < KEY_N_WAYS; w++) {
				size_t before = b->n;

				if (!way_good(
					b, entry, &entry->matches[m], w) ||
				    !key_of_match(
					&entry->matches[m], w, build_add, b))
					b->n = before;
				b->way++;
			}
	}
}

/* Counts how many items have each key; false when there is no memory. */
static bool
buckets_count(struct buckets *buckets, const struct item *items, size_t n)
{
	buckets->mask = mask_for(n);
	buckets->slots = calloc(buckets->mask + 1, sizeof(struct bucket));
	if (buckets->slots == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct bucket *b = bucket_at(buckets, items[i].key.hash);

		b->hash = items[i].key.hash;
		b->n++;
	}
	return true;
}

/* Keeps, of each rule, the way with the fewest rules beside it. */
static size_t
build_choose(struct build *b, const struct buckets *counts)
{
	size_t kept = 0, i = 0;

	while (i < b->n) {
		uint32_t rule = b->items[i].rule;
		uint64_t best = UINT64_MAX;
		size_t best_at = i, best_n = 0;

		while (i < b->n && b->items[i].rule == rule) {
			uint16_t way = b->items[i].way;
			uint64_t cost = 0;
			size_t at = i;

			for (; i < b->n && b->items[i].rule == rule &&
			       b->items[i].way == way;
			     i++)
				cost +=
				    bucket_at(counts, b->items[i].key.hash)->n;
			if (cost < best) {
				best = cost;
				best_at = at;
				best_n = i - at;
			}
		}
		memmove(&b->items[kept], &b->items[best_at],
		    best_n * sizeof(b->items[0]));
		kept += best_n;
	}
	return kept;
}

/* Moves the buckets to the arena and files the rules in them. */
static bool
index_fill(struct policy_index *index, struct arena *arena,
    const struct build *b, const struct buckets *counted)
{
	size_t n_slots = counted->mask + 1;

	index->buckets.mask = counted->mask;
	index->buckets.slots =
	    arena_alloc(arena, n_slots, sizeof(struct bucket));
	if (index->buckets.slots == NULL)
		return false;
	memcpy(index->buckets.slots, counted->slots,
	    n_slots * sizeof(struct bucket));
	for (size_t i = 0; i < b->n; i++) {
		const struct item *item = &b->items[i];
		struct bucket *slot =
		    bucket_at(&index->buckets, item->key.hash);

		key_note(&index->use, &item->key);
		if (slot->rules == NULL)
			slot->rules =
			    arena_alloc(arena, slot->n, sizeof(slot->rules[0]));
		if (slot->rules == NULL)
			return false;
		/* two values of one rule may share a key */
		if (slot->filled == 0 ||
		    slot->rules[slot->filled - 1] != item->rule)
			slot->rules[slot->filled++] = item->rule;
	}
	return true;
}

/* The rules that no item is left of. */
static bool
index_rest(
    struct policy_index *index, struct arena *arena, const struct build *b)
{
	uint32_t *rest = arena_alloc(arena, index->n, sizeof(rest[0]));
	size_t at = 0;

	if (rest == NULL)
		return false;
	for (size_t i = 0; i < index->n; i++) {
		if ((at >= b->n || b->items[at].rule != i) &&
		    is_about(b, &index->entries[i]))
			rest[index->n_rest++] = (uint32_t)i;
		while (at < b->n && b->items[at].rule == i)
			at++;
	}
	index->rest = rest;
	return true;
}

const struct policy_index *
policy_index_new(struct arena *arena, const struct policy_entry *entries,
    size_t n, bool queries)
{
	struct policy_index *index = arena_alloc(arena, 1, sizeof(*index));
	struct build b = { .queries = queries };
	struct buckets all = { NULL, 0 }, chosen = { NULL, 0 };
	bool ok = false;

	if (index == NULL)
		return NULL;
	index->entries = entries;
	index->n = n;
	build_collect(&b, entries, n);
	if (b.failed || !buckets_count(&all, b.items, b.n))
		goto out;
	b.n = build_choose(&b, &all);
	if (!buckets_count(&chosen, b.items, b.n))
		goto out;
	ok = index_fill(index, arena, &b, &chosen) &&
	     index_rest(index, arena, &b);
out:
	free(chosen.slots);
	free(all.slots);
	free(b.items);
	return ok ? index : NULL;
}

/* Asking ------------------------------------------------------------------- */

struct search {
	const struct policy_index *index;
	const struct subject *subject;
	size_t best;		/* the first that matches, of those asked */
	struct matched matched; /* by it */
};

static void
search_rules(struct search *s, const uint32_t *rules, size_t n)
{
	struct matched matched;

	for (size_t i = 0; i < n && rules[i] < s->best; i++)
		if (policy_entry_decides(
			&s->index->entries[rules[i]], s->subject, &matched)) {
			s->best = rules[i];
			s->matched = matched;
			return;
		}
}

static void
search_key(void *arg, uint64_t hash)
{
	struct search *s = arg;
	const struct bucket *b = bucket_at(&s->index->buckets, hash);

	search_rules(s, b->rules, b->filled);
}

size_t
policy_index_first(const struct policy_index *index,
    const struct subject *subject, struct matched *ret)
{
	struct search s = {
		.index = index, .subject = subject, .best = index->n
	};

	/* keys first: what they find spares most of the rest */
	key_of_subject(&index->use, subject, search_key, &s);
	search_rules(&s, index->rest, index->n_rest);
	*ret = s.matched;
	return s.best;
}
