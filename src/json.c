#include "src/json.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/utf8.h"
#include "src/core/mark.h"
#include "src/core/policy.h"

struct json_time
json_time_now(mono_t now)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct json_time){ now,
		(double)ts.tv_sec + (double)ts.tv_nsec / 1e9 };
}

json_t *
json_text(const char *s)
{
	json_t *text = json_string(s);
	char *clean, *to;
	size_t n;

	if (text != NULL)
		return text;
	/* not UTF-8: paths and arguments are bytes */
	clean = malloc(strlen(s) * 3 + 1);
	if (clean == NULL)
		return NULL;
	for (to = clean; *s != '\0'; s += n > 0 ? n : 1) {
		n = utf8_len((const unsigned char *)s);
		memcpy(to, n > 0 ? s : "\xef\xbf\xbd", n > 0 ? n : 3);
		to += n > 0 ? n : 3;
	}
	*to = '\0';
	text = json_string(clean);
	free(clean);
	return text;
}

json_t *
json_with(json_t *object_take, json_t *more_take)
{
	json_t *object = object_take;

	/* takes what it adds, also where it fails */
	if (json_object_update_new(object, more_take) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *
json_parents(const struct process *proc)
{
	json_t *array = json_array();

	for (size_t i = 0; i < proc->n_parents; i++)
		json_array_append_new(array,
		    json_pack("{s:i, s:o}", "pid", (int)proc->parents[i].pid,
			"exe", json_text(proc->parents[i].exe)));
	return array;
}

json_t *
json_process(const struct process *proc)
{
	json_t *object;

	if (proc->kind != PROCESS_PROGRAM && proc->has_uid)
		return json_pack(
		    "{s:s, s:n, s:n, s:n, s:n, s:n, s:n, s:I, s:I, s:o,"
		    " s:n, s:[]}",
		    "kind", process_kind_name(proc->kind), "pid", "start",
		    "exe", "script", "cmd", "comm", "uid",
		    (json_int_t)proc->uid, "gid", (json_int_t)proc->gid, "user",
		    json_text(proc->user), "unit", "parents");
	if (proc->kind != PROCESS_PROGRAM)
		return json_pack(
		    "{s:s, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n,"
		    " s:n, s:[]}",
		    "kind", process_kind_name(proc->kind), "pid", "start",
		    "exe", "script", "cmd", "comm", "uid", "gid", "user",
		    "unit", "parents");
	object = json_pack("{s:s, s:i, s:I, s:o, s:b, s:o, s:o, s:o}", "kind",
	    process_kind_name(proc->kind), "pid", (int)proc->pid, "start",
	    (json_int_t)proc->start, "exe", json_text(proc->exe), "exe_here",
	    proc->exe_here, "script",
	    proc->script[0] != '\0' ? json_text(proc->script) : json_null(),
	    "cmd", json_text(proc->cmd), "comm", json_text(proc->comm));
	return json_with(object,
	    json_pack("{s:I, s:I, s:o, s:o, s:o}", "uid", (json_int_t)proc->uid,
		"gid", (json_int_t)proc->gid, "user", json_text(proc->user),
		"unit", json_text(proc->unit), "parents", json_parents(proc)));
}

static json_t *
json_addr(const struct addr *a)
{
	char buf[ADDR_STRLEN];

	return json_string(addr_format(a, buf));
}

static json_t *
json_port(const struct flow *flow, uint16_t port)
{
	return flow->has_ports ? json_integer(port) : json_null();
}

static json_t *
json_proto(uint8_t proto)
{
	char buf[8];

	switch (proto) {
	case IPPROTO_TCP:
		return json_string("tcp");
	case IPPROTO_UDP:
		return json_string("udp");
	case IPPROTO_UDPLITE:
		return json_string("udplite");
	case IPPROTO_ICMP:
		return json_string("icmp");
	case IPPROTO_ICMPV6:
		return json_string("icmp6");
	case IPPROTO_SCTP:
		return json_string("sctp");
	default:
		(void)snprintf(buf, sizeof(buf), "%u", proto); /* fits */
		return json_string(buf);
	}
}

/* The rule as file:line, and its label; null where a default decided. */
static json_t *
json_rule(const struct flow_shown *shown)
{
	json_t *place;

	if (shown->file == NULL)
		return json_pack("{s:n, s:n}", "rule", "label");
	place = json_sprintf("%s:%u", shown->file, shown->line);
	if (place == NULL)
		place = json_null(); /* a file name that is no UTF-8 */
	return json_pack("{s:o, s:o}", "rule", place, "label",
	    shown->label != NULL ? json_text(shown->label) : json_null());
}

static json_t *
json_bytes(const struct flow *flow, uint64_t bytes)
{
	return flow->counted ? json_integer((json_int_t)bytes) : json_null();
}

json_t *
json_tunnel(const struct policy *policy, const struct decision *d)
{
	const char *tunnel =
	    policy != NULL ? policy_tunnel(policy, d->tunnel) : NULL;

	return tunnel != NULL ? json_text(tunnel) : json_null();
}

json_t *
json_flow(const struct flow *flow, const struct json_time *at)
{
	const struct flow_key *k = &flow->key;
	double age = (double)mono_since(at->now, flow->first) / 1e9;
	json_t *object = json_pack("{s:f, s:s, s:o, s:o, s:o, s:o, s:o}",
	    "time", at->wall - age, "direction", flow->in ? "in" : "out",
	    "proto", json_proto(k->proto), "src",
	    json_addr(flow->in ? &k->remote : &k->local), "sport",
	    json_port(flow, flow->in ? k->rport : k->lport), "dst",
	    json_addr(flow->in ? &k->local : &k->remote), "dport",
	    json_port(flow, flow->in ? k->lport : k->rport));
	const struct name *host = flow_host(flow);
	char text[NAME_TEXT_SIZE];
	struct decision decided = { .once = flow->decision.once };
	struct flow_shown shown;
	json_t *rest;

	(void)flow_shown(flow, &shown); /* also where a default did */
	decided.action = shown.action;
	decided.reason = shown.reason;
	rest = json_pack(
	    "{s:o, s:b, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:I, s:s, s:o}",
	    "host",
	    host != NULL ? json_text(name_format(host, text)) : json_null(),
	    "host_told", flow_was_told_host(flow), "verdict",
	    action_name(shown.action), "mark", (int)mark_encode(&decided),
	    "reason", reason_name(shown.reason), "tunnel",
	    shown.tunnel != NULL ? json_text(shown.tunnel) : json_null(),
	    "list", shown.list != NULL ? json_text(shown.list) : json_null(),
	    "bytes_in", json_bytes(flow, flow->bytes_in), "bytes_out",
	    json_bytes(flow, flow->bytes_out), "packets_judged",
	    (json_int_t)flow->packets, "attributed_by",
	    attributed_name(flow->by), "process", json_process(flow->process));

	return json_with(json_with(object, json_rule(&shown)), rest);
}

json_t *
json_event(const char *event, json_t *object_take)
{
	if (object_take != NULL)
		json_object_set_new(object_take, "event", json_string(event));
	return object_take;
}
