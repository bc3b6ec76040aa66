#include "dns/resolve_own.h"

#include <stdlib.h>
#include <string.h>

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
	if (r->cache == NULL || askers_init(&r->askers) < 0 ||
	    map_init(&r->tasks) < 0) {
		resolve_free(r);
		return NULL;
	}
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
	hosts_free(r->hosts);
	policy_unref(r->policy);
	free(r->conf.forwards);
	free(r->conf.tunnels);
	free(r->conf.allow_private);
	free(r);
}

/* The shell knows upstreams by number. */
static void
number(struct resolve *r)
{
	const struct name *zone;
	struct upstream_group *group;
	unsigned int n = 0;

	for (size_t g = 0; (group = resolve_group(r, g, &zone)) != NULL; g++)
		for (size_t i = 0; i < group->n; i++)
			group->v[i].number = n++;
}

void
resolve_configure(
    struct resolve *r, const struct resolve_conf *conf, mono_t now)
{
	resolve_park(r);
	free(r->conf.forwards);
	free(r->conf.tunnels);
	free(r->conf.allow_private);
	r->conf = *conf;
	number(r);
	(void)cache_flush(r->cache, NULL); /* groups have other numbers now */
	cache_resize(r->cache, conf->cache_bytes);
	waiters_ask(r, &r->parked, now);
}

void
resolve_set_upstreams(
    struct resolve *r, const struct resolve_conf *conf, mono_t now)
{
	resolve_park(r);
	free(r->conf.tunnels);
	r->conf.upstreams = conf->upstreams;
	r->conf.tunnels = conf->tunnels;
	r->conf.n_tunnels = conf->n_tunnels;
	number(r);
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
	hosts_free(r->hosts);
	r->hosts = hosts_take;
	/* it comes first: what an upstream said of its names is void */
	(void)cache_flush(r->cache, NULL);
}

struct upstream_group *
resolve_group(struct resolve *r, size_t n, const struct name **ret_zone)
{
	static const struct name root = { .len = 1, .wire = { 0 } };

	*ret_zone = &root;
	if (n == 0)
		return &r->conf.upstreams;
	if (resolve_is_tunnelled(r, n))
		return n <= r->conf.n_forwards + r->conf.n_tunnels
			   ? &r->conf.tunnels[n - r->conf.n_forwards - 1].group
			   : NULL;
	*ret_zone = &r->conf.forwards[n - 1].zone;
	return &r->conf.forwards[n - 1].group;
}

uint8_t
resolve_group_of(const struct resolve *r, const struct name *name)
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

void
resolve_forgive(struct resolve *r)
{
	const struct name *zone;
	struct upstream_group *group;

	for (size_t g = 0; (group = resolve_group(r, g, &zone)) != NULL; g++)
		for (size_t i = 0; i < group->n; i++)
			upstream_forgive(&group->v[i]);
}

void
resolve_gone(struct resolve *r, struct list *waits)
{
	while (!list_empty(waits))
		waiter_free(
		    r, container_of(waits->next, struct waiter, beside));
}

size_t
resolve_flush(struct resolve *r, const struct name *name)
{
	return cache_flush(r->cache, name);
}

const struct cache *
resolve_cache(const struct resolve *r)
{
	return r->cache;
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
