#include "src/core/judge.h"

#include <string.h>

#include "src/core/judge_own.h"
#include "src/core/policy.h"

#define DNS_PORT 53

void
judge_capture_done(struct judge_capture *capture)
{
	for (size_t i = 0; i < capture->n_servers; i++)
		process_unref(capture->servers[i]);
	capture->n_servers = 0;
}

static struct judge_capture
copy(const struct judge_capture *capture)
{
	for (size_t i = 0; i < capture->n_servers; i++)
		(void)process_ref(capture->servers[i]);
	return *capture;
}

void
judge_set_capture(struct judge *judge, const struct judge_capture *capture)
{
	struct judge_capture own = copy(capture);

	judge_capture_done(&judge->capture);
	judge->capture = own;
}

void
judge_get_capture(const struct judge *judge, struct judge_capture *ret)
{
	*ret = copy(&judge->capture);
	ret->stand_ins = judge->fakeip != NULL;
}

static bool
is_ours(const struct judge_capture *capture, const struct subject *subject)
{
	for (size_t i = 0; i < capture->n_ours; i++) {
		const struct addr *ours = &capture->ours[i];

		if (addr_equal(ours, &subject->dst))
			return true;
		/* bound to all addresses: each of this host's is ours */
		if (addr_is_any(ours) && subject->loopback &&
		    ours->family == subject->dst.family)
			return true;
	}
	return false;
}

static bool
is_server(const struct judge_capture *capture, const struct process *proc)
{
	for (size_t i = 0; i < capture->n_servers; i++) {
		const struct process *server = capture->servers[i];

		if (proc->kind == PROCESS_PROGRAM &&
		    proc->exe_ino == server->exe_ino &&
		    proc->exe_dev == server->exe_dev &&
		    proc->uid == server->uid &&
		    strcmp(proc->script, server->script) == 0)
			return true;
	}
	return false;
}

/* What no rule speaks for is not denied the way to the resolver: each query is
 * judged there, by the same rules and the same default, so that a program of
 * which a name is accepted can ask for that name, and for no other. */
static bool
is_left_to_queries(const struct decision *d)
{
	return d->action == ACTION_ACCEPT || d->action == ACTION_REROUTE ||
	       d->reason == REASON_DEFAULT_OUT;
}

struct decision
judge_capture_ask(const struct judge_capture *capture,
    const struct policy *policy, const struct subject *subject,
    const struct decision *d)
{
	struct decision to_us = { .action = ACTION_ACCEPT };

	if (!is_left_to_queries(d))
		return *d;
	if (subject->in || subject->query || !subject->has_ports ||
	    subject->dport != DNS_PORT ||
	    (subject->proto != IPPROTO_UDP && subject->proto != IPPROTO_TCP))
		return *d;
	if (is_ours(capture, subject)) {
		if (d->action == ACTION_ACCEPT || d->action == ACTION_REROUTE)
			return *d;
		to_us.reason = REASON_RESOLVER;
		return to_us;
	}
	if (subject->dst.family == ADDR_IP4 ? !capture->ip4 : !capture->ip6)
		return *d;
	if (is_server(capture, subject->process) ||
	    policy_rule_names_port(policy, d->rule, DNS_PORT))
		return *d;
	to_us.reason = REASON_CAPTURE;
	to_us.rule = d->rule;
	to_us.list = d->list;
	to_us.host = d->host;
	return to_us;
}

struct decision
judge_capture(const struct judge *judge, const struct subject *subject,
    const struct decision *d)
{
	return judge_capture_ask(&judge->capture, judge->policy, subject, d);
}
