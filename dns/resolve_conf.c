#include "dns/resolve_own.h"

#include <stdlib.h>
#include <string.h>

#include "dns/special.h"

/* Answers that were flushed: a millisecond's work. */
#define TIDY_AT_ONCE 10000
/* Answers that find their groups anew in one go: some milliseconds'. */
#define REGROUPED_MAX 20000

struct resolve *
resolve_new(const struct resolve_ops *ops)
{
	struct resolve *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->ops = *ops;
	r->armed.ns = UINT64_MAX;
	list_init(&r->parked);
	r->cache = cache_new(0);
	r->denials = denials_new();
	if (r->cache == NULL || r->denials == NULL ||
	    askers_init(&r->askers) < 0 || map_init(&r->tasks) < 0) {
		resolve_free(r);
		return NULL;
	}
	r->askers.here = ops->here;
	return r;
}

void
resolve_park(struct resolve *r)
{
	task_drop_all(r, &r->parked);
}

void
resolve_drop(struct resolve *r)
{
	resolve_park(r);
	while (!list_empty(&r->parked)) {
		struct waiter *waiter =
		    container_of(r->parked.next, struct waiter, node);
		struct client client = waiter->client;

		waiter_free(r, waiter);
		r->ops.dropped(r->ops.arg, &client);
	}
}

void
resolve_free(struct resolve *r)
{
	if (r == NULL)
		return;
	if (r->tasks.slots != NULL)
		resolve_drop(r);
	map_done(&r->tasks);
	due_done(&r->due);
	if (r->askers.map.slots != NULL)
		askers_done(&r->askers);
	cache_free(r->cache);
	denials_free(r->denials);
	hosts_free(r->hosts);
	policy_unref(r->policy);
	free(r->conf.forwards);
	free(r->conf.tunnels);
	free(r->conf.allow_private);
	free(r);
}

/* Groups, by the settings ----------------------------------------------------
 */

static struct upstream_group *
group_at(struct resolve_conf *conf, size_t n, const struct name **ret_zone)
{
	static const struct name root = { .len = 1, .wire = { 0 } };
	size_t tunnel;

	*ret_zone = &root;
	if (n == 0)
		return &conf->upstreams;
	if (n <= conf->n_forwards) {
		*ret_zone = &conf->forwards[n - 1].zone;
		return &conf->forwards[n - 1].group;
	}
	tunnel = n - conf->n_forwards - 1;
	return tunnel < conf->n_tunnels ? &conf->tunnels[tunnel].group : NULL;
}

/* That of the longest zone of the forwards that the name is in. */
static uint8_t
group_for(const struct resolve_conf *conf, const struct name *name)
{
	size_t best = 0, len = 0;

	for (size_t i = 0; i < conf->n_forwards; i++) {
		const struct name *zone = &conf->forwards[i].zone;

		if (zone->len > len && name_in(name, zone)) {
			best = i + 1;
			len = zone->len;
		}
	}
	return (uint8_t)best;
}

/* The number by other settings of what answers for the same names, or goes
 * through the same tunnel; -1 where there is none. */
static int
counterpart(
    const struct resolve_conf *conf, size_t n, const struct resolve_conf *other)
{
	if (n == 0)
		return 0;
	if (n <= conf->n_forwards) {
		for (size_t i = 0; i < other->n_forwards; i++)
			if (name_equal(&other->forwards[i].zone,
				&conf->forwards[n - 1].zone))
				return (int)i + 1;
		return -1;
	}
	for (size_t i = 0; i < other->n_tunnels; i++)
		if (other->ways == conf->ways &&
		    strcmp(other->tunnels[i].name,
			conf->tunnels[n - conf->n_forwards - 1].name) == 0)
			return (int)(other->n_forwards + 1 + i);
	return -1;
}

#define GROUPS_MAX (1 + RESOLVE_FORWARDS_MAX + RESOLVE_TUNNELS_MAX)

/* From the numbers of before to those of now. */
struct places {
	struct resolve_conf *before, *now;
	int v[GROUPS_MAX]; /* -1: others are asked, or nobody */
	size_t n;
	bool same;
};

static void
find_places(
    struct places *ret, struct resolve_conf *before, struct resolve_conf *now)
{
	struct upstream_group *old, *new;
	const struct name *zone;
	size_t n = 0;

	ret->before = before;
	ret->now = now;
	ret->same = before->n_forwards == now->n_forwards &&
		    before->n_tunnels == now->n_tunnels;
	for (; (old = group_at(before, n, &zone)) != NULL; n++) {
		int at = counterpart(before, n, now);

		new = at >= 0 ? group_at(now, (size_t)at, &zone) : NULL;
		ret->v[n] =
		    new != NULL &&upstream_group_equal(old, new) ? at : -1;
		ret->same = ret->same && ret->v[n] == (int)n;
	}
	ret->n = n;
}

/* As cache_regroup() asks. */
static int
place_of(void *arg, uint8_t group, const struct name *name)
{
	const struct places *places = arg;
	int at = group < places->n ? places->v[group] : -1;

	/* a zone that has come or gone takes its names with it */
	if (at >= 0 && group <= places->before->n_forwards &&
	    group_for(places->now, name) != at)
		return -1;
	return at;
}

bool
resolve_asks_same(const struct resolve *r, const struct resolve_conf *conf)
{
	struct resolve_conf before = r->conf, now = *conf; /* only looked at */
	struct places places;

	find_places(&places, &before, &now);
	return places.same;
}

/* The shell knows upstreams by number. */
static void
number(struct resolve_conf *conf)
{
	const struct name *zone;
	struct upstream_group *group;
	unsigned int n = 0;

	for (size_t g = 0; (group = group_at(conf, g, &zone)) != NULL; g++)
		for (size_t i = 0; i < group->n; i++)
			group->v[i].number = n++;
}

static void
free_groups(struct resolve_conf *conf)
{
	free(conf->forwards);
	free(conf->tunnels);
}

/* The same servers: what points to them stays good. */
static void
keep_groups(struct resolve_conf *before, struct resolve_conf *now)
{
	struct upstream_group *group;
	const struct name *zone;

	for (size_t g = 0; (group = group_at(before, g, &zone)) != NULL; g++)
		group->order = group_at(now, g, &zone)->order;
	free_groups(now);
	now->upstreams = before->upstreams;
	now->forwards = before->forwards;
	now->tunnels = before->tunnels;
}

/* Others: of those that stay is known what was. */
static void
change_groups(struct resolve *r, const struct places *places)
{
	struct resolve_conf *before = places->before, *now = places->now;
	struct cache_stats stats;
	const struct name *zone;
	bool more;

	/* each answer that stays is put in another place: of very many that
	 * would be felt */
	cache_stats(r->cache, &stats);
	if (stats.entries <= REGROUPED_MAX)
		(void)cache_regroup(r->cache, place_of, (void *)places);
	else
		(void)cache_flush(r->cache, NULL, &more);
	for (size_t g = 0; g < places->n; g++) {
		int at = counterpart(before, g, now);

		if (at >= 0)
			upstream_group_remember(
			    group_at(now, (size_t)at, &zone),
			    group_at(before, g, &zone));
	}
	number(now);
	free_groups(before);
}

/* Settings that answers in the cache were made by. */
static bool
makes_same(const struct resolve_conf *a, const struct resolve_conf *b)
{
	if (a->ttl_min != b->ttl_min || a->ttl_max != b->ttl_max ||
	    a->n_allow_private != b->n_allow_private)
		return false;
	for (size_t i = 0; i < a->n_allow_private; i++)
		if (!name_equal(&a->allow_private[i], &b->allow_private[i]))
			return false;
	return true;
}

/* What the cache had first would hide names that are ours now. */
static void
forget_own(
    struct resolve *r, struct resolve_conf *before, struct resolve_conf *now)
{
	struct name canary = name_of("use-application-dns.net");
	bool more; /* are found by and by */

	if (now->capture && !before->capture)
		(void)cache_flush(r->cache, &canary, &more);
	if (now->host.len > 0 && !name_equal(&now->host, &before->host))
		(void)cache_flush(r->cache, &now->host, &more);
}

void
resolve_configure(
    struct resolve *r, const struct resolve_conf *conf, mono_t now)
{
	struct resolve_conf before = r->conf, with = *conf;
	struct places places;
	bool more;

	find_places(&places, &before, &with);
	if (!makes_same(&before, &with))
		(void)resolve_flush(r, NULL, &more);
	forget_own(r, &before, &with);
	if (places.same) {
		keep_groups(&before, &with);
		r->conf = with;
	} else {
		resolve_park(r);
		change_groups(r, &places);
		r->conf = with;
	}
	free(before.allow_private);
	cache_resize(r->cache, with.cache_bytes);
	waiters_ask(r, &r->parked, now);
}

void
resolve_set_policy(struct resolve *r, const struct policy *policy)
{
	const struct policy *old = r->policy;

	r->policy = policy_ref(policy);
	r->generation = policy_generation(policy);
	policy_unref(old);
}

void
resolve_set_hosts(struct resolve *r, struct hosts *hosts_take)
{
	bool more;

	hosts_free(r->hosts);
	r->hosts = hosts_take;
	/* it comes first: what an upstream said of its names is void */
	(void)resolve_flush(r, NULL, &more);
}

struct upstream_group *
resolve_group(struct resolve *r, size_t n, const struct name **ret_zone)
{
	return group_at(&r->conf, n, ret_zone);
}

uint8_t
resolve_group_of(const struct resolve *r, const struct name *name)
{
	return group_for(&r->conf, name);
}

uint8_t
resolve_group_of_query(const struct resolve *r, const struct query *q)
{
	uint8_t group = resolve_group_of(r, &q->qname);
	struct name above;

	if (q->qtype != TYPE_DS || group == 0 ||
	    special_find(&q->qname) != SPECIAL_NONE ||
	    name_n_labels(&q->qname) < 2)
		return group;
	above = q->qname;
	(void)wire_name_up(&above); /* it has labels */
	return resolve_group_of(r, &above);
}

bool
resolve_answers_for(
    const struct resolve *r, uint8_t group, const struct name *name)
{
	/* those behind a tunnel are asked for what others are not */
	if (resolve_is_tunnelled(r, group))
		group = 0;
	return resolve_group_of(r, name) == group;
}

bool
resolve_is_tunnelled(const struct resolve *r, size_t group)
{
	return group > r->conf.n_forwards;
}

bool
resolve_tunnel_group(
    const struct resolve *r, const struct decision *d, uint8_t *ret)
{
	const char *name = policy_tunnel(r->policy, d->tunnel);

	for (size_t i = 0; name != NULL && i < r->conf.n_tunnels; i++) {
		if (strcmp(r->conf.tunnels[i].name, name) != 0)
			continue;
		*ret = (uint8_t)(r->conf.n_forwards + 1 + i);
		return true;
	}
	return false;
}

bool
resolve_is_down(struct resolve *r, uint8_t group)
{
	const struct name *zone;

	return upstream_all_down(resolve_group(r, group, &zone));
}

mono_t
resolve_time(const struct resolve *r, mono_t now)
{
	return mono_add(now, r->slept);
}

uint32_t
resolve_age(
    const struct resolve *r, const struct cache_entry *entry, mono_t now)
{
	return cache_age(entry, resolve_time(r, now));
}

bool
resolve_is_error(const struct cache_entry *entry)
{
	return entry->answer.rcode != RCODE_NOERROR &&
	       entry->answer.rcode != RCODE_NXDOMAIN;
}

bool
resolve_is_fresh(
    const struct resolve *r, const struct cache_entry *entry, mono_t now)
{
	return cache_is_fresh(entry, resolve_time(r, now)) &&
	       (entry->number > r->pardoned || !resolve_is_error(entry));
}

void
resolve_slept(struct resolve *r, uint64_t ns)
{
	r->slept += ns;
}

void
resolve_forgive(struct resolve *r)
{
	const struct name *zone;
	struct upstream_group *group;

	r->pardoned = cache_last_number(r->cache);
	for (size_t g = 0; (group = resolve_group(r, g, &zone)) != NULL; g++) {
		group->n_vain = 0;
		for (size_t i = 0; i < group->n; i++)
			upstream_forgive(&group->v[i]);
	}
}

void
resolve_gone(struct resolve *r, struct list *waits)
{
	while (!list_empty(waits))
		waiter_free(
		    r, container_of(waits->next, struct waiter, beside));
}

void
resolve_tidy(struct resolve *r)
{
	bool more;

	(void)cache_tidy(r->cache, TIDY_AT_ONCE);
	(void)cache_sweep(r->cache, &more);
}

size_t
resolve_flush(struct resolve *r, const struct name *name, bool *ret_more)
{
	return cache_flush(r->cache, name, ret_more);
}

size_t
resolve_sweep(struct resolve *r, bool *ret_more)
{
	return cache_sweep(r->cache, ret_more);
}

const struct cache *
resolve_cache(const struct resolve *r)
{
	return r->cache;
}

void
resolve_count_unsent(struct resolve *r, unsigned int n)
{
	r->stats.unsent += n;
}

const struct resolve_stats *
resolve_stats(const struct resolve *r)
{
	return &r->stats;
}

struct askers *
resolve_askers(struct resolve *r)
{
	return &r->askers;
}

uint32_t
resolve_random(struct resolve *r)
{
	return r->ops.random(r->ops.arg);
}
