#include "dns/resolve_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/local.h"

/* A client's own patience is 5 s with glibc and musl: it learns before. */
#define DEADLINE_NS (4 * MONO_S)
/* RFC 8767 section 5: what has expired is better than a client that waits. */
#define STALE_AFTER_NS (1800 * MONO_MS)
/* Datagrams for one question. */
#define SENT_MAX 8
/* RFC 9520: what failed is not asked again at once. */
#define ERROR_TTL 5
/* How long an upstream's bad habits are remembered. */
#define HABIT_NS (900 * MONO_S)
/* Rounds over all upstreams before EDNS is suspected of being dropped. */
#define EDNS_ROUNDS 2
/* Names below a forward, and of what [resolver] allow-private names, may have
 * private addresses; so may names of one label. */
#define PUBLIC_LABELS 2

static void
task_free(struct resolve *r, struct task *task)
{
	due_cancel(&r->due, &task->due);
	map_remove(&r->tasks, &task->node);
	while (!list_empty(&task->attempts)) {
		struct attempt *attempt =
		    container_of(task->attempts.next, struct attempt, node);

		list_remove(&attempt->node);
		attempt->task = NULL; /* its answer still tells of health */
	}
	free(task);
}

/* Everybody who waits gets this; consumes the task. */
static void
task_finish(
    struct resolve *r, struct task *take, const struct outcome *o, mono_t now)
{
	struct list waiters;
	struct key key = take->key;
	struct outcome outcome = *o;

	/* out of every table before anybody is told */
	list_init(&waiters);
	while (!list_empty(&take->waiters)) {
		struct list *node = take->waiters.next;

		list_remove(node);
		list_append(&waiters, node);
	}
	task_free(r, take);
	outcome.key = &key;
	while (!list_empty(&waiters))
		waiter_answer(r,
		    container_of(waiters.next, struct waiter, node), &outcome,
		    now);
}

/* Keeps an answer; *ret is what is in the cache, or the answer itself. */
static void
keep(struct resolve *r, const struct key *key, const struct answer *answer,
    mono_t now, struct outcome *ret)
{
	struct key as = *key;

	ret->answer = answer;
	ret->entry = NULL;
	if (answer->ttl == 0)
		return;
	if (answer->cut)
		as.type = TYPE_NONE;
	if (!cache_put(r->cache, &as, answer, now))
		return;
	ret->entry = cache_find(r->cache, &as);
	if (ret->entry != NULL)
		ret->answer = &ret->entry->answer;
}

/* No upstream could tell. Stale is better; else SERVFAIL, or what the last one
 * said. Consumes the task. */
static void
task_fail(struct resolve *r, struct task *take, int error, mono_t now)
{
	struct outcome o = { .from = FROM_UPSTREAM };
	struct answer answer;

	if (resolve_find_stale(r, &take->key, now, &o)) {
		task_finish(r, take, &o, now);
		return;
	}
	local_error(&answer, &r->space, &take->key,
	    take->refused ? take->rcode : RCODE_SERVFAIL);
	answer.ttl = ERROR_TTL;
	if (take->refused && take->ede != EDE_NONE) {
		answer.ede = take->ede;
		answer.ede_text = take->ede_text;
	} else if (take->refused) {
		answer.ede = EDE_OTHER;
		answer.ede_text = "the upstream says so";
	} else if (error == -ETIMEDOUT) {
		answer.ede = EDE_NO_REACHABLE;
		answer.ede_text = "no upstream answers";
	} else if (error == -EBADMSG) {
		answer.ede = EDE_INVALID_DATA;
		answer.ede_text = "the upstream's answer is malformed";
	} else if (error == -EDESTADDRREQ) {
		answer.ede = EDE_NOT_READY;
		answer.ede_text = "no upstream is known";
		answer.ttl = 0; /* one may be there in a moment */
	} else {
		answer.ede = EDE_NETWORK;
		answer.ede_text = "no upstream can be reached";
	}
	keep(r, &take->key, &answer, now, &o);
	task_finish(r, take, &o, now);
}

/* The question for an upstream. Returns its length; room for a whole one. */
static size_t
build(struct resolve *r, struct attempt *attempt, uint8_t *msg)
{
	const struct key *key = &attempt->key;
	size_t n = key->name.len, len = WIRE_HEADER;
	unsigned int flags = WIRE_RD | WIRE_AD;
	uint32_t bits = 0;

	memset(msg, 0, WIRE_HEADER);
	if ((key->flags & KEY_CD) != 0)
		flags |= WIRE_CD;
	wire_put16(msg + 2, flags);
	wire_put16(msg + 4, 1);
	wire_put16(msg + 10, attempt->edns);
	for (size_t i = 0; i < n; i++) {
		uint8_t c = key->name.wire[i];

		if (i % 32 == 0 && attempt->cased)
			bits = r->ops.random(r->ops.arg);
		/* lengths are below 64, and so no letters */
		if (attempt->cased && c >= 'a' && c <= 'z' && (bits & 1) != 0)
			c = (uint8_t)(c & ~0x20);
		attempt->asked[i] = c;
		bits >>= 1;
	}
	memcpy(msg + len, attempt->asked, n);
	len += n;
	wire_put16(msg + len, key->type);
	wire_put16(msg + len + 2, key->class);
	len += 4;
	if (!attempt->edns)
		return len;
	memset(msg + len, 0, WIRE_OPT_SIZE);
	msg[len + 2] = TYPE_OPT;
	wire_put16(msg + len + 3, QUERY_UDP_MAX);
	if ((key->flags & KEY_DO) != 0)
		msg[len + 7] = EDNS_DO >> 8;
	return len + WIRE_OPT_SIZE;
}

/* How the next one is to be asked. */
struct manner {
	struct upstream *upstream;
	bool tcp, edns;
};

/* 0 or -errno. */
static int
send_to(
    struct resolve *r, struct task *task, const struct manner *how, mono_t now)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	struct upstream *u = how->upstream;
	uint8_t msg[WIRE_HEADER + NAME_WIRE_MAX + 4 + WIRE_OPT_SIZE];
	size_t len;
	int e;

	if (attempt == NULL)
		return -ENOMEM;
	attempt->upstream = u;
	attempt->key = task->key;
	attempt->sent = now;
	attempt->late_at = mono_add(now, upstream_patience(u, task->round));
	attempt->tcp = how->tcp;
	attempt->edns = how->edns;
	attempt->cased = u->spec.kind == UPSTREAM_PLAIN && !how->tcp &&
			 !mono_before(now, u->no_case_until);
	list_init(&attempt->pending);
	len = build(r, attempt, msg);
	e = r->ops.send(r->ops.arg, attempt, msg, len);
	if (e < 0) {
		free(attempt);
		upstream_failed(u, now);
		r->stats.upstream_errors++;
		return e;
	}
	attempt->task = task;
	list_append(&task->attempts, &attempt->node);
	task->n_flying++;
	task->n_sent++;
	u->queries++;
	r->stats.upstream_queries++;
	if (how->tcp) {
		u->tcp++;
		r->stats.upstream_tcp++;
	}
	return 0;
}

static struct manner
manner_of(const struct task *task, struct upstream *u, mono_t now)
{
	bool suspect = task->round >= EDNS_ROUNDS && u->answers == 0;

	return (struct manner){ .upstream = u,
		.edns = !suspect && !mono_before(now, u->no_edns_until) };
}

/* What was asked over TLS does not get lost, and to ask twice is no faster. */
static bool
is_under_way(const struct task *task, const struct upstream *u)
{
	const struct list *node;

	if (!upstream_is_tls(&u->spec))
		return false;
	list_for_each (node, &task->attempts)
		if (container_of(node, struct attempt, node)->upstream == u)
			return true;
	return false;
}

/* The next upstream of this round, and one that was down beside it. 0, -EAGAIN
 * (all were tried) or -errno. */
static int
send_next(struct resolve *r, struct task *task, mono_t now)
{
	struct manner how;
	int place = upstream_next(task->group, task->tried), probe, e;

	if (place < 0)
		return -EAGAIN;
	task->tried |= 1U << place;
	how = manner_of(task, &task->group->v[place], now);
	if (!is_under_way(task, how.upstream)) {
		e = send_to(r, task, &how, now);
		if (e < 0)
			return e;
	}
	task->next_try =
	    mono_add(now, upstream_patience(how.upstream, task->round));
	probe = upstream_probe(task->group, task->tried, now);
	if (probe >= 0) {
		how = manner_of(task, &task->group->v[probe], now);
		how.upstream->probing = true;
		task->tried |= 1U << probe;
		(void)send_to(r, task, &how, now); /* it stays down then */
	}
	return 0;
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

/* Wakes up for what comes first; false when there is no memory for that. */
static bool
plan(struct resolve *r, struct task *task)
{
	mono_t when = task->deadline;

	if (mono_before(task->next_try, when))
		when = task->next_try;
	if (task->stale_waits && mono_before(task->stale_at, when))
		when = task->stale_at;
	if (!due_set(&r->due, &task->due, when))
		return false;
	arm(r);
	return true;
}

/* Asks the next one, or all at once. Where all were tried a round begins, but
 * not two. True if something was sent. */
static bool
send_some(struct resolve *r, struct task *task, mono_t now, int *ret_error)
{
	bool parallel = task->group->order == UPSTREAM_PARALLEL;
	bool again = false, sent = false;
	int e;

	while (task->n_sent < SENT_MAX) {
		e = send_next(r, task, now);
		sent = sent || e == 0;
		if (e == 0 && !parallel)
			break;
		if (e != 0 && e != -EAGAIN)
			*ret_error = e;
		if (e != -EAGAIN)
			continue;
		if (sent || again)
			break;
		again = true;
		task->round++;
		task->tried = 0;
	}
	return sent;
}

/* May consume the task. */
static void
go_on(struct resolve *r, struct task *task, mono_t now)
{
	int e = task->group->n == 0 ? -EDESTADDRREQ : -ENETUNREACH;

	if (!send_some(r, task, now, &e))
		task->next_try = task->deadline;
	if (task->n_flying == 0) {
		task_fail(r, task, e, now);
		return;
	}
	if (!plan(r, task))
		task_fail(r, task, -ENOMEM, now);
}

struct task *
task_get(struct resolve *r, const struct key *key, mono_t now)
{
	uint64_t hash = key_hash(&r->tasks, key);
	struct map_node *node = map_first(&r->tasks, hash);
	const struct name *zone;
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
	if (r->tasks.count >= RESOLVE_TASKS_MAX)
		return NULL;
	task = calloc(1, sizeof(*task));
	if (task == NULL)
		return NULL;
	task->key.name.len = key->name.len;
	memcpy(task->key.name.wire, key->name.wire, key->name.len);
	task->key.type = key->type;
	task->key.class = key->class;
	task->key.flags = key->flags;
	task->key.group = key->group;
	task->group = resolve_group(r, key->group, &zone);
	task->ede = EDE_NONE;
	task->began = now;
	task->deadline = mono_add(now, DEADLINE_NS);
	task->stale_at = mono_add(now, STALE_AFTER_NS);
	task->next_try = task->deadline;
	list_init(&task->waiters);
	list_init(&task->attempts);
	map_put(&r->tasks, &task->node, hash);
	return task;
}

void
task_start(struct resolve *r, struct task *task, mono_t now)
{
	r->stats.misses++;
	go_on(r, task, now);
}

void
task_wait(struct resolve *r, struct task *task, struct waiter *take, mono_t now)
{
	bool begun = task->n_sent > 0;

	list_append(&task->waiters, &take->node);
	task->n_waiters++;
	if (!begun) {
		task_start(r, task, now);
		return;
	}
	r->stats.joined++;
	(void)plan(r, task); /* it is in the heap: no memory is needed */
}

void
task_end_all(struct resolve *r, mono_t now)
{
	struct due_node *first;

	while ((first = due_first(&r->due)) != NULL)
		task_fail(
		    r, container_of(first, struct task, due), -ECANCELED, now);
}

/* Takes the attempt from its task; NULL where nobody waits for it. */
static struct task *
detach(struct attempt *attempt)
{
	struct task *task = attempt->task;

	if (task != NULL) {
		list_remove(&attempt->node);
		attempt->task = NULL;
		task->n_flying--;
	}
	return task;
}

/* Another manner with the same upstream; else the next one. May consume the
 * task. */
static void
again(
    struct resolve *r, struct task *task, const struct manner *how, mono_t now)
{
	if (task->n_sent < SENT_MAX + 2 && send_to(r, task, how, now) == 0) {
		(void)plan(r, task); /* it is in the heap */
		return;
	}
	go_on(r, task, now);
}

/* An upstream that can't tell: another one may. May consume the task. */
static void
try_others(struct resolve *r, struct task *task, int error, mono_t now)
{
	r->stats.upstream_errors++;
	if (task->n_sent < SENT_MAX &&
	    upstream_next(task->group, task->tried) >= 0)
		go_on(r, task, now);
	else if (task->n_flying == 0)
		task_fail(r, task, error, now);
}

static bool
is_public(const struct resolve *r, const struct key *key)
{
	if (key->group != 0 || name_n_labels(&key->name) < PUBLIC_LABELS)
		return false;
	for (size_t i = 0; i < r->conf.n_allow_private; i++)
		if (name_in(&key->name, &r->conf.allow_private[i]))
			return false;
	return true;
}

static void
note_error(struct task *task, const struct answer *answer)
{
	task->refused = true;
	task->rcode = answer->rcode;
	task->ede = answer->ede;
	memcpy(task->ede_text, answer->ede_text, strlen(answer->ede_text) + 1);
}

/* May consume the task. */
static void
take_answer(struct resolve *r, struct task *task, struct upstream *u,
    const uint8_t *msg, size_t len, mono_t now)
{
	struct scrub_opts opts = { .ttl_min = r->conf.ttl_min,
		.ttl_max = r->conf.ttl_max,
		.negative_max = 3600,
		.no_private = is_public(r, &task->key) };
	struct outcome o = { .from = FROM_UPSTREAM, .upstream = u };
	struct answer answer;

	switch (scrub(&answer, &r->space, msg, len, &task->key, &opts)) {
	case SCRUB_GOOD:
		if (answer.ede == EDE_FILTERED)
			r->stats.stripped++;
		keep(r, &task->key, &answer, now, &o);
		task_finish(r, task, &o, now);
		return;
	case SCRUB_ERROR:
		note_error(task, &answer);
		try_others(r, task, -EPROTO, now);
		return;
	case SCRUB_BROKEN:
		try_others(r, task, -EBADMSG, now);
		return;
	}
}

void
resolve_answer(struct resolve *r, struct attempt *take, const uint8_t *msg,
    size_t len, mono_t now)
{
	struct task *task = detach(take);
	struct attempt attempt = *take;
	struct upstream *u = take->upstream;
	unsigned int flags = wire_u16(msg + 2), rcode = flags & WIRE_RCODE;

	free(take);
	upstream_answered(u, attempt.sent, now);
	if (attempt.edns && (rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP)) {
		struct manner plain = { .upstream = u, .tcp = attempt.tcp };

		/* it may mean this one name only */
		if (!u->speaks_edns)
			u->no_edns_until = mono_add(now, HABIT_NS);
		if (task != NULL)
			again(r, task, &plain, now);
		return;
	}
	/* the additional section: an OPT, since none else was asked for */
	if (attempt.edns && wire_u16(msg + 10) > 0)
		u->speaks_edns = true;
	if (task == NULL)
		return;
	if ((flags & WIRE_TC) != 0 && u->spec.kind == UPSTREAM_PLAIN &&
	    !attempt.tcp) {
		struct manner tcp = {
			.upstream = u, .tcp = true, .edns = attempt.edns
		};

		again(r, task, &tcp, now);
		return;
	}
	take_answer(r, task, u, msg, len, now);
}

void
resolve_miscased(struct resolve *r, struct attempt *take, mono_t now)
{
	struct manner tcp = {
		.upstream = take->upstream, .tcp = true, .edns = take->edns
	};
	struct task *task = detach(take);

	upstream_answered(take->upstream, take->sent, now);
	take->upstream->no_case_until = mono_add(now, HABIT_NS);
	free(take);
	if (task != NULL)
		again(r, task, &tcp, now);
}

void
resolve_failed(struct resolve *r, struct attempt *take, int error, mono_t now)
{
	struct task *task = detach(take);
	struct attempt attempt = *take;

	free(take);
	if (error == -ECANCELED && task == NULL)
		return;
	/* that it was late has been said, and no more is known now */
	if (!attempt.late) {
		if (error == -ETIMEDOUT)
			upstream_late(attempt.upstream, attempt.sent, now);
		else if (error != -ECANCELED)
			upstream_failed(attempt.upstream, now);
	}
	if (task != NULL)
		try_others(r, task, error, now);
}

void
resolve_strange(struct resolve *r, struct upstream *upstream)
{
	r->stats.spoofed++;
	upstream->spoofed++;
}

bool
resolve_fits(
    struct resolve *r, struct attempt *attempt, const uint8_t *msg, size_t len)
{
	unsigned int flags;

	/* a server that does not know EDNS may say so with a bare header */
	if (len == WIRE_HEADER && attempt->edns) {
		flags = wire_u16(msg + 2);
		if ((flags & WIRE_QR) != 0 && wire_u32(msg + 4) == 0 &&
		    wire_u32(msg + 8) == 0 &&
		    ((flags & WIRE_RCODE) == RCODE_FORMERR ||
			(flags & WIRE_RCODE) == RCODE_NOTIMP))
			return true;
	}
	if (scrub_is_answer(msg, len, &attempt->key,
		attempt->cased ? attempt->asked : NULL))
		return true;
	if (attempt->cased && scrub_is_answer(msg, len, &attempt->key, NULL)) {
		attempt->miscased = true;
		return false;
	}
	resolve_strange(r, attempt->upstream);
	return false;
}

/* May consume the task. */
static void
task_due(struct resolve *r, struct task *task, mono_t now)
{
	struct list *node;

	if (!mono_before(now, task->deadline)) {
		task_fail(r, task, task->refused ? -EPROTO : -ETIMEDOUT, now);
		return;
	}
	list_for_each (node, &task->attempts) {
		struct attempt *attempt =
		    container_of(node, struct attempt, node);

		if (attempt->late || mono_before(now, attempt->late_at))
			continue;
		attempt->late = true;
		r->stats.upstream_timeouts++;
		upstream_late(attempt->upstream, attempt->sent, now);
	}
	if (task->stale_waits && !mono_before(now, task->stale_at)) {
		struct outcome o = { .from = FROM_STALE };

		task->stale_waits = false;
		o.key = &task->key;
		while (!list_empty(&task->waiters) &&
		       resolve_find_stale(r, &task->key, now, &o)) {
			struct waiter *waiter = container_of(
			    task->waiters.next, struct waiter, node);

			task->n_waiters--;
			waiter_answer(r, waiter, &o, now);
		}
	}
	if (mono_before(now, task->next_try))
		(void)plan(r, task); /* it is in the heap */
	else
		go_on(r, task, now);
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
