#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Foreign text, for a terminal: what could move the cursor, give it orders or
 * turn the direction of what follows, and what is no UTF-8, stands as \xNN. */

/* Nothing of it has to be written otherwise. */
bool escape_is_plain(const char *s);

/* Bytes of the character at s[0..len), where a reader sees it as what it is and
 * where it stands; 0: of it one byte is to be written otherwise. */
size_t escape_visible(const char *s, size_t len);

/* To be freed; NULL when there is no memory. */
char *escape_text(const char *s);

/* Prints it; "?" when there is no memory. */
void escape_print(const char *s, FILE *out);

#endif
