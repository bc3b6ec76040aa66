#include "src/core/flow.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/policy.h"

/* Flows are found by their socket in one of so many rings: some ten are in
 * each where there are as many flows as there can be. One socket may have
 * thousands of them, which a map would hold in one chain. */
#define SOCKET_RINGS 4096

/* Of a socket with more flows than this the rest are not looked for when it is
 * closed: a millisecond. */
#define CLOSED_MAX 8192

/* A packet's flow is looked for some five times while it is judged. */
struct hashed {
	struct flow_key key;
	uint64_t hash;
};

struct flow_table {
	struct map map;
	struct hashed *last; /* also where the table is only read */
	struct list sockets[SOCKET_RINGS];
	struct list closed; /* of sockets that are */
	struct list lru;    /* the youngest first */
	struct list walk;   /* in the list above: what is younger is to come */
	size_t max;
};

/* The flow at this place of the list or, where that is the walk's, the next
 * younger one; NULL at the head. */
static struct flow *
flow_at(const struct flow_table *table, const struct list *node)
{
	if (node == &table->walk)
		node = node->prev;
	return node != &table->lru ? container_of(node, struct flow, lru)
				   : NULL;
}

struct flow_key
flow_key_of(const struct packet_tuple *tuple, bool in)
{
	struct flow_key key;

	memset(&key, 0, sizeof(key)); /* hashed with its padding */
	key.local = in ? tuple->dst : tuple->src;
	key.remote = in ? tuple->src : tuple->dst;
	key.lport = in ? tuple->dport : tuple->sport;
	key.rport = in ? tuple->sport : tuple->dport;
	key.proto = tuple->proto;
	return key;
}

struct flow_table *
flow_table_new(size_t max)
{
	struct flow_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->last = calloc(1, sizeof(*table->last));
	if (table->last == NULL || map_init(&table->map) < 0) {
		free(table->last);
		free(table);
		return NULL;
	}
	list_init(&table->lru);
	list_init(&table->walk);
	list_init(&table->closed);
	for (size_t i = 0; i < SOCKET_RINGS; i++)
		list_init(&table->sockets[i]);
	table->max = max;
	table->last->hash =
	    map_hash(&table->map, &table->last->key, sizeof(table->last->key));
	return table;
}

void
flow_table_free(struct flow_table *table)
{
	if (table == NULL)
		return;
	list_remove(&table->walk);
	while (!list_empty(&table->lru))
		flow_forget(
		    table, container_of(table->lru.next, struct flow, lru));
	map_done(&table->map);
	free(table->last);
	free(table);
}

static uint64_t
hash_of(const struct flow_table *table, const struct flow_key *key)
{
	struct hashed *last = table->last;

	if (memcmp(&last->key, key, sizeof(*key)) != 0) {
		last->hash = map_hash(&table->map, key, sizeof(*key));
		memcpy(&last->key, key, sizeof(*key));
	}
	return last->hash;
}

static struct flow *
find_hashed(
    const struct flow_table *table, const struct flow_key *key, uint64_t hash)
{
	struct map_node *node = map_first(&table->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct flow *flow = container_of(node, struct flow, node);

		if (memcmp(&flow->key, key, sizeof(*key)) == 0)
			return flow;
	}
	return NULL;
}

struct flow *
flow_find(const struct flow_table *table, const struct flow_key *key)
{
	return find_hashed(table, key, hash_of(table, key));
}

void
flow_expect(const struct flow_table *table, const struct flow_key *key)
{
	map_expect(&table->map, hash_of(table, key));
}

struct flow *
flow_get(struct flow_table *table, const struct flow_key *key, mono_t now,
    bool *ret_evicted)
{
	uint64_t hash = hash_of(table, key);
	struct flow *flow = find_hashed(table, key, hash);

	*ret_evicted = false;
	if (flow != NULL) {
		flow_touch(table, flow, now);
		return flow;
	}
	flow = calloc(1, sizeof(*flow));
	if (flow == NULL)
		return NULL;
	if (table->map.count >= table->max) {
		flow_forget(table, flow_at(table, table->lru.prev));
		*ret_evicted = true;
	}
	list_init(&flow->socket);
	flow->key = *key;
	flow->first = now;
	flow->last = now;
	map_put(&table->map, &flow->node, hash);
	list_prepend(&table->lru, &flow->lru);
	return flow;
}

void
flow_touch(struct flow_table *table, struct flow *flow, mono_t now)
{
	flow->last = now;
	list_remove(&flow->lru);
	list_prepend(&table->lru, &flow->lru);
}

void
flow_forget(struct flow_table *table, struct flow *flow)
{
	list_remove(&flow->lru);
	list_remove(&flow->socket);
	map_remove(&table->map, &flow->node);
	process_unref(flow->process);
	policy_unref_shown(flow->policy);
	flow_rule_unref(flow->was);
	host_names_unref(flow->hosts);
	free(flow);
}

static struct list *
socket_ring(struct flow_table *table, uint64_t inode)
{
	/* with the key of the map: who makes sockets sees their numbers */
	return &table->sockets[map_hash(&table->map, &inode, sizeof(inode)) %
			       SOCKET_RINGS];
}

void
flow_set_socket(struct flow_table *table, struct flow *flow, uint64_t inode)
{
	flow->inode = inode;
	list_remove(&flow->socket);
	if (inode != 0 && flow->key.proto == IPPROTO_UDP)
		list_prepend(socket_ring(table, inode), &flow->socket);
}

void
flow_closed(struct flow_table *table, uint64_t inode, mono_t when)
{
	struct list *ring = socket_ring(table, inode), *node, *next;
	int n = 0;

	for (node = ring->next; node != ring && n < CLOSED_MAX; node = next) {
		struct flow *flow = container_of(node, struct flow, socket);

		next = node->next;
		n++;
		if (flow->inode != inode)
			continue;
		flow->asks = mono_before(when, flow->asked);
		list_remove(node);
		list_append(&table->closed, node);
	}
}

struct flow *
flow_closed_next(struct flow_table *table)
{
	struct list *node = table->closed.next;

	if (node == &table->closed)
		return NULL;
	list_remove(node);
	return container_of(node, struct flow, socket);
}

void
flow_set_process(struct flow *flow, const struct process *proc)
{
	const struct process *old = flow->process;

	flow->process = process_ref(proc);
	process_unref(old); /* last: it may be the same one */
}

void
flow_set_policy(struct flow *flow, const struct policy *policy)
{
	const struct policy *old = flow->policy;

	flow->policy = policy_ref_shown(policy);
	policy_unref_shown(old);
	flow_rule_unref(flow->was);
	flow->was = NULL;
}

void
flow_set_hosts(struct flow *flow, const struct host_names *hosts)
{
	const struct host_names *old = flow->hosts;

	flow->hosts = host_names_ref(hosts);
	host_names_unref(old);
}

static uint64_t
growth(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

struct flow_bytes
flow_count_bytes(
    struct flow *flow, uint32_t id, const struct flow_bytes *counted)
{
	/* another connection with the same ends begins at 0 */
	bool same = flow->ct_id == id;
	struct flow_bytes more = {
		growth(counted->in, same ? flow->bytes_in : 0),
		growth(counted->out, same ? flow->bytes_out : 0),
	};

	flow->ct_id = id;
	flow->bytes_in = counted->in;
	flow->bytes_out = counted->out;
	flow->counted = true;
	return more;
}

size_t
flow_count(const struct flow_table *table)
{
	return table->map.count;
}

const struct flow *
flow_older(const struct flow_table *table, const struct flow *after)
{
	const struct list *next =
	    after != NULL ? after->lru.next : table->lru.next;

	if (next == &table->walk)
		next = next->next;
	if (next == &table->lru)
		return NULL;
	return container_of(next, struct flow, lru);
}

const struct flow *
flow_next_to_go(const struct flow_table *table)
{
	return table->map.count >= table->max ? flow_at(table, table->lru.prev)
					      : NULL;
}

void
flow_walk_begin(struct flow_table *table)
{
	list_remove(&table->walk);
	list_append(&table->lru, &table->walk);
}

struct flow *
flow_walk_next(struct flow_table *table)
{
	struct list *next = table->walk.prev;

	list_remove(&table->walk);
	if (next == &table->lru || next == &table->walk)
		return NULL;
	list_append(next, &table->walk);
	return container_of(next, struct flow, lru);
}
