#ifndef CTL_FILTER_H
#define CTL_FILTER_H

#include "src/ctl/command.h"

/* The filters of `flows`, `processes`, `watch` and whatever shows rows of
 * them: --exe --user --unit --domain --verdict --since. */
extern const struct command_option filter_options[];
/* Besides, of what shows flows: --address --port. */
extern const struct command_option flow_options[];
/* The like of what shows queries: --address. */
extern const struct command_option query_options[];

/* Puts one of them into the arguments of a call, where it stands; other
 * options are left alone and make *ret_taken false. */
enum status filter_take(const struct context *context,
    const struct command_option *option, const char *value, json_t *args,
    bool *ret_taken);

/* The file that a shell would run by that name, behind links: to be freed.
 * NULL where there is none. */
char *filter_program(const char *name);

/* For a command whose words are filters and nothing else: *ret are the
 * arguments of the call. */
enum status filter_args(const struct context *context, json_t **ret);

#endif
