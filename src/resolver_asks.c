#include "src/resolver_own.h"

#include <stdlib.h>
#include <string.h>

/* Queries of the daemon's own at once. */
#define ASKS_MAX 64

struct ask {
	struct list node;
	uint64_t id;
	void (*done)(void *arg, const uint8_t *msg, size_t len);
	void *arg;
};

/* Takes the ask off the list; NULL if there is none of that number. */
static struct ask *
take_ask(struct resolver_ev *re, uint64_t id)
{
	struct list *node;

	list_for_each (node, &re->asks) {
		struct ask *ask = container_of(node, struct ask, node);

		if (ask->id != id)
			continue;
		list_remove(&ask->node);
		re->n_asks--;
		return ask;
	}
	return NULL;
}

void
resolver_asks_answer(
    struct resolver_ev *re, uint64_t id, const uint8_t *msg, size_t len)
{
	struct ask *ask = take_ask(re, id);

	if (ask == NULL)
		return;
	ask->done(ask->arg, msg, len);
	free(ask);
}

void
resolver_asks_done(struct resolver_ev *re)
{
	while (!list_empty(&re->asks)) {
		struct ask *ask = container_of(re->asks.next, struct ask, node);

		list_remove(&ask->node);
		free(ask);
	}
}

void
resolver_ev_ask(struct resolver_ev *re, const struct name *name, uint16_t qtype,
    void (*done)(void *arg, const uint8_t *msg, size_t len), void *arg)
{
	struct ask *ask =
	    re->n_asks < ASKS_MAX ? calloc(1, sizeof(*ask)) : NULL;
	struct asking *a = calloc(1, sizeof(*a) + WIRE_MESSAGE_MAX);

	if (ask == NULL || a == NULL) {
		free(ask);
		free(a);
		done(arg, NULL, 0);
		return;
	}
	resolver_follow_policy(re);
	ask->id = ++re->last_ask;
	ask->done = done;
	ask->arg = arg;
	list_append(&re->asks, &ask->node);
	re->n_asks++;
	a->query.flags = WIRE_RD;
	a->query.qtype = qtype;
	a->query.qclass = CLASS_IN;
	a->query.edns = true;
	a->query.size = QUERY_UDP_MAX;
	a->query.qname = *name;
	memcpy(a->query.asked, name->wire, name->len);
	a->client.tcp = true;
	a->client.listener = RESOLVER_ASKS;
	a->client.conn = ask->id;
	a->client.asker = re->nobody;
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
