#ifndef CORE_PATTERN_H
#define CORE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/name.h"

/* What stands for many names: a text with wildcards, or a regular expression.
 *
 * The text that both are held against is the name between a '.' and
 * PATTERN_END: ".www.example.com$". So a label begins with a dot, also the
 * first one, and what is to be at the end of the name says so by a byte. */

#define PATTERN_END '\x01'

enum pattern_kind {
	PATTERN_GLOB,  /* of glob.h, with ** alone, for all of the text */
	PATTERN_REGEX, /* for the name alone, without what is around it */
	PATTERN_N_KINDS,
};

struct pattern {
	enum pattern_kind kind;
	const char *text; /* a NUL behind it */
	uint16_t len;
	uint32_t cost; /* of a regular expression: see regex.h */
};

/* Longer ones are none. */
#define PATTERN_MAX 512
#define PATTERN_SIZE (PATTERN_MAX + 1)

struct pattern_text {
	char s[NAME_WIRE_MAX + 2]; /* no NUL behind it */
	size_t len;
};

/* Bytes of labels that would look like a dot or an end are NUL there, which no
 * pattern has. */
void pattern_text(struct pattern_text *ret, const struct name *name);

/* Where a wildcard pattern is held: at the name's start, at the start of any
 * label, or anywhere. */
enum pattern_start {
	PATTERN_AT_START,
	PATTERN_AT_LABEL,
	PATTERN_ANYWHERE
};

/* Makes a pattern of host name's characters and *, which stands for any bytes;
 * at_end: it is to end where the name does. buf keeps it. NULL, or what is
 * wrong. */
const char *pattern_glob(struct pattern *ret, char buf[PATTERN_SIZE],
    const char *s, size_t len, enum pattern_start start, bool at_end);

/* Where it says how names end, and nothing else: how many octets of a name that
 * is, with one for the length of the first label. 0 for all others. */
size_t pattern_end(const struct pattern *pattern);

/* The same of a regular expression, which has to be one. */
const char *pattern_regex(
    struct pattern *ret, char buf[PATTERN_SIZE], const char *s, size_t len);

/* Whether a pattern of pattern_glob() has all of s[0..len). What stands between
 * two ** is looked for once: no name makes it slow. */
bool pattern_glob_match(const char *glob, const char *s, size_t len);

/* Whether it matches; for who asks once. */
bool pattern_has(const struct pattern *pattern, const struct name *name);

/* Two or three bytes that stand in each text which it can match: b[0] << 16 |
 * b[1] << 8 | b[2], the last one 0 for two; 0: it has none. Of all, some that
 * few names have. */
uint32_t pattern_gram(const struct pattern *pattern);

#endif
