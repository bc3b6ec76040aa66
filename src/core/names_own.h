#ifndef CORE_NAMES_OWN_H
#define CORE_NAMES_OWN_H

#include "src/base/list.h"
#include "src/base/map.h"
#include "src/core/names.h"

/* Behind struct names: shared by names.c and names_text.c. */

/* Zero padded: hashed and compared as memory. All but the address is 0 for
 * anybody. */
struct names_key {
	uint64_t start, exe_dev, exe_ino;
	uint32_t pid, zero;
	struct addr addr;
};

struct names_entry {
	struct map_node node;
	struct list lru;
	struct names_key key;
	const struct host_names *hosts;
	mono_t *ends; /* of each of them, in the same memory */
};

struct names {
	struct map map;
	struct list lru; /* the one used last first */
	size_t max;
	struct stats *stats;
};

struct names_key names_key_of(
    const struct process *proc, const struct addr *addr);

/* The name goes in front, or holds until then at least. */
void names_put(struct names *names, const struct names_key *key,
    const struct name *name, mono_t end, mono_t now);

#endif
