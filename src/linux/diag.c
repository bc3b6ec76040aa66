#include "src/linux/diag.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "src/linux/diagmsg.h"
#include "src/linux/procnet.h"

/* The kernel answers within sendto(); waiting is for the unforeseen. */
#define WAIT_MS 100

/* Answers to requests that were given up, at most so many in a row. */
#define STALE_MAX 64

/* TCP states as sock_diag gives them (linux/tcp_states.h in the kernel). */
enum {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_SYN_RECV = 3,
	STATE_FIN_WAIT1 = 4,
	STATE_TIME_WAIT = 6,
	STATE_CLOSE_WAIT = 8,
	STATE_LAST_ACK = 9,
	STATE_LISTEN = 10,
	STATE_CLOSING = 11,
};

struct diag {
	struct mnl_socket *nl; /* NULL: no sock_diag at all */
	uint32_t seq;
	bool tcp, udp; /* sock_diag knows the protocol (UDP-Lite like UDP) */
};

struct request {
	struct nlmsghdr nlh;
	struct inet_diag_req_v2 req;
};

static void
request_init(struct request *r, const struct flow_key *key, uint32_t ifindex)
{
	struct inet_diag_sockid *id = &r->req.id;
	/* sock_diag's UDP has the two ends swapped (udp_dump_one()) */
	bool swap = key->proto != IPPROTO_TCP;

	memset(r, 0, sizeof(*r));
	r->nlh.nlmsg_len = sizeof(*r);
	r->nlh.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	r->nlh.nlmsg_flags = NLM_F_REQUEST;
	r->req.sdiag_family =
	    key->local.family == ADDR_IP4 ? AF_INET : AF_INET6;
	r->req.sdiag_protocol = key->proto;
	r->req.idiag_states = UINT32_MAX;
	id->idiag_sport = htons(swap ? key->rport : key->lport);
	id->idiag_dport = htons(swap ? key->lport : key->rport);
	memcpy(id->idiag_src, swap ? key->remote.bytes : key->local.bytes, 16);
	memcpy(id->idiag_dst, swap ? key->local.bytes : key->remote.bytes, 16);
	id->idiag_if = ifindex;
	id->idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

/* Reads until the answer to `seq` is there. -ENOBUFS: it may be lost. */
static int
receive(struct diag *diag, uint32_t seq, struct diagmsg *ret)
{
	uint8_t buf[4096];

	for (unsigned int i = 0; i < STALE_MAX; i++) {
		ssize_t n = mnl_socket_recvfrom(diag->nl, buf, sizeof(buf));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) /* EAGAIN: the time is over */
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		r = diagmsg_parse(ret, buf, (size_t)n, seq);
		if (r != -EAGAIN)
			return r;
	}
	return -ETIMEDOUT;
}

/* 0 with *ret set, 1 for an acknowledgement, or -errno. */
static int
ask(struct diag *diag, struct request *request, struct diagmsg *ret)
{
	int r = -EIO;

	/* once more when the answer was lost to a full buffer */
	for (int i = 0; i < 2; i++) {
		request->nlh.nlmsg_seq = ++diag->seq;
		if (mnl_socket_sendto(diag->nl, request, sizeof(*request)) < 0)
			r = -errno;
		else
			r = receive(diag, diag->seq, ret);
		if (r != -ENOBUFS && r != -EINTR)
			break;
	}
	return r;
}

/* The socket of exactly this flow, or the listener or unconnected socket that
 * the kernel would give its packets to. */
static int
look_up(struct diag *diag, const struct flow_key *key, uint32_t ifindex,
    struct diagmsg *ret)
{
	struct request request;
	int r;

	request_init(&request, key, ifindex);
	r = ask(diag, &request, ret);
	if (r == -ENOENT && ifindex != 0) {
		request.req.id.idiag_if = 0;
		r = ask(diag, &request, ret);
	}
	return r == 1 ? -EBADMSG : r;
}

static struct flow_key
key_of_listener(const struct flow_key *key)
{
	struct flow_key any = *key;

	memset(any.remote.bytes, 0, sizeof(any.remote.bytes));
	any.rport = 0;
	return any;
}

static int
look_up_listener(struct diag *diag, const struct flow_key *key,
    uint32_t ifindex, struct diagmsg *ret)
{
	struct flow_key any = key_of_listener(key);
	int r = look_up(diag, &any, ifindex, ret);

	return r == 0 && ret->state != STATE_LISTEN ? -ENOENT : r;
}

/* A connection that its listener has not accepted yet has no inode: it is the
 * listener's. One that was closed by its program has none either, but is in
 * another state. */
static bool
not_accepted(const struct diagmsg *msg)
{
	return msg->inode == 0 && (msg->state == STATE_ESTABLISHED ||
				      msg->state == STATE_SYN_RECV ||
				      msg->state == STATE_CLOSE_WAIT);
}

/* Its program has closed it, and what that said last is not all there yet. */
static bool
still_sends(const struct diagmsg *msg)
{
	return msg->state == STATE_FIN_WAIT1 || msg->state == STATE_CLOSING ||
	       msg->state == STATE_LAST_ACK;
}

static void
find_by_diag(struct diag *diag, const struct flow_key *key, uint32_t ifindex,
    struct socket_facts *ret)
{
	struct diagmsg msg = { 0 }, listener = { 0 };
	int r = look_up(diag, key, ifindex, &msg);

	if (r == 0 && key->proto == IPPROTO_TCP && not_accepted(&msg) &&
	    look_up_listener(diag, key, ifindex, &listener) == 0)
		msg = listener;
	if (r != 0) {
		ret->status = r == -ENOENT ? SOCKET_NONE : SOCKET_FAILED;
		return;
	}
	ret->status = SOCKET_FOUND;
	ret->by = BY_SOCK_DIAG;
	ret->inode = msg.inode;
	ret->uid = msg.uid;
	ret->connected = msg.connected;
	ret->closed = msg.inode == 0 && still_sends(&msg);
}

/* The look-up goes by the same rules as delivery, for groups and broadcasts
 * too; where it finds nothing, /proc/net/udp could only offer sockets of other
 * devices. Where several sockets receive a group's packet, it names one. */
static void
find_udp(struct diag *diag, const struct flow_key *key, bool in,
    uint32_t ifindex, struct socket_facts *ret)
{
	if (diag->udp)
		find_by_diag(diag, key, ifindex, ret);
	else
		procnet_find(NETLINE_UDP, key, in, ret);
}

/* Queries from outside are answered by the kernel; what comes in for a program
 * is the answer to its ping. A raw socket merely overhears. */
static void
find_icmp(const struct flow_key *key, bool in, struct socket_facts *ret)
{
	ret->status = SOCKET_NONE;
	if (key->lport != 0)
		procnet_find(NETLINE_ICMP, key, in, ret);
	/* a ping socket takes answers alone, connected or not */
	ret->connected = true;
	if (ret->status == SOCKET_NONE && !in)
		procnet_find(NETLINE_RAW, key, in, ret);
}

static void
find_sctp(const struct flow_key *key, bool in, struct socket_facts *ret)
{
	procnet_find(NETLINE_SCTP_ASSOCS, key, in, ret);
	if (ret->status == SOCKET_NONE)
		procnet_find(NETLINE_SCTP_EPS, key, in, ret);
	if (ret->status == SOCKET_NONE)
		procnet_find(NETLINE_RAW, key, in, ret);
}

void
diag_find(struct diag *diag, const struct flow_key *key, bool in,
    uint32_t ifindex, struct socket_facts *ret)
{
	ret->inode = 0;
	ret->uid = 0;
	switch (key->proto) {
	case IPPROTO_TCP:
		if (diag->tcp)
			find_by_diag(diag, key, ifindex, ret);
		else
			procnet_find(NETLINE_TCP, key, in, ret);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		find_udp(diag, key, in, ifindex, ret);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		find_icmp(key, in, ret);
		break;
	case IPPROTO_SCTP:
		find_sctp(key, in, ret);
		break;
	default:
		procnet_find(NETLINE_RAW, key, in, ret);
		break;
	}
}

int
diag_device(struct diag *diag, const struct flow_key *key, uint32_t ifindex,
    uint32_t *ret_device)
{
	struct diagmsg msg = { 0 };
	int r;

	if (diag->nl == NULL)
		return -EOPNOTSUPP;
	r = look_up(diag, key, ifindex, &msg);
	if (r == 0)
		*ret_device = msg.device;
	return r;
}

int
diag_is_transparent(struct diag *diag, const struct flow_key *key,
    uint32_t ifindex, uint32_t uid)
{
	struct diagmsg msg = { 0 };
	int r;

	if (!(key->proto == IPPROTO_TCP ? diag->tcp : diag->udp))
		return 0;
	r = look_up(diag, key, ifindex, &msg);
	if (r == -ENOENT || r == -EINVAL) /* no socket, no such protocol */
		return 0;
	return r == 0 ? msg.transparent && msg.uid == uid : r;
}

bool
diag_is_listening(
    struct diag *diag, const struct flow_key *key, uint32_t ifindex)
{
	struct flow_key any = key_of_listener(key);
	struct socket_facts facts = { 0 };
	struct diagmsg msg = { 0 };

	if (diag->tcp)
		return look_up_listener(diag, key, ifindex, &msg) == 0;
	procnet_find(NETLINE_TCP, &any, true, &facts);
	return facts.status == SOCKET_FOUND;
}

/* Where the connection is gone the kernel offers its listener; what merely
 * waits out its time is no program's any more. */
static bool
is_gone(const struct diagmsg *msg)
{
	return msg->state == STATE_LISTEN || msg->state == STATE_TIME_WAIT;
}

bool
diag_is_up(struct diag *diag, const struct flow_key *key)
{
	struct diagmsg msg = { 0 };
	bool tcp = key->proto == IPPROTO_TCP;
	int r;

	if (!(tcp ? diag->tcp : diag->udp))
		return true;
	r = look_up(diag, key, 0, &msg);
	if (r != 0)
		return r != -ENOENT;
	if (tcp)
		return !is_gone(&msg) &&
		       (msg.inode != 0 || not_accepted(&msg) ||
			   still_sends(&msg));
	return msg.inode != 0;
}

static bool
can_destroy(const struct diag *diag, const struct flow_key *key)
{
	return key->proto == IPPROTO_TCP ? diag->tcp : diag->udp;
}

/* The one that was found. */
static int
destroy(struct diag *diag, const struct flow_key *key, uint32_t ifindex,
    const struct diagmsg *found)
{
	struct flow_key as = *key;
	struct request request;
	struct diagmsg msg = { 0 };
	int r;

	if (is_gone(found))
		return -ENOENT;
	if (key->proto ==
	    IPPROTO_UDP) { /* ends are swapped for look-ups only */
		as.local = key->remote;
		as.lport = key->rport;
		as.remote = key->local;
		as.rport = key->lport;
	}
	request_init(&request, &as, ifindex);
	request.nlh.nlmsg_type = SOCK_DESTROY;
	request.nlh.nlmsg_flags |= NLM_F_ACK;
	memcpy(
	    request.req.id.idiag_cookie, found->cookie, sizeof(found->cookie));
	r = ask(diag, &request, &msg);
	if (r == -ENOENT && ifindex != 0) {
		request.req.id.idiag_if = 0;
		r = ask(diag, &request, &msg);
	}
	/* -ESTALE: the cookie names a socket that is no more */
	if (r == -ESTALE)
		return -ENOENT;
	return r == 1 ? 0 : r;
}

int
diag_destroy(struct diag *diag, const struct flow_key *key, uint32_t ifindex)
{
	struct diagmsg found = { 0 };
	int r = can_destroy(diag, key) ? look_up(diag, key, ifindex, &found)
				       : -EOPNOTSUPP;

	return r != 0 ? r : destroy(diag, key, ifindex, &found);
}

int
diag_destroy_connected(
    struct diag *diag, const struct flow_key *key, uint32_t ifindex)
{
	struct diagmsg found = { 0 };
	int r = can_destroy(diag, key) ? look_up(diag, key, ifindex, &found)
				       : -EOPNOTSUPP;

	if (r == 0 && found.state == STATE_SYN_SENT)
		r = -ENOTCONN;
	return r != 0 ? r : destroy(diag, key, ifindex, &found);
}

bool
diag_works(const struct diag *diag)
{
	return diag->tcp && diag->udp;
}

/* Makes a socket of our own and looks it up: a kernel without the handler for
 * a protocol gives the same errors as one that has no such socket. */
static bool
self_test(struct diag *diag, uint8_t proto)
{
	int type = proto == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	struct flow_key key = { .proto = proto };
	struct diagmsg msg = { 0 };
	struct stat st;
	int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, proto);
	bool works = false;

	if (fd < 0)
		return false;
	/* the address need not be there yet: lo may be down */
	if (setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)) == 0 &&
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 &&
	    (proto != IPPROTO_TCP || listen(fd, 1) == 0) &&
	    getsockname(fd, (struct sockaddr *)&sin, &len) == 0 &&
	    fstat(fd, &st) == 0) {
		key.local = addr_ip4(&sin.sin_addr);
		key.remote = (struct addr){ .family = ADDR_IP4 };
		key.lport = ntohs(sin.sin_port);
		works =
		    look_up(diag, &key, 0, &msg) == 0 && msg.inode == st.st_ino;
	}
	(void)close(fd); /* nothing was sent */
	return works;
}

/* NULL where the kernel has no sock_diag. */
static struct mnl_socket *
open_netlink(void)
{
	struct timeval wait = { .tv_usec = WAIT_MS * 1000 };
	struct mnl_socket *nl =
	    mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);

	if (nl == NULL)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait,
		sizeof(wait)) < 0) {
		(void)mnl_socket_close(nl); /* given up anyway */
		return NULL;
	}
	return nl;
}

int
diag_open(struct diag **ret)
{
	struct diag *diag = calloc(1, sizeof(*diag));

	if (diag == NULL)
		return -ENOMEM;
	diag->nl = open_netlink();
	diag->tcp = diag->nl != NULL && self_test(diag, IPPROTO_TCP);
	diag->udp = diag->nl != NULL && self_test(diag, IPPROTO_UDP);
	*ret = diag;
	return 0;
}

void
diag_close(struct diag *diag)
{
	if (diag == NULL)
		return;
	if (diag->nl != NULL)
		(void)mnl_socket_close(
		    diag->nl); /* only a cache of the kernel's */
	free(diag);
}
