#ifndef PORT17_UDP_OWN_H
#define PORT17_UDP_OWN_H

#include "port17/begun.h"
#include "port17/dgram.h"
#include "port17/share.h"
#include "port17/udp_ev.h"
#include "port17/udp_way_ev.h"

/* Behind struct udp: shared by udp_ev.c (sockets, what comes by them) and
 * udp_flow_ev.c (what becomes of flows). */

struct event;

struct entry {
	struct udp *udp;
	struct udp_sock sock;
	struct addr addr;
	int error;	    /* 0: it is open; else -errno */
	uint32_t overflows; /* as the kernel said last */
	struct begun begun;
	/* flows whose socket is closed: what waits here may be of them still */
	struct list closed;
};

struct udp {
	struct udp_opts opts;
	struct entry entries[2];
	struct udpnat nat;
	struct udp_ways ways;
	struct list all;
	struct assocs *assocs;
	struct pacer *pacer;
	struct event *sweep;
	struct udp_counters counters;
	/* what waits at the entries is dropped until nothing does, and nothing
	 * is on its way to them */
	bool dropping;
	mono_t drop_until;
	struct shares kept; /* bytes that wait for a way */
	/* of one wake-up: `out` is empty at its end, and before a flow ends */
	struct dgrams *in;
	struct dgram_out *out;
};

/* Sends what waits in `out`. */
void udp_flush(struct udp *udp);

/* The flow of a datagram that came by an entry, with a way: NULL if it is not
 * to be carried, and that was said. */
struct udp_flow *udp_flow_of(struct udp *udp, struct entry *entry,
    const struct sock_addr *from, mono_t now);
void udp_flow_end(struct udp *udp, struct udp_flow *flow, enum closed closed);
/* The far end says that nobody is there: so the program is told. */
void udp_flow_unheard(struct udp *udp, struct udp_flow *flow);
/* Its last datagram was: the same. */
void udp_flow_too_large(struct udp *udp, const struct udp_flow *flow);
void udp_flow_refuse(
    struct udp *udp, struct udp_flow *flow, enum closed closed);

/* As the entry that it came by sees it. */
struct flow_key udp_flow_seen(const struct udp_flow *flow);

/* Whether its port is still its own: conntrack may have forgotten it, and have
 * given it to something else. ask: that, too, and not only what is known. */
bool udp_flow_is_still(struct udp *udp, struct udp_flow *flow, bool ask);

/* All of a program that a tunnel is told of, as a number that nobody can
 * choose; not 0. */
uint64_t udp_who(const struct udp *udp, const struct process *process);

/* Before any datagram is looked at, from either side: which ports are of the
 * flows that have begun since. False: what waits at the entries is dropped. */
bool udp_settle(struct udp *udp);
/* After an entry was. */
void udp_was_read(struct entry *entry);

/* Asks conntrack, and counts that. As ct_original(). */
int udp_original(
    struct udp *udp, const struct flow_key *seen, struct flow_key *ret);

/* Its way is there, and not only on its way. */
bool udp_flow_has_way(const struct udp_flow *flow);
struct dgram_to udp_flow_own_way(struct udp_flow *flow);
void udp_flow_send_kept(struct udp_flow *flow);

/* What was sent is lost, as on any link; what still waits, and what comes next,
 * has another way, if there is one. Why this one failed is in ways.error.
 * NULL: it is refused. */
struct udp_flow *udp_flow_go_elsewhere(struct udp *udp, struct udp_flow *flow);

/* Only while there is something to be swept. */
void udp_sweep_soon(struct udp *udp);

#endif
