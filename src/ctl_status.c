#include "src/ctl_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port17/udp_ev.h"
#include "src/attr.h"
#include "src/core/policy.h"
#include "src/core/schema.h"
#include "src/ctl_dns.h"
#include "src/ctl_problems.h"
#include "src/guard_ev.h"
#include "src/json.h"
#include "src/linux/nfq.h"
#include "src/linux/procfs.h"
#include "src/policy_ev.h"
#include "src/policy_texts.h"
#include "src/port17_ev.h"

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
	const struct policy_texts *texts = policy_ev_texts(env->policy_ev);
	const char *tried = policy_texts_tried(texts, &end_ms);
	const char *kept = policy_texts_kept(texts);

	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}",
	    "dir", json_text(env->rules_dir), "loose",
	    texts->loose != NULL ? json_text(texts->loose) : json_null(),
	    "stamp", (json_int_t)texts->sources.stamp, "rules",
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
	const struct flow *oldest = flow_next_to_go(judge_flows(env->judge));
	mono_t now = mono_now();
	double uptime = (double)mono_since(now, env->started) / 1e9;
	json_t *result;

	(void)args;
	(void)ret_job;
	result = json_pack("{s:s, s:i, s:f, s:I, s:o, s:o}", "version",
	    PACKAGE_VERSION, "pid", (int)getpid(), "uptime_s", uptime,
	    "memory_bytes", resident_bytes(), "firewall", status_firewall(env),
	    "queues", status_queues());
	if (result != NULL)
		json_object_update_new(result,
		    json_pack(
			"{s:{s:o, s:I, s:I}, s:{s:I, s:I}, s:o, s:o, s:o}",
			"flows", "reaches_s",
			oldest != NULL
			    ? json_real(
				  (double)mono_since(now, oldest->last) / 1e9)
			    : json_null(),
			"live", (json_int_t)flow_count(judge_flows(env->judge)),
			"max", (json_int_t)env->conf->flows_max, "processes",
			"cached", (json_int_t)procfs_count(env->procfs),
			"walks", (json_int_t)procfs_walks(env->procfs),
			"policy", status_policy(env), "attribution",
			status_attribution(env), "counters",
			status_counters(env->stats,
			    udp_counters(port17_ev_udp(env->port17)))));
	if (result != NULL)
		json_object_set_new(result, "resolver", ctl_dns_status(env));
	if (result != NULL)
		json_object_set_new(
		    result, "problems", ctl_problems(env, result));
	if (result != NULL)
		json_object_set_new(result, "restart", status_restart(env));
	*ret_line = ctlmsg_result(result);
	return CTL_LINE;
}
