#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include "src/core/filter.h"
#include "src/ctl.h"

/* Answers with list (NULL for no memory), as far as the filter in args lets
 * its rows through. */
enum ctl_answer ctl_show_list(struct ctl_list *list_take, const json_t *args,
    char **ret_line, struct ctl_job *ret_job);

/* The calls that list: flows.list, processes.list, hosts.list, rules.list. */
enum ctl_answer ctl_show_flows(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_show_processes(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_show_hosts(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_show_rules(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);

/* Whether a flow is one that the filter asks for. */
bool ctl_show_has(const struct filter *filter, const struct flow *flow);

#endif
