#include "src/resolver_own.h"

#include <stdlib.h>
#include <string.h>

/* Queries of the daemon's own at once. */
#define ASKS_MAX 64

struct ask {
	struct list node;
	uint64_t id;
	void (*done)(void *arg, const struct resolver_answer *answer);
	void *arg;
	bool decided;
	struct record record;
	struct name target; /* the record's */
};

static struct ask *
find_ask(struct resolver_ev *re, uint64_t id)
{
	struct list *node;

	list_for_each (node, &re->asks) {
		struct ask *ask = container_of(node, struct ask, node);

		if (ask->id == id)
			return ask;
	}
	return NULL;
}

/* Takes the ask off the list; NULL if there is none of that number. */
static struct ask *
take_ask(struct resolver_ev *re, uint64_t id)
{
	struct ask *ask = find_ask(re, id);

	if (ask != NULL) {
		list_remove(&ask->node);
		re->n_asks--;
	}
	return ask;
}

void
resolver_asks_decided(
    struct resolver_ev *re, uint64_t id, const struct record *record)
{
	struct ask *ask = find_ask(re, id);

	if (ask == NULL)
		return;
	ask->record = *record;
	ask->record.ede_text = ""; /* borrowed, and in the answer itself */
	if (record->target != NULL) {
		ask->target = *record->target;
		ask->record.target = &ask->target;
	}
	ask->decided = true;
}

void
resolver_asks_answer(
    struct resolver_ev *re, uint64_t id, const uint8_t *msg, size_t len)
{
	struct ask *ask = take_ask(re, id);
	struct resolver_answer answer = { msg, len, NULL };

	if (ask == NULL)
		return;
	if (ask->decided)
		answer.record = &ask->record;
	ask->done(ask->arg, &answer);
	free(ask);
}

void
resolver_asks_close(struct resolver_ev *re)
{
	re->closing = true; /* whoever asks again has none, too */
	while (!list_empty(&re->asks))
		resolver_asks_answer(re,
		    container_of(re->asks.next, struct ask, node)->id, NULL, 0);
}

/* A question, and who answers for it. */
struct asked {
	const struct name *name;
	uint16_t qtype;
	struct asker *asker;
};

static void
begin(struct resolver_ev *re, const struct asked *asked,
    void (*done)(void *arg, const struct resolver_answer *answer), void *arg)
{
	static const struct resolver_answer none = { NULL, 0, NULL };
	bool full = re->closing || re->n_asks >= ASKS_MAX;
	struct ask *ask = full ? NULL : calloc(1, sizeof(*ask));
	struct asking *a = calloc(1, sizeof(*a) + WIRE_MESSAGE_MAX);

	if (ask == NULL || a == NULL) {
		free(ask);
		free(a);
		done(arg, &none);
		return;
	}
	resolver_ev_follow(re);
	ask->id = ++re->last_ask;
	ask->done = done;
	ask->arg = arg;
	list_append(&re->asks, &ask->node);
	re->n_asks++;
	a->query.flags = WIRE_RD;
	a->query.qtype = asked->qtype;
	a->query.qclass = CLASS_IN;
	a->query.edns = true;
	a->query.size = QUERY_UDP_MAX;
	a->query.qname = *asked->name;
	memcpy(a->query.asked, asked->name->wire, asked->name->len);
	a->client.tcp = true;
	a->client.listener = RESOLVER_ASKS;
	a->client.conn = ask->id;
	a->client.asker = asked->asker;
	a->out = (uint8_t *)(a + 1);
	switch (resolve_query(re->resolve, a, mono_now())) {
	case RESOLVE_ANSWERED:
		resolver_asks_answer(re, ask->id, a->out, a->len);
		break;
	case RESOLVE_WAITING:
		break;
	case RESOLVE_SILENT:
		resolver_asks_answer(re, ask->id, NULL, 0);
		break;
	}
	free(a);
}

void
resolver_ev_ask(struct resolver_ev *re,
    const struct resolver_question *question,
    void (*done)(void *arg, const struct resolver_answer *answer), void *arg)
{
	struct asked asked = { question->name, question->qtype, NULL };

	if (question->process != NULL)
		asked.asker = asker_get(
		    resolve_askers(re->resolve), question->process, NULL);
	if (asked.asker == NULL)
		asked.asker = re->nobody;
	begin(re, &asked, done, arg);
}

/* Addresses of a name --------------------------------------------------------
 */

/* Both questions at once: an answer's end is no place to ask another. */
struct look_up {
	unsigned int waiting;
	struct addrs four, six;
	void (*done)(void *arg, const struct addrs *addrs);
	void *arg;
};

static void
add_address(struct addrs *addrs, struct addr addr)
{
	if (addrs->n < ADDRS_MAX)
		addrs->v[addrs->n++] = addr;
}

static void
take_addresses(struct look_up *l, const uint8_t *msg, size_t len)
{
	size_t off = WIRE_HEADER;
	struct wire_rr rr;
	struct name owner;

	if (len < WIRE_HEADER ||
	    wire_name_read(&owner, msg, len, &off, true) < 0)
		return;
	off += 4; /* type and class */
	for (unsigned int n = wire_u16(msg + 6); n > 0; n--) {
		if (wire_rr_read(&rr, msg, len, &off) < 0)
			return;
		if (rr.type == TYPE_A && rr.rdlen == 4)
			add_address(&l->four, addr_ip4(msg + rr.rdata));
		if (rr.type == TYPE_AAAA && rr.rdlen == 16)
			add_address(&l->six, addr_ip6(msg + rr.rdata));
	}
}

static void
looked_up(void *arg, const struct resolver_answer *answer)
{
	struct look_up *l = arg;

	take_addresses(l, answer->msg, answer->len);
	if (--l->waiting > 0)
		return;
	for (size_t i = 0; i < l->six.n; i++)
		add_address(&l->four, l->six.v[i]);
	l->done(l->arg, &l->four);
	free(l);
}

void
resolver_ev_look_up(struct resolver_ev *re, const struct name *name,
    void (*done)(void *arg, const struct addrs *addrs), void *arg)
{
	static const struct addrs none = { .n = 0 };
	struct asked four = { name, TYPE_A, re->own };
	struct asked six = { name, TYPE_AAAA, re->own };
	struct look_up *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		done(arg, &none);
		return;
	}
	*l = (struct look_up){ 2, none, none, done, arg };
	begin(re, &four, looked_up, l);
	begin(re, &six, looked_up, l);
}
