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
#include <sys/stat.h>
#include <unistd.h>

/* The header of the packet that the error speaks of, and 8 bytes more: what
 * RFC 792 asks for, and all that the kernel looks at. */
#define QUOTE_MAX (40 + 8)

/* tcp_v4_err() puts the error into the socket's queue, which wakes the program,
 * and only then into SO_ERROR: who looks in between, on another processor, is
 * told that it is connected (1 of 100 in a virtual machine). What takes more
 * memory than the socket may hold (128 KiB, tcp_rmem) is not queued, and the
 * program wakes once, to the truth. The kernel rounds the memory of a packet
 * that is written whole, header and all, up to a power of two. IPv6 asks first
 * whether the program wants that queue. */
#define UNQUEUED_LEN 65532 /* of IPv4's 65,535 */

/* So many bytes of them may be on their way; what is more is queued. */
#define UNQUEUED_BYTES (64 * 132 * 1024)

/* What a packet may have that is not too large, as far as is told: more than
 * any route has, so that none is taken for narrower than it is. */
#define ROOM 65535

#define ENDPOINT_IP4 (INADDR_LOOPBACK + 16) /* 127.0.0.17 */

struct icmp_sender {
	int ip4, ip6; /* -1: none of that family */
	int whole4;   /* for what is not queued; -1: none */
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

	ip4.sin_addr.s_addr = htonl(ENDPOINT_IP4);
	/* where it fails, the family is not there at all */
	if (icmp->ip4 >= 0)
		(void)bind(
		    icmp->ip4, (const struct sockaddr *)&ip4, sizeof(ip4));
	if (icmp->whole4 >= 0)
		(void)bind(
		    icmp->whole4, (const struct sockaddr *)&ip4, sizeof(ip4));
	if (icmp->ip6 >= 0)
		(void)bind(
		    icmp->ip6, (const struct sockaddr *)&ip6, sizeof(ip6));
}

/* Errors wait for their own verdicts: as many as there may be at once are to
 * have room, or a program would hang. */
#define TOLD_BYTES (4 * 1024 * 1024)

static void
give_room(int fd, int bytes)
{
	const int half = bytes / 2; /* the kernel doubles it */

	if (fd >= 0)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_SNDBUFFORCE, &half, sizeof(half));
}

static int
open_ip4(void)
{
	const struct icmp_filter {
		uint32_t data;
	} none = { UINT32_MAX }; /* nothing is read from it */
	int fd = socket(
	    AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_RAW, 1, &none, sizeof(none));
	return fd;
}

static int
open_whole4(void)
{
	const int yes = 1;
	int fd = open_ip4();

	if (fd >= 0)
		(void)setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &yes, sizeof(yes));
	return fd;
}

static int
open_ip6(void)
{
	struct icmp6_filter none;
	int fd = socket(
	    AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);

	ICMP6_FILTER_SETBLOCKALL(&none);
	if (fd >= 0)
		(void)setsockopt(
		    fd, IPPROTO_ICMPV6, ICMP6_FILTER, &none, sizeof(none));
	return fd;
}

/* Without memory it is found the long way. */
static void
note_own(int fd, struct inodes *own)
{
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		(void)inodes_add(own, st.st_ino);
}

int
icmp_open(struct icmp_sender **ret, enum icmp_whom whom, struct inodes *own)
{
	struct icmp_sender *icmp = calloc(1, sizeof(*icmp));
	int r;

	if (icmp == NULL)
		return -ENOMEM;
	icmp->ip4 = open_ip4();
	r = icmp->ip4 < 0 ? -errno : 0;
	icmp->whole4 = whom == ICMP_PROGRAMS ? open_whole4() : -1;
	icmp->ip6 = open_ip6();
	give_room(icmp->ip4, TOLD_BYTES);
	give_room(icmp->whole4, UNQUEUED_BYTES);
	give_room(icmp->ip6, TOLD_BYTES);
	if (whom == ICMP_PROGRAMS)
		bind_to_loopback(icmp);
	note_own(icmp->ip4, own);
	note_own(icmp->whole4, own);
	note_own(icmp->ip6, own);
	if (icmp->ip4 < 0 && icmp->ip6 < 0) {
		icmp_close(icmp);
		return r;
	}
	*ret = icmp;
	return 0;
}

static void
close_one(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* what was sent has left */
}

void
icmp_close(struct icmp_sender *icmp)
{
	if (icmp == NULL)
		return;
	close_one(icmp->ip4);
	close_one(icmp->whole4);
	close_one(icmp->ip6);
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

/* To TCP the same errors with a type of service in their names (RFC 1122): at
 * the plain ones the kernel sends a SYN that has waited for more than five
 * seconds once more, before it gives up (RFC 6069), and a proxy would be asked
 * again, for nobody. */
static uint8_t
unreachable_code(uint8_t proto, bool net)
{
	if (proto == IPPROTO_TCP)
		return net ? ICMP_NET_UNR_TOS : ICMP_HOST_UNR_TOS;
	return net ? ICMP_NET_UNREACH : ICMP_HOST_UNREACH;
}

static size_t
build_ip4(uint8_t *to, const struct flow_key *flow, uint32_t tcp_seq, int error)
{
	struct icmphdr icmp = { .type = ICMP_DEST_UNREACH };
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64 };
	size_t len = sizeof(icmp) + sizeof(ip) + 8;

	icmp.code = error == ECONNREFUSED ? ICMP_PORT_UNREACH
		    : error == EACCES	  ? ICMP_HOST_ANO
		    : error == EMSGSIZE
			? ICMP_FRAG_NEEDED
			: unreachable_code(flow->proto, error == ENETUNREACH);
	if (error == EMSGSIZE)
		icmp.un.frag.mtu = htons(ROOM);
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
			  : error == EACCES	 ? ICMP6_DST_UNREACH_ADMIN
			  : error == ENETUNREACH ? ICMP6_DST_UNREACH_NOROUTE
						 : ICMP6_DST_UNREACH_ADDR;
	if (error == EMSGSIZE) {
		icmp.icmp6_type = ICMP6_PACKET_TOO_BIG;
		icmp.icmp6_code = 0;
		icmp.icmp6_mtu = htonl(ROOM);
	}
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

/* All of it in one packet that no socket's queue takes: 0 or -errno. */
static int
tell_whole4(const struct icmp_sender *icmp, const struct sockaddr_in *to,
    const uint8_t *error, size_t len)
{
	static const uint8_t zeros[4096];
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64 };
	struct iovec iov[2 + UNQUEUED_LEN / sizeof(zeros) + 1] = {
		{ .iov_base = &ip, .iov_len = sizeof(ip) },
		{ .iov_base = (void *)(uintptr_t)error, .iov_len = len },
	};
	struct sockaddr_in name = *to;
	struct msghdr msg = { .msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = iov,
		.msg_iovlen = 2 };

	/* the kernel fills in the rest */
	ip.protocol = IPPROTO_ICMP;
	ip.saddr = htonl(ENDPOINT_IP4);
	ip.daddr = to->sin_addr.s_addr;
	for (size_t left = UNQUEUED_LEN - sizeof(ip) - len, n; left > 0;
	     left -= n) {
		n = left < sizeof(zeros) ? left : sizeof(zeros);
		iov[msg.msg_iovlen].iov_base = (void *)(uintptr_t)zeros;
		iov[msg.msg_iovlen++].iov_len = n;
	}
	return sendmsg(icmp->whole4, &msg, 0) < 0 ? -errno : 0;
}

static int
tell4(const struct icmp_sender *icmp, const struct flow_key *flow,
    uint32_t tcp_seq, int error)
{
	uint8_t bytes[sizeof(struct icmphdr) + QUOTE_MAX];
	size_t len = build_ip4(bytes, flow, tcp_seq, error);
	struct sockaddr_in to = { .sin_family = AF_INET };

	memcpy(&to.sin_addr, flow->local.bytes, 4);
	if (flow->proto == IPPROTO_TCP && icmp->whole4 >= 0 &&
	    tell_whole4(icmp, &to, bytes, len) == 0)
		return 0; /* else it is too much: for the device, or at once */
	return sendto(icmp->ip4, bytes, len, 0, (const struct sockaddr *)&to,
		   sizeof(to)) < 0
		   ? -errno
		   : 0;
}

static int
tell6(const struct icmp_sender *icmp, const struct flow_key *flow,
    uint32_t tcp_seq, int error)
{
	uint8_t bytes[sizeof(struct icmp6_hdr) + QUOTE_MAX];
	size_t len = build_ip6(bytes, flow, tcp_seq, error);
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };

	memcpy(&to.sin6_addr, flow->local.bytes, 16);
	return sendto(icmp->ip6, bytes, len, 0, (const struct sockaddr *)&to,
		   sizeof(to)) < 0
		   ? -errno
		   : 0;
}

int
icmp_tell(struct icmp_sender *icmp, const struct flow_key *flow,
    uint32_t tcp_seq, int error)
{
	if (flow->local.family == ADDR_IP4)
		return icmp->ip4 < 0 ? -EAFNOSUPPORT
				     : tell4(icmp, flow, tcp_seq, error);
	return icmp->ip6 < 0 ? -EAFNOSUPPORT
			     : tell6(icmp, flow, tcp_seq, error);
}
