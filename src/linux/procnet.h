#ifndef LINUX_PROCNET_H
#define LINUX_PROCNET_H

#include <stdbool.h>

#include "src/core/flow.h"
#include "src/core/netline.h"
#include "src/core/socket.h"

/* Looks a socket up in the text tables of /proc/net: for what sock_diag does
 * not know here. The tables that serve the flow are chosen by `table` and the
 * family. Where several sockets fit equally well there is no telling which
 * one it is, and the answer is SOCKET_NONE: a wrong process is worse than
 * none. That holds for sockets of one user too, since rules go by program. */
void procnet_find(enum netline_table table, const struct flow_key *key, bool in,
    struct socket_facts *ret);

#endif
