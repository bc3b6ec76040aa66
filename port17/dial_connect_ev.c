#include "port17/dial_own.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port17/leg_ev.h"
#include "port17/sock.h"

/* To the proxy, or to the far end of a direct way, by all addresses that it
 * has; and to a proxy that has another one yet. */
#define CONNECT_NS (5 * MONO_S)
#define CONNECT_NEXT_NS (2 * MONO_S)

/* Those of the proxy's name. The tunnel that has its own name now may be
 * another one, whose proxy is not to be told what is for this one's; none then,
 * and where nobody knows it. */
static size_t
count_resolved(const struct dial *dial)
{
	const struct tunnel *via = dial->via;
	const struct tunnel *is = tunnel_set_find(dial->dialer->set, via->name);

	return via->host[0] != '\0' && is != NULL &&
		       strcmp(is->host, via->host) == 0
		   ? dial->state->resolved.n
		   : 0;
}

/* Which of them it is, in a row that begins anew where its end is. */
static size_t
which_resolved(const struct dial *dial)
{
	return (dial->address + dial->addresses) % dial->state->resolved.n;
}

static bool
has_next_address(const struct dial *dial)
{
	return dial->addresses + 1 < count_resolved(dial);
}

void
dial_connect_limit(struct dial *dial)
{
	dial->connect_end = mono_add(mono_now(), CONNECT_NS);
}

/* A share of what is left, so that each has one; the last has all of it. */
static uint64_t
connect_ns(const struct dial *dial)
{
	uint64_t left = mono_since(dial->connect_end, mono_now());

	if (!has_next_address(dial))
		return left;
	left /= count_resolved(dial) - dial->addresses;
	return left < CONNECT_NEXT_NS ? left : CONNECT_NEXT_NS;
}

bool
dial_next_address(struct dial *dial, enum outcome outcome)
{
	if (dial->phase != PHASE_CONNECT || !has_next_address(dial) ||
	    !outcome_is_tunnel_fault(outcome) ||
	    !mono_before(mono_now(), dial->connect_end))
		return false;
	dial->addresses++;
	return true;
}

static enum outcome
connect_outcome(const struct dial *dial, int error)
{
	const struct tunnel *via = dial->via;
	enum outcome outcome = outcome_of_errno(error);

	if (sock_lacks_way(via, error))
		return OUTCOME_TUNNEL_DOWN;
	if (via->kind == TUNNEL_DIRECT || outcome == OUTCOME_NO_ROOM)
		return outcome;
	return outcome == OUTCOME_TIMED_OUT ? OUTCOME_TUNNEL_SLOW
					    : OUTCOME_TUNNEL_DOWN;
}

/* False where the other end is on another host. */
static bool
reached_here(const struct dial *dial, struct dial_reached *ret)
{
	struct sock_addr peer = { .len = sizeof(peer.space) };
	struct sock_addr own = { .len = sizeof(own.space) };
	struct ucred who;
	socklen_t len = sizeof(who);
	int fd = dial->leg->fd;

	memset(ret, 0, sizeof(*ret)); /* hashed with its padding */
	if (getpeername(fd, &peer.sa, &peer.len) < 0)
		return false;
	if (peer.sa.sa_family == AF_UNIX) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
			return false;
		ret->pid = who.pid;
		return who.pid != 0;
	}
	if (getsockname(fd, &own.sa, &own.len) < 0)
		return false;
	ret->key.proto = IPPROTO_TCP;
	ret->key.local = sock_addr_get(&peer, &ret->key.lport);
	ret->key.remote = sock_addr_get(&own, &ret->key.rport);
	return addr_is_loopback(&ret->key.local) ||
	       addr_equal(&ret->key.local, &ret->key.remote);
}

/* A proxy whose own connections come here again: it would ask itself for ever.
 * Seen before it is asked anything. */
static bool
is_loop(struct dial *dial)
{
	const struct dialer_opts *opts = &dial->dialer->opts;
	const struct dial_for what = { &dial->opts.target,
		dial->opts.identity.process };
	struct dial_reached reached;

	dial->proxy = 0;
	return dial->via->kind != TUNNEL_DIRECT && what.process != NULL &&
	       opts->is_loop != NULL && reached_here(dial, &reached) &&
	       opts->is_loop(opts->arg, &reached, &what, &dial->proxy);
}

static void
check_connected(struct dial *dial)
{
	int error = leg_error(dial->leg);

	if (error != 0) {
		dial_failed(
		    dial, connect_outcome(dial, error), strerror(error));
		return;
	}
	if (!dial->leg->writable)
		return;
	if (is_loop(dial)) {
		dial->state->looped = mono_now();
		dial_failed(dial, OUTCOME_LOOP, dial_loop_why);
		return;
	}
	if (count_resolved(dial) > 0)
		dial->state->reached = which_resolved(dial);
	if (dial->via->kind != TUNNEL_DIRECT)
		dial_say_step(dial, "the proxy is reached");
	dial_shake_begin(dial);
}

static void
leg_changed(void *arg, struct leg *leg)
{
	struct dial *dial = arg;

	switch (dial->phase) {
	case PHASE_START:
	case PHASE_FAILED:
	case PHASE_SOCKET:
		break;
	case PHASE_CONNECT:
		check_connected(dial);
		break;
	case PHASE_TRUST:
		if (leg_error(leg) != 0)
			dial_failed(dial, OUTCOME_TUNNEL_DOWN,
			    strerror(leg_error(leg)));
		break;
	case PHASE_TLS:
	case PHASE_SHAKE:
		dial_shake_changed(dial);
		break;
	}
}

/* Where its sockets go. 0 or -errno. */
static int
find_end(const struct dial *dial, struct sock_addr *ret)
{
	const struct tunnel *via = dial->via;
	const struct addr *addr = &via->addr;

	if (via->path[0] != '\0') {
		sock_addr_unix(ret, via->path);
		return 0;
	}
	if (via->kind == TUNNEL_DIRECT) {
		if (dial->opts.target.addr.family == ADDR_NONE ||
		    dial->opts.target.by_name)
			return -EDESTADDRREQ;
		return sock_addr_ip(
		    ret, &dial->opts.target.addr, dial->opts.target.port, "");
	}
	if (addr->family == ADDR_NONE) {
		if (count_resolved(dial) == 0)
			return -ENOENT;
		addr = &dial->state->resolved.v[which_resolved(dial)];
	}
	return sock_addr_ip(ret, addr, via->port, via->zone);
}

/* A device needs a route of IPv6 though it is the only one that is looked at,
 * and none of IPv4 (ip_route_output_key_hash_rcu(), ip6_route_output_flags()).
 */
static const char *
connect_why(const struct dial *dial, int error, const struct sock_addr *to,
    char buf[SHAKE_WHY_SIZE])
{
	if (error != ENETUNREACH || to->sa.sa_family != AF_INET6 ||
	    dial->via->device[0] == '\0')
		return strerror(error);
	(void)snprintf(buf, SHAKE_WHY_SIZE, "no route of IPv6 by %s",
	    dial->via->device); /* fits */
	return buf;
}

/* A socket that begins to connect, or -errno. */
static void
watch_connection(struct dial *dial, int fd_take, const struct sock_addr *to)
{
	char why[SHAKE_WHY_SIZE];
	bool local;
	int r;

	if (fd_take < 0) {
		dial_failed(dial, connect_outcome(dial, -fd_take),
		    connect_why(dial, -fd_take, to, why));
		return;
	}
	local = to->sa.sa_family == AF_UNIX;
	dial->phase = PHASE_CONNECT;
	r = leg_open(&dial->leg, dial->dialer->opts.legs, fd_take, !local);
	if (r < 0) {
		dial_failed(dial, OUTCOME_NO_ROOM, strerror(-r));
		return;
	}
	dial->leg->exact = !local;
	dial->leg->fn = leg_changed;
	dial->leg->arg = dial;
	dial_set_timer(dial, connect_ns(dial));
}

/* Whatever is wrong with the namespace: nothing is sent from another one. */
void
dial_not_entered(struct dial *dial, int error)
{
	char why[SOCK_WHY_SIZE];

	dial_failed(dial, outcome_of_unmade(-error),
	    sock_not_made(dial->via, error, why));
}

static void
socket_made(struct sock_order *order, int fd_take)
{
	struct dial *dial = container_of(order, struct dial, order);
	struct sock_addr to;
	int r;

	dial->phase = PHASE_CONNECT;
	if (fd_take < 0) {
		dial_not_entered(dial, fd_take);
		return;
	}
	r = find_end(dial, &to);
	if (r < 0) {
		close(fd_take); /* the tunnel is another one by now */
	} else {
		dial_say_step(dial, "its network namespace is entered");
		r = sock_connect_made(dial->via, fd_take, &to, SOCK_STREAM);
	}
	watch_connection(dial, r, &to);
}

static void
say_connects(const struct dial *dial, const struct sock_addr *to)
{
	char text[sizeof("connects to ") + ADDR_STRLEN] = "connects";
	char where[ADDR_STRLEN];
	struct addr addr;
	uint16_t port;

	if (dial->opts.step != NULL && count_resolved(dial) > 0) {
		addr = sock_addr_get(to, &port);
		(void)snprintf(text, sizeof(text), "connects to %s",
		    addr_format(&addr, where)); /* it fits */
	}
	dial_say_step(dial, text);
}

static const char *
lacks_address(const struct dial *dial)
{
	enum tunnel_dns dns = dial->opts.tunnel->dns;

	if (dns == TUNNEL_DNS_LOCAL)
		return "nobody here knows the name";
	if (dial->opts.test && dns == TUNNEL_DNS_TUNNEL)
		return "its names are asked for through it, but not by a test: "
		       "give it ADDRESS:PORT";
	return "only the name is known, and nobody here may resolve it";
}

void
dial_connect(struct dial *dial)
{
	char why[SHAKE_WHY_SIZE];
	struct sock_addr to;
	int r = find_end(dial, &to);

	dial->phase = PHASE_CONNECT;
	if (r == 0 && dial->via->netns[0] != '\0')
		dial_say_step(dial, "its network namespace is looked for");
	else if (r == 0)
		say_connects(dial, &to);
	if (r == -EDESTADDRREQ) {
		dial_failed(dial, OUTCOME_UNSUPPORTED, lacks_address(dial));
		return;
	}
	if (r == -ENOENT) {
		(void)snprintf(why, sizeof(why), "nobody knows %.48s",
		    dial->via->host); /* cut */
		dial_failed(dial, OUTCOME_TUNNEL_DOWN, why);
		return;
	}
	if (r < 0 || dial->via->netns[0] == '\0') {
		watch_connection(dial,
		    r == 0 ? sock_connect(dial->via, &to, SOCK_STREAM) : r,
		    &to);
		return;
	}
	dial->order.made = socket_made;
	r = sock_ask(dial->dialer->opts.maker, &dial->order, dial->via, &to,
	    SOCK_STREAM);
	if (r < 0) {
		dial_not_entered(dial, r);
		return;
	}
	dial->phase = PHASE_SOCKET;
	dial_set_timer(dial, CONNECT_NS);
}
