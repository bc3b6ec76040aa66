#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Rows of text in columns that fit the terminal. Foreign text is escaped, so
 * that a command line can't move the cursor. */
struct table;

struct table_column {
	const char *title;
	bool right;  /* aligned to the right */
	size_t keep; /* not cut below this width */
	bool tail;   /* cut at the front: the end of a path says most */
	int drop;    /* the highest goes first where all do not fit; 0: never */
	bool wrap;   /* of the last one: what does not fit stands below */
};

enum table_colour {
	TABLE_PLAIN,
	TABLE_GREEN,
	TABLE_RED,
	TABLE_YELLOW,
};

/* NULL when there is no memory. columns is borrowed. */
struct table *table_new(const struct table_column *columns, size_t n);
void table_free(struct table *table); /* accepts NULL */

/* Adds a row of n cells, copied; NULL cells are empty. */
void table_row(
    struct table *table, const char *const *cells, enum table_colour colour);

/* Prints title and rows. Cut to the width of the terminal, where it is one. */
void table_print(const struct table *table, FILE *out);

/* The same, cut to a width, and never painted. */
void table_print_width(const struct table *table, FILE *out, size_t width);

/* Prints s broken at blanks to lines of a width, the first one where the cursor
 * is, the others indented. */
void table_wrap(const char *s, size_t width, size_t indent, FILE *out);

/* Colour only on a terminal that has some by $TERM, and never with NO_COLOR
 * (no-color.org). */
bool table_has_colour(FILE *out);

#endif
