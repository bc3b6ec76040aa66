#ifndef DNS_REPLIES_EV_H
#define DNS_REPLIES_EV_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dns/joined_ev.h"

/* Answers that leave one socket in one system call: those for one client (a
 * program that asks for A and AAAA, or much) joined where they may be: the more
 * at once, the fewer go through the kernel. */
#define REPLIES_MAX 128

/* One of them. What says from which of our addresses it leaves fits in control,
 * and so does what says that it is joined. */
struct reply {
	struct sockaddr_storage peer;
	socklen_t peer_len;
	struct {
		_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(
							struct in6_pktinfo)) +
						    JOINED_SPACE];
		size_t len; /* 0: from where the socket is bound */
	} control;
	struct iovec bytes;
};

struct replies {
	unsigned int n;
	bool joins; /* see joined_ev.h */
	struct reply *v[REPLIES_MAX];
	uint64_t order[REPLIES_MAX];
	struct mmsghdr at[REPLIES_MAX];
	struct iovec iov[REPLIES_MAX];
};

void replies_init(struct replies *replies);

/* One more, borrowed; there is room. */
void replies_put(struct replies *replies, struct reply *reply);

/* Sends all, in no particular order, and is empty. What can't be sent is lost,
 * the client asks again: returns how many, and *ret_error is why the last one
 * was (-errno). */
unsigned int replies_send(struct replies *replies, int fd, int *ret_error);

#endif
