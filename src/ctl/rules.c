#include "src/ctl/command.h"
#include "src/ctl/decided.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/escape.h"
#include "src/base/num.h"
#include "src/ctl/rule_words.h"
#include "src/ctl/rules_list.h"
#include "src/ctl/show.h"
#include "src/ctl/table.h"

/* What fits a line of the control protocol, escaped as JSON. */
#define TRY_MAX ((size_t)60000)
#define FOR_MAX_MS (UINT64_C(366) * 86400 * 1000)

/* What a change did to live connections. */
static void
print_review(const json_t *result)
{
	const json_t *review = json_object_get(result, "review");

	double changed = command_number(review, "changed");
	double ended = command_number(review, "ended");

	if (changed > 1)
		printf("%.0f connections are decided otherwise now, %.0f of "
		       "them %s ended\n",
		    changed, ended, show_word(ended, "was", "were"));
	else if (changed > 0)
		printf("1 connection is decided otherwise now%s\n",
		    ended > 0 ? ", and was ended" : "");
	if (json_is_false(json_object_get(result, "saved")))
		fputs("reroutectl: the rules from the command line could not "
		      "be saved: after a restart they are as they were saved "
		      "last\n",
		    stderr);
}

static void
print_warnings(const json_t *warnings)
{
	const json_t *warning;
	size_t i;

	json_array_foreach((json_t *)warnings, i, warning)
	{
		escape_print(json_string_value(warning), stderr);
		fputc('\n', stderr);
	}
}

/* Calls, and prints the answer behind a sentence of its own. */
static enum status
call_change(const struct context *context, const char *call, json_t *args_take,
    void (*say)(const json_t *result))
{
	json_t *result = NULL;
	enum status status = command_call(context, call, args_take, &result);

	if (status != STATUS_DONE)
		return status;
	if (context->json) {
		command_json(result);
	} else {
		say(result);
		print_review(result);
		print_warnings(json_object_get(result, "warnings"));
		if (json_is_false(json_object_get(result, "judging")))
			puts("nothing is judged: the rules are out of the "
			     "tables until the daemon starts again");
	}
	json_decref(result);
	return STATUS_DONE;
}

/* "1 rule is", "2 rules are" */
static void
print_rules(const json_t *result)
{
	double n = command_number(result, "rules");

	if (n == 0)
		fputs("the defaults alone are in force", stdout);
	else
		printf("%.0f %s in force", n,
		    show_word(n, "rule is", "rules are"));
}

static void
say_reloaded(const json_t *result)
{
	print_rules(result);
	putchar('\n');
}

/* What is in force may still lack a list, or an upstream. */
static enum status
say_problems(const struct context *context)
{
	json_t *result = NULL;
	enum status status = command_call(context, "status", NULL, &result);

	if (status == STATUS_DONE)
		show_problems(result);
	json_decref(result);
	return status;
}

enum status
command_reload(const struct context *context)
{
	enum status status = command_no_words(context);

	if (status == STATUS_DONE)
		status = call_change(context, "reload", NULL, say_reloaded);
	return status == STATUS_DONE && !context->json ? say_problems(context)
						       : status;
}

struct taking {
	const char *command;
	uint64_t ms;
};

static enum status
take_for_value(
    void *arg, const struct command_option *option, const char *value)
{
	struct taking *taking = arg;

	if (strcmp(option->name, "for") != 0)
		return command_usage(taking->command,
		    "--%s is for the rules that are shown", option->name);
	if (num_parse_duration(&taking->ms, value, strlen(value), FOR_MAX_MS) <
		0 ||
	    taking->ms < 1000)
		return command_usage(taking->command,
		    "--for %s: expected a time such as 90s, 10m, 8h or 7d, at "
		    "most 366d",
		    value);
	return STATUS_DONE;
}

/* Takes `--for DURATION` out of the words; 0 where there is none. */
static enum status
take_for(
    const struct context *context, int *argc, char **argv, uint64_t *ret_ms)
{
	struct taking taking = { .command = context->command->name };
	enum status status =
	    command_take_options(context, argc, argv, take_for_value, &taking);

	*ret_ms = taking.ms;
	return status;
}

/* Rules from the command line ---------------------------------------------- */

static void
say_added(const json_t *result)
{
	char left[32];

	printf("rule %.0f from the command line stands before the others",
	    command_number(result, "id"));
	if (json_is_number(json_object_get(result, "ends"))) {
		show_left(left, sizeof(left), command_number(result, "ends"));
		printf(" for %s", left);
	}
	printf("; 'reroutectl rules delete %.0f' takes it out\n",
	    command_number(result, "id"));
}

enum status
command_add(const struct context *context)
{
	uint64_t for_ms = 0;
	int argc = context->argc;
	enum status status = take_for(context, &argc, context->argv, &for_ms);
	char *rule;
	json_t *args;

	if (status != STATUS_DONE)
		return status;
	if (rule_words_are_none(argc, context->argv))
		return command_usage(context->command->name,
		    "what is missing is a match; 'to any' is everything");
	rule = rule_words_join(context->command->name, argc, context->argv);
	args = json_pack(
	    "{s:s?, s:I}", "rule", rule, "for_ms", (json_int_t)for_ms);
	if (args == NULL)
		status = command_usage(
		    context->command->name, "the rule is no valid UTF-8");
	else
		status = call_change(context, "rules.add", args, say_added);
	if (status == STATUS_DONE && rule != NULL)
		rule_words_warn(rule, for_ms > 0);
	else if (status == STATUS_FAILED)
		rule_words_hint(argc, context->argv);
	free(rule);
	return status;
}

static void
say_deleted(const json_t *result)
{
	printf("rule %.0f is out (", command_number(result, "id"));
	escape_print(command_text(result, "text", ""), stdout);
	fputs("); ", stdout);
	say_reloaded(result);
}

/* N, or "command line:N" as the table has it; 0: it is neither. */
static uint64_t
rule_id(const char *s)
{
	static const char place[] = "command line:";
	uint64_t id;

	if (strncmp(s, place, sizeof(place) - 1) == 0)
		s += sizeof(place) - 1;
	return num_parse(&id, s, strlen(s), UINT32_MAX) == 0 ? id : 0;
}

static enum status
delete_rules(const struct context *context, int argc, char **argv)
{
	enum status status = STATUS_DONE, one;

	for (int i = 0; i < argc || i == 0; i++)
		if (argc == 0 || rule_id(argv[i]) == 0)
			return command_usage("rules",
			    "delete needs the numbers of rules from the "
			    "command line, each the N of 'command line:N'");
	/* also where one of them has ended meanwhile */
	for (int i = 0; i < argc; i++) {
		one = call_change(context, "rules.delete",
		    json_pack("{s:I}", "id", (json_int_t)rule_id(argv[i])),
		    say_deleted);
		if (one != STATUS_DONE)
			status = one;
	}
	return status;
}

/* Trying ------------------------------------------------------------------- */

static char *
read_text(const char *path)
{
	char *text = calloc(1, TRY_MAX + 1);
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t n = 0;

	if (text != NULL && f != NULL)
		n = fread(text, 1, TRY_MAX + 1, f);
	if (f == NULL || text == NULL || ferror(f)) {
		fprintf(stderr, "reroutectl: %s: %s\n", path, strerror(errno));
		free(text);
		text = NULL;
	} else if (n > TRY_MAX || memchr(text, '\0', n) != NULL) {
		fprintf(stderr, "reroutectl: %s: %s\n", path,
		    n > TRY_MAX ? "too large to be tried: at most 60000 bytes"
				: "no text");
		free(text);
		text = NULL;
	}
	if (f != NULL && f != stdin)
		fclose(f);
	return text;
}

static void
say_tried(const json_t *result)
{
	char left[32];

	show_left(left, sizeof(left), command_number(result, "ends"));
	print_rules(result);
	printf(" for %s, then the set before is back; "
	       "'reroutectl rules keep' keeps them, 'rules revert' ends it\n",
	    left);
}

static enum status
try_rules(const struct context *context, int argc, char **argv)
{
	uint64_t for_ms = 0;
	enum status status = take_for(context, &argc, argv, &for_ms);
	json_t *args;
	char *text;

	if (status != STATUS_DONE)
		return status;
	if (argc != 1 || for_ms == 0)
		return command_usage("rules",
		    "try needs a file and how long: rules try FILE --for 60s");
	text = read_text(argv[0]);
	if (text == NULL)
		return STATUS_FAILED;
	args = json_pack("{s:s, s:s, s:I}", "file", argv[0], "text", text,
	    "for_ms", (json_int_t)for_ms);
	free(text);
	if (args == NULL) {
		fprintf(
		    stderr, "reroutectl: %s: it is no UTF-8 text\n", argv[0]);
		return STATUS_FAILED;
	}
	return call_change(context, "rules.try", args, say_tried);
}

static void
say_kept(const json_t *result)
{
	double n = command_number(result, "rules");

	printf("what was tried stays in force until the next reload, %.0f "
	       "%s: the folder of rules keeps it longer\n",
	    n, show_word(n, "rule", "rules"));
}

enum status
command_rules(const struct context *context)
{
	const struct command_word *word;
	int argc = context->argc - 1;
	char **argv = context->argv + 1;
	enum status status;

	if (context->argc == 0 || decided_is_filtered(context))
		return rules_list(context);
	status = command_take_word(context, &word);
	if (status != STATUS_DONE)
		return status;
	if (strcmp(word->name, "delete") == 0)
		return delete_rules(context, argc, argv);
	if (strcmp(word->name, "try") == 0)
		return try_rules(context, argc, argv);
	if (argc > 0)
		return command_usage(
		    "rules", "unexpected argument '%s'", argv[0]);
	if (strcmp(word->name, "revert") == 0)
		return call_change(context, "rules.revert", NULL, say_reloaded);
	return call_change(context, "rules.keep", NULL, say_kept);
}
