#include "tests/netns/attrtest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/linux/diag.h"
#include "src/linux/procnet.h"

#define HERE4 "10.98.0.1"
#define THERE4 "10.98.0.2"
#define HERE6 "fd98::1"
#define THERE6 "fd98::2"

/* What a socket is made with. */
struct made {
	int family, type, proto;
	const char *local; /* NULL: not bound */
	uint16_t lport;
	const char *remote; /* NULL: not connected */
	uint16_t rport;
	const char *device;
	bool listen, reuse, ipv6_only;
};

static socklen_t
sockaddr_of(
    struct sockaddr_in6 *ret, int family, const char *addr, uint16_t port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->sin6_family = (sa_family_t)family;
	ret->sin6_port = htons(port); /* the same place in both */
	if (inet_pton(family, addr,
		family == AF_INET ? (void *)&sin->sin_addr
				  : (void *)&ret->sin6_addr) != 1)
		die(addr);
	return family == AF_INET ? sizeof(*sin) : sizeof(*ret);
}

static int
make(const struct made *m)
{
	struct sockaddr_in6 sa;
	socklen_t len;
	int one = 1, fd;

	fd =
	    socket(m->family, m->type | SOCK_CLOEXEC | SOCK_NONBLOCK, m->proto);
	if (fd < 0)
		die("socket");
	if (m->reuse &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0)
		die("SO_REUSEADDR");
	if (m->ipv6_only &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0)
		die("IPV6_V6ONLY");
	if (m->device != NULL &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, m->device,
		(socklen_t)strlen(m->device)) != 0)
		die(m->device);
	if (m->local != NULL) {
		len = sockaddr_of(&sa, m->family, m->local, m->lport);
		if (bind(fd, (struct sockaddr *)&sa, len) != 0)
			die(m->local);
	}
	if (m->listen && listen(fd, 8) != 0)
		die("listen");
	if (m->remote != NULL) {
		len = sockaddr_of(&sa, m->family, m->remote, m->rport);
		if (connect(fd, (struct sockaddr *)&sa, len) != 0 &&
		    errno != EINPROGRESS)
			die(m->remote);
	}
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		die("getsockname");
	return ntohs(sa.sin6_port);
}

static struct flow_key
key_of(int proto, const char *local, uint16_t lport, const char *remote,
    uint16_t rport)
{
	struct flow_key key = {
		.lport = lport, .rport = rport, .proto = (uint8_t)proto
	};

	if (addr_parse(&key.local, local, strlen(local)) != 0 ||
	    addr_parse(&key.remote, remote, strlen(remote)) != 0)
		die(local);
	return key;
}

/* One row: a socket, and a flow that is or is not its own. A port of 0 in the
 * flow is the socket's. */
struct row {
	const char *name;
	struct made made;
	const char *local, *remote;
	uint16_t rport;
	bool in;
	const char *device; /* the packet's */
	bool found;
};

#define TCP4 .family = AF_INET, .type = SOCK_STREAM
#define TCP6 .family = AF_INET6, .type = SOCK_STREAM
#define UDP4 .family = AF_INET, .type = SOCK_DGRAM
#define UDP6 .family = AF_INET6, .type = SOCK_DGRAM
#define LITE4 UDP4, .proto = IPPROTO_UDPLITE
#define LITE6 UDP6, .proto = IPPROTO_UDPLITE

static const struct row rows[] = {
	{ "tcp: connecting", { TCP4, .remote = THERE4, .rport = 80 }, HERE4,
	    THERE4, 80, false, "attr_d0", true },
	{ "tcp: connecting over IPv6", { TCP6, .remote = THERE6, .rport = 80 },
	    HERE6, THERE6, 80, false, "attr_d0", true },
	{ "tcp: connecting to a mapped address",
	    { TCP6, .remote = "::ffff:" THERE4, .rport = 80 }, HERE4, THERE4,
	    80, false, "attr_d0", true },
	{ "tcp: bound to a device",
	    { TCP4, .remote = THERE4, .rport = 80, .device = "attr_d0" }, HERE4,
	    THERE4, 80, false, "attr_d0", true },
	{ "tcp: bound to a device, packet of another",
	    { TCP4, .remote = THERE4, .rport = 80, .device = "attr_d0" }, HERE4,
	    THERE4, 80, false, "lo", false },
	{ "tcp: to another port", { TCP4, .remote = THERE4, .rport = 80 },
	    HERE4, THERE4, 81, false, "attr_d0", false },
	{ "tcp: in to a listener", { TCP4, .local = "0.0.0.0", .listen = true },
	    HERE4, THERE4, 999, true, "attr_d0", true },
	{ "tcp: in to a listener on an address",
	    { TCP4, .local = HERE4, .listen = true }, HERE4, THERE4, 999, true,
	    "attr_d0", true },
	{ "tcp: in to a listener on another address",
	    { TCP4, .local = "127.0.0.1", .listen = true }, HERE4, THERE4, 999,
	    true, "attr_d0", false },
	{ "tcp: in to a listener of IPv6",
	    { TCP6, .local = "::", .listen = true }, HERE6, THERE6, 999, true,
	    "attr_d0", true },
	{ "tcp: IPv4 in to a listener of both",
	    { TCP6, .local = "::", .listen = true }, HERE4, THERE4, 999, true,
	    "attr_d0", true },
	{ "tcp: IPv4 in to a listener of IPv6 only",
	    { TCP6, .local = "::", .listen = true, .ipv6_only = true }, HERE4,
	    THERE4, 999, true, "attr_d0", false },
	{ "tcp: in to a listener on a device",
	    { TCP4, .local = "0.0.0.0", .listen = true, .device = "attr_d0" },
	    HERE4, THERE4, 999, true, "attr_d0", true },
	{ "udp: unconnected", { UDP4, .local = "0.0.0.0" }, HERE4, THERE4, 53,
	    false, "attr_d0", true },
	{ "udp: unconnected, IPv6", { UDP6, .local = "::" }, HERE6, THERE6, 53,
	    false, "attr_d0", true },
	{ "udp: IPv4 from a socket of both", { UDP6, .local = "::" }, HERE4,
	    THERE4, 53, false, "attr_d0", true },
	{ "udp: connected", { UDP4, .remote = THERE4, .rport = 53 }, HERE4,
	    THERE4, 53, false, "attr_d0", true },
	{ "udp: connected to another", { UDP4, .remote = THERE4, .rport = 53 },
	    HERE4, "10.98.0.3", 53, false, "attr_d0", false },
	{ "udp: connected, IPv6", { UDP6, .remote = THERE6, .rport = 53 },
	    HERE6, THERE6, 53, false, "attr_d0", true },
	{ "udp: connected to a mapped address",
	    { UDP6, .remote = "::ffff:" THERE4, .rport = 53 }, HERE4, THERE4,
	    53, false, "attr_d0", true },
	{ "udp: bound to an address", { UDP4, .local = HERE4 }, HERE4, THERE4,
	    53, false, "attr_d0", true },
	{ "udp: bound to another address", { UDP4, .local = "127.0.0.1" },
	    HERE4, THERE4, 53, false, "attr_d0", false },
	{ "udp: bound to a device",
	    { UDP4, .local = "0.0.0.0", .device = "attr_d0" }, HERE4, THERE4,
	    53, false, "attr_d0", true },
	{ "udp: bound to a device, packet of another",
	    { UDP4, .local = "0.0.0.0", .device = "attr_d0" }, HERE4, THERE4,
	    53, false, "lo", false },
	{ "udp: in", { UDP4, .local = "0.0.0.0" }, HERE4, THERE4, 999, true,
	    "attr_d0", true },
	{ "udp: in to an address", { UDP6, .local = HERE6 }, HERE6, THERE6, 999,
	    true, "attr_d0", true },
	{ "udp: in over IPv4 to a socket of both", { UDP6, .local = "::" },
	    HERE4, THERE4, 999, true, "attr_d0", true },
	{ "udp: in to a group", { UDP4, .local = "0.0.0.0" }, "224.0.0.251",
	    THERE4, 5353, true, "attr_d0", true },
	{ "udp: in to a socket on the group", { UDP4, .local = "224.0.0.251" },
	    "224.0.0.251", THERE4, 5353, true, "attr_d0", true },
	{ "udp: in to a group, bound to the device",
	    { UDP4, .local = "0.0.0.0", .device = "attr_d0" }, "224.0.0.251",
	    THERE4, 5353, true, "attr_d0", true },
	{ "udp: in to a group, socket of both", { UDP6, .local = "::" },
	    "224.0.0.251", THERE4, 5353, true, "attr_d0", true },
	{ "udp: in to a group of IPv6", { UDP6, .local = "::" }, "ff02::fb",
	    "fe80::2", 5353, true, "attr_d0", true },
	{ "udp: in to another group", { UDP4, .local = "224.0.0.252" },
	    "224.0.0.251", THERE4, 5353, true, "attr_d0", false },
	{ "udp: in to a group, connected to the sender",
	    { UDP4, .local = "0.0.0.0", .remote = THERE4, .rport = 5353 },
	    HERE4, THERE4, 5353, true, "attr_d0", true },
	{ "udp: in to a group, bound to another device",
	    { UDP4, .local = "0.0.0.0", .device = "lo" }, "224.0.0.251", THERE4,
	    5353, true, "attr_d0", false },
	{ "udp: in, broadcast to all", { UDP4, .local = "0.0.0.0" },
	    "255.255.255.255", THERE4, 68, true, "attr_d0", true },
	{ "udp: in, broadcast to the subnet", { UDP4, .local = "0.0.0.0" },
	    "10.98.0.255", THERE4, 68, true, "attr_d0", true },
	{ "udplite: unconnected", { LITE4, .local = "0.0.0.0" }, HERE4, THERE4,
	    53, false, "attr_d0", true },
	{ "udplite: connected, IPv6", { LITE6, .remote = THERE6, .rport = 53 },
	    HERE6, THERE6, 53, false, "attr_d0", true },
};

static int
proto_of(const struct made *m)
{
	if (m->proto != 0)
		return m->proto;
	return m->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
}

static void
test_rows(struct diag *diag)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		int fd = make(&row->made);
		struct flow_key key = key_of(proto_of(&row->made), row->local,
		    port_of(fd), row->remote, row->rport);
		struct socket_facts facts = { 0 };

		diag_find(
		    diag, &key, row->in, if_nametoindex(row->device), &facts);
		check(row->name, row->found ? facts.status == SOCKET_FOUND &&
						  facts.inode == inode_of(fd)
					    : facts.status == SOCKET_NONE);
		(void)close(fd);
		diag_find(
		    diag, &key, row->in, if_nametoindex(row->device), &facts);
		if (facts.status != SOCKET_NONE)
			check("… and closed: none", false);
	}
}

/* The same rows by the tables of /proc/net, which don't name devices nor say
 * which sockets are for IPv6 only. */
static void
test_tables(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		int proto = proto_of(&row->made), fd;
		struct socket_facts facts = { 0 };
		struct flow_key key;
		char name[128];

		if (row->made.device != NULL || row->made.ipv6_only)
			continue;
		fd = make(&row->made);
		key = key_of(
		    proto, row->local, port_of(fd), row->remote, row->rport);
		procnet_find(proto == IPPROTO_TCP ? NETLINE_TCP : NETLINE_UDP,
		    &key, row->in, &facts);
		(void)snprintf(name, sizeof(name), "/proc/net: %s", row->name);
		check(name, row->found ? facts.status == SOCKET_FOUND &&
					     facts.inode == inode_of(fd)
				       : facts.status == SOCKET_NONE);
		(void)close(fd);
	}
}

/* A connection over loopback. */
struct pair {
	int listener, client, server;
	struct flow_key client_key, server_key;
};

static struct pair
pair_make(int family, const char *addr, bool accepted)
{
	struct pair p;
	uint16_t lport, cport;

	p.listener = make(&(struct made){ .family = family,
	    .type = SOCK_STREAM,
	    .local = addr,
	    .listen = true });
	lport = port_of(p.listener);
	p.client = make(&(struct made){ .family = family,
	    .type = SOCK_STREAM,
	    .remote = addr,
	    .rport = lport });
	cport = port_of(p.client);
	p.server = -1;
	if (accepted) {
		struct pollfd ready = { p.listener, POLLIN, 0 };

		if (poll(&ready, 1, 1000) != 1)
			die("poll");
		p.server = accept4(p.listener, NULL, NULL, SOCK_CLOEXEC);
	}
	p.client_key = key_of(IPPROTO_TCP, addr, cport, addr, lport);
	p.server_key = key_of(IPPROTO_TCP, addr, lport, addr, cport);
	return p;
}

static void
pair_close(struct pair *p)
{
	(void)close(p->listener);
	if (p->client >= 0)
		(void)close(p->client);
	if (p->server >= 0)
		(void)close(p->server);
}

static bool
is(struct diag *diag, const struct flow_key *key, bool in, uint64_t inode)
{
	struct socket_facts facts = { 0 };

	diag_find(diag, key, in, if_nametoindex("lo"), &facts);
	return facts.status == SOCKET_FOUND && facts.inode == inode;
}

/* As much as the other side has room for, and then some. */
static void
send_all(int fd)
{
	char piece[4096] = { 0 };

	while (send(fd, piece, sizeof(piece), MSG_DONTWAIT) > 0)
		continue;
}

static bool
none(struct diag *diag, const struct flow_key *key, bool in)
{
	struct socket_facts facts = { 0 };

	diag_find(diag, key, in, 0, &facts);
	return facts.status == SOCKET_NONE;
}

static void
test_established(struct diag *diag, int family, const char *addr)
{
	struct pair p = pair_make(family, addr, true), q;
	struct socket_facts facts = { 0 };

	check("tcp: up, the client's side",
	    is(diag, &p.client_key, false, inode_of(p.client)) &&
		is(diag, &p.client_key, true, inode_of(p.client)));
	check("tcp: up, the server's side",
	    is(diag, &p.server_key, true, inode_of(p.server)) &&
		is(diag, &p.server_key, false, inode_of(p.server)));
	check(
	    "tcp: who listens", diag_is_listening(diag, &p.server_key, 0) &&
				    !diag_is_listening(diag, &p.client_key, 0));
	(void)close(p.client);
	p.client = -1;
	check("tcp: closed by its program: an orphan",
	    is(diag, &p.client_key, false, 0));
	pair_close(&p);
	p = pair_make(family, addr, true);
	send_all(p.client);
	(void)close(p.client);
	p.client = -1;
	diag_find(diag, &p.client_key, false, 0, &facts);
	check("tcp: … and what that said is not all there yet",
	    facts.status == SOCKET_FOUND && facts.closed);
	pair_close(&p);
	q = pair_make(family, addr, false);
	check("tcp: not accepted yet: the listener's",
	    is(diag, &q.server_key, true, inode_of(q.listener)));
	pair_close(&q);
}

static void
test_destroy(struct diag *diag)
{
	struct pair p = pair_make(AF_INET, "127.0.0.1", true);
	struct flow_key gone = p.server_key;
	char c;

	gone.rport++; /* nobody's: the kernel would offer the listener */
	check("destroy: no such connection",
	    diag_destroy(diag, &gone, 0) == -ENOENT);
	check("destroy: … and its listener lives",
	    diag_is_listening(diag, &gone, 0));
	check("destroy: done",
	    diag_destroy(diag, &p.client_key, if_nametoindex("lo")) == 0);
	errno = 0;
	check("destroy: the program learns at once",
	    send(p.client, "x", 1, MSG_NOSIGNAL) < 0 &&
		(errno == ECONNABORTED || errno == EPIPE));
	check("destroy: the other side too",
	    recv(p.server, &c, 1, 0) < 0 && errno == ECONNRESET);
	check("destroy: not twice",
	    diag_destroy(diag, &p.client_key, 0) == -ENOENT);
	pair_close(&p);
	p.client = make(&(struct made){ TCP4, .remote = THERE4, .rport = 80 });
	gone = key_of(IPPROTO_TCP, HERE4, port_of(p.client), THERE4, 80);
	check("destroy: … that was connected: not while it connects",
	    diag_destroy_connected(diag, &gone, 0) == -ENOTCONN);
	check("destroy: while it connects", diag_destroy(diag, &gone, 0) == 0);
	check("destroy: … ECONNABORTED",
	    recv(p.client, &c, 1, 0) < 0 && errno == ECONNABORTED);
	(void)close(p.client);
	gone.proto = IPPROTO_UDP;
	check("destroy: no such socket of UDP",
	    diag_destroy(diag, &gone, 0) == -ENOENT);
	p.client = make(&(struct made){ UDP4, .remote = THERE4, .rport = 53 });
	gone = key_of(IPPROTO_UDP, HERE4, port_of(p.client), THERE4, 53);
	check("destroy: one of UDP", diag_destroy(diag, &gone, 0) == 0);
	check("destroy: … ECONNABORTED, too",
	    recv(p.client, &c, 1, 0) < 0 && errno == ECONNABORTED);
	(void)close(p.client);
}

static void
test_ping(struct diag *diag)
{
	int fd = make(&(struct made){ .family = AF_INET,
	    .type = SOCK_DGRAM,
	    .proto = IPPROTO_ICMP,
	    .local = "0.0.0.0" });
	int fd6 = make(&(struct made){ .family = AF_INET6,
	    .type = SOCK_DGRAM,
	    .proto = IPPROTO_ICMPV6,
	    .local = "::" });
	uint16_t id = port_of(fd), id6 = port_of(fd6);
	struct flow_key key = key_of(IPPROTO_ICMP, HERE4, id, THERE4, 0);
	struct flow_key key6 = key_of(IPPROTO_ICMPV6, HERE6, id6, THERE6, 0);

	check("ping socket", is(diag, &key, false, inode_of(fd)));
	check("ping socket, the answer", is(diag, &key, true, inode_of(fd)));
	check("ping socket of IPv6", is(diag, &key6, false, inode_of(fd6)));
	key.lport = (uint16_t)(id + 1);
	check("ping of another identifier", none(diag, &key, false));
	(void)close(fd);
	(void)close(fd6);
}

static void
test_raw(struct diag *diag)
{
	struct made raw = { .family = AF_INET, .type = SOCK_RAW, .proto = 253 };
	struct flow_key key = key_of(253, HERE4, 0, THERE4, 0);
	struct flow_key key6 = key_of(253, HERE6, 0, THERE6, 0);
	int fd = make(&raw), fd2, fd6;

	check("raw socket", is(diag, &key, false, inode_of(fd)));
	check("raw socket, in", is(diag, &key, true, inode_of(fd)));
	check("raw socket of the other family", none(diag, &key6, false));
	fd2 = make(&raw);
	check("two raw sockets: no guess", none(diag, &key, false));
	(void)close(fd2);
	raw.remote = THERE4;
	fd2 = make(&raw);
	check("two raw sockets, one connected",
	    is(diag, &key, false, inode_of(fd2)));
	(void)close(fd2);
	(void)close(fd);
	fd6 = make(&(struct made){
	    .family = AF_INET6, .type = SOCK_RAW, .proto = 253 });
	check("raw socket of IPv6", is(diag, &key6, false, inode_of(fd6)));
	(void)close(fd6);
	raw = (struct made){
		.family = AF_INET, .type = SOCK_RAW, .proto = IPPROTO_RAW
	};
	fd = make(&raw);
	check("raw socket that writes its own headers",
	    is(diag, &key, false, inode_of(fd)) && none(diag, &key, true));
	(void)close(fd);
	raw.proto = IPPROTO_ICMP;
	fd = make(&raw);
	key = key_of(IPPROTO_ICMP, HERE4, 77, THERE4, 0);
	check("ping by a raw socket", is(diag, &key, false, inode_of(fd)));
	check("… does not own what others send here", none(diag, &key, true));
	(void)close(fd);
	raw.proto = IPPROTO_SCTP;
	fd = make(&raw);
	key = key_of(IPPROTO_SCTP, HERE4, 5, THERE4, 5);
	check("SCTP by a raw socket", is(diag, &key, false, inode_of(fd)));
	(void)close(fd);
	check("SCTP that nobody sends", none(diag, &key, false));
}

static void
test_user(struct diag *diag)
{
	struct made udp = { UDP4, .local = "0.0.0.0" };
	struct socket_facts facts = { 0 };
	struct flow_key key;
	int fd;

	if (seteuid(65534) != 0)
		die("seteuid");
	fd = make(&udp);
	if (seteuid(0) != 0)
		die("seteuid");
	key = key_of(IPPROTO_UDP, HERE4, port_of(fd), THERE4, 1);
	diag_find(diag, &key, false, 0, &facts);
	check("the user that made the socket", facts.uid == 65534);
	procnet_find(NETLINE_UDP, &key, false, &facts);
	check("… by /proc/net", facts.uid == 65534);
	(void)close(fd);
}

void
attr_diag_tests(void)
{
	struct diag *diag;

	if (diag_open(&diag) != 0)
		die("diag_open");
	check("sock_diag works here", diag_works(diag));
	test_rows(diag);
	test_tables();
	test_established(diag, AF_INET, "127.0.0.1");
	test_established(diag, AF_INET6, "::1");
	test_destroy(diag);
	test_ping(diag);
	test_raw(diag);
	test_user(diag);
	diag_close(diag);
	diag_close(NULL);
}
