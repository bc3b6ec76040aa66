#ifndef CORE_POLICY_WARN_H
#define CORE_POLICY_WARN_H

#include "src/core/policy.h"

/* What is no fault in rules that were compiled, but surely not meant: rules
 * that can never match, since an earlier one matches all that they do or since
 * they contradict themselves; executables that are not there. Only what is
 * certain is said. `rules` is what the policy was made of. */
void policy_warn(const struct policy *policy, const struct rules *rules,
    const struct policy_world *world, struct faults *warnings);

/* The same of ways alone: names that queries are let through for, whatever a
 * later rule wants of them, and what carries a tunnel. */
void policy_warn_names(const struct policy *policy, const struct rules *rules,
    const struct policy_world *world, struct faults *warnings);

/* Each rule is compared with all before it; more are not compared at all,
 * which is said. */
#define POLICY_WARN_MAX ((size_t)20000)

#endif
