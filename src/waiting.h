#ifndef WAITING_H
#define WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mono.h"
#include "src/core/packet.h"
#include "src/core/socket.h"
#include "src/linux/nfq_msg.h"

/* Packets whose process is still being looked for, in the order in which they
 * came: those of one socket stay in it. */

/* More than that are not held: their processes are not found then. All that
 * call a server which has just started wait for one look-up, which takes some
 * 50 ms where there are thousands of processes; each socket more costs one. */
#define WAITING_MAX 384
#define WAITING_OF_ONE 128 /* user, … */
#define WAITING_SOCKETS 32 /* … of so many sockets */

struct waiting_packet {
	struct packet pkt;
	struct socket_facts sock;
	struct nfq_packet raw; /* of which the payload is here */
	uint8_t bytes[NFQ_COPY_RANGE];
	mono_t since; /* by the clock of who looks */
	/* it came behind another one of its socket, and was not looked at */
	bool behind;
};

struct waiting {
	struct waiting_packet v[WAITING_MAX];
	size_t n;
};

/* False when there is no room, or not for that user. */
bool waiting_put(struct waiting *waiting, const struct waiting_packet *packet);

/* Whether one of that socket waits. */
bool waiting_has(const struct waiting *waiting, uint64_t inode);

/* Calls fn, which puts none, for each whose socket no other one waits for
 * before it; one that it gives true for waits no more. */
typedef bool waiting_fn(void *arg, struct waiting_packet *packet);
void waiting_each(struct waiting *waiting, waiting_fn *fn, void *arg);

#endif
