#ifndef PORT17_UDP_EV_H
#define PORT17_UDP_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/assoc_ev.h"
#include "port17/claim.h"
#include "port17/closed.h"
#include "port17/dgram_kept.h"
#include "port17/sock.h"
#include "port17/udp_sock_ev.h"
#include "port17/udpnat.h"

struct ct;
struct event_base;

/* The entry for UDP: 127.0.0.17:1117 and [::1]:1117. */
struct udp;

struct udp_flow {
	struct udpnat_entry nat;
	struct list all;
	struct claim claim;
	const struct tunnel *via;
	mono_t began;
	mono_t heard;	   /* the program last */
	uint64_t up, down; /* bytes */
	/* one of the two */
	struct assoc *assoc;
	struct udp_sock sock;
	/* the socket is being made in another network namespace */
	bool making;
	struct sock_order order;
	struct dgram_kept kept; /* until one of the two is there */
	struct list user;	/* of the association */
	struct list closed;	/* of the entry: see there */
	uint8_t *head;		/* in front of what goes there */
	size_t head_len;
	struct udp *udp;
	unsigned int entry; /* that it came by */
	uint32_t tried;	    /* members that failed: bits */
	bool answered;	    /* something came through an association */
	bool lost;	    /* its port: conntrack has forgotten it */
	bool again;	    /* it has begun anew, and no datagram came since */
	bool refused;	    /* the far end said last that nobody is there */
	uint64_t who;	    /* its program, as udp_who() has it */
	mono_t taken;	    /* when another program sent by its socket */
};

/* Why one ended; dial: of use where it had no way to the far end. */
struct udp_end {
	enum closed closed;
	const struct shake_error *dial;
};

struct udp_opts {
	struct event_base *base;
	struct ct *ct;
	struct dialer *dialer;
	struct inodes *own;
	size_t max;
	/* what the judge knows of a flow; false: nothing, or that it is no
	 * longer to be carried */
	bool (*claim)(void *arg, const struct flow_key *key, struct claim *ret);
	/* the flow can't be carried: `seen` is how the listener sees it */
	void (*refuse)(
	    void *arg, const struct flow_key *seen, const struct flow_key *key);
	/* the far end says that nobody is there; the flow goes on */
	void (*unheard)(void *arg, const struct flow_key *seen);
	/* a datagram was, for what the proxy wants in front of it; the same */
	void (*too_large)(void *arg, const struct flow_key *seen);
	void (*ended)(
	    void *arg, const struct udp_flow *flow, const struct udp_end *end);
	void (*stray)(void *arg, const struct flow_key *seen);
	void *arg;
};

struct udp_counters {
	uint64_t received, sent; /* from programs, to programs */
	uint64_t dropped;	 /* no room, or of no flow */
	uint64_t overflows;	 /* that the kernel had no room for */
	uint64_t lookups;	 /* whose they are: asked of conntrack */
};

/* Both entries closed yet. 0 or -errno. */
int udp_new(struct udp **ret, const struct udp_opts *opts);
/* As listener_open() and listener_error(). */
void udp_open(struct udp *udp);
int udp_error(const struct udp *udp, enum addr_family family);
void udp_free(struct udp *udp); /* accepts NULL */

/* Ends the flow, if there is one. */
void udp_abort(struct udp *udp, const struct flow_key *key, enum closed closed);

/* Its socket is closed, and conntrack is made to forget it: its port is another
 * one's from then on. What waits for a way still goes, and it is there for some
 * seconds more. */
void udp_closed(struct udp *udp, const struct flow_key *key);

/* Whether what is carried between these ends is of another program: a socket
 * may be handed on. */
bool udp_is_anothers(const struct udp *udp, const struct flow_key *key,
    const struct process *process);

/* Another program has sent between these ends, by the same socket; that was
 * dropped, and conntrack is made to forget them. */
void udp_taken(struct udp *udp, const struct flow_key *key);

/* This program begins there: what was carried ends. False: something of another
 * program may be on its way, which would be taken for this one's; this datagram
 * is dropped. */
bool udp_leaves(
    struct udp *udp, const struct flow_key *key, const struct process *process);

/* Conntrack is about to begin this flow of that program, perhaps anew: its
 * first datagram comes once that has its verdict. Where somebody has made
 * conntrack forget, its port may have been another's, and what waits is of
 * nobody knows whom: it is dropped, and so is all that comes while that takes
 * (false: this datagram is, too). */
bool udp_begins(
    struct udp *udp, const struct flow_key *key, const struct process *process);

/* A datagram is about to come that no rule sent, from these ends: what has its
 * port now may have lost it, and is asked about first. */
void udp_straight(struct udp *udp, const struct flow_key *key);

const struct udp_counters *udp_counters(const struct udp *udp);

/* NULL where there is none. */
const struct udp_flow *udp_find(
    const struct udp *udp, const struct flow_key *key);

/* From the youngest on: first NULL. */
const struct udp_flow *udp_older(
    const struct udp *udp, const struct udp_flow *after);

/* As assocs_resting(). */
size_t udp_resting(
    const struct udp *udp, const char *via, mono_t now, struct assoc_rest *ret);

#endif
