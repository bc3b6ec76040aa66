#ifndef CORE_POLICY_WITHIN_H
#define CORE_POLICY_WITHIN_H

#include "src/core/policy_set.h"

/* Whether all that a has is in b as well, `not` left aside; both are of the
 * same field. False where that is not certain. */
bool policy_within(const struct policy_match *a, const struct policy_match *b);

#endif
