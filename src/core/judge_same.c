#include "src/core/judge_own.h"

#include "src/core/policy.h"

/* How long a quiet flow keeps its verdict here. Longer than the kernel's UDP
 * time-out (30 s without an answer) and than the pause before any of the first
 * SYN retransmits; what was accepted lives in conntrack anyway. */
#define REPEAT_NS (60 * MONO_S)

bool
judge_is_current(const struct judge *judge, const struct flow *flow, mono_t now)
{
	return flow->policy == judge->policy && !flow->over &&
	       mono_since(now, flow->last) < REPEAT_NS;
}

/* What comes in and is blocked is told so: by the kernel's reset when its
 * socket was ended. That one has no socket any more, nor a word of the
 * program's. */
bool
judge_takes_reset(const struct packet *pkt, struct flow *flow)
{
	if (!flow->reset || pkt->in || pkt->tuple.proto != IPPROTO_TCP ||
	    (pkt->tcp_flags & PACKET_TCP_RST) == 0)
		return false;
	flow->reset = false;
	return true;
}

/* 2. what needs no look-up to be known as of this flow: a SYN seen before,
 * whose sequence number tells it from another connection that got the same
 * ports; and an answer from outside to what a program here began. A datagram is
 * for whoever has the port now, and may be the first of a flow of its own where
 * conntrack has forgotten the other one. */
bool
judge_is_certain(const struct packet *pkt, const struct flow *flow)
{
	if (packet_is_syn(pkt))
		return flow->tcp_syn && flow->in == pkt->in &&
		       flow->tcp_seq == pkt->tcp_seq;
	if (pkt->tuple.proto == IPPROTO_UDP ||
	    pkt->tuple.proto == IPPROTO_UDPLITE)
		return false;
	return pkt->in && !flow->in;
}

/* A hook that is registered while a packet waits for its verdict (our program
 * of bpf at a start, a chain of nftables) moves the place where the packet goes
 * on: it comes to us again, with the mark that it was given, and maybe with
 * nobody behind it any more, as if it were the kernel's. Where somebody is,
 * that one is asked. 1700 says nothing: with "fail = open" all packets have it.
 */
bool
judge_is_second_time(const struct packet *pkt, const struct flow *flow)
{
	if (pkt->in || pkt->has_uid || pkt->mark == MARK_NONE ||
	    pkt->mark == MARK_ACCEPT)
		return false;
	if (packet_is_syn(pkt) && pkt->tcp_seq != flow->tcp_seq)
		return false;
	return pkt->mark == (uint32_t)mark_encode(&flow->decision);
}

/* 2. The same ends and the same socket: the same flow. A TCP socket has no
 * inode before accept() and after close(), and what the kernel says or hears of
 * a connection that was ended has no socket any more: only a SYN opens another.
 * Where the kernel itself spoke, or answers, there never was one. An answer to
 * who has gone is for nobody, and what holds once opens nothing for who has the
 * port next. */
bool
judge_is_same_socket(const struct packet *pkt, const struct flow *flow,
    const struct socket_facts *sock)
{
	if (packet_is_syn(pkt) || sock->anew)
		return false;
	/* another one uses it now, or the same one after an exec. What the
	 * kernel says on behalf of a connection has no user of its own */
	if (sock->user != 0 && sock->user != flow->user)
		return false;
	/* "once" is asked of whoever has the socket now */
	if (sock->user == 0 && flow->once && sock->inode != 0 && !pkt->in &&
	    pkt->tuple.proto != IPPROTO_TCP)
		return false;
	if (sock->status == SOCKET_NONE)
		return pkt->tuple.proto == IPPROTO_TCP ||
		       (!pkt->has_uid &&
			   flow->process->kind == PROCESS_KERNEL) ||
		       (pkt->in && !flow->in && flow->once);
	if (sock->inode == 0)
		return flow->inode != 0 && pkt->tuple.proto == IPPROTO_TCP;
	return flow->inode == sock->inode;
}

/* An answer to a socket that is closed, whose entry in conntrack was taken out:
 * nobody waits for it, and what is shown is who asked. */
bool
judge_is_late(const struct judge *judge, const struct packet *pkt,
    const struct flow *flow, const struct socket_facts *sock, mono_t now)
{
	return pkt->in && pkt->tuple.proto == IPPROTO_UDP &&
	       sock->status == SOCKET_NONE && flow != NULL && !flow->in &&
	       flow->inode != 0 && judge_is_current(judge, flow, now) &&
	       (flow->decision.action == ACTION_ACCEPT ||
		   flow->decision.action == ACTION_REROUTE);
}

/* What a program that is gone said last of a connection that neither the table
 * nor conntrack knows, while rules lead to tunnels: it may have gone through
 * one, and would leave as it is. */
bool
judge_is_bequest(const struct judge *judge, const struct socket_facts *sock)
{
	return sock->forgotten && policy_reroutes(judge->policy);
}

/* What the kernel still sends and hears of it is of who had it last, whatever
 * the rules in force make of that: nobody else comes to have a connection that
 * has no descriptor left, and only a SYN opens another with its ends. */
bool
judge_is_left(const struct judge *judge, const struct packet *pkt,
    const struct flow *flow, const struct socket_facts *sock)
{
	return pkt->tuple.proto == IPPROTO_TCP && !packet_is_syn(pkt) &&
	       sock->status == SOCKET_FOUND && sock->inode == 0 &&
	       flow != NULL && flow->inode != 0 &&
	       flow->process->kind == PROCESS_PROGRAM &&
	       !judge_is_bequest(judge, sock);
}

bool
judge_opens(const struct packet *pkt, const struct socket_facts *sock)
{
	bool is_up = pkt->in && sock->status == SOCKET_FOUND &&
		     sock->connected && sock->inode != 0;

	return packet_is_syn(pkt) && !is_up;
}

/* What the table has of the packet's flow, NULL where that is nothing yet. */
static const struct flow *
known_flow(const struct judge *judge, const struct packet *pkt)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);
	const struct flow *flow = flow_find(judge->flows, &key);

	return flow != NULL && flow->process != NULL ? flow : NULL;
}

/* Of what this very socket was judged for before, the table knows it: a program
 * may listen at the port that it calls from, and is no server by that. And a
 * knock on a closed port opens nothing for who takes the port after it. */
bool
judge_begun_outside(const struct judge *judge, const struct packet *pkt,
    const struct socket_facts *sock)
{
	const struct flow *flow;

	if (sock->status != SOCKET_FOUND || judge_opens(pkt, sock))
		return pkt->in; /* also where a TIME_WAIT socket was found */
	if (pkt->tuple.proto != IPPROTO_TCP) {
		if (pkt->in)
			return !sock->connected;
		if (!sock->accepted)
			return false;
	}
	flow = known_flow(judge, pkt);
	if (flow != NULL && flow->inode == sock->inode && sock->inode != 0)
		return flow->in;
	if (flow != NULL && flow->inode == 0 && pkt->tuple.proto != IPPROTO_TCP)
		return false;
	/* it came in by the listener's, which may be closed by now; conntrack
	 * may have begun anew since, with what we sent */
	if (flow != NULL && flow->inode != 0 && flow->in &&
	    pkt->tuple.proto == IPPROTO_TCP)
		return true;
	return sock->accepted;
}
