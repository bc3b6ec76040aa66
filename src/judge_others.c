#include "src/judge_own.h"

#include <errno.h>
#include <netinet/in.h>

#include "src/base/log.h"
#include "src/core/mark.h"
#include "src/linux/ct.h"
#include "src/linux/diag.h"

/* By then the kernel has what it keeps of a packet that was let go; and of one
 * that nobody answers it keeps that for ten seconds at the least that anybody
 * sets. */
#define KEPT_NS (200 * MONO_MS)
#define GONE_NS (8 * MONO_S)

/* Where a flow goes is written in conntrack's entry: what rules of others keep
 * from that goes nowhere, and nobody hears of it. Its first packet has no entry
 * yet, and those that follow do not come here where it has: one at a time is
 * looked for later. */
static void
look_back(struct judge_ev *je)
{
	const struct flow_key *key = &je->led.key;
	uint64_t age = mono_since(je->now, je->led.when);
	struct flow_key reply;
	char addr[ADDR_STRLEN];

	if (age < KEPT_NS)
		return;
	je->led.waits = false;
	/* of a socket that is closed the entry was taken out */
	if (age > GONE_NS || !judge_knows(je->opts.judge, key) ||
	    ct_reply(je->ct, key, &reply, NULL) != -ENOENT ||
	    !diag_is_up(je->opts.diag, key))
		return;
	log_limited(LOG_LEVEL_WARNING, "judge",
	    "what goes to %s port %u is to be led %s, and comes nowhere: rules "
	    "of others keep it from conntrack ('CT --notrack' in table raw, or "
	    "'notrack' of nftables)",
	    addr_format(&key->remote, addr), key->rport,
	    je->led.mark == MARK_PORT17 ? "into a tunnel" : "to the resolver");
}

/* What TPROXY gives to a socket has that one's user, and ends by which it is
 * not to be found. */
static void
note_given(const struct packet *pkt, const struct socket_facts *sock,
    const struct verdict *verdict)
{
	bool denied = verdict->decision.action == ACTION_BLOCK ||
		      verdict->decision.action == ACTION_DROP;
	char addr[ADDR_STRLEN];

	if (!denied || !verdict->new_flow || !pkt->in || !pkt->has_uid ||
	    sock->status != SOCKET_NONE ||
	    (pkt->tuple.proto == IPPROTO_TCP && !packet_is_syn(pkt)))
		return;
	log_limited(LOG_LEVEL_WARNING, "judge",
	    "what comes in for %s port %u is denied, which a rule of others "
	    "(TPROXY) gives to a proxy of user %u: no rule by program matches "
	    "that, one by user, address and port does",
	    addr_format(&pkt->tuple.dst, addr), pkt->tuple.dport,
	    (unsigned int)pkt->uid);
}

void
judge_ev_note_others(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, const struct verdict *verdict,
    uint32_t mark)
{
	/* a SYN that was held has had its verdict from there: it comes again */
	bool may_begin = verdict->new_flow || packet_is_syn(pkt);

	note_given(pkt, sock, verdict);
	if (je->led.waits)
		look_back(je);
	if (je->led.waits || je->ct == NULL || pkt->in || !may_begin ||
	    (mark != MARK_NAMESERVER && mark != MARK_PORT17))
		return;
	je->led.key = flow_key_of(&pkt->tuple, false);
	je->led.when = je->now;
	je->led.mark = mark;
	je->led.waits = true;
}
