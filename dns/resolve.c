#include "dns/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/addresses.h"
#include "dns/listed.h"
#include "dns/local.h"
#include "dns/resolve_own.h"
#include "dns/special.h"
#include "src/core/fakeip.h"
#include "src/core/lists.h"

/* How long a decision is kept beside an answer: names are learnt anew then, and
 * hold for an hour. */
#define JUDGED_NS (300 * MONO_S)

/* Of names that we answer ourselves. */
#define LOCAL_TTL 60

/* A query and who asks, wherever they are kept. */
struct asked {
	const struct query *q;
	const struct client *client;
	struct decision decision;
	mono_t began;
	bool judged; /* the answer too: as kept with it */
	bool alias;  /* a list says to look up another name instead */
};

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

static void
note(struct resolve *r, const struct asked *asked, const struct outcome *o,
    mono_t now)
{
	const struct client *client = asked->client;
	struct record rec;

	rec.time = asked->began;
	rec.client = client->addr;
	rec.port = client->port;
	rec.tcp = client->tcp;
	rec.captured = client->captured;
	rec.answered = o->answer != NULL;
	rec.rcode = o->answer != NULL ? o->answer->rcode : RCODE_NOERROR;
	rec.n_addrs = 0;
	rec.from = o->from;
	rec.qtype = asked->q->qtype;
	rec.elapsed_us = (uint32_t)(mono_since(now, asked->began) / 1000);
	rec.decision = asked->decision;
	rec.policy = r->policy;
	rec.process = client->asker->process;
	rec.ttl = o->answer != NULL ? o->answer->ttl : 0;
	rec.upstream.family = ADDR_NONE;
	if (o->upstream != NULL) {
		rec.upstream = o->upstream->spec.addr;
		rec.upstream_port = o->upstream->spec.port;
		rec.upstream_tls = upstream_is_tls(&o->upstream->spec);
	}
	rec.learnt = !asked->judged;
	rec.qname.len = asked->q->qname.len;
	memcpy(rec.qname.wire, asked->q->qname.wire, rec.qname.len);
	if (o->answer != NULL)
		note_addresses(&rec, o->answer);
	r->ops.done(r->ops.arg, &rec, o->answer);
}

/* Of the rule that blocks, for the EDE: a person reads it in dig. */
static const char *
rule_text(struct resolve *r, const struct decision *d)
{
	const struct policy_rule *rule = policy_rule_get(r->policy, d->rule);
	const char *slash;

	if (rule == NULL)
		return reason_name(d->reason);
	slash = strrchr(rule->file, '/');
	(void)snprintf(r->text, sizeof(r->text), "%s:%u%s%s",
	    slash != NULL ? slash + 1 : rule->file, rule->line,
	    rule->label != NULL ? " " : "",
	    rule->label != NULL ? rule->label : ""); /* cut where too long */
	return r->text;
}

/* The answer of a query that a rule forbids. 0: none. */
static size_t
deny(struct resolve *r, struct asked *asked, struct outcome *o, uint8_t *out,
    mono_t now)
{
	struct reply_opts opts = { .ede = EDE_NONE,
		.tcp = asked->client->tcp,
		.limit = resolve_limit(asked->q, asked->client->tcp) };
	const struct list_index *l =
	    policy_list_index(r->policy, asked->decision.list);
	struct answer answer;
	bool silent = asked->decision.action == ACTION_DROP;
	struct key key;

	if (asked->alias) { /* what was found is of another name */
		key_of_query(&key, asked->q, 0);
		o->key = &key;
	}
	if (l != NULL && !silent && !asked->alias &&
	    listed_answer(&answer, &r->denied, l, o->key, o->answer, &silent)) {
		answer.ede = answer.n_answer > 0 ? EDE_FORGED : EDE_BLOCKED;
		answer.ede_text = rule_text(r, &asked->decision);
	} else {
		filter_blocked(&answer, &r->denied, o->key, &r->conf.block,
		    rule_text(r, &asked->decision));
	}
	o->entry = NULL;
	o->answer = NULL;
	o->from = asked->decision.list != 0 ? FROM_LIST : FROM_LOCAL;
	list_index_hit(l);
	if (silent) {
		r->stats.dropped++;
		note(r, asked, o, now);
		return 0;
	}
	r->stats.blocked++;
	o->answer = &answer;
	note(r, asked, o, now);
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
		break;
	}
	if (o->answer->rcode == RCODE_SERVFAIL)
		r->stats.servfail++;
}

/* Judges what is answered, where that has not been done for this program, and
 * writes the answer. 0: there is to be none. */
static size_t
deliver(struct resolve *r, struct asked *asked, struct outcome *o, uint8_t *out,
    mono_t now)
{
	struct reply_opts opts = { .ede = EDE_NONE,
		.tcp = asked->client->tcp,
		.limit = resolve_limit(asked->q, asked->client->tcp),
		.age = o->age,
		.stale = o->stale };
	bool foreign = o->from != FROM_LOCAL && o->from != FROM_HOSTS;
	struct answer made;
	struct key key;

	if (!asked->judged && foreign &&
	    !filter_answer(r->policy, asked->client->asker->process, o->key,
		o->answer, &asked->decision))
		return deny(r, asked, o, out, now);
	if (asked->alias) {
		key_of_query(&key, asked->q, 0);
		listed_alias(&made, &r->denied, &key, &o->key->name, o->answer);
		o->answer = &made;
		o->entry = NULL;
		o->from = FROM_LIST;
	}
	if (o->entry != NULL && !asked->judged) {
		o->entry->judged_policy = r->generation;
		o->entry->judged_asker = asked->client->asker->id;
		o->entry->judged_until = mono_add(now, JUDGED_NS);
		o->entry->judged = asked->decision;
	}
	if (o->stale) {
		opts.ede = o->answer->rcode == RCODE_NXDOMAIN
			       ? EDE_STALE_NXDOMAIN
			       : EDE_STALE;
		opts.ede_text = "no upstream answers";
	}
	count(r, o);
	note(r, asked, o, now);
	return reply_build(out, o->answer, asked->q, &opts);
}

static enum resolve_result
finish(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *o, mono_t now)
{
	a->len = deliver(r, asked, o, a->out, now);
	return a->len > 0 ? RESOLVE_ANSWERED : RESOLVE_SILENT;
}

/* Errors that need no look-up. */
static enum resolve_result
refuse(
    struct asking *a, unsigned int rcode, enum wire_ede ede, const char *text)
{
	struct reply_opts opts = { .ede = (int16_t)ede,
		.ede_text = text,
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
		return refuse(a, RCODE_BADVERS, EDE_NONE, "");
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

/* The longest zone of the forwards that the name is in. */
static uint8_t
group_of(const struct resolve *r, const struct name *name)
{
	size_t best = 0, len = 0;

	for (size_t i = 0; i < r->conf.n_forwards; i++) {
		const struct name *zone = &r->conf.forwards[i].zone;

		if (zone->len > len && name_in(name, zone)) {
			best = i + 1;
			len = zone->len;
		}
	}
	return (uint8_t)best;
}

static bool
is_judged(const struct resolve *r, const struct cache_entry *entry,
    const struct client *client, mono_t now)
{
	return entry->judged_policy == r->generation &&
	       entry->judged_asker == client->asker->id &&
	       mono_before(now, entry->judged_until);
}

/* Asks again in time, so that the next one does not wait. */
static void
prefetch(struct resolve *r, const struct key *key,
    const struct cache_entry *entry, mono_t now)
{
	uint32_t age = cache_age(entry, now), ttl = entry->answer.ttl;
	struct task *task;

	if (ttl < 10 || age < ttl - ttl / 10)
		return;
	task = task_get(r, key, now);
	if (task != NULL && task->n_sent == 0) {
		r->stats.prefetched++;
		task_start(r, task, now);
	}
}

static enum resolve_result
hit(struct resolve *r, struct asking *a, struct asked *asked, struct outcome *o,
    mono_t now)
{
	o->answer = &o->entry->answer;
	o->from = FROM_CACHE;
	o->age = cache_age(o->entry, now);
	finish(r, a, asked, o, now);
	if (o->entry != NULL && a->len > 0)
		prefetch(r, o->key, o->entry, now);
	return a->len > 0 ? RESOLVE_ANSWERED : RESOLVE_SILENT;
}

/* Of a hosts file, both directions. */
static bool
find_hosts(struct resolve *r, const struct key *key, struct answer *ret)
{
	struct addr addrs[HOSTS_MAX], addr;
	struct name names[HOSTS_MAX];
	size_t n;

	if (r->hosts == NULL)
		return false;
	switch (key->type) {
	case TYPE_PTR:
		n = special_reverse(&key->name, &addr)
			? hosts_names(r->hosts, &addr, names)
			: 0;
		if (n > 0)
			local_names(ret, &r->space, key, names, n, LOCAL_TTL);
		return n > 0;
	case TYPE_A:
	case TYPE_AAAA:
	case TYPE_ANY:
	case TYPE_HTTPS:
	case TYPE_SVCB:
		n = hosts_addresses(r->hosts, &key->name, addrs);
		if (n > 0)
			local_addresses(
			    ret, &r->space, key, addrs, n, LOCAL_TTL);
		return n > 0;
	default:
		return false;
	}
}

static void
answer_localhost(struct resolve *r, const struct key *key, struct answer *ret)
{
	static const uint8_t four[4] = { 127, 0, 0, 1 }, six[16] = { [15] = 1 };
	struct addr addrs[2] = { addr_ip4(four), addr_ip6(six) };

	local_addresses(ret, &r->space, key, addrs, 2, LOCAL_TTL);
}

/* Single labels are for the client's search list, not for the world (RFC 8499
 * knows no such hosts); the types that speak of top-level domains pass. */
static bool
is_single(const struct key *key)
{
	return name_n_labels(&key->name) == 1 &&
	       (key->type == TYPE_A || key->type == TYPE_AAAA ||
		   key->type == TYPE_ANY || key->type == TYPE_HTTPS ||
		   key->type == TYPE_SVCB || key->type == TYPE_MX);
}

/* Names that are nobody's to ask about, unless the settings say whom. */
static bool
find_own(struct resolve *r, const struct key *key, struct answer *ret)
{
	struct name canary, host = name_of("localhost");
	enum special is;

	if (key->class != CLASS_IN || key->group != 0)
		return false;
	if (r->conf.host.len > 0 && name_equal(&key->name, &r->conf.host)) {
		answer_localhost(r, key, ret);
		return true;
	}
	is = special_find(&key->name);
	canary = name_of("use-application-dns.net");
	if (r->conf.capture && name_in(&key->name, &canary))
		is = SPECIAL_NXDOMAIN;
	if (is == SPECIAL_NONE && is_single(key))
		is = SPECIAL_NXDOMAIN;
	switch (is) {
	case SPECIAL_NONE:
		return false;
	case SPECIAL_LOCALHOST:
		answer_localhost(r, key, ret);
		return true;
	case SPECIAL_LOOPBACK:
		local_names(ret, &r->space, key, &host, 1, LOCAL_TTL);
		return true;
	case SPECIAL_NXDOMAIN:
		local_negative(ret, &r->space, key, RCODE_NXDOMAIN, LOCAL_TTL);
		break;
	case SPECIAL_NODATA:
		local_negative(ret, &r->space, key, RCODE_NOERROR, LOCAL_TTL);
		break;
	}
	ret->ede = EDE_SYNTHESIZED;
	ret->ede_text = "a name that is not asked for upstream";
	return true;
}

/* NXDOMAIN of this name for all types, or of one above it (RFC 8020). */
static bool
find_cut(struct resolve *r, const struct key *key, mono_t now,
    struct outcome *ret, struct answer *made)
{
	struct key above = *key;
	struct cache_entry *entry;

	above.type = TYPE_NONE;
	entry = cache_find(r->cache, &above);
	if (entry != NULL && cache_is_fresh(entry, now)) {
		ret->entry = entry;
		return true;
	}
	if ((key->flags & KEY_DO) != 0)
		return false; /* its proof is not ours to make */
	while (wire_name_up(&above.name) && !name_is_root(&above.name)) {
		entry = cache_find(r->cache, &above);
		if (entry == NULL || !cache_is_fresh(entry, now))
			continue;
		local_below(made, &r->space, key, &entry->answer,
		    cache_age(entry, now));
		ret->answer = made;
		ret->from = FROM_CACHE;
		return true;
	}
	return false;
}

static struct waiter *
waiter_new(struct resolve *r, const struct asking *a, const struct asked *asked)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (waiter == NULL)
		return NULL;
	waiter->client = a->client;
	waiter->query = a->query;
	waiter->decision = asked->decision;
	waiter->began = asked->began;
	waiter->alias = asked->alias;
	list_init(&waiter->node);
	r->n_waiters++;
	a->client.asker->waiting++;
	return waiter;
}

void
waiter_free(struct resolve *r, struct waiter *take)
{
	list_remove(&take->node);
	take->client.asker->waiting--;
	r->n_waiters--;
	free(take);
}

void
waiter_answer(struct resolve *r, struct waiter *take,
    const struct outcome *outcome, mono_t now)
{
	struct asked asked = { &take->query, &take->client, take->decision,
		take->began, false, take->alias };
	struct outcome o = *outcome;
	struct client client = take->client;
	size_t len = deliver(r, &asked, &o, r->out, now);

	waiter_free(r, take);
	if (len > 0)
		r->ops.reply(r->ops.arg, &client, r->out, len);
	else
		r->ops.dropped(r->ops.arg, &client);
}

bool
resolve_find_stale(
    struct resolve *r, const struct key *key, mono_t now, struct outcome *ret)
{
	struct cache_entry *entry = cache_find(r->cache, key);
	struct key any;

	if (entry == NULL) { /* NXDOMAIN is kept for all types */
		any = *key;
		any.type = TYPE_NONE;
		entry = cache_find(r->cache, &any);
	}
	if (entry == NULL || entry->answer.rcode == RCODE_SERVFAIL ||
	    mono_since(now, entry->stored) >=
		((uint64_t)entry->answer.ttl + r->conf.stale_max) * MONO_S)
		return false;
	ret->entry = entry;
	ret->answer = &entry->answer;
	ret->from = FROM_STALE;
	ret->stale = true;
	return true;
}

/* Over a limit, or no memory. */
static enum resolve_result
limited(struct resolve *r, struct asking *a)
{
	bool own = a->client.asker->waiting >= RESOLVE_WAITING_MAX;

	r->stats.limited++;
	return refuse(a, RCODE_SERVFAIL, own ? EDE_PROHIBITED : EDE_OTHER,
	    own ? "too many queries of this program wait"
		: "too many queries wait");
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
	if (has_stale && resolve_is_down(r, o->key->group)) {
		enum resolve_result result = finish(r, a, asked, &stale, now);

		task = task_get(r, o->key, now); /* one tries all the same */
		if (task != NULL && task->n_sent == 0)
			task_start(r, task, now);
		return result;
	}
	if (r->n_waiters >= RESOLVE_WAITERS_MAX ||
	    a->client.asker->waiting >= RESOLVE_WAITING_MAX)
		return limited(r, a);
	waiter = waiter_new(r, a, asked);
	task = waiter != NULL ? task_get(r, o->key, now) : NULL;
	if (task == NULL) {
		if (waiter != NULL)
			waiter_free(r, waiter);
		return limited(r, a);
	}
	task->stale_waits = task->stale_waits || has_stale;
	task_wait(r, task, waiter, now);
	return RESOLVE_WAITING;
}

/* Whatever a hosts file lacks of it (RFC 6761 section 6.3). */
static bool
is_localhost(const struct key *key)
{
	return key->group == 0 && special_find(&key->name) == SPECIAL_LOCALHOST;
}

static enum resolve_result
look_up(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *o, mono_t now)
{
	struct answer made;

	if (!is_localhost(o->key) && find_hosts(r, o->key, &made)) {
		o->answer = &made;
		o->from = FROM_HOSTS;
		return finish(r, a, asked, o, now);
	}
	if (find_own(r, o->key, &made)) {
		o->answer = &made;
		o->from = FROM_LOCAL;
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
 * here. */
static bool
answer_stand_in(struct resolve *r, struct asking *a, struct asked *asked,
    struct outcome *o, mono_t now)
{
	enum resolve_way way = RESOLVE_WAY_USUAL;
	struct answer made;
	struct addr addr;

	if (r->ops.stand_in != NULL && o->key->class == CLASS_IN)
		way = r->ops.stand_in(
		    r->ops.arg, r->policy, &asked->decision, o->key, &addr);
	if (way == RESOLVE_WAY_USUAL)
		return false;
	o->entry = NULL;
	o->from = FROM_LOCAL;
	o->answer = &made;
	if (way == RESOLVE_WAY_NONE)
		local_error(&made, &r->space, o->key, RCODE_SERVFAIL);
	else
		local_addresses(&made, &r->space, o->key, &addr,
		    addr.family != ADDR_NONE, FAKEIP_TTL);
	return finish(r, a, asked, o, now) == RESOLVE_ANSWERED;
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
	    key->type == TYPE_CNAME || !listed_target(&target, l, &key->name))
		return false;
	list_index_hit(l);
	asked->alias = true;
	key->name = target;
	key->group = group_of(r, &target);
	return true;
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
	enum resolve_result early;
	struct key key;

	r->stats.queries++;
	early = check_form(r, a);
	if (early != RESOLVE_WAITING)
		return early;
	key_of_query(&key, &a->query, group_of(r, &a->query.qname));
	if (!a->client.tcp && policy_wants_tcp(r->policy, &key.name))
		return send_to_tcp(r, a);
	o.key = &key;
	o.entry = cache_find(r->cache, &key);
	if (o.entry != NULL && !cache_is_fresh(o.entry, now))
		o.entry = NULL;
	if (o.entry != NULL && is_judged(r, o.entry, &a->client, now)) {
		asked.judged = true;
		asked.decision = o.entry->judged;
		return hit(r, a, &asked, &o, now);
	}
	asked.decision =
	    filter_query(r->policy, a->client.asker->process, &key);
	if (take_alias(r, &asked, &key)) {
		o.entry = cache_find(r->cache, &key);
		if (o.entry != NULL && !cache_is_fresh(o.entry, now))
			o.entry = NULL;
	} else if (asked.decision.action == ACTION_BLOCK ||
		   asked.decision.action == ACTION_DROP) {
		a->len = deny(r, &asked, &o, a->out, now);
		return a->len > 0 ? RESOLVE_ANSWERED : RESOLVE_SILENT;
	}
	if (asked.decision.action == ACTION_REROUTE &&
	    answer_stand_in(r, a, &asked, &o, now))
		return RESOLVE_ANSWERED;
	if (o.entry != NULL)
		return hit(r, a, &asked, &o, now);
	return look_up(r, a, &asked, &o, now);
}
