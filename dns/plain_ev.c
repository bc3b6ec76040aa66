#include "dns/plain_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "dns/plain_port_ev.h"
#include "dns/server_ev.h"

/* System calls of a wake-up. */
#define BATCHES 4

static void
take_datagram(struct plain_ev *pe, struct port *port, const struct mmsghdr *in,
    mono_t now)
{
	uint8_t *msg = in->msg_hdr.msg_iov->iov_base;
	size_t len = in->msg_len;
	unsigned int i = 0;
	uint16_t id;

	if (len < WIRE_HEADER) {
		resolve_strange(pe->resolve, port->server->upstream);
		return;
	}
	/* there is more than was asked for, and than there is room for: by TCP
	 * it comes whole, as what the server had cut itself */
	if ((in->msg_hdr.msg_flags & MSG_TRUNC) != 0)
		wire_put16(msg + 2, wire_u16(msg + 2) | WIRE_TC);
	id = wire_u16(msg);
	while (i < port->n_uses &&
	       (port->ids[i] != id || port->attempts[i] == NULL))
		i++;
	if (i == port->n_uses)
		resolve_strange(pe->resolve, port->server->upstream);
	else if (resolve_fits(pe->resolve, port->attempts[i], msg, len)) {
		port->known = true;
		resolve_answer(pe->resolve, port_land(port, i), msg, len, now);
	}
}

/* Those for which something came that may be forged, and their own answer not
 * in the same breath: they wait on. */
static void
take_doubted(struct plain_ev *pe, struct port *port, mono_t now)
{
	for (unsigned int i = 0; i < port->n_uses; i++) {
		struct attempt *attempt = port->attempts[i];

		if (attempt != NULL && attempt->doubt != DOUBT_NONE &&
		    !attempt->asked_again)
			resolve_doubted(pe->resolve, attempt, now);
	}
}

/* How many came, or -errno. */
static int
receive(struct plain_ev *pe, int fd)
{
	int n;

	do
		n = recvmmsg(fd, pe->in, PLAIN_BATCH, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? 0 : -errno;
}

static void
port_cb(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;
	struct plain_ev *pe = port->server->pe;
	int n = PLAIN_BATCH;
	mono_t now = mono_now();

	(void)what;
	port->held = true;
	for (unsigned int b = 0; b < BATCHES && n == PLAIN_BATCH; b++) {
		n = receive(pe, fd);
		for (int i = 0; i < n; i++)
			take_datagram(pe, port, &pe->in[i], now);
	}
	take_doubted(pe, port, now);
	port->held = false;
	if (n >= 0)
		n = port->error;
	if (n < 0)
		port_fail_all(pe, port, n, now);
	else
		port_free_if_done(pe, port);
}

/* One that no other question of this port has, or had. */
static uint16_t
new_id(struct port *port)
{
	uint16_t id;
	unsigned int i;

	do {
		id = (uint16_t)resolve_random(port->server->pe->resolve);
		for (i = 0; i < port->n_uses && port->ids[i] != id; i++)
			;
	} while (i < port->n_uses);
	return id;
}

/* An error may be of a datagram before, which a router, or the server's host,
 * has refused: it is for all who wait here, soon. */
static void
put_aside(struct port *port, int error)
{
	port->error = error;
	port_unchoose(port);
	event_active(&port->event, EV_READ, 0);
}

static void
flush(struct plain_ev *pe)
{
	struct port *port = pe->sending;
	int r;

	if (port == NULL)
		return;
	pe->sending = NULL;
	r = outbox_send(&pe->out, port->fd);
	if (r < 0)
		put_aside(port, r);
}

static void
flush_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

/* It leaves at the end of this turn. */
static void
port_send(struct port *port, struct attempt *attempt, uint8_t *msg, size_t len)
{
	struct plain_ev *pe = port->server->pe;
	uint16_t id = new_id(port);

	if (pe->sending != port || pe->out.n == OUTBOX_MAX)
		flush(pe);
	if (pe->sending == NULL)
		event_active(pe->flush, 0, 0);
	pe->sending = port;
	wire_put16(msg, id);
	outbox_put(&pe->out, msg, len);
	attempt->id = id;
	port->ids[port->n_uses] = id;
	port->attempts[port->n_uses++] = attempt;
	port->n_flying++;
	port->server->n_flying++;
	if (port->n_uses == USES_MAX)
		port_unchoose(port);
}

static struct server *
server_of(struct plain_ev *pe, struct upstream *upstream)
{
	size_t place = upstream->number;
	struct server *server;

	if (place >= pe->n_servers) {
		size_t n = place + 16;
		void *v = reallocarray(pe->servers, n, sizeof(pe->servers[0]));

		if (v == NULL)
			return NULL;
		pe->servers = v;
		memset(pe->servers + pe->n_servers, 0,
		    (n - pe->n_servers) * sizeof(pe->servers[0]));
		pe->n_servers = n;
	}
	if (pe->servers[place] != NULL)
		return pe->servers[place];
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return NULL;
	server->pe = pe;
	server->upstream = upstream;
	pe->servers[place] = server;
	return server;
}

int
plain_ev_send(
    struct plain_ev *pe, struct attempt *attempt, uint8_t *msg, size_t len)
{
	struct port *port = NULL;
	struct server *server;
	int r;

	if (pe->closing)
		return -ECANCELED;
	if (len > WIRE_QUESTION_MAX)
		return -EMSGSIZE;
	server = server_of(pe, attempt->upstream);
	if (server == NULL)
		return -ENOMEM;
	r = port_pick(server, attempt->sent, &port);
	if (r == 0)
		port_send(port, attempt, msg, len);
	return r;
}

static void
prepare_slots(struct plain_ev *pe)
{
	for (size_t i = 0; i < PLAIN_BATCH; i++) {
		pe->iov[i].iov_base = pe->received[i];
		pe->iov[i].iov_len = PLAIN_RECEIVE_MAX;
		pe->in[i].msg_hdr.msg_iov = &pe->iov[i];
		pe->in[i].msg_hdr.msg_iovlen = 1;
	}
}

int
plain_ev_new(
    struct plain_ev **ret, struct event_base *base, struct resolve *resolve)
{
	struct plain_ev *pe = calloc(1, sizeof(*pe));

	if (pe == NULL)
		return -ENOMEM;
	pe->base = base;
	pe->resolve = resolve;
	pe->readable = port_cb;
	prepare_slots(pe);
	outbox_init(&pe->out);
	pe->flush = event_new(base, -1, 0, flush_cb, pe);
	if (ports_init(pe) < 0 || pe->flush == NULL) {
		plain_ev_free(pe);
		return -ENOMEM;
	}
	*ret = pe;
	return 0;
}

bool
plain_ev_is_own(const struct plain_ev *pe, uint64_t inode)
{
	return inodes_has(pe->own, inode);
}

void
plain_ev_reset(struct plain_ev *pe)
{
	mono_t now = mono_now();

	pe->closing = true;
	while (!list_empty(&pe->ports))
		port_fail_all(pe,
		    container_of(pe->ports.next, struct port, node), -ECANCELED,
		    now);
	for (size_t i = 0; i < pe->n_servers; i++) {
		free(pe->servers[i]);
		pe->servers[i] = NULL;
	}
	pe->closing = false;
}

void
plain_ev_free(struct plain_ev *pe)
{
	if (pe == NULL)
		return;
	plain_ev_reset(pe);
	free(pe->servers);
	if (pe->flush != NULL)
		event_free(pe->flush);
	ports_done(pe);
	free(pe);
}
