#ifndef DNS_OUTBOX_EV_H
#define DNS_OUTBOX_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dns/wire.h"

/* Questions that leave one connected socket in one system call. Those of one
 * length go through the kernel as one: it parts them where they leave, or
 * arrive (UDP_SEGMENT; since Linux 4.18). */
#define OUTBOX_MAX 32

struct outbox {
	unsigned int n;
	bool joins; /* the kernel can part them */
	struct mmsghdr at[OUTBOX_MAX];
	struct iovec iov[OUTBOX_MAX];
	struct {
		_Alignas(
		    struct cmsghdr) char bytes[CMSG_SPACE(sizeof(uint16_t))];
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
