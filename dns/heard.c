#include "dns/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How long an upstream's bad habits are remembered. */
#define HABIT_NS (900 * MONO_S)
/* Names below a forward, and of what [resolver] allow-private names, may have
 * private addresses; so may names of one label. */
#define PUBLIC_LABELS 2

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

/* An upstream that can't tell: another one may. May consume the task. */
static void
try_others(struct resolve *r, struct task *task, int error, mono_t now)
{
	r->stats.upstream_errors++;
	if (task->n_sent < TASK_SENT_MAX &&
	    upstream_next(task->group, task->tried) >= 0)
		task_go_on(r, task, now);
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
		task_keep(r, &task->key, &answer, now, &o);
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
			task_again(r, task, &plain, now);
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

		task_again(r, task, &tcp, now);
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
		task_again(r, task, &tcp, now);
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
