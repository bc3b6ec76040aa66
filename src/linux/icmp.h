#ifndef LINUX_ICMP_H
#define LINUX_ICMP_H

#include <stdint.h>

#include "src/base/inodes.h"
#include "src/core/flow.h"

/* ICMP errors of our own, to a program on this host: what its connect() is to
 * say; or to who called from another one. */
struct icmp_sender;

enum icmp_whom {
	ICMP_PROGRAMS,
	/* its sockets are bound to nothing: by /proc/net/raw any ICMP might be
	 * theirs, so that it takes another source (BPF) to tell */
	ICMP_CALLERS,
};

/* 0 or -errno (needs CAP_NET_RAW). Its sockets are in own as long: what they
 * send is not to wait until somebody is found who has them. */
int icmp_open(
    struct icmp_sender **ret, enum icmp_whom whom, struct inodes *own);
void icmp_close(struct icmp_sender *icmp); /* accepts NULL */

/* Tells the socket at the local end of a flow that its packet did not get
 * through: ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EACCES (as REJECT tells of
 * a block: IPv4 makes EHOSTUNREACH of it), or EMSGSIZE (one of a few hundred
 * bytes less than the largest would have). tcp_seq: of the SYN. 0 or -errno. */
int icmp_tell(struct icmp_sender *icmp, const struct flow_key *flow,
    uint32_t tcp_seq, int error);

#endif
