#ifndef DNS_RESOLVE_OWN_H
#define DNS_RESOLVE_OWN_H

#include "dns/denials.h"
#include "dns/due.h"
#include "dns/resolve.h"
#include "dns/scrub.h"

/* Behind struct resolve: shared by resolve.c (queries), own.c (names of our
 * own), deliver.c (answers to clients), resolve_conf.c, and those of task.h
 * (questions to upstreams). */

/* How long a decision is kept beside an answer: names are learnt anew then, and
 * hold for an hour. A denial is kept as long. */
#define RESOLVE_JUDGED_NS (300 * MONO_S)

/* A query that waits. */
struct waiter {
	struct list node;
	struct list beside; /* others of the same TCP connection */
	struct client client;
	struct query query;
	struct decision decision;
	uint64_t generation; /* of the policy that decided */
	mono_t began;
	bool alias;
};

struct chase;

/* A question that upstreams are asked, for all who wait for its answer. */
struct task {
	struct map_node node;
	struct due_node due;
	struct upstream_group *group;
	struct asker *asker; /* who began it */
	struct list waiters, attempts;
	unsigned int n_flying, n_sent, round, tried;
	mono_t began, next_try, stale_at, deadline;
	mono_t settled_at; /* TCP is waited for till then, see task_settle() */
	mono_t silent_at;  /* who waits is told then that nobody answers */
	bool usual;	   /* its name is of the usual group, if not it */
	bool stale_waits;  /* an expired answer may be given at stale_at */
	bool over; /* nobody waits any more: it is listened for, see task_end()
		    */
	struct chase *chase; /* it leads to other names; NULL: not yet */
	/* what the last one said that could not tell */
	unsigned int refused; /* who said something: bits by place */
	uint8_t rcode;
	int16_t ede;
	struct key key;
	char ede_text[ANSWER_EDE_MAX + 1];
};

struct resolve {
	struct resolve_ops ops;
	struct resolve_conf conf;
	struct resolve_stats stats;
	struct cache *cache;
	struct denials *denials;
	uint64_t slept;	   /* ns that the clock has missed */
	uint64_t pardoned; /* errors of that number and before are void */
	struct hosts *hosts;
	const struct policy *policy;
	uint64_t generation; /* of the policy */
	struct askers askers;
	struct map tasks;
	struct due due;
	mono_t armed; /* what the timer is set to; UINT64_MAX: not */
	size_t n_waiters;
	uint64_t n_told;	       /* answers, to those who waited */
	struct list parked;	       /* who waits between two settings */
	struct writer_space space;     /* what was made or scrubbed */
	struct writer_space denied;    /* what is said instead */
	struct writer_space chased;    /* what was put together of several */
	struct writer_space away;      /* the same, with what is a tunnel's */
	uint8_t out[WIRE_MESSAGE_MAX]; /* for answers to those who waited */
	/* of a rule that blocks, and by which policy it was made */
	const struct policy_rule *text_of;
	uint64_t text_generation;
	char text[ANSWER_EDE_MAX + 1];
};

/* What answers are kept by: mono_t stands still while the machine sleeps, and
 * TTLs do not. */
mono_t resolve_time(const struct resolve *r, mono_t now);
uint32_t resolve_age(
    const struct resolve *r, const struct cache_entry *entry, mono_t now);
bool resolve_is_fresh(
    const struct resolve *r, const struct cache_entry *entry, mono_t now);
/* Somebody could not tell. */
bool resolve_is_error(const struct cache_entry *entry);

/* The question's task; NULL: there is none. */
struct task *task_find(struct resolve *r, const struct key *key);
/* Makes one, not sent yet, that counts as the asker's. NULL: over a limit (see
 * task_is_over()), or no memory. Nobody need wait for it. */
struct task *task_new(
    struct resolve *r, const struct key *key, struct asker *asker, mono_t now);
/* Whether this program has more under way than is its share. */
bool task_is_over(const struct resolve *r, const struct asker *asker);

/* Puts one more on its list; sends, where the task is new. take may be
 * answered at once. */
void task_wait(
    struct resolve *r, struct task *task, struct waiter *take, mono_t now);
/* Sends without anybody who waits. */
void task_start(struct resolve *r, struct task *task, mono_t now);

/* Ends all tasks; those who wait are put behind `waiters`. */
void task_drop_all(struct resolve *r, struct list *waiters);

/* What is known for a query. */
struct outcome {
	const struct key *key;
	struct cache_entry *entry; /* where it is in the cache; NULL */
	const struct answer *answer;
	enum record_from from;
	const struct upstream *upstream; /* who answered; NULL */
	bool stale;
	bool refused; /* it is, since whoever was asked can't tell */
	uint32_t age;
};

/* A query and who asks, wherever they are kept. */
struct asked {
	const struct query *q;
	const struct client *client;
	struct decision decision;
	mono_t began;
	bool judged; /* the answer too: as kept with it */
	bool alias;  /* a list says to look up another name instead */
	/* as in struct record */
	bool led, own;
	const struct name *target;
	struct addr denied;
};

/* What the cache has for the key, whose number it is, and the decision that is
 * kept with it for who asks. */
void judged_find(
    struct resolve *r, struct asked *asked, struct outcome *o, uint64_t number);
/* Whether who asks was denied the name a moment ago; and keeps that he is,
 * whatever the answer would be. */
bool judged_was_denied(struct resolve *r, struct asked *asked,
    const struct key *key, uint64_t number);
void judged_denied(struct resolve *r, const struct asked *asked,
    const struct key *key, uint64_t number);

/* Writes the answer, which was judged before. 0: there is to be none. */
size_t outcome_deliver(struct resolve *r, struct asked *asked,
    const struct outcome *found, uint8_t *out, mono_t now);

/* Whether the rules let it have an answer, whose number, from n_told, is the
 * same for all who wait. asker->told has more. */
enum filter_found outcome_judge(struct resolve *r, struct asker *asker,
    const struct outcome *o, uint64_t number, mono_t now);

/* The answer of a query that a rule forbids. 0: none. */
size_t outcome_deny(struct resolve *r, struct asked *asked,
    const struct outcome *found, uint8_t *out, mono_t now);

/* The reverse zones of addresses that stand for names, where such are given
 * out: the name, or that there is none. */
bool own_find_stand_in(
    struct resolve *r, const struct key *key, mono_t now, struct answer *ret);
/* Names that a hosts file has, and those that are nobody's to ask about:
 * FROM_HOSTS or FROM_LOCAL; FROM_NONE for all others. */
enum record_from own_answer(
    struct resolve *r, const struct key *key, struct answer *ret);
/* Those of them that mean this host, or us, whoever resolves others: nothing
 * far away is called localhost. */
enum record_from own_here(
    struct resolve *r, const struct key *key, struct answer *ret);

/* Answers those who waited, and consumes them. Whom an older policy let wait is
 * judged anew, as if it had asked now: its rules and lists have other numbers,
 * and say other things. outcome's entry may be gone afterwards. */
void waiters_answer(struct resolve *r, struct list *waiters,
    const struct outcome *outcome, mono_t now);
/* The same for one alone, with what was found for it; or with what needs no
 * judging. */
void waiter_answer(struct resolve *r, struct waiter *take,
    const struct outcome *outcome, mono_t now);
void waiter_deliver(struct resolve *r, struct waiter *take,
    const struct outcome *outcome, mono_t now);
/* As if they had asked now; consumes them. */
void waiters_ask(struct resolve *r, struct list *waiters, mono_t now);
void waiter_free(struct resolve *r, struct waiter *take);

/* How a name of what is rerouted is resolved; *ret_group: of the tunnel's
 * servers, for RESOLVE_WAY_TUNNEL. */
void away_find(const struct resolve *r, const struct resolve_stand_in *query,
    struct away *ret, uint8_t *ret_group);
/* What is answered in place of anybody's answer; false: somebody is asked. */
bool away_answer(struct resolve *r, struct answer *ret,
    struct writer_space *space, const struct key *key, const struct away *away);
/* Whether the alias that asker->told is about leads to what the usual servers
 * are not asked about. */
bool away_takes(struct resolve *r, struct asker *asker, const struct outcome *o,
    mono_t now);
/* Answers one for whom it does, or lets it wait for the tunnel. */
void away_take(struct resolve *r, struct waiter *take, const struct outcome *o,
    mono_t now);

/* That of the longest zone of the forwards that the name is in. */
uint8_t resolve_group_of(const struct resolve *r, const struct name *name);
/* The same for a query: a zone's DS records are its parent's (RFC 4035 section
 * 3.1.4.1), as far as anybody outside may know of that. */
uint8_t resolve_group_of_query(const struct resolve *r, const struct query *q);

/* Whether a group is one of a tunnel's; and which is the one of the tunnel that
 * was decided, false where it has none. */
bool resolve_is_tunnelled(const struct resolve *r, size_t group);
bool resolve_tunnel_group(
    const struct resolve *r, const struct decision *d, uint8_t *ret);

/* What has become of an upstream, for the shell to say. */
void resolve_tell(struct resolve *r, struct upstream *u);

/* Whether no upstream of the group answers. */
bool resolve_is_down(struct resolve *r, uint8_t group);

/* What is in the cache for a task may be given although it has expired. */
bool resolve_find_stale(
    struct resolve *r, const struct key *key, mono_t now, struct outcome *ret);

#endif
