#include "src/json_query.h"

#include <stdio.h>
#include <string.h>

#include "dns/wire.h"
#include "src/core/qtype.h"

const char *
json_rcode(unsigned int rcode, char buf[JSON_RCODE_SIZE])
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL",
		"NXDOMAIN", "NOTIMP", "REFUSED" };

	if (rcode < sizeof(names) / sizeof(names[0]))
		return names[rcode];
	(void)snprintf(buf, JSON_RCODE_SIZE, "RCODE%u", rcode); /* fits */
	return buf;
}

const char *
json_end(const struct addr *addr, uint16_t port, char buf[JSON_END_SIZE])
{
	bool six = addr->family == ADDR_IP6;
	char text[ADDR_STRLEN];

	(void)snprintf(buf, JSON_END_SIZE, "%s%s%s:%u", six ? "[" : "",
	    addr_format(addr, text), six ? "]" : "", port); /* fits */
	return buf;
}

static json_t *
json_addresses(const struct record *rec)
{
	json_t *array = json_array();
	char buf[ADDR_STRLEN];

	for (size_t i = 0; i < rec->n_addrs; i++)
		json_array_append_new(
		    array, json_string(addr_format(&rec->addrs[i], buf)));
	return array;
}

/* Where it was asked: what only answers from upstream, and failures, have. */
static json_t *
json_upstream(const struct record *rec)
{
	char end[JSON_END_SIZE];

	if (rec->upstream.family == ADDR_NONE)
		return json_null();
	return json_sprintf("%s%s", rec->upstream_tls ? "tls://" : "",
	    json_end(&rec->upstream, rec->upstream_port, end));
}

static json_t *
json_forward(const struct record *rec)
{
	struct name zone = { .len = rec->forward };
	char text[NAME_TEXT_SIZE];

	if (zone.len == 0)
		return json_null();
	memcpy(
	    zone.wire, rec->qname.wire + rec->qname.len - zone.len, zone.len);
	return json_text(name_format(&zone, text));
}

json_t *
json_query_asked(const struct record *rec)
{
	return json_pack("{s:o, s:o}", "upstream", json_upstream(rec),
	    "forward", json_forward(rec));
}

json_t *
json_query_why(const struct record *rec)
{
	const struct policy_rule *rule =
	    policy_rule_get(rec->policy, rec->decision.rule);
	const char *list = policy_list(rec->policy, rec->decision.list);
	char name[NAME_TEXT_SIZE], addr[ADDR_STRLEN];
	json_t *place = NULL;

	if (rule != NULL)
		place = json_sprintf("%s:%u", rule->file, rule->line);
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "rule",
	    place != NULL ? place : json_null(), "label",
	    rule != NULL && rule->label != NULL ? json_text(rule->label)
						: json_null(),
	    "reason", reason_name(rec->decision.reason), "list",
	    list != NULL ? json_text(list) : json_null(), "alias",
	    rec->target != NULL ? json_text(name_format(rec->target, name))
				: json_null(),
	    "address",
	    rec->denied.family != ADDR_NONE
		? json_string(addr_format(&rec->denied, addr))
		: json_null());
}

json_t *
json_query(const struct record *rec, const struct json_time *at)
{
	double age = (double)mono_since(at->now, rec->time) / 1e9;
	char name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE], end[JSON_END_SIZE];
	char rcode[JSON_RCODE_SIZE];
	json_t *object = json_pack("{s:f, s:s, s:s, s:o, s:s, s:s, s:b, s:b}",
	    "time", at->wall - age, "client",
	    json_end(&rec->client, rec->port, end), "proto",
	    rec->tcp ? "tcp" : "udp", "qname",
	    json_text(name_format(&rec->qname, name)), "qtype",
	    qtype_format(rec->qtype, type), "verdict",
	    action_name(rec->decision.action), "own", rec->own, "captured",
	    rec->captured);
	json_t *why = json_query_why(rec);
	json_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:s, s:o}",
	    "rcode",
	    rec->answered ? json_string(json_rcode(rec->rcode, rcode))
			  : json_null(),
	    "ede", rec->ede != EDE_NONE ? json_integer(rec->ede) : json_null(),
	    "ede_text",
	    rec->ede_text[0] != '\0' ? json_text(rec->ede_text) : json_null(),
	    "answer_from",
	    rec->answered ? json_string(record_from_name(rec->from))
			  : json_null(),
	    "elapsed_us", (json_int_t)rec->elapsed_us, "addresses",
	    json_addresses(rec), "attributed_by", attributed_name(rec->by),
	    "process",
	    rec->elsewhere ? json_null() : json_process(rec->process));

	object = json_with(json_with(object, why), rest);
	return json_with(object, json_query_asked(rec));
}
