#ifndef CORE_QTYPE_H
#define CORE_QTYPE_H

#include <stddef.h>
#include <stdint.h>

/* Types of DNS records by their names (IANA's registry), in upper or lower
 * case; any by TYPE65 (RFC 3597). */

#define QTYPE_A 1

/* 0, or -EINVAL: no type, or one that has no name. */
int qtype_parse(uint16_t *ret, const char *s, size_t len);

/* The name, or TYPE65 written to buf. */
#define QTYPE_TEXT_SIZE 12
const char *qtype_format(uint16_t qtype, char buf[QTYPE_TEXT_SIZE]);

/* All names: *ret_n of them. */
const char *const *qtype_names(size_t *ret_n);

/* The name that was meant, or NULL: see word_nearest(). */
const char *qtype_nearest(const char *s, size_t len);

#endif
