#ifndef CORE_REPEATS_H
#define CORE_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mono.h"

/* What is said of something that another makes happen again and again: each of
 * its texts once while that goes on, and now and then how often it was that
 * nothing new was to be said. Zeroed to begin with. */
#define REPEATS_TEXTS 64
/* It goes on until there was none for so long; it is summed up so often. */
#define REPEATS_QUIET_NS (10 * MONO_S)

struct repeats {
	uint64_t texts[REPEATS_TEXTS]; /* that were said: their hashes */
	size_t n;
	mono_t last;   /* it happened */
	uint64_t more; /* times that nothing was said */
	mono_t since;
	bool said; /* something, of the one that happened last */
};

/* It happened: repeats_is_new() for each of its texts, which is true where that
 * is to be said, then repeats_end(). */
void repeats_begin(struct repeats *repeats, mono_t now);
bool repeats_is_new(struct repeats *repeats, const char *text);
void repeats_end(struct repeats *repeats, mono_t now);

/* How often it happened that nothing was said of, once it is time to say that;
 * else 0. To be asked now and then. */
uint64_t repeats_sum(struct repeats *repeats, mono_t now);

/* What each look finds again: each of its texts once while it stands. Zeroed to
 * begin with. */
#define STANDING_TEXTS 16

struct standing {
	struct {
		uint64_t text;
		bool seen; /* by this look */
	} v[STANDING_TEXTS];
	size_t n;
};

/* For each text that a look has found: whether it is to be said. Then the end
 * of that look; whole: what it has not found stands no more. */
bool standing_is_new(struct standing *standing, const char *text);
void standing_end(struct standing *standing, bool whole);

#endif
