#include "src/ctl/completion_rule.h"

#include <stdio.h>

#include "src/core/value.h"

/* What a shell has itself for the values of a word. */
struct known {
	const char *word;
	const char *bash, *zsh, *fish; /* what is run */
};

#define FILES                                                                  \
	"local IFS=$'\\n'; COMPREPLY=($(compgen -f -- \"$cur\"));"             \
	" compopt -o filenames; return",                                       \
	    "_files; return", "__fish_complete_path (commandline -ct)"
#define LISTS                                                                  \
	"words=$(_reroutectl_names lists)",                                    \
	    "values=($(_reroutectl_names lists))", "__reroutectl_names lists"
#define TUNNELS                                                                \
	"words=$(_reroutectl_names tunnels)",                                  \
	    "values=($(_reroutectl_names tunnels))",                           \
	    "__reroutectl_names tunnels"

static const struct known known[] = {
	{ "exe", FILES },
	{ "script", FILES },
	{ "parent", FILES },
	{ "user", "words=$(compgen -u)", "_users; return",
	    "__fish_complete_users" },
	{ "group", "words=$(compgen -g)", "_groups; return",
	    "__fish_complete_groups" },
	{ "list", LISTS },
	{ "via", TUNNELS },
};
#define N_KNOWN (sizeof(known) / sizeof(known[0]))

/* Of these the shell knows no value. */
static const char *const open_ended[] = { "port", "label" };

/* Of a list, a tunnel, or a rule of the command line. A daemon that does not
 * answer must not hold up who types. */
#define NAMES                                                                  \
	"sed -n -e 's/^{\"name\": *\"\\([^\"]*\\)\".*/\\1/p' \\\n"             \
	"\t\t-e 's/^{\"number\".*\"id\": *\\([0-9][0-9]*\\).*/\\1/p'"

static void
rule_words(const char *between)
{
	for (int i = 0; i < RULE_N_FIELDS; i++)
		printf("%s%s", rule_field_word((enum rule_field)i), between);
#define X(word) printf("%s%s", word, between);
	RULE_OTHER_WORDS(X)
#undef X
}

/* A row for each word that takes one of a few words: head is printed before
 * the word, middle before its values, and tail behind them. */
static void
rows_of_values(const char *head, const char *middle, const char *tail)
{
	for (int i = 0; i < RULE_N_FIELDS; i++) {
		enum rule_field field = (enum rule_field)i;
		size_t n;
		const char *const *words =
		    value_words(value_kind_of(field), &n);

		if (n == 0)
			continue;
		printf("%s%s%s", head, rule_field_word(field), middle);
		for (size_t k = 0; k < n; k++)
			printf("%s%s", k > 0 ? " " : "", words[k]);
		puts(tail);
	}
}

/* Words that take a value of which nothing is known, as a pattern. */
static void
row_of_open_ended(const char *between)
{
	for (int i = 0; i < RULE_N_FIELDS; i++) {
		enum rule_field field = (enum rule_field)i;
		enum value_kind kind = value_kind_of(field);

		if (kind == VALUE_GLOB || kind == VALUE_DOMAIN ||
		    field == FIELD_COMM)
			printf("%s%s", rule_field_word(field), between);
	}
	printf("%s%s%s", open_ended[0], between, open_ended[1]);
}

void
completion_rule_bash(void)
{
	puts("_reroutectl_names()\n"
	     "{\n"
	     "\ttimeout 1 \"${COMP_WORDS[0]}\" "
	     "${control:+--control \"$control\"} \\\n"
	     "\t\t--json \"$1\" 2>/dev/null | " NAMES "\n"
	     "}\n"
	     "_reroutectl_rule()\n"
	     "{\n"
	     "\tlocal last= values= words i\n"
	     "\tfor ((i = COMP_CWORD - 1; i > 0; i--)); do\n"
	     "\t\tcase ${COMP_WORDS[i]} in");
	fputs("\t\t", stdout);
	rule_words("|");
	puts("port) last=${COMP_WORDS[i]}; break ;;\n"
	     "\t\tesac\n"
	     "\tdone");
	fputs("\twords='", stdout);
	rule_words(" ");
	puts("--for --json --help'\n"
	     "\tcase $last in from|to) words+=' port' ;; esac\n"
	     "\tif ((i == COMP_CWORD - 1)) || [[ $prev = *, ]]; then\n"
	     "\t\tcase $last in");
	rows_of_values("\t\t", ") words='", "' ;;");
	for (size_t i = 0; i < N_KNOWN; i++)
		printf("\t\t%s) %s ;;\n", known[i].word, known[i].bash);
	fputs("\t\t", stdout);
	row_of_open_ended("|");
	puts(") words= ;;\n"
	     "\t\tesac\n"
	     "\tfi\n"
	     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "}");
}

void
completion_rule_zsh(void)
{
	puts("_reroutectl_names()\n"
	     "{\n"
	     "\ttimeout 1 reroutectl ${control:+--control=$control} \\\n"
	     "\t\t--json $1 2>/dev/null | " NAMES "\n"
	     "}\n"
	     "_reroutectl_rule()\n"
	     "{\n"
	     "\tlocal -a values\n"
	     "\tlocal last i\n"
	     "\tfor ((i = CURRENT - 1; i > 1; i--)); do\n"
	     "\t\tcase $words[i] in");
	fputs("\t\t", stdout);
	rule_words("|");
	puts("port) last=$words[i]; break ;;\n"
	     "\t\tesac\n"
	     "\tdone");
	fputs("\tvalues=(", stdout);
	rule_words(" ");
	puts("--for)\n"
	     "\tcase $last in from|to) values+=port ;; esac\n"
	     "\tif ((i == CURRENT - 1)) || [[ $words[CURRENT-1] = *, ]]; then\n"
	     "\t\tcase $last in");
	rows_of_values("\t\t", ") values=(", ") ;;");
	for (size_t i = 0; i < N_KNOWN; i++)
		printf("\t\t%s) %s ;;\n", known[i].word, known[i].zsh);
	fputs("\t\t", stdout);
	row_of_open_ended("|");
	puts(") values=() ;;\n"
	     "\t\tesac\n"
	     "\tfi\n"
	     "\tcompadd -a values\n"
	     "}");
}

void
completion_rule_fish(void)
{
	puts("function __reroutectl_names\n"
	     "\tset -l words (commandline -opc)\n"
	     "\tset -l control\n"
	     "\tset -l i (contains -i -- --control $words)\n"
	     "\tand set control --control $words[(math $i + 1)]\n"
	     "\ttimeout 1 reroutectl $control \\\n"
	     "\t\t--json $argv 2>/dev/null | " NAMES "\n"
	     "end\n"
	     "function __reroutectl_rule\n"
	     "\tset -l words (commandline -opc)\n"
	     "\tset -l n (count $words)\n"
	     "\tset -l i $n\n"
	     "\tset -l last\n"
	     "\twhile test $i -gt 1");
	fputs("\t\tif contains -- $words[$i] ", stdout);
	rule_words(" ");
	puts("port\n"
	     "\t\t\tset last $words[$i]\n"
	     "\t\t\tbreak\n"
	     "\t\tend\n"
	     "\t\tset i (math $i - 1)\n"
	     "\tend\n"
	     "\tif test $i -eq $n; or string match -q '*,' -- $words[$n]\n"
	     "\t\tswitch \"$last\"");
	rows_of_values(
	    "\t\tcase ", "\n\t\t\tprintf '%s\\n' ", "\n\t\t\treturn");
	for (size_t i = 0; i < N_KNOWN; i++)
		printf("\t\tcase %s\n\t\t\t%s\n\t\t\treturn\n", known[i].word,
		    known[i].fish);
	fputs("\t\tcase ", stdout);
	row_of_open_ended(" ");
	puts("\n\t\t\treturn\n"
	     "\t\tend\n"
	     "\tend");
	fputs("\tprintf '%s\\n' ", stdout);
	rule_words(" ");
	puts("\n"
	     "\tcontains -- \"$last\" from to; and echo port\n"
	     "end");
}
