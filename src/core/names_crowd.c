#include "src/core/names_own.h"

#include <string.h>

/* The least end of a name that tells whose it is, and the most: names under
 * co.uk, github.io or s3.amazonaws.com are in as many hands as those under com.
 */
#define LABELS_MIN 2
#define LABELS_MAX 5

/* One of the names: its last labels, from the root up (none: the whole of it),
 * and which one it is. */
struct crowded {
	const struct name *name;
	const uint8_t *ends[LABELS_MAX + 1];
	uint32_t print; /* of the end at hand: most are told apart by that */
	size_t place;
	mono_t end;
};

static void
find_ends(struct crowded *c)
{
	size_t n = 0;

	/* of the label that is read, and those before it */
	for (const uint8_t *at = c->name->wire;; at = name_step(at)) {
		memmove(
		    &c->ends[1], &c->ends[0], LABELS_MAX * sizeof(c->ends[0]));
		c->ends[0] = at;
		if (*at == 0)
			break;
		n++;
	}
	for (size_t i = n + 1; i <= LABELS_MAX; i++)
		c->ends[i] = c->name->wire;
}

static uint32_t
print_of(const struct crowded *c, size_t labels)
{
	const uint8_t *p = c->ends[labels];
	uint32_t print = 2166136261U;

	for (size_t n = name_rest(c->name, p); n > 0; n--)
		print = (print ^ *p++) * 16777619U;
	return print;
}

static bool
ends_alike(const struct crowded *a, const struct crowded *b, size_t labels)
{
	size_t len = name_rest(a->name, a->ends[labels]);

	return a->print == b->print &&
	       len == name_rest(b->name, b->ends[labels]) &&
	       memcmp(a->ends[labels], b->ends[labels], len) == 0;
}

/* Of those that end alike, by the place of the first one. */
struct group {
	size_t n;
	const struct crowded *leaves; /* ends first; learnt first, of those */
};

/* Twice as many as there are, and a power of two. */
#define SLOTS (2 * NAMES_PER_ADDR)

/* The first of those that end as v[i] does, which may be itself. Slots have its
 * place, from 1. */
static size_t
first_alike(
    uint8_t slots[SLOTS], const struct crowded *v, size_t i, size_t labels)
{
	size_t at = v[i].print % SLOTS;

	while (slots[at] != 0 && !ends_alike(&v[slots[at] - 1], &v[i], labels))
		at = (at + 1) % SLOTS;
	if (slots[at] == 0)
		slots[at] = (uint8_t)(i + 1);
	return slots[at] - 1U;
}

/* *ret_group: which one each is of. Gives prints. Returns the one that has
 * most, or of those that whose name ends first. */
static size_t
find_most(struct group *groups, size_t *ret_group, struct crowded *v, size_t n,
    size_t labels)
{
	uint8_t slots[SLOTS] = { 0 };
	size_t most = 0;

	for (size_t i = 0; i < n; i++) {
		struct group *g;
		size_t at;

		v[i].print = print_of(&v[i], labels);
		at = first_alike(slots, v, i, labels);
		ret_group[i] = at;
		g = &groups[at];
		if (at == i)
			*g = (struct group){ 0, &v[i] };
		g->n++;
		/* the one behind was learnt before */
		if (!mono_before(g->leaves->end, v[i].end))
			g->leaves = &v[i];
		if (g->n > groups[most].n ||
		    (g->n == groups[most].n &&
			!mono_before(groups[most].leaves->end, g->leaves->end)))
			most = at;
	}
	return most;
}

size_t
names_first_to_go(
    const struct name *const *names, const struct names_hold *holds, size_t n)
{
	struct crowded v[NAMES_PER_ADDR];
	struct group groups[NAMES_PER_ADDR];
	size_t of[NAMES_PER_ADDR], most = 0;

	for (size_t i = 0; i < n; i++) {
		v[i] = (struct crowded){
			.name = names[i], .place = i, .end = holds[i].end
		};
		find_ends(&v[i]);
	}
	for (size_t labels = LABELS_MIN; labels <= LABELS_MAX; labels++) {
		size_t left = 0;

		most = find_most(groups, of, v, n, labels);
		if (groups[most].n == 1 || labels == LABELS_MAX)
			break;
		for (size_t i = 0; i < n; i++)
			if (of[i] == most)
				v[left++] = v[i];
		n = left;
	}
	return groups[most].leaves->place;
}
