#include "src/core/judge.h"

#include <netinet/in.h>

#include "src/core/judge_own.h"

static struct decision
refuse(struct decision d, enum reason reason)
{
	d.action = ACTION_BLOCK;
	d.reason = reason;
	return d;
}

struct decision
judge_route(struct decision d, const struct judge_way *way)
{
	if (d.action != ACTION_REROUTE)
		return d;
	/* 1. it does not leave this host: the receiver's side is asked */
	if (way->loopback) {
		d.action = ACTION_ACCEPT;
		d.reason = REASON_LOOPBACK;
		d.tunnel = 0;
		return d;
	}
	/* 2. NAT would hand it to the kernel, which would answer for the far
	 * end */
	if (way->proto != IPPROTO_TCP && way->proto != IPPROTO_UDP)
		return refuse(d, REASON_NOT_TUNNELLED);
	/* 3. no proxy speaks to a group */
	if (addr_is_multicast(way->dst) || addr_is_broadcast(way->dst))
		return refuse(d, REASON_NOT_TUNNELLED);
	/* 4. NAT is decided on the first packet alone: any later one would go
	 * out as it is */
	if (way->in || !way->first)
		return refuse(d, REASON_MID_FLOW);
	return d;
}

void
judge_refuse(struct judge *judge, enum action action, enum reason reason,
    struct verdict *verdict)
{
	/* the table is ours, the verdict's borrower only reads it */
	struct flow *flow = flow_find(judge->flows, &verdict->flow->key);
	struct decision *d = &verdict->decision;

	if (d->action == ACTION_REROUTE)
		judge->stats->rerouted--;
	else
		judge->stats->accepted--;
	if (action == ACTION_DROP)
		judge->stats->dropped++;
	else
		judge->stats->blocked++;
	d->action = action;
	d->reason = reason;
	verdict->mark = mark_encode(d);
	if (flow != NULL)
		flow->decision = *d;
}

void
judge_end_key(struct judge *judge, const struct flow_key *key)
{
	struct flow *flow = flow_find(judge->flows, key);

	if (flow != NULL)
		flow->over = true;
}
