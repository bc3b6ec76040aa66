#include "src/flow_log.h"

#include "src/base/log.h"
#include "src/core/policy.h"

#define QUOTED 256

void
flow_log(const struct flow *flow)
{
	const struct policy_rule *rule =
	    policy_rule_get(flow->policy, flow->decision.rule);
	const struct flow_key *k = &flow->key;
	char local[ADDR_STRLEN], remote[ADDR_STRLEN];
	char exe[QUOTED], file[QUOTED], user[QUOTED];

	const struct name *name = flow_host(flow);
	char host[NAME_TEXT_SIZE];

	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	log_debug("judge",
	    "verdict=%s reason=%s rule=%s:%u direction=%s proto=%u local=%s "
	    "lport=%u remote=%s rport=%u host=%s process=%s pid=%d exe=%s "
	    "user=%s",
	    action_name(flow->decision.action),
	    reason_name(flow->decision.reason),
	    rule != NULL ? log_quote(rule->file, file, sizeof(file)) : "-",
	    rule != NULL ? rule->line : 0, flow->in ? "in" : "out", k->proto,
	    addr_format(&k->local, local), k->lport,
	    addr_format(&k->remote, remote), k->rport,
	    name != NULL ? name_format(name, host) : "-",
	    process_kind_name(flow->process->kind), (int)flow->process->pid,
	    log_quote(flow->process->exe, exe, sizeof(exe)),
	    log_quote(flow->process->user, user, sizeof(user)));
}
