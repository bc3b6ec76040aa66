#ifndef CORE_REGEX_H
#define CORE_REGEX_H

#include <stddef.h>

/* Regular expressions of lists, in Perl's syntax as far as it is regular, by
 * PCRE2's matcher that goes through the text once and never back: whatever
 * expression and text are, time and memory are bounded. What needs going back
 * (a look ahead, a group that is said again) is refused. */
struct regex;

/* 0, -EINVAL (none, or not a regular one), -E2BIG (too large) or -ENOMEM. */
int regex_new(struct regex **ret, const char *text);
void regex_free(struct regex *regex); /* accepts NULL */

/* Bytes of its compiled form: of those that lists have, a match takes some
 * hundredths of a microsecond for each of them. */
size_t regex_cost(const struct regex *regex);

/* 1 if it matches somewhere in s[0..len), in any case, or 0. -E2BIG: that would
 * take more states than there may be, or -ENOMEM: then nobody knows. Any thread
 * may ask. */
int regex_match(const struct regex *regex, const char *s, size_t len);

/* From behind a '[' to behind the ']' that ends the class; NULL where none
 * does, or it is none that may be said. */
const char *regex_class_end(const char *p);

#endif
