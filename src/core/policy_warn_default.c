#include <stdio.h>

#include "src/core/policy_own.h"
#include "src/core/policy_warn_own.h"
#include "src/core/policy_within.h"

static bool
is_for_all(const struct policy_entry *entry)
{
	for (size_t i = 0; i < entry->n_matches; i++)
		if (!policy_is_to_any(&entry->matches[i]) ||
		    entry->matches[i].negated)
			return false;
	return true;
}

/* The first rule that leaves nothing of that direction (NULL: there is none),
 * and so nothing to its default. One from the command line is for a while. */
static const struct policy_entry *
find_last_word(const struct policy *policy, unsigned int direction)
{
	for (size_t i = 0; i < policy->n; i++)
		if (!policy->rules[i].runtime &&
		    (policy->entries[i].direction & direction) != 0 &&
		    is_for_all(&policy->entries[i]))
			return &policy->entries[i];
	return NULL;
}

/* What the same would come of is no matter. */
static bool
is_hidden(const struct policy_default *d, const struct policy_entry *by)
{
	return by != NULL && by->action != d->action;
}

void
policy_warn_defaults(const struct policy *policy, const struct rules *rules,
    struct faults *warnings)
{
	const struct policy_entry *out = find_last_word(policy, RULE_OUT);
	const struct policy_entry *in = find_last_word(policy, RULE_IN);
	char what[512];

	for (unsigned int i = 0; i < RULE_N_DEFAULTS; i++) {
		const struct policy_default *d = &policy->defaults[i];
		const struct policy_entry *by = i == DEFAULT_IN ? in : out;
		const struct policy_rule *rule;

		if (d->file == NULL || !is_hidden(d, by))
			continue;
		/* these two are of both directions */
		if (i >= DEFAULT_UNKNOWN && !is_hidden(d, in))
			continue;
		rule = &policy->rules[by - policy->entries];
		(void)snprintf(what, sizeof(what),
		    "warning: this default never decides: %s:%u matches "
		    "all before it",
		    rule->file, rule->line); /* a path may be cut */
		policy_warn_at(
		    warnings, rules, &rules->defaults[i].place, what);
	}
}
