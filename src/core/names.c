#include "src/core/names.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/zalloc.h"
#include "src/core/names_own.h"

/* Owners ------------------------------------------------------------------- */

static struct names_key
key_of_owner(const struct names_key *key)
{
	struct names_key owner = *key;

	memset(&owner.addr, 0, sizeof(owner.addr));
	return owner;
}

/* NULL when there is no memory. */
static struct names_owner *
owner_get(struct names *names, const struct names_key *of)
{
	struct names_key key = key_of_owner(of);
	struct names_owner *owner = names->last;
	struct map_node *node;
	uint64_t hash;

	if (owner != NULL && memcmp(&owner->key, &key, sizeof(key)) == 0)
		return owner;
	hash = map_hash(&names->owners, &key, sizeof(key));
	node = map_first(&names->owners, hash);
	for (; node != NULL; node = map_next(node, hash)) {
		owner = container_of(node, struct names_owner, node);
		if (memcmp(&owner->key, &key, sizeof(key)) == 0) {
			names->last = owner;
			return owner;
		}
	}
	owner = calloc(1, sizeof(*owner));
	if (owner == NULL)
		return NULL;
	owner->key = key;
	list_init(&owner->entries);
	list_init(&owner->rank);
	map_put(&names->owners, &owner->node, hash);
	names->last = owner;
	return owner;
}

/* Among those that have about as much, the one that was here longest first; who
 * has nothing is no more. */
static void
owner_rank(struct names *names, struct names_owner *owner)
{
	unsigned int rank = 0;

	list_remove(&owner->rank);
	if (list_empty(&owner->entries)) {
		if (names->last == owner)
			names->last = NULL;
		map_remove(&names->owners, &owner->node);
		free(owner);
		return;
	}
	while (rank < NAMES_RANKS - 1 && owner->bytes >> (rank + 1) != 0)
		rank++;
	list_append(&names->ranks[rank], &owner->rank);
}

static void
entry_own(
    struct names *names, struct names_entry *entry, struct names_owner *owner)
{
	entry->owner = owner;
	list_prepend(&owner->entries, &entry->own);
	owner->bytes += entry->bytes;
	owner_rank(names, owner);
}

static void
entry_disown(struct names *names, struct names_entry *entry)
{
	list_remove(&entry->own);
	entry->owner->bytes -= entry->bytes;
	owner_rank(names, entry->owner);
	entry->owner = NULL;
}

static void
entry_touch(struct names *names, struct names_entry *entry)
{
	list_remove(&entry->lru);
	list_prepend(&names->lru, &entry->lru);
	list_remove(&entry->own);
	list_prepend(&entry->owner->entries, &entry->own);
}

/* Entries ------------------------------------------------------------------ */

struct names_key
names_key_of(const struct process *proc, const struct addr *addr)
{
	struct names_key key;

	memset(&key, 0, sizeof(key));
	key.addr = *addr;
	if (proc == NULL || proc->kind != PROCESS_PROGRAM)
		return key;
	key.pid = (uint32_t)proc->pid;
	key.start = proc->start;
	key.exe_dev = proc->exe_dev;
	key.exe_ino = proc->exe_ino;
	return key;
}

static struct names_entry *
entry_find(
    const struct names *names, const struct names_key *key, uint64_t hash)
{
	struct map_node *node = map_first(&names->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct names_entry *entry =
		    container_of(node, struct names_entry, node);

		if (memcmp(&entry->key, key, sizeof(*key)) == 0)
			return entry;
	}
	return NULL;
}

static void
entry_free(struct names *names, struct names_entry *entry)
{
	map_remove(&names->map, &entry->node);
	list_remove(&entry->lru);
	names->bytes -= entry->bytes;
	entry_disown(names, entry);
	host_names_unref(entry->hosts);
	free(entry);
}

static struct names_entry *
entry_of_own(struct list *own)
{
	return container_of(own, struct names_entry, own);
}

/* One goes, and the one behind it is the next to go: what is written then, and
 * the one behind that, is fetched from memory meanwhile. */
static void
expect_out(const struct names *names, const struct names_owner *owner,
    const struct names_entry *entry)
{
	const struct names_entry *next;

	if (entry->own.prev == &owner->entries)
		return;
	next = entry_of_own(entry->own.prev);
	map_expect(&names->map, next->node.hash);
	__builtin_prefetch(next->hosts);
	__builtin_prefetch(next->lru.next);
	__builtin_prefetch(next->lru.prev);
	names_expect_entry(entry_of_own(next->own.prev));
}

/* Room is made by a program that takes most of it: an answer may hold thousands
 * of addresses, an address have many long names, and the names that others go
 * by must not go for them. */
static void
make_room(struct names *names)
{
	struct names_owner *owner;
	struct names_entry *entry;
	size_t rank = NAMES_RANKS - 1;

	while (rank > 0 && list_empty(&names->ranks[rank]))
		rank--;
	owner = container_of(names->ranks[rank].next, struct names_owner, rank);
	entry = entry_of_own(owner->entries.prev);
	expect_out(names, owner, entry);
	entry_free(names, entry);
	names->stats->names_evicted++;
}

static struct names_entry *
entry_new(struct names *names, const struct names_told *told)
{
	struct names_entry *entry;
	struct names_owner *owner;

	if (names->map.count >= names->max)
		make_room(names);
	entry = zalloc(sizeof(*entry));
	if (entry == NULL)
		return NULL;
	owner = owner_get(names, told->owner);
	if (owner == NULL) {
		free(entry);
		return NULL;
	}
	entry->key = *told->key;
	entry->bytes = sizeof(*entry);
	names->bytes += entry->bytes;
	map_put(&names->map, &entry->node, told->hash);
	list_prepend(&names->lru, &entry->lru);
	entry_own(names, entry, owner);
	return entry;
}

/* What several programs were told is nobody's of them to lose. */
static void
entry_share(
    struct names *names, struct names_entry *entry, const struct names_key *who)
{
	static const struct names_key several = { .zero = 1 };
	struct names_key key = key_of_owner(who);
	struct names_owner *owner;

	if (memcmp(&entry->owner->key, &key, sizeof(key)) == 0 ||
	    entry->owner->key.zero != 0)
		return;
	owner = owner_get(names, &several);
	if (owner == NULL)
		return;
	entry_disown(names, entry);
	entry_own(names, entry, owner);
}

/* Puts other names in place of those of the entry; false when there is no
 * memory, and nothing is changed. */
static bool
entry_set(struct names *names, struct names_entry *entry,
    const struct name *const *v, const struct names_hold *holds, size_t n)
{
	struct names_owner *owner = entry->owner;
	struct names_hold *copy;
	struct host_names *hosts = host_names_new(v, holds, n, &copy);
	size_t bytes = entry->bytes;

	if (hosts == NULL)
		return false;
	entry->bytes = sizeof(*entry) + hosts->size;
	names->bytes = names->bytes - bytes + entry->bytes;
	owner->bytes = owner->bytes - bytes + entry->bytes;
	owner_rank(names, owner);
	host_names_unref(entry->hosts);
	entry->hosts = hosts;
	entry->holds = copy;
	return true;
}

/* The names that hold still behind the new one (NULL: there is none). Returns
 * how many there are. */
static size_t
names_that_hold(const struct names_entry *entry, const struct name **v,
    struct names_hold *holds, size_t n, mono_t now)
{
	for (uint8_t i = 0; entry->hosts != NULL && i < entry->hosts->n; i++) {
		const struct name *name = entry->hosts->v[i];

		if (mono_before(entry->holds[i].end, now) ||
		    (n > 0 && name_equal(name, v[0])))
			continue;
		v[n] = name;
		holds[n++] = entry->holds[i];
	}
	return n;
}

static bool
are_too_many(const struct name *const *v, size_t n)
{
	size_t octets = 0;

	for (size_t i = 0; i < n; i++)
		octets += v[i]->len;
	return n > NAMES_PER_ADDR || octets > NAMES_OCTETS;
}

static bool
entry_add(struct names *names, struct names_entry *entry,
    const struct name *name, const struct names_hold *hold, mono_t now)
{
	const struct name *v[NAMES_PER_ADDR + 1];
	struct names_hold holds[NAMES_PER_ADDR + 1];
	size_t n, out;

	v[0] = name;
	holds[0] = *hold;
	n = names_that_hold(entry, v, holds, 1, now);
	while (are_too_many(v, n)) {
		out = 1 + names_first_to_go(v + 1, holds + 1, n - 1);
		n--;
		memmove(&v[out], &v[out + 1], (n - out) * sizeof(v[0]));
		memmove(
		    &holds[out], &holds[out + 1], (n - out) * sizeof(holds[0]));
		names->stats->names_crowded++;
	}
	return entry_set(names, entry, v, holds, n);
}

/* What a service of the system's was told it tells others. */
static uint32_t
uid_of_both(uint32_t before, uint32_t uid)
{
	return before <= SYSTEM_UID_MAX || before == HOST_NAMES_OWN ? before
								    : uid;
}

void
names_put(struct names *names, const struct names_told *told, mono_t now)
{
	const struct name *name = told->name;
	struct names_hold hold = told->hold;
	struct names_entry *entry;

	while (names->bytes > names->max * NAMES_BYTES)
		make_room(names);
	entry = entry_find(names, told->key, told->hash);
	if (entry == NULL) {
		entry = entry_new(names, told);
		if (entry == NULL)
			return;
	} else {
		entry_share(names, entry, told->owner);
		entry_touch(names, entry);
	}
	for (uint8_t i = 0; entry->hosts != NULL && i < entry->hosts->n; i++) {
		if (!name_equal(entry->hosts->v[i], name))
			continue;
		if (mono_before(entry->holds[i].end, hold.end))
			entry->holds[i].end = hold.end;
		entry->holds[i].uid =
		    uid_of_both(entry->holds[i].uid, hold.uid);
		hold = entry->holds[i];
		if (i == 0)
			return; /* the same again */
	}
	if (!entry_add(names, entry, name, &hold, now) && entry->hosts == NULL)
		entry_free(names, entry);
}

/* The same without those that have ended; NULL where none is left, and the
 * entry is gone. */
static const struct host_names *
entry_hosts(struct names *names, struct names_entry *entry, mono_t now)
{
	const struct name *v[NAMES_PER_ADDR];
	struct names_hold holds[NAMES_PER_ADDR];
	size_t n = names_that_hold(entry, v, holds, 0, now);

	if (n == 0) {
		entry_free(names, entry);
		return NULL;
	}
	/* where there is no memory they hold a little longer */
	if (n < entry->hosts->n)
		(void)entry_set(names, entry, v, holds, n);
	return entry->hosts;
}

/* What is asked for ------------------------------------------------------- */

struct names *
names_new(size_t max, struct stats *stats)
{
	struct names *names = calloc(1, sizeof(*names));

	if (names == NULL)
		return NULL;
	if (map_init(&names->map) < 0) {
		free(names);
		return NULL;
	}
	if (map_init(&names->owners) < 0) {
		map_done(&names->map);
		free(names);
		return NULL;
	}
	list_init(&names->lru);
	for (size_t i = 0; i < NAMES_RANKS; i++)
		list_init(&names->ranks[i]);
	names->max = max;
	names->stats = stats;
	return names;
}

void
names_free(struct names *names)
{
	if (names == NULL)
		return;
	while (!list_empty(&names->lru))
		entry_free(names,
		    container_of(names->lru.next, struct names_entry, lru));
	map_done(&names->map);
	map_done(&names->owners);
	free(names);
}

size_t
names_count(struct names *names)
{
	names_settle(names);
	return names->map.count;
}

const struct host_names *
names_lookup(struct names *names, const struct process *proc,
    const struct addr *addr, mono_t now)
{
	struct addr plain = addr_unmap(addr);
	struct names_key key = names_key_of(proc, &plain);
	uint64_t hash = map_hash(&names->map, &key, sizeof(key));
	const struct host_names *hosts;
	struct names_entry *entry;

	names_settle(names);
	entry = entry_find(names, &key, hash);
	if (entry != NULL && key.pid != 0) {
		hosts = entry_hosts(names, entry, now);
		if (hosts != NULL) {
			mono_t end = names_end(now, 0);

			for (uint8_t i = 0; i < hosts->n; i++)
				if (mono_before(entry->holds[i].end, end))
					entry->holds[i].end = end;
			entry_touch(names, entry);
			return hosts;
		}
	}
	if (key.pid != 0) {
		key = names_key_of(NULL, &plain);
		hash = map_hash(&names->map, &key, sizeof(key));
		entry = entry_find(names, &key, hash);
	}
	if (entry == NULL)
		return NULL;
	entry_touch(names, entry);
	return entry_hosts(names, entry, now);
}
