#include "src/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/core/explain.h"
#include "src/core/policy.h"
#include "src/ctl_dns.h"
#include "src/ctl_fw.h"
#include "src/ctl_rules.h"
#include "src/ctl_show.h"
#include "src/ctl_status.h"
#include "src/ctl_tunnel.h"
#include "src/json.h"
#include "src/linux/procfs.h"
#include "src/list_ev.h"
#include "src/load.h"

/* One row a call. */
struct call {
	const char *name;
	bool for_all; /* also for peers that are not trusted */
	enum ctl_answer (*answer)(const struct ctl_env *env, json_t *args,
	    char **ret_line, struct ctl_job *ret_job);
};

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
	char host[NAME_TEXT_SIZE];
	json_t *result = json_pack("{s:s, s:s, s:b, s:o}", "verdict",
	    action_name(d.action), "reason", reason_name(d.reason), "once",
	    d.once, "process", json_process(subject->process));

	if (result == NULL)
		return NULL;
	json_object_update_new(result,
	    json_pack("{s:o, s:o, s:o}", "tunnel", json_tunnel(policy, &d),
		"host",
		d.host != 0
		    ? json_text(name_format(subject->names[d.host - 1], host))
		    : json_null(),
		"list",
		d.list != 0 ? json_text(policy_list(policy, d.list))
			    : json_null()));
	if (rule == NULL)
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

static enum ctl_answer
call_lists(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)args;
	(void)ret_job;
	*ret_line = ctlmsg_result(list_ev_status(env->list_ev));
	return CTL_LINE;
}

static enum ctl_answer
call_lists_reload(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)env;
	(void)args;
	(void)ret_line;
	(void)ret_job;
	return CTL_LISTS;
}

static const struct call calls[] = {
	{ "status", true, ctl_status },
	{ "flows.list", false, ctl_show_flows },
	{ "processes.list", false, ctl_show_processes },
	{ "hosts.list", false, ctl_show_hosts },
	{ "rules.list", false, ctl_show_rules },
	{ "rules.add", false, ctl_rules_add },
	{ "rules.delete", false, ctl_rules_delete },
	{ "rules.try", false, ctl_rules_try },
	{ "rules.keep", false, ctl_rules_keep },
	{ "lists.list", false, call_lists },
	{ "lists.reload", false, call_lists_reload },
	{ "queries.list", false, ctl_dns_queries },
	{ "cache.stats", false, ctl_dns_stats },
	{ "cache.flush", false, ctl_dns_flush },
	{ "resolve", false, ctl_dns_resolve },
	{ "reload", false, ctl_rules_reload },
	{ "watch", false, ctl_show_watch },
	{ "tunnels.list", false, ctl_tunnel_list },
	{ "tunnels.test", false, ctl_tunnel_test },
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
