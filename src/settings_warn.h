#ifndef SETTINGS_WARN_H
#define SETTINGS_WARN_H

#include "src/core/conf.h"
#include "src/core/fault.h"

/* What --check has to say of settings that are good by themselves, and will not
 * do what was meant: files that are not there, keys that go against others. */
void settings_warn(struct faults *warnings, const struct conf *conf);

/* A list that nothing can be read of. */
void settings_warn_list(
    struct faults *warnings, const struct conf_list *list, const char *why);

#endif
