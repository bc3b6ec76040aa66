#ifndef LINUX_DIAGMSG_H
#define LINUX_DIAGMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One message of a sock_diag answer, parsed without a socket at hand. */
struct diagmsg {
	uint8_t state;
	bool connected; /* it has a remote end */
	uint32_t uid;
	uint64_t inode;
	uint32_t cookie[2];
	uint32_t device;  /* that it is bound to; 0 for none */
	bool transparent; /* IP_TRANSPARENT, IPV6_TRANSPARENT */
};

/* Looks for the answer to request `seq` in a datagram. 0 with *ret set; 1 for
 * a plain acknowledgement; -EAGAIN when the answer is not in there (another
 * one's, to be skipped); -EBADMSG; else the kernel's own error. */
int diagmsg_parse(
    struct diagmsg *ret, const void *bytes, size_t len, uint32_t seq);

#endif
