#ifndef LINUX_MACHINE_H
#define LINUX_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/core/attr_sizes.h"

/* How large this machine is; what can't be read stays 0. ret->queue is left as
 * it is. */
void machine_read(struct attr_machine *ret);

/* Packets that conntrack let fall in this network namespace, ever: where it has
 * no room, or for what they are. 0 where the kernel does not say. */
uint64_t machine_flows_dropped(void);

/* Whether it has no room for more flows. */
bool machine_flows_full(void);

#endif
