#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/ctl/command.h"
#include "src/ctl/table.h"

#define CONTROL_DEFAULT "/run/rerouted/control.sock"

#define COMMANDS_MAX 64

#define SCREEN 80 /* columns that everybody has */

/* The second half of a line of which n columns are there: where it does not
 * fit, on lines of its own. */
static void
print_what(int n, int at, const char *what)
{
	if (n < at)
		printf("%*s", at - n, "");
	else
		printf("\n%*s", at, "");
	table_wrap(what, (size_t)(SCREEN - at), (size_t)at, stdout);
	putchar('\n');
}

static void
print_help(void)
{
	puts("usage: reroutectl [--control SOCKET] [--json] COMMAND ...\n"
	     "Asks and tells the rerouted daemon of this machine.\n");
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		print_what(printf("  %s %s", c->name, c->usage), 31, c->what);
		if (c->alias != NULL)
			printf("  %-28s the same\n", c->alias);
	}
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
print_row(
    const char *before, const char *name, const char *value, const char *what)
{
	int n = printf("  %s%s%s%s", before, name, value != NULL ? " " : "",
	    value != NULL ? value : "");

	print_what(n, 25, what);
}

static void
print_command_help(const struct command *command)
{
	printf("usage: reroutectl [--control SOCKET] [--json] %s%s%s\n%c%s.\n",
	    command->name, command->usage[0] != '\0' ? " " : "", command->usage,
	    command->what[0] - 'a' + 'A', command->what + 1);
	if (command->words != NULL || command->options[0] != NULL)
		putchar('\n');
	for (const struct command_word *w = command->words;
	     w != NULL && w->name != NULL; w++)
		print_row("", w->name, w->value, w->what);
	for (size_t t = 0; t < COMMAND_TABLES; t++)
		for (const struct command_option *o = command->options[t];
		     o != NULL && o->name != NULL; o++)
			print_row("--", o->name, o->value, o->what);
	printf("\nExample: %s\n", command->example);
}

static enum status
unknown_command(const char *name)
{
	static const char *const services[] = { "start", "stop", "restart",
		"enable", "disable" };
	const char *names[COMMANDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strcmp(services[i], name) == 0)
			return command_usage("",
			    "'%s' is not known; the daemon is a service: "
			    "'systemctl %s rerouted'",
			    name, name);

	for (size_t i = 0; i < n_commands && n < COMMANDS_MAX - 1; i++) {
		names[n++] = commands[i].name;
		if (commands[i].alias != NULL)
			names[n++] = commands[i].alias;
	}
	return command_unknown("", "", name, names, n);
}

/* The options that all commands have, in front of the command's name or behind
 * it. */
struct common {
	const char *control;
	bool json, help;
};

enum taken {
	TAKEN_NONE, /* another word */
	TAKEN_ONE,
	TAKEN_TWO, /* with its value */
	TAKEN_WRONG,
};

static enum taken
take_common(struct common *common, int argc, char **argv)
{
	const char *word = argv[0];

	if (strcmp(word, "--json") == 0)
		common->json = true;
	else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		common->help = true;
	else if (strncmp(word, "--control=", 10) == 0)
		common->control = word + 10;
	else if (strcmp(word, "--control") == 0 && argc > 1)
		common->control = argv[1];
	else
		return strcmp(word, "--control") == 0 ? TAKEN_WRONG
						      : TAKEN_NONE;
	return strcmp(word, "--control") == 0 ? TAKEN_TWO : TAKEN_ONE;
}

/* Takes them out of argv. */
static enum status
take_behind(struct common *common, const struct command *command, int *argc,
    char **argv)
{
	int kept = 0;

	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			for (; i < *argc; i++)
				argv[kept++] = argv[i];
			break;
		}
		switch (take_common(common, *argc - i, argv + i)) {
		case TAKEN_NONE:
			argv[kept++] = argv[i];
			break;
		case TAKEN_ONE:
			break;
		case TAKEN_TWO:
			i++;
			break;
		case TAKEN_WRONG:
			return command_usage(
			    command->name, "--control needs a value");
		}
	}
	*argc = kept;
	return STATUS_DONE;
}

/* What was printed has to be there, whatever it was. */
static enum status
printed(enum status status)
{
	if (fflush(stdout) == 0 || status != STATUS_DONE)
		return status;
	perror("reroutectl: standard output");
	return STATUS_FAILED;
}

static enum status
run_command(struct common *common, int argc, char **argv)
{
	const struct command *command = command_find(argv[0]);
	struct context context;
	enum status status;

	if (command == NULL)
		return unknown_command(argv[0]);
	argc--;
	argv++;
	status = take_behind(common, command, &argc, argv);
	if (status != STATUS_DONE)
		return status;
	if (common->help) {
		print_command_help(command);
		return printed(STATUS_DONE);
	}
	context = (struct context){ common->control, command, common->json,
		argc, argv };
	return printed(command->run(&context));
}

static enum status
unknown_option(const char *word)
{
	static const char *const names[] = { "control", "json", "version",
		"help" };

	return command_unknown(
	    "", "--", word, names, sizeof(names) / sizeof(names[0]));
}

int
main(int argc, char **argv)
{
	struct common common = { .control = CONTROL_DEFAULT };
	int i = 1;

	/* the widths of characters; texts of this program are English */
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* else each takes one column */
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--version") == 0) {
			puts("reroutectl " PACKAGE_VERSION);
			return (int)printed(STATUS_DONE);
		}
		switch (take_common(&common, argc - i, argv + i)) {
		case TAKEN_NONE:
			return (int)unknown_option(argv[i]);
		case TAKEN_ONE:
			break;
		case TAKEN_TWO:
			i++;
			break;
		case TAKEN_WRONG:
			return (int)command_usage(
			    "", "--control needs a value");
		}
	}
	if (i < argc && strcmp(argv[i], "help") == 0) {
		common.help = true;
		i++;
	}
	if (i == argc && common.help) {
		print_help();
		return (int)printed(STATUS_DONE);
	}
	if (i == argc)
		return (int)command_usage("", "which command?");
	return (int)run_command(&common, argc - i, argv + i);
}
