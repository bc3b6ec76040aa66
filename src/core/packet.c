#include "src/core/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "src/base/rd.h"

/* A packet of use has three or four; the rest is made to waste our time. */
#define EXTENSIONS_MAX 8

#define IP4_HEADER 20
#define IP6_HEADER 40
#define IP4_FRAGMENT_MASK 0x3fff /* more fragments, or an offset */
#define IP4_OFFSET_MASK 0x1fff
#define IP6_FRAGMENT_MASK 0xfff9 /* the same, in the fragment header */
#define IP6_OFFSET_MASK 0xfff8

/* Options of IPv4 (RFC 791). */
enum {
	OPTION_END = 0,
	OPTION_NONE = 1,
	OPTION_LOOSE_ROUTE = 131,
	OPTION_STRICT_ROUTE = 137,
};

/* What the IP header says; rest is at the transport header. */
struct ip {
	struct packet_tuple tuple;
	uint8_t hop_limit;
	bool fragment;	   /* of a larger packet */
	bool first;	   /* … or its beginning: the ports are here */
	bool routed;	   /* it says itself by which way it goes */
	size_t rest_total; /* bytes from the transport header on */
};

/* The kernel looks at the options of all that programs send and that comes in;
 * what is no option ends them. */
static bool
options_route(struct rd options)
{
	uint8_t type = rd_u8(&options), len;

	while (!options.bad && type != OPTION_END) {
		if (type == OPTION_LOOSE_ROUTE || type == OPTION_STRICT_ROUTE)
			return true;
		len = type == OPTION_NONE ? 1 : rd_u8(&options);
		if (len == 0 || (len == 1 && type != OPTION_NONE))
			return false;
		rd_skip(&options, len > 2 ? len - 2U : 0);
		type = rd_u8(&options);
	}
	return false;
}

static int
ip4_parse(struct ip *ret, struct rd *rd, size_t total)
{
	uint8_t vhl = rd_u8(rd), src[4] = { 0 }, dst[4] = { 0 };
	size_t header = (size_t)(vhl & 15) * 4, length;
	struct rd options;
	uint16_t frag;

	rd_skip(rd, 1); /* type of service */
	length = rd_u16(rd);
	rd_skip(rd, 2); /* identification */
	frag = rd_u16(rd);
	ret->hop_limit = rd_u8(rd);
	ret->tuple.proto = rd_u8(rd);
	rd_skip(rd, 2); /* checksum: the kernel's matter */
	rd_copy(rd, src, sizeof(src));
	rd_copy(rd, dst, sizeof(dst));
	if (rd->bad || header < IP4_HEADER || header > total)
		return -EBADMSG;
	/* 0: a GSO packet over 64 KiB (BIG TCP), whose length is outside */
	if (length != 0 && (length < header || length > total))
		return -EBADMSG;
	rd_init(&options, rd->p, header - IP4_HEADER);
	rd_skip(rd, header - IP4_HEADER);
	if (rd->bad)
		return -EBADMSG;
	ret->routed = options_route(options);
	ret->tuple.src = addr_ip4(src);
	ret->tuple.dst = addr_ip4(dst);
	ret->fragment = (frag & IP4_FRAGMENT_MASK) != 0;
	ret->first = (frag & IP4_OFFSET_MASK) == 0;
	ret->rest_total = (length != 0 ? length : total) - header;
	return 0;
}

/* The verdict on a packet holds for all of conntrack's entry, which is that of
 * what stands behind these (ipv6_skip_exthdr() of the kernel). */
bool
packet_steps_over(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
		return true;
	default:
		return false;
	}
}

/* Steps over one extension header (RFC 8200 section 4, RFC 4302 section 2). */
static int
extension_skip(struct ip *ip, struct rd *rd)
{
	uint8_t proto = ip->tuple.proto;
	uint8_t next = rd_u8(rd), len = rd_u8(rd);
	size_t size = 8;
	uint16_t frag;

	if (proto == IPPROTO_FRAGMENT) {
		frag = rd_u16(rd);
		rd_skip(rd, 4);
		ip->fragment = (frag & IP6_FRAGMENT_MASK) != 0;
		ip->first = (frag & IP6_OFFSET_MASK) == 0;
	} else {
		size += (size_t)len * (proto == IPPROTO_AH ? 4 : 8);
		rd_skip(rd, size - 2);
		ip->routed |= proto == IPPROTO_ROUTING;
	}
	if (rd->bad || size > ip->rest_total)
		return -EBADMSG;
	ip->rest_total -= size;
	ip->tuple.proto = next;
	return 0;
}

static int
ip6_parse(struct ip *ret, struct rd *rd, size_t total)
{
	uint8_t src[16] = { 0 }, dst[16] = { 0 };
	size_t length;
	int n = 0, r;

	rd_skip(rd, 4); /* version, class, flow label */
	length = rd_u16(rd);
	ret->tuple.proto = rd_u8(rd);
	ret->hop_limit = rd_u8(rd);
	rd_copy(rd, src, sizeof(src));
	rd_copy(rd, dst, sizeof(dst));
	if (rd->bad || total < IP6_HEADER || length > total - IP6_HEADER)
		return -EBADMSG;
	ret->tuple.src = addr_ip6(src);
	ret->tuple.dst = addr_ip6(dst);
	ret->fragment = false;
	ret->first = true;
	/* 0: a jumbo or GSO packet, whose length is outside */
	ret->rest_total = length != 0 ? length : total - IP6_HEADER;
	while (ret->first && packet_steps_over(ret->tuple.proto)) {
		if (++n > EXTENSIONS_MAX)
			return -EBADMSG;
		r = extension_skip(ret, rd);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
ip_parse(struct ip *ret, struct rd *rd, size_t total)
{
	memset(ret, 0, sizeof(*ret));
	if (rd->len == 0)
		return -EBADMSG;
	switch (rd->p[0] >> 4) {
	case 4:
		return ip4_parse(ret, rd, total);
	case 6:
		return ip6_parse(ret, rd, total);
	default:
		return -EBADMSG;
	}
}

static void
ports_parse(struct packet_tuple *tuple, struct rd *rd)
{
	tuple->sport = rd_u16(rd);
	tuple->dport = rd_u16(rd);
	tuple->has_ports = true;
}

enum icmp_query {
	ICMP_NO_QUERY,
	ICMP_ASKS,
	ICMP_ANSWERS,
};

static enum icmp_query
icmp_query(uint8_t proto, uint8_t type)
{
	if (proto == IPPROTO_ICMPV6) /* echo */
		return type == 128   ? ICMP_ASKS
		       : type == 129 ? ICMP_ANSWERS
				     : ICMP_NO_QUERY;
	switch (type) {
	case 8:	 /* echo */
	case 13: /* timestamp */
	case 15: /* information */
	case 17: /* address mask */
	case 42: /* extended echo */
		return ICMP_ASKS;
	case 0:
	case 14:
	case 16:
	case 18:
	case 43:
		return ICMP_ANSWERS;
	default:
		return ICMP_NO_QUERY;
	}
}

/* Who asks has the identifier, who answers none: a host that pings itself
 * would be both ends of one flow otherwise. */
static void
identifier_parse(
    struct packet_tuple *tuple, enum icmp_query query, struct rd *rd)
{
	uint16_t identifier = rd_u16(rd);

	if (query == ICMP_ASKS)
		tuple->sport = identifier;
	else
		tuple->dport = identifier;
}

static bool
icmp_is_error(uint8_t proto, uint8_t type)
{
	if (proto == IPPROTO_ICMPV6)
		return type < 128;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* The packet that an ICMP error quotes: its header and at least the first
 * eight bytes behind it (RFC 792, RFC 4443), which hold the ports. */
static int
quoted_parse(struct packet_tuple *ret, struct rd *rd)
{
	struct ip ip;
	enum icmp_query query;
	/* the quote is cut: its lengths speak of bytes that are not here */
	int r = ip_parse(&ip, rd, SIZE_MAX);

	if (r < 0)
		return r;
	if (!ip.first) {
		*ret = ip.tuple; /* a later fragment: no ports in it */
		return 0;
	}
	switch (ip.tuple.proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		ports_parse(&ip.tuple, rd);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		query = icmp_query(ip.tuple.proto, rd_u8(rd));
		if (query != ICMP_NO_QUERY) {
			rd_skip(rd, 3); /* code, checksum */
			identifier_parse(&ip.tuple, query, rd);
		}
		break;
	default:
		break;
	}
	if (rd->bad)
		return -EBADMSG;
	*ret = ip.tuple;
	return 0;
}

static int
icmp_parse(struct packet *pkt, struct rd *rd)
{
	enum icmp_query query;
	int r;

	pkt->icmp_type = rd_u8(rd);
	pkt->icmp_code = rd_u8(rd);
	rd_skip(rd, 2); /* checksum */
	query = icmp_query(pkt->tuple.proto, pkt->icmp_type);
	if (query != ICMP_NO_QUERY) {
		identifier_parse(&pkt->tuple, query, rd);
	} else if (icmp_is_error(pkt->tuple.proto, pkt->icmp_type)) {
		rd_skip(rd, 4); /* unused, MTU, pointer, gateway */
		if (rd->bad)
			return -EBADMSG;
		r = quoted_parse(&pkt->inner, rd);
		if (r < 0)
			return r;
		pkt->icmp_error = true;
	}
	return rd->bad ? -EBADMSG : 0;
}

static int
tcp_parse(struct packet *pkt, struct rd *rd, size_t rest)
{
	size_t header;

	ports_parse(&pkt->tuple, rd);
	pkt->tcp_seq = rd_u32(rd);
	rd_skip(rd, 4); /* acknowledgement */
	header = (size_t)(rd_u8(rd) >> 4) * 4;
	pkt->tcp_flags = rd_u8(rd);
	if (rd->bad || header < 20 || header > rest)
		return -EBADMSG;
	return 0;
}

static int
udp_parse(struct packet *pkt, struct rd *rd, size_t rest)
{
	/* longer than 64 KiB (RFC 2675), or UDP-Lite's "all of it" */
	bool zero = rest > UINT16_MAX || pkt->tuple.proto == IPPROTO_UDPLITE;
	uint16_t length;

	ports_parse(&pkt->tuple, rd);
	length = rd_u16(rd);
	rd_skip(rd, 2); /* checksum */
	if (rd->bad || length > rest)
		return -EBADMSG;
	return length >= 8 || (length == 0 && zero) ? 0 : -EBADMSG;
}

static int
transport_parse(struct packet *pkt, struct rd *rd, size_t rest)
{
	switch (pkt->tuple.proto) {
	case IPPROTO_TCP:
		return tcp_parse(pkt, rd, rest);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return udp_parse(pkt, rd, rest);
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		ports_parse(&pkt->tuple, rd);
		rd_skip(rd, 8); /* both have 12 bytes at least */
		return rd->bad ? -EBADMSG : 0;
	case IPPROTO_ICMP:
		return pkt->tuple.src.family == ADDR_IP4 ? icmp_parse(pkt, rd)
							 : -EBADMSG;
	case IPPROTO_ICMPV6:
		return pkt->tuple.src.family == ADDR_IP6 ? icmp_parse(pkt, rd)
							 : -EBADMSG;
	default:
		return 0; /* judged by protocol number and addresses */
	}
}

int
packet_parse(struct packet *ret, const void *bytes, size_t len, size_t total)
{
	struct packet pkt = { 0 };
	struct ip ip;
	struct rd rd;
	int r;

	if (len > total)
		return -EBADMSG;
	rd_init(&rd, bytes, len);
	r = ip_parse(&ip, &rd, total);
	if (r < 0)
		return r;
	if (ip.fragment)
		return -ENOMSG;
	pkt.tuple = ip.tuple;
	pkt.hop_limit = ip.hop_limit;
	pkt.source_routed = ip.routed;
	r = transport_parse(&pkt, &rd, ip.rest_total);
	if (r < 0)
		return r;
	*ret = pkt;
	return 0;
}

bool
packet_is_syn(const struct packet *pkt)
{
	return pkt->tuple.proto == IPPROTO_TCP &&
	       (pkt->tcp_flags & (PACKET_TCP_SYN | PACKET_TCP_ACK)) ==
		   PACKET_TCP_SYN;
}
