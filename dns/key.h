#ifndef DNS_KEY_H
#define DNS_KEY_H

#include "src/base/map.h"
#include "dns/query.h"

enum key_flag {
	KEY_DO = 1,
	KEY_CD = 2,
	/* of the daemon's own: a proxy that the settings name may be private */
	KEY_OWN = 4,
	/* an alias was found by the usual servers, and what it leads to is
	 * asked of those of the group */
	KEY_AWAY = 8,
};

/* What two queries share that may have one answer. */
struct key {
	uint16_t type, class;
	uint8_t flags;	  /* enum key_flag */
	uint8_t group;	  /* of upstreams that answer for the name */
	struct name name; /* lower case */
};

/* Its name has room that is mostly empty: it is not touched. */
void key_copy(struct key *ret, const struct key *from);

void key_of_query(struct key *ret, const struct query *q, uint8_t group);

/* For this map; two keys of one name differ in what is not hashed slowly. */
uint64_t key_hash(const struct map *map, const struct key *key);

#endif
