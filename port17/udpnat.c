#include "port17/udpnat.h"

#include <string.h>

/* Hashed: without padding. */
struct key {
	uint8_t addr[16];
	uint16_t port, family;
};

static uint64_t
hash_of(const struct udpnat *nat, const struct addr *peer, uint16_t port)
{
	struct key key = { .port = port, .family = peer->family };

	memcpy(key.addr, peer->bytes, sizeof(key.addr));
	return map_hash(&nat->map, &key, sizeof(key));
}

int
udpnat_init(struct udpnat *nat, size_t max)
{
	nat->max = max;
	list_init(&nat->lru);
	return map_init(&nat->map);
}

void
udpnat_done(struct udpnat *nat)
{
	map_done(&nat->map);
}

struct udpnat_entry *
udpnat_find(const struct udpnat *nat, const struct addr *peer, uint16_t port)
{
	uint64_t hash = hash_of(nat, peer, port);
	struct map_node *node = map_first(&nat->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct udpnat_entry *entry =
		    container_of(node, struct udpnat_entry, node);

		if (entry->port == port && addr_equal(&entry->peer, peer))
			return entry;
	}
	return NULL;
}

void
udpnat_add(struct udpnat *nat, struct udpnat_entry *entry, mono_t now)
{
	entry->last = now;
	map_put(
	    &nat->map, &entry->node, hash_of(nat, &entry->peer, entry->port));
	list_prepend(&nat->lru, &entry->lru);
}

void
udpnat_remove(struct udpnat *nat, struct udpnat_entry *entry)
{
	map_remove(&nat->map, &entry->node);
	list_remove(&entry->lru);
}

void
udpnat_touch(
    struct udpnat *nat, struct udpnat_entry *entry, bool reply, mono_t now)
{
	entry->last = now;
	entry->replied = entry->replied || reply;
	list_remove(&entry->lru);
	list_prepend(&nat->lru, &entry->lru);
}

static uint64_t
life_of(const struct udpnat_entry *entry)
{
	if (!entry->replied)
		return UDPNAT_UNREPLIED_NS;
	if (entry->rport == 53 || entry->rport == 123 || entry->rport == 3478)
		return UDPNAT_SHORT_NS;
	return UDPNAT_REPLIED_NS;
}

/* The list is in order of time, and lives differ: what lives less long is
 * looked for among those that are old enough for the shortest. */
struct udpnat_entry *
udpnat_expired(const struct udpnat *nat, mono_t now)
{
	const struct list *at = nat->lru.prev;

	for (; at != &nat->lru; at = at->prev) {
		struct udpnat_entry *entry =
		    container_of(at, struct udpnat_entry, lru);
		uint64_t quiet = mono_since(now, entry->last);

		if (quiet < UDPNAT_SHORT_NS)
			return NULL;
		if (quiet >= life_of(entry))
			return entry;
	}
	return NULL;
}

struct udpnat_entry *
udpnat_crowded(const struct udpnat *nat)
{
	return nat->map.count >= nat->max
		   ? container_of(nat->lru.prev, struct udpnat_entry, lru)
		   : NULL;
}
