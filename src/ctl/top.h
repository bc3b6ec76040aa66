#ifndef CTL_TOP_H
#define CTL_TOP_H

#include "src/ctl/command.h"
#include "src/ctl/top_rows.h"

#define TOP_FILTER 64

/* What is shown, and how. */
struct top {
	struct client *client;
	struct top_past *past[2]; /* by kind */
	enum top_kind kind;
	enum top_sort sort;
	bool reverse;
	char filter[TOP_FILTER];
	json_t *list; /* the last one; NULL for none yet */
};

/* Asks for the list of the kind; the one before is given back. */
enum status top_ask(struct top *top);

/* The list as rows, filtered and sorted. False when there is no memory. */
bool top_make(struct top *top, struct top_rows *ret);

/* The live screen, until somebody leaves it (top_screen.c; only where it was
 * built with ncurses). */
enum status top_screen(struct top *top);

#endif
