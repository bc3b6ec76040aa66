#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/text.h"
#include "src/ctl/command.h"

#define CONTROL_DEFAULT "/run/rerouted/control.sock"

static const char add_help[] =
    "  MATCH              as in a rules file: see rerouted.rules(5)\n"
    "  --for T            until then, by the wall clock: 90s, 10m, 8h, 7d\n";

static const struct command commands[] = {
	{ "status", NULL, "status", "how the daemon is", NULL,
	    "reroutectl status", command_status },
	{ "flows", "connections", "flows",
	    "the connections that were judged, youngest first", NULL,
	    "reroutectl flows", command_flows },
	{ "watch", NULL, "watch", "decisions as they are taken", NULL,
	    "reroutectl --json watch", command_watch },
	{ "explain", NULL, "explain [--exe PATH] [--to ADDR] ...",
	    "which rule would decide, and why",
	    "  --exe PATH --script PATH --cmd TEXT --comm NAME --user NAME "
	    "--group NAME\n"
	    "  --unit NAME --parent PATH --process unknown|kernel|self\n"
	    "                     the program, or:\n"
	    "  --pid N            a program that runs now\n"
	    "  --to ADDR --port N --from ADDR --sport N --proto PROTO\n"
	    "  --in --out         direction (out)\n",
	    "reroutectl explain --exe /usr/bin/curl --to 192.0.2.7 --port 443",
	    command_explain },
	{ "rules", NULL, "rules [delete|try|keep ...]",
	    "the rules in force, with what they decided",
	    "  delete N           takes out 'command line:N'\n"
	    "  try FILE --for T   FILE in place of the files for that time\n"
	    "  keep               what is tried stays until the next reload\n",
	    "reroutectl rules try /tmp/new.rules --for 60s", command_rules },
	{ "accept", NULL, "accept MATCH... [--for T]",
	    "a rule in front of the others", add_help,
	    "reroutectl accept in proto tcp to port 22 from lan --for 1h",
	    command_add },
	{ "block", NULL, "block MATCH... [--for T]",
	    "the same: a program learns at once", add_help,
	    "reroutectl block out exe /usr/bin/curl --for 10m", command_add },
	{ "drop", NULL, "drop MATCH... [--for T]", "the same: silent", add_help,
	    "reroutectl drop in from 192.0.2.7", command_add },
	{ "reload", NULL, "reload",
	    "reads the rules again; answers when all is done", NULL,
	    "reroutectl reload", command_reload },
	{ "firewall", NULL, "firewall show|verify|clear",
	    "our rules in the kernel: print, compare, take out", NULL,
	    "reroutectl firewall verify", command_firewall },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
print_help(void)
{
	puts("usage: reroutectl [--control SOCKET] [--json] COMMAND ...\n"
	     "Asks and tells the rerouted daemon of this machine.\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-28s %s%s%s%s\n", commands[i].usage,
		    commands[i].what,
		    commands[i].alias != NULL ? " (also: " : "",
		    commands[i].alias != NULL ? commands[i].alias : "",
		    commands[i].alias != NULL ? ")" : "");
	puts("\n"
	     "  --control SOCKET   default " CONTROL_DEFAULT "\n"
	     "  --json             one JSON object a line\n"
	     "  --version, --help  also behind a command\n"
	     "\n"
	     "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no "
	     "daemon.\n"
	     "Example: reroutectl flows");
}

static void
print_command_help(const struct command *command)
{
	printf("usage: reroutectl [--control SOCKET] [--json] %s\n%c%s.\n",
	    command->usage, command->what[0] - 'a' + 'A', command->what + 1);
	if (command->help != NULL)
		printf("\n%s", command->help);
	printf("\nExample: %s\n", command->example);
}

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
command_no_words(const struct context *context, const char *command)
{
	if (context->argc == 0)
		return STATUS_DONE;
	return command_usage(
	    command, "unexpected argument '%s'", context->argv[0]);
}

void
command_json(const json_t *result)
{
	json_dumpf(result, stdout, JSON_COMPACT);
	putchar('\n');
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

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0 ||
		    (commands[i].alias != NULL &&
			strcmp(commands[i].alias, name) == 0))
			return &commands[i];
	return NULL;
}

static enum status
unknown_command(const char *name)
{
	const char *names[N_COMMANDS];
	const char *near;

	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i].name;
	near = word_nearest(name, strlen(name), names, N_COMMANDS);
	if (near != NULL)
		return command_usage("",
		    "there is no command '%s'; did you mean '%s'?", name, near);
	return command_usage("", "there is no command '%s'", name);
}

/* --json and --help may stand behind the command too; takes them out of argv.
 */
static bool
take_common(struct context *context)
{
	bool help = false;
	int kept = 0;

	for (int i = 0; i < context->argc; i++) {
		if (strcmp(context->argv[i], "--json") == 0)
			context->json = true;
		else if (strcmp(context->argv[i], "--help") == 0)
			help = true;
		else
			context->argv[kept++] = context->argv[i];
	}
	context->argc = kept;
	return help;
}

static enum status
run_command(struct context *context, const char *name)
{
	const struct command *command = find_command(name);
	enum status status;

	if (command == NULL)
		return unknown_command(name);
	context->name = command->name;
	if (take_common(context)) {
		print_command_help(command);
		return STATUS_DONE;
	}
	status = command->run(context);
	if (fflush(stdout) != 0 && status == STATUS_DONE) {
		perror("reroutectl: standard output");
		status = STATUS_FAILED;
	}
	return status;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "control", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct context context = { .control = CONTROL_DEFAULT };
	int opt;

	/* '+': what stands behind the command belongs to it */
	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1)
		switch (opt) {
		case 'c':
			context.control = optarg;
			break;
		case 'j':
			context.json = true;
			break;
		case 'v':
			puts("reroutectl " PACKAGE_VERSION);
			return STATUS_DONE;
		case 'h':
			print_help();
			return STATUS_DONE;
		default: /* getopt has said what is wrong */
			fputs("Try 'reroutectl --help'.\n", stderr);
			return STATUS_USAGE;
		}
	if (optind == argc)
		return (int)command_usage("", "which command?");
	context.argc = argc - optind - 1;
	context.argv = argv + optind + 1;
	return (int)run_command(&context, argv[optind]);
}
