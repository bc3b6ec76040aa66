#include "dns/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "dns/listed.h"
#include "dns/local.h"
#include "dns/resolve_own.h"
#include "src/core/fakeip.h"
#include "src/core/lists.h"

/* Errors that need no look-up. By UDP a stranger's address may be another
 * one's, who is to get little more than the query: the code says enough. */
static enum resolve_result
refuse(
    struct asking *a, unsigned int rcode, enum wire_ede ede, const char *text)
{
	struct reply_opts opts = { .ede = (int16_t)ede,
		.ede_text = a->foreign && !a->client.tcp ? "" : text,
		.tcp = a->client.tcp,
		.limit = resolve_limit(&a->query, a->client.tcp) };

	a->len = reply_error(a->out, &a->query, rcode, &opts);
	return RESOLVE_ANSWERED;
}

/* What its form alone says; RESOLVE_WAITING: go on. */
static enum resolve_result
check_form(struct resolve *r, struct asking *a)
{
	switch (a->kind) {
	case QUERY_IGNORED:
		r->stats.malformed++;
		return RESOLVE_SILENT;
	case QUERY_FORMERR:
		r->stats.malformed++;
		return refuse(a, RCODE_FORMERR, EDE_OTHER, "malformed");
	case QUERY_NOTIMP:
		r->stats.refused++;
		a->query.qname.len = 0;
		return refuse(a, RCODE_NOTIMP, EDE_NOT_SUPPORTED, "opcode");
	case QUERY_BADVERS:
		return refuse(
		    a, RCODE_BADVERS, EDE_NOT_SUPPORTED, "version of EDNS");
	case QUERY_REFUSED:
		r->stats.refused++;
		return refuse(
		    a, RCODE_REFUSED, EDE_NOT_SUPPORTED, "query type");
	case QUERY_GOOD:
		break;
	}
	if (a->foreign) {
		r->stats.refused++;
		return refuse(a, RCODE_REFUSED, EDE_PROHIBITED,
		    "not a client of this resolver");
	}
	if (a->query.qclass == CLASS_CH || a->query.qclass >= CLASS_NONE) {
		r->stats.refused++;
		return refuse(a, RCODE_REFUSED, EDE_NOT_SUPPORTED, "class");
	}
	return RESOLVE_WAITING;
}

static struct waiter *
waiter_new(struct resolve *r, const struct asking *a, const struct asked *asked)
{
	struct waiter *waiter = malloc(sizeof(*waiter));

	if (waiter == NULL)
		return NULL;
	waiter->client = a->client;
	query_copy(&waiter->query, &a->query);
	waiter->decision = asked->decision;
	waiter->generation = r->generation;
	waiter->began = asked->began;
	waiter->alias = asked->alias;
	list_init(&waiter->node);
	list_init(&waiter->beside);
	if (a->client.waits != NULL)
		list_append(a->client.waits, &waiter->beside);
	r->n_waiters++;
	a->client.asker->waiting++;
	a->client.asker->user->waiting++;
	return waiter;
}

/* More queries of this program wait than is its share. */
static bool
is_over(const struct resolve *r, const struct asker *asker)
{
	size_t left = RESOLVE_WAITERS_MAX - r->n_waiters;

	return asker->waiting > left / RESOLVE_SHARE ||
	       asker->user->waiting > left;
}

/* Over a limit, or no memory. */
static enum resolve_result
limited(struct resolve *r, struct asking *a)
{
	if (is_over(r, a->client.asker) || task_is_over(r, a->client.asker)) {
		r->stats.limited++;
		return refuse(a, RCODE_REFUSED, EDE_PROHIBITED,
		    "too many queries of this program or user wait");
	}
	r->stats.full++;
	return refuse(a, RCODE_SERVFAIL, EDE_OTHER, "too many queries wait");
}

/* An alias leads to what the usual servers are not asked about: for who asks
 * now, another answer is found. */
static enum resolve_result
lead_away(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *o, mono_t now)
{
	struct waiter *waiter;

	if (r->n_waiters >= RESOLVE_WAITERS_MAX || is_over(r, a->client.asker))
		return limited(r, a);
	waiter = waiter_new(r, a, asked);
	if (waiter == NULL)
		return limited(r, a);
	away_take(r, waiter, o, now);
	return RESOLVE_WAITING;
}

static enum resolve_result
deny(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *o, mono_t now)
{
	a->len = outcome_deny(r, asked, o, a->out, now);
	return a->len > 0 ? RESOLVE_ANSWERED : RESOLVE_SILENT;
}

/* Judges what is answered, where that has not been done for this program, and
 * answers. */
static enum resolve_result
finish(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *o, mono_t now)
{
	struct asker *asker = a->client.asker;

	if (o->from != FROM_LOCAL && !asked->judged) {
		switch (outcome_judge(r, asker, o, ++r->n_told, now)) {
		case FILTER_PASSES:
			break;
		case FILTER_DENIED:
			asked->decision = asker->told.why;
			return deny(r, a, asked, o, now);
		case FILTER_AWAY:
			return lead_away(r, a, asked, o, now);
		}
	}
	a->len = outcome_deliver(r, asked, o, a->out, now);
	return a->len > 0 ? RESOLVE_ANSWERED : RESOLVE_SILENT;
}

/* Asks again in time, so that the next one does not wait. */
static void
prefetch(struct resolve *r, const struct key *key, struct asker *asker,
    const struct cache_entry *entry, mono_t now)
{
	uint32_t age = resolve_age(r, entry, now), ttl = entry->answer.ttl;
	struct task *task;

	if (ttl < 10 || age < ttl - ttl / 10 ||
	    mono_before(now, entry->rests_until))
		return;
	if (task_find(r, key) != NULL)
		return;
	task = task_new(r, key, asker, now);
	if (task != NULL) {
		r->stats.prefetched++;
		task_start(r, task, now);
	}
}

static enum resolve_result
hit(struct resolve *r, struct asking *a, struct asked *asked, struct outcome *o,
    mono_t now)
{
	enum resolve_result result;

	o->answer = &o->entry->answer;
	o->from = FROM_CACHE;
	o->age = resolve_age(r, o->entry, now);
	result = finish(r, a, asked, o, now);
	if (o->entry != NULL && result == RESOLVE_ANSWERED)
		prefetch(r, o->key, a->client.asker, o->entry, now);
	return result;
}

/* Each miss looks for one at each level, and mostly there are none. */
static struct cache_entry *
find_untyped(struct resolve *r, const struct key *key)
{
	return cache_has_untyped(r->cache, key->name.len)
		   ? cache_find(r->cache, key)
		   : NULL;
}

/* NXDOMAIN of this name for all types, or of one above it (RFC 8020). */
static bool
find_cut(struct resolve *r, const struct key *key, mono_t now,
    struct outcome *ret, struct answer *made)
{
	struct cache_entry *entry;
	struct key above;

	key_copy(&above, key);
	above.type = TYPE_NONE;
	entry = find_untyped(r, &above);
	if (entry != NULL && resolve_is_fresh(r, entry, now)) {
		ret->entry = entry;
		return true;
	}
	if ((key->flags & KEY_DO) != 0)
		return false; /* its proof is not ours to make */
	while (wire_name_up(&above.name) && !name_is_root(&above.name)) {
		entry = find_untyped(r, &above);
		if (entry == NULL || !resolve_is_fresh(r, entry, now))
			continue;
		local_below(made, &r->space, key, &entry->answer,
		    resolve_age(r, entry, now));
		ret->answer = made;
		ret->from = FROM_CACHE;
		return true;
	}
	return false;
}

/* RFC 8767 section 4: that somebody could not tell is no answer to be given
 * when it has expired. */
static bool
is_data(const struct cache_entry *entry)
{
	return entry != NULL && !resolve_is_error(entry);
}

bool
resolve_find_stale(
    struct resolve *r, const struct key *key, mono_t now, struct outcome *ret)
{
	struct cache_entry *entry = cache_find(r->cache, key), *none;
	struct key any;

	/* NXDOMAIN is kept for all types; of what has expired the last word
	 * counts */
	key_copy(&any, key);
	any.type = TYPE_NONE;
	none = find_untyped(r, &any);
	if (!is_data(entry) || (none != NULL && none->number > entry->number &&
				   !resolve_is_fresh(r, entry, now)))
		entry = none;
	if (!is_data(entry) ||
	    resolve_age(r, entry, now) >=
		(uint64_t)entry->answer.ttl + r->conf.stale_max)
		return false;
	ret->entry = entry;
	ret->answer = &entry->answer;
	ret->from = FROM_STALE;
	ret->stale = true;
	return true;
}

/* No upstream answers, or none could tell a moment ago: what had expired is
 * given at once, and in time one query tries all the same. */
static enum resolve_result
give_stale(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *stale, mono_t now)
{
	const struct key *key = stale->key;
	enum resolve_result result = finish(r, a, asked, stale, now);
	bool rests = mono_before(now, stale->entry->rests_until);
	struct task *task = !rests && task_find(r, key) == NULL
				? task_new(r, key, a->client.asker, now)
				: NULL;

	if (task != NULL)
		task_start(r, task, now);
	return result;
}

static enum resolve_result
ask_upstream(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *o, mono_t now)
{
	struct outcome stale = *o;
	struct waiter *waiter;
	struct task *task;
	bool has_stale;

	if ((a->query.flags & WIRE_RD) == 0) {
		r->stats.refused++;
		return refuse(a, RCODE_REFUSED, EDE_OTHER,
		    "recursion was not desired, and it is not in the cache");
	}
	has_stale = resolve_find_stale(r, o->key, now, &stale);
	if (has_stale && mono_before(now, stale.entry->rests_until)) {
		stale.refused = stale.entry->refused;
		return give_stale(r, a, asked, &stale, now);
	}
	if (has_stale && resolve_is_down(r, o->key->group))
		return give_stale(r, a, asked, &stale, now);
	if (r->n_waiters >= RESOLVE_WAITERS_MAX || is_over(r, a->client.asker))
		return limited(r, a);
	task = task_find(r, o->key);
	if (task == NULL)
		task = task_new(r, o->key, a->client.asker, now);
	waiter = task != NULL ? waiter_new(r, a, asked) : NULL;
	if (waiter == NULL) {
		if (task != NULL && task->n_sent == 0)
			task_start(r, task, now); /* it is made: it is asked */
		return limited(r, a);
	}
	task->stale_waits = task->stale_waits || has_stale;
	task_wait(r, task, waiter, now);
	return RESOLVE_WAITING;
}

static enum resolve_result
look_up(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *o, mono_t now)
{
	enum record_from own;
	struct answer made;

	own = own_answer(r, o->key, &made);
	if (own != FROM_NONE) {
		o->answer = &made;
		o->from = own;
		return finish(r, a, asked, o, now);
	}
	if (find_cut(r, o->key, now, o, &made)) {
		if (o->entry != NULL)
			return hit(r, a, asked, o, now);
		return finish(r, a, asked, o, now);
	}
	return ask_upstream(r, a, asked, o, now);
}

/* What goes through a tunnel that resolves at its far side is asked of nobody
 * here: true, and it is answered. Else key says who is asked. */
static bool
answer_rerouted(struct resolve *r, struct asking *a, struct asked *asked,
    const struct decision *decision, struct key *key)
{
	struct outcome o = { .from = FROM_LOCAL, .key = key };
	struct resolve_stand_in query = { r->policy, decision, key,
		asked->client->asker, asked->began };
	struct answer made;
	struct away away;

	o.from = own_here(r, key, &made);
	if (o.from == FROM_NONE) {
		o.from = FROM_LOCAL;
		away_find(r, &query, &away, &key->group);
		if (!away_answer(r, &made, &r->space, key, &away))
			return false;
	}
	o.answer = &made;
	(void)finish(r, a, asked, &o, asked->began); /* it is no denial */
	return true;
}

/* Where a list says what other name is to be looked up, that becomes the
 * key's. */
static bool
take_alias(struct resolve *r, struct asked *asked, struct key *key)
{
	const struct list_index *l =
	    policy_list_index(r->policy, asked->decision.list);
	struct name target;

	if (asked->decision.action != ACTION_BLOCK || l == NULL ||
	    key->type == TYPE_CNAME ||
	    !listed_target(&target, l, &key->name, key->type))
		return false;
	list_index_hit(l);
	asked->alias = true;
	key->name = target;
	key->group = resolve_group_of(r, &target);
	return true;
}

/* The rules about the other name that a list leads to. RESOLVE_WAITING: go on.
 */
static enum resolve_result
judge_alias(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *o, struct key *key)
{
	struct decision to = filter_query(r->policy, a->client.asker, key);

	if (to.action == ACTION_REROUTE &&
	    answer_rerouted(r, a, asked, &to, key))
		return RESOLVE_ANSWERED;
	if (to.action == ACTION_BLOCK || to.action == ACTION_DROP) {
		asked->decision = to; /* nobody is asked about it */
		return deny(r, a, asked, o, asked->began);
	}
	o->entry = cache_find(r->cache, key);
	if (o->entry != NULL && !resolve_is_fresh(r, o->entry, asked->began))
		o->entry = NULL;
	return RESOLVE_WAITING;
}

/* A list says that this name is for TCP: over UDP, come back. */
static enum resolve_result
send_to_tcp(struct resolve *r, struct asking *a)
{
	struct reply_opts opts = { .ede = EDE_NONE,
		.limit = resolve_limit(&a->query, false) };

	r->stats.blocked++;
	a->len = reply_error(a->out, &a->query, RCODE_NOERROR, &opts);
	a->out[2] |= 0x02; /* TC */
	return RESOLVE_ANSWERED;
}

enum resolve_result
resolve_query(struct resolve *r, struct asking *a, mono_t now)
{
	struct asked asked = {
		.q = &a->query, .client = &a->client, .began = now
	};
	struct outcome o = { .from = FROM_LOCAL };
	uint64_t number = a->expected;
	enum resolve_result early;
	struct answer made;
	struct key key;

	a->expected = 0;
	r->stats.queries++;
	early = check_form(r, a);
	if (early != RESOLVE_WAITING)
		return early;
	key_of_query(&key, &a->query, resolve_group_of_query(r, &a->query));
	if (a->client.asker->process->self) {
		key.flags |= KEY_OWN;
		number = 0;
	}
	if (!a->client.tcp &&
	    filter_wants_tcp(r->policy, a->client.asker, &key))
		return send_to_tcp(r, a);
	o.key = &key;
	judged_find(r, &asked, &o, number);
	if (asked.judged)
		return hit(r, a, &asked, &o, now);
	if (judged_was_denied(r, &asked, &key, number))
		return deny(r, a, &asked, &o, now);
	asked.decision = filter_query(r->policy, a->client.asker, &key);
	if (take_alias(r, &asked, &key)) {
		early = judge_alias(r, a, &asked, &o, &key);
		if (early != RESOLVE_WAITING)
			return early;
	} else if (asked.decision.action == ACTION_BLOCK ||
		   asked.decision.action == ACTION_DROP) {
		judged_denied(r, &asked, &key, number);
		return deny(r, a, &asked, &o, now);
	}
	if (own_find_stand_in(r, &key, now, &made)) {
		o.answer = &made;
		return finish(r, a, &asked, &o, now);
	}
	if (asked.decision.action == ACTION_REROUTE) {
		if (answer_rerouted(r, a, &asked, &asked.decision, &key))
			return RESOLVE_ANSWERED;
		judged_find(r, &asked, &o, 0);
	}
	if (o.entry != NULL)
		return hit(r, a, &asked, &o, now);
	return look_up(r, a, &asked, &o, now);
}

void
resolve_tell(struct resolve *r, struct upstream *u)
{
	if (r->ops.health != NULL && upstream_tells(u))
		r->ops.health(r->ops.arg, u);
}
