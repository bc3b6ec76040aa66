#ifndef WORLD_H
#define WORLD_H

#include "src/core/policy.h"

/* Users, groups and paths of this machine, for policy_compile() and
 * explain_parse(). */
extern const struct policy_world load_world;

#endif
