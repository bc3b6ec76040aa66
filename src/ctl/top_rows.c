#include "src/ctl/top_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/ctl/command.h"
#include "src/ctl/show.h"

struct top_past {
	json_t *bytes; /* name to [in, out, when] */
};

const char *
top_sort_name(enum top_sort sort)
{
	static const char *const names[TOP_N_SORTS] = { "traffic now",
		"bytes in", "bytes out", "flows", "blocked", "name" };

	return names[sort];
}

struct top_past *
top_past_new(void)
{
	struct top_past *past = calloc(1, sizeof(*past));

	if (past == NULL)
		return NULL;
	past->bytes = json_object();
	if (past->bytes == NULL) {
		free(past);
		return NULL;
	}
	return past;
}

void
top_past_free(struct top_past *past)
{
	if (past == NULL)
		return;
	json_decref(past->bytes);
	free(past);
}

static double
rate(double now, const json_t *before, size_t i, double seconds)
{
	double n = now - json_number_value(json_array_get(before, i));

	return n > 0 && seconds > 0 ? n / seconds : 0;
}

/* What one row is, and how fast it moves. */
static void
measure(struct top_row *ret, const json_t *row, enum top_kind kind,
    const struct top_past *past, double now)
{
	const json_t *verdicts = json_object_get(row, "verdicts"), *before;

	memset(ret, 0, sizeof(*ret));
	ret->row = row;
	if (kind == TOP_PROCESSES)
		show_program(ret->name, sizeof(ret->name),
		    json_object_get(row, "process"));
	else
		(void)snprintf(ret->name, sizeof(ret->name), "%s",
		    command_text(row, "host", "?")); /* may be cut */
	ret->in = command_number(row, "bytes_in");
	ret->out = command_number(row, "bytes_out");
	ret->flows = command_number(row, "flows");
	ret->blocked = command_number(verdicts, "block") +
		       command_number(verdicts, "drop");
	before = json_object_get(past->bytes, ret->name);
	if (before != NULL) {
		double seconds =
		    now - json_number_value(json_array_get(before, 2));

		ret->in_rate = rate(ret->in, before, 0, seconds);
		ret->out_rate = rate(ret->out, before, 1, seconds);
	}
}

static bool
is_wanted(const struct top_row *row, const char *filter)
{
	const json_t *process = json_object_get(row->row, "process");

	return strstr(row->name, filter) != NULL ||
	       strstr(command_text(process, "user", ""), filter) != NULL;
}

bool
top_rows_make(struct top_rows *ret, const json_t *list, enum top_kind kind,
    struct top_past *past, double now, const char *filter)
{
	json_t *bytes = json_object();
	const json_t *row;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	ret->v = calloc(json_array_size(list) + 1, sizeof(ret->v[0]));
	if (ret->v == NULL || bytes == NULL) {
		json_decref(bytes);
		top_rows_done(ret);
		return false;
	}
	json_array_foreach((json_t *)list, i, row)
	{
		struct top_row *to = &ret->v[ret->n];

		measure(to, row, kind, past, now);
		json_object_set_new(bytes, to->name,
		    json_pack("[f, f, f]", to->in, to->out, now));
		ret->all++;
		if (is_wanted(to, filter))
			ret->n++;
	}
	json_decref(past->bytes);
	past->bytes = bytes;
	return true;
}

void
top_rows_done(struct top_rows *rows)
{
	free(rows->v);
	memset(rows, 0, sizeof(*rows));
}

static double
sorted_by(const struct top_row *row, enum top_sort sort)
{
	switch (sort) {
	case TOP_BY_RATE:
		return row->in_rate + row->out_rate;
	case TOP_BY_IN:
		return row->in;
	case TOP_BY_OUT:
		return row->out;
	case TOP_BY_FLOWS:
		return row->flows;
	case TOP_BY_BLOCKED:
		return row->blocked;
	case TOP_BY_NAME:
		return 0;
	}
	abort();
}

struct order {
	enum top_sort sort;
	bool reverse;
};

/* The largest first; what is equal by all that was moved, then by name. */
static int
compare(const void *a, const void *b, void *arg)
{
	const struct top_row *x = a, *y = b;
	const struct order *order = arg;
	double dx = sorted_by(x, order->sort), dy = sorted_by(y, order->sort);
	int r = (dx < dy) - (dx > dy);

	if (r == 0 && order->sort == TOP_BY_RATE)
		r = (x->in + x->out < y->in + y->out) -
		    (x->in + x->out > y->in + y->out);
	if (r == 0)
		r = strcmp(x->name, y->name);
	return order->reverse ? -r : r;
}

void
top_rows_sort(struct top_rows *rows, enum top_sort sort, bool reverse)
{
	struct order order = { sort, reverse };

	qsort_r(rows->v, rows->n, sizeof(rows->v[0]), compare, &order);
}

/* Tables ------------------------------------------------------------------- */

#define N_COLUMNS 8

static const struct table_column process_columns[N_COLUMNS] = {
	{ "PROGRAM", .keep = 20, .tail = true },
	{ "USER", .keep = 6, .drop = 1 },
	{ "IN/s", .right = true, .keep = 6 },
	{ "OUT/s", .right = true, .keep = 6 },
	{ "IN", .right = true, .keep = 6 },
	{ "OUT", .right = true, .keep = 6 },
	{ "FLOWS", .right = true, .keep = 5, .drop = 2 },
	{ "BLOCKED", .right = true, .keep = 7 },
};

static const struct table_column host_columns[N_COLUMNS] = {
	{ "HOST", .keep = 24 },
	{ "", .keep = 0, .drop = 9 },
	{ "IN/s", .right = true, .keep = 6 },
	{ "OUT/s", .right = true, .keep = 6 },
	{ "IN", .right = true, .keep = 6 },
	{ "OUT", .right = true, .keep = 6 },
	{ "FLOWS", .right = true, .keep = 5, .drop = 2 },
	{ "BLOCKED", .right = true, .keep = 7 },
};

static void
format_bytes(char *buf, size_t size, double bytes)
{
	json_t *n = json_real(bytes);

	show_bytes(buf, size, n);
	json_decref(n);
}

struct table *
top_rows_table(const struct top_rows *rows, enum top_kind kind)
{
	struct table *table = table_new(
	    kind == TOP_PROCESSES ? process_columns : host_columns, N_COLUMNS);
	char in_rate[16], out_rate[16], in[16], out[16], flows[24], blocked[24];

	for (size_t i = 0; table != NULL && i < rows->n; i++) {
		const struct top_row *row = &rows->v[i];
		const json_t *process = json_object_get(row->row, "process");
		const char *cells[N_COLUMNS] = { row->name,
			kind == TOP_PROCESSES
			    ? command_text(process, "user", "-")
			    : "",
			in_rate, out_rate, in, out, flows, blocked };

		format_bytes(in_rate, sizeof(in_rate), row->in_rate);
		format_bytes(out_rate, sizeof(out_rate), row->out_rate);
		format_bytes(in, sizeof(in), row->in);
		format_bytes(out, sizeof(out), row->out);
		/* these fit */
		(void)snprintf(flows, sizeof(flows), "%.0f", row->flows);
		(void)snprintf(blocked, sizeof(blocked), "%.0f", row->blocked);
		table_row(
		    table, cells, row->blocked > 0 ? TABLE_RED : TABLE_PLAIN);
	}
	return table;
}
