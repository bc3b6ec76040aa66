#include "src/core/policy.h"

#include <string.h>

#include "src/core/list_table.h"
#include "src/core/policy_own.h"

/* The counts, and with them the lists, are what changes of a policy. */

const struct policy *
policy_ref_shown(const struct policy *policy)
{
	if (policy != NULL)
		((struct policy *)policy)->refs++;
	return policy;
}

void
policy_unref_shown(const struct policy *policy)
{
	struct policy *p = (struct policy *)policy;

	if (p != NULL && --p->refs == 0)
		arena_free(p->arena);
}

const struct policy *
policy_ref(const struct policy *policy)
{
	if (policy != NULL)
		((struct policy *)policy)->uses++;
	return policy_ref_shown(policy);
}

void
policy_unref(const struct policy *policy)
{
	struct policy *p = (struct policy *)policy;

	if (p == NULL)
		return;
	if (--p->uses == 0) {
		list_table_unref(p->table);
		p->table = NULL;
	}
	policy_unref_shown(policy);
}

static struct decision
policy_default(
    const struct policy *policy, enum rule_default which, enum reason reason)
{
	return (struct decision){ .reason = reason,
		.action = policy->defaults[which].action };
}

static struct decision
policy_fall_back(const struct policy *policy, const struct subject *subject)
{
	enum process_kind kind = subject->process->kind;

	/* 1. this host has let it out already, on the sender's side */
	if (subject->in && subject->loopback)
		return (struct decision){ ACTION_ACCEPT,
			.reason = REASON_LOOPBACK };
	/* 2. nobody, or the kernel, where there is a default of their own */
	if (kind == PROCESS_UNKNOWN &&
	    policy->defaults[DEFAULT_UNKNOWN].file != NULL)
		return policy_default(
		    policy, DEFAULT_UNKNOWN, REASON_DEFAULT_UNKNOWN);
	if (kind == PROCESS_KERNEL &&
	    policy->defaults[DEFAULT_KERNEL].file != NULL)
		return policy_default(
		    policy, DEFAULT_KERNEL, REASON_DEFAULT_KERNEL);
	/* 3. the direction's */
	if (subject->in)
		return policy_default(policy, DEFAULT_IN, REASON_DEFAULT_IN);
	return policy_default(policy, DEFAULT_OUT, REASON_DEFAULT_OUT);
}

struct decision
policy_decide(const struct policy *policy, const struct subject *subject)
{
	struct matched matched;
	size_t i =
	    policy_index_first(subject->query ? policy->queries : policy->flows,
		subject, &matched);
	const struct policy_entry *entry;
	struct decision d;

	if (i == policy->n)
		return policy_fall_back(policy, subject);
	entry = &policy->entries[i];
	d = (struct decision){
		.action = entry->action,
		.reason = REASON_RULE,
		.once = entry->once,
		.rule = (uint32_t)i + 1,
		.tunnel = entry->tunnel,
		.list = matched.list,
		.host = matched.host,
	};
	if (d.action == ACTION_REROUTE && matched.narrow) {
		d.action = ACTION_ACCEPT;
		d.tunnel = 0;
	}
	return d;
}

bool
policy_judges_types(const struct policy *policy, uint32_t list)
{
	const struct list_index *l = policy_list_index(policy, list);

	return policy->by_type || (l != NULL && list_knows_types(l));
}

bool
policy_rerouted_type(const struct policy *policy, size_t i, uint16_t *ret)
{
	if (i == policy->rerouted.n)
		return false;
	*ret = (uint16_t)policy->rerouted.ids[i];
	return true;
}

void
policy_expect(const struct policy *policy, const struct name *name)
{
	for (size_t i = 1; policy->table != NULL && i <= policy->lists.n; i++)
		if (policy->lists_named[i])
			list_expect(policy->indexes[i], name);
}

static const char *
word_get(const struct policy_words *words, uint32_t n)
{
	return n > 0 && n <= words->n ? words->v[n - 1] : NULL;
}

const char *
policy_tunnel(const struct policy *policy, uint32_t n)
{
	return word_get(&policy->tunnels, n);
}

const struct list_index *
policy_list_index(const struct policy *policy, uint32_t n)
{
	return policy->table != NULL && n <= policy->lists.n
		   ? policy->indexes[n]
		   : NULL;
}

bool
policy_names_list(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->lists.n; i++)
		if (strcmp(policy->lists.v[i], name) == 0)
			return policy->lists_named[i + 1];
	return false;
}

bool
policy_names_tunnel(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n; i++) {
		uint32_t n = policy->entries[i].tunnel;

		if (n > 0 && strcmp(word_get(&policy->tunnels, n), name) == 0)
			return true;
	}
	return false;
}

bool
policy_reroutes(const struct policy *policy)
{
	for (size_t i = 0; i < policy->n; i++)
		if (policy->entries[i].tunnel > 0)
			return true;
	return false;
}

static bool
tells_starts(const struct policy_entry *entry)
{
	for (size_t i = 0; i < entry->n_matches; i++) {
		enum rule_field field = entry->matches[i].field;

		if (field == FIELD_SCRIPT || field == FIELD_CMD ||
		    field == FIELD_COMM || field == FIELD_PARENT)
			return true;
	}
	return false;
}

bool
policy_tells_starts(const struct policy *policy)
{
	for (size_t i = 0; i < policy->n; i++)
		if (tells_starts(&policy->entries[i]))
			return true;
	return false;
}

const char *
policy_list(const struct policy *policy, uint32_t n)
{
	return word_get(&policy->lists, n);
}

const struct policy_rule *
policy_rule_get(const struct policy *policy, uint32_t n)
{
	return n > 0 && n <= policy->n ? &policy->rules[n - 1] : NULL;
}

bool
policy_rule_names_port(const struct policy *policy, uint32_t n, uint16_t port)
{
	const struct policy_entry *entry;

	if (n == 0 || n > policy->n)
		return false;
	entry = &policy->entries[n - 1];
	for (size_t i = 0; i < entry->n_matches; i++) {
		const struct policy_match *match = &entry->matches[i];

		if (match->field == FIELD_TO && !match->negated &&
		    match->ports.n > 0 && port_set_has(&match->ports, port))
			return true;
	}
	return false;
}

size_t
policy_n_rules(const struct policy *policy)
{
	return policy->n;
}

const struct policy_default *
policy_default_get(const struct policy *policy, size_t i)
{
	for (size_t d = 0; d < RULE_N_DEFAULTS; d++) {
		bool any = d == DEFAULT_OUT || d == DEFAULT_IN;

		if ((any || policy->defaults[d].file != NULL) && i-- == 0)
			return &policy->defaults[d];
	}
	return NULL;
}

size_t
policy_n_runtime(const struct policy *policy)
{
	size_t n = 0;

	while (n < policy->n && policy->rules[n].runtime)
		n++; /* they are in front */
	return n;
}

uint64_t
policy_generation(const struct policy *policy)
{
	return policy->generation;
}

bool
policy_wants_tcp(const struct policy *policy, const struct name *name)
{
	for (size_t i = 1; policy->table != NULL && i <= policy->lists.n; i++)
		if (policy->lists_named[i] &&
		    list_wants_tcp(policy->indexes[i], name))
			return true;
	return false;
}
