#ifndef CTL_WATCH_H
#define CTL_WATCH_H

#include "src/ctl.h"

/* watch: the events that the filter asks for, and the last of them first. */
enum ctl_answer ctl_watch(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);

#endif
