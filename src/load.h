#ifndef LOAD_H
#define LOAD_H

#include "src/core/conf.h"
#include "src/core/fault.h"
#include "src/core/policy.h"

#define LOAD_CONFIG_DEFAULT "/etc/rerouted/rerouted.conf"
#define LOAD_RULES_DEFAULT "/etc/rerouted/rules.d"

/* A file larger, or a folder with more of them, is a mistake. */
#define LOAD_FILE_MAX ((size_t)8 << 20)
#define LOAD_FILES_MAX ((size_t)1024)

/* Reads settings from a file and then FILE.d/<name>.conf in name order. NULL
 * is the default place, where it may be missing. 0, -EINVAL (faults added) or
 * -ENOMEM; ret is untouched on failure. */
int load_conf(struct conf *ret, const char *file, struct faults *faults);

/* Reads DIR/<name>.rules in name order and compiles them. NULL is the default
 * place, where it may be missing: no rules. 0, -EINVAL (faults added) or
 * -ENOMEM; on success *ret is a reference that the caller gives back. */
int load_policy(
    const struct policy **ret, const char *dir, struct faults *faults);

/* Users, groups and paths of this machine, for policy_compile() and
 * explain_parse(). */
extern const struct policy_world load_world;

#endif
