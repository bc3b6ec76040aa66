#ifndef CTL_RULES_H
#define CTL_RULES_H

#include "src/ctl.h"

/* The calls that change the rules: from arguments to a change, and from what
 * came of it to an answer. */

struct change;

/* Each makes ret_job->change, or answers why not. */
enum ctl_answer ctl_rules_reload(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_rules_add(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_rules_delete(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_rules_try(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_rules_keep(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_rules_revert(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);

/* The line that answers a change, to be freed; NULL when there is no memory. */
char *ctl_rules_answer(const struct ctl_env *env, const struct change *change);

#endif
