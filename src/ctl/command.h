#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stdbool.h>

#include "src/ctl/client.h"

/* What every command gets. */
struct context {
	const char *control; /* path of the socket */
	const char *name;    /* of the command */
	bool json;
	int argc; /* words behind the command's name */
	char **argv;
};

/* One row a command: dispatch and help come from it. */
struct command {
	const char *name;
	const char *alias; /* NULL for none */
	const char *usage;
	const char *what;
	const char *help; /* options, a line each; NULL for none */
	const char *example;
	enum status (*run)(const struct context *context);
};

enum status command_status(const struct context *context);
enum status command_flows(const struct context *context);
enum status command_watch(const struct context *context);
enum status command_explain(const struct context *context);
enum status command_rules(const struct context *context);
enum status command_reload(const struct context *context);
enum status command_add(const struct context *context);
enum status command_firewall(const struct context *context);

/* Says what is wrong with the words and where help is. STATUS_USAGE. */
enum status command_usage(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* For commands that take no words: STATUS_DONE if there are none. */
enum status command_no_words(
    const struct context *context, const char *command);

/* Prints a result as one line of JSON. */
void command_json(const json_t *result);

/* Connects, calls, closes. */
enum status command_call(const struct context *context, const char *call,
    json_t *args_take, json_t **ret);

/* The string at a key of an object, else `otherwise`. */
const char *command_text(
    const json_t *object, const char *key, const char *otherwise);

#endif
