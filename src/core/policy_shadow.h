#ifndef CORE_POLICY_SHADOW_H
#define CORE_POLICY_SHADOW_H

#include <stdbool.h>
#include <stddef.h>

struct policy;

/* What a rule names, one bit a field. */
struct policy_shadow_fields {
	unsigned int all;
	unsigned int narrow; /* without what is to any, or from any */
};

/* Which rules can never match, since those before them match all that they do:
 * one of these, or several that divide one of its matches among themselves
 * (10.0.0.0/9 and 10.128.0.0/9, in and out, alice and bob) and have the rest
 * whole. Only what is certain is found. */
struct policy_shadow {
	const struct policy *policy;
	/* what was found last: the first two of n_by rules, from 0, and whether
	 * queries come to it all the same */
	size_t by[2], n_by;
	bool queries;
	struct policy_shadow_fields *fields; /* of each rule */
	struct shadow_side *side;	     /* of the rule at hand */
	size_t n_sides;
};

/* Borrows the policy. NULL when there is no memory. */
struct policy_shadow *policy_shadow_new(const struct policy *policy);
void policy_shadow_free(struct policy_shadow *shadow); /* accepts NULL */

/* Whether rule n (from 0) can't match. Takes time with the number of those
 * before it, and no longer however much they name. */
bool policy_shadow_find(struct policy_shadow *shadow, size_t n);

#endif
