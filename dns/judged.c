#include "dns/resolve_own.h"

static bool
is_judged(const struct resolve *r, const struct cache_entry *entry,
    const struct client *client, mono_t now)
{
	return entry->judged_policy == r->generation &&
	       entry->judged_asker == client->asker->id &&
	       mono_before(now, entry->judged_until);
}

void
judged_find(
    struct resolve *r, struct asked *asked, struct outcome *o, uint64_t number)
{
	o->entry = cache_find_as(r->cache, o->key, number);
	if (o->entry != NULL && !resolve_is_fresh(r, o->entry, asked->began))
		o->entry = NULL;
	asked->judged = o->entry != NULL &&
			is_judged(r, o->entry, asked->client, asked->began);
	if (asked->judged)
		asked->decision = o->entry->judged;
}

static struct denials_by
by_whom(const struct resolve *r, const struct asked *asked, uint64_t number)
{
	return (struct denials_by){ r->generation, asked->client->asker->id,
		number };
}

bool
judged_was_denied(struct resolve *r, struct asked *asked, const struct key *key,
    uint64_t number)
{
	struct denials_by by = by_whom(r, asked, number);

	return denials_find(
	    r->denials, &by, key, asked->began, &asked->decision);
}

void
judged_denied(struct resolve *r, const struct asked *asked,
    const struct key *key, uint64_t number)
{
	struct denials_by by = by_whom(r, asked, number);

	denials_put(r->denials, &by, key, &asked->decision,
	    mono_add(asked->began, RESOLVE_JUDGED_NS));
}
