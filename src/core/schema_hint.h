#ifndef CORE_SCHEMA_HINT_H
#define CORE_SCHEMA_HINT_H

#include <stddef.h>

/* What to write in place of a text that a check has refused, as struct
 * conf_row's hint, of s[0..len): forms that other programs have, and that look
 * as if they were good here. NULL: nothing that `expected` does not say. */
const char *schema_hint_port(const char *s, size_t len);
const char *schema_hint_dns(const char *s, size_t len);
const char *schema_hint_tunnel(const char *s, size_t len);
const char *schema_hint_prefix(const char *s, size_t len);
const char *schema_hint_block_answer(const char *s, size_t len);

#endif
