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
#include "src/resolver_conf.h"
#include "src/taker.h"

/* Seconds in a row that the owner of a local upstream's socket is looked for:
 * on a busy machine it may not be found at once, and what it asks in turn would
 * be brought back to it. */
#define SERVER_TRIES 30

static void
find_listener(struct resolver_ev *re, const struct server_listen *at,
    uint8_t proto, struct socket_facts *ret)
{
	taker_socket(
	    re->opts.diag, &(struct taken){ at->addr, at->port, proto }, ret);
}

/* Whose it is; a reference, or NULL. */
static const struct process *
find_owner(
    struct resolver_ev *re, const struct server_listen *at, uint8_t proto)
{
	return taker_find(re->opts.diag, re->opts.procfs,
	    &(struct taken){ at->addr, at->port, proto });
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

static void
unlisten(struct resolver_ev *re)
{
	server_ev_free(re->server);
	re->server = NULL;
	re->n_served = 0;
	memset(re->absent, 0, sizeof(re->absent));
	re->deaf[0] = '\0';
	resolve_drop(re->resolve);
}

static bool
is_among(
    const struct server_listen *one, const struct server_listen *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (one->port == all[i].port &&
		    addr_equal(&one->addr, &all[i].addr))
			return true;
	return false;
}

/* What is listened on stays where it is wanted still, unless all addresses of
 * its port are newly so: these can't be had beside one. */
static bool
may_stay(const struct resolver_ev *re, const struct server_listen *at,
    const struct server_listen *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (addr_is_any(&wanted[i].addr) &&
		    wanted[i].port == at->port &&
		    wanted[i].addr.family == at->addr.family &&
		    !is_among(&wanted[i], re->served, re->n_served))
			return false;
	return is_among(at, wanted, n);
}

/* Who has asked at what stays is not to notice. */
static void
leave(struct resolver_ev *re, const struct server_listen *wanted, size_t n)
{
	bool goes[SERVER_LISTENS_MAX], some = false;

	for (size_t k = 0; k < re->n_served; k++) {
		goes[k] = !may_stay(re, &re->served[k], wanted, n);
		some = some || !goes[k];
	}
	if (!some) {
		unlisten(re);
		return;
	}
	for (size_t k = 0; k < re->n_served; k++) {
		if (!goes[k] || re->served[k].port == 0)
			continue;
		server_ev_unlisten(re->server, (uint16_t)k);
		re->served[k] = (struct server_listen){ .port = 0 };
	}
}

void
resolver_take_listens(struct resolver_ev *re, const struct conf *conf)
{
	struct server_listen listens[SERVER_LISTENS_MAX];
	size_t n;

	memset(listens, 0, sizeof(listens));
	n = resolver_conf_listens(conf, listens);
	if (n == re->n_listens &&
	    memcmp(listens, re->listens, sizeof(listens)) == 0)
		return;
	leave(re, listens, n);
	memset(re->absent, 0, sizeof(re->absent));
	re->deaf[0] = '\0';
	memcpy(re->listens, listens, sizeof(listens));
	re->n_listens = n;
}

/* IPv6 may be off (the sysctl disable_ipv6, the kernel's ipv6.disable). */
static bool
lacks_six(const struct server_listen *at, int error)
{
	return at->addr.family == ADDR_IP6 &&
	       (error == -EAFNOSUPPORT ||
		   (error == -EADDRNOTAVAIL && addr_is_loopback(&at->addr)));
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

/* By itself, or where all addresses are. */
static bool
is_served(const struct resolver_ev *re, const struct server_listen *at)
{
	for (size_t i = 0; i < re->n_served; i++) {
		const struct server_listen *by = &re->served[i];

		if (by->port == at->port &&
		    by->addr.family == at->addr.family &&
		    (addr_is_any(&by->addr) ||
			addr_equal(&by->addr, &at->addr)))
			return true;
	}
	return false;
}

/* One more: its number, or -errno. */
static int
serve(struct resolver_ev *re, const struct server_listen *at)
{
	struct server_opts opts = {
		.base = re->opts.base,
		.resolve = re->resolve,
		.identify = resolver_identify,
		.arg = re,
	};
	int r = 0;

	if (re->server == NULL)
		r = server_ev_new(&re->server, &opts);
	if (r < 0)
		return r;
	r = server_ev_listen(re->server, at);
	if (r >= 0) {
		re->served[r] = *at;
		if (re->n_served == (size_t)r)
			re->n_served++;
	} else if (re->n_served == 0) {
		server_ev_free(re->server);
		re->server = NULL;
	}
	return r;
}

/* Who has the port of an address, by either protocol; a reference, or NULL. */
static const struct process *
find_either(struct resolver_ev *re, const struct server_listen *at)
{
	const struct process *proc = find_owner(re, at, IPPROTO_UDP);

	return proc != NULL ? proc : find_owner(re, at, IPPROTO_TCP);
}

/* Who is in the way: of all addresses it may have the port of one alone,
 * systemd-resolved mostly of 127.0.0.53. */
static const struct process *
find_taker(struct resolver_ev *re, const struct server_listen *at)
{
	static const uint8_t stub[] = { 127, 0, 0, 53 };
	const struct process *proc = find_either(re, at);
	struct server_listen one = { addr_ip4(stub), at->port };

	if (proc != NULL || !addr_is_any(&at->addr))
		return proc;
	if (at->addr.family == ADDR_IP4)
		proc = find_either(re, &one);
	for (size_t i = 0; proc == NULL && i < re->n_addrs; i++) {
		one.addr = re->addrs[i];
		if (one.addr.family == at->addr.family)
			proc = find_either(re, &one);
	}
	return proc;
}

/* What is wrong with one, as text. Returns how long it is. */
static size_t
print_absent(struct resolver_ev *re, size_t i, char *buf, size_t size)
{
	const struct server_listen *at = &re->listens[i];
	const struct process *proc;
	char addr[ADDR_STRLEN], exe[256];
	int n;

	addr_format(&at->addr, addr);
	if (re->absent[i] != -EADDRINUSE) {
		n = snprintf(buf, size, "%s port %u can't be listened on: %s",
		    addr, at->port, strerror(-re->absent[i]));
		return n > 0 && (size_t)n < size ? (size_t)n : 0;
	}
	proc = find_taker(re, at);
	n = proc != NULL
		? snprintf(buf, size, "%s port %u is taken by %s[%d]", addr,
		      at->port, log_quote(proc->exe, exe, sizeof(exe)),
		      (int)proc->pid)
		: snprintf(buf, size, "%s port %u is taken by another program",
		      addr, at->port);
	process_unref(proc);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/* All that are missed. */
static void
note_deaf(struct resolver_ev *re)
{
	size_t at = 0;

	re->deaf[0] = '\0';
	for (size_t i = 0; i < re->n_listens; i++) {
		size_t n = at > 0 ? 2 : 0;

		if (re->absent[i] >= 0 || at + n >= sizeof(re->deaf))
			continue;
		memcpy(re->deaf + at, "; ", n);
		n += print_absent(
		    re, i, re->deaf + at + n, sizeof(re->deaf) - at - n);
		at += n;
	}
}

static void
tell(struct resolver_ev *re, size_t i, int before)
{
	char text[RESOLVER_DEAF_SIZE];

	if (re->absent[i] < 0) {
		(void)print_absent(re, i, text, sizeof(text)); /* fits */
		log_error("dns",
		    "%s: there is no resolver%s; it is tried again each second",
		    text,
		    re->server != NULL ? " there"
				       : ", and nothing is captured");
	} else if (re->absent[i] > 0) {
		log_info("dns",
		    "IPv6 is off: the resolver listens on its other addresses "
		    "alone");
	} else if (before < 0) {
		log_info("dns", "the resolver listens on %s port %u now",
		    addr_format(&re->listens[i].addr, text),
		    re->listens[i].port);
	}
}

/* What is not served is tried again; news are told once. */
bool
resolver_listen(struct resolver_ev *re)
{
	int error[SERVER_LISTENS_MAX] = { 0 }, before, r;
	bool news = false, more = false;

	/* all addresses first: with a socket of one they can't be had */
	for (size_t k = 0; k < 2 * re->n_listens; k++) {
		size_t i = k % re->n_listens;

		if (addr_is_any(&re->listens[i].addr) != (k < re->n_listens) ||
		    is_served(re, &re->listens[i]))
			continue;
		r = serve(re, &re->listens[i]);
		more = more || r >= 0;
		error[i] = r < 0 ? r : 0;
	}
	for (size_t i = 0; i < re->n_listens; i++) {
		if (lacks_six(&re->listens[i], error[i]) &&
		    re->server != NULL && !has_other_six(re))
			error[i] = 1;
		before = re->absent[i];
		if (error[i] == before)
			continue;
		re->absent[i] = error[i];
		tell(re, i, before);
		news = true;
	}
	if (news)
		note_deaf(re);
	if (more)
		resolver_capture(re);
	return news || more;
}
