#ifndef BASE_LINE_H
#define BASE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The lines of a text, one after the other, without their newlines; borrowed.
 */
struct line {
	const char *s;
	size_t len;
	bool ended; /* by a newline: the last one may be cut */
};

/* Takes the next one off text[0..len); false when nothing is left. */
static inline bool
line_next(struct line *ret, const char **text, size_t *len)
{
	const char *nl;

	if (*len == 0)
		return false;
	nl = memchr(*text, '\n', *len);
	ret->s = *text;
	ret->ended = nl != NULL;
	ret->len = nl != NULL ? (size_t)(nl - *text) : *len;
	*text += ret->len + ret->ended;
	*len -= ret->len + ret->ended;
	return true;
}

#endif
