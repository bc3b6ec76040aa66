#include "dns/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/local.h"

/* A client's own patience is 5 s with glibc and musl: it learns before. */
#define DEADLINE_NS (4 * MONO_S)
/* RFC 8767 section 5: what has expired is better than a client that waits. */
#define STALE_AFTER_NS (1800 * MONO_MS)
/* Where the servers are silent: time for two or three datagrams. The question
 * goes on till its deadline, as live ones are all that finds servers that are
 * back; its answer is there for who asks again. */
#define SILENT_AFTER_NS (1 * MONO_S)
/* RFC 9520: what failed is not asked again at once. */
#define ERROR_TTL 5
/* The least that it allows: a cable that is back, a network that came up. */
#define NETWORK_TTL 1

void
task_leave(struct task *task)
{
	while (!list_empty(&task->attempts)) {
		struct attempt *attempt =
		    container_of(task->attempts.next, struct attempt, node);

		list_remove(&attempt->node);
		attempt->task = NULL; /* its answer still tells of health */
	}
	task->n_flying = 0;
}

static void
task_free(struct resolve *r, struct task *task)
{
	due_cancel(&r->due, &task->due);
	map_remove(&r->tasks, &task->node);
	task_leave(task);
	task->asker->tasks--;
	task->asker->user->tasks--;
	free(task->chase);
	free(task);
}

void
task_finish(
    struct resolve *r, struct task *take, const struct outcome *o, mono_t now)
{
	struct list waiters;
	struct key key;
	struct outcome outcome = *o;

	key_copy(&key, &take->key);
	/* out of every table before anybody is told */
	list_init(&waiters);
	list_move(&waiters, &take->waiters);
	task_free(r, take);
	outcome.key = &key;
	waiters_answer(r, &waiters, &outcome, now);
}

/* Whether what was known of its type is void by this: there is no such name, or
 * it is not to be kept. What is fresh stays before a bare "no" that may not. */
static bool
voids_known(struct resolve *r, const struct key *key,
    const struct answer *answer, mono_t now)
{
	bool is_there =
	    answer->rcode == RCODE_NOERROR || answer->rcode == RCODE_NXDOMAIN;
	const struct cache_entry *entry;

	if (answer->cut && answer->ttl > 0)
		return true;
	if (!is_there || answer->ttl > 0)
		return false;
	if (!answer->cut && !answer->nodata)
		return true;
	entry = cache_find(r->cache, key);
	return entry != NULL && !resolve_is_fresh(r, entry, now);
}

/* What an answer makes void: what was known of its type; that there is no such
 * name, where there is. */
static void
supersede(struct resolve *r, const struct key *key, const struct answer *answer,
    mono_t now)
{
	bool is_there =
	    answer->rcode == RCODE_NOERROR || answer->rcode == RCODE_NXDOMAIN;
	struct key any;

	if (voids_known(r, key, answer, now))
		cache_drop(r->cache, key);
	if (answer->cut || !is_there || (answer->ttl == 0 && answer->nodata) ||
	    !cache_has_untyped(r->cache, key->name.len))
		return;
	key_copy(&any, key);
	any.type = TYPE_NONE;
	cache_drop(r->cache, &any);
}

/* After an answer that is not kept: what is known and fresh, if it was asked
 * ahead, is not asked for again with each query. */
static void
rest_unkept(struct resolve *r, const struct key *key, mono_t now)
{
	struct outcome known = { 0 };

	if (resolve_find_stale(r, key, now, &known) &&
	    resolve_is_fresh(r, known.entry, now))
		known.entry->rests_until = mono_add(now, ERROR_TTL * MONO_S);
}

void
task_keep(struct resolve *r, const struct key *key, const struct answer *answer,
    mono_t now, struct outcome *ret)
{
	struct key as;

	ret->answer = answer;
	ret->entry = NULL;
	supersede(r, key, answer, now);
	if (answer->ttl == 0) {
		rest_unkept(r, key, now);
		return;
	}
	key_copy(&as, key);
	if (answer->cut)
		as.type = TYPE_NONE;
	if (!cache_put(r->cache, &as, answer, resolve_time(r, now)))
		return;
	ret->entry = cache_find(r->cache, &as);
	if (ret->entry != NULL)
		ret->answer = &ret->entry->answer;
}

/* What has expired is good for a while, and what has not is: they are not asked
 * for again with each query meanwhile. */
static void
rest(struct cache_entry *entry, const struct task *task, int error, mono_t now)
{
	uint64_t s = task->refused || error == -EBADMSG ? ERROR_TTL
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
	ret->ttl = upstream_is_silent(task->group) ? NETWORK_TTL : ERROR_TTL;
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

void
task_fail(struct resolve *r, struct task *take, int error, mono_t now)
{
	struct outcome o = { .from =
				 take->refused ? FROM_UPSTREAM : FROM_NONE };
	char said[sizeof(take->ede_text)];
	struct answer answer;

	if (error == -ETIMEDOUT)
		note_vain(r, take);
	if (resolve_find_stale(r, &take->key, now, &o)) {
		o.refused = take->refused;
		rest(o.entry, take, error, now);
		task_finish(r, take, &o, now);
		return;
	}
	local_error(&answer, &r->space, &take->key,
	    take->refused ? take->rcode : RCODE_SERVFAIL);
	answer.ttl = ERROR_TTL;
	answer.chased = take->chase != NULL;
	if (take->refused && take->ede != EDE_NONE) {
		/* the task is gone before those who wait are told */
		memcpy(said, take->ede_text, strlen(take->ede_text) + 1);
		answer.ede = take->ede;
		answer.ede_text = said;
	} else if (take->refused) {
		answer.ede = EDE_OTHER;
		answer.ede_text = "the upstream says so";
	} else if (error == -ETIMEDOUT) {
		make_silence(&answer, r, take);
	} else if (error == -EBADMSG) {
		answer.ede = EDE_INVALID_DATA;
		answer.ede_text = "the upstream's answer is malformed";
	} else if (error == -EDESTADDRREQ) {
		answer.ede = EDE_NOT_READY;
		answer.ede_text = "no upstream is known";
		answer.ttl = 0; /* one may be there in a moment */
	} else {
		answer.ede = EDE_NETWORK;
		answer.ttl = NETWORK_TTL;
		answer.ede_text = error == -ENODATA
				      ? "the upstream hangs up on this question"
				  : resolve_is_tunnelled(r, take->key.group)
				      ? "the tunnel leads to no name server"
				      : "no upstream can be reached";
	}
	task_keep(r, &take->key, &answer, now, &o);
	task_finish(r, take, &o, now);
}

static void
arm(struct resolve *r)
{
	const struct due_node *first = due_first(&r->due);

	if (first == NULL || !mono_before(first->when, r->armed))
		return;
	r->armed = first->when;
	r->ops.timer(r->ops.arg, first->when);
}

bool
task_plan(struct resolve *r, struct task *task)
{
	mono_t when = task->deadline;

	if (mono_before(task->next_try, when))
		when = task->next_try;
	if (mono_before(task->settled_at, when))
		when = task->settled_at;
	if (mono_before(task->silent_at, when))
		when = task->silent_at;
	if (task->stale_waits && mono_before(task->stale_at, when))
		when = task->stale_at;
	if (!due_set(&r->due, &task->due, when))
		return false;
	arm(r);
	return true;
}

struct task *
task_find(struct resolve *r, const struct key *key)
{
	uint64_t hash = key_hash(&r->tasks, key);
	struct map_node *node = map_first(&r->tasks, hash);
	struct task *task;

	for (; node != NULL; node = map_next(node, hash)) {
		task = container_of(node, struct task, node);
		if (task->key.type == key->type &&
		    task->key.class == key->class &&
		    task->key.flags == key->flags &&
		    task->key.group == key->group &&
		    name_equal(&task->key.name, &key->name))
			return task;
	}
	return NULL;
}

bool
task_is_over(const struct resolve *r, const struct asker *asker)
{
	size_t left = RESOLVE_TASKS_MAX - r->tasks.count;

	return asker->tasks > left / RESOLVE_SHARE || asker->user->tasks > left;
}

struct task *
task_new(
    struct resolve *r, const struct key *key, struct asker *asker, mono_t now)
{
	struct task *task;
	const struct name *zone;

	if (r->tasks.count >= RESOLVE_TASKS_MAX || task_is_over(r, asker))
		return NULL;
	task = malloc(sizeof(*task));
	if (task == NULL)
		return NULL;
	memset(task, 0, offsetof(struct task, key)); /* the rest is large */
	key_copy(&task->key, key);
	task->ede_text[0] = '\0';
	task->group = resolve_group(r, key->group, &zone);
	task->asker = asker;
	asker->tasks++;
	asker->user->tasks++;
	task->ede = EDE_NONE;
	task->began = now;
	task->deadline = mono_add(now, DEADLINE_NS);
	task->stale_at = mono_add(now, STALE_AFTER_NS);
	task->next_try = task->deadline;
	task->settled_at = task->deadline;
	task->silent_at = task->deadline;
	list_init(&task->waiters);
	list_init(&task->attempts);
	map_put(&r->tasks, &task->node, key_hash(&r->tasks, key));
	return task;
}

void
task_start(struct resolve *r, struct task *task, mono_t now)
{
	r->stats.misses++;
	task_go_on(r, task, now);
}

bool
task_soon(struct resolve *r, struct task *task, mono_t now)
{
	r->stats.misses++;
	task->next_try = now;
	return task_plan(r, task);
}

void
task_wait(struct resolve *r, struct task *task, struct waiter *take, mono_t now)
{
	bool begun = task->n_sent > 0;
	mono_t silent_at = mono_add(now, SILENT_AFTER_NS);

	if (upstream_is_silent(task->group) &&
	    mono_before(silent_at, task->silent_at))
		task->silent_at = silent_at;
	list_append(&task->waiters, &take->node);
	if (!begun) {
		task_start(r, task, now);
		return;
	}
	r->stats.joined++;
	(void)task_plan(r, task); /* it is in the heap: no memory is needed */
}

void
task_drop_all(struct resolve *r, struct list *waiters)
{
	struct due_node *first;

	while ((first = due_first(&r->due)) != NULL) {
		struct task *task = container_of(first, struct task, due);

		list_move(waiters, &task->waiters);
		task_free(r, task);
	}
}

/* What is late now, and whose upstream is blamed for it. Returns the one that
 * was to settle a doubt over TCP, and is not heard of there: it is to be asked
 * by UDP, its letters as they come. */
static struct upstream *
note_late(struct resolve *r, struct task *task, mono_t now)
{
	struct upstream *ret = NULL;
	struct list *node;

	list_for_each (node, &task->attempts) {
		struct attempt *attempt =
		    container_of(node, struct attempt, node);

		if (attempt->late || mono_before(now, attempt->late_at))
			continue;
		attempt->late = true;
		if (attempt->settles == DOUBT_CASE && attempt->tcp)
			ret = attempt->upstream;
		else if (attempt->doubt == DOUBT_NONE ||
			 attempt->doubt == DOUBT_QUESTION) {
			r->stats.upstream_timeouts++;
			if (attempt_is_beside(attempt))
				upstream_odd(attempt->upstream,
				    attempt->settles == DOUBT_QUESTION,
				    attempt->sent, now);
			else
				upstream_late(
				    attempt->upstream, attempt->sent, now);
			resolve_tell(r, attempt->upstream);
		}
	}
	return ret;
}

static void
tell_waiters(
    struct resolve *r, struct task *task, const struct outcome *o, mono_t now)
{
	struct list waiters;

	list_init(&waiters);
	list_move(&waiters, &task->waiters);
	waiters_answer(r, &waiters, o, now);
}

/* Those who wait learn that nobody answers; it is asked on. */
static void
tell_silence(struct resolve *r, struct task *task, mono_t now)
{
	struct outcome o = { .from = FROM_NONE, .key = &task->key };
	struct answer answer;

	task->silent_at = task->deadline;
	if (!upstream_is_silent(task->group) || list_empty(&task->waiters))
		return;
	make_silence(&answer, r, task);
	task_keep(r, &task->key, &answer, now, &o);
	tell_waiters(r, task, &o, now);
}

/* May consume the task. */
static void
task_due(struct resolve *r, struct task *task, mono_t now)
{
	struct upstream *u;

	if (!mono_before(now, task->deadline)) {
		task_fail(r, task, task->refused ? -EPROTO : -ETIMEDOUT, now);
		return;
	}
	u = note_late(r, task, now);
	if (task->stale_waits && !mono_before(now, task->stale_at)) {
		struct outcome o = { .from = FROM_STALE };

		task->stale_waits = false;
		o.key = &task->key;
		if (resolve_find_stale(r, &task->key, now, &o))
			tell_waiters(r, task, &o, now);
	}
	if (!mono_before(now, task->silent_at))
		tell_silence(r, task, now);
	if (!mono_before(now, task->settled_at) && task_settle(r, task, now))
		return;
	if (u != NULL)
		task_again(r, task,
		    &(struct manner){ .upstream = u,
			.edns = !upstream_is_off(&u->edns, now),
			.settles = DOUBT_CASE },
		    now);
	else if (task_is_told(task))
		task_fail(r, task, -EPROTO, now);
	else if (mono_before(now, task->next_try))
		(void)task_plan(r, task); /* it is in the heap */
	else
		task_go_on(r, task, now);
}

void
resolve_due(struct resolve *r, mono_t now)
{
	struct due_node *first;

	while ((first = due_first(&r->due)) != NULL &&
	       !mono_before(now, first->when))
		task_due(r, container_of(first, struct task, due), now);
	r->armed.ns = UINT64_MAX;
	arm(r);
}
