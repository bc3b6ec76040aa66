#ifndef PORT17_EV_H
#define PORT17_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/session_ev.h"
#include "src/core/judge.h"

struct conf;
struct ct;
struct attr;
struct diag;
struct event_base;
struct nfq;
struct nfq_packet;
struct port17_past;
struct port17_pasts;
struct procfs;
struct sock_maker;
struct udp;

/* Port17 among the rest of the daemon: the judge sends flows here, and what is
 * known of them comes from the judge. */
struct port17_ev;

/* All borrowed. */
struct port17_ev_opts {
	struct event_base *base;
	struct judge *judge;
	struct nfq *nfq;
	struct attr *attr;
	struct diag *diag;
	struct procfs *procfs;
	struct stats *stats;
	size_t flows_max;
	size_t queue_length;		/* SYNs may wait in half of it */
	const struct sock_maker *maker; /* see struct dialer_opts */
	const char *state; /* the folder that addresses for names are kept in */
	/* the addresses of a proxy that has a name, by no tunnel; done() once,
	 * perhaps at once */
	void (*look_up)(void *arg, const struct name *name,
	    void (*done)(void *arg, const struct addrs *addrs), void *done_arg);
	/* a tunnelled flow has ended; NULL: nobody wants to know */
	void (*ended)(void *arg, const struct port17_past *past);
	void *arg;
};

/* Listens, where its addresses are not taken by another program: else what
 * would come there is denied. 0 or -errno. */
int port17_ev_new(struct port17_ev **ret, const struct port17_ev_opts *opts);
/* Each second: what could not be listened on is tried again. */
void port17_ev_second(struct port17_ev *p17);
/* Whether the packet would come to an entry that is ours. */
bool port17_ev_listens(const struct port17_ev *p17, const struct packet *pkt);
/* Why it does not listen everywhere; "": it does. */
const char *port17_ev_deaf(const struct port17_ev *p17);
/* Whether something runs for it in a thread. Accepts NULL. */
bool port17_ev_is_busy(const struct port17_ev *p17);

/* After all look-ups have ended. While it is busy, only where this process ends
 * and the loop is run no more. Accepts NULL. */
void port17_ev_free(struct port17_ev *p17);

/* The tunnels of these settings from now on; what goes through one that leads
 * elsewhere now is ended soon, and what goes through others goes on. 0 or
 * -ENOMEM (then it stays as it was). */
int port17_ev_set_conf(struct port17_ev *p17, const struct conf *conf);

/* Threads may be started from here on, since privileges have been given up:
 * what tunnels need is read. */
void port17_ev_begin(struct port17_ev *p17);

/* What becomes of a packet that the judge reroutes. sock: what is known of its
 * socket, zeroed where it was not asked about. */
enum port17_route {
	PORT17_GO,   /* the verdict as it is now: it may have been changed */
	PORT17_HELD, /* the verdict comes later, from here */
	PORT17_DROP, /* this packet alone */
};
enum port17_route port17_ev_route(struct port17_ev *p17,
    const struct packet *pkt, const struct nfq_packet *raw,
    const struct socket_facts *sock, struct verdict *verdict);

/* Tells the program at the local end of a flow that it was blocked; tcp_seq: of
 * its SYN. 0 or -errno. */
int port17_ev_tell(
    struct port17_ev *p17, const struct flow_key *key, uint32_t tcp_seq);

/* The same to who called from another host, at the local end of the key; only
 * where the judge knows its own packets by BPF. */
int port17_ev_tell_caller(
    struct port17_ev *p17, const struct flow_key *key, uint32_t tcp_seq);

/* A socket of ours: the judge needs not look for its holder. */
bool port17_ev_is_own(const struct port17_ev *p17, uint64_t inode);

/* Whether its SYN waits for the far end. */
bool port17_ev_holds(const struct port17_ev *p17, const struct flow_key *key);

/* A datagram is about to come to the entry that no rule sent there. */
void port17_ev_straight(struct port17_ev *p17, const struct flow_key *key);

/* A program has closed the socket of that flow of UDP, or another one has sent
 * by it (taken), and conntrack is made to forget it. */
void port17_ev_closed(
    struct port17_ev *p17, const struct flow_key *key, bool taken);

/* A flow that is decided otherwise now. */
void port17_ev_moved(struct port17_ev *p17, const struct flow_key *key);

/* How a name is resolved that goes through this tunnel: here, through it, by an
 * address that stands for it (*ret; ADDR_NONE where another type is asked), or
 * not at all. See enum tunnel_dns. */
enum port17_name {
	PORT17_NAME_HERE,
	PORT17_NAME_THROUGH,
	PORT17_NAME_FAKE,
	PORT17_NAME_ADDED, /* the same, and it is a new one */
	PORT17_NAME_NONE,
	PORT17_NAME_FULL,    /* all addresses are in use */
	PORT17_NAME_LIMITED, /* there is none yet, and none may be added */
};
struct port17_ask {
	const char *tunnel;
	const struct name *name;
	enum addr_family family;
	bool may_add;
	mono_t now;
};
enum port17_name port17_ev_name(
    struct port17_ev *p17, const struct port17_ask *ask, struct addr *ret);

/* An address that fakeip_is(): whether such are given out, and then the name
 * that it stands for (NULL: none). */
bool port17_ev_stands_for(struct port17_ev *p17, const struct addr *addr,
    mono_t now, const struct name **ret);

/* Why the last name that got an address can't be kept: 0 or -errno. */
int port17_ev_unkept(const struct port17_ev *p17);

/* For lists: NULL where there is none. */
const struct sessions *port17_ev_sessions(const struct port17_ev *p17);
const struct udp *port17_ev_udp(const struct port17_ev *p17);
const struct port17_pasts *port17_ev_pasts(const struct port17_ev *p17);
struct dialer *port17_ev_dialer(struct port17_ev *p17);

#endif
