#ifndef LINUX_NETDEV_H
#define LINUX_NETDEV_H

#include <stdbool.h>

/* Network devices of this network namespace, as they come up. */

/* A descriptor that can be read when there is news, the caller's; or -errno. */
int netdev_open(void);

/* Reads what there is. Whether a device has come up, or may have: more was said
 * than there was room for. */
bool netdev_came_up(int fd);

#endif
