#include "dns/task.h"

#include <errno.h>
#include <string.h>

#include "dns/local.h"

/* The least that RFC 9520 allows: a cable that is back, a network that came up.
 */
#define NETWORK_TTL 1

/* How long what comes too late for those who asked is listened for: it is there
 * for who asks again. */
#define LISTEN_NS (TASK_ERROR_TTL * MONO_S)

/* What has expired is good for a while, and what has not is: they are not asked
 * for again with each query meanwhile. */
static void
rest(struct cache_entry *entry, const struct task *task, int error, mono_t now)
{
	uint64_t s = task->refused || error == -EBADMSG ? TASK_ERROR_TTL
		     : error == -EDESTADDRREQ		? 0
							: NETWORK_TTL;

	entry->rests_until = mono_add(now, s * MONO_S);
	entry->refused = task->refused;
}

/* That nobody answers. */
static void
make_silence(struct answer *ret, struct resolve *r, const struct task *task)
{
	local_error(ret, &r->space, &task->key, RCODE_SERVFAIL);
	ret->ede = EDE_NO_REACHABLE;
	ret->ede_text = "no upstream answers";
	ret->ttl =
	    upstream_is_silent(task->group) ? NETWORK_TTL : TASK_ERROR_TTL;
	ret->chased = task->chase != NULL;
}

/* Through a tunnel (Tor) the way itself may take its time. */
static void
note_vain(struct resolve *r, const struct task *task)
{
	const struct name *name = &task->key.name;

	if (!resolve_is_tunnelled(r, task->key.group))
		upstream_in_vain(task->group,
		    map_hash(&r->tasks, name->wire, name->len), task->began);
}

/* What those who wait are told, and what is kept. */
struct failure {
	struct outcome o;
	struct answer answer;
	char said[ANSWER_EDE_MAX + 1]; /* the task may be gone by then */
};

/* What is said where nothing is known. */
static void
make_error(
    struct resolve *r, const struct task *task, int error, struct failure *ret)
{
	struct answer *answer = &ret->answer;

	local_error(answer, &r->space, &task->key,
	    task->refused ? task->rcode : RCODE_SERVFAIL);
	answer->ttl = TASK_ERROR_TTL;
	answer->chased = task->chase != NULL;
	if (task->refused && task->ede != EDE_NONE) {
		memcpy(ret->said, task->ede_text, strlen(task->ede_text) + 1);
		answer->ede = task->ede;
		answer->ede_text = ret->said;
	} else if (task->refused) {
		answer->ede = EDE_OTHER;
		answer->ede_text = "the upstream says so";
	} else if (error == -ETIMEDOUT) {
		make_silence(answer, r, task);
	} else if (error == -EBADMSG) {
		answer->ede = EDE_INVALID_DATA;
		answer->ede_text = "the upstream's answer is malformed";
	} else if (error == -EDESTADDRREQ) {
		answer->ede = EDE_NOT_READY;
		answer->ede_text = "no upstream is known";
		answer->ttl = 0; /* one may be there in a moment */
	} else {
		answer->ede = EDE_NETWORK;
		answer->ttl = NETWORK_TTL;
		answer->ede_text =
		    error == -ENODATA ? "the upstream hangs up on this question"
		    : resolve_is_tunnelled(r, task->key.group)
			? "the tunnel leads to no name server"
			: "no upstream can be reached";
	}
}

static void
fail(struct resolve *r, struct task *task, int error, mono_t now,
    struct failure *ret)
{
	ret->o = (struct outcome){ .key = &task->key,
		.from = task->refused ? FROM_UPSTREAM : FROM_NONE };
	if (error == -ETIMEDOUT)
		note_vain(r, task);
	if (resolve_find_stale(r, &task->key, now, &ret->o)) {
		ret->o.refused = task->refused;
		rest(ret->o.entry, task, error, now);
		return;
	}
	make_error(r, task, error, ret);
	task_keep(r, &task->key, &ret->answer, now, &ret->o);
}

void
task_fail(struct resolve *r, struct task *take, int error, mono_t now)
{
	struct failure failure;

	fail(r, take, error, now, &failure);
	task_finish(r, take, &failure.o, now);
}

void
task_tell(
    struct resolve *r, struct task *task, const struct outcome *o, mono_t now)
{
	struct list waiters;

	list_init(&waiters);
	list_move(&waiters, &task->waiters);
	waiters_answer(r, &waiters, o, now);
}

void
task_tell_silence(struct resolve *r, struct task *task, mono_t now)
{
	struct outcome o = { .from = FROM_NONE, .key = &task->key };
	struct answer answer;

	task->silent_at = task->deadline;
	if (!upstream_is_silent(task->group) || list_empty(&task->waiters))
		return;
	make_silence(&answer, r, task);
	task_keep(r, &task->key, &answer, now, &o);
	task_tell(r, task, &o, now);
}

/* An upstream that lives may take longer with a name than anybody waits for it,
 * and would each time. Not while there are many others. */
static bool
is_listened_for(struct resolve *r, const struct task *task)
{
	return !task->over && task->refused == 0 && task->n_flying > 0 &&
	       !upstream_is_silent(task->group) &&
	       r->tasks.count < RESOLVE_TASKS_MAX / 2 &&
	       !task_is_over(r, task->asker);
}

void
task_end(struct resolve *r, struct task *task, mono_t now)
{
	struct failure failure;

	if (task->over) {
		task_finish(r, task, &(struct outcome){ 0 }, now);
		return;
	}
	if (!is_listened_for(r, task)) {
		task_fail(r, task, task->refused ? -EPROTO : -ETIMEDOUT, now);
		return;
	}
	fail(r, task, -ETIMEDOUT, now, &failure);
	task->over = true;
	task->stale_waits = false;
	task->deadline = mono_add(now, LISTEN_NS);
	task_put_off(task);
	(void)task_plan(r, task); /* it is in the heap */
	task_tell(r, task, &failure.o, now);
}
