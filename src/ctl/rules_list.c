#include "src/ctl/rules_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/ctl/decided.h"
#include "src/ctl/filter.h"
#include "src/ctl/show.h"
#include "src/ctl/table.h"

static const struct table_column rule_columns[] = {
	{ "NUMBER", .right = true, .keep = 6 },
	{ "HITS", .right = true, .keep = 4 },
	{ "LAST HIT", .keep = 21, .drop = 2 },
	{ "PLACE", .keep = 18, .tail = true },
	{ "ENDS IN", .keep = 7, .drop = 1 },
	{ "RULE", .keep = 40, .wrap = true },
};

struct rule_cells {
	char number[24], hits[24], last[64], place[256], left[32];
	char *text;
	const char *cells[6];
};

/* Today the time, else the day too. */
static void
format_when(char *buf, size_t size, const char *before, double when)
{
	time_t seconds = (time_t)when, now = time(NULL);
	struct tm tm, today;
	char text[32];

	if (localtime_r(&seconds, &tm) == NULL ||
	    localtime_r(&now, &today) == NULL ||
	    strftime(text, sizeof(text),
		tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year
		    ? "%H:%M:%S"
		    : "%Y-%m-%d %H:%M",
		&tm) == 0)
		strcpy(text, "?");
	(void)snprintf(buf, size, "%s%s", before, text); /* fits */
}

/* A default has no number, and counts nothing. */
static void
format_number(char *buf, size_t size, const json_t *number)
{
	(void)snprintf(buf, size, json_is_number(number) ? "%.0f" : "-",
	    json_number_value(number)); /* fits */
}

static void
format_place(char *buf, size_t size, const json_t *rule)
{
	const char *file = command_text(rule, "file", NULL);
	const char *slash = file != NULL ? strrchr(file, '/') : NULL;

	/* a name may be cut */
	if (file == NULL)
		(void)snprintf(buf, size, "built in");
	else
		(void)snprintf(buf, size, "%s:%.0f",
		    slash != NULL ? slash + 1 : file,
		    command_number(rule, "line"));
}

static void
format_rule(struct rule_cells *ret, const json_t *rule)
{
	const char *fault = command_text(rule, "fault", NULL);

	format_number(
	    ret->number, sizeof(ret->number), json_object_get(rule, "number"));
	format_number(
	    ret->hits, sizeof(ret->hits), json_object_get(rule, "hits"));
	if (!json_is_number(json_object_get(rule, "number")))
		ret->last[0] = '\0';
	else if (json_is_number(json_object_get(rule, "last_hit")))
		format_when(ret->last, sizeof(ret->last), "",
		    command_number(rule, "last_hit"));
	else
		format_when(ret->last, sizeof(ret->last), "unused since ",
		    command_number(rule, "since"));
	format_place(ret->place, sizeof(ret->place), rule);
	ret->left[0] = '\0';
	if (json_is_number(json_object_get(rule, "ends")))
		show_left(
		    ret->left, sizeof(ret->left), command_number(rule, "ends"));
	ret->cells[0] = ret->number;
	ret->cells[1] = ret->hits;
	ret->cells[2] = ret->last;
	ret->cells[3] = ret->place;
	ret->cells[4] = ret->left;
	if (asprintf(&ret->text, "%s%s%s", command_text(rule, "text", "?"),
		fault != NULL ? " # has a fault: "
		: json_is_true(json_object_get(rule, "waits"))
		    ? " # waits for who is not there"
		    : "",
		fault != NULL ? fault : "") < 0)
		ret->text = NULL;
	ret->cells[5] = ret->text != NULL ? ret->text : "?";
}

static void
add_rule(struct table *table, const json_t *rule)
{
	struct rule_cells cells;

	format_rule(&cells, rule);
	table_row(table, cells.cells, TABLE_PLAIN);
	free(cells.text);
}

static const struct show_list list = { "rules.list", rule_columns,
	sizeof(rule_columns) / sizeof(rule_columns[0]), add_rule, NULL, NULL,
	NULL };

/* Filters ------------------------------------------------------------------ */

struct wanted {
	const json_t *filter;
	const json_t *names; /* of what flows and queries were decided by */
	double since;	     /* seconds since 1970; 0: whenever */
	bool by_row;	     /* the row itself says when, and what */
};

/* "accept" of "accept out to lan", and of "default out accept". */
static bool
has_action(const json_t *row, const char *verdicts)
{
	const char *action = command_text(row, "text", "");
	const char *last = strrchr(action, ' ');
	size_t len;

	if (command_text(row, "default", NULL) != NULL && last != NULL)
		action = last + 1;
	len = strcspn(action, " ");
	for (;; verdicts++) {
		size_t size = strcspn(verdicts, ",");

		if (size == len && memcmp(verdicts, action, len) == 0)
			return true;
		verdicts += size;
		if (*verdicts == '\0')
			return false;
	}
}

static bool
was_known(const json_t *row, const json_t *names)
{
	const char *which = command_text(row, "default", NULL);
	json_t *name =
	    which != NULL ? json_sprintf("default-%s", which)
			  : json_sprintf("%.0f", command_number(row, "number"));
	bool known = json_object_get(names, json_string_value(name)) != NULL;

	json_decref(name);
	return known;
}

static bool
is_wanted(const struct wanted *w, const json_t *row)
{
	const char *verdicts = command_text(w->filter, "verdict", NULL);

	if (verdicts != NULL && !has_action(row, verdicts))
		return false;
	if (w->by_row && json_is_number(json_object_get(row, "number")))
		return command_number(row, "last_hit") >= w->since;
	return (w->by_row && w->since == 0) || was_known(row, w->names);
}

static enum status
print_wanted(const struct context *context, const struct wanted *w)
{
	json_t *rows = NULL;
	enum status status =
	    command_call(context, list.call, json_object(), &rows);

	for (size_t i = json_array_size(rows); i > 0; i--)
		if (!is_wanted(w, json_array_get(rows, i - 1)))
			json_array_remove(rows, i - 1);
	if (status == STATUS_DONE && context->json)
		command_json_lines(rows);
	else if (status == STATUS_DONE)
		status = show_table(&list, rows);
	json_decref(rows);
	return status;
}

enum status
rules_list(const struct context *context)
{
	static const char *const of_others[] = { "exe", "user", "unit",
		"domain" };
	struct wanted wanted = { .by_row = true };
	json_t *filter = NULL, *names = NULL;
	const json_t *since;
	enum status status;

	if (!decided_is_filtered(context))
		return show_list(context, &list, NULL);
	status = filter_args(context, &filter);
	if (status != STATUS_DONE)
		return status;
	for (size_t i = 0; i < sizeof(of_others) / sizeof(of_others[0]); i++)
		if (json_object_get(filter, of_others[i]) != NULL)
			wanted.by_row = false;
	since = json_object_get(filter, "since_ms");
	if (since != NULL)
		wanted.since = show_now() - json_number_value(since) / 1e3;
	if (!wanted.by_row || since != NULL)
		status = decided_names(context, filter, "rule", &names);
	wanted.filter = filter;
	wanted.names = names;
	if (status == STATUS_DONE)
		status = print_wanted(context, &wanted);
	json_decref(filter);
	json_decref(names);
	return status;
}
