#ifndef CTL_DECIDED_H
#define CTL_DECIDED_H

#include <jansson.h>
#include <stdbool.h>

#include "src/ctl/command.h"

/* What filters are of a rule, a list or a tunnel: whether it decided, or
 * carried, a connection or a query that the daemon still knows and that they
 * let through. */

/* Whether the command's words are filters, and not words of its own. */
bool decided_is_filtered(const struct context *context);

/* The names at that key of the flows and queries that the filter (borrowed)
 * lets through, as keys of *ret; for "rule", the numbers of rules in force, and
 * the reason of one without. */
enum status decided_names(const struct context *context, const json_t *filter,
    const char *key, json_t **ret);

/* The rows of that call whose "name" is one that flows and queries have at
 * `key`; all where the words are no filters. */
enum status decided_rows(const struct context *context, const char *call,
    const char *key, json_t **ret);

#endif
