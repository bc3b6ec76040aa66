#include "port17/udpnat.h"

#include <errno.h>
#include <string.h>

enum life {
	LIFE_SHORT,
	LIFE_UNREPLIED,
	LIFE_REPLIED,
};

static const uint64_t lives[UDPNAT_LIVES] = {
	[LIFE_SHORT] = UDPNAT_SHORT_NS,
	[LIFE_UNREPLIED] = UDPNAT_UNREPLIED_NS,
	[LIFE_REPLIED] = UDPNAT_REPLIED_NS,
};

/* Hashed: without padding. */
struct peer_key {
	uint8_t addr[16];
	uint16_t port, family;
};

struct far_key {
	struct peer_key peer;
	uint32_t zero;
	uintptr_t way;
};

static struct peer_key
peer_key_of(const struct addr *peer, uint16_t port)
{
	struct peer_key key = { .port = port, .family = peer->family };

	memcpy(key.addr, peer->bytes, sizeof(key.addr));
	return key;
}

static uint64_t
hash_of(const struct udpnat *nat, const struct addr *peer, uint16_t port)
{
	struct peer_key key = peer_key_of(peer, port);

	return map_hash(&nat->peers, &key, sizeof(key));
}

static uint64_t
hash_of_far(const struct udpnat *nat, const void *way, const struct addr *far,
    uint16_t port)
{
	struct far_key key = { .peer = peer_key_of(far, port),
		.way = (uintptr_t)way };

	return map_hash(&nat->fars, &key, sizeof(key));
}

int
udpnat_init(struct udpnat *nat, size_t max)
{
	nat->max = max;
	for (size_t i = 0; i < UDPNAT_LIVES; i++)
		list_init(&nat->lru[i]);
	if (map_init(&nat->peers) == 0 && map_init(&nat->keys) == 0 &&
	    map_init(&nat->fars) == 0)
		return 0;
	return -ENOMEM;
}

void
udpnat_done(struct udpnat *nat)
{
	map_done(&nat->peers);
	map_done(&nat->keys);
	map_done(&nat->fars);
}

struct udpnat_entry *
udpnat_find(const struct udpnat *nat, const struct addr *peer, uint16_t port)
{
	uint64_t hash = hash_of(nat, peer, port);
	struct map_node *node = map_first(&nat->peers, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct udpnat_entry *entry =
		    container_of(node, struct udpnat_entry, by_peer);

		if (entry->port == port && addr_equal(&entry->peer, peer))
			return entry;
	}
	return NULL;
}

struct udpnat_entry *
udpnat_find_key(const struct udpnat *nat, const struct flow_key *key)
{
	uint64_t hash = map_hash(&nat->keys, key, sizeof(*key));
	struct map_node *node = map_first(&nat->keys, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct udpnat_entry *entry =
		    container_of(node, struct udpnat_entry, by_key);

		if (memcmp(&entry->key, key, sizeof(*key)) == 0)
			return entry;
	}
	return NULL;
}

struct udpnat_entry *
udpnat_find_far(const struct udpnat *nat, const void *way,
    const struct addr *far, uint16_t port)
{
	uint64_t hash = hash_of_far(nat, way, far, port);
	struct map_node *node = map_first(&nat->fars, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct udpnat_entry *entry =
		    container_of(node, struct udpnat_entry, by_far);

		if (entry->way == way && entry->key.rport == port &&
		    addr_equal(&entry->far, far))
			return entry;
	}
	return NULL;
}

static enum life
life_of(const struct udpnat_entry *entry)
{
	if (entry->away)
		return LIFE_SHORT;
	if (!entry->replied)
		return LIFE_UNREPLIED;
	if (entry->key.rport == 53 || entry->key.rport == 123 ||
	    entry->key.rport == 3478)
		return LIFE_SHORT;
	return entry->stream ? LIFE_REPLIED : LIFE_UNREPLIED;
}

static void
forget_peer(struct udpnat *nat, struct udpnat_entry *entry)
{
	if (!entry->away)
		map_remove(&nat->peers, &entry->by_peer);
	entry->away = true;
}

void
udpnat_add(struct udpnat *nat, struct udpnat_entry *entry, mono_t now)
{
	entry->last = now;
	entry->away = true;
	udpnat_come(nat, entry, &entry->peer, entry->port);
	entry->began = now;
	map_put(&nat->keys, &entry->by_key,
	    map_hash(&nat->keys, &entry->key, sizeof(entry->key)));
	list_prepend(&nat->lru[life_of(entry)], &entry->lru);
}

void
udpnat_set_way(struct udpnat *nat, struct udpnat_entry *entry, const void *way,
    const struct addr *far)
{
	if (entry->way != NULL)
		map_remove(&nat->fars, &entry->by_far);
	entry->way = way;
	if (way == NULL)
		return;
	entry->far = *far;
	map_put(&nat->fars, &entry->by_far,
	    hash_of_far(nat, way, far, entry->key.rport));
}

void
udpnat_remove(struct udpnat *nat, struct udpnat_entry *entry)
{
	udpnat_set_way(nat, entry, NULL, NULL);
	forget_peer(nat, entry);
	map_remove(&nat->keys, &entry->by_key);
	list_remove(&entry->lru);
}

void
udpnat_touch(
    struct udpnat *nat, struct udpnat_entry *entry, bool reply, mono_t now)
{
	entry->last = now;
	if (entry->began.ns == 0)
		entry->began = now;
	entry->stream = entry->stream ||
			(entry->replied &&
			    mono_since(now, entry->began) >= UDPNAT_STREAM_NS);
	entry->replied = entry->replied || reply;
	list_remove(&entry->lru);
	list_prepend(&nat->lru[life_of(entry)], &entry->lru);
}

void
udpnat_leave(struct udpnat *nat, struct udpnat_entry *entry, mono_t now)
{
	forget_peer(nat, entry);
	udpnat_touch(nat, entry, false, now);
}

void
udpnat_come(struct udpnat *nat, struct udpnat_entry *entry,
    const struct addr *peer, uint16_t port)
{
	forget_peer(nat, entry);
	entry->peer = *peer;
	entry->port = port;
	entry->away = false;
	entry->stream = false; /* conntrack counts anew */
	entry->began = (mono_t){ 0 };
	map_put(&nat->peers, &entry->by_peer, hash_of(nat, peer, port));
}

/* The oldest one with such a life, NULL where there is none. */
static struct udpnat_entry *
oldest(const struct udpnat *nat, size_t life)
{
	const struct list *lru = &nat->lru[life];

	return !list_empty(lru)
		   ? container_of(lru->prev, struct udpnat_entry, lru)
		   : NULL;
}

struct udpnat_entry *
udpnat_expired(const struct udpnat *nat, mono_t now)
{
	for (size_t i = 0; i < UDPNAT_LIVES; i++) {
		struct udpnat_entry *entry = oldest(nat, i);

		if (entry != NULL && mono_since(now, entry->last) >= lives[i])
			return entry;
	}
	return NULL;
}

struct udpnat_entry *
udpnat_crowded(const struct udpnat *nat)
{
	struct udpnat_entry *ret = NULL;

	if (udpnat_count(nat) < nat->max)
		return NULL;
	for (size_t i = 0; i < UDPNAT_LIVES; i++) {
		struct udpnat_entry *entry = oldest(nat, i);

		if (entry != NULL &&
		    (ret == NULL || mono_before(entry->last, ret->last)))
			ret = entry;
	}
	return ret;
}

size_t
udpnat_count(const struct udpnat *nat)
{
	return nat->keys.count;
}
