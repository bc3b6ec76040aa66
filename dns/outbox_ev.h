#ifndef DNS_OUTBOX_EV_H
#define DNS_OUTBOX_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dns/joined_ev.h"
#include "dns/wire.h"

/* Questions that leave one connected socket in one system call, joined where
 * they may be. */
#define OUTBOX_MAX 32

struct outbox {
	unsigned int n;
	bool joins; /* see joined_ev.h */
	struct mmsghdr at[OUTBOX_MAX];
	struct iovec iov[OUTBOX_MAX];
	struct {
		_Alignas(struct cmsghdr) char bytes[JOINED_SPACE];
	} control[OUTBOX_MAX];
	uint8_t bytes[OUTBOX_MAX][WIRE_QUESTION_MAX];
};

void outbox_init(struct outbox *box);

/* Copies what is to be sent; there is room, and it is no longer. */
void outbox_put(struct outbox *box, const uint8_t *msg, size_t len);

/* Sends all, in no particular order, and is empty. 0 or -errno: of the one that
 * could not be sent, with which those behind it stay, or of one that had left
 * before (ICMP). */
int outbox_send(struct outbox *box, int fd);

#endif
