#include "dns/key.h"

#include <string.h>

void
key_of_query(struct key *ret, const struct query *q, uint8_t group)
{
	ret->name.len = q->qname.len;
	memcpy(ret->name.wire, q->qname.wire, q->qname.len);
	ret->type = q->qtype;
	ret->class = q->qclass;
	ret->flags = (uint8_t)((q->dnssec_ok ? KEY_DO : 0) |
			       ((q->flags & WIRE_CD) != 0 ? KEY_CD : 0));
	ret->group = group;
}

void
key_copy(struct key *ret, const struct key *from)
{
	memcpy(ret, from, offsetof(struct key, name.wire) + from->name.len);
}

uint64_t
key_hash(const struct map *map, const struct key *key)
{
	uint64_t rest = (uint64_t)key->type << 32 | (uint64_t)key->class << 16 |
			(uint64_t)key->group << 8 | key->flags;

	/* odd: different rests stay different, below the same secret */
	return map_hash(map, key->name.wire, key->name.len) ^
	       rest * UINT64_C(0x9e3779b97f4a7c15);
}
