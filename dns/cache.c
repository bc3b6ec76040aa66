#include "dns/cache.h"

#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"

/* Names whose answers are looked for at one time, each since another moment:
 * with more of them everything goes. */
#define FLUSHES_MAX 16
/* Answers that are looked at in a row: a millisecond's work. */
#define SWEEP_AT_ONCE 10000
/* Those that were used, one behind the other, that the hand goes past: were all
 * of a large cache, one answer more would hold up everything. */
#define PASSED_MAX 1000

/* What was kept before is void. */
struct flush {
	uint64_t before;
	struct name name;
};

struct cache {
	struct map map;
	struct list order; /* the youngest first */
	struct list *hand; /* where eviction goes on; towards the young */
	size_t bytes, max;
	size_t bound; /* that holds: above max while there is too much */
	/* what was flushed and is not free yet: by the thousand at a time */
	struct list leaving;
	size_t leaving_bytes;
	uint64_t evicted, refused;
	uint64_t last_number;
	/* of names, while not all answers were looked at */
	struct flush flushes[FLUSHES_MAX];
	size_t n_flushes;
	struct list *broom; /* the next one to be; towards the old */
	uint32_t untyped[NAME_WIRE_MAX + 1]; /* of TYPE_NONE, by name_len */
};

/* What follows the entry: TTL offsets, message, name, text of the EDE. */
static uint8_t *
bytes_of(struct cache_entry *entry)
{
	return (uint8_t *)(entry + 1);
}

static const uint8_t *
name_of_entry(const struct cache_entry *entry)
{
	return entry->answer.wire + entry->answer.len;
}

struct cache *
cache_new(size_t bytes)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	if (map_init(&cache->map) < 0) {
		free(cache);
		return NULL;
	}
	list_init(&cache->order);
	list_init(&cache->leaving);
	cache->hand = cache->broom = &cache->order;
	cache->max = cache->bound = bytes;
	return cache;
}

static void
forget(struct cache *cache, struct cache_entry *entry)
{
	if (cache->hand == &entry->order)
		cache->hand = entry->order.prev;
	if (cache->broom == &entry->order)
		cache->broom = entry->order.next;
	list_remove(&entry->order);
	map_remove(&cache->map, &entry->node);
	cache->bytes -= entry->size;
	if (entry->type == TYPE_NONE)
		cache->untyped[entry->name_len]--;
	free(entry);
}

/* Frees one of those that are leaving. */
static void
free_one(struct cache *cache)
{
	struct cache_entry *entry =
	    container_of(cache->leaving.next, struct cache_entry, order);

	list_remove(&entry->order);
	cache->leaving_bytes -= entry->size;
	free(entry);
}

static void
evict_one(struct cache *cache)
{
	for (unsigned int passed = 0;; passed++) {
		struct cache_entry *entry;

		if (cache->hand == &cache->order)
			cache->hand = cache->order.prev;
		entry = container_of(cache->hand, struct cache_entry, order);
		if (!entry->used || passed == PASSED_MAX) {
			forget(cache, entry);
			cache->evicted++;
			return;
		}
		entry->used = false;
		cache->hand = entry->order.prev;
	}
}

static void
make_room(struct cache *cache, size_t size)
{
	while (!list_empty(&cache->leaving) &&
	       cache->bytes + cache->leaving_bytes + size > cache->bound)
		free_one(cache);
	while (!list_empty(&cache->order) && cache->bytes + size > cache->bound)
		evict_one(cache);
}

/* Once what is left is within max, that is what holds. */
static void
lower_bound(struct cache *cache)
{
	size_t bytes = cache->bytes + cache->leaving_bytes;

	if (bytes < cache->bound)
		cache->bound = bytes > cache->max ? bytes : cache->max;
}

bool
cache_tidy(struct cache *cache, size_t n)
{
	for (; n > 0 && !list_empty(&cache->leaving); n--)
		free_one(cache);
	for (; n > 0 && cache->bytes > cache->max; n--)
		evict_one(cache);
	lower_bound(cache);
	return list_empty(&cache->leaving) && cache->bytes <= cache->max;
}

void
cache_free(struct cache *cache)
{
	if (cache == NULL)
		return;
	while (!list_empty(&cache->order))
		forget(cache,
		    container_of(cache->order.next, struct cache_entry, order));
	while (!list_empty(&cache->leaving))
		free_one(cache);
	map_done(&cache->map);
	free(cache);
}

void
cache_resize(struct cache *cache, size_t bytes)
{
	cache->max = cache->bound = bytes;
	if (cache->bytes + cache->leaving_bytes > bytes)
		cache->bound = cache->bytes + cache->leaving_bytes;
	(void)cache_tidy(cache, SWEEP_AT_ONCE); /* the rest by and by */
}

static void
copy_name(struct name *ret, const struct cache_entry *entry)
{
	ret->len = entry->name_len;
	memcpy(ret->wire, name_of_entry(entry), ret->len);
}

static bool
is_flushed(const struct cache *cache, const struct cache_entry *entry)
{
	struct name name;

	copy_name(&name, entry);
	for (size_t i = 0; i < cache->n_flushes; i++) {
		const struct name *of = &cache->flushes[i].name;

		/* below it, or NXDOMAIN above it, which speaks of it, too */
		if (entry->number <= cache->flushes[i].before &&
		    (name_in(&name, of) ||
			(entry->type == TYPE_NONE && name_in(of, &name))))
			return true;
	}
	return false;
}

static struct cache_entry *
find_hashed(struct cache *cache, const struct key *key, uint64_t hash)
{
	struct map_node *node = map_first(&cache->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct cache_entry *e =
		    container_of(node, struct cache_entry, node);

		if (e->type == key->type && e->class == key->class &&
		    e->flags == key->flags && e->group == key->group &&
		    e->name_len == key->name.len &&
		    memcmp(name_of_entry(e), key->name.wire, e->name_len) == 0)
			return e;
	}
	return NULL;
}

struct cache_entry *
cache_find_as(struct cache *cache, const struct key *key, uint64_t number)
{
	struct cache_entry *entry = find_hashed(
	    cache, key, number != 0 ? number : key_hash(&cache->map, key));

	if (entry == NULL || (cache->n_flushes > 0 && is_flushed(cache, entry)))
		return NULL;
	entry->used = true;
	return entry;
}

struct cache_entry *
cache_find(struct cache *cache, const struct key *key)
{
	return cache_find_as(cache, key, 0);
}

bool
cache_has_untyped(const struct cache *cache, uint8_t name_len)
{
	return cache->untyped[name_len] > 0;
}

uint64_t
cache_expect(const struct cache *cache, const struct key *key)
{
	uint64_t hash = key_hash(&cache->map, key);

	map_expect(&cache->map, hash);
	return hash;
}

void
cache_expect_entry(const struct cache *cache, uint64_t number)
{
	const struct map_node *node = map_expected(&cache->map, number);
	const uint8_t *entry;

	if (node == NULL)
		return;
	entry = (const uint8_t *)container_of(node, struct cache_entry, node);
	/* the entry, and the short answer behind it */
	for (size_t i = 0; i < sizeof(struct cache_entry) + 64; i += 64)
		__builtin_prefetch(entry + i);
}

const struct cache_entry *
cache_expected(const struct cache *cache, uint64_t number)
{
	const struct map_node *node = map_expected(&cache->map, number);

	return node != NULL && node->hash == number
		   ? container_of(node, struct cache_entry, node)
		   : NULL;
}

uint64_t
cache_last_number(const struct cache *cache)
{
	return cache->last_number;
}

uint32_t
cache_age(const struct cache_entry *entry, mono_t now)
{
	return (uint32_t)(mono_since(now, entry->stored) / MONO_S);
}

bool
cache_is_fresh(const struct cache_entry *entry, mono_t now)
{
	return mono_since(now, entry->stored) <
	       (uint64_t)entry->answer.ttl * MONO_S;
}

static void
fill(
    struct cache_entry *entry, const struct key *key, const struct answer *from)
{
	size_t ttls = from->n_rrs * sizeof(from->ttls[0]);
	uint8_t *to = bytes_of(entry);
	struct answer *a = &entry->answer;

	*a = *from;
	if (ttls > 0)
		memcpy(to, from->ttls, ttls);
	a->ttls = (const uint16_t *)(const void *)to;
	to += ttls;
	memcpy(to, from->wire, from->len);
	a->wire = to;
	to += from->len;
	memcpy(to, key->name.wire, key->name.len);
	to += key->name.len;
	memcpy(to, from->ede_text, strlen(from->ede_text) + 1);
	a->ede_text = (const char *)to;
	entry->type = key->type;
	entry->class = key->class;
	entry->flags = key->flags;
	entry->group = key->group;
	entry->name_len = key->name.len;
}

bool
cache_put(struct cache *cache, const struct key *key,
    const struct answer *answer, mono_t now)
{
	size_t size = sizeof(struct cache_entry) +
		      answer->n_rrs * sizeof(answer->ttls[0]) + answer->len +
		      key->name.len + strlen(answer->ede_text) + 1;
	uint64_t hash = key_hash(&cache->map, key);
	struct cache_entry *entry = find_hashed(cache, key, hash);

	if (entry != NULL)
		forget(cache, entry);
	/* one answer must not turn out half of the others */
	if (size > cache->max / 2) {
		cache->refused++;
		return false;
	}
	make_room(cache, size);
	entry = calloc(1, size);
	if (entry == NULL) {
		cache->refused++;
		return false;
	}
	fill(entry, key, answer);
	entry->size = (uint32_t)size;
	entry->stored = now;
	entry->number = ++cache->last_number;
	cache->bytes += size;
	if (entry->type == TYPE_NONE)
		cache->untyped[entry->name_len]++;
	map_put(&cache->map, &entry->node, hash);
	list_prepend(&cache->order, &entry->order);
	return true;
}

void
cache_drop(struct cache *cache, const struct key *key)
{
	struct cache_entry *entry =
	    find_hashed(cache, key, key_hash(&cache->map, key));

	if (entry != NULL)
		forget(cache, entry);
}

/* Everything, at once, whatever it is: false where there is no memory to do so.
 */
static bool
leave_all(struct cache *cache)
{
	struct list *first = cache->order.next, *last = cache->order.prev;
	struct map map;

	if (map_init(&map) < 0)
		return false;
	map_done(&cache->map);
	cache->map = map;
	if (first != &cache->order) { /* behind what is leaving already */
		first->prev = cache->leaving.prev;
		cache->leaving.prev->next = first;
		last->next = &cache->leaving;
		cache->leaving.prev = last;
	}
	list_init(&cache->order);
	cache->hand = &cache->order;
	cache->leaving_bytes += cache->bytes;
	cache->bytes = 0;
	memset(cache->untyped, 0, sizeof(cache->untyped));
	return true;
}

size_t
cache_sweep(struct cache *cache, bool *ret_more)
{
	size_t n = 0;

	for (size_t i = 0; i < SWEEP_AT_ONCE && cache->broom != &cache->order;
	     i++) {
		struct cache_entry *entry =
		    container_of(cache->broom, struct cache_entry, order);

		cache->broom = cache->broom->next;
		if (!is_flushed(cache, entry))
			continue;
		forget(cache, entry);
		n++;
	}
	if (cache->broom == &cache->order)
		cache->n_flushes = 0;
	*ret_more = cache->n_flushes > 0;
	return n;
}

/* Whether everything is forgotten. */
static bool
flush_all(struct cache *cache)
{
	if (!leave_all(cache))
		return false;
	cache->n_flushes = 0;
	cache->broom = &cache->order;
	return true;
}

size_t
cache_flush(struct cache *cache, const struct name *name, bool *ret_more)
{
	static const struct name root = { .len = 1, .wire = { 0 } };
	size_t n = cache->map.count;
	struct flush *flush;

	*ret_more = false;
	if (name == NULL)
		name = &root;
	if ((name_is_root(name) || cache->n_flushes == FLUSHES_MAX) &&
	    flush_all(cache))
		return n;
	while (cache->n_flushes == FLUSHES_MAX) /* no memory for that */
		(void)cache_sweep(cache, ret_more);
	flush = &cache->flushes[cache->n_flushes++];
	flush->before = cache->last_number;
	flush->name = *name;
	cache->broom = cache->order.next;
	return cache_sweep(cache, ret_more);
}

/* Where the others of its chain are asked now is not known. */
static bool
is_of_one(const struct answer *a)
{
	for (unsigned int i = 0; i < a->n_answer; i++)
		if (answer_type(a, i) == TYPE_CNAME)
			return false;
	return !a->chased;
}

size_t
cache_regroup(struct cache *cache,
    int (*place)(void *arg, uint8_t group, const struct name *name), void *arg)
{
	struct list *node, *tmp;
	struct key key;
	size_t n = 0;

	list_for_each_safe (node, tmp, &cache->order) {
		struct cache_entry *entry =
		    container_of(node, struct cache_entry, order);
		int at;

		copy_name(&key.name, entry);
		at = is_of_one(&entry->answer)
			 ? place(arg, entry->group, &key.name)
			 : -1;
		if (at == entry->group)
			continue;
		if (at < 0) {
			forget(cache, entry);
			n++;
			continue;
		}
		key.type = entry->type;
		key.class = entry->class;
		key.flags = entry->flags;
		key.group = entry->group = (uint8_t)at;
		map_remove(&cache->map, &entry->node);
		map_put(&cache->map, &entry->node, key_hash(&cache->map, &key));
	}
	return n;
}

void
cache_stats(const struct cache *cache, struct cache_stats *ret)
{
	ret->entries = cache->map.count;
	ret->bytes = cache->bytes;
	ret->leaving = cache->leaving_bytes;
	ret->bytes_max = cache->max;
	ret->evicted = cache->evicted;
	ret->refused = cache->refused;
}
