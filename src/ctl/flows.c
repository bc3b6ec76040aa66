#include "src/ctl/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/escape.h"
#include "src/base/num.h"
#include "src/ctl/filter.h"
#include "src/ctl/queries.h"
#include "src/ctl/show.h"
#include "src/ctl/table.h"

#define CELL 256

/* The cells of a flow, in the order of flow_columns. */
struct flow_cells {
	char time[32], program[CELL], source[CELL], destination[CELL], in[16],
	    out[16], why[CELL];
	const char *cells[12];
};

static const struct table_column flow_columns[] = {
	{ "TIME", .keep = 8, .drop = 1 },
	{ "VERDICT", .keep = 7 },
	{ "DIR", .keep = 3, .drop = 3 },
	{ "PROTO", .keep = 5, .drop = 2 },
	{ "PROGRAM", .keep = 16, .tail = true },
	{ "USER", .keep = 6, .drop = 4 },
	{ "SOURCE", .keep = 15, .drop = 5 },
	{ "DESTINATION", .keep = 15 },
	{ "IN", .keep = 4, .right = true, .drop = 7 },
	{ "OUT", .keep = 4, .right = true, .drop = 6 },
	{ "ADDRESS", .keep = 15, .drop = 8 },
	{ "WHY", .keep = 12 },
};

#define N_COLUMNS (sizeof(flow_columns) / sizeof(flow_columns[0]))

/* The name in place of the address, where it has one; behind it, where another
 * program alone was told that: this one may never have heard of it. */
static void
format_end(char *buf, size_t size, const json_t *flow, bool dst)
{
	const char *port_key = dst ? "dport" : "sport";
	bool out = strcmp(command_text(flow, "direction", ""), "out") == 0;
	const char *addr = command_text(flow, dst ? "dst" : "src", "-");
	const json_t *port = json_object_get(flow, port_key);
	const char *host = dst == out ? command_text(flow, "host", NULL) : NULL;
	bool others =
	    host != NULL && json_is_false(json_object_get(flow, "host_told"));
	size_t n;

	if (host != NULL && !others)
		addr = host;
	/* cut where a name is too long */
	if (!json_is_integer(port))
		(void)snprintf(buf, size, "%s", addr);
	else if (strchr(addr, ':') != NULL)
		(void)snprintf(
		    buf, size, "[%s]:%d", addr, (int)json_integer_value(port));
	else
		(void)snprintf(
		    buf, size, "%s:%d", addr, (int)json_integer_value(port));
	n = strlen(buf);
	if (others)
		(void)snprintf(buf + n, size - n, " (%s)", host); /* likewise */
}

/* What stands behind a name; "" where the address is to be seen. */
static const char *
hidden_address(const json_t *flow)
{
	bool out = strcmp(command_text(flow, "direction", ""), "out") == 0;

	if (command_text(flow, "host", NULL) == NULL ||
	    json_is_false(json_object_get(flow, "host_told")))
		return "";
	return command_text(flow, out ? "dst" : "src", "");
}

/* The rule; and what kept the tunnel from carrying anything. */
static void
format_why(char *buf, size_t size, const json_t *flow)
{
	const char *closed = command_text(flow, "close_reason", NULL);
	size_t n;

	show_why(buf, size, flow);
	n = strlen(buf);
	if (closed != NULL &&
	    json_integer_value(json_object_get(flow, "bytes_up")) == 0 &&
	    json_integer_value(json_object_get(flow, "bytes_down")) == 0)
		(void)snprintf(buf + n, size - n, ": %s", closed); /* cut */
}

static void
format_flow(struct flow_cells *ret, const json_t *flow)
{
	const json_t *process = json_object_get(flow, "process");

	show_time(ret->time, sizeof(ret->time),
	    json_number_value(json_object_get(flow, "time")));
	show_program(ret->program, sizeof(ret->program), process);
	format_end(ret->source, sizeof(ret->source), flow, false);
	format_end(ret->destination, sizeof(ret->destination), flow, true);
	show_bytes(ret->in, sizeof(ret->in), json_object_get(flow, "bytes_in"));
	show_bytes(
	    ret->out, sizeof(ret->out), json_object_get(flow, "bytes_out"));
	format_why(ret->why, sizeof(ret->why), flow);
	ret->cells[0] = ret->time;
	ret->cells[1] = command_text(flow, "verdict", "?");
	ret->cells[2] = command_text(flow, "direction", "?");
	ret->cells[3] = command_text(flow, "proto", "?");
	ret->cells[4] = ret->program;
	ret->cells[5] = command_text(process, "user", "-");
	ret->cells[6] = ret->source;
	ret->cells[7] = ret->destination;
	ret->cells[8] = ret->in;
	ret->cells[9] = ret->out;
	ret->cells[10] = hidden_address(flow);
	ret->cells[11] = ret->why;
}

static enum table_colour
flow_colour(const json_t *flow)
{
	return strcmp(command_text(flow, "verdict", ""), "accept") == 0
		   ? TABLE_PLAIN
		   : TABLE_RED;
}

static void
add_flow(struct table *table, const json_t *flow)
{
	struct flow_cells cells;

	format_flow(&cells, flow);
	table_row(table, cells.cells, flow_colour(flow));
}

enum status
command_flows(const struct context *context)
{
	static const struct show_list list = { "flows.list", flow_columns,
		N_COLUMNS, add_flow, "flows", "flows-max in [rerouted]", NULL };
	json_t *args;
	enum status status = filter_args(context, &args);

	return status == STATUS_DONE ? show_list(context, &list, args) : status;
}

/* Lines that come one by one: columns of a fixed width. */
static void
print_event(const json_t *flow)
{
	bool paint =
	    flow_colour(flow) != TABLE_PLAIN && table_has_colour(stdout);
	struct flow_cells cells;

	format_flow(&cells, flow);
	fputs(paint ? "\033[31m" : "", stdout);
	printf("%s %-6s %-3s %-5s ", cells.cells[0], cells.cells[1],
	    cells.cells[2], cells.cells[3]);
	escape_print(cells.program, stdout);
	printf(
	    " %s %s -> %s ", cells.cells[5], cells.source, cells.destination);
	escape_print(cells.why, stdout);
	fputs(paint ? "\033[0m\n" : "\n", stdout);
}

struct watching {
	const struct context *context;
	json_t *args;
};

static enum status
take_watch(void *arg, const struct command_option *option, const char *value)
{
	struct watching *watching = arg;
	bool taken;
	uint64_t n;
	enum status status = filter_take(
	    watching->context, option, value, watching->args, &taken);

	if (taken || status != STATUS_DONE)
		return status;
	if (num_parse(&n, value, strlen(value), UINT32_MAX) < 0)
		return command_usage(
		    "watch", "--backlog %s: expected a number", value);
	json_object_set_new(
	    watching->args, "backlog", json_integer((json_int_t)n));
	return STATUS_DONE;
}

static enum status
watch_args(const struct context *context, json_t **ret)
{
	struct watching watching = { context, json_object() };
	int argc = context->argc;
	enum status status = command_take_options(
	    context, &argc, context->argv, take_watch, &watching);

	if (status == STATUS_DONE && argc > 0)
		status = command_unexpected(context->command, context->argv[0]);
	if (status == STATUS_DONE)
		*ret = watching.args;
	else
		json_decref(watching.args);
	return status;
}

/* The end of a flow that went through a tunnel. */
static void
print_tunnel(const json_t *event)
{
	char when[32], program[CELL], to[CELL], up[16], down[16];

	show_time(when, sizeof(when), command_number(event, "time"));
	show_program(
	    program, sizeof(program), json_object_get(event, "process"));
	show_bytes(up, sizeof(up), json_object_get(event, "bytes_up"));
	show_bytes(down, sizeof(down), json_object_get(event, "bytes_down"));
	format_end(to, sizeof(to), event, true);
	printf("%s tunnel %s ", when, command_text(event, "tunnel", "?"));
	escape_print(program, stdout);
	printf(" -> %s up %s down %s: ", to, up, down);
	escape_print(command_text(event, "close_reason", "?"), stdout);
	putchar('\n');
}

/* What came faster than it was read. */
static void
print_missed(const json_t *event)
{
	printf("(%.0f more came faster than they were read)\n",
	    command_number(event, "events"));
}

static void
print_any_event(const struct context *context, const json_t *event)
{
	static const struct {
		const char *kind;
		void (*print)(const json_t *event);
	} kinds[] = {
		{ "flow", print_event },
		{ "query", queries_print_event },
		{ "tunnel", print_tunnel },
		{ "missed", print_missed },
	};
	const char *kind = command_text(event, "event", "");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, kinds[i].kind) != 0)
			continue;
		if (context->json)
			command_json(event);
		else
			kinds[i].print(event);
	}
}

enum status
command_watch(const struct context *context)
{
	struct client *client = NULL;
	json_t *event = NULL, *args = NULL;
	enum status status = watch_args(context, &args);

	if (status != STATUS_DONE)
		return status;
	status = client_open(&client, context->control);
	if (status == STATUS_DONE)
		status = client_send(client, "watch", args);
	else
		json_decref(args);
	if (status == STATUS_DONE)
		client_for(client, stdout);
	while (status == STATUS_DONE) {
		status = client_receive(client, &event);
		if (status != STATUS_DONE || event == NULL)
			break;
		print_any_event(context, event);
		json_decref(event);
		if (fflush(stdout) != 0)
			break; /* nobody reads any more */
	}
	client_close(client);
	return status;
}
