#ifndef CORE_REGEX_CLASS_H
#define CORE_REGEX_CLASS_H

#include <stdbool.h>
#include <stdint.h>

/* What one place of a regular expression stands for: for regex.c alone. */

struct regex_class {
	uint32_t bits[8];
};

static inline bool
regex_class_has(const struct regex_class *class, unsigned char c)
{
	return (class->bits[c / 32] >> c % 32 & 1) != 0;
}

/* A byte, ".", "\d", "[a-z]" and their like; either case of letters. Returns
 * what is behind it, NULL where it is none. */
const char *regex_class_read(struct regex_class *ret, const char *p);

#endif
