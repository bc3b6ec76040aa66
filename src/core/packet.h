#ifndef CORE_PACKET_H
#define CORE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"

/* The tuple of a packet, or of the packet that an ICMP error quotes. For an
 * ICMP query (echo, timestamp, …) the identifier stands at the side of who
 * asks, 0 at the other; it is no port: has_ports is false. */
struct packet_tuple {
	struct addr src, dst;
	uint16_t sport, dport;
	uint8_t proto;	/* IPPROTO_*, after IPv6 extension headers */
	bool has_ports; /* TCP, UDP, UDP-Lite, SCTP, DCCP */
};

#define PACKET_TCP_FIN 0x01
#define PACKET_TCP_SYN 0x02
#define PACKET_TCP_RST 0x04
#define PACKET_TCP_ACK 0x10

/* One IP packet, a value: nothing in it points into the bytes. */
struct packet {
	struct packet_tuple tuple;
	uint8_t hop_limit;
	uint8_t tcp_flags;
	uint32_t tcp_seq;
	uint8_t icmp_type, icmp_code; /* ICMP and ICMPv6 */
	bool icmp_error;	      /* an error message: inner is set */
	/* its sender says which way it goes: the address that it has now may be
	 * a stop on that way, and another one than its socket's */
	bool source_routed;
	struct packet_tuple inner;

	/* where it was met: set by the caller of packet_parse() */
	bool in;	  /* INPUT, not OUTPUT */
	bool loopback;	  /* the device is lo: from this host to this host */
	bool on_link;	  /* dst is a neighbour; see judge_wants_link() */
	uint32_t ifindex; /* device it came by or leaves by */
	bool has_uid;	  /* sent through a socket of a program */
	uint32_t uid, gid;
	uint32_t mark; /* that it came to us with */
};

/* Extension headers of IPv6: those that conntrack steps over, and no others. A
 * packet has the protocol of what stands behind them. */
bool packet_steps_over(uint8_t proto);

/* Reads the first `len` bytes of an IP packet that is `total` bytes long (GSO
 * packets and small copy ranges: len < total). 0, -EBADMSG (truncated,
 * lengths that contradict each other, absurd extension headers) or -ENOMSG (a
 * fragment, which has no ports to judge). ret is untouched on failure. */
int packet_parse(
    struct packet *ret, const void *bytes, size_t len, size_t total);

/* TCP: a packet that opens a connection (SYN without ACK). */
bool packet_is_syn(const struct packet *pkt);

#endif
