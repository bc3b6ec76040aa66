#ifndef CORE_RULES_H
#define CORE_RULES_H

#include <stddef.h>

#include "src/core/fault.h"

/* Rules as text becomes them: a list in order, checked as far as the text
 * alone allows. policy_compile() looks up users, groups and paths. The grammar
 * is in design.md section 5 and rerouted.rules(5). */
struct rules;

/* Limits on what is read, named in the faults. */
#define RULES_LINE_MAX ((size_t)65536) /* with its continuations */
#define RULES_MAX ((size_t)200000)
#define RULES_TEXT_MAX ((size_t)64 << 20)
#define RULES_LIST_MAX ((size_t)65536) /* values of one match or define */
#define RULES_DEFINES_MAX ((size_t)4096)
#define RULES_VALUES_MAX                                                       \
	((size_t)2 << 20) /* of all rules, defines expanded                    \
			   */

/* NULL when there is no memory. */
struct rules *rules_new(void);
void rules_free(struct rules *rules); /* accepts NULL */

/* Adds the rules of one file behind those that are there; the text is copied.
 * 0, -EINVAL (faults were added: the list is good for nothing but to find the
 * faults of further files) or -ENOMEM. */
int rules_parse(struct rules *rules, const char *file, const char *text,
    size_t len, struct faults *faults);

/* One rule from the command line, `line` being its id: 0, -EINVAL or -ENOMEM as
 * above. */
int rules_parse_line(struct rules *rules, const char *file, unsigned int line,
    const char *text, struct faults *faults);

/* The same of one that was good when it was given, and need not be now that
 * a section of the settings has gone. One that denies is left without
 * the matches that have a fault: it denies all that it may have meant. One that
 * accepts, or says nothing any more, matches nothing. What is wrong goes with
 * the rule. 0 or -ENOMEM. */
int rules_parse_held(
    struct rules *rules, const char *file, unsigned int line, const char *text);

size_t rules_count(const struct rules *rules);

/* Puts the rules from number `first` on, counted from 0, in front of the
 * others: those of the command line are read last, since they may have the
 * defines of the files. 0 or -ENOMEM. */
int rules_bring_forward(struct rules *rules, size_t first);

#endif
