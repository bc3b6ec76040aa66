#ifndef CORE_REGEX_H
#define CORE_REGEX_H

#include <stdbool.h>
#include <stddef.h>

/* Regular expressions of lists, by RE2: a match takes time in proportion to the
 * length of the text, whatever expression and text are, and memory that is
 * bounded. What needs going back (a look ahead, a group that is said again)
 * does not exist in it. */
struct regex;

#ifdef __cplusplus
extern "C" {
#endif

/* 0, -EINVAL (none, or of another syntax), -E2BIG (too large) or -ENOMEM. */
int regex_new(struct regex **ret, const char *text, size_t len);
void regex_free(struct regex *regex); /* accepts NULL */

/* Steps: what a match costs for each byte of the text, at worst. */
size_t regex_cost(const struct regex *regex);

/* True if it matches somewhere in s[0..len), in any case; false also when there
 * is no memory. Any thread may ask. */
bool regex_match(const struct regex *regex, const char *s, size_t len);

#ifdef __cplusplus
}
#endif

#endif
