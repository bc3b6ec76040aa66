#ifndef DNS_DENIALS_H
#define DNS_DENIALS_H

#include "dns/key.h"
#include "src/base/mono.h"
#include "src/core/decision.h"

/* What programs were denied by a name alone, so that who asks again, as those
 * do that want advertisements, costs no more than an answer of the cache (which
 * has a memory of its own, see struct cache_entry). A table of fixed size in
 * which the younger one counts: what is not in it is judged again. */
struct denials;

/* Who asks, and by which rules. */
struct denials_by {
	uint64_t generation; /* of the policy */
	uint64_t asker;
	uint64_t
	    number; /* of the key: its hash; 0: none, and nothing is kept */
};

struct denials *denials_new(void);	    /* NULL: no memory */
void denials_free(struct denials *denials); /* accepts NULL */

/* Keeps it until then, where the name is short enough. */
void denials_put(struct denials *denials, const struct denials_by *by,
    const struct key *key, const struct decision *decision, mono_t until);

/* Whether the very same was denied; *ret says how. */
bool denials_find(const struct denials *denials, const struct denials_by *by,
    const struct key *key, mono_t now, struct decision *ret);

/* The same by the number alone, before the key is looked at: it may be wrong.
 */
bool denials_may_have(
    const struct denials *denials, const struct denials_by *by);

#endif
