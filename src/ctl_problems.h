#ifndef CTL_PROBLEMS_H
#define CTL_PROBLEMS_H

#include <jansson.h>

#include "src/ctl.h"

/* What a user has to act on, of all that the status says: a line each. */
json_t *ctl_problems(const struct ctl_env *env, const json_t *result);

#endif
