#include "src/netns_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port17/tunnel_set.h"
#include "src/base/log.h"
#include "src/linux/netns.h"

_Static_assert(sizeof((struct tunnel){ 0 }.netns) == NETNS_PATH_SIZE,
    "a tunnel's path is one of these");

struct netns_ev {
	struct netns netns;
	struct event *readable;
	struct netns_told told;
	struct list orders; /* in the order that they are answered */
	uint32_t last_id;
	struct sock_maker maker;
};

static int
ask(void *arg, struct sock_order *order, const char *path, int family, int type)
{
	struct netns_ev *ne = arg;
	int r;

	if (ne->netns.fd < 0 || !netns_is_entered(&ne->told, path))
		return -ENOTSUP;
	r = netns_ask(&ne->netns, ++ne->last_id, path, family, type);
	if (r < 0)
		return r;
	order->id = ne->last_id;
	list_append(&ne->orders, &order->node);
	return 0;
}

/* Its answer comes all the same, and finds nobody. */
static void
cancel(void *arg, struct sock_order *order)
{
	(void)arg;
	list_remove(&order->node);
}

static struct sock_order *
take_order(struct netns_ev *ne, uint32_t id)
{
	struct list *node;

	list_for_each (node, &ne->orders) {
		struct sock_order *order =
		    container_of(node, struct sock_order, node);

		if (order->id != id)
			continue;
		list_remove(&order->node);
		return order;
	}
	return NULL;
}

/* It can't be started again: this one may no more than before. */
static void
end(struct netns_ev *ne)
{
	log_error("port17",
	    "the process that makes sockets in other network namespaces has "
	    "ended: tunnels with netns are down until the daemon is started "
	    "again");
	(void)event_del(ne->readable); /* it was added */
	netns_stop(&ne->netns);
	while (!list_empty(&ne->orders)) {
		struct sock_order *order =
		    container_of(ne->orders.next, struct sock_order, node);

		list_remove(&order->node);
		order->made(order, -EPIPE); /* may ask again, in vain */
	}
}

static void
readable_cb(evutil_socket_t at, short what, void *arg)
{
	struct netns_ev *ne = arg;
	uint32_t id;
	int fd, r;

	(void)at;
	(void)what;
	while ((r = netns_answer(&ne->netns, &id, &fd)) == 0) {
		struct sock_order *order = take_order(ne, id);

		if (order != NULL)
			order->made(order, fd);
		else if (fd >= 0)
			(void)close(fd); /* nothing was done with it */
	}
	if (r != -EAGAIN)
		end(ne);
}

/* Once for the process, or for each path that it was not told. */
void
netns_ev_configure(const struct netns_ev *ne, const struct conf *conf)
{
	struct tunnel_set *set = tunnel_set_new(conf);

	for (size_t i = 0; set != NULL && i < set->n; i++) {
		const struct tunnel *t = &set->v[i];

		if (t->netns[0] == '\0' ||
		    (ne->netns.fd >= 0 &&
			netns_is_entered(&ne->told, t->netns)))
			continue;
		log_warning("port17",
		    "[tunnel \"%s\"] netns needs a restart: %s", t->name,
		    ne->netns.fd < 0
			? "the privilege to enter network namespaces was given "
			  "up"
			: "one that is neither in /run/netns nor a "
			  "/proc/PID/ns/net had to be there when the daemon "
			  "was "
			  "started");
		if (ne->netns.fd < 0)
			break;
	}
	tunnel_set_unref(set);
}

/* What the settings have now. */
static int
read_told(struct netns_told *ret, const struct conf *conf)
{
	struct tunnel_set *set = tunnel_set_new(conf);

	if (set != NULL)
		ret->paths = calloc(set->n + 1, sizeof(*ret->paths));
	if (ret->paths == NULL) {
		tunnel_set_unref(set);
		return -ENOMEM;
	}
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].netns[0] != '\0')
			memcpy(ret->paths[ret->n++], set->v[i].netns,
			    sizeof(*ret->paths));
	tunnel_set_unref(set);
	return 0;
}

static int
start(struct netns_ev *ne, struct event_base *base)
{
	int r = netns_start(&ne->netns, &ne->told);

	if (r < 0)
		return r;
	ne->readable = event_new(
	    base, ne->netns.fd, EV_READ | EV_PERSIST, readable_cb, ne);
	return ne->readable != NULL && event_add(ne->readable, NULL) == 0
		   ? 0
		   : -ENOMEM;
}

int
netns_ev_new(
    struct netns_ev **ret, struct event_base *base, const struct conf *conf)
{
	struct netns_ev *ne = calloc(1, sizeof(*ne));
	int r;

	if (ne == NULL)
		return -ENOMEM;
	list_init(&ne->orders);
	ne->maker = (struct sock_maker){ ask, cancel, ne };
	ne->netns.fd = -1;
	r = read_told(&ne->told, conf);
	if (r == 0 && ne->told.n > 0)
		r = start(ne, base);
	if (r < 0) {
		log_error("rerouted",
		    "no process can be started that makes sockets in other "
		    "network namespaces: %s",
		    strerror(-r));
		netns_ev_free(ne);
		return r;
	}
	*ret = ne;
	return 0;
}

void
netns_ev_free(struct netns_ev *ne)
{
	if (ne == NULL)
		return;
	if (ne->readable != NULL)
		event_free(ne->readable);
	netns_stop(&ne->netns);
	free(ne->told.paths);
	free(ne);
}

const struct sock_maker *
netns_ev_maker(const struct netns_ev *ne)
{
	return &ne->maker;
}
