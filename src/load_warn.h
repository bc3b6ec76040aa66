#ifndef LOAD_WARN_H
#define LOAD_WARN_H

#include "src/core/fault.h"

/* What is odd about the files of settings and rules, whatever they say: no
 * fault, and surely not meant. NULL is the default place. */

/* That a folder of rules holds none, or one that is empty, whose name is a
 * mistake, or that is loose. */
void load_warn_rules(struct faults *warnings, const char *dir);
/* The same of FILE and of names in FILE.d. */
void load_warn_settings(struct faults *warnings, const char *file);

/* The first of both that is loose, and why, to be freed; NULL for none: what
 * others than root and whoever runs this may change, by its own mode or by
 * putting another in its place, where a link leads to as well. So sudo and sshd
 * look at theirs. */
char *load_find_loose(const char *file, const char *dir);

#endif
