#ifndef LINUX_MACHINE_H
#define LINUX_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/core/attr_sizes.h"

/* How large this machine is; what can't be read stays 0. ret->queue is left as
 * it is. */
void machine_read(struct attr_machine *ret);

/* Whether programs may use this network that /proc does not show: this is a
 * PID namespace of some of the machine, as a container's. */
bool machine_is_confined(void);

/* Packets that conntrack let fall in this network namespace, ever: where it has
 * no room, or for what they are. 0 or -errno; -ENOENT: of a kernel that does
 * not say. */
int machine_flows_dropped(uint64_t *ret);

/* Whether it has no room for more flows. */
bool machine_flows_full(void);

#endif
