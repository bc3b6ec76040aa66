#include "src/port17_own.h"

#include <stdio.h>
#include <string.h>

#include "src/attr.h"
#include "src/core/fakeip.h"
#include "src/core/names.h"
#include "src/core/policy.h"

/* Of what a proxy is told of the rule. */
#define RULE_SIZE 64

static bool
tells_rule(const struct tunnel_set *set, const struct tunnel *tunnel)
{
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	size_t n = tunnel_set_members(set, tunnel, members);

	for (size_t i = 0; i < n; i++)
		if (members[i]->tell_process)
			return true;
	return false;
}

static bool
claim_tunnel(struct port17_ev *p17, struct claim *ret,
    const struct policy *policy, const struct decision *d)
{
	struct tunnel_set *set = dialer_tunnels(p17->dialer);
	const char *name = policy_tunnel(policy, d->tunnel);
	const struct policy_rule *rule = policy_rule_get(policy, d->rule);

	ret->tunnel =
	    name != NULL && set != NULL ? tunnel_set_find(set, name) : NULL;
	if (ret->tunnel == NULL)
		return false;
	ret->set = tunnel_set_ref(set);
	if (rule != NULL && tells_rule(set, ret->tunnel)) {
		char text[RULE_SIZE];

		(void)snprintf(text, sizeof(text), "%s:%u", rule->file,
		    rule->line);	  /* cut */
		ret->rule = strdup(text); /* NULL: it is told without */
	}
	return true;
}

/* The name that the rule goes by; else, of those that may be told, the one
 * learnt last. NULL: the address alone. */
static const struct name *
name_for_proxy(const struct flow *flow)
{
	const struct host_names *hosts = flow->hosts;
	uint8_t n = flow->decision.host;

	if (hosts == NULL)
		return NULL;
	if (n > 0 && n <= hosts->n)
		return hosts->v[n - 1];
	for (uint8_t i = 0; i < hosts->n; i++)
		if (host_names_may_tell(hosts, i, flow->process))
			return hosts->v[i];
	return NULL;
}

static bool
claim_flow(struct port17_ev *p17, struct claim *ret, const struct flow *flow)
{
	const struct name *name;

	memset(ret, 0, sizeof(*ret));
	if (flow == NULL || flow->decision.action != ACTION_REROUTE ||
	    flow->policy == NULL ||
	    !claim_tunnel(p17, ret, flow->policy, &flow->decision))
		return false;
	ret->process = process_ref(flow->process);
	ret->by = flow->by;
	name = name_for_proxy(flow);
	if (name != NULL)
		(void)claim_set_name(ret, name);
	return true;
}

/* A flow that the judge has forgotten, or never saw: it began before this
 * daemon did. */
static bool
claim_unseen(
    struct port17_ev *p17, struct claim *ret, const struct flow_key *key)
{
	const struct process *process = NULL;
	enum attributed_by by;
	struct subject subject = {
		.proto = key->proto,
		.src = key->local,
		.dst = key->remote,
		.sport = key->lport,
		.dport = key->rport,
		.has_ports = true,
	};
	struct decision d;

	if (attr_flow(p17->opts.attr, key, &process, &by) < 0)
		return false;
	subject.process = process;
	d = policy_decide(judge_policy(p17->opts.judge), &subject);
	memset(ret, 0, sizeof(*ret));
	if (process->self || d.action != ACTION_REROUTE ||
	    !claim_tunnel(p17, ret, judge_policy(p17->opts.judge), &d)) {
		process_unref(process);
		return false;
	}
	ret->process = process;
	ret->by = by;
	return true;
}

/* An address that stands for a name: only that counts. Where none are given out
 * it is one like any other, unless it stood for one before. False: there is no
 * memory for it. */
static bool
claim_fake(struct port17_ev *p17, struct claim *ret, const struct flow_key *key)
{
	const struct name *name =
	    fakeip_name(p17->fakeip, &key->remote, mono_now());

	ret->by_name = name != NULL || (p17->fakes && fakeip_is(&key->remote));
	if (name == NULL || claim_set_name(ret, name) == 0)
		return true;
	claim_done(ret);
	return false;
}

bool
port17_claim_flow(struct port17_ev *p17, struct claim *ret,
    const struct flow *flow, const struct flow_key *key)
{
	if (!claim_flow(p17, ret, flow))
		return false;
	return claim_fake(p17, ret, key);
}

bool
port17_claim_key(
    struct port17_ev *p17, struct claim *ret, const struct flow_key *key)
{
	const struct flow *flow = flow_find(judge_flows(p17->opts.judge), key);

	if (port17_claim_flow(p17, ret, flow, key))
		return true;
	if (!claim_unseen(p17, ret, key))
		return false;
	return claim_fake(p17, ret, key);
}
