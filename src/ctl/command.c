#include "src/ctl/command.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/base/addr.h"
#include "src/base/num.h"
#include "src/core/rule_word.h"
#include "src/core/text.h"

/* Names of one command's options: more than any has. */
#define NAMES_MAX 64

enum status
command_usage(const char *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "reroutectl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry 'reroutectl %s%s--help'.\n", command,
	    command[0] != '\0' ? " " : "");
	return STATUS_USAGE;
}

enum status
command_unknown(const char *command, const char *before, const char *word,
    const char *const *names, size_t n)
{
	size_t skip = strlen(before);
	const char *bare =
	    strncmp(word, before, skip) == 0 ? word + skip : word;
	const char *near = word_nearest(bare, strlen(bare), names, n);

	if (command[0] != '\0' && strcmp(word, "help") == 0)
		return command_usage(
		    command, "'help' is not known; did you mean '--help'?");
	if (near != NULL)
		return command_usage(command,
		    "'%s' is not known; did you mean '%s%s'?", word, before,
		    near);
	return command_usage(command, "'%s' is not known", word);
}

/* Options ------------------------------------------------------------------ */

static const struct command_option *
find_option(const struct command *command, const char *name, size_t len)
{
	for (size_t t = 0; t < COMMAND_TABLES; t++)
		for (const struct command_option *o = command->options[t];
		     o != NULL && o->name != NULL; o++)
			if (strlen(o->name) == len &&
			    memcmp(o->name, name, len) == 0)
				return o;
	return NULL;
}

/* A word that the command takes without dashes; NULL where it is none. Those of
 * rules are options where they are explained, and others are there, too. */
static const char *
bare_word(const struct command *command, const char *word)
{
	const char *bare = word + strspn(word, "-");
	size_t len = strcspn(bare, "=");
	const struct command_option *match = NULL;

	for (const struct command_word *w = command->words;
	     w != NULL && w->name != NULL; w++)
		if (strlen(w->name) == len && memcmp(w->name, bare, len) == 0)
			return w->name;
	if (strncmp(command->usage, "MATCH", 5) == 0)
		match = find_option(command_find("explain"), bare, len);
	return match != NULL && rule_has_word(match->name) ? match->name : NULL;
}

static enum status
unknown_option(const struct command *command, const char *word)
{
	static const char *const common[] = { "json", "help", "control" };
	const struct command *flows = command_find("flows");
	const char *names[NAMES_MAX], *bare = bare_word(command, word);
	size_t n = 0;

	if (bare != NULL)
		return command_usage(command->name,
		    "'%s' is not known; did you mean '%s'?", word, bare);
	if (strncmp(word, "--", 2) == 0 &&
	    find_option(flows, word + 2, strcspn(word + 2, "=")) != NULL)
		return command_usage(command->name,
		    "'%s' is not known; it is for 'flows'", word);
	for (size_t t = 0; t < COMMAND_TABLES; t++)
		for (const struct command_option *o = command->options[t];
		     o != NULL && o->name != NULL && n < NAMES_MAX - 3; o++)
			names[n++] = o->name;
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		names[n++] = common[i];
	return command_unknown(command->name, "--", word, names, n);
}

/* A filter without its option. */
static enum status
unexpected_value(const struct command *command, const char *word)
{
	const char *dot = strrchr(word, '.');
	struct addr_range range;
	const char *what = "a program", *option = "exe";

	if (find_option(command, "address", 7) != NULL &&
	    addr_range_parse(&range, word, strlen(word)) == 0) {
		what = "an address";
		option = "address";
	} else if (strchr(word, '/') == NULL &&
		   (strcmp(command->name, "queries") == 0 ||
		       (dot != NULL && isalpha((unsigned char)dot[1])))) {
		what = "a host";
		option = "domain";
	}
	return command_usage(command->name,
	    "unexpected argument '%s'; %s stands behind its option: '--%s %s'",
	    word, what, option, word);
}

enum status
command_unexpected(const struct command *command, const char *word)
{
	const char *names[NAMES_MAX], *near;
	size_t n = 0, len = strcspn(word, "=");
	uint64_t ms;

	for (size_t t = 0; t < COMMAND_TABLES; t++)
		for (const struct command_option *o = command->options[t];
		     o != NULL && o->name != NULL && n < NAMES_MAX; o++)
			names[n++] = o->name;
	if (strcmp(word, "help") == 0)
		return command_unknown(command->name, "", word, NULL, 0);
	near = word_nearest(word, len, names, n);
	if (near == NULL && find_option(command, "for", 3) != NULL &&
	    num_parse_duration(&ms, word, strlen(word), UINT64_MAX) == 0)
		return command_usage(command->name,
		    "unexpected argument '%s'; did you mean '--for %s'?", word,
		    word);
	if (near == NULL && find_option(command, "exe", 3) != NULL)
		return unexpected_value(command, word);
	if (near != NULL)
		return command_usage(command->name,
		    "unexpected argument '%s'; did you mean '--%s%s'?", word,
		    near, word + len);
	return command_usage(command->name, "unexpected argument '%s'", word);
}

enum status
command_take_options(const struct context *context, int *argc, char **argv,
    command_option_fn *fn, void *arg)
{
	const struct command *command = context->command;
	enum status status = STATUS_DONE;
	int kept = 0, i = 0;

	for (; i < *argc && status == STATUS_DONE; i++) {
		const char *word = argv[i], *value = NULL;
		const struct command_option *option;
		size_t len;

		if (strcmp(word, "--") == 0) {
			i++;
			break;
		}
		if (word[0] != '-' || word[1] == '\0') {
			argv[kept++] = argv[i];
			continue;
		}
		len = strncmp(word, "--", 2) == 0 ? strcspn(word + 2, "=") : 0;
		option = len > 0 ? find_option(command, word + 2, len) : NULL;
		if (option == NULL)
			return unknown_option(command, word);
		if (word[2 + len] == '=')
			value = word + 2 + len + 1;
		if (option->value == NULL && value != NULL)
			return command_usage(
			    command->name, "--%s takes no value", option->name);
		if (option->value != NULL && value == NULL && ++i < *argc)
			value = argv[i];
		if (option->value != NULL && value == NULL)
			return command_usage(
			    command->name, "--%s needs a value", option->name);
		status = fn(arg, option, value);
	}
	while (i < *argc)
		argv[kept++] = argv[i++];
	*argc = kept;
	return status;
}

/* Words -------------------------------------------------------------------- */

static enum status
no_option(void *arg, const struct command_option *option, const char *value)
{
	(void)arg;
	(void)option;
	(void)value;
	return STATUS_DONE; /* a command without options gets none */
}

enum status
command_no_words(const struct context *context)
{
	int argc = context->argc;
	enum status status;

	if (argc == 0)
		return STATUS_DONE;
	status = command_take_options(
	    context, &argc, context->argv, no_option, NULL);
	if (status != STATUS_DONE || argc == 0)
		return status;
	return command_unexpected(context->command, context->argv[0]);
}

/* An option in the place of a word. */
static enum status
option_first(const struct command *command, const char *word)
{
	size_t len = strncmp(word, "--", 2) == 0 ? strcspn(word + 2, "=") : 0;

	if (len == 0 || find_option(command, word + 2, len) == NULL)
		return unknown_option(command, word);
	return command_usage(command->name, "'%s' stands behind a word: %s",
	    word, command->usage);
}

enum status
command_take_word(
    const struct context *context, const struct command_word **ret)
{
	const struct command_word *words = context->command->words;
	const char *names[NAMES_MAX];
	size_t n = 0;

	if (context->argc == 0)
		return command_usage(context->command->name,
		    "a word is missing: %s", context->command->usage);
	if (context->argv[0][0] == '-')
		return option_first(context->command, context->argv[0]);
	for (; n < NAMES_MAX && words[n].name != NULL; n++) {
		if (strcmp(words[n].name, context->argv[0]) == 0) {
			*ret = &words[n];
			return STATUS_DONE;
		}
		names[n] = words[n].name;
	}
	return command_unknown(
	    context->command->name, "", context->argv[0], names, n);
}

/* Answers ------------------------------------------------------------------ */

/* DEL is ASCII that is no text, which jansson takes for some. */
static int
print_json(const char *text, size_t len, void *arg)
{
	const char *del;

	(void)arg;
	while ((del = memchr(text, 0x7f, len)) != NULL) {
		printf("%.*s\\u007f", (int)(del - text), text);
		len -= (size_t)(del + 1 - text);
		text = del + 1;
	}
	fwrite(text, 1, len, stdout);
	return 0;
}

void
command_json(const json_t *result)
{
	/* U+009B in a program's name is to no terminal what it begins with */
	json_dump_callback(
	    result, print_json, NULL, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
}

void
command_json_lines(const json_t *array)
{
	const json_t *row;
	size_t i;

	json_array_foreach((json_t *)array, i, row) command_json(row);
}

enum status
command_rows(const struct context *context, const char *call, json_t *args_take,
    client_row_fn *row, void *arg)
{
	struct client *client = NULL;
	enum status status = client_open(&client, context->control);

	if (status != STATUS_DONE) {
		json_decref(args_take);
		return status;
	}
	status = client_ask(client, call, args_take);
	if (status == STATUS_DONE)
		status = client_receive_rows(client, row, arg);
	client_close(client);
	return status;
}

enum status
command_call(const struct context *context, const char *call, json_t *args_take,
    json_t **ret)
{
	struct client *client = NULL;
	enum status status = client_open(&client, context->control);

	if (status != STATUS_DONE) {
		json_decref(args_take);
		return status;
	}
	status = client_call(client, call, args_take, ret);
	client_close(client);
	return status;
}

const char *
command_text(const json_t *object, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s != NULL ? s : otherwise;
}

double
command_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}
