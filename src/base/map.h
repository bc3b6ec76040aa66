#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Intrusive hash map with chaining. The owner embeds a map_node, hashes its
 * own keys with map_hash() and compares them itself, so that keys are stored
 * once. The hash is keyed with random bytes: a remote sender chooses addresses
 * and ports, and must not be able to choose collisions. */
struct map_node {
	struct map_node *next;
	uint64_t hash;
};

struct map {
	struct map_node **slots;
	size_t mask; /* number of slots - 1 */
	/* The slots before it grew, with what is in them from `moved` on; NULL:
	 * all of it is in the others. */
	struct map_node **old;
	size_t old_mask, moved;
	size_t count;
	uint64_t seed[2];
};

/* Makes an empty map; 0 or -ENOMEM. It grows as needed. */
int map_init(struct map *map);

/* Frees the slots, not the objects in them; accepts a zeroed map. */
void map_done(struct map *map);

/* Keyed hash (SipHash-1-3) of bytes, for this map only. */
uint64_t map_hash(const struct map *map, const void *key, size_t len);

/* Adds a node; equal keys are not looked for. Never fails: when it can't grow,
 * chains get longer. */
void map_put(struct map *map, struct map_node *node, uint64_t hash);

/* Takes out a node that is in the map. */
void map_remove(struct map *map, struct map_node *node);

/* Where nodes with that hash are: for what follows. */
static inline struct map_node **
map_slot(const struct map *map, uint64_t hash)
{
	if (map->old != NULL && (hash & map->old_mask) >= map->moved)
		return &map->old[hash & map->old_mask];
	return &map->slots[hash & map->mask];
}

/* Has the memory of a slot fetched, and tells the first node of the slot, which
 * may be another one's: for who looks for many in a row. */
static inline void
map_expect(const struct map *map, uint64_t hash)
{
	__builtin_prefetch(map_slot(map, hash));
}

static inline const struct map_node *
map_expected(const struct map *map, uint64_t hash)
{
	return *map_slot(map, hash);
}

/* The first node with that hash, and the next one after `node`, else NULL: the
 * caller compares keys. */
struct map_node *map_first(const struct map *map, uint64_t hash);
struct map_node *map_next(const struct map_node *node, uint64_t hash);

#endif
