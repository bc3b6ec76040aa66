#include "dns/plain_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/outbox_ev.h"
#include "dns/server_ev.h"
#include "src/base/budget.h"
#include "src/base/inodes.h"

/* A question has a port of its own while there are not many: so many one by one
 * without a pause, and one after so long. One that comes while others are under
 * way to its upstream counts as much as so many: a rush would spend its first
 * moments with new ports, and all that comes behind them waits. */
#define FRESH_BURST 256
#define FRESH_NS (4 * MONO_MS)
#define FRESH_BESIDE 8
/* A while of few questions before ports are fresh again. */
#define FRESH_DEBT (100 * MONO_MS)
/* Those that come faster share the ports of their upstream, one by chance for
 * what is asked at one moment: among so many, and no more than so many. */
#define CHOICE_MIN 32
#define CHOICE_MAX 64
/* Questions of one port. A new port costs a socket, and is judged as any
 * program's flow is: many times what a question costs. */
#define USES_MAX 128
/* How long a port is chosen: the less, the less is found out about it. */
#define CHOSEN_NS MONO_S
/* How long an answer is waited for; resolve has had its say long before, but
 * late ones tell of an upstream's health. */
#define WAIT_NS (5 * MONO_S)
/* Open at once, of all upstreams: those of dead ones wait. */
#define PORTS_MAX 1024
static const struct timeval tick = { 0, 250000 };

/* What servers send that do not look at the size they were told. */
#define RECEIVE_MAX 4096
/* Datagrams of a system call, and calls of a wake-up. */
#define BATCH 16
#define BATCHES 4

/* A socket that is connected to an upstream. */
struct port {
	struct list node; /* of all, the oldest first */
	struct server *server;
	struct event event;
	int fd;
	uint64_t inode;
	int error;   /* that send() was told of; it is of those before */
	bool chosen; /* among those that may be used again, at this place */
	bool held;   /* is at work: not to be freed */
	bool known;  /* an answer came: its packets have their verdict */
	mono_t opened;
	unsigned int place, n_uses, n_flying;
	uint16_t ids[USES_MAX];
	struct attempt *attempts[USES_MAX]; /* NULL: has come, or was ended */
};

/* An upstream's. */
struct server {
	struct plain_ev *pe;
	struct upstream *upstream;
	struct sockaddr_storage sa;
	socklen_t sa_len;
	struct port *choice[CHOICE_MAX];
	unsigned int n_choice;
	unsigned int n_flying; /* of all its ports */
};

struct plain_ev {
	struct event_base *base;
	struct resolve *resolve;
	struct event *tick;
	struct server **servers; /* by upstream's number */
	size_t n_servers;
	struct list ports;
	size_t n_ports;
	struct inodes *own;
	struct budget fresh;
	bool closing;
	/* what is asked in this turn of the loop leaves together, from here */
	struct port *sending; /* NULL: nothing waits */
	struct outbox out;
	struct event *flush;
	struct mmsghdr in[BATCH];
	struct iovec iov[BATCH];
	uint8_t received[BATCH][RECEIVE_MAX];
};

static void
choose(struct port *port)
{
	struct server *server = port->server;

	port->chosen = true;
	port->place = server->n_choice++;
	server->choice[port->place] = port;
}

/* It is not used again. */
static void
unchoose(struct port *port)
{
	struct server *server = port->server;
	struct port *last;

	if (!port->chosen)
		return;
	port->chosen = false;
	last = server->choice[--server->n_choice];
	server->choice[port->place] = last;
	last->place = port->place;
}

/* What waits to leave it does not. */
static void
hold_back(struct plain_ev *pe, const struct port *port)
{
	if (pe->sending != port)
		return;
	pe->sending = NULL;
	pe->out.n = 0;
}

/* Nothing is waited for there any more. */
static void
port_free(struct plain_ev *pe, struct port *port)
{
	hold_back(pe, port);
	unchoose(port);
	list_remove(&port->node);
	pe->n_ports--;
	(void)event_del(&port->event);
	inodes_remove(pe->own, port->inode);
	(void)close(port->fd); /* nothing is under way that could fail */
	free(port);
}

static void
free_if_done(struct plain_ev *pe, struct port *port)
{
	if (!port->chosen && port->n_flying == 0 && !port->held)
		port_free(pe, port);
}

static struct attempt *
land(struct port *port, unsigned int place)
{
	struct attempt *attempt = port->attempts[place];

	port->attempts[place] = NULL;
	port->n_flying--;
	port->server->n_flying--;
	return attempt;
}

/* All that fly there have this error. */
static void
fail_all(struct plain_ev *pe, struct port *port, int error, mono_t now)
{
	hold_back(pe, port);
	unchoose(port);
	port->held = true;
	for (unsigned int i = 0; i < port->n_uses; i++)
		if (port->attempts[i] != NULL)
			resolve_failed(pe->resolve, land(port, i), error, now);
	port->held = false;
	free_if_done(pe, port);
}

static void
take_datagram(struct plain_ev *pe, struct port *port, const struct mmsghdr *in,
    mono_t now)
{
	const uint8_t *msg = in->msg_hdr.msg_iov->iov_base;
	size_t len = in->msg_len;
	unsigned int i = 0;
	uint16_t id;

	if (len < WIRE_HEADER || (in->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
		resolve_strange(pe->resolve, port->server->upstream);
		return;
	}
	id = wire_u16(msg);
	while (i < port->n_uses &&
	       (port->ids[i] != id || port->attempts[i] == NULL))
		i++;
	if (i == port->n_uses)
		resolve_strange(pe->resolve, port->server->upstream);
	else if (resolve_fits(pe->resolve, port->attempts[i], msg, len)) {
		port->known = true;
		resolve_answer(pe->resolve, land(port, i), msg, len, now);
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
		n = recvmmsg(fd, pe->in, BATCH, MSG_DONTWAIT, NULL);
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
	int n = BATCH;
	mono_t now = mono_now();

	(void)what;
	port->held = true;
	for (unsigned int b = 0; b < BATCHES && n == BATCH; b++) {
		n = receive(pe, fd);
		for (int i = 0; i < n; i++)
			take_datagram(pe, port, &pe->in[i], now);
	}
	take_doubted(pe, port, now);
	port->held = false;
	if (n >= 0)
		n = port->error;
	if (n < 0)
		fail_all(pe, port, n, now);
	else
		free_if_done(pe, port);
}

static struct port *
any_of(struct server *server)
{
	return server
	    ->choice[resolve_random(server->pe->resolve) % server->n_choice];
}

/* Another one has its place from now on. */
static void
retire(struct port *port)
{
	unchoose(port);
	free_if_done(port->server->pe, port);
}

/* Room for one more port: the oldest one goes, if nobody waits there. */
static bool
make_room(struct plain_ev *pe)
{
	struct port *oldest;

	if (pe->n_ports < PORTS_MAX)
		return true;
	oldest = container_of(pe->ports.next, struct port, node);
	if (oldest->held)
		return false;
	for (unsigned int i = 0; i < oldest->n_uses; i++)
		if (oldest->attempts[i] != NULL &&
		    oldest->attempts[i]->task != NULL)
			return false;
	fail_all(pe, oldest, -ECANCELED, mono_now());
	return true;
}

/* 0 or -errno. */
static int
port_watch(struct plain_ev *pe, struct port *port)
{
	if (event_assign(&port->event, pe->base, port->fd, EV_READ | EV_PERSIST,
		port_cb, port) < 0 ||
	    event_add(&port->event, NULL) < 0)
		return -ENOMEM;
	if (pe->n_ports > 0 || event_add(pe->tick, &tick) == 0)
		return 0;
	(void)event_del(&port->event);
	return -ENOMEM;
}

/* 0 or -errno, and nothing is left open. */
static int
port_connect(struct port *port)
{
	const struct server *server = port->server;
	struct stat st;
	int r;

	port->fd = socket(
	    server->sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (port->fd < 0)
		return -errno;
	server_mark(port->fd);
	r = connect(port->fd, (const void *)&server->sa, server->sa_len) < 0
		? -errno
		: port_watch(server->pe, port);
	if (r < 0) {
		(void)close(port->fd); /* nothing was sent */
		return r;
	}
	if (fstat(port->fd, &st) == 0 &&
	    inodes_add(server->pe->own, st.st_ino) == 0)
		port->inode = st.st_ino;
	return 0;
}

/* A port that the kernel takes by chance: 0 or -errno. */
static int
port_open(struct server *server, mono_t now, struct port **ret)
{
	struct plain_ev *pe = server->pe;
	struct port *port;
	int r;

	if (!make_room(pe))
		return -EMFILE;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return -ENOMEM;
	port->server = server;
	port->opened = now;
	r = port_connect(port);
	if (r < 0) {
		free(port);
		return r;
	}
	if (server->n_choice == CHOICE_MAX)
		retire(any_of(server));
	choose(port);
	list_append(&pe->ports, &port->node);
	pe->n_ports++;
	*ret = port;
	return 0;
}

static bool
is_old(const struct port *port, mono_t now)
{
	return mono_since(now, port->opened) >= CHOSEN_NS;
}

/* Whether one more may leave with those that wait. All that leaves a port
 * before its first has its verdict waits for one of its own. */
static bool
may_join(const struct plain_ev *pe, const struct server *server)
{
	return pe->sending != NULL && pe->sending->server == server &&
	       pe->sending->chosen && pe->sending->known &&
	       pe->out.n < OUTBOX_MAX;
}

/* By chance; one that is known, where there are more than a few. */
static struct port *
any_known_of(struct server *server)
{
	struct port *port = any_of(server);

	for (unsigned int i = 0; i < 4 && !port->known; i++)
		port = any_of(server);
	return port;
}

/* 0 or -errno. */
static int
port_pick(struct server *server, mono_t now, struct port **ret)
{
	struct plain_ev *pe = server->pe;
	struct budget *fresh = &pe->fresh;
	bool few = budget_has(fresh, now);
	int r = -EMFILE;

	if (fresh->spent < fresh->most + FRESH_DEBT)
		budget_spend(fresh,
		    server->n_flying > 0 ? FRESH_BESIDE * FRESH_NS : FRESH_NS);
	if (!few && may_join(pe, server)) {
		*ret = pe->sending;
		return 0;
	}
	for (;;) {
		struct port *port;

		if (few || server->n_choice < CHOICE_MIN)
			r = port_open(server, now, ret);
		if (r == 0 || server->n_choice == 0)
			return r;
		port = any_known_of(server);
		if (!is_old(port, now)) {
			*ret = port;
			return 0;
		}
		retire(port);
	}
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
	unchoose(port);
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
		unchoose(port);
}

static struct server *
server_of(struct plain_ev *pe, struct upstream *upstream)
{
	const struct upstream_spec *spec = &upstream->spec;
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
	server->sa_len = server_sockaddr(&server->sa, &spec->addr, spec->port,
	    spec->zone[0] != '\0' ? if_nametoindex(spec->zone) : 0);
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

/* Who has waited for long enough has failed; who is not chosen any more, and
 * waits for nothing, goes. */
static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct plain_ev *pe = arg;
	mono_t now = mono_now();
	struct list *node, *tmp;

	(void)fd;
	(void)what;
	while (!list_empty(&pe->ports)) {
		struct port *oldest =
		    container_of(pe->ports.next, struct port, node);

		if (mono_since(now, oldest->opened) < CHOSEN_NS + WAIT_NS)
			break;
		fail_all(pe, oldest, -ETIMEDOUT, now);
	}
	list_for_each_safe (node, tmp, &pe->ports) {
		struct port *port = container_of(node, struct port, node);

		if (!is_old(port, now))
			break;
		retire(port);
	}
	if (pe->n_ports > 0)
		(void)event_add(pe->tick, &tick); /* it had memory before */
}

static void
prepare_slots(struct plain_ev *pe)
{
	for (size_t i = 0; i < BATCH; i++) {
		pe->iov[i].iov_base = pe->received[i];
		pe->iov[i].iov_len = RECEIVE_MAX;
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
	pe->fresh.share = 1;
	pe->fresh.most = FRESH_BURST * FRESH_NS;
	list_init(&pe->ports);
	prepare_slots(pe);
	outbox_init(&pe->out);
	pe->tick = event_new(base, -1, 0, tick_cb, pe);
	pe->flush = event_new(base, -1, 0, flush_cb, pe);
	pe->own = inodes_new();
	if (pe->tick == NULL || pe->flush == NULL || pe->own == NULL) {
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
		fail_all(pe, container_of(pe->ports.next, struct port, node),
		    -ECANCELED, now);
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
	if (pe->tick != NULL)
		event_free(pe->tick);
	if (pe->flush != NULL)
		event_free(pe->flush);
	inodes_free(pe->own);
	free(pe);
}
