#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* Bytes of the UTF-8 sequence that starts at s, which a NUL ends, and is valid,
 * else 0 (RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF).
 */
size_t utf8_len(const unsigned char *s);

#endif
