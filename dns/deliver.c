#include "dns/resolve_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/addresses.h"
#include "dns/listed.h"
#include "src/core/lists.h"

uint32_t
resolve_limit(const struct query *q, bool tcp)
{
	if (tcp)
		return WIRE_MESSAGE_MAX;
	return q->size < QUERY_UDP_MAX ? q->size : QUERY_UDP_MAX;
}

/* The addresses of the answer, for the record. */
static void
note_addresses(struct record *rec, const struct answer *a)
{
	struct addresses addresses;

	for (unsigned int i = 0;
	     i < a->n_answer && rec->n_addrs < RECORD_ADDRS_MAX; i++) {
		addresses_of(&addresses, a, i);
		while (rec->n_addrs < RECORD_ADDRS_MAX &&
		       addresses_next(&addresses, &rec->addrs[rec->n_addrs]))
			rec->n_addrs++;
	}
}

/* 0.0.0.0 and the like: the name is blocked by that. */
static bool
leads_nowhere(const struct record *rec)
{
	for (size_t i = 0; i < rec->n_addrs; i++)
		if (!addr_is_any(&rec->addrs[i]) &&
		    !addr_is_loopback(&rec->addrs[i]))
			return false;
	return rec->n_addrs > 0;
}

/* As it is told, by what goes with the answer or the answer itself. */
static void
note_why(
    struct record *rec, const struct answer *a, const struct reply_opts *opts)
{
	bool with = opts->ede != EDE_NONE;

	rec->ede = with ? opts->ede : a->ede;
	rec->ede_text = with ? opts->ede_text : a->ede_text;
}

static uint8_t
forward_of(
    struct resolve *r, const struct asked *asked, const struct outcome *o)
{
	const struct name *zone;

	if (o->key == NULL || o->key->group == 0 || o->from == FROM_LOCAL ||
	    o->from == FROM_HOSTS || o->from == FROM_LIST ||
	    resolve_is_tunnelled(r, o->key->group))
		return 0;
	(void)resolve_group(r, o->key->group, &zone);
	/* not what an alias of a list leads to */
	return name_in(&asked->q->qname, zone) ? zone->len : 0;
}

/* opts: NULL for what was denied, of which the rule says why. */
static void
note(struct resolve *r, const struct asked *asked, const struct outcome *o,
    const struct reply_opts *opts, mono_t now)
{
	const struct client *client = asked->client;
	struct record rec;

	rec.time = asked->began;
	rec.client = client->addr;
	rec.port = client->port;
	rec.tcp = client->tcp;
	rec.captured = client->captured;
	rec.elsewhere = client->elsewhere;
	rec.answered = o->answer != NULL;
	rec.rcode = o->answer != NULL ? o->answer->rcode : RCODE_NOERROR;
	rec.n_addrs = 0;
	rec.from = o->from;
	rec.qtype = asked->q->qtype;
	rec.elapsed_us = (uint32_t)(mono_since(now, asked->began) / 1000);
	rec.decision = asked->decision;
	rec.policy = r->policy;
	rec.process = client->asker->process;
	rec.by = client->by;
	rec.ttl = o->answer != NULL ? o->answer->ttl : 0;
	rec.group = o->key != NULL ? o->key->group : 0;
	rec.forward = forward_of(r, asked, o);
	rec.ede = EDE_NONE;
	rec.ede_text = "";
	if (opts != NULL)
		note_why(&rec, o->answer, opts);
	rec.upstream.family = ADDR_NONE;
	if (o->upstream != NULL) {
		rec.upstream = o->upstream->spec.addr;
		rec.upstream_port = o->upstream->spec.port;
		rec.upstream_tls = upstream_is_tls(&o->upstream->spec);
	}
	rec.learnt = !asked->judged;
	rec.led = asked->led;
	rec.target = asked->target;
	rec.denied = asked->denied;
	rec.qname.len = asked->q->qname.len;
	memcpy(rec.qname.wire, asked->q->qname.wire, rec.qname.len);
	if (o->answer != NULL)
		note_addresses(&rec, o->answer);
	rec.own = asked->led || (asked->own && !leads_nowhere(&rec));
	r->ops.done(r->ops.arg, client, &rec, o->answer);
}

/* Of the rule that blocks, for the EDE: a person reads it in dig. Mostly the
 * same one blocks again. */
static const char *
rule_text(struct resolve *r, const struct decision *d)
{
	const struct policy_rule *rule = policy_rule_get(r->policy, d->rule);
	const char *slash;

	if (rule == NULL)
		return reason_name(d->reason);
	if (rule == r->text_of && r->generation == r->text_generation)
		return r->text;
	r->text_of = rule;
	r->text_generation = r->generation;
	slash = strrchr(rule->file, '/');
	(void)snprintf(r->text, sizeof(r->text), "%s:%u%s%s",
	    slash != NULL ? slash + 1 : rule->file, rule->line,
	    rule->label != NULL ? " " : "",
	    rule->label != NULL ? rule->label : ""); /* cut where too long */
	return r->text;
}

/* What was denied, of an answer or of what a list leads to. */
static void
note_denied(struct asked *asked, const struct outcome *o, struct name *space)
{
	const struct asker_told *told = &asked->client->asker->told;

	if (asked->alias)
		asked->target = &o->key->name;
	if (o->answer == NULL)
		return;
	asked->denied = told->addr;
	if (told->target && addresses_target(space, o->answer, told->record))
		asked->target = space;
}

/* Of a name of which only some types are denied the answer is empty: a program
 * would take an address of ours for one more of it, and others (musl, caches)
 * that it is not there for one that it has not at all. */
static const struct filter_answer *
block_answer(
    const struct resolve *r, const struct asked *asked, const struct key *asks)
{
	static const struct filter_answer nothing = { .block = FILTER_NODATA };
	struct key key;

	if (asked->denied.family != ADDR_NONE ||
	    !policy_judges_types(r->policy, asked->decision.list))
		return &r->conf.block;
	key_copy(&key, asks);
	if (asked->target != NULL) {
		key.name.len = asked->target->len;
		memcpy(key.name.wire, asked->target->wire, key.name.len);
	}
	return filter_is_for_type(r->policy, asked->client->asker, &key)
		   ? &nothing
		   : &r->conf.block;
}

/* What the list itself has to say: of the name, or of the name that it is an
 * alias of, behind that alias. It leads no further, and where the list has no
 * records for it, it is denied as any name is. */
static bool
list_says(struct resolve *r, const struct list_index *l,
    const struct asked *asked, const struct outcome *found, struct answer *ret,
    bool *ret_silent)
{
	struct answer behind;
	struct name further;
	struct key key;

	if (!asked->alias)
		return listed_answer(
		    ret, &r->denied, l, found->key, found->answer, ret_silent);
	if (found->answer != NULL ||
	    listed_target(&further, l, &found->key->name, found->key->type) ||
	    !listed_answer(&behind, &r->space, l, found->key, NULL, ret_silent))
		return false;
	if (*ret_silent)
		return true;
	if (behind.rcode != RCODE_NOERROR)
		return false;
	key_of_query(&key, asked->q, 0);
	listed_alias(ret, &r->denied, &key, &found->key->name, &behind);
	return true;
}

size_t
outcome_deny(struct resolve *r, struct asked *asked,
    const struct outcome *found, uint8_t *out, mono_t now)
{
	struct outcome o = *found;
	struct reply_opts opts = { .ede = EDE_NONE,
		.tcp = asked->client->tcp,
		.limit = resolve_limit(asked->q, asked->client->tcp) };
	const struct list_index *l =
	    policy_list_index(r->policy, asked->decision.list);
	struct answer answer;
	bool silent = asked->decision.action == ACTION_DROP;
	const char *why = "";
	struct name target;
	struct key key;

	note_denied(asked, found, &target);
	if (asked->q->edns) /* there is no EDE without */
		why = rule_text(r, &asked->decision);
	if (asked->alias) { /* what was found is of another name */
		key_of_query(&key, asked->q, 0);
		o.key = &key;
	}
	if (l != NULL && !silent &&
	    list_says(r, l, asked, found, &answer, &silent)) {
		asked->own = answer.ede == EDE_FORGED;
		answer.ede = answer.n_answer > 0 ? EDE_FORGED : EDE_BLOCKED;
		answer.ede_text = why;
	} else {
		filter_blocked(&answer, &r->denied, o.key,
		    block_answer(r, asked, o.key), why);
	}
	o.entry = NULL;
	o.answer = NULL;
	o.from = asked->decision.list != 0 ? FROM_LIST : FROM_LOCAL;
	list_index_hit(l);
	if (silent) {
		r->stats.dropped++;
		note(r, asked, &o, NULL, now);
		return 0;
	}
	r->stats.blocked++;
	o.answer = &answer;
	note(r, asked, &o, NULL, now);
	return reply_build(out, &answer, asked->q, &opts);
}

static void
count(struct resolve *r, const struct outcome *o)
{
	switch (o->from) {
	case FROM_CACHE:
		r->stats.hits++;
		break;
	case FROM_STALE:
		r->stats.stale++;
		break;
	case FROM_HOSTS:
		r->stats.hosts++;
		break;
	case FROM_LOCAL:
		r->stats.local++;
		break;
	case FROM_UPSTREAM:
	case FROM_LIST:
	case FROM_NONE:
		break;
	}
	if (o->answer->rcode == RCODE_SERVFAIL)
		r->stats.servfail++;
}

size_t
outcome_deliver(struct resolve *r, struct asked *asked,
    const struct outcome *found, uint8_t *out, mono_t now)
{
	struct outcome o = *found;
	struct reply_opts opts = { .ede = EDE_NONE,
		.tcp = asked->client->tcp,
		.limit = resolve_limit(asked->q, asked->client->tcp),
		.age = o.age,
		.stale = o.stale };
	struct answer made;
	struct key key;

	if (asked->alias) {
		key_of_query(&key, asked->q, 0);
		listed_alias(&made, &r->denied, &key, &o.key->name, o.answer);
		o.answer = &made;
		o.entry = NULL;
		o.from = FROM_LIST;
		asked->led = true;
	}
	if (o.entry != NULL && !asked->judged) {
		o.entry->judged_policy = r->generation;
		o.entry->judged_asker = asked->client->asker->id;
		o.entry->judged_until = mono_add(now, RESOLVE_JUDGED_NS);
		o.entry->judged = asked->decision;
	}
	if (o.stale) {
		opts.ede = o.answer->rcode == RCODE_NXDOMAIN
			       ? EDE_STALE_NXDOMAIN
			       : EDE_STALE;
		opts.ede_text = o.refused ? "the upstreams answer with errors"
					  : "no upstream answers";
	}
	count(r, &o);
	note(r, asked, &o, &opts, now);
	return reply_build(out, o.answer, asked->q, &opts);
}

void
waiter_free(struct resolve *r, struct waiter *take)
{
	list_remove(&take->node);
	list_remove(&take->beside);
	take->client.asker->waiting--;
	take->client.asker->user->waiting--;
	r->n_waiters--;
	free(take);
}

static void
tell(struct resolve *r, const struct client *client, size_t len)
{
	if (len > 0)
		r->ops.reply(r->ops.arg, client, r->out, len);
	else
		r->ops.dropped(r->ops.arg, client);
}

enum filter_found
outcome_judge(struct resolve *r, struct asker *asker, const struct outcome *o,
    uint64_t number, mono_t now)
{
	struct asker_told *told = &asker->told;
	struct filter_answered a = { .key = o->key,
		.answer = o->answer,
		.is_here = r->ops.is_here,
		.arg = r->ops.arg };

	if (told->number == number)
		return told->found;
	told->number = number;
	told->noted = false;
	for (;; a.record++) {
		told->found = filter_answer(r->policy, asker, &a);
		told->record = a.record;
		told->why = a.decision;
		told->target = a.target;
		told->addr = a.addr;
		if (told->found != FILTER_AWAY || away_takes(r, asker, o, now))
			return told->found;
	}
}

static void
tell_one(struct resolve *r, struct waiter *take, struct asked *asked,
    const struct outcome *outcome, mono_t now)
{
	struct client client = take->client;
	size_t len = outcome_deliver(r, asked, outcome, r->out, now);

	waiter_free(r, take);
	tell(r, &client, len);
}

static struct asked
asked_by(const struct waiter *waiter)
{
	return (struct asked){ .q = &waiter->query,
		.client = &waiter->client,
		.decision = waiter->decision,
		.began = waiter->began,
		.alias = waiter->alias };
}

void
waiter_deliver(struct resolve *r, struct waiter *take,
    const struct outcome *outcome, mono_t now)
{
	struct asked asked = asked_by(take);

	tell_one(r, take, &asked, outcome, now);
}

static void
answer_one(struct resolve *r, struct waiter *take,
    const struct outcome *outcome, uint64_t number, mono_t now)
{
	struct asked asked = asked_by(take);
	struct client client = take->client;
	struct asker_told *told = &client.asker->told;
	size_t len;

	switch (outcome_judge(r, client.asker, outcome, number, now)) {
	case FILTER_PASSES:
		/* an alias has another name to be learnt */
		asked.judged = told->noted && !take->alias;
		told->noted = told->noted || !take->alias;
		tell_one(r, take, &asked, outcome, now);
		break;
	case FILTER_DENIED:
		asked.decision = told->why;
		len = outcome_deny(r, &asked, outcome, r->out, now);
		waiter_free(r, take);
		tell(r, &client, len);
		break;
	case FILTER_AWAY:
		away_take(r, take, outcome, now);
		break;
	}
}

void
waiter_answer(struct resolve *r, struct waiter *take,
    const struct outcome *outcome, mono_t now)
{
	answer_one(r, take, outcome, ++r->n_told, now);
}

static void
ask_anew(struct resolve *r, struct waiter *take, mono_t now)
{
	struct asking a = { .kind = QUERY_GOOD,
		.query = take->query,
		.client = take->client,
		.out = r->out };

	waiter_free(r, take);
	r->stats.queries--; /* it has been counted */
	switch (resolve_query(r, &a, now)) {
	case RESOLVE_ANSWERED:
		tell(r, &a.client, a.len);
		break;
	case RESOLVE_WAITING:
		break;
	case RESOLVE_SILENT:
		tell(r, &a.client, 0);
		break;
	}
}

void
waiters_ask(struct resolve *r, struct list *waiters, mono_t now)
{
	/* whoever hangs up meanwhile takes others out of the list */
	while (!list_empty(waiters))
		ask_anew(
		    r, container_of(waiters->next, struct waiter, node), now);
}

void
waiters_answer(struct resolve *r, struct list *waiters,
    const struct outcome *outcome, mono_t now)
{
	uint64_t number = ++r->n_told;
	struct list old;

	list_init(&old);
	while (!list_empty(waiters)) {
		struct waiter *waiter =
		    container_of(waiters->next, struct waiter, node);

		if (waiter->generation == r->generation) {
			answer_one(r, waiter, outcome, number, now);
			continue;
		}
		list_remove(&waiter->node);
		list_append(&old, &waiter->node);
	}
	waiters_ask(r, &old, now);
}
