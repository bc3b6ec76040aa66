#ifndef RESOLVER_EV_H
#define RESOLVER_EV_H

#include "dns/resolve.h"
#include "src/core/conf.h"
#include "src/upstreams_ev.h"

struct attr;
struct diag;
struct event_base;
struct judge;
struct names;
struct procfs;
struct stats;

/* The resolver with all that it needs of this machine: listeners, upstreams,
 * the hosts file, who asks, what is learnt. */
struct resolver_ev;

/* All borrowed. */
struct resolver_opts {
	struct event_base *base;
	struct judge *judge;
	struct attr *attr;
	struct diag *diag;
	struct procfs *procfs;
	struct names *names;
	/* a query has had its answer, or will have none */
	void (*queried)(void *arg, const struct record *record);
	/* see struct resolve_ops. NULL: nobody knows of tunnels */
	enum resolve_way (*stand_in)(void *arg, const char *tunnel,
	    const struct resolve_stand_in *query, struct addr *ret);
	bool (*stands_for)(void *arg, const struct addr *addr, mono_t now,
	    const struct name **ret);
	void *arg;
	struct upstreams_tunnel by_tunnel;
};

/* Where a listener's place is taken that is logged, tried again, and nothing
 * is captured meanwhile. 0 or -errno. */
int resolver_ev_new(struct resolver_ev **ret, const struct resolver_opts *opts,
    const struct conf *conf);
void resolver_ev_free(struct resolver_ev *re); /* accepts NULL */

/* Whether a thread is at work: before the loop ends for good. NULL: no. */
bool resolver_ev_is_busy(const struct resolver_ev *re);

/* The daemon ends: whoever of it asks has no answer, and none later. Accepts
 * NULL. */
void resolver_ev_leave(struct resolver_ev *re);

/* To be called once a second: files and addresses of others are looked at, and
 * a listener's place that was taken. */
void resolver_ev_second(struct resolver_ev *re);

/* The rules that the judge goes by are asked from here on, for those who wait
 * too. */
void resolver_ev_follow(struct resolver_ev *re);

/* Other settings from here on. */
void resolver_ev_configure(struct resolver_ev *re, const struct conf *conf);

/* For control; both borrowed. */
struct resolve *resolver_ev_resolve(struct resolver_ev *re);
/* Addresses of this host; borrowed until the loop goes on. */
const struct subject_here *resolver_ev_here(const struct resolver_ev *re);
/* What is known to be wrong with an upstream, in words; "". */
const char *resolver_ev_why(
    const struct resolver_ev *re, const struct upstream *upstream);
/* What is wrong with tls-ca; "". */
const char *resolver_ev_trust_why(const struct resolver_ev *re);
/* All servers of the system, which programs ask, are link-local ones: a socket
 * that speaks to such a server gets no answer of ours. */
bool resolver_ev_is_passed_by(const struct resolver_ev *re);
/* See upstreams_ev_is_kept(). */
bool resolver_ev_is_kept(const struct resolver_ev *re);
/* All 0 where nothing is listened on. */
struct server_stats;
void resolver_ev_server(const struct resolver_ev *re, struct server_stats *ret);
bool resolver_ev_listens(const struct resolver_ev *re);
/* Whether that is the inode of a socket that listens, or asks upstreams. NULL:
 * no. */
bool resolver_ev_is_own(const struct resolver_ev *re, uint64_t inode);

/* Why it does not listen, though it should; "" for no reason that is known. */
const char *resolver_ev_deaf(const struct resolver_ev *re);

/* The addresses of the name, those of IPv4 first, for what the daemon needs
 * itself: no rule speaks of it, no tunnel carries it. done() once, perhaps at
 * once. */
void resolver_ev_look_up(struct resolver_ev *re, const struct name *name,
    void (*done)(void *arg, const struct addrs *addrs), void *arg);

struct resolver_answer {
	const uint8_t *msg;
	size_t len; /* 0: there is none */
	/* NULL: nothing was decided, as it was refused or the daemon ends. Its
	 * process may be gone. */
	const struct record *record;
};

/* Asks for people, as that program (NULL: nobody's): done() once, perhaps at
 * once. All borrowed. */
struct resolver_question {
	const struct name *name;
	uint16_t qtype;
	const struct process *process;
};
void resolver_ev_ask(struct resolver_ev *re,
    const struct resolver_question *question,
    void (*done)(void *arg, const struct resolver_answer *answer), void *arg);

#endif
