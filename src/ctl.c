#include "src/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/attr.h"
#include "src/core/explain.h"
#include "src/core/policy.h"
#include "src/ctl_fw.h"
#include "src/ctl_list.h"
#include "src/ctl_rules.h"
#include "src/guard_ev.h"
#include "src/json.h"
#include "src/linux/nfq.h"
#include "src/linux/procfs.h"
#include "src/load.h"
#include "src/policy_ev.h"

/* One row a call. */
struct call {
	const char *name;
	bool for_all; /* also for peers that are not trusted */
	enum ctl_answer (*answer)(const struct ctl_env *env, json_t *args,
	    char **ret_line, struct ctl_job *ret_job);
};

static json_t *
status_counters(const struct stats *stats)
{
	json_t *object = json_object();

	for (size_t i = 0; i < stats_n_rows; i++)
		json_object_set_new(object, stats_rows[i].name,
		    json_integer((json_int_t)stats_get(stats, &stats_rows[i])));
	return object;
}

static json_t *
status_queues(void)
{
	static const uint16_t queues[] = { NFQ_OUT4, NFQ_OUT6, NFQ_IN4,
		NFQ_IN6 };
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		struct nfq_counters c = { .queue = queues[i] };
		bool bound = nfq_counters(queues[i], &c) == 0;

		json_array_append_new(
		    array, json_pack("{s:i, s:b, s:I, s:I, s:I}", "queue",
			       (int)queues[i], "bound", bound, "waiting",
			       (json_int_t)c.waiting, "dropped_full",
			       (json_int_t)c.dropped_full, "dropped_user",
			       (json_int_t)c.dropped_user));
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

	return json_pack("{s:s, s:b, s:b, s:s, s:s, s:s, s:I, s:s?}", "backend",
	    chains_backend_name(fw->backend), "ip4",
	    fw->in[CHAINS_IP4] && !cleared, "ip6",
	    fw->in[CHAINS_IP6] && !cleared, "fail",
	    env->conf->fail == CONF_FAIL_OPEN ? "open" : "closed", "accept_ip4",
	    accept_name(fw, CHAINS_IP4), "accept_ip6",
	    accept_name(fw, CHAINS_IP6), "repairs",
	    (json_int_t)(guard != NULL ? guard->repairs : 0), "error",
	    failed ? guard->error : NULL);
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

	return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o}", "dir",
	    env->rules_dir, "rules", (json_int_t)policy_n_rules(policy),
	    "generation", (json_int_t)policy_generation(policy), "error",
	    error[0] != '\0' ? json_text(error) : json_null(), "trying",
	    tried != NULL ? json_text(tried) : json_null(), "trying_until",
	    tried != NULL ? json_real((double)end_ms / 1e3) : json_null());
}

static json_t *
status_attribution(const struct ctl_env *env)
{
	struct attr_status status;

	attr_status(env->attr, &status);
	return json_pack("{s:b, s:b, s:o, s:I, s:b, s:b}", "bpf", status.bpf,
	    "births", status.births, "bpf_why",
	    status.bpf_why != NULL ? json_text(status.bpf_why) : json_null(),
	    "bpf_lost", (json_int_t)status.lost, "sock_diag", status.sock_diag,
	    "procfs", 1);
}

static enum ctl_answer
call_status(const struct ctl_env *env, json_t *args, char **ret_line,
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
			status_policy(env), "attribution", status_attribution(env), "counters",
			status_counters(env->stats)));
	*ret_line = ctlmsg_result(result);
	return CTL_LINE;
}

static enum ctl_answer
call_flows(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)args;
	(void)ret_line;
	ret_job->list = ctl_list_flows(env);
	return ret_job->list != NULL ? CTL_LIST : CTL_LINE;
}

static enum ctl_answer
call_rules(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)args;
	(void)ret_line;
	ret_job->list = ctl_list_rules(env);
	return ret_job->list != NULL ? CTL_LIST : CTL_LINE;
}

static enum ctl_answer
call_watch(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)env;
	(void)args;
	(void)ret_line;
	(void)ret_job;
	return CTL_WATCH;
}

/* The first fault as one line for a client. */
static char *
fault_line(const struct faults *faults)
{
	const struct fault *fault = faults_get(faults, 0);
	char text[512];

	if (fault == NULL)
		return ctlmsg_error(CTLMSG_FAILED, "out of memory");
	(void)snprintf(text, sizeof(text), "%s%s%s%s%s%s", fault->what,
	    fault->expected != NULL ? "; expected " : "",
	    fault->expected != NULL ? fault->expected : "",
	    fault->nearest != NULL ? "; did you mean '" : "",
	    fault->nearest != NULL ? fault->nearest : "",
	    fault->nearest != NULL ? "'?" : ""); /* cut where too long */
	return ctlmsg_error(CTLMSG_BAD_ARGS, text);
}

static json_t *
explain_result(const struct policy *policy, const struct subject *subject)
{
	struct decision d = policy_decide(policy, subject);
	const struct policy_rule *rule = policy_rule_get(policy, d.rule);
	json_t *result = json_pack("{s:s, s:s, s:b, s:o}", "verdict",
	    action_name(d.action), "reason", reason_name(d.reason), "once",
	    d.once, "process", json_process(subject->process));

	if (result == NULL || rule == NULL)
		return result;
	json_object_update_new(result,
	    json_pack("{s:I, s:o, s:i, s:o, s:o}", "number", (json_int_t)d.rule,
		"file", json_text(rule->file), "line", (int)rule->line, "text",
		json_text(rule->text), "label",
		rule->label != NULL ? json_text(rule->label) : json_null()));
	return result;
}

static enum ctl_answer
call_explain(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	const char *about = json_string_value(json_object_get(args, "about"));
	json_t *pid = json_object_get(args, "pid");
	const struct process *proc = NULL;
	struct faults *faults = faults_new();
	struct explain explain;
	int r;

	(void)ret_job;
	if (about == NULL)
		about = "";
	if (faults == NULL || explain_parse(&explain, about, strlen(about),
				  &load_world, faults) < 0) {
		*ret_line = fault_line(faults);
		faults_free(faults);
		return CTL_LINE;
	}
	faults_free(faults);
	if (json_is_integer(pid)) {
		r = procfs_process(
		    env->procfs, (pid_t)json_integer_value(pid), &proc);
		if (r < 0) {
			explain_done(&explain);
			*ret_line = ctlmsg_error(
			    CTLMSG_FAILED, "there is no process with that pid");
			return CTL_LINE;
		}
		explain.subject.process = proc;
	}
	*ret_line = ctlmsg_result(
	    explain_result(judge_policy(env->judge), &explain.subject));
	process_unref(proc);
	explain_done(&explain);
	return CTL_LINE;
}

static enum ctl_answer
firewall_job(const struct ctl_env *env, char **ret_line,
    struct ctl_job *ret_job, void (*run)(struct ctl_job *job))
{
	/* the thread that puts the chains in has the tables to itself */
	if (env->guard == NULL) {
		*ret_line = ctlmsg_error(CTLMSG_BUSY,
		    "the rules are being put in: try again in a moment");
		return CTL_LINE;
	}
	*ret_job = (struct ctl_job){ .run = run, .fw = env->fw };
	memcpy(ret_job->in, env->fw->in, sizeof(ret_job->in));
	memcpy(ret_job->setup, env->fw->setup, sizeof(ret_job->setup));
	return CTL_WORK;
}

static enum ctl_answer
call_show(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)args;
	return firewall_job(env, ret_line, ret_job, ctl_fw_show);
}

static enum ctl_answer
call_verify(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)args;
	return firewall_job(env, ret_line, ret_job, ctl_fw_verify);
}

static enum ctl_answer
call_clear(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)args;
	return firewall_job(env, ret_line, ret_job, ctl_fw_clear);
}

static const struct call calls[] = {
	{ "status", true, call_status },
	{ "flows.list", false, call_flows },
	{ "rules.list", false, call_rules },
	{ "rules.add", false, ctl_rules_add },
	{ "rules.delete", false, ctl_rules_delete },
	{ "rules.try", false, ctl_rules_try },
	{ "rules.keep", false, ctl_rules_keep },
	{ "reload", false, ctl_rules_reload },
	{ "watch", false, call_watch },
	{ "explain", false, call_explain },
	{ "firewall.show", false, call_show },
	{ "firewall.verify", false, call_verify },
	{ "firewall.clear", false, call_clear },
};

enum ctl_answer
ctl_call(const struct ctl_env *env, const struct ctlmsg_request *request,
    bool trusted, char **ret_line, struct ctl_job *ret_job)
{
	char text[160];

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, request->call) != 0)
			continue;
		if (trusted || calls[i].for_all)
			return calls[i].answer(
			    env, request->args, ret_line, ret_job);
		(void)snprintf(text, sizeof(text),
		    "only root and the group '%s' may call %s",
		    env->conf->control_group, request->call); /* fits */
		*ret_line = ctlmsg_error(CTLMSG_DENIED, text);
		return CTL_LINE;
	}
	(void)snprintf(text, sizeof(text), "there is no call '%s'",
	    request->call); /* fits */
	*ret_line = ctlmsg_error(CTLMSG_UNKNOWN_CALL, text);
	return CTL_LINE;
}
