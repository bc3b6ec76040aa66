#ifndef CORE_NETLINE_H
#define CORE_NETLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/core/flow.h"

/* A line of /proc/net/{tcp,udp,udplite,icmp,raw}{,6} or of /proc/net/sctp. */
enum netline_table {
	NETLINE_TCP,
	NETLINE_UDP, /* UDP and UDP-Lite */
	NETLINE_ICMP,
	NETLINE_RAW,
	NETLINE_SCTP_ASSOCS,
	NETLINE_SCTP_EPS,
};

struct netline {
	struct addr local, remote; /* v4-mapped ones as IPv4 */
	uint16_t lport, rport;	   /* raw: the protocol, and 0 */
	uint8_t state;		   /* TCP; 10 is LISTEN */
	uint32_t uid;
	uint64_t inode;
	/* SCTP has many addresses: texts that borrow the line */
	const char *locals, *remotes;
	size_t locals_len, remotes_len;
};

/* Reads one line without its newline; 0 or -EBADMSG (header lines too). ret
 * is untouched on failure. */
int netline_parse(
    struct netline *ret, enum netline_table table, const char *s, size_t len);

/* How well a socket fits the flow: 0 not at all, more is better. in: the
 * packet came in, so that a listener may be meant. */
unsigned int netline_score(const struct netline *line, enum netline_table table,
    const struct flow_key *key, bool in);

#endif
