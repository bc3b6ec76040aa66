#ifndef LINUX_ROUTE_H
#define LINUX_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/addr.h"

/* Questions to the kernel's routing, by rtnetlink. */

/* Whether the address is that of a neighbour: the device reaches it without a
 * router, by a route for a net of that link. A default route through a tunnel
 * makes nobody a neighbour. False also where the kernel can't be asked. It
 * answers within the call, which opens a socket of its own: for packets that
 * are rare. */
bool route_is_on_link(const struct addr *addr, uint32_t ifindex);

/* Whether the address is one of this host's: 1, 0, or -errno where the kernel
 * can't be asked; the same otherwise. */
int route_is_here(const struct addr *addr);

/* Whether IPv4 has a rule of policy routing that is for users (ip rule …
 * uidrange). False also where the kernel can't be asked. */
bool route_goes_by_user(void);

#endif
