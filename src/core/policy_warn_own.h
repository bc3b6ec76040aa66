#ifndef CORE_POLICY_WARN_OWN_H
#define CORE_POLICY_WARN_OWN_H

#include "src/core/fault.h"
#include "src/core/policy.h"
#include "src/core/rule.h"
#include "src/core/rules.h"

/* For policy_warn() alone. */

void policy_warn_at(struct faults *warnings, const struct rules *rules,
    const struct rule_place *place, const char *what);

/* What is wrong with single values of a rule: executables, users and groups
 * that are not there, names that none has. */
void policy_warn_values(const struct policy *policy, const struct rules *rules,
    const struct rule *rule, const struct policy_world *world,
    struct faults *warnings);

#endif
