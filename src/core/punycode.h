#ifndef CORE_PUNYCODE_H
#define CORE_PUNYCODE_H

#include <stdbool.h>
#include <stddef.h>

/* A label in UTF-8, such as "bücher", as the "xn--" label of the DNS (RFC
 * 3492). Capital letters of Latin, Greek and Cyrillic are made small, and that
 * is all the mapping there is: text that is not in its normal form (NFC) gives
 * a label that no name has. The number of octets in ret, or 0 where it is no
 * UTF-8 or does not fit a label. */
#define PUNYCODE_MAX 63
size_t punycode_label(char ret[PUNYCODE_MAX], const char *label, size_t len);

/* A name whose labels in UTF-8 become such; the others stay as they are. False
 * where it does not fit, or one of them gives none. */
bool punycode_name(char *ret, size_t size, const char *s, size_t len);

#endif
