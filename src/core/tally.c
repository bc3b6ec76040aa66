#include "src/core/tally.h"

#include <stdlib.h>
#include <string.h>

const char *const tally_verdicts[TALLY_VERDICTS] = { "accept", "block", "drop",
	"reroute" };

struct table {
	struct map map;
	struct list lru; /* the youngest first */
	size_t max;
	struct stats *stats;
};

struct tally {
	struct table processes, hosts;
};

/* The identity of design.md section 4, without padding: hashed as memory. */
struct process_key {
	uint64_t kind, pid, start, exe_dev, exe_ino;
};

static int
table_init(struct table *table, size_t max, struct stats *stats)
{
	list_init(&table->lru);
	table->max = max;
	table->stats = stats;
	return map_init(&table->map);
}

const struct tally_row *
tally_row_ref(const struct tally_row *row)
{
	/* const is what holders see; the count is ours */
	((struct tally_row *)row)->refs++;
	return row;
}

void
tally_row_unref(const struct tally_row *row)
{
	struct tally_row *own = (struct tally_row *)row; /* as above */

	if (--own->refs > 0)
		return;
	process_unref(own->process);
	free(own);
}

static void
table_forget(struct table *table, struct tally_row *row)
{
	list_remove(&row->lru);
	map_remove(&table->map, &row->node);
	tally_row_unref(row);
}

static void
table_done(struct table *table)
{
	while (table->lru.next != NULL && !list_empty(&table->lru))
		table_forget(table,
		    container_of(table->lru.next, struct tally_row, lru));
	map_done(&table->map);
}

struct tally *
tally_new(size_t max, struct stats *stats)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (tally == NULL)
		return NULL;
	if (table_init(&tally->processes, max, stats) < 0 ||
	    table_init(&tally->hosts, max, stats) < 0) {
		tally_free(tally);
		return NULL;
	}
	return tally;
}

void
tally_free(struct tally *tally)
{
	if (tally == NULL)
		return;
	table_done(&tally->processes);
	table_done(&tally->hosts);
	free(tally);
}

static struct tally_row *
table_find(
    const struct table *table, const void *key, size_t len, uint64_t hash)
{
	struct map_node *node = map_first(&table->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct tally_row *row =
		    container_of(node, struct tally_row, node);

		if (row->key_len == len && memcmp(row->key, key, len) == 0)
			return row;
	}
	return NULL;
}

/* Finds or makes the row, and makes it the youngest; NULL when there is no
 * memory. */
static struct tally_row *
table_get(struct table *table, const void *key, size_t len, mono_t now)
{
	uint64_t hash = map_hash(&table->map, key, len);
	struct tally_row *row = table_find(table, key, len, hash);

	if (row != NULL) {
		list_remove(&row->lru);
		list_prepend(&table->lru, &row->lru);
		return row;
	}
	row = calloc(1, sizeof(*row) + len + 1);
	if (row == NULL)
		return NULL;
	if (table->map.count >= table->max) {
		table_forget(table,
		    container_of(table->lru.prev, struct tally_row, lru));
		table->stats->sums_evicted++;
	}
	row->refs = 1;
	row->first = now;
	row->last = now;
	row->key_len = len;
	memcpy(row->key, key, len);
	map_put(&table->map, &row->node, hash);
	list_prepend(&table->lru, &row->lru);
	return row;
}

static struct process_key
key_of_process(const struct process *proc)
{
	return (struct process_key){ proc->kind, (uint64_t)proc->pid,
		proc->start, proc->exe_dev, proc->exe_ino };
}

static struct tally_row *
process_row(struct tally *tally, const struct process *proc, mono_t now)
{
	struct process_key key = key_of_process(proc);
	struct tally_row *row;

	row = table_get(&tally->processes, &key, sizeof(key), now);
	if (row != NULL && row->process != proc) {
		process_unref(row->process);
		row->process = process_ref(proc);
	}
	return row;
}

/* A name begins with its first letter, an address with this. */
#define ADDRESS_TAG '\1'

static struct tally_row *
host_row(
    struct tally *tally, const struct flow *flow, const char *host, mono_t now)
{
	char key[1 + sizeof(struct addr)] = { ADDRESS_TAG };

	if (host != NULL)
		return table_get(&tally->hosts, host, strlen(host), now);
	memcpy(key + 1, &flow->key.remote, sizeof(struct addr));
	return table_get(&tally->hosts, key, sizeof(key), now);
}

const char *
tally_host(const struct tally_row *row, char buf[ADDR_STRLEN])
{
	struct addr addr;

	if (row->key[0] != ADDRESS_TAG)
		return row->key; /* ends in NUL */
	memcpy(&addr, row->key + 1, sizeof(addr));
	return addr_format(&addr, buf);
}

static void
count_verdict(struct tally_row *row, const struct flow *flow, mono_t now)
{
	size_t verdict = (size_t)flow->decision.action;

	if (row == NULL)
		return; /* no memory: not counted */
	row->last = now;
	row->flows++;
	if (verdict < TALLY_VERDICTS)
		row->verdicts[verdict]++;
}

void
tally_judged(
    struct tally *tally, const struct flow *flow, const char *host, mono_t now)
{
	count_verdict(process_row(tally, flow->process, now), flow, now);
	count_verdict(host_row(tally, flow, host, now), flow, now);
}

static void
count_bytes(struct tally_row *row, uint64_t in, uint64_t out)
{
	if (row == NULL)
		return;
	row->bytes_in += in;
	row->bytes_out += out;
}

void
tally_bytes(struct tally *tally, const struct flow *flow, const char *host,
    uint64_t in, uint64_t out)
{
	count_bytes(process_row(tally, flow->process, flow->last), in, out);
	count_bytes(host_row(tally, flow, host, flow->last), in, out);
}

static const struct tally_row *
older(const struct table *table, const struct tally_row *after)
{
	const struct list *next =
	    after != NULL ? after->lru.next : table->lru.next;

	return next != &table->lru ? container_of(next, struct tally_row, lru)
				   : NULL;
}

const struct tally_row *
tally_process_older(const struct tally *tally, const struct tally_row *after)
{
	return older(&tally->processes, after);
}

const struct tally_row *
tally_host_older(const struct tally *tally, const struct tally_row *after)
{
	return older(&tally->hosts, after);
}

const struct tally_row *
tally_process(const struct tally *tally, const struct process *proc)
{
	const struct table *table = &tally->processes;
	struct process_key key = key_of_process(proc);

	return table_find(
	    table, &key, sizeof(key), map_hash(&table->map, &key, sizeof(key)));
}

size_t
tally_n_processes(const struct tally *tally)
{
	return tally->processes.map.count;
}

size_t
tally_n_hosts(const struct tally *tally)
{
	return tally->hosts.map.count;
}
