#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stddef.h>

/* The word of words[0..n) that s was meant to be: what is called so elsewhere
 * ("allow" for accept), the only one that begins so, or the nearest by edit
 * distance (a swap of neighbours is one edit), at most 2 or a third of the
 * length away, 1 for words of up to three letters; upper and lower case are the
 * same. NULL if none is near. */
const char *word_nearest(
    const char *s, size_t len, const char *const *words, size_t n);

/* Writes s[0..len) in single quotes to buf, for use within a message: foreign
 * bytes that are not escape_visible() as \xNN, cut with "..." after 40 bytes.
 * Returns buf. */
#define WORD_QUOTE_SIZE 176
const char *word_quote(const char *s, size_t len, char buf[WORD_QUOTE_SIZE]);

/* Offset in s[0..len) of the first byte that has no place in a line of text: a
 * control character but tab, a byte order mark, or bad UTF-8; len if there is
 * none, else *ret_what says what it is. */
size_t text_bad_byte(const char *s, size_t len, const char **ret_what);

/* What is expected in its place; a carriage return is in each line of a file.
 */
const char *text_good_for(char bad, const char *other);

#endif
