#ifndef CORE_REGEX_H
#define CORE_REGEX_H

#include <stdbool.h>
#include <stddef.h>

/* Regular expressions of lists, in Perl's syntax as far as it is regular: what
 * has to go back (a look ahead, a group that is said again) and what says where
 * words end is refused.
 *
 * An expression is kept as the places in it that stand for a byte, and which of
 * them may follow which (Glushkov's automaton): a match goes through the text
 * once, with the set of the places that it may be at. It takes regex_cost()
 * steps for each byte at most, whatever the text is, no memory, and never
 * fails. */
struct regex;

/* 0, -EINVAL (none, or not a regular one), -E2BIG (too large) or -ENOMEM. */
int regex_new(struct regex **ret, const char *text);
void regex_free(struct regex *regex); /* accepts NULL */

size_t regex_cost(const struct regex *regex);

/* True if it matches somewhere in s[0..len), in any case. Any thread may ask.
 */
bool regex_match(const struct regex *regex, const char *s, size_t len);

/* From behind a '[' to behind the ']' that ends the class; NULL where none
 * does, or it is none that may be said. */
const char *regex_class_end(const char *p);

#endif
