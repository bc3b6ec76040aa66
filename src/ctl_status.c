#include "src/ctl_status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port17/udp_ev.h"
#include "src/attr.h"
#include "src/core/policy.h"
#include "src/core/schema.h"
#include "src/ctl_dns.h"
#include "src/ctl_tunnel.h"
#include "src/guard_ev.h"
#include "src/json.h"
#include "src/list_ev.h"
#include "src/linux/nfq.h"
#include "src/linux/procfs.h"
#include "src/policy_ev.h"
#include "src/port17_ev.h"
#include "src/resolver_ev.h"

static json_t *
status_counters(const struct stats *stats, const struct udp_counters *udp)
{
	json_t *object = json_object();

	for (size_t i = 0; i < stats_n_rows; i++)
		json_object_set_new(object, stats_rows[i].name,
		    json_integer((json_int_t)stats_get(stats, &stats_rows[i])));
	json_object_update_new(
	    object, json_pack("{s:I, s:I, s:I, s:I, s:I}",
			"port17_udp_received", (json_int_t)udp->received,
			"port17_udp_sent", (json_int_t)udp->sent,
			"port17_udp_dropped", (json_int_t)udp->dropped,
			"port17_udp_overflows", (json_int_t)udp->overflows,
			"port17_udp_lookups", (json_int_t)udp->lookups));
	return object;
}

/* A number of a queue; null where that can't be known, as in a user namespace,
 * whose root may not read what the kernel says of queues. */
static json_t *
queue_number(int r, uint32_t n)
{
	return r == 0 || r == -ENOENT ? json_integer((json_int_t)n)
				      : json_null();
}

static json_t *
queue_bound(int r)
{
	return r == 0 || r == -ENOENT ? json_boolean(r == 0) : json_null();
}

static json_t *
status_queues(void)
{
	static const uint16_t queues[] = { NFQ_OUT4, NFQ_OUT6, NFQ_IN4,
		NFQ_IN6 };
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		struct nfq_counters c = { .queue = queues[i] };
		int r = nfq_counters(queues[i], &c);

		json_array_append_new(array,
		    json_pack("{s:i, s:o, s:o, s:o, s:o}", "queue",
			(int)queues[i], "bound", queue_bound(r), "waiting",
			queue_number(r, c.waiting), "dropped_full",
			queue_number(r, c.dropped_full), "dropped_user",
			queue_number(r, c.dropped_user)));
	}
	return array;
}

static const char *
accept_name(const struct fw_ev *fw, enum chains_family family)
{
	return fw->setup[family].final ? "final" : "continue";
}

static json_t *
status_firewall(const struct ctl_env *env)
{
	const struct fw_ev *fw = env->fw;
	const struct guard_status *guard = env->guard;
	bool failed = guard != NULL && guard->error[0] != '\0';
	/* set by a thread, once: the next answer has it at the latest */
	bool cleared = __atomic_load_n(&fw->cleared, __ATOMIC_RELAXED);

	return json_pack("{s:s, s:b, s:b, s:s, s:s, s:s, s:I, s:o}", "backend",
	    chains_backend_name(fw->backend), "ip4",
	    fw->in[CHAINS_IP4] && !cleared, "ip6",
	    fw->in[CHAINS_IP6] && !cleared, "fail",
	    env->conf->fail == CONF_FAIL_OPEN ? "open" : "closed", "accept_ip4",
	    accept_name(fw, CHAINS_IP4), "accept_ip6",
	    accept_name(fw, CHAINS_IP6), "repairs",
	    (json_int_t)(guard != NULL ? guard->repairs : 0), "error",
	    failed ? json_text(guard->error) : json_null());
}

/* Resident bytes of this process (/proc/self/statm, second field). */
static json_int_t
resident_bytes(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%*s %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return (json_int_t)pages * sysconf(_SC_PAGESIZE);
}

static json_t *
status_policy(const struct ctl_env *env)
{
	const struct policy *policy = judge_policy(env->judge);
	const char *error = policy_ev_error(env->policy_ev);
	uint64_t end_ms = 0;
	const char *tried = policy_ev_tried(env->policy_ev, &end_ms);
	const char *kept = policy_ev_kept(env->policy_ev);

	return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "dir",
	    json_text(env->rules_dir), "rules",
	    (json_int_t)policy_n_rules(policy), "command_line",
	    (json_int_t)policy_n_runtime(policy), "generation",
	    (json_int_t)policy_generation(policy), "error",
	    error[0] != '\0' ? json_text(error) : json_null(), "kept",
	    kept != NULL ? json_text(kept) : json_null(), "trying",
	    tried != NULL ? json_text(tried) : json_null(), "trying_until",
	    tried != NULL ? json_real((double)end_ms / 1e3) : json_null());
}

static json_t *
status_tables(const struct attr_status *status)
{
	const struct attr_sizes *sizes = &status->sizes;

	if (!status->bpf)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "packets",
	    (json_int_t)status->uses, "packets_max", (json_int_t)sizes->uses,
	    "processes", (json_int_t)status->processes, "processes_max",
	    (json_int_t)sizes->processes, "processes_evicted",
	    (json_int_t)status->evicted, "owners_max",
	    (json_int_t)sizes->owners, "ring_bytes",
	    (json_int_t)(sizes->uses_ring + sizes->births_ring));
}

static json_t *
status_attribution(const struct ctl_env *env)
{
	struct attr_status status;

	attr_status(env->attr, &status);
	return json_pack("{s:b, s:b, s:b, s:b, s:o, s:o, s:I, s:o, s:b, s:b}",
	    "bpf", status.bpf, "births", status.births, "closes", status.closes,
	    "closes_part", status.closes_part, "bpf_why",
	    status.bpf_why != NULL ? json_text(status.bpf_why) : json_null(),
	    "seal_why",
	    status.seal_why != NULL ? json_text(status.seal_why) : json_null(),
	    "bpf_lost", (json_int_t)status.lost, "bpf_tables",
	    status_tables(&status), "sock_diag", status.sock_diag, "procfs", 1);
}

static const char *
text_at(const json_t *result, const char *object, const char *key)
{
	return json_string_value(
	    json_object_get(json_object_get(result, object), key));
}

/* Of foreign bytes, it may be. */
__attribute__((format(printf, 2, 3))) static void
problem(json_t *problems, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text != NULL)
		json_array_append_new(problems, json_text(text));
	free(text);
}

static void
add_problem(json_t *problems, const char *before, const char *what)
{
	problem(problems, "%s%s%s", before, what[0] != '\0' ? ": " : "", what);
}

/* A rule that names a list is nothing without what is in it. */
static void
list_problems(const struct ctl_env *env, json_t *problems)
{
	const struct policy *policy = judge_policy(env->judge);
	json_t *lists = list_ev_status(env->list_ev);
	const json_t *list;
	size_t i;

	json_array_foreach(lists, i, list)
	{
		const char *name =
		    json_string_value(json_object_get(list, "name"));
		const char *state =
		    json_string_value(json_object_get(list, "state"));
		const char *error =
		    json_string_value(json_object_get(list, "error"));
		json_t *about = json_sprintf("%s%s%s", name,
		    error != NULL ? ": " : "", error != NULL ? error : "");

		if (!policy_names_list(policy, name))
			;
		else if (strcmp(state, "stale") == 0)
			add_problem(problems,
			    "a list of the rules stays as it was",
			    json_string_value(about));
		else if (json_integer_value(json_object_get(list, "names")) +
			     json_integer_value(
				 json_object_get(list, "addresses")) ==
			 0)
			add_problem(problems, "a list of the rules is empty",
			    json_string_value(about));
		json_decref(about);
	}
	json_decref(lists);
}

static bool
is_tunnelled(const struct upstream_group *group)
{
	return group->n > 0 && group->v[0].spec.kind == UPSTREAM_TUNNEL;
}

static void
port17_problems(const struct ctl_env *env, json_t *problems)
{
	if (port17_ev_deaf(env->port17)[0] != '\0')
		add_problem(problems,
		    "the entry for tunnels is not open, what is rerouted there "
		    "is denied",
		    port17_ev_deaf(env->port17));
}

static void
resolver_problems(const struct ctl_env *env, json_t *problems)
{
	struct resolve *resolve = resolver_ev_resolve(env->resolver);
	const char *why = resolver_ev_trust_why(env->resolver);
	const struct upstream_group *group;
	char text[NAME_TEXT_SIZE];
	const struct name *zone;

	if (!resolver_ev_listens(env->resolver))
		add_problem(problems, "the resolver does not listen",
		    resolver_ev_deaf(env->resolver));
	else if (resolver_ev_deaf(env->resolver)[0] != '\0')
		add_problem(problems, "the resolver does not listen everywhere",
		    resolver_ev_deaf(env->resolver));
	if (why[0] != '\0')
		add_problem(
		    problems, "no upstream over TLS can be asked: tls-ca", why);
	if (resolver_ev_is_kept(env->resolver))
		add_problem(problems,
		    "the system has no name servers any more, those from "
		    "before are asked until the daemon ends: name one "
		    "(upstream = ... in [resolver])",
		    "");
	for (size_t g = 0; (group = resolve_group(resolve, g, &zone)) != NULL;
	     g++) {
		const char *names = g > 0 ? name_format(zone, text) : "";

		/* what a tunnel lacks is the tunnel's */
		if (!upstream_all_down(group) || is_tunnelled(group))
			continue;
		if (group->n > 0)
			add_problem(problems,
			    g > 0 ? "no upstream answers for names below"
				  : "no upstream answers",
			    names);
		else if (g == 0)
			add_problem(problems,
			    "no upstream is known: name one (upstream = ... in "
			    "[resolver])",
			    names);
	}
}

/* So many are told one by one. */
#define ACCOUNTS_MAX 16

/* Users and groups that rules name and that are not there. */
static void
account_problems(const struct ctl_env *env, json_t *problems)
{
	const struct policy *policy = judge_policy(env->judge);
	const struct policy_account *a;
	char text[MISSING_SIZE];
	size_t n = 0;

	for (size_t i = 0; (a = policy_account_get(policy, i)) != NULL; i++) {
		if (a->state == POLICY_ACCOUNT_THERE || ++n > ACCOUNTS_MAX)
			continue;
		policy_missing_text(a, text);
		problem(problems, "rules wait for the %s", text);
	}
	if (n > ACCOUNTS_MAX)
		add_problem(problems, "rules wait for more users and groups",
		    "the log has them");
}

/* What is to go through a tunnel that is down is refused. */
static void
tunnel_problems(const struct ctl_env *env, json_t *problems)
{
	json_t *broken = ctl_tunnel_broken(env);
	const json_t *text;
	size_t i;

	json_array_foreach(broken, i, text) add_problem(
	    problems, "a tunnel of the rules is down", json_string_value(text));
	json_decref(broken);
}

/* So many are told one by one. */
#define HELD_MAX 16

/* Rules from the command line that are not in force as they were given. */
static void
runtime_problems(const struct ctl_env *env, json_t *problems)
{
	const struct policy *policy = judge_policy(env->judge);
	int unread = policy_ev_unread(env->policy_ev);
	size_t n = policy_n_runtime(policy), held = 0;

	if (unread < 0)
		add_problem(problems,
		    "the rules from the command line can't be read, which is "
		    "tried again",
		    strerror(-unread));
	else if (unread > 0)
		problem(problems,
		    "rules from the command line can't be read, lines of "
		    "command-line.rules: %d",
		    unread);
	for (size_t i = 0; i < n; i++) {
		const struct policy_rule *rule =
		    policy_rule_get(policy, (uint32_t)i + 1);

		if (rule->fault != NULL && ++held <= HELD_MAX)
			problem(problems,
			    "rule %u from the command line has a fault, it "
			    "denies all that it may mean and accepts nothing: "
			    "%s",
			    rule->line, rule->fault);
	}
	if (held > HELD_MAX)
		add_problem(problems,
		    "more rules from the command line have faults", "");
}

static void
firewall_problems(
    const struct ctl_env *env, const json_t *result, json_t *problems)
{
	const struct fw_ev *fw = env->fw;
	const char *why = text_at(result, "firewall", "error");
	bool ip4 = fw->in[CHAINS_IP4], ip6 = fw->in[CHAINS_IP6];
	char what[64];

	if (env->guard == NULL)
		return;
	if (__atomic_load_n(&fw->cleared, __ATOMIC_RELAXED)) {
		(void)snprintf(what, sizeof(what), "nothing is judged on %s",
		    ip4 && ip6 ? "IPv4 and IPv6"
		    : ip6      ? "IPv6"
			       : "IPv4"); /* fits */
		add_problem(problems, what,
		    "'firewall clear' took the rules out, a restart of the "
		    "daemon puts them back");
		return;
	}
	if (why != NULL)
		add_problem(problems, "the rules are not in place", why);
	else if (!ip4)
		add_problem(problems, "nothing is judged on IPv4", "");
}

/* What a user has to act on, of all that the result says: a line each. */
static json_t *
status_problems(const struct ctl_env *env, const json_t *result)
{
	json_t *problems = json_array();
	const json_t *queue;
	const char *why;
	size_t i;

	firewall_problems(env, result, problems);
	json_array_foreach(json_object_get(result, "queues"), i, queue)
	{
		char number[16];

		(void)snprintf(number, sizeof(number), "%lld",
		    (long long)json_integer_value(
			json_object_get(queue, "queue"))); /* fits */
		if (json_is_false(json_object_get(queue, "bound")))
			add_problem(problems, "a queue is not bound", number);
	}
	why = text_at(result, "policy", "error");
	if (why != NULL)
		add_problem(problems,
		    "the last reload failed, the rules before are in force",
		    why);
	why = text_at(result, "attribution", "seal_why");
	if (why != NULL)
		add_problem(problems,
		    "nothing is behind the tables when they are emptied", why);
	if (policy_ev_save_error(env->policy_ev) != 0)
		add_problem(problems,
		    "rules from the command line are not saved, after a "
		    "restart they are as they were saved last",
		    strerror(-policy_ev_save_error(env->policy_ev)));
	if (policy_ev_accounts_error(env->policy_ev) != 0)
		add_problem(problems,
		    "who the users of the rules are is not saved, after a "
		    "restart one who can't be found is nobody",
		    strerror(-policy_ev_accounts_error(env->policy_ev)));
	runtime_problems(env, problems);
	account_problems(env, problems);
	list_problems(env, problems);
	tunnel_problems(env, problems);
	if (policy_ev_conf(env->policy_ev)->resolver.listen.n > 0)
		resolver_problems(env, problems);
	if (env->port17 != NULL)
		port17_problems(env, problems);
	return problems;
}

/* Settings that a reload has read and that are not in force. */
static json_t *
status_restart(const struct ctl_env *env)
{
	const struct conf *loaded = policy_ev_conf(env->policy_ev);
	json_t *array = json_array();

	for (size_t i = 0; i < conf_n_rows; i++)
		if (conf_row_waits(&conf_rows[i], env->conf, loaded))
			json_array_append_new(
			    array, json_sprintf("[%s] %s", conf_rows[i].section,
				       conf_rows[i].key));
	return array;
}

enum ctl_answer
ctl_status(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	double uptime = (double)mono_since(mono_now(), env->started) / 1e9;
	json_t *result;

	(void)args;
	(void)ret_job;
	result = json_pack("{s:s, s:i, s:f, s:I, s:o, s:o}", "version",
	    PACKAGE_VERSION, "pid", (int)getpid(), "uptime_s", uptime,
	    "memory_bytes", resident_bytes(), "firewall", status_firewall(env),
	    "queues", status_queues());
	if (result != NULL)
		json_object_update_new(result,
		    json_pack("{s:{s:I, s:I}, s:{s:I, s:I}, s:o, s:o, s:o}",
			"flows", "live",
			(json_int_t)flow_count(judge_flows(env->judge)), "max",
			(json_int_t)env->conf->flows_max, "processes", "cached",
			(json_int_t)procfs_count(env->procfs), "walks",
			(json_int_t)procfs_walks(env->procfs), "policy",
			status_policy(env), "attribution",
			status_attribution(env), "counters",
			status_counters(env->stats,
			    udp_counters(port17_ev_udp(env->port17)))));
	if (result != NULL)
		json_object_set_new(result, "resolver", ctl_dns_status(env));
	if (result != NULL)
		json_object_set_new(
		    result, "problems", status_problems(env, result));
	if (result != NULL)
		json_object_set_new(result, "restart", status_restart(env));
	*ret_line = ctlmsg_result(result);
	return CTL_LINE;
}
