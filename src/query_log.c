#include "src/query_log.h"

#include "src/base/log.h"
#include "src/core/qtype.h"
#include "src/json_query.h"

#define QUOTED 256

void
query_log(const struct record *rec)
{
	const struct policy_rule *rule;
	char client[JSON_END_SIZE], upstream[JSON_END_SIZE];
	char name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE];
	char rcode[JSON_RCODE_SIZE], exe[QUOTED], file[QUOTED], why[QUOTED];

	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	rule = policy_rule_get(rec->policy, rec->decision.rule);
	log_debug("dns",
	    "qname=%s qtype=%s verdict=%s reason=%s rule=%s:%u rcode=%s "
	    "why=%s answer_from=%s upstream=%s elapsed_us=%u client=%s "
	    "proto=%s "
	    "captured=%s process=%s pid=%d exe=%s",
	    name_format(&rec->qname, name), qtype_format(rec->qtype, type),
	    action_name(rec->decision.action),
	    reason_name(rec->decision.reason),
	    rule != NULL ? log_quote(rule->file, file, sizeof(file)) : "-",
	    rule != NULL ? rule->line : 0,
	    rec->answered ? json_rcode(rec->rcode, rcode) : "-",
	    log_quote(rec->ede_text, why, sizeof(why)),
	    rec->answered ? record_from_name(rec->from) : "-",
	    rec->upstream.family != ADDR_NONE
		? json_end(&rec->upstream, rec->upstream_port, upstream)
		: "-",
	    rec->elapsed_us, json_end(&rec->client, rec->port, client),
	    rec->tcp ? "tcp" : "udp", rec->captured ? "yes" : "no",
	    rec->elsewhere ? "-" : process_kind_name(rec->process->kind),
	    (int)rec->process->pid,
	    log_quote(rec->process->exe, exe, sizeof(exe)));
}
