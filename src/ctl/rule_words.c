#include "src/ctl/rule_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/rule_word.h"
#include "src/ctl/filter.h"

/* A word that the shell has taken quotes from gets them back. */
static void
add_word(FILE *rule, const char *word)
{
	if (word[0] == '"' ||
	    (word[0] != '\0' && strpbrk(word, " \t#") == NULL)) {
		fprintf(rule, " %s", word);
		return;
	}
	fputs(" \"", rule);
	for (; *word != '\0'; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', rule);
		fputc(*word, rule);
	}
	fputc('"', rule);
}

char *
rule_words_join(const char *action, int argc, char **argv)
{
	char *text = NULL;
	size_t size;
	FILE *rule = open_memstream(&text, &size);

	if (rule == NULL)
		return NULL;
	fputs(action, rule);
	if (argc == 1)
		fprintf(rule, " %s", argv[0]);
	else
		for (int i = 0; i < argc; i++)
			add_word(rule, argv[i]);
	if (fclose(rule) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

bool
rule_words_are_none(int argc, char *const *argv)
{
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i] + strspn(argv[i], " \t");

		if (*word == '#')
			return true;
		if (*word != '\0')
			return false;
	}
	return true;
}

/* The directions of a rule that is about all there is in them, as bits: 1 for
 * in, 2 for out; 0 where it names what it is about. words: behind the action.
 */
static unsigned int
is_about_all(char *words)
{
	unsigned int directions = 0;
	const char *word;

	while ((word = strsep(&words, " \t")) != NULL && word[0] != '#' &&
	       strcmp(word, "label") != 0) {
		if (strcmp(word, "in") == 0)
			directions |= 1;
		else if (strcmp(word, "out") == 0)
			directions |= 2;
		else if (strcmp(word, "via") == 0)
			(void)strsep(&words, " \t"); /* the tunnel */
		else if (word[0] != '\0' && strcmp(word, "once") != 0 &&
			 strcmp(word, "to") != 0 && strcmp(word, "from") != 0 &&
			 strcmp(word, "any") != 0)
			return 0;
	}
	return directions != 0 ? directions : 3;
}

/* As a word of the rule, and not of its label. */
static bool
says_once(const char *rule)
{
	const char *once = strstr(rule, " once");
	const char *label = strstr(rule, " label ");

	return once != NULL && (once[5] == ' ' || once[5] == '\0') &&
	       (label == NULL || once < label);
}

void
rule_words_warn(const char *rule, bool ends)
{
	static const char *const what[] = { NULL, "comes in", "goes out",
		"goes out or comes in" };
	static const char *const too[] = { NULL, ", a login by SSH too",
		", look-ups of names and what stays on this host too",
		", look-ups of names and a login by SSH too" };
	char *words = strdup(rule);
	const char *action = strsep(&words, " \t"), *does = NULL;
	char *copy = (char *)action;
	unsigned int directions;

	if (action == NULL)
		return; /* no memory */
	if (strcmp(action, "accept") == 0)
		does = "accepts";
	else if (strcmp(action, "reroute") == 0)
		does = "reroutes";
	directions = is_about_all(words);
	if (directions != 0)
		fprintf(stderr,
		    "reroutectl: warning: the rule has no match: it %s all "
		    "that %s%s\n",
		    does != NULL ? does : "denies", what[directions],
		    does != NULL ? "" : too[directions]);
	if (!ends && says_once(rule))
		fputs("reroutectl: warning: 'once' is no time: each packet is "
		      "judged anew, and the rule stays; '--for 10m' ends it\n",
		    stderr);
	free(copy);
}

void
rule_words_hint(int argc, char *const *argv)
{
	int i = 0;
	char *path;

	while (i < argc &&
	       (strcmp(argv[i], "in") == 0 || strcmp(argv[i], "out") == 0 ||
		   strcmp(argv[i], "exe") == 0))
		i++;
	if (i == argc || argv[i][0] == '\0' || strpbrk(argv[i], "/ ") != NULL ||
	    rule_has_word(argv[i]))
		return;
	path = filter_program(argv[i]);
	if (path != NULL)
		fprintf(stderr,
		    "reroutectl: a program is named by its path: 'exe %s'\n",
		    path);
	free(path);
}
