#ifndef CORE_LISTS_OWN_H
#define CORE_LISTS_OWN_H

#include "src/core/addrset.h"
#include "src/core/hostset.h"
#include "src/core/list_image.h"
#include "src/core/patterns.h"

/* Behind struct list_index: shared by list_image.c, which makes one of bytes
 * and counts who has it, and lists.c, which asks it. */

struct list_index {
	unsigned int refs; /* atomic, as is hits */
	uint64_t hits;
	struct hostset names;
	struct addrset addrs;
	struct patterns *patterns; /* NULL for none */
	const uint8_t *addr_records;
	const struct list_header *header;
	const uint8_t *meta;
	void *bytes;
	size_t size;
	void (*release)(void *bytes, size_t size);
};

#endif
