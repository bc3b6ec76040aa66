#include "dns/plain_port_ev.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/server_ev.h"
#include "dns/sockaddr_ev.h"

/* A question has a port of its own while there are not many: so many at once,
 * and one after so long. */
#define FRESH_BURST 256
#define FRESH_NS (4 * MONO_MS)
/* … unless that many wait for the same server already: whoever asks for a
 * hundred names in one breath waits for all the ports that are opened. */
#define FRESH_FLYING 16
/* A while of few questions before ports are fresh again. */
#define FRESH_DEBT (100 * MONO_MS)
/* How long a port is chosen: the less, the less is found out about it. */
#define CHOSEN_NS MONO_S
/* How long an answer is waited for; resolve has had its say long before, but
 * late ones tell of an upstream's health. */
#define WAIT_NS (5 * MONO_S)
/* Open at once, of all upstreams: those of dead ones wait. */
#define PORTS_MAX 1024
static const struct timeval tick = { 0, 250000 };

static void
choose(struct port *port)
{
	struct server *server = port->server;

	port->chosen = true;
	port->place = server->n_choice++;
	server->choice[port->place] = port;
}

void
port_unchoose(struct port *port)
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
	port_unchoose(port);
	list_remove(&port->node);
	pe->n_ports--;
	(void)event_del(&port->event);
	inodes_remove(pe->own, port->inode);
	(void)close(port->fd); /* nothing is under way that could fail */
	free(port);
}

void
port_free_if_done(struct plain_ev *pe, struct port *port)
{
	if (!port->chosen && port->n_flying == 0 && !port->held)
		port_free(pe, port);
}

struct attempt *
port_land(struct port *port, unsigned int place)
{
	struct attempt *attempt = port->attempts[place];

	port->attempts[place] = NULL;
	port->n_flying--;
	port->server->n_flying--;
	return attempt;
}

void
port_fail_all(struct plain_ev *pe, struct port *port, int error, mono_t now)
{
	hold_back(pe, port);
	port_unchoose(port);
	port->held = true;
	for (unsigned int i = 0; i < port->n_uses; i++)
		if (port->attempts[i] != NULL)
			resolve_failed(
			    pe->resolve, port_land(port, i), error, now);
	port->held = false;
	port_free_if_done(pe, port);
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
	port_unchoose(port);
	port_free_if_done(port->server->pe, port);
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
	port_fail_all(pe, oldest, -ECANCELED, mono_now());
	return true;
}

/* 0 or -errno. */
static int
port_watch(struct plain_ev *pe, struct port *port)
{
	if (event_assign(&port->event, pe->base, port->fd, EV_READ | EV_PERSIST,
		pe->readable, port) < 0 ||
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
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_of_upstream(&sa, &server->upstream->spec);
	struct stat st;
	int r;

	port->fd =
	    socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (port->fd < 0)
		return -errno;
	server_mark(port->fd);
	r = connect(port->fd, (const void *)&sa, len) < 0
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

int
port_pick(struct server *server, mono_t now, struct port **ret)
{
	struct plain_ev *pe = server->pe;
	struct budget *fresh = &pe->fresh;
	bool few = budget_has(fresh, now) && server->n_flying < FRESH_FLYING;
	int r = -EMFILE;

	if (fresh->spent < fresh->most + FRESH_DEBT)
		budget_spend(fresh, FRESH_NS);
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
		port_fail_all(pe, oldest, -ETIMEDOUT, now);
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

int
ports_init(struct plain_ev *pe)
{
	pe->fresh.share = 1;
	pe->fresh.most = FRESH_BURST * FRESH_NS;
	list_init(&pe->ports);
	pe->tick = event_new(pe->base, -1, 0, tick_cb, pe);
	pe->own = inodes_new();
	return pe->tick != NULL && pe->own != NULL ? 0 : -ENOMEM;
}

void
ports_done(struct plain_ev *pe)
{
	if (pe->tick != NULL)
		event_free(pe->tick);
	inodes_free(pe->own);
}
