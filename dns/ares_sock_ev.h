#ifndef DNS_ARES_SOCK_EV_H
#define DNS_ARES_SOCK_EV_H

/* what came with 1.28 and 1.34 instead does no more, and 1.18 has none of it */
#define CARES_NO_DEPRECATED
#include <ares.h>

#include "dns/ares_ev.h"

struct event;
struct pool;

/* Behind struct ares_ev: questions and channels are ares_ev.c's, the sockets
 * that c-ares asks for are ares_sock_ev.c's. */

#define ARES_ID_SLOTS 64

struct sock {
	int fd; /* -1: none */
	struct event *event;
	short what;
};

struct channel {
	struct list node; /* in its pool */
	struct list busy; /* of all that have flights, or of the spent ones */
	struct pool *pool;
	ares_channel ares;
	struct list by_id[ARES_ID_SLOTS];
	unsigned int n_flights, uses, answers;
	struct sock socks[2];
};

/* The channels of an upstream. */
struct pool {
	struct ares_ev *ae;
	struct upstream *upstream;
	struct list channels;
	unsigned int n_channels;
};

struct ares_ev {
	struct event_base *base;
	struct resolve *resolve;
	struct event *tick;
	struct pool **pools; /* by upstream's number */
	size_t n_pools;
	struct list busy, spent;
	bool closing;
};

/* c-ares gets its sockets through this, and they are the channel's. */
void ares_sock_prepare(struct channel *channel);
/* As ares_options.sock_state_cb: what a socket waits for has changed. */
void ares_sock_state(void *arg, ares_socket_t fd, int readable, int writable);

#endif
