#include "src/port17_own.h"

#include "port17/dial_ev.h"
#include "port17/session_ev.h"
#include "src/base/log.h"

/* Proxies on this host whose own connections come to them again, by themselves
 * or by way of others: each would ask the next one for ever. */

/* How many proxies may be behind each other. */
#define CHAIN_MAX 8
/* What a proxy asks for was asked of it a moment ago: so many of the youngest
 * are looked at, of tens of thousands. */
#define YOUNG_MAX 1024

static bool
is_of(pid_t proxy, const struct process *process)
{
	const struct process listener = { .pid = proxy };

	return proxy != 0 && process_is_kin(&listener, process);
}

static bool
was_reached(const struct port17_ev *p17, const struct process *process)
{
	for (size_t i = 0; i < PORT17_PROXIES; i++)
		if (is_of(p17->proxies[i], process))
			return true;
	return false;
}

static void
note_reached(struct port17_ev *p17, pid_t proxy)
{
	for (size_t i = 0; i < PORT17_PROXIES; i++)
		if (p17->proxies[i] == proxy)
			return;
	p17->proxies[p17->next_proxy++ % PORT17_PROXIES] = proxy;
}

static pid_t
proxy_of(const struct session *session)
{
	return session->phase == SESSION_HELD ||
		       session->phase == SESSION_DIALLING
		   ? dial_proxy(session->dial)
		   : session->proxy;
}

/* Who is asked for that by the proxy in its turn; 0: nobody here. */
static pid_t
next_proxy(
    const struct port17_ev *p17, const struct target *target, pid_t proxy)
{
	const struct session *session = NULL;

	for (int i = 0; i < YOUNG_MAX; i++) {
		session = sessions_older(p17->sessions, session);
		if (session == NULL)
			break;
		if (session->key.rport == target->port &&
		    addr_equal(&session->key.remote, &target->addr) &&
		    proxy_of(session) != 0 &&
		    is_of(proxy, session->claim.process))
			return proxy_of(session);
	}
	return 0;
}

/* The proxy asks another one for what it was asked, and so on, and the last of
 * them is whose connection this is. It is looked for where a proxy has begun
 * it: those are few. */
static bool
comes_back(
    const struct port17_ev *p17, const struct dial_for *dial, pid_t proxy)
{
	if (!was_reached(p17, dial->process))
		return false;
	for (int i = 0; i < CHAIN_MAX && proxy != 0; i++) {
		proxy = next_proxy(p17, dial->target, proxy);
		if (is_of(proxy, dial->process))
			return true;
	}
	return false;
}

bool
port17_is_loop(void *arg, const struct dial_reached *reached,
    const struct dial_for *dial, pid_t *ret_proxy)
{
	struct port17_ev *p17 = arg;
	const struct process *process = dial->process;
	struct process listener = { .pid = reached->pid };
	const struct process *proxy = &listener;
	const struct flow *flow;
	char exe[160];
	bool kin;

	if (reached->pid == 0) {
		flow = flow_find(judge_flows(p17->opts.judge), &reached->key);
		proxy = flow != NULL ? flow->process : NULL;
	}
	if (proxy == NULL || process->kind != PROCESS_PROGRAM ||
	    (reached->pid == 0 && proxy->kind != PROCESS_PROGRAM))
		return false;
	kin = process_is_kin(proxy, process);
	if (!kin && !comes_back(p17, dial, proxy->pid)) {
		note_reached(p17, proxy->pid);
		*ret_proxy = proxy->pid;
		return false;
	}
	p17->opts.stats->port17_strays++;
	log_quote(process->exe, exe, sizeof(exe));
	if (kin)
		log_limited(LOG_LEVEL_WARNING, "port17",
		    "a tunnel's own proxy is rerouted into it: it is refused, "
		    "a rule has to let it out exe=%s",
		    exe);
	else
		log_limited(LOG_LEVEL_WARNING, "port17",
		    "proxies of tunnels are rerouted into each other: it is "
		    "refused, a rule has to let one out exe=%s",
		    exe);
	return true;
}
