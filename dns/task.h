#ifndef DNS_TASK_H
#define DNS_TASK_H

#include "dns/resolve_own.h"

/* A question to upstreams: how it begins and ends (task.c), or fails
 * (task_fail.c), what is sent for it (ask.c), and what comes back (heard.c). */

/* RFC 9520: what failed is not asked again at once. Seconds. */
#define TASK_ERROR_TTL 5

/* Datagrams for one question. */
#define TASK_SENT_MAX 8

/* How the next one is to be asked. */
struct manner {
	struct upstream *upstream;
	bool tcp, edns, cased;
	enum attempt_doubt settles;
	uint8_t refused; /* so often, by whoever it was */
};

/* Over TCP, what UDP could not settle or hold: where that fails it says little
 * of the server, which answers there or does not. */
static inline bool
attempt_is_beside(const struct attempt *attempt)
{
	return attempt->tcp && attempt->upstream->spec.kind == UPSTREAM_PLAIN;
}

/* Asks the next upstream, or gives up. May consume the task. */
void task_go_on(struct resolve *r, struct task *task, mono_t now);

/* Another manner with the same upstream; else the next one. May consume the
 * task. */
void task_again(
    struct resolve *r, struct task *task, const struct manner *how, mono_t now);

/* Wakes up for what comes first; false when there is no memory for that, which
 * is not where it was planned before. */
bool task_plan(struct resolve *r, struct task *task);

/* TCP has had its time to settle what a server answered of other questions: it
 * is waited for no more. False where others may answer still; else the task may
 * be consumed. */
bool task_settle(struct resolve *r, struct task *task, mono_t now);

/* Not all have had their turn in this round. */
bool task_has_others(const struct task *task);

/* One has said that it can't tell, and nobody else will tell more: they have
 * said so, too, or were down before and have had their time. */
bool task_is_told(const struct task *task);

/* What is asked for it now: its own question, or one that the answer so far
 * leads to. */
const struct key *task_asks(const struct task *task);
/* Nobody waits for what is under way; who was asked is still told of. */
void task_leave(struct task *task);
/* An answer to that: true where it leads on, and more is asked, or the task is
 * consumed otherwise. Else *answer is that to the task's own question. */
bool task_chase(
    struct resolve *r, struct task *task, struct answer *answer, mono_t now);

/* What an alias of an outcome leads to, as asker->told says, asked of another
 * group, key's, as the rest of the answer to the same question: it is begun
 * soon. NULL: over a limit, no memory, or the answer is large. */
struct task *task_follow(struct resolve *r, const struct key *key,
    const struct outcome *o, struct asker *asker, mono_t now);
/* The first n records of an outcome, and what was found for the last one's
 * target; borrows r->away. False where that is too much. */
bool chase_join(struct resolve *r, struct answer *ret, const struct outcome *o,
    unsigned int n, const struct answer *found);

/* Begins it, but not within this call; false when there is no memory. */
bool task_soon(struct resolve *r, struct task *task, mono_t now);

/* Keeps an answer; *ret is what is in the cache, or the answer itself. */
void task_keep(struct resolve *r, const struct key *key,
    const struct answer *answer, mono_t now, struct outcome *ret);

/* Everybody who waits gets this; consumes the task. */
void task_finish(
    struct resolve *r, struct task *take, const struct outcome *o, mono_t now);

/* No upstream could tell. Stale is better; else SERVFAIL, or what the last one
 * said. Consumes the task. */
void task_fail(struct resolve *r, struct task *take, int error, mono_t now);

/* Nothing is due before its deadline. */
void task_put_off(struct task *task);

/* Its time is over. Those who wait learn that no upstream answers; where one
 * may still, that is kept for who asks again. May consume the task. */
void task_end(struct resolve *r, struct task *task, mono_t now);

/* Those who wait get this; it is asked on. */
void task_tell(
    struct resolve *r, struct task *task, const struct outcome *o, mono_t now);
/* The same, that nobody answers, where the servers are silent. */
void task_tell_silence(struct resolve *r, struct task *task, mono_t now);

#endif
