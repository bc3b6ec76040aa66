#ifndef LINUX_XTLOCK_H
#define LINUX_XTLOCK_H

#include <sys/types.h>

#include "src/base/mono.h"

/* The lock that all legacy iptables programs share: $XTABLES_LOCKFILE, else
 * /run/xtables.lock. */

/* Waits until `end` at most. 0 with the lock's descriptor in *ret_fd
 * (-1: there is no such lock, and it can't be made); -EBUSY
 * when another one holds it all the time, with its pid in *ret_holder (0 when
 * not known); -errno when the file can't be opened. */
int xtlock_take(mono_t end, int *ret_fd, pid_t *ret_holder);

void xtlock_release(int fd);

/* Makes the file, for a daemon that can't later: where it is missing then,
 * nobody can hold it. */
void xtlock_make(void);

const char *xtlock_path(void);

#endif
