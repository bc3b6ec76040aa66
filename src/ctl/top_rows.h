#ifndef CTL_TOP_ROWS_H
#define CTL_TOP_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "src/ctl/table.h"

/* What `top` shows: rows of processes.list or hosts.list, with what they moved
 * since the last time, sorted and filtered. */

enum top_kind {
	TOP_PROCESSES,
	TOP_HOSTS,
};

enum top_sort {
	TOP_BY_RATE, /* both directions; then by all that was moved */
	TOP_BY_IN,
	TOP_BY_OUT,
	TOP_BY_FLOWS,
	TOP_BY_BLOCKED,
	TOP_BY_NAME,
};
#define TOP_N_SORTS 6

const char *top_sort_name(enum top_sort sort);

struct top_row {
	const json_t *row; /* borrowed from the list */
	char name[256];
	double in, out;		  /* bytes */
	double in_rate, out_rate; /* bytes a second */
	double flows, blocked;
};

struct top_rows {
	struct top_row *v;
	size_t n;
	size_t all; /* before the filter */
};

/* Remembers what was there the last time; NULL when there is no memory. */
struct top_past;
struct top_past *top_past_new(void);
void top_past_free(struct top_past *past); /* accepts NULL */

/* Makes rows of a list, of this moment in seconds; those whose name or user has
 * `filter` in it ("": all). The list has to live as long as the rows. False
 * when there is no memory. */
bool top_rows_make(struct top_rows *ret, const json_t *list, enum top_kind kind,
    struct top_past *past, double now, const char *filter);
void top_rows_done(struct top_rows *rows);

void top_rows_sort(struct top_rows *rows, enum top_sort sort, bool reverse);

/* NULL when there is no memory. */
struct table *top_rows_table(const struct top_rows *rows, enum top_kind kind);

#endif
