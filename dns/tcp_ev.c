#include "dns/tcp_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/sockaddr_ev.h"
#include "dns/tcp_own.h"
#include "src/base/log.h"

/* Connections of all, of all other hosts, and of one of them or one program.
 * When there are more, the one that was idle longest is closed. */
#define CONNECTIONS_MAX 1024
#define CONNECTIONS_HOSTS 512
#define CONNECTIONS_ONE 256
/* Connections taken in a row. */
#define AT_ONCE 32
/* Until the next try where there was no descriptor for one. */
#define PAUSE_US 100000

static struct conn *
conn_find(const struct tcp_ev *te, uint64_t id)
{
	uint64_t hash = map_hash(&te->conns, &id, sizeof(id));
	struct map_node *node = map_first(&te->conns, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct conn *conn = container_of(node, struct conn, node);

		if (conn->id == id)
			return conn;
	}
	return NULL;
}

/* One of those that wait for nothing; else the oldest. */
static void
make_room(struct tcp_ev *te)
{
	struct list *node;

	for (node = te->order.prev; node != &te->order; node = node->prev) {
		struct conn *conn = container_of(node, struct conn, order);

		if (conn->outstanding > 0)
			continue;
		te->stats.displaced++;
		tcp_conn_free(conn);
		return;
	}
	te->stats.displaced++;
	if (!list_empty(&te->order))
		tcp_conn_free(container_of(te->order.prev, struct conn, order));
}

static bool
is_over(const struct asker *asker)
{
	return asker->conns >= CONNECTIONS_ONE ||
	       (asker->host.family != ADDR_NONE &&
		   asker->user->conns >= CONNECTIONS_HOSTS);
}

/* Which of our addresses was asked. */
static struct addr
local_of(const struct acceptor *acceptor, int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct client at;

	if (!addr_is_any(&acceptor->addr) ||
	    getsockname(fd, (void *)&sa, &len) < 0)
		return acceptor->addr;
	sockaddr_client(&sa, &at);
	return at.addr;
}

static int
conn_new(struct acceptor *acceptor, int fd, const struct sockaddr_storage *sa)
{
	struct tcp_ev *te = acceptor->te;
	struct conn *conn = calloc(1, sizeof(*conn));
	int r;

	if (conn == NULL)
		return -ENOMEM;
	conn->te = te;
	conn->id = ++te->last_id;
	sockaddr_client(sa, &conn->client);
	conn->client.local = local_of(acceptor, fd);
	conn->client.listener = acceptor->number;
	conn->client.tcp = true;
	conn->client.conn = conn->id;
	(void)te->opts->identify(te->opts->arg, &conn->client, mono_now());
	if (is_over(conn->client.asker)) {
		te->stats.refused++;
		free(conn);
		return -EMFILE;
	}
	if (te->conns.count >= CONNECTIONS_MAX)
		make_room(te);
	list_init(&conn->waits);
	conn->client.waits = &conn->waits;
	r = tcp_conn_open(conn, fd);
	if (r < 0)
		free(conn);
	return r;
}

static void
resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *acceptor = arg;

	(void)fd;
	(void)what;
	(void)event_add(acceptor->acceptable, NULL); /* was added before */
}

static void
acceptable_cb(evutil_socket_t listener, short what, void *arg)
{
	static const struct timeval later = { .tv_usec = PAUSE_US };
	struct acceptor *acceptor = arg;
	struct sockaddr_storage sa;

	(void)what;
	for (unsigned int i = 0; i < AT_ONCE; i++) {
		socklen_t len = sizeof(sa);
		int fd = accept4(
		    listener, (void *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			if (errno == EAGAIN)
				return;
			log_limited(LOG_LEVEL_WARNING, "dns",
			    "a connection can't be accepted: %s",
			    strerror(errno));
			/* it stays readable: the loop must not spin on it */
			(void)event_del(acceptor->acceptable); /* was added */
			(void)event_add(acceptor->resume, &later);
			return;
		}
		if (conn_new(acceptor, fd, &sa) < 0)
			close(fd);
	}
}

void
tcp_ev_reply(struct tcp_ev *te, const struct client *client, const uint8_t *msg,
    size_t len)
{
	struct conn *conn = conn_find(te, client->conn);

	if (conn != NULL) /* else it has gone */
		tcp_conn_reply(conn, msg, len);
}

/* 0 or -errno. */
static int
begin(struct acceptor *a, const struct server_listen *at)
{
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_make(&sa, &at->addr, at->port, 0);
	bool six = at->addr.family == ADDR_IP6;
	int one = 1;

	a->fd = socket(six ? AF_INET6 : AF_INET,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		return -errno;
	(void)setsockopt(a->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (six)
		(void)setsockopt(
		    a->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(a->fd, (void *)&sa, len) < 0 || listen(a->fd, 256) < 0)
		return -errno;
	a->inode = server_inode(a->fd);
	a->acceptable = event_new(
	    a->te->opts->base, a->fd, EV_READ | EV_PERSIST, acceptable_cb, a);
	a->resume = evtimer_new(a->te->opts->base, resume_cb, a);
	if (a->acceptable == NULL || a->resume == NULL ||
	    event_add(a->acceptable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static void
end(struct acceptor *a)
{
	if (a->acceptable != NULL)
		event_free(a->acceptable);
	if (a->resume != NULL)
		event_free(a->resume);
	if (a->fd >= 0)
		close(a->fd);
	a->acceptable = a->resume = NULL;
	a->fd = -1;
	a->inode = 0;
}

int
tcp_ev_listen(
    struct tcp_ev *te, const struct server_listen *at, uint16_t number)
{
	struct acceptor *a = &te->v[number];
	int r;

	a->te = te;
	a->number = number;
	a->addr = at->addr;
	r = begin(a, at);
	if (r < 0)
		end(a);
	else if (te->n <= number)
		te->n = number + 1u;
	return r;
}

void
tcp_ev_unlisten(struct tcp_ev *te, uint16_t number)
{
	struct list *node, *next;

	end(&te->v[number]);
	list_for_each_safe (node, next, &te->order) {
		struct conn *conn = container_of(node, struct conn, order);

		if (conn->client.listener == number)
			tcp_conn_free(conn);
	}
}

bool
tcp_ev_is_own(const struct tcp_ev *te, uint64_t inode)
{
	for (size_t i = 0; i < te->n; i++)
		if (te->v[i].inode == inode)
			return true;
	return false;
}

void
tcp_ev_stats(const struct tcp_ev *te, struct server_stats *ret)
{
	*ret = te->stats;
	ret->connections = te->conns.count;
	ret->behind = te->behind;
}

int
tcp_ev_new(struct tcp_ev **ret, const struct server_opts *opts)
{
	struct tcp_ev *te = calloc(1, sizeof(*te));

	if (te == NULL)
		return -ENOMEM;
	te->opts = opts;
	list_init(&te->order);
	if (map_init(&te->conns) < 0) {
		free(te);
		return -ENOMEM;
	}
	*ret = te;
	return 0;
}

void
tcp_ev_free(struct tcp_ev *te)
{
	if (te == NULL)
		return;
	while (!list_empty(&te->order))
		tcp_conn_free(container_of(te->order.next, struct conn, order));
	for (size_t i = 0; i < te->n; i++)
		end(&te->v[i]);
	map_done(&te->conns);
	free(te);
}
