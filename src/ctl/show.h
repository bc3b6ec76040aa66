#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>
#include <stddef.h>

/* Cells of tables; what does not fit in buf is cut. */

/* Seconds since 1970 as the time of day. */
void show_time(char *buf, size_t size, double when);

/* "/usr/bin/curl[4711]" of a process object, or "(kernel)". */
void show_program(char *buf, size_t size, const json_t *process);

/* "1.5M" of bytes; "-" where the value is null. */
void show_bytes(char *buf, size_t size, const json_t *bytes);

/* Of a decision: the label that a person gave, else the place of the rule, else
 * the reason. */
void show_why(char *buf, size_t size, const json_t *decision);

#endif
