#include "dns/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/addresses.h"
#include "dns/special.h"

/* Answers that end in an alias. Who has the name's zone and looks up no others,
 * as authorities do, says no more than that; programs do not ask again, and
 * have no address then. So its target is asked about, of whom the settings name
 * for that one, until the answer is whole. */

/* Questions for one, each with a chain of its own. */
#define CHASES_MAX 8

/* Octets of an answer that is kept meanwhile: more than eight aliases have. */
#define CHASE_LEN_MAX 4096

struct chase {
	struct key key; /* what is asked now */
	unsigned int n;
	/* the answer up to here */
	uint32_t ttl;
	bool secure;
	uint16_t n_answer, n_authority; /* of those what proves it (DO) */
	size_t len;
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

/* Records of a message, so many behind so many, to the writer's. */
static void
copy(struct writer *w, const uint8_t *wire, size_t len, unsigned int behind,
    unsigned int n)
{
	size_t off = first_record(wire, len);
	struct wire_rr rr;

	for (unsigned int i = 0;
	     i < behind + n && wire_rr_read(&rr, wire, len, &off) == 0; i++) {
		struct writer_rr head = { &rr.owner, rr.type, rr.class,
			rr.ttl };
		size_t begun;

		if (i < behind)
			continue;
		begun = writer_rr_begin(w, &head);
		(void)writer_rdata(w, wire, len, &rr);
		writer_rr_end(w, begun);
	}
}

/* What was found, behind what led there. False where that is too much. */
static bool
join(struct answer *ret, struct writer_space *space, const struct key *key,
    const struct chase *chase, const struct answer *found)
{
	struct answer whole = *found;
	struct writer w;

	writer_begin(&w, space, &key->name, key->type, key->class);
	copy(&w, chase->wire, chase->len, 0, chase->n_answer);
	copy(&w, found->wire, found->len, 0, found->n_answer);
	copy(&w, chase->wire, chase->len, chase->n_answer, chase->n_authority);
	copy(&w, found->wire, found->len, found->n_answer, found->n_authority);
	if (w.bad)
		return false;
	writer_answer(&w, &whole);
	whole.n_answer = (uint16_t)(chase->n_answer + found->n_answer);
	whole.n_authority = (uint16_t)(chase->n_authority + found->n_authority);
	whole.chased = true;
	whole.rcode = found->rcode;
	whole.nodata = found->nodata;
	whole.secure = found->secure && chase->secure;
	whole.ttl = found->ttl < chase->ttl ? found->ttl : chase->ttl;
	whole.cut = false; /* it is of another name */
	whole.ede = found->ede;
	whole.ede_text = found->ede_text;
	*ret = whole;
	return true;
}

static uint16_t
type_of(const struct answer *a, unsigned int i)
{
	return wire_u16(a->wire + a->ttls[i] - 4);
}

/* Whether it says that there is nothing more. What proves an alias that was
 * made of a wildcard says no such thing (RFC 4035 section 3.1.3.3). */
static bool
has_soa(const struct answer *a)
{
	for (unsigned int i = 0; i < a->n_authority; i++)
		if (type_of(a, a->n_answer + i) == TYPE_SOA)
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
	while (i > 0 && type_of(a, i - 1) != TYPE_CNAME)
		i--;
	return i > 0 && addresses_target(ret, a, i - 1);
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

static struct chase *
chase_new(const struct task *task, const struct answer *a,
    const struct name *target, uint8_t group)
{
	struct chase *chase = calloc(1, sizeof(*chase) + a->len);

	if (chase == NULL)
		return NULL;
	chase->key = task->key;
	chase->key.name = *target;
	chase->key.group = group;
	chase->n = task->chase != NULL ? task->chase->n + 1 : 1;
	chase->ttl = UINT32_MAX;
	for (unsigned int i = 0; i < a->n_rrs; i++)
		if (wire_u32(a->wire + a->ttls[i]) < chase->ttl)
			chase->ttl = wire_u32(a->wire + a->ttls[i]);
	chase->secure = a->secure;
	chase->n_answer = a->n_answer;
	chase->n_authority = a->n_authority;
	chase->len = a->len;
	memcpy(chase->wire, a->wire, a->len);
	return chase;
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
		    outcome_allows(r, w->client.asker, &o, number))
			continue;
		list_remove(&w->node);
		list_append(&denied, &w->node);
	}
	if (list_empty(&denied))
		return false;
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
	bool on = leads_on(&target, answer); /* this one, not all of them */
	uint8_t group;

	if (task->chase != NULL &&
	    !join(answer, &r->chased, &task->key, task->chase, answer)) {
		task_fail(r, task, -EBADMSG, now);
		return true;
	}
	if (!on || !find_group(r, task, &target, &group))
		return false;
	if (tell_denied(r, task, answer, now)) {
		task_finish(r, task, &(struct outcome){ 0 }, now);
		return true;
	}
	if (!is_circle(answer, &target) && answer->len <= CHASE_LEN_MAX &&
	    (task->chase == NULL || task->chase->n < CHASES_MAX))
		chase = chase_new(task, answer, &target, group);
	if (chase == NULL) {
		task_fail(r, task, -EBADMSG, now);
		return true;
	}
	free(task->chase);
	task->chase = chase;
	task_leave(task);
	task->n_sent = task->round = task->tried = 0;
	task->refused = false; /* that was of the name before */
	task->ede = EDE_NONE;
	task->group = resolve_group(r, group, &zone);
	task_go_on(r, task, now);
	return true;
}
