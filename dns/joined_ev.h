#ifndef DNS_JOINED_EV_H
#define DNS_JOINED_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Several datagrams that leave one socket for one place go through the kernel
 * as one: it parts them where they leave this host, or arrive (UDP_SEGMENT;
 * since Linux 4.18). All are as long as the first, but for the last, which may
 * be shorter. */
#define JOINED_MAX 64

/* What it says needs so much room for control data. */
#define JOINED_SPACE CMSG_SPACE(sizeof(uint16_t))

/* Whether this kernel parts them: another one would send them as one. */
bool joined_known(void);

/* How many of n datagrams that stand with the longest first may leave as one:
 * those from the first on. */
unsigned int joined_run(const struct iovec *v, unsigned int n);

/* Says so with the message, whose control data has room for that behind what it
 * has: how long the first one is. */
void joined_say(struct msghdr *msg, size_t size);

/* Whether that may be an error of ways (IPsec, a device that adds no checksums,
 * a small MTU) by which none go that are to be parted. */
bool joined_refused(int error);

#endif
