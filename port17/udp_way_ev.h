#ifndef PORT17_UDP_WAY_EV_H
#define PORT17_UDP_WAY_EV_H

#include <event2/event.h>

#include "port17/udp_ev.h"

/* Which way a UDP flow goes: out of a socket of its own, or through an
 * association that it shares. All is borrowed. */
struct udp_ways {
	struct event_base *base;
	struct dialer *dialer;
	struct inodes *own;
	struct assocs *assocs;
	struct udpnat *nat;
	struct pacer *pacer;
	/* why the last one that could not be opened was not, by the last member
	 * that was tried */
	struct shake_error error;
	event_callback_fn direct; /* the flow's own socket can be read */
	/* a socket that was being made is there: 0; or -errno, and
	 * udp_way_leave() is due */
	void (*made)(struct udp_flow *flow, int error);
};

/* Those of a flow's. */
struct udp_ways *udp_ways(struct udp *udp);

/* By the first member of its tunnel that was not tried yet, may carry it, is
 * well, and can be opened. 0 or -errno: there is none, or the far end has no
 * way to it: ways->error says why, and where no member is left that was its
 * caller's to set; udp_way_leave() is due then, too. */
int udp_way_open(struct udp_ways *ways, struct udp_flow *flow, mono_t now);

/* Its own socket has none any more (flow->sock.error): noted, and why is in
 * ways->error. */
void udp_way_lost(struct udp_ways *ways, struct udp_flow *flow);

/* It goes no way any more; what is kept for one stays. */
void udp_way_leave(struct udp_ways *ways, struct udp_flow *flow);

#endif
