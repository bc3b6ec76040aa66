#ifndef CORE_POLICY_WITHIN_H
#define CORE_POLICY_WITHIN_H

#include "src/core/policy_set.h"

/* Whether all that a has is in b as well, `not` left aside; both are of the
 * same field. False where that is not certain. */
bool policy_within(const struct policy_match *a, const struct policy_match *b);

/* Whether nothing is in both: all of a is in `not b`. The same. */
bool policy_apart(const struct policy_match *a, const struct policy_match *b);

/* Whether it is from or to any address and port: the rule is the same without
 * it. */
bool policy_is_to_any(const struct policy_match *m);

/* The two halves of it for from and to. */
bool policy_addrs_within(
    const struct policy_match *a, const struct policy_match *b);
bool policy_ports_within(const struct port_set *a, const struct port_set *b);

/* Whether all of the range is in the set. */
bool policy_range_within(
    const struct addr_range *r, const struct addr_set *set);

#endif
