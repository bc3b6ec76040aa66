#include "src/ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/escape.h"
#include "src/base/num.h"

/* By the words of `rerouted --explain`; --pid is not one of them. */
const struct command_option explain_options[] = {
	{ "exe", "PATH", "the program", "FILE" },
	{ "script", "PATH", "the script that it runs", "FILE" },
	{ "cmd", "TEXT", "its command line", NULL },
	{ "comm", "NAME", "its short name", NULL },
	{ "user", "NAME", "whom it runs as", NULL },
	{ "group", "NAME", "the same", NULL },
	{ "unit", "NAME", "its systemd unit or container", NULL },
	{ "parent", "PATH", "the program of an ancestor", "FILE" },
	{ "process", "WORD", "unknown, kernel or self", "unknown kernel self" },
	{ "pid", "N", "a program that runs now, in place of all these", NULL },
	{ "to", "ADDR", "where to", NULL },
	{ "port", "N", "and its port", NULL },
	{ "from", "ADDR", "where from", NULL },
	{ "sport", "N", "and its port", NULL },
	{ "proto", "PROTO", "tcp, udp, icmp, icmp6 or a number",
	    "tcp udp icmp icmp6" },
	{ "domain", "NAME", "what the address is called", NULL },
	{ "query", NULL, "a DNS query: --query NAME, or of --domain NAME",
	    NULL },
	{ "qtype", "TYPE", "a DNS query of that type", "A AAAA HTTPS" },
	{ "in", NULL, "the direction", NULL },
	{ "out", NULL, "the same, and the default", NULL },
	{ 0 },
};

/* The first of them describe a program, which --pid names. */
#define N_PROGRAM_OPTIONS 9

/* key="value", with quotes and backslashes of the value escaped. */
static void
add_word(FILE *about, const char *key, const char *value)
{
	fprintf(about, "%s=\"", key);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', about);
		fputc(*value, about);
	}
	fputs("\" ", about);
}

struct question {
	const struct context *context;
	FILE *about;
	json_t *args;
	bool described, query;
};

enum status
command_take_pid(const struct context *context, const char *value, json_t *args)
{
	uint64_t pid;

	if (num_parse(&pid, value, strlen(value), INT32_MAX) < 0)
		return command_usage(context->command->name,
		    "--pid %s: expected a number", value);
	json_object_set_new(args, "pid", json_integer((long long)pid));
	return STATUS_DONE;
}

static enum status
take(void *arg, const struct command_option *option, const char *value)
{
	struct question *question = arg;

	if (value == NULL) {
		fprintf(question->about, "%s ", option->name);
		question->query |= strcmp(option->name, "query") == 0;
		return STATUS_DONE;
	}
	if (strcmp(option->name, "pid") != 0) {
		if (option < explain_options + N_PROGRAM_OPTIONS)
			question->described = true;
		add_word(question->about, option->name, value);
		return STATUS_DONE;
	}
	return command_take_pid(question->context, value, question->args);
}

/* Words of the command line into the daemon's question. */
static enum status
read_words(const struct context *context, FILE *about, json_t *args)
{
	struct question question = {
		.context = context, .about = about, .args = args
	};
	int argc = context->argc;
	enum status status = command_take_options(
	    context, &argc, context->argv, take, &question);

	if (status != STATUS_DONE)
		return status;
	if (argc > (question.query ? 1 : 0))
		return command_unexpected(
		    context->command, context->argv[question.query ? 1 : 0]);
	if (argc == 1) /* --query NAME */
		add_word(about, "domain", context->argv[0]);
	if (question.described && json_object_get(args, "pid") != NULL)
		return command_usage("explain",
		    "--pid names the program: leave --exe and the like out");
	return STATUS_DONE;
}

void
explain_print_text(const json_t *result, const char *key)
{
	const char *text = command_text(result, key, NULL);

	if (text == NULL)
		return;
	printf("%s: ", key);
	escape_print(text, stdout);
	putchar('\n');
}

void
explain_print_entry(const json_t *result)
{
	if (command_text(result, "list_file", NULL) == NULL)
		return;
	fputs("entry: ", stdout);
	escape_print(command_text(result, "list_file", ""), stdout);
	printf(":%.0f: ", command_number(result, "list_line"));
	escape_print(command_text(result, "list_text", ""), stdout);
	putchar('\n');
}

static void
print_result(const json_t *result)
{
	const char *file = command_text(result, "file", NULL);
	const json_t *process = json_object_get(result, "process");
	const json_t *note;
	size_t i;

	printf("verdict: %s\n", command_text(result, "verdict", "?"));
	if (file != NULL) {
		printf("rule: %lld\nfile: ",
		    (long long)json_integer_value(
			json_object_get(result, "number")));
		escape_print(file, stdout);
		printf(":%lld\ntext: ", (long long)json_integer_value(
					    json_object_get(result, "line")));
		escape_print(command_text(result, "text", ""), stdout);
		putchar('\n');
	}
	explain_print_text(result, "label");
	explain_print_text(result, "tunnel");
	explain_print_text(result, "host");
	explain_print_text(result, "list");
	explain_print_entry(result);
	printf("reason: %s\n", command_text(result, "reason", "?"));
	json_array_foreach(json_object_get(result, "passed"), i, note)
	    printf("passed: %s\n", json_string_value(note));
	json_array_foreach(json_object_get(result, "then"), i, note)
	    printf("then: %s\n", json_string_value(note));
	if (command_text(process, "exe", "")[0] != '\0') {
		fputs("program: ", stdout);
		escape_print(command_text(process, "exe", ""), stdout);
		putchar('\n');
	}
}

enum status
command_explain(const struct context *context)
{
	json_t *args = json_object(), *result = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *about = open_memstream(&text, &size);
	enum status status;

	if (args == NULL || about == NULL) {
		fputs("reroutectl: out of memory\n", stderr);
		return STATUS_FAILED;
	}
	status = read_words(context, about, args);
	fclose(about);
	json_object_set_new(args, "about", json_string(text));
	free(text);
	if (status != STATUS_DONE) {
		json_decref(args);
		return status;
	}
	status = command_call(context, "explain", args, &result);
	if (status != STATUS_DONE)
		return status;
	if (context->json)
		command_json(result);
	else
		print_result(result);
	json_decref(result);
	return STATUS_DONE;
}

/* The question of what was decided for a query that was asked, in words; to be
 * freed. */
static char *
about_query(const json_t *query)
{
	char *text = NULL;
	size_t size;
	FILE *about = open_memstream(&text, &size);
	const char *address = command_text(query, "address", NULL);

	if (about == NULL)
		return NULL;
	add_word(about, "domain",
	    command_text(query, "alias", command_text(query, "qname", "")));
	add_word(about, "qtype", command_text(query, "qtype", ""));
	if (address != NULL)
		add_word(about, "to", address);
	if (fclose(about) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

void
explain_find_entry(const struct context *context, json_t *query, pid_t pid)
{
	static const char *const keys[] = { "list_file", "list_line",
		"list_text" };
	const char *list = command_text(query, "list", NULL);
	json_t *explained = NULL;
	char *about;

	if (list == NULL)
		return;
	about = about_query(query);
	/* who asked may be gone: then it says so, and there is no entry */
	(void)command_call(context, "explain",
	    json_pack("{s:s, s:I}", "about", about != NULL ? about : "", "pid",
		(json_int_t)pid),
	    &explained);
	free(about);
	/* the rules may be others by now */
	if (strcmp(command_text(explained, "list", ""), list) == 0)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			json_object_set(query, keys[i],
			    json_object_get(explained, keys[i]));
	json_decref(explained);
}
