#include <netinet/in.h>
#include <stdint.h>

#include "src/base/escape.h"
#include "src/base/name.h"
#include "src/core/explain.h"
#include "src/core/fakeip.h"
#include "src/core/judge_own.h"

#define DNS_PORT 53

struct decision
explain_decide(const struct policy *policy, const struct judge_capture *capture,
    const struct subject *subject)
{
	struct judge_way way = {
		.in = subject->in,
		.loopback = subject->loopback,
		.first = true,
		.proto = subject->proto,
		.dst = &subject->dst,
	};
	struct decision d;

	if (subject->process->self)
		return (struct decision){ .action = ACTION_ACCEPT,
			.reason = REASON_SELF };
	d = policy_decide(policy, subject);
	if (subject->query)
		return d;
	if (capture != NULL)
		d = judge_capture_ask(capture, policy, subject, &d);
	d = judge_route(d, &way);
	return capture != NULL && capture->stand_ins && !subject->in &&
		       fakeip_is(&subject->dst)
		   ? judge_fake(d, subject->n_names > 0)
		   : d;
}

/* Rules 1 to the one before that decided, or all. */
static uint32_t
n_passed(const struct policy *policy, const struct decision *d)
{
	return d->rule > 0 ? d->rule - 1 : (uint32_t)policy_n_rules(policy);
}

/* A default of its own that a process without a name would have, and that is
 * not set; NULL for none. */
static const char *
unset_default(const struct subject *subject, const struct decision *d)
{
	if (d->reason != REASON_DEFAULT_OUT && d->reason != REASON_DEFAULT_IN)
		return NULL;
	return subject->process->kind == PROCESS_UNKNOWN  ? "default unknown"
	       : subject->process->kind == PROCESS_KERNEL ? "default kernel"
							  : NULL;
}

const char *
explain_passed(const struct policy *policy, const struct subject *subject,
    const struct decision *d, size_t i, char buf[EXPLAIN_NOTE_SIZE])
{
	uint32_t rules = n_passed(policy, d);
	const char *unset = unset_default(subject, d);

	if (d->reason == REASON_SELF)
		return NULL;
	if (!subject->query && i-- == 0)
		return "no socket of the daemon's own";
	if (rules > 0 && i-- == 0) {
		if (rules == 1)
			return "rule 1 does not decide";
		(void)snprintf(buf, EXPLAIN_NOTE_SIZE,
		    "rules 1 to %u do not decide", rules); /* fits */
		return buf;
	}
	if (unset != NULL && i-- == 0) {
		(void)snprintf(
		    buf, EXPLAIN_NOTE_SIZE, "%s is not set", unset); /* fits */
		return buf;
	}
	return NULL;
}

static bool
denies(const struct decision *d)
{
	return d->action == ACTION_BLOCK || d->action == ACTION_DROP;
}

/* Whether the packet of a program here that asks our own resolver is denied:
 * as judge_capture_ask() has it, by anything but `default out`. */
static bool
denies_way(const struct policy *policy, const struct subject *query,
    struct decision *ret)
{
	const struct addr here = { ADDR_IP4, { 127, 0, 0, 1 } };
	const struct subject way = { .loopback = true,
		.proto = IPPROTO_UDP,
		.src = here,
		.dst = here,
		.dport = DNS_PORT,
		.has_ports = true,
		.process = query->process };

	if (query->src.family != ADDR_NONE) /* another host's */
		return false;
	*ret = policy_decide(policy, &way);
	return denies(ret) && ret->reason != REASON_DEFAULT_OUT;
}

/* One for all that are there. */
static const struct {
	const char *where;
	struct addr addr;
} servers[] = {
	{ "the LAN", { ADDR_IP4, { 192, 168, 0, 1 } } },
	{ "the internet", { ADDR_IP4, { 9, 9, 9, 9 } } },
};

#define N_SERVERS (sizeof(servers) / sizeof(servers[0]))

static struct decision
decide_server(
    const struct policy *policy, const struct subject *query, size_t server)
{
	const struct subject way = { .proto = IPPROTO_UDP,
		.dst = servers[server].addr,
		.dport = DNS_PORT,
		.has_ports = true,
		.process = query->process };

	return policy_decide(policy, &way);
}

/* Rule that leaves such a query to the server that is asked, by the name of the
 * port, where that one is in the LAN or the internet; 0 for none. Where nobody
 * captures, this is not asked. */
static uint32_t
elsewhere(const struct policy *policy, const struct subject *query)
{
	struct decision d;

	if (query->src.family != ADDR_NONE) /* another host's */
		return 0;
	for (size_t i = 0; i < N_SERVERS; i++) {
		d = decide_server(policy, query, i);
		if (d.action == ACTION_ACCEPT &&
		    policy_rule_names_port(policy, d.rule, DNS_PORT))
			return d.rule;
	}
	return 0;
}

/* Of a query that is not accepted. */
static const char *
then_elsewhere(const struct policy *policy, const struct subject *subject,
    size_t i, char buf[EXPLAIN_NOTE_SIZE])
{
	uint32_t rule = i == 0 ? elsewhere(policy, subject) : 0;

	if (rule == 0)
		return NULL;
	(void)snprintf(buf, EXPLAIN_NOTE_SIZE,
	    "asked of another server than this one, it goes there: rule %u",
	    rule); /* fits */
	return buf;
}

/* Of one that is accepted: the ith thing that keeps it from the resolver, or
 * from a server that resolv.conf names in its place. *i: what is left. */
static const char *
then_way(const struct policy *policy, const struct subject *subject, size_t *i,
    char buf[EXPLAIN_NOTE_SIZE])
{
	struct decision way;
	char by[16];

	if (denies_way(policy, subject, &way)) {
		(void)snprintf(by, sizeof(by), "rule %u",
		    way.rule); /* fits, as the next */
		(void)snprintf(buf, EXPLAIN_NOTE_SIZE,
		    "its way to the resolver, to 127.0.0.1 port 53, is denied: "
		    "%s",
		    way.rule > 0 ? by : reason_name(way.reason));
		return (*i)-- == 0 ? buf : NULL;
	}
	for (size_t s = 0; s < N_SERVERS; s++) {
		way = decide_server(policy, subject, s);
		if (subject->src.family != ADDR_NONE || !denies(&way) ||
		    way.rule == 0 || (*i)-- > 0)
			continue;
		(void)snprintf(buf, EXPLAIN_NOTE_SIZE,
		    "asked of a server in %s in place of 127.0.0.1, it is "
		    "denied on its way: rule %u",
		    servers[s].where, way.rule); /* fits */
		return buf;
	}
	return NULL;
}

const char *
explain_then(const struct policy *policy, const struct subject *subject,
    const struct decision *d, size_t i, char buf[EXPLAIN_NOTE_SIZE])
{
	const char *note;
	uint32_t rule;

	if (!subject->query || d->reason == REASON_SELF ||
	    subject->dst.family != ADDR_NONE)
		return NULL;
	if (d->action != ACTION_ACCEPT)
		return then_elsewhere(policy, subject, i, buf);
	note = then_way(policy, subject, &i, buf);
	if (note != NULL)
		return note;
	rule = policy_denies_elsewhere(policy, subject, d->rule);
	if (rule == 0 || i > 0)
		return NULL;
	(void)snprintf(buf, EXPLAIN_NOTE_SIZE,
	    "an answer with an address that rule %u is not for is denied: "
	    "rule %u",
	    d->rule, rule); /* fits */
	return buf;
}

static void
print_field(const char *key, const char *text, FILE *out)
{
	(void)fprintf(out, "%s: ", key);
	escape_print(text, out);
	(void)fputc('\n', out);
}

void
explain_print(const struct policy *policy, const struct judge_capture *capture,
    const struct subject *subject, FILE *out)
{
	struct decision d = explain_decide(policy, capture, subject);
	const struct policy_rule *rule = policy_rule_get(policy, d.rule);
	char host[NAME_TEXT_SIZE], buf[EXPLAIN_NOTE_SIZE];
	const char *note;

	(void)fprintf(out, "verdict: %s\n", action_name(d.action));
	if (rule != NULL) {
		(void)fprintf(out, "rule: %u\nfile: ", d.rule);
		escape_print(rule->file, out);
		(void)fprintf(out, ":%u\n", rule->line);
		print_field("text", rule->text, out);
		if (rule->label != NULL)
			print_field("label", rule->label, out);
	}
	if (d.tunnel != 0)
		(void)fprintf(
		    out, "tunnel: %s\n", policy_tunnel(policy, d.tunnel));
	if (d.host != 0)
		(void)fprintf(out, "host: %s\n",
		    name_format(subject->names[d.host - 1], host));
	if (d.list != 0)
		(void)fprintf(out, "list: %s\n", policy_list(policy, d.list));
	(void)fprintf(out, "reason: %s\n", reason_name(d.reason));
	for (size_t i = 0;
	     (note = explain_passed(policy, subject, &d, i, buf)) != NULL; i++)
		(void)fprintf(out, "passed: %s\n", note);
	for (size_t i = 0;
	     (note = explain_then(policy, subject, &d, i, buf)) != NULL; i++)
		(void)fprintf(out, "then: %s\n", note);
}
