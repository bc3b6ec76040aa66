#include "src/ctl/command.h"

#include <stdio.h>
#include <string.h>

#include "src/base/escape.h"

static enum status
show(const json_t *result)
{
	const json_t *rule;
	const char *at = "";
	size_t i;

	json_array_foreach(json_object_get(result, "rules"), i, rule)
	{
		const char *family = command_text(rule, "family", "?");
		const char *table = command_text(rule, "table", "?");

		if (strcmp(at, table) != 0)
			printf("# %s %s\n", family, table);
		at = table;
		printf("[%lld:%lld] ",
		    (long long)json_integer_value(
			json_object_get(rule, "packets")),
		    (long long)json_integer_value(
			json_object_get(rule, "bytes")));
		escape_print(command_text(rule, "rule", "?"), stdout);
		putchar('\n');
	}
	return STATUS_DONE;
}

static void
print_lines(const char *before, const json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach((json_t *)lines, i, line)
	{
		fputs(before, stdout);
		escape_print(json_string_value(line), stdout);
		putchar('\n');
	}
}

static enum status
verify(const json_t *result)
{
	bool in_place = json_is_true(json_object_get(result, "in_place"));

	if (in_place)
		puts("all rules are in place");
	print_lines("", json_object_get(result, "differences"));
	print_lines("warning: ", json_object_get(result, "warnings"));
	return in_place ? STATUS_DONE : STATUS_FAILED;
}

static enum status
clear(const json_t *result)
{
	printf("the rules are out of the tables, %lld connection marks "
	       "cleared; nothing is judged until the daemon starts again\n",
	    (long long)json_integer_value(json_object_get(result, "marks")));
	return STATUS_DONE;
}

static const struct {
	const char *name, *call;
	enum status (*print)(const json_t *result);
} actions[] = {
	{ "show", "firewall.show", show },
	{ "verify", "firewall.verify", verify },
	{ "clear", "firewall.clear", clear },
};

static enum status
act(const struct context *context, const char *name)
{
	json_t *result = NULL;
	enum status status;
	size_t i = 0;

	while (strcmp(actions[i].name, name) != 0)
		i++;
	status = command_call(context, actions[i].call, NULL, &result);
	if (status != STATUS_DONE)
		return status;
	if (!context->json) {
		status = actions[i].print(result);
	} else {
		command_json(result);
		if (json_is_false(json_object_get(result, "in_place")))
			status = STATUS_FAILED;
	}
	json_decref(result);
	return status;
}

enum status
command_firewall(const struct context *context)
{
	const struct command_word *word;
	enum status status = command_take_word(context, &word);

	if (status != STATUS_DONE)
		return status;
	if (context->argc != 1)
		return command_usage(
		    "firewall", "unexpected argument '%s'", context->argv[1]);
	return act(context, word->name);
}
