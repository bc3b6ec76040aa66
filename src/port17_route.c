#include "src/port17_own.h"

#include <netinet/in.h>
#include <string.h>

#include "port17/listen_ev.h"
#include "port17/udp_ev.h"
#include "src/base/log.h"
#include "src/linux/ct.h"
#include "src/linux/diag.h"
#include "src/linux/nfq.h"

static bool
is_bound(struct port17_ev *p17, const struct packet *pkt,
    const struct socket_facts *sock, const struct flow_key *key)
{
	uint32_t device = 0;

	if (sock->opened)
		return sock->device != 0;
	return diag_device(p17->opts.diag, key, pkt->ifindex, &device) == 0 &&
	       device != 0;
}

/* UDP that conntrack knows already keeps the NAT that it began with, or none:
 * it has to begin again. True where that is so. */
static bool
is_direct_still(struct port17_ev *p17, const struct flow_key *key)
{
	struct flow_key reply;
	uint32_t mark;

	if (ct_reply(p17->ct, key, &reply, &mark) < 0 ||
	    (addr_is_loopback(&reply.local) && reply.lport == PORT17_PORT))
		return false;
	if (ct_delete_flow(p17->ct, key) < 0 || ct_flush(p17->ct) < 0)
		log_limited(LOG_LEVEL_WARNING, "port17",
		    "conntrack keeps a flow that is to be rerouted: it is "
		    "dropped");
	return true;
}

static enum port17_route
route_udp(struct port17_ev *p17, const struct tunnel *tunnel,
    const struct flow_key *key, struct verdict *verdict)
{
	if (tunnel->udp == TUNNEL_UDP_DROP) {
		judge_refuse(
		    p17->opts.judge, ACTION_DROP, REASON_TUNNEL_UDP, verdict);
		return PORT17_GO;
	}
	if (!dialer_carries_udp(p17->dialer, tunnel, mono_now())) {
		judge_refuse(
		    p17->opts.judge, ACTION_BLOCK, REASON_TUNNEL_UDP, verdict);
		return PORT17_GO;
	}
	return is_direct_still(p17, key) ? PORT17_DROP : PORT17_GO;
}

/* It goes to the entry, which has to know before it arrives. */
static enum port17_route
let_go(struct port17_ev *p17, const struct packet *pkt,
    const struct flow_key *key, const struct verdict *verdict)
{
	if (pkt->tuple.proto == IPPROTO_UDP &&
	    verdict->decision.action == ACTION_REROUTE &&
	    !udp_begins(p17->udp, key, verdict->flow->process))
		return PORT17_DROP;
	return PORT17_GO;
}

static enum port17_route
route_tcp(struct port17_ev *p17, struct claim *claim, const struct packet *pkt,
    const struct nfq_packet *raw)
{
	struct session_hold hold = {
		.key = flow_key_of(&pkt->tuple, pkt->in),
		.tcp_seq = pkt->tcp_seq,
		.id = raw->id,
		.queue = raw->queue,
	};

	if (!packet_is_syn(pkt) || !claim->tunnel->honest)
		return PORT17_GO;
	if (sessions_hold(p17->sessions, &hold, claim) < 0) {
		/* too many wait: it is connected first, and dialled then */
		p17->opts.stats->port17_not_held++;
		return PORT17_GO;
	}
	memset(claim, 0, sizeof(*claim)); /* taken */
	return PORT17_HELD;
}

/* A SYN that comes again begins its flow anew where nothing was dialled for it,
 * or no more: a reload ended that. It waits as the first one did. So does a
 * datagram of another program's, by the same socket and rule. */
static bool
begins(const struct port17_ev *p17, const struct packet *pkt,
    const struct flow_key *key, const struct verdict *verdict)
{
	return verdict->new_flow ||
	       (packet_is_syn(pkt) &&
		   sessions_find(p17->sessions, key) == NULL) ||
	       udp_is_anothers(p17->udp, key, verdict->flow->process);
}

/* The last word of a connection that conntrack was made to forget: it gets no
 * entry by that, so that nothing turns it to us, however often it is said. */
static bool
is_lost(
    struct port17_ev *p17, const struct packet *pkt, const struct flow_key *key)
{
	struct flow_key reply;

	return pkt->tuple.proto == IPPROTO_TCP && !pkt->in &&
	       (pkt->tcp_flags & (PACKET_TCP_FIN | PACKET_TCP_RST)) != 0 &&
	       ct_reply(p17->ct, key, &reply, NULL) == -ENOENT;
}

enum port17_route
port17_ev_route(struct port17_ev *p17, const struct packet *pkt,
    const struct nfq_packet *raw, const struct socket_facts *sock,
    struct verdict *verdict)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);
	enum port17_route route;
	struct claim claim;

	if (verdict->flow == NULL)
		return PORT17_DROP; /* it could not be found again */
	if (!port17_ev_listens(p17, pkt)) {
		judge_refuse(
		    p17->opts.judge, ACTION_BLOCK, REASON_NO_PORT17, verdict);
		/* a socket's next datagram begins anew, and may go */
		if (pkt->tuple.proto == IPPROTO_UDP) {
			judge_end_key(p17->opts.judge, &key);
			return PORT17_DROP;
		}
		verdict->destroy = is_bound(p17, pkt, sock, &key);
		return PORT17_GO;
	}
	if (is_lost(p17, pkt, &key)) {
		sessions_abort(p17->sessions, &key, CLOSED_PROGRAM_RESET);
		verdict->destroy = true; /* it waits in vain */
		return PORT17_DROP;
	}
	if (pkt->tuple.proto == IPPROTO_TCP &&
	    sessions_is_held(p17->sessions, &key) && !verdict->new_flow)
		return PORT17_DROP;
	if (!begins(p17, pkt, &key, verdict))
		return let_go(p17, pkt, &key, verdict);
	/* what is carried between these ends is of who had the port before */
	if (!udp_leaves(p17->udp, &key, verdict->flow->process))
		return PORT17_DROP;
	if (is_bound(p17, pkt, sock, &key)) {
		judge_refuse(
		    p17->opts.judge, ACTION_BLOCK, REASON_BOUND, verdict);
		/* the error that REJECT sends comes by lo, and does not reach
		 * a socket of another device */
		verdict->destroy = true;
		return PORT17_GO;
	}
	if (!port17_claim_flow(p17, &claim, verdict->flow, &key)) {
		judge_refuse(
		    p17->opts.judge, ACTION_BLOCK, REASON_NO_PORT17, verdict);
		return PORT17_GO;
	}
	if (pkt->tuple.proto == IPPROTO_UDP)
		route = route_udp(p17, claim.tunnel, &key, verdict);
	else
		route = route_tcp(p17, &claim, pkt, raw);
	claim_done(&claim);
	return route == PORT17_GO ? let_go(p17, pkt, &key, verdict) : route;
}
