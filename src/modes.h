#ifndef MODES_H
#define MODES_H

#include "src/core/conf.h"
#include "src/core/fault.h"

/* As EXIT_SUCCESS and EXIT_FAILURE are. */
#define EXIT_USAGE 2

/* What the daemon's program does besides being one: with no daemon, no root,
 * and nothing changed. Each returns the exit status. `rules` is the folder;
 * NULL for the default one. */

/* --check: faults and warnings have those of the settings, and conf is NULL
 * where there are faults. */
int mode_check(const struct conf *conf, const char *rules,
    struct faults *faults, struct faults *warnings);

/* --explain; of "-", each line of standard input is a question. One that is
 * none is wrong usage, and all are answered. */
int mode_explain(const struct conf *conf, const char *rules, const char *about,
    struct faults *faults);

#endif
