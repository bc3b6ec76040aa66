#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "src/ctl/client.h"

struct command;

/* What every command gets. */
struct context {
	const char *control; /* path of the socket */
	const struct command *command;
	bool json;
	int argc; /* words behind the command's name */
	char **argv;
};

/* An option of a command. Tables of them end with a row without a name. */
struct command_option {
	const char *name;  /* without the dashes */
	const char *value; /* what it takes, as help shows it; NULL: nothing */
	const char *what;
	const char *words; /* the values there are, for the shell to complete:
			    * "a b", or "FILE"; NULL: any */
};

/* A word that may stand behind the command. Tables end the same way. */
struct command_word {
	const char *name;
	const char *value; /* what follows, as help shows it; NULL: nothing */
	const char *what;
	const char *follows; /* the same, for the shell to complete: "FILE", or
			      * the command that lists the names; NULL: none */
};

/* Tables of options: a command's own, and those it shares. */
#define COMMAND_TABLES 3

/* One row a command (commands.c): dispatch, help, near misses and the
 * completion of shells come from it. */
struct command {
	const char *name;
	const char *alias; /* NULL for none */
	const char *usage; /* the words behind the name, "" for none */
	const char *what;  /* lower case, no full stop */
	const struct command_word *words;
	const struct command_option *options[COMMAND_TABLES];
	const char *example;
	enum status (*run)(const struct context *context);
};

extern const struct command commands[];
extern const size_t n_commands;

/* NULL if there is none of that name. */
const struct command *command_find(const char *name);

enum status command_status(const struct context *context);
enum status command_flows(const struct context *context);
enum status command_queries(const struct context *context);
enum status command_cache(const struct context *context);
enum status command_resolve(const struct context *context);
enum status command_processes(const struct context *context);
enum status command_watch(const struct context *context);
enum status command_top(const struct context *context);
enum status command_explain(const struct context *context);
enum status command_rules(const struct context *context);
enum status command_tunnels(const struct context *context);
enum status command_learn(const struct context *context);
enum status command_reload(const struct context *context);
enum status command_add(const struct context *context);
enum status command_lists(const struct context *context);
enum status command_firewall(const struct context *context);
enum status command_completion(const struct context *context);

/* Of what a query, or explain, has at that key; nothing where that is null. */
void explain_print_text(const json_t *result, const char *key);
/* The line of the list that decided. */
void explain_print_entry(const json_t *result);
/* Puts that line into a query that this program has asked for, where a list
 * decided by its name; where it can't be found that is said, and no more. */
void explain_find_entry(
    const struct context *context, json_t *query, pid_t pid);

extern const struct command_option explain_options[];
extern const struct command_option top_options[];

/* Says what is wrong with the words and where help is. STATUS_USAGE. */
enum status command_usage(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for a word that is none of names[0..n), which it may have been
 * meant to be; `before` is what the names are printed with ("--"). */
enum status command_unknown(const char *command, const char *before,
    const char *word, const char *const *names, size_t n);

/* The same for a word where there may be none: an option without its dashes. */
enum status command_unexpected(const struct command *command, const char *word);

/* Takes the command's options out of argv[0..*argc), which keeps the words:
 * --NAME VALUE and --NAME=VALUE. Calls fn for each (value NULL where it takes
 * none); fn says what is wrong and returns another status. "--" ends them. */
typedef enum status command_option_fn(
    void *arg, const struct command_option *option, const char *value);
enum status command_take_options(const struct context *context, int *argc,
    char **argv, command_option_fn *fn, void *arg);

/* Puts the value of --pid into the arguments of a call. */
enum status command_take_pid(
    const struct context *context, const char *value, json_t *args);

/* For commands that take no words: STATUS_DONE if there are none. */
enum status command_no_words(const struct context *context);

/* The command's word that argv[0] is, else says what they are. */
enum status command_take_word(
    const struct context *context, const struct command_word **ret);

/* Prints a result as one line of JSON. */
void command_json(const json_t *result);
/* Each of an array on a line of its own. */
void command_json_lines(const json_t *array);

/* Connects, calls, hands on the rows of the answer, closes. */
enum status command_rows(const struct context *context, const char *call,
    json_t *args_take, client_row_fn *row, void *arg);

/* Connects, calls, closes. */
enum status command_call(const struct context *context, const char *call,
    json_t *args_take, json_t **ret);

/* The string at a key of an object, else `otherwise`. */
const char *command_text(
    const json_t *object, const char *key, const char *otherwise);
/* The number at a key of an object, else 0. */
double command_number(const json_t *object, const char *key);

#endif
