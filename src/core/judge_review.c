#include "src/core/judge.h"

#include <string.h>

#include "src/core/hits.h"
#include "src/core/judge_own.h"
#include "src/core/policy.h"

static struct decision
ask_flow(const struct judge *judge, const struct flow *flow)
{
	const struct flow_key *k = &flow->key;
	struct subject subject = {
		.in = flow->in,
		.loopback = flow->loopback,
		.proto = k->proto,
		.src = flow->in ? k->remote : k->local,
		.dst = flow->in ? k->local : k->remote,
		.sport = flow->in ? k->rport : k->lport,
		.dport = flow->in ? k->lport : k->rport,
		.has_ports = flow->has_ports,
		.n_names = flow->hosts != NULL ? flow->hosts->n : 0,
		.names = flow->hosts != NULL ? flow->hosts->v : NULL,
		.process = flow->process,
	};
	struct judge_way way = {
		.in = flow->in,
		.loopback = flow->loopback,
		.first = true, /* it is begun again, where that is new */
		.proto = k->proto,
		.dst = &k->remote,
	};
	struct decision d = judge_route(judge_ask(judge, &subject), &way);

	if (judge_to_fake(judge, &way))
		d = judge_fake(d, flow->hosts != NULL);
	/* as judge_process() */
	d.once = d.once || judge_is_icmp(k->proto) || flow->nobodys;
	return d;
}

/* Tunnels are numbered anew by each policy. */
static bool
is_same_tunnel(const struct judge *judge, const struct flow *flow,
    const struct decision *d)
{
	const char *a = policy_tunnel(flow->policy, flow->decision.tunnel);
	const char *b = policy_tunnel(judge->policy, d->tunnel);

	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Brought to the resolver, or not any more: by NAT, as what goes through a
 * tunnel. */
bool
judge_is_moved(const struct decision *from, const struct decision *to)
{
	return from->action == ACTION_REROUTE || to->action == ACTION_REROUTE ||
	       (from->reason == REASON_CAPTURE) !=
		   (to->reason == REASON_CAPTURE);
}

void
judge_review_begin(struct judge *judge)
{
	flow_walk_begin(judge->flows);
}

enum review
judge_review(struct judge *judge, struct flow **ret_flow, struct decision *ret)
{
	struct flow *flow = flow_walk_next(judge->flows);
	struct decision d;

	if (flow == NULL)
		return REVIEW_DONE;
	if (flow->policy == judge->policy || flow->policy == NULL)
		return REVIEW_SAME; /* or parted before, and quiet since */
	d = ask_flow(judge, flow);
	if (d.action == flow->decision.action && d.once == flow->once &&
	    (d.reason == REASON_CAPTURE) ==
		(flow->decision.reason == REASON_CAPTURE) &&
	    is_same_tunnel(judge, flow, &d)) {
		d.once = flow->decision.once; /* may be so on loopback alone */
		*ret_flow = flow;
		return flow_decide_alike(flow, judge->policy, &d) ? REVIEW_ALIKE
								  : REVIEW_SAME;
	}
	*ret_flow = flow;
	*ret = d;
	return REVIEW_CHANGED;
}

void
judge_part(struct flow *flow)
{
	flow_part(flow);
	flow->decision.rule = 0;
	flow->decision.tunnel = 0;
	flow->decision.list = 0;
}

void
judge_settle(struct judge *judge, struct flow *flow, const struct decision *d,
    mono_t now)
{
	bool denied = d->action == ACTION_BLOCK || d->action == ACTION_DROP;

	if (judge_is_moved(&flow->decision, d) && !denied) {
		flow_end(flow, judge->policy, d);
	} else {
		flow->decision = *d;
		flow_set_policy(flow, judge->policy);
	}
	flow->once = d->once;
	flow->reset = flow->in && d->action == ACTION_BLOCK;
	if (judge->hits != NULL)
		hits_count(judge->hits, d->rule, now);
}

bool
judge_may_answer(const struct judge *judge, const struct flow *flow,
    const struct process *proc)
{
	struct flow as = *flow;
	struct decision out;

	as.process = proc;
	if (ask_flow(judge, &as).action != ACTION_ACCEPT)
		return false;
	as.in = false;
	out = ask_flow(judge, &as);
	return (out.action != ACTION_BLOCK && out.action != ACTION_DROP) ||
	       out.rule == 0;
}

bool
judge_knows(const struct judge *judge, const struct flow_key *key)
{
	const struct flow *flow = flow_find(judge->flows, key);

	return flow != NULL && flow->policy == judge->policy && !flow->over;
}
