#include "dns/resolve.h"

#include "dns/resolve_own.h"

/* Whether the rules are going to be asked. Who asks is not known yet: mostly it
 * is who asked before. */
static bool
expects_rules(const struct resolve *r, uint64_t number)
{
	const struct cache_entry *entry = cache_expected(r->cache, number);
	struct denials_by by = { r->generation, askers_last(&r->askers),
		number };

	if (entry != NULL && entry->judged_policy == r->generation &&
	    entry->judged_asker == by.asker)
		return false;
	return !denials_may_have(r->denials, &by);
}

void
resolve_expect(struct resolve *r, struct asking *batch[], size_t n)
{
	struct key key;

	for (size_t i = 0; i < n; i++) {
		struct asking *a = batch[i];

		key_of_query(
		    &key, &a->query, resolve_group_of_query(r, &a->query));
		a->expected = cache_expect(r->cache, &key);
	}
	for (size_t i = 0; i < n; i++)
		cache_expect_entry(r->cache, batch[i]->expected);
	for (size_t i = 0; i < n; i++)
		if (expects_rules(r, batch[i]->expected))
			policy_expect(r->policy, &batch[i]->query.qname);
}
