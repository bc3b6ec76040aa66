#include "src/judge_own.h"

#include <netinet/in.h>

#include "src/base/log.h"
#include "src/linux/diag.h"
#include "src/linux/route.h"

/* The kernel sends 50 ICMP errors of IPv4 at once, and 1000 a second
 * (net.ipv4.icmp_msgs_burst, icmp_msgs_per_sec), REJECT's among them; IPv6
 * counts none of those that stay here. So many in such a time are left to it:
 * in the time after one that had more there are none left. */
#define REJECTS_NS (50 * MONO_MS)
#define REJECTS_MAX 32

/* Each of ours is judged twice. */
#define TOLD_MOST (1000 * MONO_MS)
#define TOLD_COST MONO_MS

/* To another host it sends 6 at once, and then one a second (IPv6: 10;
 * net.ipv4.icmp_ratelimit). Who is told by us, too, hears it twice. */
#define CALLS_NS (6 * MONO_S)
#define CALLS_MAX 5

/* Nobody is to be flooded with errors in our name. */
#define CALLERS_MOST MONO_S
#define CALLERS_COST (20 * MONO_MS)

void
judge_ev_refused_init(struct judge_ev *je)
{
	struct attr_status status;

	attr_status(je->opts.attr, &status);
	je->bpf = status.bpf;
	je->told = (struct budget){ .share = 1, .most = TOLD_MOST };
	je->told_callers = (struct budget){ .share = 1, .most = CALLERS_MOST };
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

/* No answer of ours reaches it, nor does the error that REJECT sends; ended, it
 * gets one at once. Where all of resolv.conf is such a server, no name is known
 * any more. */
void
judge_ev_refuse_bound(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, struct verdict *verdict)
{
	char server[ADDR_STRLEN];

	if (verdict->flow == NULL || pkt->loopback ||
	    !judge_ev_is_bound(je, pkt, sock))
		return;
	judge_refuse(je->opts.judge, ACTION_BLOCK, REASON_BOUND, verdict);
	verdict->destroy = true;
	log_limited(LOG_LEVEL_WARNING, "judge",
	    "a query to %s is refused: its socket is bound to a device%s, and "
	    "can't be answered here; /etc/resolv.conf is to name this resolver",
	    addr_format(&pkt->tuple.dst, server),
	    addr_is_link_local(&pkt->tuple.dst)
		? ", as for any link-local server"
		: "");
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

/* Whether this is one of so many in such a time, and there were no more in the
 * one before. */
static bool
left_to_kernel(
    struct rejects *rejects, mono_t now, uint64_t time, unsigned int max)
{
	if (mono_since(now, rejects->begin) >= time) {
		rejects->crowded = rejects->n > max &&
				   mono_since(now, rejects->begin) < 2 * time;
		rejects->begin = now;
		rejects->n = 0;
	}
	return ++rejects->n <= max && !rejects->crowded;
}

/* Whether the kernel sends that error: where there are many it keeps some to
 * itself. */
static bool
is_rejected(struct judge_ev *je, const struct packet *pkt)
{
	if (is_to_group(pkt))
		return false;
	if (pkt->tuple.src.family == ADDR_IP6)
		return true;
	return left_to_kernel(&je->rejects, je->now, REJECTS_NS, REJECTS_MAX);
}

/* Ours says the same. */
static bool
tell(struct judge_ev *je, const struct packet *pkt)
{
	struct flow_key key = flow_key_of(&pkt->tuple, false);

	if (!budget_has(&je->told, je->now) ||
	    je->opts.tell(je->opts.arg, &key, pkt->tcp_seq, false) < 0)
		return false;
	budget_spend(&je->told, TOLD_COST);
	return true;
}

/* Who is on the link alone has an address that says not on which. */
static void
tell_caller(struct judge_ev *je, const struct packet *pkt)
{
	struct flow_key key = flow_key_of(&pkt->tuple, false);

	if (!je->bpf || pkt->loopback || is_to_group(pkt) ||
	    addr_is_link_local(&pkt->tuple.src) ||
	    addr_is_any(&pkt->tuple.src) ||
	    left_to_kernel(&je->calls, je->now, CALLS_NS, CALLS_MAX) ||
	    !budget_has(&je->told_callers, je->now) ||
	    route_is_here(&pkt->tuple.dst) <= 0)
		return; /* also where it is the broadcast of a network */
	/* else it is told as soon as the kernel does */
	if (je->opts.tell(je->opts.arg, &key, pkt->tcp_seq, true) == 0)
		budget_spend(&je->told_callers, CALLERS_COST);
}

bool
judge_ev_refused(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock)
{
	bool udp = pkt->tuple.proto == IPPROTO_UDP;

	if (!udp && !packet_is_syn(pkt))
		return false;
	if (pkt->in) {
		/* what it sends to others is missing for programs here */
		if (!pkt->loopback)
			(void)is_rejected(je, pkt);
		tell_caller(je, pkt);
		return false;
	}
	if (!pkt->has_uid)
		return false;
	if (is_deaf(je, pkt, sock))
		return true;
	/* of datagrams only who is connected hears of it */
	if (is_rejected(je, pkt) || (udp && !sock->connected))
		return false;
	return !tell(je, pkt) && !udp;
}
