#ifndef CTL_EXPLAIN_H
#define CTL_EXPLAIN_H

#include "src/ctl.h"

/* The process that "pid" of the arguments names, with a reference; NULL where
 * they name none. False, and the line that says why, where there is none. */
bool ctl_explain_pid(const struct ctl_env *env, json_t *args,
    const struct process **ret, char **ret_line);

/* Answers `explain`: in a thread, since names of users are looked up and files
 * of lists are read. */
enum ctl_answer ctl_explain(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);

/* What a job of it holds; on the loop. Accepts NULL. */
struct ctl_explain;
void ctl_explain_free(struct ctl_explain *explain);

#endif
