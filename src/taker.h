#ifndef TAKER_H
#define TAKER_H

#include <stdint.h>

#include "src/base/addr.h"
#include "src/core/socket.h"

struct diag;
struct process;
struct procfs;

/* Who has a port of this host, so that we can't, or so that it is asked. */
struct taken {
	struct addr addr;
	uint16_t port;
	uint8_t proto;
};

/* The socket; also one of all addresses. */
void taker_socket(
    struct diag *diag, const struct taken *taken, struct socket_facts *ret);

/* Whose it is; a reference, or NULL. */
const struct process *taker_find(
    struct diag *diag, struct procfs *procfs, const struct taken *taken);

#endif
