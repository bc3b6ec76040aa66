#ifndef CORE_PATTERNS_H
#define CORE_PATTERNS_H

#include "src/core/pattern.h"

/* The patterns of a compiled list. Each is an entry of the list's names as
 * well, under a name that nobody can ask for, which has what is said of it.
 *
 * Few are tried: each is found by two or three bytes that all of its matches
 * have, so a name costs a look at each of its bytes. */

/* As a list keeps them. */
struct patterns_entry {
	uint32_t entry; /* of the names */
	uint32_t off;	/* of its text */
	uint16_t len;	/* of that, without the NUL behind it */
	uint16_t kind;
};

/* Of one list. */
#define PATTERNS_MAX ((size_t)5000)
#define PATTERNS_REGEX_MAX ((size_t)1000)
/* Steps of all regular expressions (regex.h): a name of 255 bytes that all of
 * them have to look at takes some 5 ms. */
#define PATTERNS_COST_MAX ((size_t)20000)

/* What a list has; borrowed. */
struct patterns_image {
	const struct patterns_entry *v;
	size_t n;
	const char *text;
	size_t n_text;
	size_t n_entries; /* of the names */
};

struct patterns;

/* Checks all of it against the sizes. 0, -EBADMSG or -ENOMEM; *ret is NULL
 * where there are none. */
int patterns_new(struct patterns **ret, const struct patterns_image *image);
void patterns_free(struct patterns *patterns); /* accepts NULL */

size_t patterns_n(const struct patterns *patterns); /* 0 for NULL */

/* Calls found() with the entry of each one that has the name, and of how many
 * octets that one is: see pattern_end(). */
typedef void patterns_found_fn(void *arg, uint32_t entry, size_t len);
void patterns_find(const struct patterns *patterns, const struct name *name,
    patterns_found_fn *found, void *arg);

#endif
