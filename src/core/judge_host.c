#include "src/core/judge.h"

#include <netinet/icmp6.h>

#include "src/core/judge_own.h"

/* RFC 3810 */
#define MLD2_REPORT 143

#define DHCP4_SERVER 67
#define DHCP4_CLIENT 68
#define DHCP6_CLIENT 546
#define DHCP6_SERVER 547

/* Clients run as root or as a user of the system's (systemd-networkd,
 * dhcpcd): people begin at 1000 (login.defs, SYS_UID_MAX). */
#define SYSTEM_UID_MAX 999

static bool
is_nd(const struct packet *pkt)
{
	return pkt->tuple.proto == IPPROTO_ICMPV6 &&
	       pkt->icmp_type >= ND_ROUTER_SOLICIT &&
	       pkt->icmp_type <= ND_REDIRECT;
}

/* ff02::/16: all groups that ND speaks to. */
static bool
is_link_group(const struct addr *a)
{
	return a->family == ADDR_IP6 && a->bytes[0] == 0xff &&
	       (a->bytes[1] & 0x0f) == 2;
}

/* RFC 4861: hop limit 255 proves of what comes in that no router passed it on
 * (7.1, 6.1); what goes out is for the link's groups and the hosts on it (4.1
 * to 4.5), else a router would carry it away. Routers speak from link-local
 * addresses (6.1.2, 8.1). */
static bool
is_nd_of_the_link(const struct packet *pkt)
{
	const struct addr *dst = &pkt->tuple.dst;

	if (!is_nd(pkt) || pkt->hop_limit != 255)
		return false;
	if ((pkt->icmp_type == ND_ROUTER_ADVERT ||
		pkt->icmp_type == ND_REDIRECT) &&
	    !addr_is_link_local(&pkt->tuple.src))
		return false;
	return pkt->in || is_link_group(dst) || addr_is_link_local(dst) ||
	       pkt->on_link;
}

/* ND, MLD (RFC 2710, 3810: hop limit 1, of this link) and IGMP. The kernel
 * itself speaks them. */
static bool
is_neighbour(const struct packet *pkt)
{
	if (pkt->tuple.proto == IPPROTO_IGMP)
		return addr_is_multicast(&pkt->tuple.dst);
	if (pkt->tuple.proto != IPPROTO_ICMPV6)
		return false;
	return is_nd_of_the_link(pkt) ||
	       (pkt->hop_limit == 1 &&
		   ((pkt->icmp_type >= MLD_LISTENER_QUERY &&
			pkt->icmp_type <= MLD_LISTENER_REDUCTION) ||
		       pkt->icmp_type == MLD2_REPORT));
}

static bool
is_dhcp(const struct packet *pkt)
{
	bool ip4 = pkt->tuple.src.family == ADDR_IP4;
	uint16_t client = ip4 ? DHCP4_CLIENT : DHCP6_CLIENT;
	uint16_t server = ip4 ? DHCP4_SERVER : DHCP6_SERVER;

	if (pkt->tuple.proto != IPPROTO_UDP || pkt->loopback)
		return false;
	if (pkt->in)
		return pkt->tuple.sport == server && pkt->tuple.dport == client;
	return pkt->tuple.sport == client && pkt->tuple.dport == server;
}

/* This host as a client of DHCP or DHCPv6 (RFC 2131, RFC 8415), not as a
 * server: that is for a rule to say. It asks everybody, and renews with a
 * server on its link; of one behind a relay a lease is rebound, by broadcast. A
 * DHCPv6 server answers from link to link (RFC 8415, 18.3.10). */
static bool
is_dhcp_client(const struct packet *pkt)
{
	const struct addr *dst = &pkt->tuple.dst;

	if (!is_dhcp(pkt))
		return false;
	if (pkt->in)
		return dst->family == ADDR_IP4 || addr_is_link_local(dst);
	if (pkt->has_uid && pkt->uid > SYSTEM_UID_MAX)
		return false;
	return addr_is_broadcast(dst) || is_link_group(dst) ||
	       addr_is_link_local(dst) || pkt->on_link;
}

bool
judge_wants_link(const struct packet *pkt)
{
	const struct addr *dst = &pkt->tuple.dst;

	return !pkt->in && (is_nd(pkt) || is_dhcp(pkt)) &&
	       !addr_is_multicast(dst) && !addr_is_broadcast(dst) &&
	       !addr_is_link_local(dst);
}

/* in: which way the packet went that the error speaks of. What our own REJECT
 * tells of a blocked flow is said by the kernel: to a program here over
 * loopback, to another host outbound. */
static bool
is_error_of(const struct judge *judge, const struct packet *pkt, bool in)
{
	struct flow_key key = flow_key_of(&pkt->inner, in);
	const struct flow *flow = flow_find(judge->flows, &key);

	if (flow == NULL)
		return false;
	switch (flow->decision.action) {
	case ACTION_ACCEPT:
	case ACTION_REROUTE:
		return true;
	case ACTION_BLOCK:
		return (pkt->loopback || !pkt->in) && !pkt->has_uid;
	case ACTION_DROP:
		return false;
	}
	__builtin_trap();
}

/* An ICMP error is for who sent the packet that it speaks of (RFC 1122,
 * 3.2.2; RFC 4443, 2.2), and that went the other way; on loopback the kernel
 * tells of one that went any way. */
static bool
is_error_of_ours(const struct judge *judge, const struct packet *pkt)
{
	return pkt->icmp_error &&
	       addr_equal(&pkt->tuple.dst, &pkt->inner.src) &&
	       (is_error_of(judge, pkt, !pkt->in) ||
		   (pkt->loopback && is_error_of(judge, pkt, pkt->in)));
}

bool
judge_host(
    const struct judge *judge, const struct packet *pkt, enum reason *ret)
{
	if (is_neighbour(pkt))
		*ret = REASON_NEIGHBOUR;
	else if (is_error_of_ours(judge, pkt))
		*ret = REASON_ICMP_ERROR;
	else if (is_dhcp_client(pkt))
		*ret = REASON_DHCP;
	else
		return false;
	return true;
}
