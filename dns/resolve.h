#ifndef DNS_RESOLVE_H
#define DNS_RESOLVE_H

#include "dns/asker.h"
#include "dns/cache.h"
#include "dns/filter.h"
#include "dns/hosts.h"
#include "dns/record.h"
#include "dns/upstream.h"

/* The resolver itself: from a query to its answer. Pure: what it needs from
 * the world is in resolve_ops, and `now` comes with each call. Each query gets
 * one answer or, where a rule says drop, none. */
struct resolve;

/* Who asks: where the answer goes, and who it is for. */
struct client {
	struct addr addr, local;
	uint16_t port;
	uint32_t ifindex;
	uint16_t listener;
	bool tcp, captured;    /* by mark 1799 */
	bool elsewhere;	       /* on another host, which `allow` lets ask */
	enum attributed_by by; /* who said whose it is */
	uint64_t conn;	       /* of TCP: the shell's number for it */
	/* of TCP: the shell's list of what waits for it; NULL for none */
	struct list *waits;
	struct asker *asker;
};

/* A datagram has come that may be the upstream's or a forger's: what is asked a
 * second time to know. */
enum attempt_doubt {
	DOUBT_NONE,
	DOUBT_CASE,	/* the letters are not those that were sent */
	DOUBT_EDNS,	/* a bare header says FORMERR or NOTIMP */
	DOUBT_QUESTION, /* it has the number, and is of another question */
};

/* A question under way to an upstream. Made here, given to ops->send(), and
 * given back once with resolve_answer() or resolve_failed(). */
struct attempt {
	struct list node;
	struct task *task; /* NULL: nobody waits for it any more */
	struct upstream *upstream;
	mono_t sent, late_at;
	bool tcp;   /* over TCP although the upstream is a plain one */
	bool edns;  /* an OPT was sent */
	bool cased; /* letters are at random, and must come back so */
	bool late;
	enum attempt_doubt doubt;   /* what came for it; the wait goes on */
	enum attempt_doubt settles; /* why it was sent beside another one */
	bool asked_again;
	uint8_t refused; /* so many before it: it is in place of those */
	/* the shell's */
	uint16_t id;
	struct list pending;
	void *owner;
	struct key key;
	uint8_t asked[NAME_WIRE_MAX]; /* the name letter by letter */
};

/* A query of what goes through a tunnel. */
struct resolve_stand_in {
	const struct policy *policy;
	const struct decision *decision;
	const struct key *key;
	struct asker *asker; /* asker_may_name() a new one */
	mono_t now;
};

struct resolve_ops {
	/* Sends msg (its id is 0: the shell's to choose). Never calls back
	 * before it returns. 0, or -errno: the attempt stays the caller's. */
	int (*send)(
	    void *arg, struct attempt *attempt, uint8_t *msg, size_t len);
	/* The answer to a query that had to wait. */
	void (*reply)(void *arg, const struct client *client,
	    const uint8_t *msg, size_t len);
	/* Nothing will come for it: a TCP client must not wait for it. */
	void (*dropped)(void *arg, const struct client *client);
	/* What became of a query: for log, history and names learnt, before
	 * the client has its answer. */
	void (*done)(void *arg, const struct client *client,
	    const struct record *record, const struct answer *answer);
	/* Who is asked, or whether an address that stands for the name is the
	 * answer, so that nobody is. *ret: that; ADDR_NONE where there is none
	 * of that type. NULL: all are asked as usual */
	enum resolve_way (*stand_in)(
	    void *arg, const struct resolve_stand_in *query, struct addr *ret);
	/* An address that fakeip_is(): true where such are given out; *ret is
	 * the name it stands for, NULL for none. NULL: none are */
	bool (*stands_for)(void *arg, const struct addr *addr, mono_t now,
	    const struct name **ret);
	/* whether an address is this host's; NULL: none is */
	bool (*is_here)(void *arg, const struct addr *addr);
	const struct subject_here *here; /* all of them; NULL: not known */
	/* it answers no more, or again; NULL: nobody wants to know */
	void (*health)(void *arg, const struct upstream *u);
	uint32_t (*random)(void *arg);
	/* resolve_due() is to be called then: earlier than it was told last */
	void (*timer)(void *arg, mono_t when);
	void *arg;
};

/* What X(field, what it counts) has; `cache stats` and `status` print it. */
#define RESOLVE_STATS(X)                                                       \
	X(queries, "queries")                                                  \
	X(hits, "answered from the cache")                                     \
	X(local, "answered by names of our own")                               \
	X(hosts, "answered by the hosts file")                                 \
	X(misses, "asked upstream")                                            \
	X(joined, "joined to an equal query in flight")                        \
	X(stale, "answered with what had expired")                             \
	X(prefetched, "asked again before they expired")                       \
	X(blocked, "blocked by a rule")                                        \
	X(dropped, "left without an answer by a rule")                         \
	X(refused, "refused: class, zone transfer, not a local client")        \
	X(malformed, "malformed")                                              \
	X(limited, "refused: too many of a process or user wait")              \
	X(full, "refused: too many of all wait")                               \
	X(servfail, "answered with SERVFAIL")                                  \
	X(upstream_queries, "questions sent to upstreams")                     \
	X(upstream_timeouts, "questions that were not answered in time")       \
	X(upstream_errors, "answers that were errors, or no answers")          \
	X(upstream_tcp, "questions repeated over TCP")                         \
	X(spoofed, "answers that did not fit their question")                  \
	X(miscased, "answers with other letters than were asked (0x20)")       \
	X(case_off, "times that 0x20 was given up for an upstream")            \
	X(edns_off, "times that EDNS was given up for an upstream")            \
	X(stripped, "answers with private addresses taken out")                \
	X(shortened, "answers of more addresses than are kept")                \
	X(unsent, "answers that could not be sent")

struct resolve_stats {
#define X(field, what) uint64_t field;
	RESOLVE_STATS(X)
#undef X
};

/* Names below this one are asked of these. */
struct resolve_forward {
	struct name zone;
	struct upstream_group group;
};

#define RESOLVE_FORWARDS_MAX 200

/* Servers that are asked by way of a tunnel for what is rerouted there. */
struct resolve_tunnel {
	char name[64];
	struct upstream_group group; /* all UPSTREAM_TUNNEL */
};

/* With the forwards and the usual group they have to fit key.group. */
#define RESOLVE_TUNNELS_MAX 54

struct resolve_conf {
	struct upstream_group upstreams;
	struct resolve_forward *forwards; /* taken: the resolver frees it */
	size_t n_forwards;
	struct resolve_tunnel *tunnels; /* taken */
	size_t n_tunnels;
	struct filter_answer block;
	size_t cache_bytes;
	uint32_t ttl_min, ttl_max, stale_max; /* s */
	struct name *allow_private;	      /* taken */
	size_t n_allow_private;
	bool capture;	  /* use-application-dns.net answers NXDOMAIN */
	struct name host; /* of this machine; len 0: none */
	/* another number: tunnels lead elsewhere than before */
	uint64_t ways;
};

/* Questions in flight, and queries that wait for them. */
#define RESOLVE_TASKS_MAX 8192
#define RESOLVE_WAITERS_MAX 16384
/* What one process may have of both is an eighth of what is left: some 900
 * questions where it is alone, and less the more there are of others. All of a
 * user's may have as much as is left: half, where it is alone. */
#define RESOLVE_SHARE 8

/* NULL when there is no memory. */
struct resolve *resolve_new(const struct resolve_ops *ops);
void resolve_free(struct resolve *r); /* accepts NULL */

/* Nobody who waits will get an answer: listeners go. */
void resolve_drop(struct resolve *r);

/* Asks upstreams nothing more, until the settings are others: to be called
 * before the shell gives back what is under way. */
void resolve_park(struct resolve *r);

/* Whether by these settings the same servers are asked for the same names in
 * the same way: what is under way may go on. */
bool resolve_asks_same(
    const struct resolve *r, const struct resolve_conf *conf);

/* Other settings from here on; who waits is served by them. Unless they ask the
 * same, attempts that are under way were given back by the shell before. conf's
 * arrays are taken.
 *   Of the cache is forgotten what these settings might have made otherwise:
 * what servers said whose list is another one now, or that are not asked for
 * the name any more; all, where other TTLs or private addresses are allowed. */
void resolve_configure(
    struct resolve *r, const struct resolve_conf *conf, mono_t now);

/* The rules in force (a reference is taken) and the hosts file (taken; NULL for
 * none). */
void resolve_set_policy(struct resolve *r, const struct policy *policy);
void resolve_set_hosts(struct resolve *r, struct hosts *hosts_take);

enum resolve_result {
	RESOLVE_ANSWERED, /* asking->len bytes are in asking->out */
	RESOLVE_WAITING,  /* ops->reply() comes later */
	RESOLVE_SILENT,	  /* no answer */
};

/* A query as query_parse() found it, who asks, and where the answer goes. */
struct asking {
	enum query_kind kind;
	bool foreign; /* not a client of ours: to be refused */
	struct query query;
	struct client client;
	uint8_t *out;	   /* room for resolve_limit() bytes */
	size_t len;	   /* of the answer */
	uint64_t expected; /* resolve_expect()'s; 0: not expected */
};

/* Query and client are copied where they have to wait. */
enum resolve_result resolve_query(
    struct resolve *r, struct asking *asking, mono_t now);

/* Ahead of the queries of a batch, whose parse is done: see cache_expect(). */
void resolve_expect(struct resolve *r, struct asking *batch[], size_t n);

uint32_t resolve_limit(const struct query *q, bool tcp);

/* Whether msg may be what the attempt waits for. Where it is not, but may be
 * meant to be, attempt->doubt says so, and resolve_doubted() is to be called.
 * Counts what does not fit. */
bool resolve_fits(
    struct resolve *r, struct attempt *attempt, const uint8_t *msg, size_t len);

/* Counts what came from an upstream and is no answer to anything. */
void resolve_strange(struct resolve *r, struct upstream *upstream);

void resolve_answer(struct resolve *r, struct attempt *attempt_take,
    const uint8_t *msg, size_t len, mono_t now);
/* error: -errno; -ECANCELED where the shell gives up by itself. */
void resolve_failed(
    struct resolve *r, struct attempt *attempt_take, int error, mono_t now);
/* Asks a second time where attempt->doubt is set: over TCP, or without EDNS.
 * The attempt stays under way. Never calls back for it. */
void resolve_doubted(struct resolve *r, struct attempt *attempt, mono_t now);

/* Does what is due, and says when the next is, by ops->timer(). */
void resolve_due(struct resolve *r, mono_t now);

/* A TCP connection has ended: nothing is to be sent there. waits: its
 * client.waits, which is empty afterwards. */
void resolve_gone(struct resolve *r, struct list *waits);

/* The network has changed: upstreams get another chance, and what they could
 * not tell before is asked again. */
void resolve_forgive(struct resolve *r);

/* The machine has slept so long, and its clock has not gone on. */
void resolve_slept(struct resolve *r, uint64_t ns);

/* To be called now and then: frees more of what was flushed, or is too much for
 * a cache that is smaller now. */
void resolve_tidy(struct resolve *r);

/* As cache_flush() and cache_sweep(). */
size_t resolve_flush(
    struct resolve *r, const struct name *name, bool *ret_more);
size_t resolve_sweep(struct resolve *r, bool *ret_more);
const struct cache *resolve_cache(const struct resolve *r);
const struct resolve_stats *resolve_stats(const struct resolve *r);
/* So many answers could not leave: those that send them tell. */
void resolve_count_unsent(struct resolve *r, unsigned int n);
struct askers *resolve_askers(struct resolve *r);

/* Of ops->random(). */
uint32_t resolve_random(struct resolve *r);

/* Groups: 0 the usual one, then the forwards, then those of tunnels; NULL past
 * the last. *ret_zone is the root but for forwards. */
struct upstream_group *resolve_group(
    struct resolve *r, size_t n, const struct name **ret_zone);

/* Who answers a query that is let through, and for whom nobody is asked:
 * FROM_HOSTS or FROM_LOCAL; FROM_NONE for all others. */
enum record_from resolve_own(
    struct resolve *r, const struct name *name, uint16_t qtype, mono_t now);

/* Whether the servers of a group are those that are asked for this name, too:
 * those of a forward are believed for the names below it, and only there. */
bool resolve_answers_for(
    const struct resolve *r, uint8_t group, const struct name *name);

#endif
