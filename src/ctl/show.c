#include "src/ctl/show.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "src/base/escape.h"

enum status
show_table(const struct show_list *list, const json_t *rows)
{
	struct table *table = table_new(list->columns, list->n_columns);
	const json_t *row;
	size_t i;

	if (table == NULL)
		return STATUS_FAILED;
	json_array_foreach((json_t *)rows, i, row)
	{
		list->add(table, row);
	}
	table_print(table, stdout);
	table_free(table);
	return STATUS_DONE;
}

struct showing {
	const struct show_list *list;
	struct table *table; /* NULL: objects are printed */
	size_t rows;
};

static enum status
add_row(void *arg, const json_t *row)
{
	struct showing *showing = arg;

	showing->rows++;
	if (showing->table != NULL)
		showing->list->add(showing->table, row);
	else
		command_json(row);
	return STATUS_DONE;
}

/* From when on it is known, where rows from before were asked for or none was
 * found: that reads as if there had been none. from: 0 for all. */
static void
say_reach(
    const struct context *context, const struct showing *showing, double from)
{
	const struct show_list *list = showing->list;
	json_t *status = NULL;
	const json_t *reach;
	double since;
	char when[32] = "?";
	struct tm tm;
	time_t at;

	if (list->of == NULL || (from <= 0 && showing->rows > 0) ||
	    command_call(context, "status", NULL, &status) != STATUS_DONE)
		return;
	reach = json_object_get(json_object_get(status, list->of), "reaches_s");
	since = show_now() - (json_is_number(reach)
				     ? json_number_value(reach)
				     : command_number(status, "uptime_s"));
	at = (time_t)since;
	if (localtime_r(&at, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	if (from < since)
		fprintf(stderr,
		    "reroutectl: nothing is known from before %s%s%s\n", when,
		    json_is_number(reach) ? ": no more are kept, by "
					  : ", when the daemon started",
		    json_is_number(reach) ? list->bound : "");
	json_decref(status);
}

enum status
show_list(const struct context *context, const struct show_list *list,
    json_t *args_take)
{
	struct showing showing = { .list = list };
	const json_t *since = json_object_get(args_take, "since_ms");
	double from =
	    since != NULL ? show_now() - json_number_value(since) / 1e3 : 0;
	bool filtered = json_object_size(args_take) > 0;
	enum status status;

	if (!context->json)
		showing.table = table_new(list->columns, list->n_columns);
	if (!context->json && showing.table == NULL) {
		json_decref(args_take);
		return STATUS_FAILED;
	}
	status =
	    command_rows(context, list->call, args_take, add_row, &showing);
	if (status == STATUS_DONE && showing.table != NULL)
		table_print(showing.table, stdout);
	if (status == STATUS_DONE && showing.rows == 0 && list->none != NULL)
		fprintf(stderr, "reroutectl: %s\n", list->none);
	if (status == STATUS_DONE && filtered)
		say_reach(context, &showing, from);
	table_free(showing.table);
	return status;
}

const char *
show_word(double n, const char *one, const char *many)
{
	return n > 1 || n < 1 ? many : one;
}

void
show_time(char *buf, size_t size, double when)
{
	time_t seconds = (time_t)when;
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL ||
	    strftime(buf, size, "%H:%M:%S", &tm) == 0)
		(void)snprintf(buf, size, "?"); /* fits */
}

double
show_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void
show_span(char *buf, size_t size, double seconds)
{
	static const struct {
		const char *unit;
		long long seconds;
	} units[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } };
	long long left = seconds > 0 ? (long long)seconds : 0, rest = 0;
	size_t i = 0;

	while (i < 3 && left < units[i].seconds)
		i++;
	if (i < 3)
		rest = left % units[i].seconds / units[i + 1].seconds;
	if (rest == 0)
		(void)snprintf(buf, size, "%lld%s", left / units[i].seconds,
		    units[i].unit); /* fits */
	else
		(void)snprintf(buf, size, "%lld%s %lld%s",
		    left / units[i].seconds, units[i].unit, rest,
		    units[i + 1].unit); /* fits */
}

void
show_left(char *buf, size_t size, double when)
{
	show_span(buf, size, when - show_now() + 0.999);
}

/* The path is one of a mount namespace of its own, which no rule names. What is
 * gone is shown as such. */
static bool
is_elsewhere(const json_t *process, const char *exe)
{
	static const char gone[] = " (deleted)";
	size_t len = strlen(exe), n = sizeof(gone) - 1;

	return exe[0] == '/' &&
	       json_is_false(json_object_get(process, "exe_here")) &&
	       (len < n || strcmp(exe + len - n, gone) != 0);
}

void
show_client(char *buf, size_t size, const json_t *query)
{
	const char *client = command_text(query, "client", "?");
	bool bracket = client[0] == '[';

	/* may be cut */
	(void)snprintf(buf, size, "%.*s",
	    (int)strcspn(client + bracket, bracket ? "]" : ":"),
	    client + bracket);
}

void
show_program(char *buf, size_t size, const json_t *process)
{
	const char *exe = command_text(process, "exe", NULL);
	const json_t *pid = json_object_get(process, "pid");

	if (exe == NULL)
		(void)snprintf(buf, size, "(%s)",
		    command_text(process, "kind", "unknown"));
	else
		(void)snprintf(buf, size, "%s[%d]%s",
		    exe[0] != '\0' ? exe : command_text(process, "comm", "?"),
		    (int)json_integer_value(pid),
		    is_elsewhere(process, exe) ? " (elsewhere)"
					       : ""); /* may be cut */
}

void
show_bytes(char *buf, size_t size, const json_t *bytes)
{
	static const char units[] = "BKMGTPE";
	double n = json_number_value(bytes);
	size_t unit = 0;

	for (; n >= 1024 && unit + 2 < sizeof(units); unit++)
		n /= 1024;
	/* fits */
	if (!json_is_number(bytes))
		(void)snprintf(buf, size, "-");
	else if (unit == 0)
		(void)snprintf(buf, size, "%.0f", n);
	else
		(void)snprintf(
		    buf, size, n < 10 ? "%.1f%c" : "%.0f%c", n, units[unit]);
}

void
show_why(char *buf, size_t size, const json_t *decision)
{
	const char *label = command_text(decision, "label", NULL);
	const char *rule = command_text(decision, "rule", NULL);
	const char *slash = rule != NULL ? strrchr(rule, '/') : NULL;
	const char *reason = command_text(decision, "reason", "?");

	/* a rule that reroutes, say, and what stands above it or against it */
	if (rule != NULL && strcmp(reason, "rule") != 0)
		(void)snprintf(buf, size, "%s (%s)", reason,
		    slash != NULL ? slash + 1 : rule); /* may be cut */
	else if (label != NULL && rule != NULL)
		(void)snprintf(buf, size, "%s (%s)", label,
		    slash != NULL ? slash + 1 : rule); /* may be cut */
	else if (rule != NULL)
		(void)snprintf(
		    buf, size, "%s", slash != NULL ? slash + 1 : rule);
	else
		(void)snprintf(buf, size, "%s", reason);
}

void
show_problems(const json_t *status)
{
	bool red = table_has_colour(stdout);
	const json_t *problem, *key;
	size_t i;

	json_array_foreach(json_object_get(status, "restart"), i, key) printf(
	    "the new value of %s needs a restart\n", json_string_value(key));
	json_array_foreach(json_object_get(status, "problems"), i, problem)
	{
		fputs(red ? "\033[31mBROKEN: " : "BROKEN: ", stdout);
		escape_print(json_string_value(problem), stdout);
		puts(red ? "\033[0m" : "");
	}
}
