#include "dns/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"

/* Names below a forward, and of what [resolver] allow-private names, may have
 * private addresses; so may names of one label, which have fewer than these. */
#define PUBLIC_LABELS 2

/* What is lost of a TCP handshake is sent again after 1 s. */
#define SETTLED_NS (1500 * MONO_MS)

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
	if (task_has_others(task))
		task_go_on(r, task, now);
	else if (task->n_flying == 0 || task_is_told(task))
		task_fail(r, task, error, now);
}

static bool
may_be_private(const struct resolve *r, const struct key *key)
{
	for (size_t i = 0; i < r->conf.n_allow_private; i++)
		if (name_in(&key->name, &r->conf.allow_private[i]))
			return true;
	return (key->flags & KEY_OWN) != 0 ||
	       name_n_labels(&key->name) < PUBLIC_LABELS;
}

/* Private addresses that come through a tunnel are the far side's; this host's
 * own are not, and connections to them do not go there. */
static void
set_rebinding(struct resolve *r, const struct task *task, mono_t now,
    struct scrub_opts *ret)
{
	static const uint8_t first[4] = { 198, 18, 0, 0 };
	struct addr stand_in = addr_ip4(first);
	const struct key *key = task_asks(task);
	bool far = resolve_is_tunnelled(r, key->group);
	bool begins = may_be_private(r, &task->key);
	bool may = begins || may_be_private(r, key);
	const struct name *name;

	/* all names on the way: who owns the first says where it leads */
	ret->no_private = (!begins && (task->key.group == 0 || task->usual)) ||
			  (!may && key->group == 0);
	ret->no_own_host = !may && far;
	/* nobody but this daemon knows what they stand for */
	ret->no_stand_in = r->ops.stands_for != NULL &&
			   r->ops.stands_for(r->ops.arg, &stand_in, now, &name);
}

static void
note_error(
    struct task *task, const struct upstream *u, const struct answer *answer)
{
	task->refused |= 1U << (u - task->group->v);
	task->rcode = answer->rcode;
	task->ede = answer->ede;
	memcpy(task->ede_text, answer->ede_text, strlen(answer->ede_text) + 1);
}

/* Clients see it by its Extended DNS Error. */
static void
note_shortened(struct resolve *r, const struct task *task)
{
	char name[NAME_TEXT_SIZE];

	if (r->stats.shortened++ == 0)
		log_warning("dns",
		    "answers with too many addresses are shortened: name=%s, "
		    "and others: see reroutectl cache stats",
		    name_format(&task->key.name, name));
}

/* May consume the task. */
static void
take_answer(struct resolve *r, struct task *task, struct upstream *u,
    const uint8_t *msg, size_t len, mono_t now)
{
	struct scrub_opts opts = { .ttl_min = r->conf.ttl_min,
		.ttl_max = r->conf.ttl_max,
		.negative_max = 3600 };
	struct outcome o = { .from = FROM_UPSTREAM, .upstream = u };
	struct answer answer;

	set_rebinding(r, task, now, &opts);
	switch (scrub(&answer, &r->space, msg, len, task_asks(task), &opts)) {
	case SCRUB_GOOD:
		if (answer.ede == EDE_FILTERED)
			r->stats.stripped++;
		if (answer.shortened)
			note_shortened(r, task);
		if (task_chase(r, task, &answer, now))
			return;
		task_keep(r, &task->key, &answer, now, &o);
		task_finish(r, task, &o, now);
		return;
	case SCRUB_ERROR:
		note_error(task, u, &answer);
		try_others(r, task, -EPROTO, now);
		return;
	case SCRUB_BROKEN:
		try_others(r, task, -EBADMSG, now);
		return;
	}
}

/* BADVERS, as RFC 6891 section 6.1.3 has it for versions after the one that was
 * asked with: no records, and an OPT with the rcode's upper bits. */
static bool
is_badvers(const uint8_t *msg, size_t len)
{
	size_t off = WIRE_HEADER;
	struct name name;
	struct wire_rr rr;

	if (wire_u16(msg + 6) != 0 || wire_u16(msg + 8) != 0 ||
	    wire_name_read(&name, msg, len, &off, false) < 0)
		return false;
	off += 4;
	for (unsigned int n = wire_u16(msg + 10); n > 0; n--) {
		if (wire_rr_read(&rr, msg, len, &off) < 0)
			return false;
		if (rr.type == TYPE_OPT)
			return (rr.ttl >> 24 << 4 |
				   (wire_u16(msg + 2) & WIRE_RCODE)) ==
			       RCODE_BADVERS;
	}
	return false;
}

/* An answer to a question with EDNS that may be for that alone. Many a server
 * says SERVFAIL then: one that has never shown an OPT, and shows none now. */
static bool
is_edns_refused(const struct upstream *u, const uint8_t *msg, size_t len)
{
	switch (wire_u16(msg + 2) & WIRE_RCODE) {
	case RCODE_FORMERR:
	case RCODE_NOTIMP:
		return true;
	case RCODE_SERVFAIL:
		return !u->speaks_edns && wire_u16(msg + 10) == 0;
	default:
		return is_badvers(msg, len);
	}
}

/* What an answer says of how the upstream may be asked. waited: nobody has had
 * another answer meanwhile, such as that of the question which was doubted. */
static void
note_habits(struct resolve *r, const struct attempt *attempt,
    const uint8_t *msg, bool refused, bool waited, mono_t now)
{
	struct upstream *u = attempt->upstream;
	size_t n = attempt->key.name.len;
	unsigned int rcode = wire_u16(msg + 2) & WIRE_RCODE;

	/* the additional section: an OPT, since none else was asked for; who
	 * understands nothing may send back what it got */
	if (attempt->edns && wire_u16(msg + 10) > 0 && !refused) {
		u->speaks_edns = true;
		u->bare = 0;
		upstream_trust(&u->edns);
	} else if (attempt->edns && ++u->bare >= UPSTREAM_DOUBTS)
		u->speaks_edns = false; /* another server is there now */
	/* all in lower case: that may be the server's own way */
	if (attempt->cased &&
	    memcmp(attempt->asked, attempt->key.name.wire, n) != 0)
		upstream_trust(&u->cased);
	if (!waited)
		return;
	if (attempt->settles == DOUBT_CASE && upstream_doubt(&u->cased, now))
		r->stats.case_off++;
	if (attempt->settles == DOUBT_EDNS && rcode != RCODE_FORMERR &&
	    rcode != RCODE_NOTIMP && rcode != RCODE_SERVFAIL &&
	    upstream_doubt(&u->edns, now))
		r->stats.edns_off++;
}

/* Nobody can forge what comes by TCP: where that has settled a doubt, nothing
 * better comes for what was doubted. */
static void
forsake_doubted(struct task *task, const struct attempt *by)
{
	struct list *node, *tmp;

	if (task == NULL || !by->tcp || by->settles == DOUBT_NONE)
		return;
	list_for_each_safe (node, tmp, &task->attempts) {
		struct attempt *attempt =
		    container_of(node, struct attempt, node);

		if (attempt->doubt != DOUBT_NONE &&
		    attempt->upstream == by->upstream)
			(void)detach(attempt); /* it tells of health still */
	}
}

void
resolve_answer(struct resolve *r, struct attempt *take, const uint8_t *msg,
    size_t len, mono_t now)
{
	struct task *task = detach(take);
	struct upstream *u = take->upstream;
	bool refused = take->edns && is_edns_refused(u, msg, len), truncated;
	struct manner how = { .upstream = u,
		.tcp = take->tcp,
		.edns = take->edns,
		.cased = take->cased };

	upstream_answered(u, take->sent, now);
	resolve_tell(r, u);
	note_habits(r, take, msg, refused, task != NULL, now);
	forsake_doubted(task, take);
	free(take);
	if (task == NULL)
		return;
	if (refused) {
		how.edns = false;
		how.settles = DOUBT_EDNS;
		task_again(r, task, &how, now);
		return;
	}
	truncated = (wire_u16(msg + 2) & WIRE_TC) != 0;
	if (truncated && u->spec.kind == UPSTREAM_PLAIN && !how.tcp) {
		how.tcp = true;
		how.cased = false;
		task_again(r, task, &how, now);
		return;
	}
	if (truncated) /* by a stream: this is not all, and there is no more */
		try_others(r, task, -EBADMSG, now);
	else
		take_answer(r, task, u, msg, len, now);
}

/* Two questions, each from a port and with a number of its own, were taken for
 * others: that is no forger, and nothing else is to be expected of it. */
static bool
is_hopeless(const struct task *task, const struct upstream *u, mono_t now)
{
	const struct list *node;
	unsigned int n = 0;

	list_for_each (node, &task->attempts) {
		const struct attempt *attempt =
		    container_of(node, struct attempt, node);

		if (attempt->upstream != u)
			continue;
		if (attempt->doubt == DOUBT_QUESTION)
			n++;
		else if (mono_before(now, attempt->late_at))
			return false;
	}
	return n >= 2;
}

/* When it has been waited for what settles a doubt by TCP. */
static mono_t
settled_at(const struct attempt *attempt)
{
	return mono_add(attempt->sent, attempt->tcp ? SETTLED_NS : 0);
}

/* Nothing more of it is waited for, but what it may say over TCP: meanwhile it
 * is not asked again. May consume the task. */
static void
give_up_on(struct resolve *r, struct task *task, struct upstream *u, mono_t now)
{
	struct list *node, *tmp;
	unsigned int n = 0;

	list_for_each_safe (node, tmp, &task->attempts) {
		struct attempt *attempt =
		    container_of(node, struct attempt, node);

		if (attempt->upstream != u)
			continue;
		if (attempt->settles != DOUBT_QUESTION ||
		    !mono_before(now, settled_at(attempt))) {
			(void)detach(attempt); /* it tells of health still */
			continue;
		}
		task->settled_at = settled_at(attempt);
		n++;
	}
	if (task->n_flying == n)
		task->next_try = task->deadline;
	(void)task_plan(r, task); /* it is in the heap */
	try_others(r, task, -EBADMSG, now);
}

bool
task_settle(struct resolve *r, struct task *task, mono_t now)
{
	struct list *node, *tmp;

	task->settled_at = task->deadline;
	list_for_each_safe (node, tmp, &task->attempts) {
		struct attempt *attempt =
		    container_of(node, struct attempt, node);

		if (attempt->settles == DOUBT_QUESTION && attempt->late &&
		    !mono_before(now, settled_at(attempt)))
			(void)detach(attempt);
	}
	if (task->n_flying > 0)
		return false;
	try_others(r, task, -EBADMSG, now);
	return true;
}

void
resolve_doubted(struct resolve *r, struct attempt *attempt, mono_t now)
{
	struct manner how = { .upstream = attempt->upstream,
		.edns = attempt->edns,
		.settles = attempt->doubt };

	if (attempt->asked_again || attempt->task == NULL)
		return;
	attempt->asked_again = true;
	if (is_hopeless(attempt->task, how.upstream, now)) {
		give_up_on(r, attempt->task, how.upstream, now);
		return;
	}
	if (attempt->doubt == DOUBT_EDNS) {
		how.edns = false;
		how.cased = attempt->cased;
	} else
		how.tcp = true; /* a forger can't answer there */
	task_again(r, attempt->task, &how, now);
}

static bool
is_datagram(const struct attempt *attempt)
{
	return attempt->upstream->spec.kind == UPSTREAM_PLAIN && !attempt->tcp;
}

static bool
is_plain(const struct attempt *attempt)
{
	return attempt->upstream->spec.kind == UPSTREAM_PLAIN ||
	       attempt->upstream->spec.kind == UPSTREAM_TCP;
}

/* From how many other ports one after the other it is tried before an error is
 * believed. */
static unsigned int
other_ports(int error)
{
	switch (error) {
	case -ECONNREFUSED:
		/* ICMP says so, which anybody can send who guesses a port. A
		 * TCP connection may have been closed for what came before (RFC
		 * 7766 section 6.2.4). */
		return 1;
	case -EPERM:
		/* a datagram is not let out that would go on with the flow of
		 * another program, which had the port a moment ago */
		return 3;
	default:
		return 0;
	}
}

void
resolve_failed(struct resolve *r, struct attempt *take, int error, mono_t now)
{
	struct task *task = detach(take);
	struct attempt attempt = *take;
	struct manner how = { .upstream = attempt.upstream,
		.edns = attempt.edns,
		.settles = attempt.settles };

	free(take);
	if (error == -ECANCELED && task == NULL)
		return;
	/* there is no TCP: the second question goes by UDP, its letters as they
	 * come back from there */
	if (task != NULL && error != -ECANCELED && attempt.tcp &&
	    !attempt.late && attempt.settles == DOUBT_CASE) {
		task_again(r, task, &how, now);
		return;
	}
	if (is_plain(&attempt) && attempt.refused < other_ports(error) &&
	    attempt.settles == DOUBT_NONE && attempt.doubt == DOUBT_NONE) {
		how.tcp = attempt.tcp;
		how.cased = attempt.cased;
		how.refused = (uint8_t)(attempt.refused + 1);
		if (task == NULL)
			return;
		/* none of them left; the others have their turn, too */
		if (error == -EPERM && task->n_sent > 0)
			task->n_sent--;
		task_again(r, task, &how, now);
		return;
	}
	if (error == -EBADMSG)
		forsake_doubted(task, &attempt);
	/* that it was late has been said, and no more is known now; what came
	 * in doubt did come, and that there is no TCP says little of it */
	if (!attempt.late && attempt.doubt == DOUBT_NONE) {
		if (error != -ECANCELED && attempt_is_beside(&attempt))
			upstream_odd(attempt.upstream,
			    attempt.settles == DOUBT_QUESTION, attempt.sent,
			    now);
		else if (error == -ENODATA)
			upstream_odd(attempt.upstream, true, attempt.sent, now);
		else if (error == -ETIMEDOUT)
			upstream_late(attempt.upstream, attempt.sent, now);
		else if (error != -ECANCELED)
			upstream_failed(attempt.upstream, now);
		resolve_tell(r, attempt.upstream);
	}
	if (task == NULL)
		return;
	if (is_hopeless(task, attempt.upstream, now))
		give_up_on(r, task, attempt.upstream, now);
	else
		try_others(r, task,
		    attempt.settles == DOUBT_QUESTION ? -EBADMSG : error, now);
}

void
resolve_strange(struct resolve *r, struct upstream *upstream)
{
	r->stats.spoofed++;
	upstream->spoofed++;
}

/* A server that does not know EDNS may say so with a bare header. */
static bool
is_bare(const struct attempt *attempt, const uint8_t *msg, size_t len)
{
	unsigned int flags = wire_u16(msg + 2), rcode = flags & WIRE_RCODE;

	return len == WIRE_HEADER && attempt->edns && (flags & WIRE_QR) != 0 &&
	       wire_u32(msg + 4) == 0 && wire_u32(msg + 8) == 0 &&
	       (rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP);
}

bool
resolve_fits(
    struct resolve *r, struct attempt *attempt, const uint8_t *msg, size_t len)
{
	bool datagram = is_datagram(attempt);

	if (len >= WIRE_HEADER && is_bare(attempt, msg, len)) {
		/* a forger has to guess less for it: the wait goes on */
		if (datagram && attempt->doubt == DOUBT_NONE)
			attempt->doubt = DOUBT_EDNS;
		return !datagram;
	}
	if (scrub_is_answer(msg, len, &attempt->key,
		attempt->cased ? attempt->asked : NULL))
		return true;
	if (attempt->cased && scrub_is_answer(msg, len, &attempt->key, NULL)) {
		attempt->doubt = DOUBT_CASE;
		r->stats.miscased++;
		return false;
	}
	resolve_strange(r, attempt->upstream);
	/* who forges it knows the port and the number: the wait goes on, but
	 * this may be all that the server ever says */
	if (datagram && attempt->doubt == DOUBT_NONE && len >= WIRE_HEADER &&
	    (wire_u16(msg + 2) & WIRE_QR) != 0)
		attempt->doubt = DOUBT_QUESTION;
	return false;
}
