#include "src/judge_own.h"

#include <errno.h>
#include <string.h>

#include "src/base/log.h"
#include "src/linux/nfq.h"
#include "src/linux/route.h"
#include "src/source.h"

static void
refuse_unread(struct judge_ev *je, const struct nfq_packet *raw, int fault)
{
	static struct {
		int fault;
		const char *word;
		struct log_limit limit;
	} kinds[] = {
		{ -ENOMSG, "fragmented", { 0, 0 } },
		{ -EXDEV, "source-routed", { 0, 0 } },
		{ -EADDRNOTAVAIL, "spoofed", { 0, 0 } },
		{ 0, "malformed", { 0, 0 } },
	};
	struct verdict verdict;
	size_t kind = 0;

	judge_malformed(je->opts.judge, fault, &verdict);
	while (kinds[kind].fault != 0 && kinds[kind].fault != fault)
		kind++;
	log_limited_by(&kinds[kind].limit, LOG_LEVEL_WARNING, "judge",
	    "%s packet dropped direction=%s bytes=%zu", kinds[kind].word,
	    raw->in ? "in" : "out", raw->total);
	nfq_verdict(je->opts.nfq, raw->queue, raw->id, verdict.mark);
}

/* False where the packet had its verdict. */
static bool
has_source(
    struct judge_ev *je, const struct packet *pkt, const struct nfq_packet *raw)
{
	int r = source_check(je->opts.diag, pkt);
	struct verdict verdict;

	if (r == 0)
		return true;
	if (r == -EADDRNOTAVAIL) {
		refuse_unread(je, raw, r);
		return false;
	}
	log_limited(LOG_LEVEL_WARNING, "judge",
	    "whose a packet's source is can't be looked up, the packet is "
	    "dropped: %s",
	    strerror(-r));
	judge_failure(je->opts.judge, &verdict);
	nfq_verdict(je->opts.nfq, raw->queue, raw->id, verdict.mark);
	return false;
}

/* What goes out by a way of its own (IPV6_RTHDR needs no privilege) is
 * addressed to a stop on that way: neither the rules nor the look-ups of its
 * socket would be about where it goes, and a long list of stops hides its ports
 * from who sees it sent. */
static int
parse(struct packet *ret, const struct nfq_packet *raw)
{
	int r = packet_parse(ret, raw->payload, raw->len, raw->total);

	if (r < 0)
		return r;
	ret->in = raw->in;
	ret->ifindex = raw->ifindex;
	ret->has_uid = raw->has_uid;
	ret->uid = raw->uid;
	ret->gid = raw->gid;
	ret->mark = raw->mark;
	return ret->source_routed && !raw->in ? -EXDEV : 0;
}

/* It comes a second time; see judge_packet(). What was denied stays so, also
 * where nothing is known of its flow any more. While its socket is open it is
 * judged again, as is what a program gave such a mark itself. */
static bool
was_denied(const struct nfq_packet *raw)
{
	return !raw->in && !raw->has_uid &&
	       (raw->mark == MARK_BLOCK || raw->mark == MARK_BLOCK_FLOW ||
		   raw->mark == MARK_DROP || raw->mark == MARK_DROP_FLOW);
}

/* What leaves by lo, and is for another host, is of a socket that is bound to
 * it (SO_BINDTODEVICE): the kernel drops that where it comes in. What may be
 * asked of the kernel is rare: as a rule this host speaks to itself from the
 * address that it speaks to. */
static bool
is_to_this_host(const struct packet *pkt)
{
	const struct addr *dst = &pkt->tuple.dst;

	return pkt->in || addr_equal(&pkt->tuple.src, dst) ||
	       addr_is_loopback(dst) || addr_is_multicast(dst) ||
	       addr_is_broadcast(dst) || route_is_here(dst) != 0;
}

bool
judge_ev_read(
    struct judge_ev *je, const struct nfq_packet *raw, struct packet *ret)
{
	int r;

	if (was_denied(raw)) {
		nfq_verdict(je->opts.nfq, raw->queue, raw->id, raw->mark);
		return false;
	}
	r = parse(ret, raw);
	if (r < 0) {
		refuse_unread(je, raw, r);
		return false;
	}
	ret->loopback = raw->ifindex == je->lo && is_to_this_host(ret);
	return has_source(je, ret, raw);
}
