#ifndef STATE_H
#define STATE_H

#include "src/core/accounts.h"
#include "src/core/runtime.h"

/* What of the rules outlives the daemon, as text in its state folder. All of
 * this may block. */

/* Rules from the command line; where there is no file, none. 0, how many lines
 * were no good, or -errno. */
int state_load_runtime(struct runtime *ret, const char *path);
/* Puts them into the file, whole or not at all: 0 or -errno. */
int state_save_runtime(const struct runtime *runtime, const char *path);

/* The same for the users and groups that rules name. */
int state_load_accounts(struct accounts *ret, const char *path);
int state_save_accounts(const struct accounts *accounts, const char *path);

#endif
