#include "src/resolver_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "src/base/log.h"
#include "src/core/judge.h"
#include "src/core/schema.h"
#include "src/hosts_ev.h"
#include "src/linux/ct.h"
#include "src/linux/procfs.h"
#include "src/origin.h"
#include "src/resolver_conf.h"
#include "src/resolver_own.h"
#include "src/upstreams_ev.h"

/* So many ns the machine has slept since the last time, where that is long. */
static uint64_t
slept_ns(struct resolver_ev *re)
{
	uint64_t asleep, had = re->asleep_ns;
	mono_t begin = mono_now(); /* first: the other one is never behind */
	struct timespec boot;

	if (clock_gettime(CLOCK_BOOTTIME, &boot) < 0 ||
	    mono_since(mono_now(), begin) > MONO_S / 10)
		return 0; /* something came between: the next time */
	asleep =
	    (uint64_t)boot.tv_sec * MONO_S + (uint64_t)boot.tv_nsec - begin.ns;
	if (had + MONO_S >= asleep)
		return 0;
	re->asleep_ns = asleep;
	return asleep - had;
}

static bool
is_here(void *arg, const struct addr *addr)
{
	return resolver_is_here(arg, addr);
}

/* What comes to a loopback address comes from this host, be its own address so
 * new that it is not known yet. */
static bool
is_of_here(const struct resolver_ev *re, const struct client *client)
{
	return addr_is_loopback(&client->local) ||
	       resolver_is_here_on(re, &client->addr, client->ifindex);
}

/* Another host: from where the settings say. */
static bool
is_allowed(const struct resolver_ev *re, const struct client *client)
{
	for (size_t i = 0; i < re->n_allow; i++)
		if (prefix_contains(&re->allow[i], &client->addr))
			return true;
	return false;
}

void
resolver_ev_follow(struct resolver_ev *re)
{
	const struct policy *policy = judge_policy(re->opts.judge);

	if (policy == re->policy)
		return;
	re->policy = policy;
	resolve_set_policy(re->resolve, policy);
}

bool
resolver_identify(void *arg, struct client *client, mono_t now)
{
	struct resolver_ev *re = arg;
	const struct server_listen *at = &re->served[client->listener];
	struct flow_key seen;
	struct origin origin;

	resolver_ev_follow(re);
	memset(&seen, 0, sizeof(seen));
	seen.local = client->local;
	seen.lport = at->port;
	seen.remote = client->addr;
	seen.rport = client->port;
	seen.proto = client->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	origins_find(re->origins, &seen, now, &origin);
	client->captured = origin.moved;
	client->elsewhere = !is_of_here(re, client);
	client->by = origin.by;
	client->asker = asker_get(resolve_askers(re->resolve), origin.process,
	    client->elsewhere ? &client->addr : NULL);
	if (client->asker == NULL)
		client->asker = re->nobody;
	return !client->elsewhere || is_allowed(re, client);
}

/* Of the hosts file. */
static void
hosts_changed(void *arg, struct hosts *hosts_take)
{
	struct resolver_ev *re = arg;

	resolve_set_hosts(re->resolve, hosts_take);
}

static void
tell_upstreams(const struct upstream_group *group)
{
	char text[UPSTREAM_TEXT_SIZE];

	if (group->n == 0)
		log_warning("dns",
		    "no upstream is known: names of others can't be resolved");
	for (size_t i = 0; i < group->n; i++)
		log_info("dns", "upstream %s",
		    upstream_format(&group->v[i].spec, text));
}

/* By an address of this host's, too, where all are listened on: the check of
 * the settings knows none of those. */
static bool
is_own(void *arg, const struct upstream_spec *spec)
{
	const struct resolver_ev *re = arg;
	uint32_t link = if_nametoindex(spec->zone); /* 0: it has none */

	for (size_t i = 0; i < re->n_served; i++) {
		const struct server_listen *at = &re->served[i];

		if (at->port == spec->port &&
		    at->addr.family == spec->addr.family &&
		    (addr_equal(&at->addr, &spec->addr) ||
			(addr_is_any(&at->addr) &&
			    resolver_is_here_on(re, &spec->addr, link))))
			return true;
	}
	return false;
}

/* Others may be asked from here on. */
static void
take_settings(struct resolver_ev *re, struct resolve_conf *conf)
{
	bool same;

	conf->ways = re->ways;
	resolver_conf_leave_out(conf, is_own, re);
	same = resolve_asks_same(re->resolve, conf);
	if (!same) {
		resolve_park(re->resolve);
		upstreams_ev_reset(re->upstreams);
		tell_upstreams(&conf->upstreams);
	}
	re->host = conf->host;
	resolve_configure(re->resolve, conf, mono_now());
	if (!same)
		upstreams_ev_follow(re->upstreams);
}

/* Where we listen, as far as is known: an address that can't be had is another
 * resolver's, who may be the one to ask. Returns how many. */
static size_t
find_ours(
    const struct resolver_ev *re, struct server_listen ret[SERVER_LISTENS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < re->n_listens; i++)
		if (re->absent[i] >= 0)
			ret[n++] = re->listens[i];
	return n;
}

static int
apply(struct resolver_ev *re)
{
	const struct conf_texts *allow = &re->conf->resolver.allow;
	struct server_listen ours[SERVER_LISTENS_MAX];
	struct upstreams_own own = {
		.listens = ours,
		.n_listens = find_ours(re, ours),
		.addrs = re->addrs,
		.n_addrs = re->n_addrs,
	};
	struct resolve_conf conf;
	struct prefix *prefixes;
	int r;

	upstreams_ev_configure(re->upstreams, re->conf, &own);
	r = resolver_conf(&conf, re->conf, upstreams_ev_system(re->upstreams));
	if (r < 0)
		return r;
	prefixes = calloc(allow->n + 1, sizeof(prefixes[0]));
	if (prefixes == NULL) {
		free(conf.forwards);
		free(conf.tunnels);
		free(conf.allow_private);
		return -ENOMEM;
	}
	free(re->allow);
	re->allow = prefixes;
	re->n_allow = 0;
	for (size_t i = 0; i < allow->n; i++)
		re->n_allow += prefix_parse(&prefixes[re->n_allow],
				   allow->v[i].s, strlen(allow->v[i].s)) == 0;
	take_settings(re, &conf);
	hosts_ev_follow(re->hosts, re->conf->resolver.hosts.s);
	return 0;
}

/* Other servers came with another network, or another name of this host. */
static void
system_changed(void *arg)
{
	struct resolver_ev *re = arg;
	struct resolve_conf conf;

	if (resolver_conf(&conf, re->conf, upstreams_ev_system(re->upstreams)) <
	    0)
		return;
	take_settings(re, &conf);
}

static void
follow_host(struct resolver_ev *re)
{
	struct name host;

	resolver_conf_host(&host);
	if (!name_equal(&host, &re->host))
		system_changed(re);
}

void
resolver_ev_second(struct resolver_ev *re)
{
	bool news = resolver_listen(re), moved;
	uint64_t slept = slept_ns(re);

	resolver_follow_servers(re);
	moved = resolver_read_addrs(re);
	/* a server of the system may be this host by now, or we */
	if (moved || news)
		(void)apply(re); /* no memory: as it was */
	resolve_slept(re->resolve, slept);
	if (slept > 0 || moved) {
		log_info("dns", "the network is another one: upstreams that "
				"failed are asked again");
		resolve_forgive(re->resolve);
		upstreams_ev_forgive(re->upstreams);
	}
	follow_host(re);
	hosts_ev_look(re->hosts);
	resolve_tidy(re->resolve);
}

/* Whether tunnels lead where they led before. */
static bool
same_tunnels(const struct conf *a, const struct conf *b)
{
	const struct conf_section *section = conf_section_find("tunnel", 6);

	if (a->n_tunnels != b->n_tunnels)
		return false;
	for (size_t i = 0; i < a->n_tunnels; i++)
		if (!conf_item_equal(section, &a->tunnels[i], &b->tunnels[i]))
			return false;
	return true;
}

void
resolver_ev_configure(struct resolver_ev *re, const struct conf *conf)
{
	const struct conf *old = re->conf;

	/* who waits is asked anew by the rules that came with them */
	resolver_ev_follow(re);
	if (old != NULL && !same_tunnels(old, conf))
		re->ways++;
	re->conf = conf_ref(conf);
	conf_unref(old);
	resolver_take_listens(re, conf);
	(void)resolver_listen(re); /* then it is known which are ours */
	if (apply(re) < 0)
		log_error("dns", "the settings can't be applied: no memory");
	resolver_capture(re);
}

static int
prepare(struct resolver_ev *re)
{
	struct origin_opts opts = {
		.judge = re->opts.judge,
		.attr = re->opts.attr,
		.diag = re->opts.diag,
		.is_here = is_here,
		.arg = re,
	};
	struct upstreams_opts upstreams = {
		.base = re->opts.base,
		.changed = system_changed,
		.arg = re,
		.by_tunnel = re->opts.by_tunnel,
	};
	struct hosts_opts hosts = {
		.base = re->opts.base,
		.changed = hosts_changed,
		.arg = re,
	};
	const struct process *self = NULL;
	int r = ct_open(&re->ct);

	if (r < 0)
		return r;
	opts.ct = re->ct;
	re->origins = origins_new(&opts);
	r = resolver_ops_prepare(re);
	if (r < 0)
		return r;
	re->hosts = hosts_ev_new(&hosts);
	if (re->origins == NULL || re->hosts == NULL)
		return -ENOMEM;
	re->unknown = process_new(PROCESS_UNKNOWN);
	if (re->unknown == NULL)
		return -ENOMEM;
	re->nobody = asker_new(re->unknown);
	if (re->nobody == NULL)
		return -ENOMEM;
	re->nobody->here = &re->here;
	r = procfs_self(re->opts.procfs, &self);
	if (r < 0)
		return r;
	re->own = asker_new(self);
	process_unref(self);
	if (re->own == NULL)
		return -ENOMEM;
	(void)resolver_read_addrs(re); /* the first are others, too */
	(void)slept_ns(re);	       /* and so is this */
	upstreams.resolve = re->resolve;
	return upstreams_ev_new(&re->upstreams, &upstreams);
}

int
resolver_ev_new(struct resolver_ev **ret, const struct resolver_opts *opts,
    const struct conf *conf)
{
	struct resolver_ev *re = calloc(1, sizeof(*re));
	int r;

	if (re == NULL)
		return -ENOMEM;
	re->opts = *opts;
	list_init(&re->asks);
	r = prepare(re);
	if (r < 0) {
		resolver_ev_free(re);
		return r;
	}
	resolver_ev_configure(re, conf);
	*ret = re;
	return 0;
}

void
resolver_ev_free(struct resolver_ev *re)
{
	if (re == NULL)
		return;
	resolver_asks_close(re);
	upstreams_ev_free(re->upstreams);
	hosts_ev_free(re->hosts);
	server_ev_free(re->server);
	re->server = NULL;
	resolve_free(re->resolve);
	origins_free(re->origins);
	ct_close(re->ct);
	if (re->timer != NULL)
		event_free(re->timer);
	asker_free(re->nobody);
	asker_free(re->own);
	process_unref(re->unknown);
	conf_unref(re->conf);
	free(re->allow);
	free(re);
}

bool
resolver_ev_is_busy(const struct resolver_ev *re)
{
	return re != NULL && (upstreams_ev_is_busy(re->upstreams) ||
				 hosts_ev_is_busy(re->hosts));
}

void
resolver_ev_leave(struct resolver_ev *re)
{
	if (re != NULL)
		resolver_asks_close(re);
}

const struct subject_here *
resolver_ev_here(const struct resolver_ev *re)
{
	return &re->here;
}

struct resolve *
resolver_ev_resolve(struct resolver_ev *re)
{
	return re->resolve;
}

const char *
resolver_ev_why(const struct resolver_ev *re, const struct upstream *upstream)
{
	return upstreams_ev_why(re->upstreams, upstream);
}

const char *
resolver_ev_trust_why(const struct resolver_ev *re)
{
	return upstreams_ev_trust_why(re->upstreams);
}

/* Programs don't ask us, then, where resolv.conf named a server that is us. */
bool
resolver_ev_is_passed_by(const struct resolver_ev *re)
{
	const struct sysconf *system = upstreams_ev_system(re->upstreams);

	for (size_t i = 0; i < system->n; i++)
		if (!addr_is_link_local(&system->v[i].addr))
			return false;
	return system->n > 0 && system->own == 0 && system->asked &&
	       !upstreams_ev_is_kept(re->upstreams);
}

bool
resolver_ev_is_kept(const struct resolver_ev *re)
{
	return upstreams_ev_is_kept(re->upstreams);
}

void
resolver_ev_server(const struct resolver_ev *re, struct server_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (re->server != NULL)
		server_ev_stats(re->server, ret);
}

bool
resolver_ev_listens(const struct resolver_ev *re)
{
	return re->server != NULL;
}

const char *
resolver_ev_deaf(const struct resolver_ev *re)
{
	return re->deaf;
}

bool
resolver_ev_is_own(const struct resolver_ev *re, uint64_t inode)
{
	if (re == NULL)
		return false;
	return upstreams_ev_is_own(re->upstreams, inode) ||
	       (re->server != NULL && server_ev_is_own(re->server, inode));
}
