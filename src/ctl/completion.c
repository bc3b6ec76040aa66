#include <stdio.h>
#include <string.h>

#include "src/ctl/command.h"
#include "src/ctl/completion_rule.h"

/* Completion from the table of commands: a script for each shell that knows
 * all of it, so that it needs no daemon but for the names of lists and tunnels
 * in a rule. */

/* text in single quotes, for all three shells. */
static void
quote(const char *text)
{
	putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		putchar(*text);
	}
	putchar('\'');
}

/* For each option of a command. */
static void
each_option(const struct command *command,
    void (*fn)(const struct command *command, const struct command_option *o))
{
	for (size_t t = 0; t < COMMAND_TABLES; t++)
		for (const struct command_option *o = command->options[t];
		     o != NULL && o->name != NULL; o++)
			fn(command, o);
}

/* Words that are one as they stand, not what help calls a match. */
static bool
is_word(const struct command_word *word)
{
	return word->name[0] >= 'a' && word->name[0] <= 'z';
}

/* Whether what stands behind the command is a rule. */
static bool
is_rule(const struct command *command)
{
	return command->run == command_add;
}

/* "a|b|c": the commands that take a rule. */
static void
rule_commands(const char *between)
{
	bool any = false;

	for (size_t i = 0; i < n_commands; i++) {
		if (!is_rule(&commands[i]))
			continue;
		printf("%s%s", any ? between : "", commands[i].name);
		any = true;
	}
}

static bool
is_file(const char *words)
{
	return words != NULL && strcmp(words, "FILE") == 0;
}

/* For each word that something may follow. */
static void
each_followed(
    void (*fn)(const struct command *command, const struct command_word *w))
{
	for (size_t i = 0; i < n_commands; i++)
		for (const struct command_word *w = commands[i].words;
		     w != NULL && w->name != NULL; w++)
			if (w->follows != NULL)
				fn(&commands[i], w);
}

/* bash --------------------------------------------------------------------- */

#define BASH_FILES                                                             \
	"local IFS=$'\\n'; COMPREPLY=($(compgen -f -- \"$cur\"));"             \
	" compopt -o filenames"

static void
bash_option_name(const struct command *command, const struct command_option *o)
{
	(void)command;
	printf("--%s ", o->name);
}

static void
bash_option_value(const struct command *command, const struct command_option *o)
{
	if (o->value == NULL)
		return;
	printf("\t%s:--%s) ", command->name, o->name);
	if (is_file(o->words))
		puts(BASH_FILES "; return ;;");
	else
		printf("COMPREPLY=($(compgen -W '%s' -- \"$cur\"));"
		       " return ;;\n",
		    o->words != NULL ? o->words : "");
}

/* Files wherever they stand, behind --for, too. */
static void
bash_followed(const struct command *command, const struct command_word *w)
{
	if (is_file(w->follows))
		printf("\t%s:%s:*:[!-]*|%s:%s:*:) " BASH_FILES "; return ;;\n",
		    command->name, w->name, command->name, w->name);
	else
		printf("\t%s:%s:%s:*) word=$(_reroutectl_names %s) ;;\n",
		    command->name, w->name, w->name, w->follows);
}

/* The words stand directly behind the command. */
static void
bash_command(const struct command *command)
{
	bool any = false;

	printf("\t%s) word+=' ", command->name);
	each_option(command, bash_option_name);
	fputs("--json --help'", stdout);
	for (const struct command_word *w = command->words;
	     w != NULL && w->name != NULL; w++) {
		if (!is_word(w))
			continue;
		printf("%s%s", any ? " " : "; [[ -n $first ]] || word+=' ",
		    w->name);
		any = true;
	}
	puts(any ? "' ;;" : " ;;");
}

/* "status flows connections ": with aliases. */
static void
bash_names(void)
{
	for (size_t i = 0; i < n_commands; i++)
		printf("%s%s%s ", commands[i].name,
		    commands[i].alias != NULL ? " " : "",
		    commands[i].alias != NULL ? commands[i].alias : "");
}

static void
bash(void)
{
	puts("# completion of reroutectl for bash");
	completion_rule_bash();
	puts("_reroutectl()\n"
	     "{\n"
	     "\tlocal cur prev word command= control= first= i\n"
	     "\tcur=${COMP_WORDS[COMP_CWORD]}\n"
	     "\tprev=${COMP_WORDS[COMP_CWORD-1]}\n"
	     "\tCOMPREPLY=()\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tword=${COMP_WORDS[i]}\n"
	     "\t\tcase $word in\n"
	     "\t\t--control) ((i++)); control=${COMP_WORDS[i]} ;;\n"
	     "\t\t-*) ;;\n"
	     "\t\t*) command=$word; break ;;\n"
	     "\t\tesac\n"
	     "\tdone\n"
	     "\tfor ((i++; i < COMP_CWORD; i++)); do\n"
	     "\t\tword=${COMP_WORDS[i]}\n"
	     "\t\t[[ $word = -* ]] || { first=$word; break; }\n"
	     "\tdone\n"
	     "\tif [[ $prev = --control ]]; then\n"
	     "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	     "\t\tcompopt -o filenames\n"
	     "\t\treturn\n"
	     "\tfi");
	fputs("\tcase $command in\n", stdout);
	for (size_t i = 0; i < n_commands; i++)
		if (commands[i].alias != NULL)
			printf("\t%s) command=%s ;;\n", commands[i].alias,
			    commands[i].name);
	fputs("\tesac\n\tcase $command:$prev in\n", stdout);
	for (size_t i = 0; i < n_commands; i++)
		each_option(&commands[i], bash_option_value);
	puts("\tesac\n\tword=\n\tcase $command:$first:$prev:$cur in");
	each_followed(bash_followed);
	fputs("\tesac\n\tcase $command in\n\t", stdout);
	rule_commands("|");
	fputs(") _reroutectl_rule; return ;;\n\t'') word='", stdout);
	bash_names();
	fputs("help --control --json --version --help' ;;\n"
	      "\thelp) [[ -n $first ]] || word='",
	    stdout);
	bash_names();
	puts("' ;;");
	for (size_t i = 0; i < n_commands; i++)
		if (!is_rule(&commands[i]))
			bash_command(&commands[i]);
	puts("\t*) return ;;\n"
	     "\tesac\n"
	     "\tCOMPREPLY=($(compgen -W \"$word\" -- \"$cur\"))\n"
	     "} &&\n"
	     "\tcomplete -F _reroutectl reroutectl");
}

/* zsh ---------------------------------------------------------------------- */

/* The text of a row for _arguments and _describe: colons and brackets mean
 * something there. */
static void
zsh_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr(":[]\\", *text) != NULL)
			putchar('\\');
		if (*text == '\'')
			fputs("'\\'", stdout);
		putchar(*text);
	}
}

static void
zsh_option(const struct command *command, const struct command_option *o)
{
	(void)command;
	printf(" \\\n\t\t\t'--%s[", o->name);
	zsh_text(o->what);
	putchar(']');
	if (o->value != NULL && is_file(o->words))
		fputs(":file:_files", stdout);
	else if (o->value != NULL && o->words != NULL)
		printf(":value:(%s)", o->words);
	else if (o->value != NULL)
		fputs(":value: ", stdout);
	putchar('\'');
}

static void
zsh_command(const struct command *command)
{
	bool words = false;

	printf("\t%s%s%s)\n\t\t_arguments '--json[one JSON object a line]' "
	       "'--help[about it]'",
	    command->name, command->alias != NULL ? "|" : "",
	    command->alias != NULL ? command->alias : "");
	each_option(command, zsh_option);
	for (const struct command_word *w = command->words;
	     w != NULL && w->name != NULL; w++) {
		if (!is_word(w))
			continue;
		fputs(words ? " " : " \\\n\t\t\t'1:word:((", stdout);
		printf("%s\\:\"", w->name);
		zsh_text(w->what);
		putchar('"');
		words = true;
	}
	if (is_rule(command))
		puts(" \\\n\t\t\t'*:rule:_reroutectl_rule' ;;");
	else
		puts(words ? "))' '*:word:_reroutectl_behind' ;;"
			   : " '*:word: ' ;;");
}

static void
zsh_followed(const struct command *command, const struct command_word *w)
{
	if (is_file(w->follows))
		printf("\t%s:%s) _files ;;\n", command->name, w->name);
	else
		printf("\t%s:%s)\n"
		       "\t\tvalues=($(_reroutectl_names %s))\n"
		       "\t\t[[ $words[CURRENT-1] != %s ]] ||"
		       " compadd -a values ;;\n",
		    command->name, w->name, w->follows, w->name);
}

static void
zsh(void)
{
	puts("#compdef reroutectl");
	completion_rule_zsh();
	puts("_reroutectl_behind()\n"
	     "{\n"
	     "\tlocal -a values\n"
	     "\tcase $words[1]:$words[2] in");
	each_followed(zsh_followed);
	puts("\tesac\n"
	     "}\n"
	     "_reroutectl()\n"
	     "{\n"
	     "\tlocal -a commands\n"
	     "\tlocal state line control\n"
	     "\tlocal -A opt_args\n"
	     "\tcommands=(");
	for (size_t i = 0; i < n_commands; i++) {
		printf("\t\t'%s:", commands[i].name);
		zsh_text(commands[i].what);
		puts("'");
		if (commands[i].alias == NULL)
			continue;
		printf("\t\t'%s:", commands[i].alias);
		zsh_text(commands[i].what);
		puts("'");
	}
	puts("\t\t'help:about a command'\n"
	     "\t)\n"
	     "\t_arguments -C '--control[the socket]:socket:_files' \\\n"
	     "\t\t'--json[one JSON object a line]' '--version[of it]' \\\n"
	     "\t\t'--help[about it]' '1:command:->command' '*::word:->word' &&"
	     " return\n"
	     "\tif [[ $state = command ]]; then\n"
	     "\t\t_describe command commands\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tcontrol=$opt_args[--control]\n"
	     "\tcase $line[1] in\n"
	     "\thelp) _describe command commands ;;");
	for (size_t i = 0; i < n_commands; i++)
		zsh_command(&commands[i]);
	puts("\tesac\n"
	     "}\n"
	     "_reroutectl \"$@\"");
}

/* fish --------------------------------------------------------------------- */

/* Up to its condition; files: "-f" for none, or "-F". */
static void
fish_row(const char *files, const char *when, const char *name)
{
	printf("complete -c reroutectl %s -n '%s%s%s'", files, when,
	    name[0] != '\0' ? " " : "", name);
}

static void
fish_option(const struct command *command, const struct command_option *o)
{
	char names[128];

	(void)snprintf(names, sizeof(names), "%s%s%s", command->name,
	    command->alias != NULL ? " " : "",
	    command->alias != NULL ? command->alias : ""); /* fits */
	fish_row(is_file(o->words) ? "-r -F" : "-f",
	    "__fish_seen_subcommand_from", names);
	printf(" -l %s%s", o->name,
	    o->value != NULL && !is_file(o->words) ? " -x" : "");
	if (o->words != NULL && !is_file(o->words))
		printf(" -a '%s'", o->words);
	fputs(" -d ", stdout);
	quote(o->what);
	putchar('\n');
}

/* The command and its alias, where `when` says. */
static void
fish_names(const char *when, const char *name, const struct command *c)
{
	fish_row("-f", when, name);
	printf(" -a '%s%s%s' -d ", c->name, c->alias != NULL ? " " : "",
	    c->alias != NULL ? c->alias : "");
	quote(c->what);
	putchar('\n');
}

/* The words stand directly behind the command. */
static void
fish_words(const struct command *command)
{
	for (const struct command_word *w = command->words;
	     w != NULL && w->name != NULL; w++) {
		if (!is_word(w))
			continue;
		fish_row("-f", "__reroutectl_behind", command->name);
		printf(" -a %s -d ", w->name);
		quote(w->what);
		putchar('\n');
	}
}

static void
fish_followed(const struct command *command, const struct command_word *w)
{
	printf("complete -c reroutectl %s -n '__reroutectl_behind %s %s'",
	    is_file(w->follows) ? "-F" : "-f", command->name, w->name);
	if (!is_file(w->follows))
		printf(" -a '(__reroutectl_names %s)'", w->follows);
	putchar('\n');
}

static void
fish(void)
{
	puts("# completion of reroutectl for fish\n"
	     "complete -c reroutectl -f\n"
	     "complete -c reroutectl -l control -r -F -d 'the socket'\n"
	     "complete -c reroutectl -l json -d 'one JSON object a line'\n"
	     "complete -c reroutectl -l help -d 'about it'\n"
	     "function __reroutectl_begins\n"
	     "\tset -l words (commandline -opc)\n"
	     "\tset -e words[1]\n"
	     "\twhile set -q words[1]\n"
	     "\t\tif test \"$words[1]\" = --control\n"
	     "\t\t\tset -e words[1]\n"
	     "\t\telse if not string match -q -- '-*' $words[1]\n"
	     "\t\t\treturn 1\n"
	     "\t\tend\n"
	     "\t\tset -q words[1]; and set -e words[1]\n"
	     "\tend\n"
	     "end\n"
	     "function __reroutectl_behind\n"
	     "\tset -l words (commandline -opc)\n"
	     "\ttest (count $words) -gt (count $argv); or return 1\n"
	     "\ttest \"$words[-1]\" = $argv[-1]; or return 1\n"
	     "\ttest (count $argv) -eq 1; or"
	     " test \"$words[-2]\" = $argv[1]\n"
	     "end");
	completion_rule_fish();
	fputs("complete -c reroutectl -f -n '__fish_seen_subcommand_from ",
	    stdout);
	rule_commands(" ");
	puts("' -a '(__reroutectl_rule)'\n"
	     "complete -c reroutectl -f -n __reroutectl_begins -a help"
	     " -d 'about a command'");
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		fish_names("__reroutectl_begins", "", c);
		fish_names("__reroutectl_behind", "help", c);
		fish_words(c);
		each_option(c, fish_option);
	}
	each_followed(fish_followed);
}

enum status
command_completion(const struct context *context)
{
	const struct command_word *word;
	enum status status = command_take_word(context, &word);

	if (status != STATUS_DONE)
		return status;
	if (context->argc > 1)
		return command_usage(
		    "completion", "unexpected argument '%s'", context->argv[1]);
	if (strcmp(word->name, "bash") == 0)
		bash();
	else if (strcmp(word->name, "zsh") == 0)
		zsh();
	else
		fish();
	return STATUS_DONE;
}
