#include "src/core/judge.h"

#include <string.h>

#include "src/core/judge_own.h"
#include "src/core/policy.h"

#define DNS_PORT 53

void
judge_set_capture(struct judge *judge, const struct judge_capture *capture)
{
	for (size_t i = 0; i < capture->n_servers; i++)
		(void)process_ref(capture->servers[i]);
	for (size_t i = 0; i < judge->capture.n_servers; i++)
		process_unref(judge->capture.servers[i]);
	judge->capture = *capture;
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

struct decision
judge_capture(const struct judge *judge, const struct subject *subject,
    const struct decision *d)
{
	const struct judge_capture *capture = &judge->capture;
	struct decision captured = *d;

	if (d->action != ACTION_ACCEPT && d->action != ACTION_REROUTE)
		return *d;
	if (subject->in || subject->query || !subject->has_ports ||
	    subject->dport != DNS_PORT ||
	    (subject->proto != IPPROTO_UDP && subject->proto != IPPROTO_TCP))
		return *d;
	if (subject->dst.family == ADDR_IP4 ? !capture->ip4 : !capture->ip6)
		return *d;
	if (is_ours(capture, subject) || is_server(capture, subject->process) ||
	    policy_rule_names_port(judge->policy, d->rule, DNS_PORT))
		return *d;
	captured.action = ACTION_ACCEPT;
	captured.reason = REASON_CAPTURE;
	captured.tunnel = 0;
	captured.once = false; /* NAT is for the whole flow */
	return captured;
}
