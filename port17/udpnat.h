#ifndef PORT17_UDPNAT_H
#define PORT17_UDPNAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/base/list.h"
#include "src/base/map.h"
#include "src/base/mono.h"
#include "src/core/flow.h"

/* The UDP flows, by the peer as the listener sees it: the kernel gives each
 * destination of a socket a peer port of its own. Kept less long than conntrack
 * keeps the flow: what came later would reach the program from 127.0.0.17, and
 * the port is another flow's. That is 120 s where something is said after an
 * answer, two seconds or more after the flow began (UDPNAT_STREAM_NS is that,
 * and what we see it later), else 30 s. */
#define UDPNAT_UNREPLIED_NS (25 * MONO_S)
#define UDPNAT_REPLIED_NS (110 * MONO_S)
#define UDPNAT_STREAM_NS (3 * MONO_S)
/* One question, one answer: DNS, NTP, STUN. And one that is away. */
#define UDPNAT_SHORT_NS (10 * MONO_S)
#define UDPNAT_LIVES 3

struct udpnat_entry {
	struct map_node by_peer, by_key, by_far;
	struct list lru;
	struct addr peer; /* the last one, where it has none now */
	uint16_t port;
	bool away;	     /* it has none: another has that, or nobody */
	struct flow_key key; /* as the program sees it */
	/* the association that it shares with others, NULL: none; and the far
	 * end as that one calls it: ADDR_NONE where the address stands for a
	 * name */
	const void *way;
	struct addr far;
	bool replied, stream;
	mono_t began, last; /* it began with that peer, 0: it has not spoken */
};

struct udpnat {
	struct map peers, keys, fars;
	struct list lru[UDPNAT_LIVES]; /* of each length; the youngest first */
	size_t max;
};

int udpnat_init(struct udpnat *nat, size_t max); /* 0 or -ENOMEM */
void udpnat_done(struct udpnat *nat); /* empty; accepts a zeroed one */

/* NULL where there is none. */
struct udpnat_entry *udpnat_find(
    const struct udpnat *nat, const struct addr *peer, uint16_t port);
struct udpnat_entry *udpnat_find_key(
    const struct udpnat *nat, const struct flow_key *key);
/* Whom an answer from there is for, that came by that way. */
struct udpnat_entry *udpnat_find_far(const struct udpnat *nat, const void *way,
    const struct addr *far, uint16_t port);

/* Peer, port and key are set, way is NULL; it is not there yet. */
void udpnat_add(struct udpnat *nat, struct udpnat_entry *entry, mono_t now);
void udpnat_remove(struct udpnat *nat, struct udpnat_entry *entry);

/* Its peer is another's now: it is found by its key alone, and not kept for
 * long, until it comes again, from there, and speaks. */
void udpnat_leave(struct udpnat *nat, struct udpnat_entry *entry, mono_t now);
void udpnat_come(struct udpnat *nat, struct udpnat_entry *entry,
    const struct addr *peer, uint16_t port);

/* It goes another way: NULL for one that is its own. */
void udpnat_set_way(struct udpnat *nat, struct udpnat_entry *entry,
    const void *way, const struct addr *far);

/* It spoke, or was spoken to. */
void udpnat_touch(
    struct udpnat *nat, struct udpnat_entry *entry, bool reply, mono_t now);

/* One that has to go: because it was quiet for too long, or because there is no
 * room for another. NULL: none. */
struct udpnat_entry *udpnat_expired(const struct udpnat *nat, mono_t now);
struct udpnat_entry *udpnat_crowded(const struct udpnat *nat);

size_t udpnat_count(const struct udpnat *nat);

#endif
