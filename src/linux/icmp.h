#ifndef LINUX_ICMP_H
#define LINUX_ICMP_H

#include <stdint.h>

#include "src/core/flow.h"

/* ICMP errors of our own, to a program on this host: what its connect() is to
 * say. */
struct icmp_sender;

int icmp_open(struct icmp_sender **ret);   /* 0 or -errno (needs CAP_NET_RAW) */
void icmp_close(struct icmp_sender *icmp); /* accepts NULL */

/* Tells the socket at the local end of a flow that its packet did not get
 * through: ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, or EMSGSIZE (one of a few
 * hundred bytes less than the largest would have). tcp_seq: of the SYN. 0 or
 * -errno. */
int icmp_tell(struct icmp_sender *icmp, const struct flow_key *flow,
    uint32_t tcp_seq, int error);

#endif
