#include "src/linux/icmp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The header of the packet that the error speaks of, and 8 bytes more: what
 * RFC 792 asks for, and all that the kernel looks at. */
#define QUOTE_MAX (40 + 8)

struct icmp_sender {
	int ip4, ip6; /* -1: none of that family */
};

/* /proc/net/raw shows a socket that is bound to nothing as one that may have
 * sent any ICMP of this host: what the kernel answers would be taken for ours,
 * and pass. Errors leave over loopback anyway. */
static void
bind_to_loopback(const struct icmp_sender *icmp)
{
	struct sockaddr_in ip4 = { .sin_family = AF_INET };
	struct sockaddr_in6 ip6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };

	ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 16); /* 127.0.0.17 */
	/* where it fails, the family is not there at all */
	if (icmp->ip4 >= 0)
		(void)bind(
		    icmp->ip4, (const struct sockaddr *)&ip4, sizeof(ip4));
	if (icmp->ip6 >= 0)
		(void)bind(
		    icmp->ip6, (const struct sockaddr *)&ip6, sizeof(ip6));
}

int
icmp_open(struct icmp_sender **ret)
{
	struct icmp_sender *icmp = calloc(1, sizeof(*icmp));
	int r;

	if (icmp == NULL)
		return -ENOMEM;
	icmp->ip4 = socket(
	    AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
	r = icmp->ip4 < 0 ? -errno : 0;
	icmp->ip6 = socket(
	    AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (icmp->ip4 >= 0) {
		/* nothing is read from it */
		const struct icmp_filter {
			uint32_t data;
		} none = { UINT32_MAX };

		(void)setsockopt(icmp->ip4, SOL_RAW, 1, &none, sizeof(none));
	}
	if (icmp->ip6 >= 0) {
		struct icmp6_filter none;

		ICMP6_FILTER_SETBLOCKALL(&none);
		(void)setsockopt(icmp->ip6, IPPROTO_ICMPV6, ICMP6_FILTER, &none,
		    sizeof(none));
	}
	bind_to_loopback(icmp);
	if (icmp->ip4 < 0 && icmp->ip6 < 0) {
		free(icmp);
		return r;
	}
	*ret = icmp;
	return 0;
}

void
icmp_close(struct icmp_sender *icmp)
{
	if (icmp == NULL)
		return;
	if (icmp->ip4 >= 0)
		(void)close(icmp->ip4); /* what was sent has left */
	if (icmp->ip6 >= 0)
		(void)close(icmp->ip6);
	free(icmp);
}

static void
put_ports(uint8_t *to, const struct flow_key *flow, uint32_t tcp_seq)
{
	uint16_t ports[2] = { htons(flow->lport), htons(flow->rport) };
	uint32_t seq = htonl(tcp_seq);

	memcpy(to, ports, 4);
	memcpy(to + 4, &seq, 4);
}

static uint16_t
checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2) /* all of ours are even */
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static size_t
build_ip4(uint8_t *to, const struct flow_key *flow, uint32_t tcp_seq, int error)
{
	struct icmphdr icmp = { .type = ICMP_DEST_UNREACH };
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64 };
	size_t len = sizeof(icmp) + sizeof(ip) + 8;

	icmp.code = error == ECONNREFUSED  ? ICMP_PORT_UNREACH
		    : error == ENETUNREACH ? ICMP_NET_UNREACH
					   : ICMP_HOST_UNREACH;
	ip.tot_len = htons(40);
	ip.protocol = flow->proto;
	memcpy(&ip.saddr, flow->local.bytes, 4);
	memcpy(&ip.daddr, flow->remote.bytes, 4);
	ip.check = checksum((const uint8_t *)&ip, sizeof(ip));
	memcpy(to + sizeof(icmp), &ip, sizeof(ip));
	put_ports(to + sizeof(icmp) + sizeof(ip), flow, tcp_seq);
	memcpy(to, &icmp, sizeof(icmp));
	icmp.checksum = checksum(to, len);
	memcpy(to, &icmp, sizeof(icmp));
	return len;
}

static size_t
build_ip6(uint8_t *to, const struct flow_key *flow, uint32_t tcp_seq, int error)
{
	struct icmp6_hdr icmp = { .icmp6_type = ICMP6_DST_UNREACH };
	struct ip6_hdr ip = { .ip6_hlim = 64 };

	icmp.icmp6_code = error == ECONNREFUSED	 ? ICMP6_DST_UNREACH_NOPORT
			  : error == ENETUNREACH ? ICMP6_DST_UNREACH_NOROUTE
						 : ICMP6_DST_UNREACH_ADDR;
	ip.ip6_vfc = 6 << 4;
	ip.ip6_plen = htons(20);
	ip.ip6_nxt = flow->proto;
	memcpy(&ip.ip6_src, flow->local.bytes, 16);
	memcpy(&ip.ip6_dst, flow->remote.bytes, 16);
	memcpy(to, &icmp, sizeof(icmp)); /* the kernel fills in the checksum */
	memcpy(to + sizeof(icmp), &ip, sizeof(ip));
	put_ports(to + sizeof(icmp) + sizeof(ip), flow, tcp_seq);
	return sizeof(icmp) + sizeof(ip) + 8;
}

int
icmp_tell(struct icmp_sender *icmp, const struct flow_key *flow,
    uint32_t tcp_seq, int error)
{
	bool ip4 = flow->local.family == ADDR_IP4;
	uint8_t bytes[sizeof(struct icmp6_hdr) + QUOTE_MAX];
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	int fd = ip4 ? icmp->ip4 : icmp->ip6;
	size_t len;
	ssize_t n;

	if (fd < 0)
		return -EAFNOSUPPORT;
	len = ip4 ? build_ip4(bytes, flow, tcp_seq, error)
		  : build_ip6(bytes, flow, tcp_seq, error);
	memcpy(&to4.sin_addr, flow->local.bytes, 4);
	memcpy(&to6.sin6_addr, flow->local.bytes, 16);
	n = sendto(fd, bytes, len, 0,
	    ip4 ? (const struct sockaddr *)&to4 : (const struct sockaddr *)&to6,
	    ip4 ? sizeof(to4) : sizeof(to6));
	return n < 0 ? -errno : 0;
}
