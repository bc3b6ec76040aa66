#include "src/core/policy.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/map.h"
#include "src/core/compiler.h"
#include "src/core/list_table.h"
#include "src/core/policy_own.h"
#include "src/core/text.h"

void *
compiler_alloc(struct compiler *c, size_t n, size_t size)
{
	void *p = arena_alloc(c->arena, n, size);

	if (p == NULL)
		c->nomem = true;
	return p;
}

bool
compiler_holds(struct compiler *c, const char *what)
{
	if (!c->rule->held)
		return false;
	c->faulty = true;
	if (c->fault == NULL)
		c->fault = arena_strdup(c->arena, what);
	c->nomem = c->nomem || c->fault == NULL;
	return true;
}

void
compiler_fault(struct compiler *c, const struct rule_value *v, const char *what,
    const char *expected)
{
	char word[WORD_QUOTE_SIZE], text[WORD_QUOTE_SIZE + 64];

	(void)snprintf(text, sizeof(text), "%s %s", what,
	    word_quote(v->text, strlen(v->text), word)); /* fits */
	if (compiler_holds(c, text))
		return;
	faults_add(c->faults, &c->rules->files[v->place.file], v->place.off,
	    v->place.len, &(struct fault_text){ text, expected, NULL });
}

/* Addresses, ports ----------------------------------------------------------
 */

/* A range that is most of the internet. */
static bool
range_is_wide(const struct addr_range *r)
{
	return (r->lo.bytes[0] ^ r->hi.bytes[0]) >= 0x80;
}

static int
range_cmp(const void *a, const void *b)
{
	const struct addr_range *x = a, *y = b;

	return addr_cmp(&x->lo, &y->lo);
}

/* Sorts the ranges and joins those that overlap; returns how many are left. */
static size_t
ranges_join(struct addr_range *r, size_t n)
{
	size_t kept = 0;

	qsort(r, n, sizeof(r[0]), range_cmp);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || addr_cmp(&r[i].lo, &r[kept - 1].hi) > 0)
			r[kept++] = r[i];
		else if (addr_cmp(&r[i].hi, &r[kept - 1].hi) > 0)
			r[kept - 1].hi = r[i].hi;
	}
	return kept;
}

static void
compile_addrs(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values)
{
	struct addr_range *ranges =
	    compiler_alloc(c, values->n, sizeof(ranges[0]));
	size_t n = 0;

	if (ranges == NULL)
		return;
	for (size_t i = 0; i < values->n; i++) {
		if (values->v[i].bits != 0)
			ret->addrs.scopes |= values->v[i].bits;
		else
			ranges[n++] = values->v[i].range;
	}
	ret->all_addrs = values->n == 0;
	ret->narrow = ret->field == FIELD_TO && values->n > 0 &&
		      (ret->addrs.scopes & (SCOPE_ANY | SCOPE_INTERNET)) == 0;
	for (size_t i = 0; i < n; i++)
		ret->narrow = ret->narrow && !range_is_wide(&ranges[i]);
	ret->addrs.ranges = ranges;
	ret->addrs.n_ranges = ranges_join(ranges, n);
}

static int
ports_cmp(const void *a, const void *b)
{
	const struct rule_ports *x = a, *y = b;

	return (int)x->lo - (int)y->lo;
}

static void
compile_ports(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values)
{
	struct rule_ports *r = compiler_alloc(c, values->n, sizeof(r[0]));
	size_t kept = 0;

	if (r == NULL)
		return;
	for (size_t i = 0; i < values->n; i++)
		r[i] = values->v[i].ports;
	qsort(r, values->n, sizeof(r[0]), ports_cmp);
	for (size_t i = 0; i < values->n; i++) {
		if (kept == 0 || r[i].lo > r[kept - 1].hi)
			r[kept++] = r[i];
		else if (r[i].hi > r[kept - 1].hi)
			r[kept - 1].hi = r[i].hi;
	}
	ret->ports = (struct port_set){ r, kept };
}

/* Users, groups, protocols --------------------------------------------------
 */

static int
id_cmp(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Sorts them and keeps one of each; returns how many are left. */
static size_t
ids_join(uint32_t *ids, size_t n)
{
	size_t kept = 0;

	qsort(ids, n, sizeof(ids[0]), id_cmp);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || ids[i] != ids[kept - 1])
			ids[kept++] = ids[i];
	return kept;
}

static void
compile_ids(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values)
{
	uint32_t *ids = compiler_alloc(c, values->n, sizeof(ids[0]));
	size_t n = values->n;

	if (ids == NULL)
		return;
	if (ret->field == FIELD_USER || ret->field == FIELD_GROUP)
		n = compiler_accounts(c, ret, values, ids);
	for (size_t i = 0; i < n; i++)
		if (ret->field == FIELD_PROTO)
			ids[i] = values->v[i].proto;
		else if (ret->field == FIELD_QTYPE)
			ids[i] = values->v[i].qtype;
	ret->ids = (struct id_set){ ids, ids_join(ids, n) };
}

/* Rules -------------------------------------------------------------------- */

static void
compile_match(struct compiler *c, struct policy_match *ret,
    const struct rule_match *match)
{
	*ret = (struct policy_match){ .field = match->field,
		.negated = match->negated };
	switch (set_kind_of(match->field)) {
	case SET_ENDS:
		compile_addrs(c, ret, &match->values);
		compile_ports(c, ret, &match->ports);
		return;
	case SET_IDS:
		compile_ids(c, ret, &match->values);
		return;
	case SET_TEXTS:
		compiler_texts(c, ret, &match->values);
		return;
	case SET_PROCESSES:
		for (size_t i = 0; i < match->values.n; i++)
			ret->processes |= match->values.v[i].bits;
		return;
	case SET_DOMAINS:
		compiler_domains(c, ret, &match->values);
		return;
	case SET_LISTS:
		compiler_lists(c, ret, &match->values);
		return;
	}
	__builtin_trap();
}

/* Matches cost more the later they stand in enum rule_field, save that
 * `process` is cheap. */
static int
match_cmp(const void *a, const void *b)
{
	const struct policy_match *x = a, *y = b;
	int i = x->field == FIELD_PROCESS ? -1 : (int)x->field;
	int j = y->field == FIELD_PROCESS ? -1 : (int)y->field;

	return i - j;
}

/* Which of what a held rule was is left: one that accepts says nothing, and
 * what was to go through a tunnel goes nowhere. Without the match that has a
 * fault more would go through it than was said. */
static void
hold(struct policy_entry *entry, struct policy_match *matches)
{
	if (entry->action == ACTION_ACCEPT) {
		matches[0] = (struct policy_match){ .field = FIELD_PROCESS };
		entry->n_matches = 1; /* no process at all */
	} else if (entry->action == ACTION_REROUTE) {
		entry->action = ACTION_BLOCK;
		entry->tunnel = 0;
	}
}

static void
compile_rule(struct compiler *c, struct policy_entry *entry,
    struct policy_rule *rule, const struct rule *from)
{
	struct policy_match *matches =
	    compiler_alloc(c, from->n_matches + 1, sizeof(matches[0]));
	size_t n = 0;

	if (matches == NULL)
		return;
	c->rule = from;
	c->waits = false;
	c->fault = NULL;
	for (size_t i = 0; i < from->n_matches && !c->nomem; i++) {
		c->faulty = false;
		compile_match(c, &matches[n], &from->matches[i]);
		n += !c->faulty;
	}
	qsort(matches, n, sizeof(matches[0]), match_cmp);
	*entry = (struct policy_entry){ from->action, compiler_tunnel(c, from),
		from->once, from->direction, matches, n };
	if (from->fault != NULL)
		c->fault = arena_strdup(c->arena, from->fault);
	if (from->fault != NULL && c->fault == NULL)
		c->nomem = true;
	if (c->fault != NULL)
		hold(entry, matches);
	rule->line = from->line;
	rule->runtime = from->runtime;
	rule->waits = c->waits;
	rule->fault = c->fault;
	rule->text = arena_strdup(c->arena, from->text);
	if (from->label != NULL)
		rule->label = arena_strdup(c->arena, from->label);
	if (rule->text == NULL || (from->label != NULL && rule->label == NULL))
		c->nomem = true;
}

static void
compile_rules(struct compiler *c, struct policy *policy)
{
	const struct rules *rules = c->rules;
	struct policy_entry *entries =
	    compiler_alloc(c, rules->n_rules, sizeof(entries[0]));
	struct policy_rule *names =
	    compiler_alloc(c, rules->n_rules, sizeof(names[0]));
	uint32_t file = UINT32_MAX;
	const char *file_name = NULL;

	if (entries == NULL || names == NULL)
		return;
	for (size_t i = 0; i < rules->n_rules && !c->nomem; i++) {
		const struct rule *rule = &rules->rules[i];

		if (rule->place.file != file) {
			file = rule->place.file;
			file_name =
			    arena_strdup(c->arena, rules->files[file].file);
			if (file_name == NULL)
				c->nomem = true;
		}
		names[i].file = file_name;
		compile_rule(c, &entries[i], &names[i], rule);
	}
	policy->entries = entries;
	policy->rules = names;
	policy->n = rules->n_rules;
}

/* The types that a rule reroutes; NULL where it is not for some alone. */
static const struct id_set *
rerouted_types(const struct policy_entry *entry)
{
	for (size_t i = 0; i < entry->n_matches; i++)
		if (entry->action == ACTION_REROUTE &&
		    entry->matches[i].field == FIELD_QTYPE &&
		    !entry->matches[i].negated)
			return &entry->matches[i].ids;
	return NULL;
}

static bool
is_by_type(const struct policy_entry *entry)
{
	for (size_t i = 0; i < entry->n_matches; i++)
		if (entry->matches[i].field == FIELD_QTYPE)
			return true;
	return false;
}

static void
compile_rerouted(struct compiler *c, struct policy *policy)
{
	const struct id_set *types;
	uint32_t *ids;
	size_t n = 0;

	for (size_t i = 0; i < policy->n; i++) {
		policy->by_type =
		    policy->by_type || is_by_type(&policy->entries[i]);
		types = rerouted_types(&policy->entries[i]);
		n += types != NULL ? types->n : 0;
	}
	ids = compiler_alloc(c, n, sizeof(ids[0]));
	if (ids == NULL)
		return;
	n = 0;
	for (size_t i = 0; i < policy->n; i++) {
		types = rerouted_types(&policy->entries[i]);
		for (size_t k = 0; types != NULL && k < types->n; k++)
			ids[n++] = types->ids[k];
	}
	policy->rerouted = (struct id_set){ ids, ids_join(ids, n) };
}

static void
compile_defaults(struct compiler *c, struct policy *policy)
{
	for (size_t i = 0; i < RULE_N_DEFAULTS; i++) {
		const struct rule_default_line *from = &c->rules->defaults[i];
		struct policy_default *to = &policy->defaults[i];

		to->which = rule_default_word((enum rule_default)i);
		to->action = from->set ? from->action : ACTION_ACCEPT;
		if (!from->set)
			continue;
		to->line = from->line;
		to->file = arena_strdup(
		    c->arena, c->rules->files[from->place.file].file);
		if (to->file == NULL)
			c->nomem = true;
	}
}

/* Policies may be compiled off the loop: the one thing that they share. */
static uint64_t
next_generation(void)
{
	static _Atomic uint64_t last;

	return atomic_fetch_add(&last, 1) + 1;
}

static int
compile(struct compiler *c, const struct policy **ret)
{
	size_t before = faults_count(c->faults);
	struct policy *policy = compiler_alloc(c, 1, sizeof(*policy));

	if (policy == NULL)
		return -ENOMEM;
	compiler_indexes(c);
	compile_rules(c, policy);
	compile_defaults(c, policy);
	if (!c->nomem)
		compile_rerouted(c, policy);
	if (c->nomem)
		return -ENOMEM;
	if (faults_count(c->faults) > before)
		return -EINVAL;
	policy->flows =
	    policy_index_new(c->arena, policy->entries, policy->n, false);
	policy->queries =
	    policy_index_new(c->arena, policy->entries, policy->n, true);
	policy->tunnels = compiler_words(c, &c->world->tunnels);
	policy->lists = compiler_words(c, &c->world->lists);
	compiler_keep_accounts(c, policy);
	compiler_keep_paths(c, policy);
	if (policy->flows == NULL || policy->queries == NULL ||
	    !policy_addr_find(policy, c->arena) || c->nomem)
		return -ENOMEM;
	policy->table = list_table_ref(c->world->table);
	policy->indexes = c->indexes;
	policy->lists_named = c->lists_named;
	policy->arena = c->arena;
	policy->refs = policy->uses = 1;
	policy->generation = next_generation();
	*ret = policy;
	return 0;
}

int
policy_compile(const struct policy **ret, const struct rules *rules,
    const struct policy_world *world, struct faults *faults)
{
	struct compiler c = {
		.rules = rules,
		.world = world,
		.faults = faults,
		.arena = arena_new(),
		.scratch = arena_new(),
	};
	int r = map_init(&c.names);

	if (r == 0)
		r = map_init(&c.paths);
	if (r == 0)
		r = c.arena != NULL && c.scratch != NULL ? compile(&c, ret)
							 : -ENOMEM;
	map_done(&c.names);
	map_done(&c.paths);
	arena_free(c.scratch);
	if (r < 0)
		arena_free(c.arena);
	return r;
}
