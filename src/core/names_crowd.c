#include "src/core/names_own.h"

uint32_t
names_site(const struct names *names, const struct name *name)
{
	const uint8_t *at = name->wire, *last = at, *site = at;

	for (; *at != 0; at = name_step(at)) {
		site = last;
		last = at;
	}
	return (uint32_t)map_hash(&names->map, site, name_rest(name, site));
}

/* Twice as many as there are, and a power of two. */
#define SLOTS (2 * NAMES_PER_ADDR)

/* Where the site is counted, or is to be. */
static size_t
slot_of(const struct names_hold *const slots[SLOTS], uint32_t site)
{
	size_t at = site % SLOTS;

	while (slots[at] != NULL && slots[at]->site != site)
		at = (at + 1) % SLOTS;
	return at;
}

size_t
names_first_to_go(const struct names_hold *holds, size_t n)
{
	const struct names_hold *slots[SLOTS] = { NULL };
	unsigned int counts[SLOTS] = { 0 };
	size_t most = slot_of(slots, holds[0].site);

	/* of each site the one that ends first, or of those the oldest */
	for (size_t i = 0; i < n; i++) {
		size_t at = slot_of(slots, holds[i].site);

		counts[at]++;
		if (slots[at] == NULL ||
		    !mono_before(slots[at]->end, holds[i].end))
			slots[at] = &holds[i];
		if (counts[at] > counts[most] ||
		    (counts[at] == counts[most] &&
			mono_before(slots[at]->end, slots[most]->end)))
			most = at;
	}
	return (size_t)(slots[most] - holds);
}
