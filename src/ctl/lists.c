#include <stdio.h>
#include <string.h>

#include "src/base/escape.h"
#include "src/ctl/command.h"
#include "src/ctl/decided.h"
#include "src/ctl/show.h"
#include "src/ctl/table.h"

static const struct table_column columns[] = {
	{ "LIST", .keep = 8 },
	{ "STATE", .keep = 6 },
	{ "NAMES", .right = true, .keep = 5 },
	{ "PATTERNS", .right = true, .keep = 4, .drop = 3 },
	{ "ADDRESSES", .right = true, .keep = 4, .drop = 2 },
	{ "FAULTS", .right = true, .keep = 4 },
	{ "HITS", .right = true, .keep = 4 },
	{ "LOADED", .keep = 8, .drop = 1 },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define NUMBER 24

/* A number of the row, "-" where it has none. */
static const char *
number(char buf[NUMBER], const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	if (json_is_number(value))
		(void)snprintf(
		    buf, NUMBER, "%.0f", json_number_value(value)); /* fits */
	else
		(void)snprintf(buf, NUMBER, "-");
	return buf;
}

static void
add_row(struct table *table, const json_t *row)
{
	char buf[5][NUMBER], loaded[64];
	const char *state = command_text(row, "state", "-");
	const char *cells[N_COLUMNS] = {
		command_text(row, "name", "-"),
		state,
		number(buf[0], row, "names"),
		number(buf[1], row, "patterns"),
		number(buf[2], row, "addresses"),
		number(buf[3], row, "faults"),
		number(buf[4], row, "hits"),
		loaded,
	};

	if (json_is_number(json_object_get(row, "loaded")))
		show_time(
		    loaded, sizeof(loaded), command_number(row, "loaded"));
	else
		(void)snprintf(loaded, sizeof(loaded), "never");
	table_row(table, cells,
	    strcmp(state, "loaded") == 0 ? TABLE_PLAIN : TABLE_RED);
}

static void
print_faults(const json_t *row)
{
	const json_t *first = json_object_get(row, "first"), *fault, *count;
	const json_t *modifiers = json_object_get(row, "modifiers");
	double faults = command_number(row, "faults");
	const char *name;
	size_t i;

	json_array_foreach((json_t *)first, i, fault)
	{
		(void)printf("  ");
		escape_print(command_text(fault, "file", "-"), stdout);
		(void)printf(":%.0f: ", command_number(fault, "line"));
		escape_print(command_text(fault, "what", "-"), stdout);
		(void)printf(": ");
		escape_print(command_text(fault, "text", ""), stdout);
		(void)putchar('\n');
	}
	if (faults > (double)json_array_size(first))
		(void)printf("  and %.0f more\n",
		    faults - (double)json_array_size(first));
	json_object_foreach((json_t *)modifiers, name, count)
	{
		(void)printf("  rules left out for $");
		escape_print(name, stdout);
		(void)printf(": %.0f\n", json_number_value(count));
	}
}

/* What stands behind the numbers of a list. */
static void
print_details(const json_t *row)
{
	const json_t *files = json_object_get(row, "files"), *file;
	const char *error = command_text(row, "error", NULL);
	double entries, faults;
	size_t i;

	(void)printf("\n%s\n", command_text(row, "name", "-"));
	if (error != NULL) {
		(void)printf("  ");
		escape_print(error, stdout);
		(void)putchar('\n');
	}
	json_array_foreach((json_t *)files, i, file)
	{
		(void)printf("  ");
		escape_print(command_text(file, "file", "-"), stdout);
		entries = command_number(file, "entries");
		faults = command_number(file, "faults");
		(void)printf(": %.0f %s, %.0f %s\n", entries,
		    show_word(entries, "entry", "entries"), faults,
		    show_word(faults, "fault", "faults"));
	}
	print_faults(row);
}

static enum status
print_rows(const json_t *rows)
{
	static const struct show_list list = { "lists.list", columns, N_COLUMNS,
		add_row, NULL, NULL, NULL };
	enum status status = show_table(&list, rows);
	const json_t *row;
	size_t i;

	if (status == STATUS_DONE)
		json_array_foreach((json_t *)rows, i, row) print_details(row);
	return status;
}

/* After a reload, one that could not be loaded is a failure. */
static enum status
check_errors(const json_t *rows)
{
	enum status status = STATUS_DONE;
	const json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
	{
		const char *error = command_text(row, "error", NULL);

		if (error == NULL)
			continue;
		(void)fprintf(stderr,
		    "reroutectl: list %s: ", command_text(row, "name", "-"));
		escape_print(error, stderr);
		(void)fputc('\n', stderr);
		status = STATUS_FAILED;
	}
	return status;
}

enum status
command_lists(const struct context *context)
{
	const struct command_word *word = NULL;
	bool filtered = decided_is_filtered(context);
	json_t *rows = NULL;
	enum status status = STATUS_DONE;

	if (context->argc > 0 && !filtered)
		status = command_take_word(context, &word);
	if (status == STATUS_DONE && word != NULL && context->argc > 1)
		status =
		    command_usage("lists", "unexpected '%s'", context->argv[1]);
	if (status == STATUS_DONE && word != NULL)
		status =
		    command_call(context, "lists.reload", json_object(), &rows);
	else if (status == STATUS_DONE)
		status = decided_rows(context, "lists.list", "list", &rows);
	if (status == STATUS_DONE && word != NULL)
		status = check_errors(rows);
	if (rows != NULL && context->json)
		command_json_lines(rows);
	else if (rows != NULL && print_rows(rows) != STATUS_DONE)
		status = STATUS_FAILED;
	json_decref(rows);
	return status;
}
