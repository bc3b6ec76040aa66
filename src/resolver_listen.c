#include "src/resolver_own.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/sockaddr_ev.h"
#include "src/base/log.h"
#include "src/core/judge.h"
#include "src/linux/diag.h"
#include "src/linux/procfs.h"
#include "src/resolver_conf.h"

/* Seconds in a row that the owner of a local upstream's socket is looked for:
 * on a busy machine it may not be found at once, and what it asks in turn would
 * be brought back to it. */
#define SERVER_TRIES 30

/* The socket that has a port of this host. */
static void
find_listener(struct resolver_ev *re, const struct server_listen *at,
    uint8_t proto, struct socket_facts *ret)
{
	struct flow_key key;

	memset(&key, 0, sizeof(key));
	memset(ret, 0, sizeof(*ret));
	key.local = at->addr;
	key.lport = at->port;
	key.remote.family = at->addr.family;
	key.proto = proto;
	diag_find(re->opts.diag, &key, true, 0, ret);
}

/* Whose it is; a reference, or NULL. */
static const struct process *
find_owner(
    struct resolver_ev *re, const struct server_listen *at, uint8_t proto)
{
	const struct process *proc = NULL;
	struct socket_facts sock;

	find_listener(re, at, proto, &sock);
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

	if (re->deaf[0] != '\0')
		return;
	proc = find_owner(re, taken, IPPROTO_UDP);
	(void)snprintf(re->deaf, sizeof(re->deaf),
	    "%s port %u is taken by %s[%d]", addr_format(&taken->addr, addr),
	    taken->port,
	    proc != NULL ? log_quote(proc->exe, exe, sizeof(exe))
			 : "another program",
	    proc != NULL ? (int)proc->pid : 0); /* may be cut */
	process_unref(proc);
	log_error("dns", "%s: there is no resolver%s until that has ended",
	    re->deaf,
	    re->server != NULL ? " there" : ", and nothing is captured,");
}

static void
tell_not_there(
    struct resolver_ev *re, const struct server_listen *at, int error)
{
	char addr[ADDR_STRLEN];

	if (error == -EADDRINUSE) {
		tell_taken(re, at);
		return;
	}
	if (re->deaf[0] != '\0')
		return;
	(void)snprintf(re->deaf, sizeof(re->deaf),
	    "%s port %u can't be listened on: %s", addr_format(&at->addr, addr),
	    at->port, strerror(-error)); /* fits */
	log_error("dns", "%s", re->deaf);
}

/* The n-th upstream that runs on this host (a recursor, a cache); false past
 * the last. */
static bool
local_upstream(struct resolver_ev *re, size_t n, struct server_listen *ret,
    uint8_t *ret_proto)
{
	const struct name *zone;
	struct upstream_group *group;

	for (size_t g = 0;
	     (group = resolve_group(re->resolve, g, &zone)) != NULL; g++)
		for (size_t i = 0; i < group->n; i++) {
			const struct upstream_spec *spec = &group->v[i].spec;

			/* a tunnel's are of the far side's network */
			if (spec->kind == UPSTREAM_TUNNEL ||
			    !resolver_is_here(re, &spec->addr) || n-- > 0)
				continue;
			*ret = (struct server_listen){ spec->addr, spec->port };
			*ret_proto = spec->kind == UPSTREAM_PLAIN ? IPPROTO_UDP
								  : IPPROTO_TCP;
			return true;
		}
	return false;
}

/* Whose they are. Gives references. True where all that listen are known: to
 * find one may take longer than is left for it now. */
static bool
find_servers(struct resolver_ev *re, struct judge_capture *ret)
{
	struct server_listen at;
	struct socket_facts sock;
	uint8_t proto;
	bool all = true;

	for (size_t n = 0; ret->n_servers < JUDGE_SERVERS_MAX &&
			   local_upstream(re, n, &at, &proto);
	     n++) {
		const struct process *proc = find_owner(re, &at, proto);

		find_listener(re, &at, proto, &sock);
		all = all && (proc != NULL || sock.status != SOCKET_FOUND);
		if (proc != NULL && !proc->self)
			ret->servers[ret->n_servers++] = proc;
		else
			process_unref(proc);
	}
	return all;
}

void
resolver_follow_servers(struct resolver_ev *re)
{
	struct server_listen at;
	struct socket_facts sock;
	uint64_t inodes = 0;
	uint8_t proto;

	for (size_t n = 0;
	     n < JUDGE_SERVERS_MAX && local_upstream(re, n, &at, &proto); n++) {
		find_listener(re, &at, proto, &sock);
		inodes = inodes * 31 +
			 (sock.status == SOCKET_FOUND ? sock.inode : 0);
	}
	if (inodes != re->server_inodes)
		re->server_tries = SERVER_TRIES;
	else if (re->server_tries == 0)
		return;
	else
		re->server_tries--;
	re->server_inodes = inodes;
	resolver_capture(re);
}

void
resolver_capture(struct resolver_ev *re)
{
	bool wanted = re->conf->resolver.capture != 0 && re->server != NULL;
	bool known = true;
	struct judge_capture capture;

	resolver_conf_capture(&capture, re->served, wanted ? re->n_served : 0);
	if (capture.n_ours > 0)
		known = find_servers(re, &capture);
	if (known)
		re->server_tries = 0;
	judge_set_capture(re->opts.judge, &capture);
	for (size_t i = 0; i < capture.n_servers; i++)
		process_unref(capture.servers[i]);
}

void
resolver_unlisten(struct resolver_ev *re)
{
	server_ev_free(re->server);
	re->server = NULL;
	resolve_drop(re->resolve);
}

/* IPv6 may be off (the sysctl disable_ipv6, the kernel's ipv6.disable). */
static bool
lacks_six(const struct server_listen *at, int error)
{
	return at->addr.family == ADDR_IP6 &&
	       (error == -EAFNOSUPPORT ||
		   (error == -EADDRNOTAVAIL && addr_is_loopback(&at->addr)));
}

static bool
needs_six(const struct server_listen *at)
{
	return lacks_six(at, -EAFNOSUPPORT);
}

/* Whether it could be listened on: 0 or -errno. */
static int
probe(const struct server_listen *at, int type)
{
	struct sockaddr_storage name;
	socklen_t len = sockaddr_make(&name, &at->addr, at->port, 0);
	const int yes = 1;
	int fd = socket(name.ss_family, type | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes,
		    sizeof(yes)); /* as the server does */
	r = bind(fd, (const void *)&name, len) < 0 ? -errno : 0;
	(void)close(fd); /* nothing was sent */
	return r;
}

/* Programs may speak IPv6 all the same: only the loopback lacks it. */
static bool
has_other_six(const struct resolver_ev *re)
{
	for (size_t i = 0; i < re->n_addrs; i++)
		if (re->addrs[i].family == ADDR_IP6 &&
		    !addr_is_loopback(&re->addrs[i]))
			return true;
	return false;
}

/* What IPv6's absence took can be had: only then is a server that works given
 * up for one on all addresses. */
static bool
six_has_come(struct resolver_ev *re)
{
	for (size_t i = 0; i < re->n_listens; i++) {
		const struct server_listen *at = &re->listens[i];
		int r = needs_six(at) ? probe(at, SOCK_DGRAM) : 0;

		if (r == 0 && needs_six(at))
			r = probe(at, SOCK_STREAM);
		if (r == 0)
			continue;
		if (!lacks_six(at, r) || has_other_six(re))
			tell_not_there(re, at, r);
		else
			re->deaf[0] = '\0'; /* nobody misses it any more */
		return false;
	}
	return true;
}

/* On all that is set, or all but those that IPv6's absence takes. */
static int
start_server(struct resolver_ev *re, bool six, struct server_listen *ret_taken)
{
	struct server_opts opts = {
		.base = re->opts.base,
		.resolve = re->resolve,
		.identify = resolver_identify,
		.arg = re,
	};
	int r;

	for (size_t i = 0; i < re->n_listens; i++)
		if (six || !needs_six(&re->listens[i]))
			opts.listens[opts.n_listens++] = re->listens[i];
	if (opts.n_listens == 0)
		return -EADDRNOTAVAIL;
	r = server_ev_new(&re->server, &opts, ret_taken);
	if (r == 0) {
		memcpy(re->served, opts.listens, sizeof(re->served));
		re->n_served = opts.n_listens;
	}
	return r;
}

/* had_less: a server without IPv6 worked until now. */
static int
listen_on_what_is_there(
    struct resolver_ev *re, bool had_less, struct server_listen *ret_taken)
{
	int r = start_server(re, true, ret_taken);
	struct server_listen other;

	if (r == 0 || (!had_less && !lacks_six(ret_taken, r)))
		return r;
	if (start_server(re, false, &other) < 0)
		return r;
	if (!had_less)
		log_info("dns",
		    "IPv6 is off: the resolver listens on its other addresses "
		    "alone");
	return 0;
}

void
resolver_listen(struct resolver_ev *re)
{
	bool less = re->server != NULL && re->n_served < re->n_listens;
	struct server_listen taken;
	int r;

	if (less && six_has_come(re))
		resolver_unlisten(re);
	if (re->server != NULL || re->n_listens == 0)
		return;
	r = listen_on_what_is_there(re, less, &taken);
	if (r < 0) {
		tell_not_there(re, &taken, r);
	} else {
		if (re->deaf[0] != '\0')
			log_info("dns", "the resolver listens now");
		re->deaf[0] = '\0';
	}
	resolver_capture(re);
}
