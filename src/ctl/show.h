#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>
#include <stddef.h>

#include "src/ctl/command.h"
#include "src/ctl/table.h"

/* A call that answers with rows, and the table that shows them. */
struct show_list {
	const char *call;
	const struct table_column *columns;
	size_t n_columns;
	void (*add)(struct table *table, const json_t *row);
	/* of status: how far back rows reach, and what bounds that; NULL: they
	 * are not of a time */
	const char *of, *bound;
	const char *none; /* what it says where there is none; NULL: nothing */
};

/* Prints rows as such a table. */
enum status show_table(const struct show_list *list, const json_t *rows);

/* Calls, and prints what comes: a table, or an object a line. */
enum status show_list(const struct context *context,
    const struct show_list *list, json_t *args_take);

/* What a user has to act on, of what status says: a line each, red on a
 * terminal where it is broken. */
void show_problems(const json_t *status);

/* "answer" of one, "answers" of none or many. */
const char *show_word(double n, const char *one, const char *many);

double show_now(void); /* seconds since 1970, as rows have times */

/* Cells of tables; what does not fit in buf is cut. */

/* Seconds since 1970 as the time of day. */
void show_time(char *buf, size_t size, double when);

/* "9m 5s": two units say enough. */
void show_span(char *buf, size_t size, double seconds);

/* The same from now to seconds since 1970, in which some are left. */
void show_left(char *buf, size_t size, double when);

/* Who asks, without the port. */
void show_client(char *buf, size_t size, const json_t *query);

/* "/usr/bin/curl[4711]" of a process object, or "(kernel)". */
void show_program(char *buf, size_t size, const json_t *process);

/* "1.5M" of bytes; "-" where the value is null. */
void show_bytes(char *buf, size_t size, const json_t *bytes);

/* Of a decision: the label that a person gave, else the place of the rule, else
 * the reason. */
void show_why(char *buf, size_t size, const json_t *decision);

#endif
