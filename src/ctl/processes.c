#include <stdio.h>

#include "src/ctl/command.h"
#include "src/ctl/filter.h"
#include "src/ctl/show.h"
#include "src/ctl/table.h"

#define CELL 256

static const struct table_column columns[] = {
	{ "PROGRAM", .keep = 16, .tail = true },
	{ "USER", .keep = 6, .drop = 7 },
	{ "UNIT", .keep = 8, .drop = 8, .tail = true },
	{ "FLOWS", .right = true, .keep = 5, .drop = 1 },
	{ "ACCEPT", .right = true, .keep = 6, .drop = 5 },
	{ "BLOCK", .right = true, .keep = 5 },
	{ "DROP", .right = true, .keep = 4 },
	{ "REROUTE", .right = true, .keep = 7, .drop = 6 },
	{ "IN", .right = true, .keep = 4, .drop = 3 },
	{ "OUT", .right = true, .keep = 4, .drop = 2 },
	{ "LAST", .keep = 8, .drop = 4 },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct cells {
	char program[CELL], flows[24], verdicts[4][24], in[16], out[16],
	    last[32];
	const char *cells[N_COLUMNS];
};

static void
format_count(char *buf, size_t size, const json_t *object, const char *key)
{
	(void)snprintf(
	    buf, size, "%.0f", command_number(object, key)); /* fits */
}

static void
format_row(struct cells *ret, const json_t *row)
{
	static const char *const verdicts[] = { "accept", "block", "drop",
		"reroute" };
	const json_t *process = json_object_get(row, "process");
	const json_t *counts = json_object_get(row, "verdicts");
	const char **cell = ret->cells;

	show_program(ret->program, sizeof(ret->program), process);
	show_bytes(ret->in, sizeof(ret->in), json_object_get(row, "bytes_in"));
	show_bytes(
	    ret->out, sizeof(ret->out), json_object_get(row, "bytes_out"));
	show_time(ret->last, sizeof(ret->last), command_number(row, "last"));
	format_count(ret->flows, sizeof(ret->flows), row, "flows");
	*cell++ = ret->program;
	*cell++ = command_text(process, "user", "-");
	*cell++ = command_text(process, "unit", "-");
	*cell++ = ret->flows;
	for (size_t i = 0; i < 4; i++) {
		format_count(ret->verdicts[i], sizeof(ret->verdicts[i]), counts,
		    verdicts[i]);
		*cell++ = ret->verdicts[i];
	}
	*cell++ = ret->in;
	*cell++ = ret->out;
	*cell++ = ret->last;
}

static void
add_row(struct table *table, const json_t *row)
{
	struct cells cells;

	format_row(&cells, row);
	table_row(table, cells.cells, TABLE_PLAIN);
}

enum status
command_processes(const struct context *context)
{
	static const struct show_list list = { "processes.list", columns,
		N_COLUMNS, add_row, NULL, NULL, NULL };
	json_t *args;
	enum status status = filter_args(context, &args);

	return status == STATUS_DONE ? show_list(context, &list, args) : status;
}
