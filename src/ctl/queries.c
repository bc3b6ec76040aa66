#include "src/ctl/queries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/escape.h"
#include "src/ctl/command.h"
#include "src/ctl/filter.h"
#include "src/ctl/show.h"
#include "src/ctl/table.h"

#define CELL 256

static const struct table_column columns[] = {
	{ "TIME", .keep = 8, .drop = 2 },
	{ "VERDICT", .keep = 7 },
	{ "PROGRAM", .keep = 16, .tail = true },
	{ "USER", .keep = 6, .drop = 4 },
	{ "TYPE", .keep = 4 },
	{ "NAME", .keep = 16 },
	{ "ANSWER", .keep = 8, .drop = 1 },
	{ "FROM", .keep = 8, .drop = 3 },
	{ "TOOK", .keep = 6, .right = true, .drop = 5 },
	{ "WHY", .keep = 12 },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct cells {
	char time[32], program[CELL], answer[CELL], from[CELL], elapsed[24];
	char why[CELL];
	const char *cells[N_COLUMNS];
};

/* The first address, else the code that there is none of, and why. */
static void
format_answer(char *buf, size_t size, const json_t *query)
{
	const json_t *addresses = json_object_get(query, "addresses");
	const char *first = json_string_value(json_array_get(addresses, 0));
	const char *why = command_text(query, "ede_text", "");
	size_t n = json_array_size(addresses);

	/* may be cut */
	if (first == NULL)
		(void)snprintf(buf, size, "%s%s%s",
		    command_text(query, "rcode", "-"),
		    why[0] != '\0' ? ": " : "", why);
	else if (n > 1)
		(void)snprintf(buf, size, "%s +%zu", first, n - 1);
	else
		(void)snprintf(buf, size, "%s", first);
}

/* Who asks: a program of this host, or another host, by its address. */
static void
format_asker(char *buf, size_t size, const json_t *query)
{
	const json_t *process = json_object_get(query, "process");

	if (json_is_object(process))
		show_program(buf, size, process);
	else
		show_client(buf, size, query);
}

static void
format_elapsed(char *buf, size_t size, const json_t *query)
{
	/* fits */
	(void)snprintf(
	    buf, size, "%.1f ms", command_number(query, "elapsed_us") / 1000);
}

/* The rule, and what of the answer it is about, where the name itself passed.
 */
static void
format_why(char *buf, size_t size, const json_t *query)
{
	const char *alias = command_text(query, "alias", NULL);
	const char *address = command_text(query, "address", NULL);
	size_t n;

	show_why(buf, size, query);
	n = strlen(buf);
	if (alias != NULL || address != NULL)
		(void)snprintf(buf + n, size - n, ": %s",
		    alias != NULL ? alias : address); /* may be cut */
}

/* What a list answers itself is no name that is blocked, whatever the rule. */
static const char *
query_verdict(const json_t *query)
{
	return json_is_true(json_object_get(query, "own"))
		   ? "own"
		   : command_text(query, "verdict", "?");
}

static void
format_query(struct cells *ret, const json_t *query)
{
	const json_t *process = json_object_get(query, "process");
	const char *forward = command_text(query, "forward", "");
	const char **cell = ret->cells;

	show_time(ret->time, sizeof(ret->time), command_number(query, "time"));
	format_asker(ret->program, sizeof(ret->program), query);
	format_answer(ret->answer, sizeof(ret->answer), query);
	/* whose servers are asked, where they are not the usual; may be cut */
	(void)snprintf(ret->from, sizeof(ret->from), "%s%s%s",
	    command_text(query, "answer_from", "-"), forward[0] ? " " : "",
	    forward);
	format_elapsed(ret->elapsed, sizeof(ret->elapsed), query);
	format_why(ret->why, sizeof(ret->why), query);
	*cell++ = ret->time;
	*cell++ = query_verdict(query);
	*cell++ = ret->program;
	*cell++ = command_text(process, "user", "-");
	*cell++ = command_text(query, "qtype", "?");
	*cell++ = command_text(query, "qname", "?");
	*cell++ = ret->answer;
	*cell++ = ret->from;
	*cell++ = ret->elapsed;
	*cell++ = ret->why;
}

static enum table_colour
query_colour(const json_t *query)
{
	const char *verdict = query_verdict(query);

	return strcmp(verdict, "block") == 0 || strcmp(verdict, "drop") == 0
		   ? TABLE_RED
		   : TABLE_PLAIN;
}

static void
add_query(struct table *table, const json_t *query)
{
	struct cells cells;

	format_query(&cells, query);
	table_row(table, cells.cells, query_colour(query));
}

void
queries_print_event(const json_t *query)
{
	bool paint =
	    query_colour(query) != TABLE_PLAIN && table_has_colour(stdout);
	struct cells cells;

	format_query(&cells, query);
	fputs(paint ? "\033[31m" : "", stdout);
	printf("%s %-6s dns %-5s ", cells.cells[0], cells.cells[1],
	    cells.cells[4]);
	escape_print(cells.program, stdout);
	printf(" %s ", cells.cells[3]);
	escape_print(cells.cells[5], stdout);
	printf(" -> ");
	escape_print(cells.answer, stdout);
	printf(" (%s) ", cells.cells[7]);
	escape_print(cells.why, stdout);
	fputs(paint ? "\033[0m\n" : "\n", stdout);
}

enum status
command_queries(const struct context *context)
{
	struct show_list list = { .call = "queries.list",
		.columns = columns,
		.n_columns = N_COLUMNS,
		.add = add_query,
		.of = "resolver",
		.bound = "history in [rerouted]" };
	json_t *args;
	enum status status = filter_args(context, &args);

	if (status != STATUS_DONE)
		return status;
	if (json_object_get(args, "address") != NULL)
		list.none =
		    "nobody asked from there or was answered so; who "
		    "went to an address is in 'reroutectl flows --address'";
	return show_list(context, &list, args);
}

static void
print_upstream(const json_t *u)
{
	const char *zone = command_text(u, "zone", ".");
	const char *why = command_text(u, "why", "");
	double errors = command_number(u, "errors");

	printf("  %s%s%s: %s, %.1f ms, %.0f asked, %.0f late, %.0f %s%s",
	    command_text(u, "upstream", "?"),
	    strcmp(zone, ".") != 0 ? " for " : "",
	    strcmp(zone, ".") != 0 ? zone : "",
	    json_is_true(json_object_get(u, "up")) ? "up" : "DOWN",
	    command_number(u, "rtt_us") / 1000, command_number(u, "queries"),
	    command_number(u, "timeouts"), errors,
	    show_word(errors, "error", "errors"), why[0] != '\0' ? ": " : "");
	escape_print(why, stdout);
	putchar('\n');
}

static void
print_stats(const json_t *stats)
{
	const json_t *cache = json_object_get(stats, "cache"), *upstream;
	double entries = command_number(cache, "entries");
	const char *name;
	json_t *value;
	size_t i;

	printf("cache                %.0f %s, %.1f of %.0f MB, %.0f made "
	       "room\n",
	    entries, show_word(entries, "answer", "answers"),
	    command_number(cache, "bytes") / 1048576,
	    command_number(cache, "bytes_max") / 1048576,
	    command_number(cache, "evicted"));
	puts("upstreams");
	json_array_foreach(json_object_get(stats, "upstreams"), i, upstream)
	    print_upstream(upstream);
	puts("counters");
	json_object_foreach(json_object_get(stats, "counters"), name, value)
	    printf(
		"  %-20s %lld\n", name, (long long)json_integer_value(value));
}

static enum status
cache_flush(const struct context *context)
{
	json_t *args = json_object(), *result = NULL;
	enum status status;
	double n = 0;
	bool more;

	if (context->argc > 2) {
		json_decref(args);
		return command_usage(
		    "cache", "unexpected argument '%s'", context->argv[2]);
	}
	if (context->argc == 2)
		json_object_set_new(
		    args, "name", json_string(context->argv[1]));
	/* no answer of them is given any more; to find all takes a while */
	do {
		status = command_call(context, "cache.flush", args, &result);
		if (status != STATUS_DONE)
			return status;
		n += command_number(result, "flushed");
		more = json_is_true(json_object_get(result, "more"));
		json_decref(result);
		args = json_pack("{s:b}", "more", true);
	} while (more);
	json_decref(args);
	if (context->json) {
		result = json_pack("{s:I}", "flushed", (json_int_t)n);
		command_json(result);
		json_decref(result);
	} else
		printf(
		    "%.0f %s flushed\n", n, show_word(n, "answer", "answers"));
	return STATUS_DONE;
}

enum status
command_cache(const struct context *context)
{
	const struct command_word *word;
	json_t *result = NULL;
	enum status status = command_take_word(context, &word);

	if (status != STATUS_DONE)
		return status;
	if (strcmp(word->name, "flush") == 0)
		return cache_flush(context);
	if (context->argc > 1)
		return command_usage(
		    "cache", "unexpected argument '%s'", context->argv[1]);
	status = command_call(context, "cache.stats", NULL, &result);
	if (status == STATUS_DONE && context->json)
		command_json(result);
	else if (status == STATUS_DONE)
		print_stats(result);
	json_decref(result);
	return status;
}

/* Zone files part the fields of a record by tabs. */
static void
print_record(const char *record)
{
	char *text = strdup(record);

	if (text == NULL)
		return;
	for (char *s = text; (s = strchr(s, '\t')) != NULL;)
		*s = ' ';
	escape_print(text, stdout);
	putchar('\n');
	free(text);
}

/* The records, and who has put them in place of others. */
static void
print_answer(const json_t *result)
{
	const char *verdict = command_text(result, "verdict", "");
	const json_t *record;
	size_t i;

	json_array_foreach(json_object_get(result, "records"), i, record)
	{
		print_record(json_string_value(record));
	}
	if (i == 0)
		puts(command_text(result, "rcode", "?"));
	if (strcmp(verdict, "block") != 0) {
		/* what was taken out of it; of a failure it is said behind */
		if (strcmp(command_text(result, "rcode", ""), "NOERROR") == 0 &&
		    command_text(result, "why", "")[0] != '\0')
			explain_print_text(result, "why");
		return;
	}
	printf("verdict: %s\n", query_verdict(result));
	explain_print_text(result, "alias");
	explain_print_text(result, "address");
	explain_print_text(result, "rule");
	explain_print_text(result, "label");
	explain_print_text(result, "list");
	explain_print_entry(result);
}

/* What failed, and why; a name that is not there has failed, too, as it does
 * for host(1). */
static enum status
say_failure(const json_t *result, const char *name)
{
	const char *rcode = command_text(result, "rcode", "?");
	const char *why = command_text(result, "why", "");
	const char *forward = command_text(result, "forward", "");

	if (strcmp(rcode, "NOERROR") == 0)
		return STATUS_DONE;
	if (why[0] == '\0' && strcmp(rcode, "NXDOMAIN") == 0)
		why = "there is no such name";
	fputs("reroutectl: ", stderr);
	escape_print(name, stderr);
	fprintf(stderr, ": %s%s", rcode, why[0] != '\0' ? ": " : "");
	escape_print(why, stderr);
	if (forward[0] != '\0') {
		fputs(" (servers of [forward \"", stderr);
		escape_print(forward, stderr);
		fputs("\"])", stderr);
	}
	fputc('\n', stderr);
	return STATUS_FAILED;
}

struct asking {
	const struct context *context;
	json_t *args;
};

static enum status
take_as(void *arg, const struct command_option *option, const char *value)
{
	struct asking *asking = arg;

	(void)option; /* --pid, there is no other */
	return command_take_pid(asking->context, value, asking->args);
}

enum status
command_resolve(const struct context *context)
{
	json_t *args = json_object(), *result = NULL;
	struct asking asking = { context, args };
	int argc = context->argc;
	enum status status;
	const json_t *pid;
	pid_t as;

	status = command_take_options(
	    context, &argc, context->argv, take_as, &asking);
	if (status == STATUS_DONE && (argc < 1 || argc > 2))
		status = command_usage("resolve", "expected NAME, and a type");
	else if (status == STATUS_DONE &&
		 strstr(context->argv[0], "://") != NULL)
		status = command_usage("resolve",
		    "%s is more than a name: no scheme, port or path is asked "
		    "for",
		    context->argv[0]);
	if (status != STATUS_DONE) {
		json_decref(args);
		return status;
	}
	json_object_set_new(args, "name", json_string(context->argv[0]));
	if (argc == 2)
		json_object_set_new(
		    args, "type", json_string(context->argv[1]));
	pid = json_object_get(args, "pid");
	as = pid != NULL ? (pid_t)json_integer_value(pid) : getpid();
	status = command_call(context, "resolve", args, &result);
	if (status == STATUS_DONE)
		explain_find_entry(context, result, as);
	if (status == STATUS_DONE && context->json)
		command_json(result);
	else if (status == STATUS_DONE)
		print_answer(result);
	if (status == STATUS_DONE)
		status = say_failure(result, context->argv[0]);
	json_decref(result);
	return status;
}
