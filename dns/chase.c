#include "dns/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/addresses.h"
#include "dns/special.h"

/* Answers that end in an alias. Who has the name's zone and looks up no others,
 * as authorities do, says no more than that; programs do not ask again, and
 * have no address then. So its target is asked about, of whom the settings name
 * for that one, until the answer is whole. Where an alias leads into a zone of
 * the settings, whatever others say of its target does not count. */

/* Questions for one, each with a chain of its own. */
#define CHASES_MAX 16

/* Octets of an answer that is kept meanwhile: more than such aliases have. */
#define CHASE_LEN_MAX 8192

/* An answer of which the records up to an alias are good, whatever comes behind
 * it. */
struct part {
	const uint8_t *wire;
	size_t len;
	uint32_t age; /* s: TTLs are counted down */
	uint32_t ttl; /* of those, the least */
	/* of what is behind them, so much proves them (DO) */
	uint16_t n_answer, n_authority;
	bool secure;
};

struct chase {
	struct key key; /* what is asked now */
	unsigned int n;
	struct part part; /* the answer up to here */
	uint8_t wire[];
};

const struct key *
task_asks(const struct task *task)
{
	return task->chase != NULL ? &task->chase->key : &task->key;
}

/* The first record behind the question; an answer that was scrubbed is sound.
 */
static size_t
first_record(const uint8_t *wire, size_t len)
{
	size_t off = WIRE_HEADER;
	struct name name;

	(void)wire_name_read(&name, wire, len, &off, true);
	return off + 4;
}

/* Records of a part, so many behind so many, to the writer's. */
static void
copy(struct writer *w, const struct part *part, unsigned int behind,
    unsigned int n)
{
	size_t off = first_record(part->wire, part->len);
	struct wire_rr rr;

	for (unsigned int i = 0; i < behind + n && wire_rr_read(&rr, part->wire,
						       part->len, &off) == 0;
	     i++) {
		struct writer_rr head = { &rr.owner, rr.type, rr.class,
			rr.ttl > part->age ? rr.ttl - part->age : 0 };
		size_t begun;

		if (i < behind)
			continue;
		begun = writer_rr_begin(w, &head);
		(void)writer_rdata(w, part->wire, part->len, &rr);
		writer_rr_end(w, begun);
	}
}

/* What was found, behind what led there. False where that is too much. */
static bool
join(struct answer *ret, struct writer_space *space, const struct key *key,
    const struct part *part, const struct answer *found)
{
	struct answer whole = *found;
	struct part rest = { .wire = found->wire, .len = found->len };
	struct writer w;

	writer_begin(&w, space, &key->name, key->type, key->class);
	copy(&w, part, 0, part->n_answer);
	copy(&w, &rest, 0, found->n_answer);
	copy(&w, part, part->n_answer, part->n_authority);
	copy(&w, &rest, found->n_answer, found->n_authority);
	if (w.bad)
		return false;
	writer_answer(&w, &whole);
	whole.n_answer = (uint16_t)(part->n_answer + found->n_answer);
	whole.n_authority = (uint16_t)(part->n_authority + found->n_authority);
	whole.chased = true;
	whole.rcode = found->rcode;
	whole.nodata = found->nodata;
	whole.secure = found->secure && part->secure;
	whole.ttl = found->ttl < part->ttl ? found->ttl : part->ttl;
	whole.cut = false; /* it is of another name */
	whole.ede = found->ede;
	whole.ede_text = found->ede_text;
	*ret = whole;
	return true;
}

/* Up to and with the first n records: all of them, and what proves them, or
 * those that are good. */
static struct part
part_of(const struct answer *a, unsigned int n, uint32_t age)
{
	bool all = n == a->n_answer;
	struct part part = { .wire = a->wire,
		.len = a->len,
		.age = age,
		.ttl = UINT32_MAX,
		.n_answer = (uint16_t)n,
		.n_authority = all ? a->n_authority : 0,
		.secure = a->secure };

	for (unsigned int i = 0; i < n + part.n_authority; i++) {
		uint32_t ttl = wire_u32(a->wire + a->ttls[i]);

		ttl = ttl > age ? ttl - age : 0;
		if (ttl < part.ttl)
			part.ttl = ttl;
	}
	return part;
}

bool
chase_join(struct resolve *r, struct answer *ret, const struct outcome *o,
    unsigned int n, const struct answer *found)
{
	struct part part = part_of(o->answer, n, o->age);

	part.n_authority = 0;
	return join(ret, &r->away, o->key, &part, found);
}

/* Whether it says that there is nothing more. What proves an alias that was
 * made of a wildcard says no such thing (RFC 4035 section 3.1.3.3). */
static bool
has_soa(const struct answer *a)
{
	for (unsigned int i = 0; i < a->n_authority; i++)
		if (answer_type(a, a->n_answer + i) == TYPE_SOA)
			return true;
	return false;
}

/* The target of the last alias, where the answer has nothing for it. */
static bool
leads_on(struct name *ret, const struct answer *a)
{
	unsigned int i = a->n_answer;

	if (!a->nodata || has_soa(a) || a->ede == EDE_FILTERED)
		return false;
	while (i > 0 && answer_type(a, i - 1) != TYPE_CNAME)
		i--;
	return i > 0 && addresses_target(ret, a, i - 1);
}

/* Up to and with record i and what signs it, as an answer that ends there. */
static void
cut_behind(struct answer *a, unsigned int i)
{
	unsigned int end;

	while (i + 1U < a->n_answer && answer_type(a, i + 1) == TYPE_RRSIG)
		i++;
	end = a->ttls[i] + 4U;
	a->len = end + 2U + wire_u16(a->wire + end);
	a->n_answer = a->n_rrs = (uint16_t)(i + 1);
	a->n_authority = 0;
	a->rcode = RCODE_NOERROR;
	a->nodata = true;
	a->cut = false;
	a->ede = EDE_NONE;
	a->ede_text = "";
}

/* The target of the first alias into a zone that others are asked about than
 * who has answered; the answer ends there. What a tunnel's servers were asked
 * they have resolved. */
static bool
leads_into_zone(const struct resolve *r, const struct task *task,
    struct name *ret, struct answer *a)
{
	const struct key *asked = task_asks(task);

	if (asked->type == TYPE_CNAME || asked->type == TYPE_ANY ||
	    resolve_is_tunnelled(r, task->key.group))
		return false;
	for (unsigned int i = 0; i < a->n_answer; i++) {
		uint8_t group;

		if (answer_type(a, i) != TYPE_CNAME ||
		    !addresses_target(ret, a, i))
			continue;
		group = resolve_group_of(r, ret);
		if (group == 0 || group == asked->group)
			continue;
		cut_behind(a, i);
		return true;
	}
	return false;
}

/* Whom to ask about it; false for names that nobody is asked about. */
static bool
find_group(const struct resolve *r, const struct task *task,
    const struct name *name, uint8_t *ret)
{
	if (resolve_is_tunnelled(r, task->key.group)) {
		*ret = task->key.group;
		return true;
	}
	*ret = resolve_group_of(r, name);
	return *ret != 0 ||
	       (special_find(name) == SPECIAL_NONE && name_n_labels(name) > 1);
}

static bool
is_circle(const struct answer *a, const struct name *target)
{
	size_t off = first_record(a->wire, a->len);
	struct wire_rr rr;

	for (unsigned int i = 0; i < a->n_answer; i++)
		if (wire_rr_read(&rr, a->wire, a->len, &off) < 0 ||
		    (rr.type == TYPE_CNAME && name_equal(&rr.owner, target)))
			return true;
	return false;
}

/* To go on from there; the part's bytes are copied. NULL when there is no
 * memory. */
static struct chase *
chase_new(
    const struct key *key, const struct part *part, const struct name *target)
{
	struct chase *chase = malloc(sizeof(*chase) + part->len);

	if (chase == NULL)
		return NULL;
	chase->key = *key;
	chase->key.name = *target;
	chase->n = 1;
	chase->part = *part;
	chase->part.wire = chase->wire;
	memcpy(chase->wire, part->wire, part->len);
	return chase;
}

struct task *
task_follow(struct resolve *r, const struct key *key, const struct outcome *o,
    struct asker *asker, mono_t now)
{
	unsigned int n = asker->told.record + 1;
	struct part part = part_of(o->answer, n, o->age);
	struct chase *chase = NULL;
	struct name target;
	struct task *task;

	if (part.len <= CHASE_LEN_MAX &&
	    addresses_target(&target, o->answer, n - 1))
		chase = chase_new(key, &part, &target);
	if (chase == NULL)
		return NULL;
	task = task_new(r, key, asker, now);
	if (task == NULL) {
		free(chase);
		return NULL;
	}
	task->chase = chase;
	task->usual = o->key->group == 0;
	if (task_soon(r, task, now))
		return task;
	task_finish(r, task, &(struct outcome){ 0 }, now);
	return NULL;
}

/* Whom the rules deny what has been found so far learns that now. True where
 * nobody is left who waits for more. */
static bool
tell_denied(struct resolve *r, struct task *task, const struct answer *answer,
    mono_t now)
{
	struct outcome o = {
		.from = FROM_UPSTREAM, .key = &task->key, .answer = answer
	};
	struct list denied, *node, *tmp;
	uint64_t number = ++r->n_told;

	list_init(&denied);
	list_for_each_safe (node, tmp, &task->waiters) {
		struct waiter *w = container_of(node, struct waiter, node);

		if (w->generation != r->generation ||
		    outcome_judge(r, w->client.asker, &o, number, now) ==
			FILTER_PASSES)
			continue;
		list_remove(&w->node);
		list_append(&denied, &w->node);
	}
	if (list_empty(&denied)) /* nobody: it was asked ahead, for that one */
		return list_empty(&task->waiters) &&
		       outcome_judge(r, task->asker, &o, number, now) !=
			   FILTER_PASSES;
	waiters_answer(r, &denied, &o, now);
	return list_empty(&task->waiters);
}

bool
task_chase(
    struct resolve *r, struct task *task, struct answer *answer, mono_t now)
{
	struct chase *chase = NULL;
	const struct name *zone;
	struct name target;
	struct part part;
	unsigned int n = 0;
	/* this one, not all of them */
	bool on = leads_into_zone(r, task, &target, answer) ||
		  leads_on(&target, answer);
	uint8_t group;

	if (task->chase != NULL &&
	    !join(answer, &r->chased, &task->key, &task->chase->part, answer)) {
		task_fail(r, task, -EBADMSG, now);
		return true;
	}
	if (!on || !find_group(r, task, &target, &group))
		return false;
	if (tell_denied(r, task, answer, now)) {
		task_finish(r, task, &(struct outcome){ 0 }, now);
		return true;
	}
	if (task->chase != NULL)
		n = task->chase->n;
	part = part_of(answer, answer->n_answer, 0);
	if (!is_circle(answer, &target) && part.len <= CHASE_LEN_MAX &&
	    n < CHASES_MAX)
		chase = chase_new(&task->key, &part, &target);
	if (chase == NULL) {
		task_fail(r, task, -EBADMSG, now);
		return true;
	}
	chase->key.group = group;
	chase->n = n + 1;
	free(task->chase);
	task->chase = chase;
	task_leave(task);
	task->n_sent = task->round = task->tried = 0;
	task->refused = 0; /* that was of the name before */
	task->ede = EDE_NONE;
	task->group = resolve_group(r, group, &zone);
	task_go_on(r, task, now);
	return true;
}
