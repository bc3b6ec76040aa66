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
		known.entry->rests_until =
		    mono_add(now, TASK_ERROR_TTL * MONO_S);
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

void
task_put_off(struct task *task)
{
	task->next_try = task->settled_at = task->silent_at = task->deadline;
}

/* Also once more, for one that nobody waits for any more. */
static void
begin(struct task *task, mono_t now)
{
	task->over = false;
	task->n_sent = task->round = task->tried = 0;
	task->refused = 0;
	task->ede = EDE_NONE;
	task->ede_text[0] = '\0';
	task->began = now;
	task->deadline = mono_add(now, DEADLINE_NS);
	task->stale_at = mono_add(now, STALE_AFTER_NS);
	task_put_off(task);
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
	task->group = resolve_group(r, key->group, &zone);
	task->asker = asker;
	asker->tasks++;
	asker->user->tasks++;
	begin(task, now);
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
	mono_t silent_at = mono_add(now, SILENT_AFTER_NS);
	bool begun;

	if (task->over)
		begin(task, now);
	begun = task->n_sent > 0;
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

/* May consume the task. */
static void
task_due(struct resolve *r, struct task *task, mono_t now)
{
	struct upstream *u;

	if (!mono_before(now, task->deadline)) {
		task_end(r, task, now);
		return;
	}
	if (task->over) {
		task_put_off(task); /* doubts, too: else it is due for ever */
		(void)task_plan(r, task); /* it is in the heap */
		return;
	}
	u = note_late(r, task, now);
	if (task->stale_waits && !mono_before(now, task->stale_at)) {
		struct outcome o = { .from = FROM_STALE };

		task->stale_waits = false;
		o.key = &task->key;
		if (resolve_find_stale(r, &task->key, now, &o))
			task_tell(r, task, &o, now);
	}
	if (!mono_before(now, task->silent_at))
		task_tell_silence(r, task, now);
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
