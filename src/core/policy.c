#include "src/core/policy.h"

#include "src/core/policy_own.h"

const struct policy *
policy_ref(const struct policy *policy)
{
	/* the count is the one thing of a policy that changes */
	if (policy != NULL)
		((struct policy *)policy)->refs++;
	return policy;
}

void
policy_unref(const struct policy *policy)
{
	struct policy *p = (struct policy *)policy; /* as above */

	if (p != NULL && --p->refs == 0)
		arena_free(p->arena);
}

static struct decision
policy_default(
    const struct policy *policy, enum rule_default which, enum reason reason)
{
	return (struct decision){ .reason = reason,
		.action = policy->defaults[which].set
			      ? policy->defaults[which].action
			      : ACTION_ACCEPT };
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
	if (kind == PROCESS_UNKNOWN && policy->defaults[DEFAULT_UNKNOWN].set)
		return policy_default(
		    policy, DEFAULT_UNKNOWN, REASON_DEFAULT_UNKNOWN);
	if (kind == PROCESS_KERNEL && policy->defaults[DEFAULT_KERNEL].set)
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
	size_t i = policy_index_first(policy->index, subject);

	if (i == policy->n)
		return policy_fall_back(policy, subject);
	return (struct decision){
		.action = policy->entries[i].action,
		.reason = REASON_RULE,
		.once = policy->entries[i].once,
		.rule = (uint32_t)i + 1,
	};
}

const struct policy_rule *
policy_rule_get(const struct policy *policy, uint32_t n)
{
	return n > 0 && n <= policy->n ? &policy->rules[n - 1] : NULL;
}

size_t
policy_n_rules(const struct policy *policy)
{
	return policy->n;
}

uint64_t
policy_generation(const struct policy *policy)
{
	return policy->generation;
}
