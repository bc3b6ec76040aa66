#ifndef RESOLVER_OWN_H
#define RESOLVER_OWN_H

#include "dns/server_ev.h"
#include "src/resolver_ev.h"

struct ct;
struct event;
struct hosts_ev;
struct origins;
struct upstreams_ev;

/* Behind struct resolver_ev: shared by resolver_ev.c (settings, who asks),
 * resolver_ops_ev.c (what the resolver needs of the world), resolver_listen.c
 * (listeners, and what is brought to them), resolver_addrs.c (addresses of this
 * host) and resolver_asks.c (queries of the daemon's own). */

#define RESOLVER_ADDRS_MAX 256

/* What the daemon's own queries have in place of a listener. */
#define RESOLVER_ASKS UINT16_MAX

#define RESOLVER_DEAF_SIZE 512

struct resolver_ev {
	struct resolver_opts opts;
	const struct conf *conf; /* a reference */
	struct resolve *resolve;
	struct upstreams_ev *upstreams;
	struct server_ev *server; /* NULL: it listens nowhere */
	struct origins *origins;
	struct ct *ct;
	struct event *timer;
	struct server_listen listens[SERVER_LISTENS_MAX];
	size_t n_listens;
	/* of the server's: those that can be had, by their numbers there; zero
	 * where there is none any more */
	struct server_listen served[SERVER_LISTENS_MAX];
	size_t n_served;
	/* of each: 0 where it is served, else -errno, or 1 where IPv6 is off
	 * and nobody misses it; as it was told */
	int absent[SERVER_LISTENS_MAX];
	char deaf[RESOLVER_DEAF_SIZE]; /* why it does not listen everywhere */
	struct hosts_ev *hosts;
	uint64_t ways;		   /* see struct resolve_conf */
	uint64_t server_inodes;	   /* of sockets of upstreams that run here */
	unsigned int server_tries; /* left, while not all owners are known */
	struct addr addrs[RESOLVER_ADDRS_MAX]; /* of this host */
	uint32_t links[RESOLVER_ADDRS_MAX]; /* of each that is of one alone */
	size_t n_addrs;
	struct subject_here here; /* all of these; none where they are many */
	uint64_t addrs_sum;	  /* of those that are not a link's alone */
	struct name host;	  /* that the settings were made with */
	uint64_t asleep_ns;	  /* the machine, since it was started */
	struct prefix *allow;
	size_t n_allow;
	const struct policy *policy; /* borrowed, to see that it changes */
	uint8_t random[1024];
	size_t n_random;
	struct list asks;
	size_t n_asks;
	uint64_t last_ask;
	const struct process *unknown;
	struct asker *nobody; /* who can't be named for lack of memory */
	struct asker *own;    /* ourselves */
	bool closing;
};

/* The ops, and their timer. 0 or -ENOMEM. */
int resolver_ops_prepare(struct resolver_ev *re);

/* True where this host has others than before. */
bool resolver_read_addrs(struct resolver_ev *re);
/* Whether an address is one of this host's; of a link-local one: on any link,
 * or on that one. */
bool resolver_is_here(const struct resolver_ev *re, const struct addr *addr);
bool resolver_is_here_on(
    const struct resolver_ev *re, const struct addr *addr, uint32_t link);

/* As server_opts.identify. */
bool resolver_identify(void *arg, struct client *client, mono_t now);

/* Listens, where it does not yet. True where it does in other places than
 * before. */
bool resolver_listen(struct resolver_ev *re);
/* The places of these settings from now on. Where some of the others go, who
 * waits for an answer gets none. */
void resolver_take_listens(struct resolver_ev *re, const struct conf *conf);
/* Whether stray queries are to be brought here: where DNAT leads to. */
void resolver_capture(struct resolver_ev *re);
/* The same, where upstreams of this host have been started, or anew. */
void resolver_follow_servers(struct resolver_ev *re);

/* What became of one of the daemon's own, whose answer comes now. */
void resolver_asks_decided(
    struct resolver_ev *re, uint64_t id, const struct record *record);
/* One of the daemon's own has its answer; len 0: there is none. */
void resolver_asks_answer(
    struct resolver_ev *re, uint64_t id, const uint8_t *msg, size_t len);
/* All of them have no answer, and so has what is asked from here on. */
void resolver_asks_close(struct resolver_ev *re);

#endif
