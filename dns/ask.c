#include "dns/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Rounds over all upstreams before EDNS is suspected of being dropped. */
#define EDNS_ROUNDS 2

/* The question for an upstream. Returns its length; room for WIRE_QUESTION_MAX
 * bytes. */
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

/* 0 or -errno. */
static int
send_to(
    struct resolve *r, struct task *task, const struct manner *how, mono_t now)
{
	struct attempt *attempt = malloc(sizeof(*attempt));
	struct upstream *u = how->upstream;
	uint8_t msg[WIRE_QUESTION_MAX];
	size_t len;
	int e;

	if (attempt == NULL)
		return -ENOMEM;
	/* the rest is large */
	memset(attempt, 0, offsetof(struct attempt, key));
	key_copy(&attempt->key, task_asks(task));
	attempt->upstream = u;
	attempt->sent = now;
	attempt->late_at = mono_add(now, upstream_patience(u, task->round));
	attempt->tcp = how->tcp;
	attempt->edns = how->edns;
	attempt->cased = how->cased;
	attempt->settles = how->settles;
	attempt->refused = how->refused;
	list_init(&attempt->pending);
	len = build(r, attempt, msg);
	e = r->ops.send(r->ops.arg, attempt, msg, len);
	if (e < 0) {
		free(attempt);
		upstream_failed(u, now);
		resolve_tell(r, u);
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
	bool suspect = task->round >= EDNS_ROUNDS && !u->speaks_edns;
	bool off = upstream_is_off(&u->edns, now);

	return (struct manner){ .upstream = u,
		.edns = !suspect && !off,
		.cased = u->spec.kind == UPSTREAM_PLAIN &&
			 !upstream_is_off(&u->cased, now),
		.settles = suspect && !off ? DOUBT_EDNS : DOUBT_NONE };
}

/* What was asked over TLS, or through a tunnel, does not get lost, and to ask
 * twice is no faster. */
static bool
is_under_way(const struct task *task, const struct upstream *u)
{
	const struct list *node;

	if (!upstream_is_tls(&u->spec) && u->spec.kind != UPSTREAM_TUNNEL)
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

bool
task_has_others(const struct task *task)
{
	return task->n_sent < TASK_SENT_MAX &&
	       upstream_next(task->group, task->tried) >= 0;
}

/* It has said that it can't tell, or is down and has had its time. One that was
 * up when this was begun, or never asked, may be late with this name alone, or
 * have lost it. */
static bool
is_given_up(const struct task *task, const struct upstream *u)
{
	const struct list *node;

	if ((task->refused & 1U << (u - task->group->v)) != 0)
		return true;
	if (!u->down || !mono_before(u->down_since, task->began))
		return false;
	list_for_each (node, &task->attempts) {
		const struct attempt *attempt =
		    container_of(node, struct attempt, node);

		if (attempt->upstream == u && attempt->late)
			return true;
	}
	return false;
}

bool
task_is_told(const struct task *task)
{
	const struct list *node;

	if (task->refused == 0 || task_has_others(task))
		return false;
	list_for_each (node, &task->attempts)
		if (!is_given_up(task,
			container_of(node, struct attempt, node)->upstream))
			return false;
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

	while (task->n_sent < TASK_SENT_MAX) {
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

void
task_go_on(struct resolve *r, struct task *task, mono_t now)
{
	int e = task->group->n == 0 ? -EDESTADDRREQ : -ENETUNREACH;

	if (!send_some(r, task, now, &e))
		task->next_try = task->deadline;
	if (task->n_flying == 0) {
		task_fail(r, task, e, now);
		return;
	}
	if (!task_plan(r, task))
		task_fail(r, task, -ENOMEM, now);
}

void
task_again(
    struct resolve *r, struct task *task, const struct manner *how, mono_t now)
{
	if (task->n_sent < TASK_SENT_MAX + 2 &&
	    send_to(r, task, how, now) == 0) {
		(void)task_plan(r, task); /* it is in the heap */
		return;
	}
	task_go_on(r, task, now);
}
