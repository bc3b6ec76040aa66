#include "src/netns_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/core/conf.h"
#include "src/linux/netns.h"

struct netns_ev {
	struct netns netns;
	struct event *readable;
	struct list orders; /* in the order that they are answered */
	uint32_t last_id;
	struct sock_maker maker;
};

static int
ask(void *arg, struct sock_order *order, const char *path, int family, int type)
{
	struct netns_ev *ne = arg;
	int r;

	if (ne->netns.fd < 0)
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

static const struct conf_tunnel *
find_user(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_tunnels; i++)
		if (conf->tunnels[i].netns.s[0] != '\0')
			return &conf->tunnels[i];
	return NULL;
}

void
netns_ev_configure(const struct netns_ev *ne, const struct conf *conf)
{
	const struct conf_tunnel *user = find_user(conf);

	if (user != NULL && ne->netns.fd < 0)
		log_warning("port17",
		    "[tunnel \"%s\"] netns needs a restart: the privilege to "
		    "enter network namespaces was given up",
		    user->name);
}

static int
start(struct netns_ev *ne, struct event_base *base)
{
	int r = netns_start(&ne->netns);

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
	int r = 0;

	if (ne == NULL)
		return -ENOMEM;
	list_init(&ne->orders);
	ne->maker = (struct sock_maker){ ask, cancel, ne };
	ne->netns.fd = -1;
	if (find_user(conf) != NULL)
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
	free(ne);
}

const struct sock_maker *
netns_ev_maker(const struct netns_ev *ne)
{
	return &ne->maker;
}
