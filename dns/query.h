#ifndef DNS_QUERY_H
#define DNS_QUERY_H

#include "dns/wire.h"

/* What a client asks: read once, on the hot path. */
struct query {
	uint16_t id, flags;
	uint16_t qtype, qclass;
	uint16_t size; /* what fits into a datagram, from 512 */
	bool edns, dnssec_ok;
	bool keepalive;	   /* edns-tcp-keepalive (RFC 7828) was sent */
	struct name qname; /* lower case */
	/* the name as it was sent: the answer repeats its letters */
	uint8_t asked[NAME_WIRE_MAX];
};

/* Names have room that is mostly empty: it is not touched. */
void query_copy(struct query *ret, const struct query *from);

/* What the parse alone says of it. */
enum query_kind {
	QUERY_GOOD,
	QUERY_IGNORED, /* no answer: not a query, or no header */
	QUERY_FORMERR,
	QUERY_NOTIMP,
	QUERY_BADVERS,
	QUERY_REFUSED, /* zone transfers, meta types */
};

/* The same of what is asked for alone. */
enum query_kind query_type_kind(uint16_t qtype);

/* Reads a message. ret->id and flags are set for all but QUERY_IGNORED;
 * qname.len is 0 where there is no question to be repeated. */
enum query_kind query_parse(struct query *ret, const uint8_t *msg, size_t len);

/* The largest answer to be sent as a datagram: what the client takes, and not
 * more than the network does without fragments. */
#define QUERY_UDP_MAX 1232

#endif
