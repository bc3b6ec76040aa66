#ifndef PORT17_OWN_H
#define PORT17_OWN_H

#include "src/port17_ev.h"

#include "port17/claim.h"
#include "port17/dialer_ev.h"
#include "src/base/list.h"

struct event;
struct fake_file;
struct fakeip;
struct icmp_sender;
struct inodes;
struct legs;
struct listener;

/* Behind struct port17_ev: shared by port17_ev.c (what happens to flows),
 * port17_claim.c (what the judge knows of them), port17_fake.c (addresses that
 * stand for names), port17_listen.c (the entries), port17_loop.c (proxies that
 * would ask themselves), port17_route.c (verdicts), port17_told.c (errors that
 * programs are told), port17_names_ev.c (proxies that have a name),
 * port17_trust_ev.c (whom they are believed by) and port17_changed_ev.c
 * (tunnels that are others). */

/* TCP and UDP, IPv4 and IPv6. */
#define PORT17_ENTRIES 4
#define PORT17_DEAF_SIZE 600
/* On this host, and asked for something of late. */
#define PORT17_PROXIES 16

struct port17_ev {
	struct port17_ev_opts opts;
	struct ct *ct;
	struct icmp_sender *icmp;	  /* NULL: programs are not told why */
	struct icmp_sender *icmp_callers; /* once it was needed */
	struct inodes *own;
	struct legs *legs;
	struct dialer *dialer;
	struct sessions *sessions;
	struct listener *listener;
	struct udp *udp;
	struct port17_pasts *pasts;
	struct fakeip *fakeip;
	struct fake_file *fake_file; /* NULL: they can't be kept */
	mono_t swept;		     /* when addresses in use were looked for */
	bool fakes;		     /* tunnels may give such addresses out */
	bool begun;		     /* see port17_ev_begin() */
	struct event *resolve;	     /* now and then */
	struct list trust_jobs;	     /* see port17_trust_ev.c */
	struct event *changed;	     /* flows are looked through: */
	struct flow_key changed_next;  /* from this one on, */
	bool changed_udp;	       /* TCP's are behind us */
	size_t n_rebound;	       /* of those that were looked at */
	struct event *netdev_readable; /* NULL: devices aren't watched */
	int netdev;
	pid_t proxies[PORT17_PROXIES]; /* 0: none; by turns: */
	unsigned int next_proxy;
	int absent[PORT17_ENTRIES]; /* as told: 0, or -errno */
	char deaf[PORT17_DEAF_SIZE];
};

/* What the judge knows of a flow, with the name that its address stands for.
 * False: nothing, or that it is not to be carried. By its key also what it has
 * forgotten. */
bool port17_claim_flow(struct port17_ev *p17, struct claim *ret,
    const struct flow *flow, const struct flow_key *key);
bool port17_claim_key(
    struct port17_ev *p17, struct claim *ret, const struct flow_key *key);

/* As dialer_opts.is_loop; arg is a port17_ev. */
bool port17_is_loop(void *arg, const struct dial_reached *reached,
    const struct dial_for *dial, pid_t *ret_proxy);

/* At the start: as port17_ev_second(), and flows of before do not go to who has
 * the entry. */
void port17_listen(struct port17_ev *p17);

/* The program that has sent the datagram, as it came to the entry, is told that
 * nobody listens, or that it can't send as much at once; arg is a port17_ev. */
void port17_told_unheard(void *arg, const struct flow_key *seen);
void port17_told_too_large(void *arg, const struct flow_key *seen);

/* The tunnels are others: whom their https proxies are believed by is read. */
void port17_trust_read(struct port17_ev *p17);
/* What is read still is not waited for: this process ends. */
void port17_trust_leave(struct port17_ev *p17);

/* Looks up what the tunnels' proxies are called, now and then from here on. */
int port17_names_start(struct port17_ev *p17);
/* There are others, perhaps. */
void port17_names_changed(struct port17_ev *p17);

/* Whose tunnel is another one since the settings changed is ended, soon. */
int port17_changed_start(struct port17_ev *p17); /* 0 or -ENOMEM */
void port17_changed_stop(struct port17_ev *p17);
void port17_changed(struct port17_ev *p17);

#endif
