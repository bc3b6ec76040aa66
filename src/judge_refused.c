#include "src/judge_own.h"

#include <netinet/in.h>

#include "src/linux/diag.h"

/* The kernel sends 50 ICMP errors of IPv4 at once, and 1000 a second
 * (net.ipv4.icmp_msgs_burst, icmp_msgs_per_sec), REJECT's among them; IPv6
 * counts none of those that stay here. So many in such a time are left to it:
 * in the time after one that had more there are none left. */
#define REJECTS_NS (50 * MONO_MS)
#define REJECTS_MAX 32

/* Each of ours is judged twice. */
#define TOLD_MOST (1000 * MONO_MS)
#define TOLD_COST MONO_MS

void
judge_ev_refused_init(struct judge_ev *je)
{
	je->told = (struct budget){ .share = 1, .most = TOLD_MOST };
}

bool
judge_ev_is_bound(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);
	uint32_t device = sock->device;

	return (sock->by == BY_BPF || diag_device(je->opts.diag, &key,
					  pkt->ifindex, &device) == 0) &&
	       device != 0;
}

/* The error comes by lo, and so to no socket that is bound to another device,
 * as one is that speaks to a link-local address; TCP of IPv4 alone looks for
 * its socket without that. A socket that is not connected may serve others. */
static bool
is_deaf(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock)
{
	if (pkt->loopback || sock->status != SOCKET_FOUND)
		return false;
	if (pkt->tuple.proto == IPPROTO_TCP)
		return pkt->tuple.src.family == ADDR_IP6 &&
		       judge_ev_is_bound(je, pkt, sock);
	return pkt->tuple.proto == IPPROTO_UDP && sock->connected &&
	       judge_ev_is_bound(je, pkt, sock);
}

/* RFC 1122, 3.2.2: no kernel sends an error about these. */
static bool
is_to_group(const struct packet *pkt)
{
	return addr_is_multicast(&pkt->tuple.dst) ||
	       addr_is_broadcast(&pkt->tuple.dst);
}

/* Whether the kernel sends that error: where there are many it keeps some to
 * itself. */
static bool
is_rejected(struct judge_ev *je, const struct packet *pkt)
{
	struct rejects *rejects = &je->rejects;

	if (is_to_group(pkt))
		return false;
	if (pkt->tuple.src.family == ADDR_IP6)
		return true;
	if (mono_since(je->now, rejects->begin) >= REJECTS_NS) {
		rejects->crowded =
		    rejects->n > REJECTS_MAX &&
		    mono_since(je->now, rejects->begin) < 2 * REJECTS_NS;
		rejects->begin = je->now;
		rejects->n = 0;
	}
	return ++rejects->n <= REJECTS_MAX && !rejects->crowded;
}

/* Ours says the same. */
static bool
tell(struct judge_ev *je, const struct packet *pkt)
{
	struct flow_key key = flow_key_of(&pkt->tuple, false);

	if (!budget_has(&je->told, je->now) ||
	    je->opts.tell(je->opts.arg, &key, pkt->tcp_seq) < 0)
		return false;
	budget_spend(&je->told, TOLD_COST);
	return true;
}

bool
judge_ev_refused(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock)
{
	bool udp = pkt->tuple.proto == IPPROTO_UDP;

	if (pkt->in || !pkt->has_uid || (!udp && !packet_is_syn(pkt)))
		return false;
	if (is_deaf(je, pkt, sock))
		return true;
	/* of datagrams only who is connected hears of it */
	if (is_rejected(je, pkt) || (udp && !sock->connected))
		return false;
	return !tell(je, pkt) && !udp;
}
