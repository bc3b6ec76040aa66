#include "src/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "src/base/sip.h"

#define SLOTS_MIN 64

/* Twice as many slots as nodes, at least: a node that is looked at in vain is
 * fetched from memory, which takes longer than all the rest. */

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
	memset(map, 0, sizeof(*map));
}

static void
map_grow(struct map *map)
{
	size_t mask = map->mask * 2 + 1;
	struct map_node **slots = calloc(mask + 1, sizeof(slots[0]));

	if (slots == NULL)
		return; /* the old ones serve on, with longer chains */
	for (size_t i = 0; i <= map->mask; i++) {
		struct map_node *node = map->slots[i];

		while (node != NULL) {
			struct map_node *next = node->next;

			node->next = slots[node->hash & mask];
			slots[node->hash & mask] = node;
			node = next;
		}
	}
	free(map->slots);
	map->slots = slots;
	map->mask = mask;
}

void
map_put(struct map *map, struct map_node *node, uint64_t hash)
{
	struct map_node **slot;

	if (map->count > map->mask / 2)
		map_grow(map);
	slot = &map->slots[hash & map->mask];
	node->hash = hash;
	node->next = *slot;
	*slot = node;
	map->count++;
}

void
map_remove(struct map *map, struct map_node *node)
{
	struct map_node **at = &map->slots[node->hash & map->mask];

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
	return same_hash(map->slots[hash & map->mask], hash);
}

struct map_node *
map_next(const struct map_node *node, uint64_t hash)
{
	return same_hash(node->next, hash);
}
