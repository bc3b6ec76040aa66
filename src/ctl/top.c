#include "src/ctl/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/core/text.h"

const struct command_option top_options[] = {
	{ "hosts", NULL, "hosts by traffic, in place of processes", NULL },
	{ "sort", "WORD", "traffic, in, out, flows, blocked or name",
	    "traffic in out flows blocked name" },
	{ "once", NULL, "print what there is, and no screen", NULL },
	{ 0 },
};

struct wanted {
	struct top *top;
	bool once;
};

static enum status
take_sort(struct top *top, const char *value)
{
	static const char *const names[TOP_N_SORTS] = { "traffic", "in", "out",
		"flows", "blocked", "name" };
	const char *near;

	for (size_t i = 0; i < TOP_N_SORTS; i++)
		if (strcmp(names[i], value) == 0) {
			top->sort = (enum top_sort)i;
			return STATUS_DONE;
		}
	/* both together */
	near = strcmp(value, "bytes") == 0
		   ? names[0]
		   : word_nearest(value, strlen(value), names, TOP_N_SORTS);
	return command_usage("top", "--sort %s: expected %s%s%s%s", value,
	    top_options[1].what, near != NULL ? "; did you mean '" : "",
	    near != NULL ? near : "", near != NULL ? "'?" : "");
}

static enum status
take(void *arg, const struct command_option *option, const char *value)
{
	struct wanted *wanted = arg;

	if (strcmp(option->name, "sort") == 0)
		return take_sort(wanted->top, value);
	if (strcmp(option->name, "once") == 0)
		wanted->once = true;
	else
		wanted->top->kind = TOP_HOSTS;
	return STATUS_DONE;
}

enum status
top_ask(struct top *top)
{
	json_t *list = NULL;
	enum status status = client_call(top->client,
	    top->kind == TOP_PROCESSES ? "processes.list" : "hosts.list", NULL,
	    &list);

	if (status != STATUS_DONE)
		return status;
	json_decref(top->list);
	top->list = list;
	return STATUS_DONE;
}

bool
top_make(struct top *top, struct top_rows *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (!top_rows_make(ret, top->list, top->kind, top->past[top->kind],
		(double)ts.tv_sec + (double)ts.tv_nsec / 1e9, top->filter))
		return false;
	top_rows_sort(ret, top->sort, top->reverse);
	return true;
}

static enum status
print_once(struct top *top, bool json)
{
	enum status status = top_ask(top);
	struct table *table;
	struct top_rows rows;

	if (status != STATUS_DONE)
		return status;
	if (!top_make(top, &rows))
		return STATUS_FAILED;
	for (size_t i = 0; json && i < rows.n; i++)
		command_json(rows.v[i].row);
	if (!json) {
		table = top_rows_table(&rows, top->kind);
		if (table != NULL)
			table_print(table, stdout);
		table_free(table);
	}
	top_rows_done(&rows);
	return STATUS_DONE;
}

static enum status
show(struct top *top, const struct context *context, bool once)
{
	if (context->json || once || !isatty(STDOUT_FILENO) ||
	    !isatty(STDIN_FILENO))
		return print_once(top, context->json);
#ifdef HAVE_NCURSES
	return top_screen(top);
#else
	return print_once(top, false);
#endif
}

enum status
command_top(const struct context *context)
{
	struct top top = { .kind = TOP_PROCESSES };
	struct wanted wanted = { &top, false };
	int argc = context->argc;
	enum status status =
	    command_take_options(context, &argc, context->argv, take, &wanted);

	if (status == STATUS_DONE && argc > 0)
		status = command_unexpected(context->command, context->argv[0]);
	if (status == STATUS_DONE)
		status = client_open(&top.client, context->control);
	if (status != STATUS_DONE)
		return status;
	top.past[TOP_PROCESSES] = top_past_new();
	top.past[TOP_HOSTS] = top_past_new();
	status = top.past[0] != NULL && top.past[1] != NULL
		     ? show(&top, context, wanted.once)
		     : STATUS_FAILED;
	json_decref(top.list);
	top_past_free(top.past[TOP_PROCESSES]);
	top_past_free(top.past[TOP_HOSTS]);
	client_close(top.client);
	return status;
}
