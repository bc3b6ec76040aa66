#include "port17/session.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int
session_table_init(struct session_table *table, size_t max, size_t held)
{
	memset(table, 0, sizeof(*table));
	list_init(&table->all);
	list_init(&table->ready);
	table->max = max;
	table->max_held = held < SESSIONS_HELD_MAX ? held : SESSIONS_HELD_MAX;
	if (map_init(&table->map) == 0 &&
	    shares_init(&table->held, table->max_held) == 0)
		return 0;
	return -ENOMEM;
}

void
session_table_done(struct session_table *table)
{
	map_done(&table->map);
	shares_done(&table->held);
}

struct session *
session_find(const struct session_table *table, const struct flow_key *key)
{
	uint64_t hash = map_hash(&table->map, key, sizeof(*key));
	struct map_node *node = map_first(&table->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct session *session =
		    container_of(node, struct session, node);

		if (memcmp(&session->key, key, sizeof(*key)) == 0)
			return session;
	}
	return NULL;
}

struct session *
session_older(const struct session_table *table, const struct session *after)
{
	struct list *next = after != NULL ? after->all.next : table->all.next;

	return next != &table->all ? container_of(next, struct session, all)
				   : NULL;
}

int
session_may_begin(const struct session_table *table)
{
	return table->map.count < table->max ? 0 : -ENOSPC;
}

int
session_may_hold(
    const struct session_table *table, const struct process *process)
{
	struct share_key key = share_key_of(process);

	if (session_may_begin(table) < 0)
		return -ENOSPC;
	return table->n_held < table->max_held &&
		       shares_have(&table->held, &key, 1)
		   ? 0
		   : -EBUSY;
}

/* Without memory for the count it is not held against its process. */
static void
hold(struct session_table *table, struct session *session)
{
	struct share_key key = share_key_of(session->claim.process);

	table->n_held++;
	session->counted = shares_take(&table->held, &key, 1);
}

static void
let_go(struct session_table *table, struct session *session)
{
	struct share_key key = share_key_of(session->claim.process);

	table->n_held--;
	if (session->counted)
		shares_give(&table->held, &key, 1);
	session->counted = false;
}

void
session_put(struct session_table *table, struct session *session, mono_t now)
{
	assert(session->phase == SESSION_HELD ||
	       session->phase == SESSION_DIALLING);
	session->id = ++table->last_id;
	session->began = now;
	if (session->phase == SESSION_HELD)
		hold(table, session);
	list_prepend(&table->all, &session->all);
	map_put(&table->map, &session->node,
	    map_hash(&table->map, &session->key, sizeof(session->key)));
}

void
session_remove(struct session_table *table, struct session *session)
{
	if (session->phase == SESSION_HELD)
		let_go(table, session);
	list_remove(&session->all);
	if (session->phase == SESSION_READY)
		list_remove(&session->ready);
	map_remove(&table->map, &session->node);
}

static struct session_move
take_held(struct session_table *table, struct session *session,
    enum session_event event, mono_t now)
{
	switch (event) {
	case SESSION_DIALLED:
		session->phase = SESSION_READY;
		session->ready_at = now;
		let_go(table, session);
		list_append(&table->ready, &session->ready);
		return (struct session_move){ .syn = SYN_GOES };
	case SESSION_FAILED:
	case SESSION_BROKE:
	case SESSION_ABORTED:
		return (struct session_move){ .syn = SYN_DENIED, .end = true };
	case SESSION_JOINED: /* its SYN has not left yet */
	case SESSION_LATE:
	case SESSION_ENDED:
		break;
	}
	assert(!"a held session can't have heard that");
	__builtin_trap();
}

struct session_move
session_take(struct session_table *table, struct session *session,
    enum session_event event, mono_t now)
{
	bool both =
	    (session->phase == SESSION_READY && event == SESSION_JOINED) ||
	    (session->phase == SESSION_DIALLING && event == SESSION_DIALLED);

	if (session->phase == SESSION_HELD)
		return take_held(table, session, event, now);
	if (!both) {
		/* nobody joins one that is not ready, and dials end once */
		assert(event != SESSION_JOINED && event != SESSION_DIALLED);
		return (struct session_move){ .end = true };
	}
	if (session->phase == SESSION_READY)
		list_remove(&session->ready);
	session->phase = SESSION_RELAYED;
	session->relay = NULL;
	return (struct session_move){ .relay = true };
}

struct session *
session_late(const struct session_table *table, mono_t now)
{
	struct session *first =
	    container_of(table->ready.next, struct session, ready);

	return !list_empty(&table->ready) &&
		       mono_since(now, first->ready_at) >= SESSION_READY_NS
		   ? first
		   : NULL;
}
