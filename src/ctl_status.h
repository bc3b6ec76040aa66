#ifndef CTL_STATUS_H
#define CTL_STATUS_H

#include "src/ctl.h"

/* The call `status`: one object of everything that is counted or may be
 * broken. */
enum ctl_answer ctl_status(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);

#endif
