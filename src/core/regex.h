#ifndef CORE_REGEX_H
#define CORE_REGEX_H

#include <stdbool.h>
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

/* True if it matches somewhere in s[0..len), in any case; false also when there
 * is no memory, or it would take more states than regex_new() tried it with.
 * Any thread may ask. */
bool regex_match(const struct regex *regex, const char *s, size_t len);

#endif
