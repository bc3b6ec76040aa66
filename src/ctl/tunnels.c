#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/escape.h"
#include "src/base/num.h"
#include "src/ctl/command.h"
#include "src/ctl/decided.h"
#include "src/ctl/show.h"
#include "src/ctl/table.h"

#define CELL 256

static const struct table_column columns[] = {
	{ "TUNNEL", .keep = 8 },
	{ "STATE", .keep = 7 },
	{ "UPSTREAM", .keep = 20 },
	{ "FLOWS", .right = true, .keep = 5 },
	{ "DIALS", .right = true, .keep = 5, .drop = 4 },
	{ "FAILED", .right = true, .keep = 6, .drop = 3 },
	{ "UP", .right = true, .keep = 4, .drop = 1 },
	{ "DOWN", .right = true, .keep = 4, .drop = 2 },
	{ "UDP", .keep = 6, .drop = 5 },
	{ "LAST ERROR", .keep = 24, .wrap = true },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void
format_error(char *buf, size_t size, const json_t *row)
{
	const char *error = command_text(row, "error", NULL);
	const char *why = command_text(row, "error_why", "");
	char when[32];

	show_time(when, sizeof(when), command_number(row, "error_time"));
	if (error == NULL)
		(void)snprintf(buf, size, "-");
	else
		(void)snprintf(buf, size, "%s %s%s%s%s", when, error,
		    why[0] != '\0' ? " (" : "", why,
		    why[0] != '\0' ? ")" : ""); /* cut */
}

/* "tunnel", or, of one with associations that wait after a failure, "tunnel (2
 * rest 4 s)": the first of them no longer than that. */
static void
format_udp(char *buf, size_t size, const json_t *row)
{
	double n = command_number(row, "udp_resting");
	double left =
	    command_number(row, "udp_retry_time") - (double)time(NULL);

	if (n > 0)
		(void)snprintf(buf, size, "%s (%.0f %s %.0f s)",
		    command_text(row, "udp", "?"), n, n > 1 ? "rest" : "rests",
		    left > 1 ? left : 1);
	else
		(void)snprintf(buf, size, "%s", command_text(row, "udp", "?"));
}

static void
add_row(struct table *table, const json_t *row)
{
	char flows[24], dials[24], failures[24], up[16], down[16], error[CELL];
	char udp[64];
	const char *state = command_text(row, "state", "?");
	const char *cells[N_COLUMNS] = { command_text(row, "name", "?"), state,
		command_text(row, "upstream", "?"), flows, dials, failures, up,
		down, udp, error };

	/* fit */
	(void)snprintf(
	    flows, sizeof(flows), "%.0f", command_number(row, "flows"));
	(void)snprintf(
	    dials, sizeof(dials), "%.0f", command_number(row, "dials"));
	(void)snprintf(failures, sizeof(failures), "%.0f",
	    command_number(row, "failures"));
	show_bytes(up, sizeof(up), json_object_get(row, "bytes_up"));
	show_bytes(down, sizeof(down), json_object_get(row, "bytes_down"));
	format_udp(udp, sizeof(udp), row);
	format_error(error, sizeof(error), row);
	table_row(table, cells,
	    strcmp(state, "up") == 0	 ? TABLE_GREEN
	    : strcmp(state, "down") == 0 ? TABLE_RED
					 : TABLE_YELLOW);
}

static const struct show_list tunnel_list = { "tunnels.list", columns,
	N_COLUMNS, add_row, NULL, NULL, NULL };

/* "host:port", "[addr]:port". False where it is neither. */
static bool
split_end(const char *text, char *host, size_t size, uint64_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t len;

	if (colon == NULL || colon == text ||
	    num_parse(ret_port, colon + 1, strlen(colon + 1), 65535) < 0)
		return false;
	len = (size_t)(colon - text);
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= size)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return true;
}

static void
print_step(const json_t *step)
{
	printf("%8.1f ms  ", command_number(step, "ms"));
	escape_print(command_text(step, "text", ""), stdout);
	putchar('\n');
	(void)fflush(stdout); /* the next one may take its time */
}

static void
print_end(const json_t *result)
{
	const char *why = command_text(result, "why", "");

	printf("%s after %.0f ms", command_text(result, "text", "?"),
	    command_number(result, "ms"));
	if (why[0] != '\0') {
		fputs(": ", stdout);
		escape_print(why, stdout);
	}
	putchar('\n');
}

/* Its steps, as they come, and its end. */
static enum status
receive_test(const struct context *context, struct client *client, json_t **ret)
{
	for (;;) {
		const json_t *step;
		enum status status = client_receive(client, ret);

		if (status != STATUS_DONE)
			return status;
		step = json_object_get(*ret, "step");
		if (step == NULL)
			return STATUS_DONE;
		if (!context->json)
			print_step(step);
		json_decref(*ret);
	}
}

static enum status
run_test(const struct context *context, json_t *args_take, json_t **ret)
{
	struct client *client;
	enum status status = client_open(&client, context->control);

	if (status != STATUS_DONE) {
		json_decref(args_take);
		return status;
	}
	client_limit(client);
	status = client_send(client, "tunnels.test", args_take);
	if (status == STATUS_DONE)
		status = receive_test(context, client, ret);
	client_close(client);
	return status;
}

static enum status
test(const struct context *context)
{
	char host[CELL];
	uint64_t port = 0;
	json_t *result = NULL;
	enum status status;
	bool ok;

	if (context->argc != 3 ||
	    !split_end(context->argv[2], host, sizeof(host), &port))
		return command_usage("tunnels",
		    "test takes a tunnel and HOST:PORT, such as tor "
		    "example.com:443");
	status = run_test(context,
	    json_pack("{s:s, s:s, s:I, s:b}", "name", context->argv[1], "host",
		host, "port", (json_int_t)port, "steps", true),
	    &result);
	if (status != STATUS_DONE)
		return status;
	ok = json_is_true(json_object_get(result, "ok"));
	if (context->json)
		command_json(result);
	else
		print_end(result);
	json_decref(result);
	return ok ? STATUS_DONE : STATUS_FAILED;
}

static enum status
list_tunnels(const struct context *context)
{
	json_t *rows;
	enum status status =
	    decided_rows(context, tunnel_list.call, "tunnel", &rows);

	if (status == STATUS_DONE && context->json)
		command_json_lines(rows);
	else if (status == STATUS_DONE)
		status = show_table(&tunnel_list, rows);
	json_decref(rows);
	return status;
}

enum status
command_tunnels(const struct context *context)
{
	if (context->argc == 0 || decided_is_filtered(context))
		return list_tunnels(context);
	if (strcmp(context->argv[0], "test") == 0)
		return test(context);
	return command_usage(
	    "tunnels", "unexpected argument '%s'", context->argv[0]);
}
