#include "src/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "src/base/sip.h"

#define SLOTS_MIN 64

/* Twice as many slots as nodes, at least: a node that is looked at in vain is
 * fetched from memory, which takes longer than all the rest. So the nodes of a
 * map that grows are not moved at once: a hundred thousand take many
 * milliseconds, in which nothing else would be done. */

/* Slots that are moved with each node that comes: all of them are long before
 * there are twice as many nodes. */
#define MOVED_AT_ONCE 8

uint64_t
map_hash(const struct map *map, const void *key, size_t len)
{
	struct sip sip;

	sip_init(&sip, map->seed);
	sip_bytes(&sip, key, len);
	return sip_end(&sip);
}

int
map_init(struct map *map)
{
	memset(map, 0, sizeof(*map));
	if (getrandom(map->seed, sizeof(map->seed), 0) !=
	    (ssize_t)sizeof(map->seed))
		return -EIO;
	map->slots = calloc(SLOTS_MIN, sizeof(map->slots[0]));
	if (map->slots == NULL)
		return -ENOMEM;
	map->mask = SLOTS_MIN - 1;
	return 0;
}

void
map_done(struct map *map)
{
	free(map->slots);
	free(map->old);
	memset(map, 0, sizeof(*map));
}

static void
map_grow(struct map *map)
{
	size_t mask = map->mask * 2 + 1;
	struct map_node **slots = calloc(mask + 1, sizeof(slots[0]));

	if (slots == NULL)
		return; /* the old ones serve on, with longer chains */
	map->old = map->slots;
	map->old_mask = map->mask;
	map->moved = 0;
	map->slots = slots;
	map->mask = mask;
}

static void
move_slot(struct map *map)
{
	struct map_node *node = map->old[map->moved++];

	while (node != NULL) {
		struct map_node *next = node->next;
		struct map_node **slot = &map->slots[node->hash & map->mask];

		node->next = *slot;
		*slot = node;
		node = next;
	}
}

static void
move_some(struct map *map)
{
	for (size_t i = 0; i < MOVED_AT_ONCE && map->moved <= map->old_mask;
	     i++) {
		/* what comes next is fetched from memory meanwhile */
		__builtin_prefetch(
		    map->old[(map->moved + MOVED_AT_ONCE) & map->old_mask]);
		move_slot(map);
	}
	if (map->moved <= map->old_mask)
		return;
	free(map->old);
	map->old = NULL;
}

void
map_put(struct map *map, struct map_node *node, uint64_t hash)
{
	struct map_node **slot;

	if (map->count > map->mask / 2 && map->old == NULL)
		map_grow(map);
	if (map->old != NULL)
		move_some(map);
	slot = map_slot(map, hash);
	node->hash = hash;
	node->next = *slot;
	*slot = node;
	map->count++;
}

void
map_remove(struct map *map, struct map_node *node)
{
	struct map_node **at = map_slot(map, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	node->next = NULL;
	map->count--;
}

static struct map_node *
same_hash(struct map_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

struct map_node *
map_first(const struct map *map, uint64_t hash)
{
	return same_hash(*map_slot(map, hash), hash);
}

struct map_node *
map_next(const struct map_node *node, uint64_t hash)
{
	return same_hash(node->next, hash);
}
