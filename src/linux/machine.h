#ifndef LINUX_MACHINE_H
#define LINUX_MACHINE_H

#include "src/core/attr_sizes.h"

/* How large this machine is; what can't be read stays 0. ret->queue is left as
 * it is. */
void machine_read(struct attr_machine *ret);

#endif
