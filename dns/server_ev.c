#include "dns/server_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/replies_ev.h"
#include "dns/sockaddr_ev.h"
#include "dns/tcp_ev.h"
#include "src/base/log.h"
#include "src/core/mark.h"

/* Datagrams of a wake-up: packets, too, want to be judged. All are read before
 * one is answered, so that answers to one client leave together. */
#define BATCH REPLIES_MAX

/* A query of 255 octets' name and some options; a longer one is malformed. */
#define RECEIVE_MAX 1400

/* The default buffer holds some 250 small datagrams: a program that starts
 * asks for more. */
#define BUFFER_BYTES (4 << 20)

/* A datagram, and the answer to it. */
struct slot {
	struct reply reply; /* its peer is who has asked */
	struct iovec in;
	struct asking asking;
	uint8_t received[RECEIVE_MAX];
	uint8_t answer[QUERY_UDP_MAX];
};

/* An answer that had to wait: it leaves with the others of its turn. */
struct later {
	struct reply reply;
	uint8_t answer[QUERY_UDP_MAX];
};

struct listener {
	struct server_ev *se;
	struct server_listen at;
	uint16_t number;
	int fd;
	uint64_t inode;
	bool any; /* bound to all addresses: answers say which one was asked */
	struct event *readable;
	struct event *flush;
	struct later later[BATCH];
	struct replies replies; /* of those */
};

struct server_ev {
	struct server_opts opts;
	struct listener v[SERVER_LISTENS_MAX];
	size_t n;
	struct tcp_ev *tcp;
	struct slot slots[BATCH];
	struct mmsghdr in[BATCH];
	struct replies replies;
};

/* Which of our addresses was asked. */
static void
read_control(struct msghdr *msg, struct client *client)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			client->local = addr_ip4(&info.ipi_spec_dst);
			client->ifindex = (uint32_t)info.ipi_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			client->local = addr_ip6(&info.ipi6_addr);
			client->ifindex = info.ipi6_ifindex;
		}
	}
}

/* … and so is where the answer leaves from. */
static void
write_control(struct reply *reply, const struct client *client)
{
	struct cmsghdr *c = (void *)reply->control.bytes;

	memset(&reply->control, 0, sizeof(reply->control));
	if (client->local.family == ADDR_IP4) {
		struct in_pktinfo info = { .ipi_ifindex = 0 };

		memcpy(&info.ipi_spec_dst, client->local.bytes, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = client->ifindex };

		memcpy(&info.ipi6_addr, client->local.bytes, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	reply->control.len = CMSG_SPACE(c->cmsg_len - CMSG_LEN(0));
}

static void
read_datagram(struct listener *l, struct slot *slot, struct mmsghdr *mm)
{
	struct asking *a = &slot->asking;

	sockaddr_client(&slot->reply.peer, &a->client);
	a->client.local = l->at.addr;
	if (l->any)
		read_control(&mm->msg_hdr, &a->client);
	a->client.listener = l->number;
	a->client.tcp = false;
	a->expected = 0;
	a->kind = query_parse(&a->query, slot->received, mm->msg_len);
	if ((mm->msg_hdr.msg_flags & MSG_TRUNC) != 0 && a->kind == QUERY_GOOD)
		a->kind = QUERY_FORMERR;
}

/* All are read before the first is answered: what is known of them comes from
 * memory meanwhile. */
static void
read_batch(struct listener *l, size_t n)
{
	struct server_ev *se = l->se;
	struct asking *good[BATCH];
	size_t n_good = 0;

	for (size_t i = 0; i < n; i++) {
		read_datagram(l, &se->slots[i], &se->in[i]);
		if (se->slots[i].asking.kind == QUERY_GOOD)
			good[n_good++] = &se->slots[i].asking;
	}
	if (n_good > 1)
		resolve_expect(se->opts.resolve, good, n_good);
}

/* True if there is an answer to be sent now. */
static bool
take_datagram(struct listener *l, struct slot *slot, mono_t now)
{
	struct server_ev *se = l->se;
	struct asking *a = &slot->asking;

	/* port 0 can't be answered */
	if (a->client.port == 0)
		return false;
	a->foreign = !se->opts.identify(se->opts.arg, &a->client, now);
	a->out = slot->answer;
	return resolve_query(se->opts.resolve, a, now) == RESOLVE_ANSWERED;
}

static void
send_all(struct listener *l, struct replies *replies)
{
	int error = 0;
	unsigned int lost = replies_send(replies, l->fd, &error);

	if (lost == 0)
		return;
	resolve_count_unsent(l->se->opts.resolve, lost);
	log_limited(LOG_LEVEL_WARNING, "dns", "an answer can't be sent: %s",
	    strerror(-error));
}

static void
flush_cb(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	send_all(l, &l->replies);
}

/* How many came; -1 for none. */
static int
receive(struct listener *l)
{
	struct server_ev *se = l->se;
	int n;

	for (size_t i = 0; i < BATCH; i++) {
		struct msghdr *msg = &se->in[i].msg_hdr;
		struct reply *reply = &se->slots[i].reply;

		msg->msg_namelen = sizeof(reply->peer);
		msg->msg_control = l->any ? reply->control.bytes : NULL;
		msg->msg_controllen = l->any ? sizeof(reply->control.bytes) : 0;
	}
	do
		n = recvmmsg(l->fd, se->in, BATCH, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		log_limited(LOG_LEVEL_WARNING, "dns",
		    "queries can't be received: %s", strerror(errno));
	return n;
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct server_ev *se = l->se;
	int n = receive(l);
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	if (n > 0)
		read_batch(l, (size_t)n);
	for (int i = 0; i < n; i++) {
		struct slot *slot = &se->slots[i];

		if (!take_datagram(l, slot, now))
			continue;
		slot->reply.peer_len = se->in[i].msg_hdr.msg_namelen;
		slot->reply.bytes =
		    (struct iovec){ slot->answer, slot->asking.len };
		slot->reply.control.len = 0; /* another listener's */
		if (l->any)
			write_control(&slot->reply, &slot->asking.client);
		replies_put(&se->replies, &slot->reply);
	}
	send_all(l, &se->replies);
}

static bool
is_open(const struct listener *l)
{
	return l->readable != NULL;
}

void
server_ev_reply(struct server_ev *se, const struct client *client,
    const uint8_t *msg, size_t len)
{
	struct listener *l = &se->v[client->listener];
	struct later *later;

	if (client->tcp) {
		tcp_ev_reply(se->tcp, client, msg, len);
		return;
	}
	if (!is_open(l)) /* it was, when that came */
		return;
	later = &l->later[l->replies.n];
	memcpy(later->answer, msg, len);
	later->reply.bytes = (struct iovec){ later->answer, len };
	later->reply.peer_len = sockaddr_make(
	    &later->reply.peer, &client->addr, client->port, client->ifindex);
	if (l->any)
		write_control(&later->reply, client);
	replies_put(&l->replies, &later->reply);
	if (l->replies.n == 1)
		event_active(l->flush, 0, 0);
	if (l->replies.n == BATCH)
		send_all(l, &l->replies);
}

void
server_ev_dropped(struct server_ev *se, const struct client *client)
{
	if (client->tcp)
		tcp_ev_reply(se->tcp, client, NULL, 0);
}

void
server_ev_stats(const struct server_ev *se, struct server_stats *ret)
{
	tcp_ev_stats(se->tcp, ret);
}

static void
set_buffers(int fd)
{
	int bytes = BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) <
	    0)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	bytes = BUFFER_BYTES / 4;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

void
server_mark(int fd)
{
	uint32_t mark = MARK_ACCEPT_FLOW;

	/* without the privilege they go the longer way */
	(void)setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

uint64_t
server_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static int
listen_udp(struct listener *l)
{
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_make(&sa, &l->at.addr, l->at.port, 0);
	bool six = l->at.addr.family == ADDR_IP6;
	int one = 1;

	l->any = addr_is_any(&l->at.addr);
	l->fd = socket(six ? AF_INET6 : AF_INET,
	    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	set_buffers(l->fd);
	server_mark(l->fd);
	if (six)
		(void)setsockopt(
		    l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (l->any &&
	    setsockopt(l->fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
		six ? IPV6_RECVPKTINFO : IP_PKTINFO, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(l->fd, (void *)&sa, len) < 0)
		return -errno;
	l->inode = server_inode(l->fd);
	l->readable = event_new(
	    l->se->opts.base, l->fd, EV_READ | EV_PERSIST, readable_cb, l);
	l->flush = event_new(l->se->opts.base, -1, 0, flush_cb, l);
	if (l->readable == NULL || l->flush == NULL ||
	    event_add(l->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

bool
server_ev_is_own(const struct server_ev *se, uint64_t inode)
{
	if (inode == 0)
		return false;
	for (size_t i = 0; i < se->n; i++)
		if (se->v[i].inode == inode)
			return true;
	return tcp_ev_is_own(se->tcp, inode);
}

static void
prepare_slots(struct server_ev *se)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct msghdr *msg = &se->in[i].msg_hdr;
		struct slot *slot = &se->slots[i];

		slot->in.iov_base = slot->received;
		slot->in.iov_len = sizeof(slot->received);
		msg->msg_name = &slot->reply.peer;
		msg->msg_iov = &slot->in;
		msg->msg_iovlen = 1;
	}
}

int
server_ev_new(struct server_ev **ret, const struct server_opts *opts)
{
	struct server_ev *se = calloc(1, sizeof(*se));
	int r;

	if (se == NULL)
		return -ENOMEM;
	se->opts = *opts;
	prepare_slots(se);
	replies_init(&se->replies);
	r = tcp_ev_new(&se->tcp, &se->opts);
	if (r < 0) {
		server_ev_free(se);
		return r;
	}
	*ret = se;
	return 0;
}

static void
unlisten(struct listener *l)
{
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->flush != NULL)
		event_free(l->flush);
	if (l->fd >= 0)
		close(l->fd);
	l->readable = l->flush = NULL;
	l->fd = -1;
	l->inode = 0;
}

int
server_ev_listen(struct server_ev *se, const struct server_listen *at)
{
	struct listener *l;
	size_t number = 0;
	int r;

	while (number < se->n && is_open(&se->v[number]))
		number++;
	if (number == SERVER_LISTENS_MAX)
		return -ENOSPC;
	l = &se->v[number];
	l->se = se;
	l->at = *at;
	l->number = (uint16_t)number;
	replies_init(&l->replies);
	r = listen_udp(l);
	if (r == 0)
		r = tcp_ev_listen(se->tcp, &l->at, l->number);
	if (r < 0) {
		unlisten(l);
		return r;
	}
	if (number == se->n)
		se->n++;
	return (int)number;
}

void
server_ev_unlisten(struct server_ev *se, uint16_t number)
{
	unlisten(&se->v[number]);
	tcp_ev_unlisten(se->tcp, number);
}

void
server_ev_free(struct server_ev *se)
{
	if (se == NULL)
		return;
	for (size_t i = 0; i < se->n; i++)
		unlisten(&se->v[i]);
	tcp_ev_free(se->tcp);
	free(se);
}
