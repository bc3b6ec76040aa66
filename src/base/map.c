#include "src/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_MIN 64

static inline uint64_t
rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein): one round a word, three to finish. */
uint64_t
map_hash(const struct map *map, const void *key, size_t len)
{
	const uint8_t *p = key;
	size_t left = len;
	uint64_t v[4] = {
		map->seed[0] ^ UINT64_C(0x736f6d6570736575),
		map->seed[1] ^ UINT64_C(0x646f72616e646f6d),
		map->seed[0] ^ UINT64_C(0x6c7967656e657261),
		map->seed[1] ^ UINT64_C(0x7465646279746573),
	};
	uint64_t m;

	for (; left >= 8; p += 8, left -= 8) {
		memcpy(&m, p, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	m = 0;
	memcpy(&m, p, left);
	m |= (uint64_t)len << 56;
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
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

	if (map->count > map->mask)
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
