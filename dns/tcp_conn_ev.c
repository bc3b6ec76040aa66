#include "dns/tcp_own.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Queries of one connection that wait; then it is not read. */
#define OUTSTANDING_MAX 256
/* Queries of one connection taken in a row. */
#define AT_ONCE 32
/* Answers that a client does not read: more of them, and it is asked for no
 * more queries; those that wait for answers may add to that. Of a connection,
 * of a program and of all there is a limit: who is over it is cut off. */
#define BEHIND_PAUSE ((size_t)64 << 10)
#define BEHIND_CONN ((size_t)256 << 10)
#define BEHIND_ONE ((size_t)4 << 20)
#define BEHIND_ALL ((size_t)16 << 20)
/* A longer query is malformed: its rest is thrown away. */
#define QUERY_MAX ((size_t)4096)
/* A client may be silent, or slow with a query, for so long (RFC 7766 6.2.3).
 */
#define IDLE_S 10
/* For answers that come after the client has said that it asks no more. */
#define LINGER_S 10

static struct evbuffer *
output_of(const struct conn *conn)
{
	return bufferevent_get_output(conn->bev);
}

/* Brings the sums up to what is in the buffer. */
static void
count_behind(struct conn *conn, size_t now)
{
	conn->te->behind = conn->te->behind - conn->behind + now;
	conn->client.asker->behind =
	    conn->client.asker->behind - conn->behind + now;
	conn->behind = now;
}

void
tcp_conn_free(struct conn *conn)
{
	struct tcp_ev *te = conn->te;

	count_behind(conn, 0);
	conn->client.asker->conns--;
	conn->client.asker->user->conns--;
	list_remove(&conn->order);
	map_remove(&te->conns, &conn->node);
	if (conn->later != NULL)
		event_free(conn->later);
	bufferevent_free(conn->bev);
	resolve_gone(te->opts->resolve, &conn->waits);
	free(conn);
}

/* Of the program that is most behind the connection that is so. */
static struct conn *
most_behind(const struct tcp_ev *te, const struct conn *but)
{
	struct conn *most = NULL;
	struct list *node;

	list_for_each (node, &te->order) {
		struct conn *c = container_of(node, struct conn, order);
		size_t its = c->client.asker->behind;
		size_t had = most != NULL ? most->client.asker->behind : 0;

		if (c->reading && c != but)
			continue; /* it is not to be freed now */
		if (most == NULL || its > had ||
		    (its == had && c->behind > most->behind))
			most = c;
	}
	return most;
}

/* Cuts off who is most behind until there is room; false where that is this
 * one. */
static bool
make_room_for(struct conn *conn, size_t len)
{
	struct tcp_ev *te = conn->te;

	while (te->behind + len > BEHIND_ALL) {
		struct conn *most = most_behind(te, conn);

		if (most == conn)
			return false;
		te->stats.cut_behind++;
		tcp_conn_free(most);
	}
	return true;
}

/* False where the connection is to be closed. */
static bool
send_answer(struct conn *conn, const uint8_t *msg, size_t len)
{
	struct evbuffer *out = output_of(conn);
	uint8_t head[2];

	wire_put16(head, (unsigned int)len);
	count_behind(conn, evbuffer_get_length(out));
	if (conn->behind > BEHIND_CONN ||
	    conn->client.asker->behind + len > BEHIND_ONE ||
	    !make_room_for(conn, len)) {
		conn->te->stats.cut_behind++;
		return false;
	}
	if (evbuffer_add(out, head, sizeof(head)) < 0 ||
	    evbuffer_add(out, msg, len) < 0)
		return false;
	count_behind(conn, evbuffer_get_length(out));
	return true;
}

/* False where the connection is to be closed. */
static bool
take_message(struct conn *conn, const uint8_t *msg, size_t len, mono_t now)
{
	struct tcp_ev *te = conn->te;
	struct asking *a = &te->asking;

	a->client = conn->client;
	a->kind = query_parse(&a->query, msg, len);
	if (conn->skip > 0 && a->kind == QUERY_GOOD)
		a->kind = QUERY_FORMERR;
	/* who holds the socket may have changed; it is looked at anew */
	a->foreign = !te->opts->identify(te->opts->arg, &a->client, now);
	a->out = te->answer;
	conn->outstanding++; /* it may be answered within the call */
	switch (resolve_query(te->opts->resolve, a, now)) {
	case RESOLVE_ANSWERED:
		conn->outstanding--;
		return send_answer(conn, te->answer, a->len);
	case RESOLVE_WAITING:
		return !conn->broken;
	case RESOLVE_SILENT:
		conn->outstanding--;
		return true;
	}
	abort();
}

/* A client that has said all it will, and was told all. */
static bool
is_done(const struct conn *conn)
{
	return conn->eof && conn->outstanding == 0 &&
	       evbuffer_get_length(output_of(conn)) == 0;
}

/* The next whole message; 1, 0 (none yet) or -1 (close it). */
static int
next_message(struct conn *conn, mono_t now)
{
	struct evbuffer *in = bufferevent_get_input(conn->bev);
	uint8_t head[2];
	const uint8_t *bytes;
	size_t len, rest = evbuffer_get_length(in);
	bool good = true;

	if (conn->skip > 0) {
		rest = rest < conn->skip ? rest : conn->skip;
		evbuffer_drain(in, rest);
		conn->skip -= rest;
		return conn->skip == 0;
	}
	if (evbuffer_copyout(in, head, sizeof(head)) < 2)
		return 0;
	len = wire_u16(head);
	if (len > QUERY_MAX) {
		conn->skip = len - QUERY_MAX;
		len = QUERY_MAX;
	}
	if (rest < len + 2) {
		conn->skip = 0; /* not yet */
		return 0;
	}
	bytes = evbuffer_pullup(in, (ssize_t)len + 2);
	if (bytes == NULL)
		return -1;
	if (len > 0) /* an empty one means nothing */
		good = take_message(conn, bytes + 2, len, now);
	evbuffer_drain(in, len + 2);
	return good ? 1 : -1;
}

/* It has to read first, or has enough queries that wait. */
static bool
is_full(const struct conn *conn)
{
	return conn->outstanding >= OUTSTANDING_MAX ||
	       evbuffer_get_length(output_of(conn)) > BEHIND_PAUSE;
}

/* A byte now and then keeps the idle timer away, but not this one. */
static bool
is_too_slow(struct conn *conn, mono_t now)
{
	if (conn->skip == 0 &&
	    evbuffer_get_length(bufferevent_get_input(conn->bev)) == 0) {
		conn->began.ns = 0;
		return false;
	}
	if (conn->began.ns == 0)
		conn->began = now;
	return !is_full(conn) && mono_since(now, conn->began) > IDLE_S * MONO_S;
}

/* May free the connection. */
static void
conn_read(struct conn *conn)
{
	mono_t now = mono_now();
	unsigned int n;
	int r = 0;

	list_remove(&conn->order);
	list_prepend(&conn->te->order, &conn->order);
	conn->reading = true;
	for (n = 0; n < AT_ONCE && !is_full(conn); n++) {
		r = next_message(conn, now);
		if (r <= 0)
			break;
		conn->began.ns = 0;
	}
	conn->reading = false;
	if (r >= 0 && is_too_slow(conn, now)) {
		conn->te->stats.cut_slow++;
		r = -1;
	}
	if (r < 0 || conn->broken) {
		tcp_conn_free(conn);
		return;
	}
	if (is_full(conn))
		bufferevent_disable(conn->bev, EV_READ);
	else if (n == AT_ONCE)
		event_active(conn->later, 0, 0);
	else if (is_done(conn))
		tcp_conn_free(conn);
}

static void
later_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_read(arg);
}

static void
read_cb(struct bufferevent *bev, void *arg)
{
	(void)bev;
	conn_read(arg);
}

static void
write_cb(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;

	count_behind(conn, evbuffer_get_length(output_of(conn)));
	if (is_done(conn)) {
		tcp_conn_free(conn);
		return;
	}
	/* it may have been made to wait for that */
	if (evbuffer_get_length(bufferevent_get_input(bev)) > 0)
		event_active(conn->later, 0, 0);
	if (!conn->eof)
		bufferevent_enable(bev, EV_READ);
}

static void
event_cb(struct bufferevent *bev, short what, void *arg)
{
	static const struct timeval linger = { LINGER_S, 0 };
	struct conn *conn = arg;

	if ((what & BEV_EVENT_EOF) != 0) {
		/* half closed: it wants to read yet */
		conn->eof = true;
		bufferevent_set_timeouts(bev, NULL, &linger);
		conn_read(conn);
		return;
	}
	/* idle, but it waits for an answer of ours */
	if ((what & BEV_EVENT_TIMEOUT) != 0 &&
	    (what & BEV_EVENT_READING) != 0 && conn->outstanding > 0) {
		bufferevent_enable(bev, EV_READ);
		return;
	}
	/* amid a query, or with answers that it does not read */
	if ((what & BEV_EVENT_TIMEOUT) != 0 &&
	    (evbuffer_get_length(bufferevent_get_input(bev)) > 0 ||
		evbuffer_get_length(output_of(conn)) > 0))
		conn->te->stats.cut_slow++;
	tcp_conn_free(conn);
}

int
tcp_conn_open(struct conn *conn, int fd)
{
	static const struct timeval idle = { IDLE_S, 0 };
	struct tcp_ev *te = conn->te;
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn->later = event_new(te->opts->base, -1, 0, later_cb, conn);
	if (conn->later == NULL)
		return -ENOMEM;
	conn->bev =
	    bufferevent_socket_new(te->opts->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (conn->bev == NULL) {
		event_free(conn->later);
		return -ENOMEM;
	}
	conn->client.asker->conns++;
	conn->client.asker->user->conns++;
	list_prepend(&te->order, &conn->order);
	map_put(&te->conns, &conn->node,
	    map_hash(&te->conns, &conn->id, sizeof(conn->id)));
	bufferevent_setcb(conn->bev, read_cb, write_cb, event_cb, conn);
	bufferevent_set_timeouts(conn->bev, &idle, &idle);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, 2 * (QUERY_MAX + 2));
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
	return 0;
}

void
tcp_conn_reply(struct conn *conn, const uint8_t *msg, size_t len)
{
	conn->outstanding--;
	if (len > 0 && !send_answer(conn, msg, len))
		conn->broken = true;
	if (conn->reading)
		return;
	if (conn->broken || is_done(conn)) {
		tcp_conn_free(conn);
		return;
	}
	/* what it has asked meanwhile is read with the next turn */
	if (!conn->eof && !is_full(conn))
		bufferevent_enable(conn->bev, EV_READ);
	event_active(conn->later, 0, 0);
}
