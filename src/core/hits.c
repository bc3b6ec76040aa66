#include "src/core/hits.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/map.h"

struct hits {
	size_t n;
	struct rule_hits *rules;
	uint32_t *from; /* number of the rule in the policy before; 0: new */
};

/* A rule of the policy before. */
struct known {
	struct map_node node;
	uint32_t rule;
};

static uint64_t
hash_of(const struct map *map, const struct policy_rule *rule)
{
	return map_hash(map, rule->text, strlen(rule->text));
}

/* All rules of `before` into the map; the last first, so that the first of
 * equal ones is found first. */
static void
learn(struct map *map, struct known *known, const struct policy *before)
{
	for (size_t i = policy_n_rules(before); i > 0; i--) {
		known[i - 1].rule = (uint32_t)i;
		map_put(map, &known[i - 1].node,
		    hash_of(map, policy_rule_get(before, (uint32_t)i)));
	}
}

static uint32_t
find(struct map *map, const struct policy *before,
    const struct policy_rule *rule)
{
	uint64_t hash = hash_of(map, rule);

	for (struct map_node *node = map_first(map, hash); node != NULL;
	     node = map_next(node, hash)) {
		struct known *known = (struct known *)node; /* its first */
		const struct policy_rule *other =
		    policy_rule_get(before, known->rule);

		if (strcmp(other->text, rule->text) != 0 ||
		    strcmp(other->file, rule->file) != 0)
			continue;
		map_remove(map, node); /* an equal rule is another one */
		return known->rule;
	}
	return 0;
}

static bool
match_rules(
    struct hits *hits, const struct policy *policy, const struct policy *before)
{
	struct map map = { .slots = NULL };
	struct known *known =
	    calloc(policy_n_rules(before) + 1, sizeof(known[0]));
	bool ok = known != NULL && map_init(&map) == 0;

	if (ok) {
		learn(&map, known, before);
		for (size_t i = 0; i < hits->n; i++)
			hits->from[i] = find(&map, before,
			    policy_rule_get(policy, (uint32_t)i + 1));
	}
	map_done(&map);
	free(known);
	return ok;
}

struct hits *
hits_new(const struct policy *policy, const struct policy *before)
{
	struct hits *hits = calloc(1, sizeof(*hits));

	if (hits == NULL)
		return NULL;
	hits->n = policy_n_rules(policy);
	hits->rules = calloc(hits->n + 1, sizeof(hits->rules[0]));
	hits->from = calloc(hits->n + 1, sizeof(hits->from[0]));
	if (hits->rules == NULL || hits->from == NULL ||
	    (before != NULL && !match_rules(hits, policy, before))) {
		hits_free(hits);
		return NULL;
	}
	return hits;
}

void
hits_free(struct hits *hits)
{
	if (hits == NULL)
		return;
	free(hits->rules);
	free(hits->from);
	free(hits);
}

void
hits_carry(struct hits *hits, const struct hits *before, mono_t now)
{
	for (size_t i = 0; i < hits->n; i++) {
		const struct rule_hits *old =
		    before != NULL ? hits_get(before, hits->from[i]) : NULL;

		if (old != NULL)
			hits->rules[i] = *old;
		else
			hits->rules[i].since = now;
	}
}

void
hits_count(struct hits *hits, uint32_t rule, mono_t now)
{
	if (rule == 0 || rule > hits->n)
		return;
	hits->rules[rule - 1].count++;
	hits->rules[rule - 1].last = now;
}

const struct rule_hits *
hits_get(const struct hits *hits, uint32_t rule)
{
	return rule > 0 && rule <= hits->n ? &hits->rules[rule - 1] : NULL;
}
