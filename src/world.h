#ifndef WORLD_H
#define WORLD_H

#include "src/core/policy.h"

/* Users, groups and paths of this machine, for policy_compile() and
 * explain_parse(). */
extern const struct policy_world load_world;

struct conf;

/* Sets what the settings say of tunnels, lists and queries; conf is borrowed,
 * ret_held is freed after the last use. 0 or -ENOMEM, and nothing was set. */
int world_set(
    struct policy_world *world, const struct conf *conf, void **ret_held);

#endif
