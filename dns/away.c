#include "dns/task.h"

#include "dns/addresses.h"
#include "dns/local.h"
#include "src/core/fakeip.h"

/* What a rule sends through a tunnel is resolved there, or an address stands
 * for it: names that are asked for, and those that an alias leads to. The usual
 * servers are not asked about either. */

void
away_find(const struct resolve *r, const struct resolve_stand_in *query,
    struct away *ret, uint8_t *ret_group)
{
	ret->way = RESOLVE_WAY_USUAL;
	if (r->ops.stand_in != NULL)
		ret->way = r->ops.stand_in(r->ops.arg, query, &ret->stand_in);
	if (ret->way == RESOLVE_WAY_STAND_IN && query->key->class != CLASS_IN)
		ret->way = RESOLVE_WAY_NONE;
	/* whom to ask is not known */
	if (ret->way == RESOLVE_WAY_TUNNEL &&
	    !resolve_tunnel_group(r, query->decision, ret_group))
		ret->way = RESOLVE_WAY_NONE;
}

bool
away_answer(struct resolve *r, struct answer *ret, struct writer_space *space,
    const struct key *key, const struct away *away)
{
	switch (away->way) {
	case RESOLVE_WAY_USUAL:
	case RESOLVE_WAY_TUNNEL:
		return false;
	case RESOLVE_WAY_NONE:
		local_error(ret, space, key, RCODE_SERVFAIL);
		break;
	case RESOLVE_WAY_FULL:
		local_error(ret, space, key, RCODE_SERVFAIL);
		ret->ede = EDE_OTHER;
		ret->ede_text = "all addresses that stand for names are in use";
		break;
	case RESOLVE_WAY_LIMITED:
		r->stats.limited++;
		local_error(ret, space, key, RCODE_SERVFAIL);
		ret->ede = EDE_OTHER;
		ret->ede_text = "too many new names for a tunnel at once";
		break;
	case RESOLVE_WAY_STAND_IN:
		local_addresses(ret, space, key, &away->stand_in,
		    away->stand_in.family != ADDR_NONE, FAKEIP_TTL);
		break;
	}
	return true;
}

bool
away_takes(
    struct resolve *r, struct asker *asker, const struct outcome *o, mono_t now)
{
	struct asker_told *told = &asker->told;
	struct resolve_stand_in query = { r->policy, &told->why, NULL, asker,
		now };
	struct key key;
	uint8_t group;

	/* what a tunnel's servers were asked they have resolved */
	if (resolve_is_tunnelled(r, o->key->group) ||
	    !addresses_target(&key.name, o->answer, told->record))
		return false;
	key.type = o->key->type;
	key.class = o->key->class;
	key.flags = o->key->flags;
	key.group = 0;
	query.key = &key;
	away_find(r, &query, &told->away, &group);
	return told->away.way != RESOLVE_WAY_USUAL;
}

/* The answer up to the alias, and what stands for its target, in place of what
 * the usual servers said of that. */
static void
answer_here(
    struct resolve *r, struct waiter *take, const struct outcome *o, mono_t now)
{
	const struct asker_told *told = &take->client.asker->told;
	struct outcome with = { .from = FROM_LOCAL, .key = o->key };
	struct answer found, whole;
	struct key key;
	bool good;

	if (told->away.way == RESOLVE_WAY_STAND_IN) {
		key_copy(&key, o->key);
		(void)addresses_target(&key.name, o->answer, told->record);
		(void)away_answer(r, &found, &r->denied, &key, &told->away);
		good = chase_join(r, &whole, o, told->record + 1, &found);
	} else {
		good = away_answer(r, &whole, &r->away, o->key, &told->away);
	}
	if (!good)
		local_error(&whole, &r->away, o->key, RCODE_SERVFAIL);
	with.answer = &whole;
	waiter_deliver(r, take, &with, now);
}

static bool
find_kept(
    struct resolve *r, const struct key *key, mono_t now, struct outcome *ret)
{
	ret->entry = cache_find(r->cache, key);
	if (ret->entry == NULL || !resolve_is_fresh(r, ret->entry, now))
		return false;
	ret->key = key;
	ret->answer = &ret->entry->answer;
	ret->from = FROM_CACHE;
	ret->age = resolve_age(r, ret->entry, now);
	return true;
}

void
away_take(
    struct resolve *r, struct waiter *take, const struct outcome *o, mono_t now)
{
	struct asker *asker = take->client.asker;
	struct outcome kept = { .key = NULL };
	struct task *task;
	struct key key;

	take->decision = asker->told.why;
	key_copy(&key, o->key);
	key.flags |= KEY_AWAY;
	if (asker->told.away.way != RESOLVE_WAY_TUNNEL ||
	    !resolve_tunnel_group(r, &take->decision, &key.group)) {
		answer_here(r, take, o, now);
		return;
	}
	if (find_kept(r, &key, now, &kept)) {
		waiter_answer(r, take, &kept, now);
		return;
	}
	task = task_find(r, &key);
	if (task == NULL)
		task = task_follow(r, &key, o, asker, now);
	if (task == NULL) {
		asker->told.away.way = RESOLVE_WAY_NONE;
		answer_here(r, take, o, now);
		return;
	}
	/* not to be answered within this call: others are told of o */
	list_remove(&take->node);
	list_append(&task->waiters, &take->node);
}
