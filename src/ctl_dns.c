#include "src/ctl_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/msg.h"
#include "dns/qlog.h"
#include "dns/query.h"
#include "dns/server_ev.h"
#include "src/base/addr.h"
#include "src/core/punycode.h"
#include "src/core/qtype.h"
#include "src/ctl_explain.h"
#include "src/ctl_list.h"
#include "src/ctl_show.h"
#include "src/json_query.h"
#include "src/linux/procfs.h"
#include "src/policy_ev.h"
#include "src/resolver_ev.h"

struct filter_row
ctl_dns_row(const struct record *record, char host[NAME_TEXT_SIZE])
{
	return (struct filter_row){ .process = record->process,
		.host = name_format(&record->qname, host),
		.verdict = action_name(record->decision.action),
		.when = record->time,
		.client = &record->client,
		.answers = record->addrs,
		.n_answers = record->n_addrs };
}

/* The youngest first. */
static json_t *
query_row(const struct ctl_list *list, size_t i)
{
	const uint64_t *end = list->rows;
	const struct record *rec = qlog_get(list->env->qlog, *end - 1 - i);
	char host[NAME_TEXT_SIZE];
	struct filter_row row;
	json_t *object;

	if (rec == NULL)
		return NULL;
	row = ctl_dns_row(rec, host);
	if (!filter_match(&list->filter, &row))
		return NULL;
	object = json_query(rec, &list->time);
	ctl_list_rule(list, object, rec->policy, &rec->decision);
	return object;
}

enum ctl_answer
ctl_dns_queries(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	static const struct ctl_list_ops ops = { .row = query_row };
	uint64_t *end = malloc(sizeof(*end));
	struct ctl_list *list;

	if (end == NULL)
		return CTL_LINE;
	*end = qlog_end(env->qlog);
	list = ctl_list_new(
	    env, &ops, end, (size_t)(*end - qlog_begin(env->qlog)));
	return ctl_show_list(list, args, ret_line, ret_job);
}

static json_t *
upstream_row(
    const struct ctl_env *env, const struct upstream *u, const char *zone)
{
	char text[UPSTREAM_TEXT_SIZE];
	mono_t now = mono_now();

	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:b, s:b, s:s}",
	    "upstream", upstream_format(&u->spec, text), "zone", zone, "up",
	    !u->down, "rtt_us", (json_int_t)u->srtt_us, "queries",
	    (json_int_t)u->queries, "answers", (json_int_t)u->answers,
	    "timeouts", (json_int_t)u->timeouts, "errors",
	    (json_int_t)u->errors, "tcp", (json_int_t)u->tcp, "spoofed",
	    (json_int_t)u->spoofed, "edns", !upstream_is_off(&u->edns, now),
	    "cased", !upstream_is_off(&u->cased, now), "why",
	    resolver_ev_why(env->resolver, u));
}

/* Upstreams, group by group. */
static json_t *
upstreams(const struct ctl_env *env)
{
	struct resolve *resolve = resolver_ev_resolve(env->resolver);
	const struct name *zone;
	struct upstream_group *group;
	char name[NAME_TEXT_SIZE];
	json_t *array = json_array();

	for (size_t g = 0; (group = resolve_group(resolve, g, &zone)) != NULL;
	     g++)
		for (size_t i = 0; i < group->n; i++)
			json_array_append_new(
			    array, upstream_row(env, &group->v[i],
				       name_format(zone, name)));
	return array;
}

/* How far back all queries are known, in seconds; null: since the start. */
static json_t *
reaches(const struct qlog *qlog)
{
	uint64_t begin = qlog_begin(qlog);
	const struct record *oldest = qlog_get(qlog, begin);
	mono_t now = mono_now();

	if (begin == 0)
		return json_null();
	return json_real(
	    oldest != NULL ? (double)mono_since(now, oldest->time) / 1e9 : 0);
}

json_t *
ctl_dns_status(const struct ctl_env *env)
{
	struct resolve *resolve = resolver_ev_resolve(env->resolver);
	const struct resolve_stats *s = resolve_stats(resolve);
	struct server_stats server;
	struct cache_stats c;
	json_t *counters = json_object();

#define X(field, what)                                                         \
	json_object_set_new(                                                   \
	    counters, #field, json_integer((json_int_t)s->field));
	RESOLVE_STATS(X)
#undef X
	cache_stats(resolve_cache(resolve), &c);
	resolver_ev_server(env->resolver, &server);
	return json_pack("{s:o, s:b, s:b, s:I, s:{s:I, s:I, s:I, s:I, s:I}, "
			 "s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I}}",
	    "reaches_s", reaches(env->qlog), "listening",
	    resolver_ev_listens(env->resolver), "off",
	    policy_ev_conf(env->policy_ev)->resolver.listen.n == 0,
	    "connections", (json_int_t)server.connections, "tcp", "behind",
	    (json_int_t)server.behind, "refused", (json_int_t)server.refused,
	    "displaced", (json_int_t)server.displaced, "cut_slow",
	    (json_int_t)server.cut_slow, "cut_behind",
	    (json_int_t)server.cut_behind, "upstreams", upstreams(env),
	    "counters", counters, "cache", "entries", (json_int_t)c.entries,
	    "bytes", (json_int_t)c.bytes, "bytes_max", (json_int_t)c.bytes_max,
	    "evicted", (json_int_t)c.evicted, "not_kept",
	    (json_int_t)c.refused);
}

enum ctl_answer
ctl_dns_stats(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)args;
	(void)ret_job;
	*ret_line = ctlmsg_result(ctl_dns_status(env));
	return CTL_LINE;
}

static bool
take_name(json_t *args, struct name *ret, char **ret_line)
{
	const char *text = json_string_value(json_object_get(args, "name"));
	char own[NAME_TEXT_SIZE];

	if (text != NULL &&
	    punycode_name(own, sizeof(own), text, strlen(text)) &&
	    name_parse(ret, own, strlen(own)) == 0)
		return true;
	*ret_line = ctlmsg_error(
	    CTLMSG_BAD_ARGS, "expected a name such as www.example.com");
	return false;
}

enum ctl_answer
ctl_dns_flush(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	struct resolve *resolve = resolver_ev_resolve(env->resolver);
	bool all = json_object_get(args, "name") == NULL, more;
	struct name name;
	size_t n;

	(void)ret_job;
	/* a long one is a call for each piece of it */
	if (json_is_true(json_object_get(args, "more"))) {
		n = resolve_sweep(resolve, &more);
	} else {
		if (!all && !take_name(args, &name, ret_line))
			return CTL_LINE;
		n = resolve_flush(resolve, all ? NULL : &name, &more);
	}
	*ret_line = ctlmsg_result(
	    json_pack("{s:I, s:b}", "flushed", (json_int_t)n, "more", more));
	return CTL_LINE;
}

/* The name of an address's reverse zone, for whom an address stands where a
 * name is asked for. */
static bool
take_address(json_t *args, struct name *ret)
{
	const char *text = json_string_value(json_object_get(args, "name"));
	char reverse[NAME_TEXT_SIZE];
	struct addr addr;
	size_t n = 0;

	if (text == NULL || addr_parse(&addr, text, strlen(text)) < 0)
		return false;
	for (size_t i = addr_len(&addr); i > 0; i--) {
		unsigned int byte = addr.bytes[i - 1];

		if (addr.family == ADDR_IP4)
			n += (size_t)snprintf(
			    reverse + n, sizeof(reverse) - n, "%u.", byte);
		else
			n += (size_t)snprintf(reverse + n, sizeof(reverse) - n,
			    "%x.%x.", byte & 15, byte >> 4);
	}
	n += (size_t)snprintf(reverse + n, sizeof(reverse) - n, "%s.arpa",
	    addr.family == ADDR_IP4 ? "in-addr" : "ip6"); /* 72 at most */
	return name_parse(ret, reverse, n) == 0;
}

/* Programs that ask for it are refused, too. */
static char *
refuse_type(uint16_t qtype)
{
	char type[QTYPE_TEXT_SIZE], what[96];

	(void)snprintf(what, sizeof(what),
	    "%s is refused: records of a name are answered, no zone transfers "
	    "nor meta types",
	    qtype_format(qtype, type)); /* fits */
	return ctlmsg_error(CTLMSG_BAD_ARGS, what);
}

enum ctl_answer
ctl_dns_resolve(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	const char *type = json_string_value(json_object_get(args, "type"));

	if ((type == NULL || strcasecmp(type, "PTR") == 0) &&
	    take_address(args, &ret_job->ask_name))
		type = "PTR";
	else if (!take_name(args, &ret_job->ask_name, ret_line))
		return CTL_LINE;
	if (type == NULL)
		type = "A";
	if (qtype_parse(&ret_job->ask_type, type, strlen(type)) < 0) {
		*ret_line = ctlmsg_error(
		    CTLMSG_BAD_ARGS, "expected a record type such as AAAA");
		return CTL_LINE;
	}
	if (query_type_kind(ret_job->ask_type) != QUERY_GOOD) {
		*ret_line = refuse_type(ret_job->ask_type);
		return CTL_LINE;
	}
	return ctl_explain_pid(env, args, &ret_job->ask_as, ret_line)
		   ? CTL_ASK
		   : CTL_LINE;
}

/* The one that calls, with a reference; NULL where it can't be named: a pid is
 * another one's by now who started later. */
static const struct process *
caller(const struct ctl_env *env, const struct ctl_peer *peer)
{
	const struct process *process;

	if (peer->pid == 0 ||
	    procfs_process(env->procfs, peer->pid, &process) < 0)
		return NULL;
	if (process->start <= peer->since)
		return process;
	process_unref(process);
	return NULL;
}

/* Who waits for an answer. */
struct waiting {
	void (*done)(void *arg, char *line_take);
	void *arg;
};

static json_t *
json_answer(const uint8_t *msg, size_t len)
{
	char *text = NULL, *line, *rest, rcode[JSON_RCODE_SIZE];
	char why[ANSWER_EDE_MAX + 1];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *records = json_array();
	int r;

	if (out == NULL) {
		json_decref(records);
		return NULL;
	}
	r = msg_print_answers(msg, len, out);
	if (fclose(out) != 0 || r < 0) {
		free(text);
		json_decref(records);
		return NULL;
	}
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			json_array_append_new(records, json_text(line));
	free(text);
	msg_why(msg, len, why);
	return json_pack("{s:s, s:o, s:o}", "rcode",
	    json_rcode(wire_u16(msg + 2) & WIRE_RCODE, rcode), "why",
	    json_text(why), "records", records);
}

/* The same, and what was decided, as a query has it. */
static json_t *
json_resolved(const struct resolver_answer *answer)
{
	json_t *object = json_answer(answer->msg, answer->len), *decided;
	char name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE];
	const struct record *rec = answer->record;

	if (rec == NULL)
		return object;
	decided = json_pack("{s:o, s:s, s:s, s:s}", "qname",
	    json_text(name_format(&rec->qname, name)), "qtype",
	    qtype_format(rec->qtype, type), "answer_from",
	    record_from_name(rec->from), "verdict",
	    action_name(rec->decision.action));
	decided = json_with(decided, json_query_why(rec));
	decided = json_with(decided, json_query_asked(rec));
	json_object_set_new(decided, "own", json_boolean(rec->own));
	return json_with(object, decided);
}

static char *
no_answer(const struct record *rec)
{
	const struct policy_rule *rule =
	    rec != NULL ? policy_rule_get(rec->policy, rec->decision.rule)
			: NULL;
	char what[CTLMSG_WHAT];

	if (rule == NULL)
		return ctlmsg_error(CTLMSG_FAILED, "there is no answer");
	(void)snprintf(what, sizeof(what), "there is no answer, by %s:%u",
	    rule->file, rule->line); /* may be cut */
	return ctlmsg_error(CTLMSG_FAILED, what);
}

static void
answered(void *arg, const struct resolver_answer *answer)
{
	struct waiting waiting = *(struct waiting *)arg;

	free(arg);
	waiting.done(waiting.arg, answer->len > 0
				      ? ctlmsg_result(json_resolved(answer))
				      : no_answer(answer->record));
}

void
ctl_dns_ask(const struct ctl_env *env, const struct ctl_job *job,
    const struct ctl_peer *peer, void (*done)(void *arg, char *line_take),
    void *arg)
{
	struct waiting *waiting = malloc(sizeof(*waiting));
	const struct process *process =
	    job->ask_as != NULL ? job->ask_as : caller(env, peer);
	const struct resolver_question question = { &job->ask_name,
		job->ask_type, process };

	if (waiting == NULL) {
		done(arg, NULL);
	} else {
		*waiting = (struct waiting){ done, arg };
		resolver_ev_ask(env->resolver, &question, answered, waiting);
	}
	process_unref(process);
}
