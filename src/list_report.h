#ifndef LIST_REPORT_H
#define LIST_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list_fault;

/* What was read of a list's files, as JSON text that is kept in the compiled
 * form:
 *
 * {"made": SECONDS, "entries": N, "faults": N,
 *  "files": [{"file", "entries", "words", "faults"}],
 *  "first": [{"file", "line", "what", "text"}],	the first ten faults
 *  "modifiers": {"client": N},			of AdBlock's, left out
 *  "includes": [{"file", "stamp"}]}			of $INCLUDE, if any
 */
struct list_report;

/* before: such a text of the list as it is so far, may be empty. NULL: no
 * memory. */
struct list_report *list_report_new(const char *before, size_t len);
void list_report_free(struct list_report *report); /* accepts NULL */

/* What follows is of that file. Of a secret one no line is shown. */
void list_report_file(
    struct list_report *report, const char *path, bool secret);
/* It includes another one, whose lines count as its own. False when there is no
 * memory. */
bool list_report_include(struct list_report *report, const char *path,
    const char *stamp, bool secret);
/* word: it may be one of a page of text. */
void list_report_entry(struct list_report *report, bool word);
void list_report_fault(
    struct list_report *report, const struct list_fault *fault);

/* Whether the file has faults and nothing else; *ret is the first of them then:
 * its line, and what is wrong with it. */
bool list_report_is_junk(
    const struct list_report *report, struct list_fault *ret);
/* How many entries the file had before, where it has none now; where it has
 * words now, and nothing else (*ret_words), how many were no words. Else 0. */
uint64_t list_report_lost(const struct list_report *report, bool *ret_words);

/* To be freed; NULL when there was no memory. */
char *list_report_text(struct list_report *report);

#endif
