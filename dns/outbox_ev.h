#ifndef DNS_OUTBOX_EV_H
#define DNS_OUTBOX_EV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dns/wire.h"

/* Questions that leave one connected socket in one system call. */
#define OUTBOX_MAX 16

struct outbox {
	unsigned int n;
	struct mmsghdr at[OUTBOX_MAX];
	struct iovec iov[OUTBOX_MAX];
	uint8_t bytes[OUTBOX_MAX][WIRE_QUESTION_MAX];
};

/* Copies what is to be sent; there is room, and it is no longer. */
void outbox_put(struct outbox *box, const uint8_t *msg, size_t len);

/* Sends all, and is empty. 0 or -errno: of the one that could not be sent, with
 * which those behind it stay, or of one that had left before (ICMP). */
int outbox_send(struct outbox *box, int fd);

#endif
