#include "src/resolver_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dns/learn.h"
#include "dns/server_ev.h"
#include "src/base/log.h"
#include "src/core/judge.h"
#include "src/linux/ct.h"
#include "src/linux/diag.h"
#include "src/linux/procfs.h"
#include "src/resolver_conf.h"
#include "src/origin.h"
#include "src/upstreams_ev.h"

/* Files and addresses of others are looked at so often, and a listener's place
 * that was taken. */
static const struct timeval look_interval = { 1, 0 };

#define HOSTS_FILE_MAX ((size_t)8 << 20)
#define ADDRS_MAX 256
/* Queries of the daemon's own at once. */
#define ASKS_MAX 64
/* What they have in place of a listener. */
#define ASK_LISTENER UINT16_MAX

struct ask {
	struct list node;
	uint64_t id;
	void (*done)(void *arg, const uint8_t *msg, size_t len);
	void *arg;
};

struct resolver_ev {
	struct resolver_opts opts;
	const struct conf *conf; /* a reference */
	struct resolve *resolve;
	struct upstreams_ev *upstreams;
	struct server_ev *server; /* NULL: its place is taken, or none is set */
	struct origins *origins;
	struct ct *ct;
	struct event *timer, *look;
	struct server_listen listens[SERVER_LISTENS_MAX];
	size_t n_listens;
	bool told_taken;
	uint64_t hosts_stamp;
	struct addr addrs[ADDRS_MAX]; /* of this host */
	size_t n_addrs;
	uint64_t asleep_ns; /* the machine, since it was started */
	struct prefix *allow;
	size_t n_allow;
	const struct policy *policy; /* borrowed, to see that it changes */
	uint8_t random[1024];
	size_t n_random;
	struct list asks;
	size_t n_asks;
	uint64_t last_ask;
	const struct process *unknown;
	struct asker
	    *nobody; /* who can't be named for lack of memory; ourselves */
};

/* Ops of the resolver ------------------------------------------------------ */

static int
on_send(void *arg, struct attempt *attempt, uint8_t *msg, size_t len)
{
	struct resolver_ev *re = arg;

	return upstreams_ev_send(re->upstreams, attempt, msg, len);
}

/* Takes the ask off the list; NULL if there is none of that number. */
static struct ask *
take_ask(struct resolver_ev *re, uint64_t id)
{
	struct list *node;

	list_for_each (node, &re->asks) {
		struct ask *ask = container_of(node, struct ask, node);

		if (ask->id != id)
			continue;
		list_remove(&ask->node);
		re->n_asks--;
		return ask;
	}
	return NULL;
}

static void
on_reply(void *arg, const struct client *client, const uint8_t *msg, size_t len)
{
	struct resolver_ev *re = arg;
	struct ask *ask;

	if (client->listener != ASK_LISTENER) {
		if (re->server != NULL)
			server_ev_reply(re->server, client, msg, len);
		return;
	}
	ask = take_ask(re, client->conn);
	if (ask == NULL)
		return;
	ask->done(ask->arg, msg, len);
	free(ask);
}

static void
on_dropped(void *arg, const struct client *client)
{
	struct resolver_ev *re = arg;

	if (client->listener == ASK_LISTENER)
		on_reply(arg, client, NULL, 0);
	else if (re->server != NULL)
		server_ev_dropped(re->server, client);
}

static void
on_done(void *arg, const struct record *record, const struct answer *answer)
{
	struct resolver_ev *re = arg;

	if (record->learnt && answer != NULL && record->answered &&
	    record->decision.action != ACTION_BLOCK &&
	    record->decision.action != ACTION_DROP && re->opts.names != NULL)
		learn_names(re->opts.names, re->resolve, record, answer);
	re->opts.queried(re->opts.arg, record);
}

static enum resolve_way
on_stand_in(void *arg, const struct policy *policy, const struct decision *d,
    const struct key *key, struct addr *ret)
{
	struct resolver_ev *re = arg;
	const char *tunnel = policy_tunnel(policy, d->tunnel);
	enum addr_family family = key->type == TYPE_A	   ? ADDR_IP4
				  : key->type == TYPE_AAAA ? ADDR_IP6
							   : ADDR_NONE;

	if (re->opts.stand_in == NULL || tunnel == NULL)
		return RESOLVE_WAY_USUAL;
	return re->opts.stand_in(re->opts.arg, tunnel, &key->name, family, ret);
}

static uint32_t
on_random(void *arg)
{
	struct resolver_ev *re = arg;
	uint32_t value;

	if (re->n_random < sizeof(value)) {
		/* up to 256 bytes never fail, nor come short (random(4)) */
		for (size_t i = 0; i < sizeof(re->random); i += 256)
			if (getrandom(re->random + i, 256, 0) != 256)
				abort();
		re->n_random = sizeof(re->random);
	}
	re->n_random -= sizeof(value);
	memcpy(&value, re->random + re->n_random, sizeof(value));
	memset(re->random + re->n_random, 0, sizeof(value));
	return value;
}

static void
on_timer(void *arg, mono_t when)
{
	struct resolver_ev *re = arg;
	/* up to a whole millisecond: not too early */
	uint64_t us = mono_since(when, mono_now()) / 1000 + 1000;
	struct timeval tv = { (time_t)(us / 1000000),
		(suseconds_t)(us % 1000000) };

	if (event_add(re->timer, &tv) < 0)
		log_limited(LOG_LEVEL_WARNING, "dns",
		    "a timer can't be set: no memory");
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_ev *re = arg;

	(void)fd;
	(void)what;
	resolve_due(re->resolve, mono_now());
}

/* Who asks ----------------------------------------------------------------- */

/* True where this host has others than before. */
static bool
read_addresses(struct resolver_ev *re)
{
	struct ifaddrs *all = NULL, *ifa;
	bool others;
	size_t n = 0;

	if (getifaddrs(&all) < 0)
		return false; /* what was known is better than nothing */
	others = false;
	for (ifa = all; ifa != NULL && n < ADDRS_MAX; ifa = ifa->ifa_next) {
		struct client at;

		if (ifa->ifa_addr == NULL ||
		    (ifa->ifa_addr->sa_family != AF_INET &&
			ifa->ifa_addr->sa_family != AF_INET6))
			continue;
		server_addr((const void *)ifa->ifa_addr, &at);
		others = others || n >= re->n_addrs ||
			 !addr_equal(&re->addrs[n], &at.addr);
		re->addrs[n++] = at.addr;
	}
	freeifaddrs(all);
	others = others || n != re->n_addrs;
	re->n_addrs = n;
	return others;
}

/* True where the machine has slept since the last time. */
static bool
has_slept(struct resolver_ev *re)
{
	uint64_t asleep, had = re->asleep_ns;
	mono_t begin = mono_now(); /* first: the other one is never behind */
	struct timespec boot;

	if (clock_gettime(CLOCK_BOOTTIME, &boot) < 0 ||
	    mono_since(mono_now(), begin) > MONO_S / 10)
		return false; /* something came between: the next time */
	asleep =
	    (uint64_t)boot.tv_sec * MONO_S + (uint64_t)boot.tv_nsec - begin.ns;
	re->asleep_ns = asleep;
	return had + MONO_S < asleep;
}

/* From this host, or from where the settings say. */
static bool
is_client(const struct resolver_ev *re, const struct client *client)
{
	/* what comes to a loopback address comes from this host */
	if (addr_is_loopback(&client->local) || addr_is_loopback(&client->addr))
		return true;
	for (size_t i = 0; i < re->n_addrs; i++)
		if (addr_equal(&re->addrs[i], &client->addr))
			return true;
	for (size_t i = 0; i < re->n_allow; i++)
		if (prefix_contains(&re->allow[i], &client->addr))
			return true;
	return false;
}

static void
follow_policy(struct resolver_ev *re)
{
	const struct policy *policy = judge_policy(re->opts.judge);

	if (policy == re->policy)
		return;
	re->policy = policy;
	resolve_set_policy(re->resolve, policy);
}

static bool
identify(void *arg, struct client *client, mono_t now)
{
	struct resolver_ev *re = arg;
	const struct server_listen *at = &re->listens[client->listener];
	struct flow_key seen;
	struct origin origin;

	follow_policy(re);
	memset(&seen, 0, sizeof(seen));
	seen.local = client->local;
	seen.lport = at->port;
	seen.remote = client->addr;
	seen.rport = client->port;
	seen.proto = client->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	origins_find(re->origins, &seen, now, &origin);
	client->captured = origin.moved;
	client->by = origin.by;
	client->asker = asker_get(resolve_askers(re->resolve), origin.process);
	if (client->asker == NULL)
		client->asker = re->nobody;
	return is_client(re, client);
}

/* Listeners ---------------------------------------------------------------- */

/* Who has a port of this host; a reference, or NULL. */
static const struct process *
find_owner(struct resolver_ev *re, const struct addr *addr, uint16_t port)
{
	const struct process *proc = NULL;
	struct socket_facts sock;
	struct flow_key key;

	memset(&key, 0, sizeof(key));
	memset(&sock, 0, sizeof(sock));
	key.local = *addr;
	key.lport = port;
	key.remote.family = addr->family;
	key.proto = IPPROTO_UDP;
	diag_find(re->opts.diag, &key, true, 0, &sock);
	if (sock.status == SOCKET_FOUND && sock.inode != 0)
		(void)procfs_owner(
		    re->opts.procfs, sock.inode, sock.uid, &proc);
	return proc;
}

/* Who has the place that we want. */
static void
tell_taken(struct resolver_ev *re, const struct server_listen *taken)
{
	const struct process *proc;
	char addr[ADDR_STRLEN], exe[256];

	if (re->told_taken)
		return;
	re->told_taken = true;
	proc = find_owner(re, &taken->addr, taken->port);
	log_error("dns",
	    "%s port %u is taken by %s[%d]: there is no resolver, and nothing "
	    "is captured, until that has ended",
	    addr_format(&taken->addr, addr), taken->port,
	    proc != NULL ? log_quote(proc->exe, exe, sizeof(exe))
			 : "another program",
	    proc != NULL ? (int)proc->pid : 0);
	process_unref(proc);
}

static bool
is_here(const struct resolver_ev *re, const struct addr *addr)
{
	for (size_t i = 0; i < re->n_addrs; i++)
		if (addr_equal(&re->addrs[i], addr))
			return true;
	return addr_is_loopback(addr);
}

/* Upstreams that run on this host (a recursor, a cache): whose they are. */
static void
find_servers(struct resolver_ev *re, struct judge_capture *ret)
{
	const struct name *zone;
	struct upstream_group *group;

	for (size_t g = 0;
	     (group = resolve_group(re->resolve, g, &zone)) != NULL; g++)
		for (size_t i = 0; i < group->n; i++) {
			const struct upstream_spec *spec = &group->v[i].spec;
			const struct process *proc = NULL;

			if (is_here(re, &spec->addr))
				proc = find_owner(re, &spec->addr, spec->port);
			if (proc != NULL && !proc->self &&
			    ret->n_servers < JUDGE_SERVERS_MAX) {
				ret->servers[ret->n_servers].dev =
				    proc->exe_dev;
				ret->servers[ret->n_servers++].ino =
				    proc->exe_ino;
			}
			process_unref(proc);
		}
}

/* Whether stray queries are to be brought here: where DNAT leads to. */
static void
set_capture(struct resolver_ev *re)
{
	static const uint8_t here4[4] = { 127, 0, 0, 1 };
	bool wanted = re->conf->resolver.capture != 0 && re->server != NULL;
	struct addr target = addr_ip4(here4);
	struct judge_capture capture;

	memset(&capture, 0, sizeof(capture));
	for (size_t i = 0; wanted && i < re->n_listens; i++) {
		const struct addr *a = &re->listens[i].addr;

		if (re->listens[i].port != 53)
			continue;
		capture.ours[capture.n_ours++] = *a;
		if (a->family == ADDR_IP4)
			capture.ip4 = capture.ip4 || addr_is_any(a) ||
				      addr_equal(a, &target);
		else
			capture.ip6 = capture.ip6 || addr_is_any(a) ||
				      addr_is_loopback(a);
	}
	if (capture.n_ours > 0)
		find_servers(re, &capture);
	judge_set_capture(re->opts.judge, &capture);
}

static void
listen_all(struct resolver_ev *re)
{
	struct server_opts opts = {
		.base = re->opts.base,
		.resolve = re->resolve,
		.n_listens = re->n_listens,
		.identify = identify,
		.arg = re,
	};
	struct server_listen taken;
	int r;

	if (re->server != NULL || re->n_listens == 0)
		return;
	memcpy(opts.listens, re->listens, sizeof(opts.listens));
	r = server_ev_new(&re->server, &opts, &taken);
	if (r == -EADDRINUSE)
		tell_taken(re, &taken);
	else if (r < 0 && !re->told_taken) {
		char addr[ADDR_STRLEN];

		re->told_taken = true;
		log_error("dns", "%s port %u can't be listened on: %s",
		    addr_format(&taken.addr, addr), taken.port, strerror(-r));
	} else if (r == 0) {
		if (re->told_taken)
			log_info("dns", "the resolver listens now");
		re->told_taken = false;
	}
	set_capture(re);
}

/* Settings, and files of others -------------------------------------------- */

static void
read_hosts(struct resolver_ev *re)
{
	const char *path = re->conf->resolver.hosts.s;
	struct hosts *hosts = NULL;
	size_t len = 0;
	char *text;

	re->hosts_stamp = resolver_conf_stamp(path);
	text = resolver_conf_read(path, HOSTS_FILE_MAX, &len);
	if (text != NULL)
		hosts = hosts_read(text, len);
	free(text);
	if (hosts != NULL)
		log_debug("dns", "hosts read file=%s names=%zu faults=%zu",
		    path, hosts_count(hosts), hosts_faults(hosts));
	resolve_set_hosts(re->resolve, hosts);
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

static int
apply(struct resolver_ev *re)
{
	const struct conf_texts *allow = &re->conf->resolver.allow;
	struct upstreams_own own = {
		.listens = re->listens,
		.n_listens = re->n_listens,
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
	upstreams_ev_reset(re->upstreams);
	tell_upstreams(&conf.upstreams);
	resolve_configure(re->resolve, &conf, mono_now());
	read_hosts(re);
	return 0;
}

/* Other servers came with another network. */
static void
system_changed(void *arg)
{
	struct resolver_ev *re = arg;
	struct resolve_conf conf;

	if (resolver_conf(&conf, re->conf, upstreams_ev_system(re->upstreams)) <
	    0)
		return;
	free(conf.forwards);
	free(conf.allow_private);
	upstreams_ev_reset(re->upstreams);
	tell_upstreams(&conf.upstreams);
	resolve_set_upstreams(re->resolve, &conf, mono_now());
}

static void
look_cb(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_ev *re = arg;

	(void)fd;
	(void)what;
	listen_all(re);
	if (read_addresses(re) | has_slept(re)) {
		log_info("dns", "the network is another one: upstreams that "
				"failed are asked again");
		resolve_forgive(re->resolve);
		upstreams_ev_forgive(re->upstreams);
	}
	if (resolver_conf_stamp(re->conf->resolver.hosts.s) != re->hosts_stamp)
		read_hosts(re);
}

void
resolver_ev_configure(struct resolver_ev *re, const struct conf *conf)
{
	const struct conf *old = re->conf;
	struct server_listen listens[SERVER_LISTENS_MAX];
	size_t n;

	memset(listens, 0, sizeof(listens));
	n = resolver_conf_listens(conf, listens);
	re->conf = conf_ref(conf);
	conf_unref(old);
	if (n != re->n_listens ||
	    memcmp(listens, re->listens, sizeof(listens)) != 0) {
		server_ev_free(re->server);
		re->server = NULL;
		re->told_taken = false;
	}
	memcpy(re->listens, listens, sizeof(listens));
	re->n_listens = n;
	if (apply(re) < 0)
		log_error("dns", "the settings can't be applied: no memory");
	listen_all(re);
	set_capture(re);
}

static int
prepare(struct resolver_ev *re)
{
	static const struct resolve_ops ops = {
		.send = on_send,
		.reply = on_reply,
		.dropped = on_dropped,
		.done = on_done,
		.stand_in = on_stand_in,
		.random = on_random,
		.timer = on_timer,
	};
	struct resolve_ops with = ops;
	struct origin_opts opts = {
		.judge = re->opts.judge,
		.attr = re->opts.attr,
		.diag = re->opts.diag,
		.procfs = re->opts.procfs,
	};
	struct upstreams_opts upstreams = {
		.base = re->opts.base,
		.changed = system_changed,
		.arg = re,
		.by_tunnel = re->opts.by_tunnel,
	};
	int r = ct_open(&re->ct);

	if (r < 0)
		return r;
	opts.ct = re->ct;
	with.arg = re;
	re->origins = origins_new(&opts);
	re->resolve = resolve_new(&with);
	re->timer = event_new(re->opts.base, -1, 0, timer_cb, re);
	re->look = event_new(re->opts.base, -1, EV_PERSIST, look_cb, re);
	if (re->origins == NULL || re->resolve == NULL || re->timer == NULL ||
	    re->look == NULL || event_add(re->look, &look_interval) < 0)
		return -ENOMEM;
	re->unknown = process_new(PROCESS_UNKNOWN);
	if (re->unknown == NULL)
		return -ENOMEM;
	re->nobody = asker_new(re->unknown);
	if (re->nobody == NULL)
		return -ENOMEM;
	(void)read_addresses(re); /* the first are others, too */
	(void)has_slept(re);	  /* and so is this */
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
	follow_policy(re);
	resolver_ev_configure(re, conf);
	*ret = re;
	return 0;
}

void
resolver_ev_free(struct resolver_ev *re)
{
	if (re == NULL)
		return;
	upstreams_ev_free(re->upstreams);
	server_ev_free(re->server);
	re->server = NULL;
	resolve_free(re->resolve);
	while (!list_empty(&re->asks)) {
		struct ask *ask = container_of(re->asks.next, struct ask, node);

		list_remove(&ask->node);
		free(ask);
	}
	origins_free(re->origins);
	ct_close(re->ct);
	if (re->timer != NULL)
		event_free(re->timer);
	if (re->look != NULL)
		event_free(re->look);
	asker_free(re->nobody);
	process_unref(re->unknown);
	conf_unref(re->conf);
	free(re->allow);
	free(re);
}

bool
resolver_ev_is_busy(const struct resolver_ev *re)
{
	return re != NULL && upstreams_ev_is_busy(re->upstreams);
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

size_t
resolver_ev_connections(const struct resolver_ev *re)
{
	return re->server != NULL ? server_ev_connections(re->server) : 0;
}

bool
resolver_ev_listens(const struct resolver_ev *re)
{
	return re->server != NULL;
}

void
resolver_ev_ask(struct resolver_ev *re, const struct name *name, uint16_t qtype,
    void (*done)(void *arg, const uint8_t *msg, size_t len), void *arg)
{
	struct ask *ask =
	    re->n_asks < ASKS_MAX ? calloc(1, sizeof(*ask)) : NULL;
	struct asking *a = calloc(1, sizeof(*a) + WIRE_MESSAGE_MAX);

	if (ask == NULL || a == NULL) {
		free(ask);
		free(a);
		done(arg, NULL, 0);
		return;
	}
	follow_policy(re);
	ask->id = ++re->last_ask;
	ask->done = done;
	ask->arg = arg;
	list_append(&re->asks, &ask->node);
	re->n_asks++;
	a->query.flags = WIRE_RD;
	a->query.qtype = qtype;
	a->query.qclass = CLASS_IN;
	a->query.edns = true;
	a->query.size = QUERY_UDP_MAX;
	a->query.qname = *name;
	memcpy(a->query.asked, name->wire, name->len);
	a->client.tcp = true;
	a->client.listener = ASK_LISTENER;
	a->client.conn = ask->id;
	a->client.asker = re->nobody;
	a->out = (uint8_t *)(a + 1);
	switch (resolve_query(re->resolve, a, mono_now())) {
	case RESOLVE_ANSWERED:
		on_reply(re, &a->client, a->out, a->len);
		break;
	case RESOLVE_WAITING:
		break;
	case RESOLVE_SILENT:
		on_reply(re, &a->client, NULL, 0);
		break;
	}
	free(a);
}
