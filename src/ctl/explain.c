#include "src/ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/num.h"
#include "src/core/text.h"
#include "src/ctl/table.h"

/* Options that take a value, by the word of `rerouted --explain`. */
static const char *const keys[] = { "exe", "script", "cmd", "comm", "user",
	"group", "unit", "parent", "process", "to", "port", "from", "sport",
	"proto", "domain", "qtype", "pid" };

/* The first of them describe a program, which --pid names. */
#define N_PROGRAM_KEYS 9

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static bool
is_program_key(const char *key)
{
	for (size_t i = 0; i < N_PROGRAM_KEYS; i++)
		if (keys[i] == key)
			return true;
	return false;
}

static const char *
find_key(const char *word)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i], word) == 0)
			return keys[i];
	return NULL;
}

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

static enum status
unknown_option(const char *word)
{
	const char *near =
	    strncmp(word, "--", 2) == 0
		? word_nearest(word + 2, strlen(word + 2), keys, N_KEYS)
		: NULL;

	if (near != NULL)
		return command_usage("explain",
		    "'%s' is not known; did you mean '--%s'?", word, near);
	return command_usage("explain", "'%s' is not known", word);
}

/* Words of the command line into the daemon's question. */
static enum status
read_words(const struct context *context, FILE *about, json_t *args)
{
	bool described = false;
	uint64_t pid;

	for (int i = 0; i < context->argc; i++) {
		const char *word = context->argv[i];
		const char *key;

		if (strcmp(word, "--in") == 0 || strcmp(word, "--out") == 0 ||
		    strcmp(word, "--query") == 0) {
			fprintf(about, "%s ", word + 2);
			continue;
		}
		key = strncmp(word, "--", 2) == 0 ? find_key(word + 2) : NULL;
		if (key == NULL)
			return unknown_option(word);
		if (++i == context->argc)
			return command_usage(
			    "explain", "%s needs a value", word);
		described = described || is_program_key(key);
		if (strcmp(key, "pid") != 0) {
			add_word(about, key, context->argv[i]);
			continue;
		}
		if (num_parse(&pid, context->argv[i], strlen(context->argv[i]),
			INT32_MAX) < 0)
			return command_usage("explain",
			    "--pid %s: expected a number", context->argv[i]);
		json_object_set_new(args, "pid", json_integer((long long)pid));
	}
	if (described && json_object_get(args, "pid") != NULL)
		return command_usage("explain",
		    "--pid names the program: leave --exe and the like out");
	return STATUS_DONE;
}

static void
print_text(const json_t *result, const char *key)
{
	const char *text = command_text(result, key, NULL);

	if (text == NULL)
		return;
	printf("%s: ", key);
	table_text(text, stdout);
	putchar('\n');
}

static void
print_result(const json_t *result)
{
	const char *file = command_text(result, "file", NULL);
	const json_t *process = json_object_get(result, "process");

	printf("verdict: %s\n", command_text(result, "verdict", "?"));
	if (file != NULL) {
		printf("rule: %lld\nfile: ",
		    (long long)json_integer_value(
			json_object_get(result, "number")));
		table_text(file, stdout);
		printf(":%lld\ntext: ", (long long)json_integer_value(
					    json_object_get(result, "line")));
		table_text(command_text(result, "text", ""), stdout);
		putchar('\n');
	}
	print_text(result, "label");
	print_text(result, "tunnel");
	print_text(result, "host");
	print_text(result, "list");
	printf("reason: %s\n", command_text(result, "reason", "?"));
	if (command_text(process, "exe", "")[0] != '\0') {
		fputs("program: ", stdout);
		table_text(command_text(process, "exe", ""), stdout);
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
