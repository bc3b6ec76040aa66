#ifndef CORE_HITS_H
#define CORE_HITS_H

#include <stdint.h>

#include "src/base/mono.h"
#include "src/core/policy.h"

/* How often each rule of a policy decided about a flow: beside the policy,
 * which does not change. */
struct hits;

struct rule_hits {
	uint64_t count;
	mono_t since; /* counted from then on */
	mono_t last;  /* of the last one, if any */
};

/* For all rules of a policy; those that were in `before` too, by file and
 * text, are to go on counting from there (NULL: none). Neither is kept, and
 * both are only read: it may be called off the loop. NULL when there is no
 * memory. */
struct hits *hits_new(const struct policy *policy, const struct policy *before);
void hits_free(struct hits *hits); /* accepts NULL */

/* Takes over what those of `before` (NULL: none) have counted. */
void hits_carry(struct hits *hits, const struct hits *before, mono_t now);

/* Rules are numbered from 1; a number that no rule has is left alone. */
void hits_count(struct hits *hits, uint32_t rule, mono_t now);

/* NULL if there is no such rule. */
const struct rule_hits *hits_get(const struct hits *hits, uint32_t rule);

#endif
