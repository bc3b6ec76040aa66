#ifndef CTL_RULE_WORDS_H
#define CTL_RULE_WORDS_H

#include <stdbool.h>

/* The words of `reroutectl block ...` as the line of a rules file that they
 * mean. */

/* That line, to be freed; one word alone is as it stands. NULL when there is no
 * memory. */
char *rule_words_join(const char *action, int argc, char **argv);

/* Nothing but blanks or a comment, as of a variable that is not set: the rule
 * would be about everything. */
bool rule_words_are_none(int argc, char *const *argv);

/* Where the rule is about all that comes in or goes out, or `once` in it may be
 * taken for a time (ends: it has one): says so, to stderr. */
void rule_words_warn(const char *rule, bool ends);

/* Where the rule was refused: says how the program is named that it may be
 * meant for, to stderr. */
void rule_words_hint(int argc, char *const *argv);

#endif
