#include "src/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/core/policy.h"
#include "src/ctl_dns.h"
#include "src/ctl_explain.h"
#include "src/ctl_fw.h"
#include "src/ctl_rules.h"
#include "src/ctl_show.h"
#include "src/ctl_status.h"
#include "src/ctl_tunnel.h"
#include "src/ctl_watch.h"
#include "src/json.h"
#include "src/linux/procfs.h"
#include "src/list_ev.h"
#include "src/load.h"

/* One row a call. */
struct call {
	const char *name;
	const char *args; /* all that it takes, with blanks between */
	bool for_all;	  /* also for peers that are not trusted */
	enum ctl_answer (*answer)(const struct ctl_env *env, json_t *args,
	    char **ret_line, struct ctl_job *ret_job);
};

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

#define FILTER "exe user unit domain verdict since_ms"
#define FLOW_FILTER FILTER " address port"

static const struct call calls[] = {
	{ "status", "", true, ctl_status },
	{ "flows.list", FLOW_FILTER, false, ctl_show_flows },
	{ "processes.list", FILTER, false, ctl_show_processes },
	{ "hosts.list", FILTER, false, ctl_show_hosts },
	{ "rules.list", "", false, ctl_show_rules },
	{ "rules.add", "rule for_ms", false, ctl_rules_add },
	{ "rules.delete", "id", false, ctl_rules_delete },
	{ "rules.try", "file text for_ms", false, ctl_rules_try },
	{ "rules.keep", "", false, ctl_rules_keep },
	{ "rules.revert", "", false, ctl_rules_revert },
	{ "lists.list", "", false, call_lists },
	{ "lists.reload", "", false, call_lists_reload },
	{ "queries.list", FILTER " address", false, ctl_dns_queries },
	{ "cache.stats", "", false, ctl_dns_stats },
	{ "cache.flush", "name more", false, ctl_dns_flush },
	{ "resolve", "name type pid", false, ctl_dns_resolve },
	{ "reload", "", false, ctl_rules_reload },
	{ "watch", FLOW_FILTER " backlog", false, ctl_watch },
	{ "tunnels.list", "", false, ctl_tunnel_list },
	{ "tunnels.test", "name host port steps", false, ctl_tunnel_test },
	{ "explain", "about pid", false, ctl_explain },
	{ "firewall.show", "", false, call_show },
	{ "firewall.verify", "", false, call_verify },
	{ "firewall.clear", "", false, call_clear },
};

static bool
takes(const struct call *call, const char *key)
{
	size_t len = strlen(key);
	const char *at = call->args;

	if (len == 0 || strchr(key, ' ') != NULL)
		return false;
	for (; (at = strstr(at, key)) != NULL; at += len)
		if ((at == call->args || at[-1] == ' ') &&
		    (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/* A slip must not make more of a call than was meant: a rule that never ends,
 * a whole cache that is flushed, rows that were to be left out. */
static bool
takes_all(const struct call *call, json_t *args, char **ret_line)
{
	char text[256];
	const char *key;
	json_t *value;

	json_object_foreach(args, key, value)
	{
		(void)value;
		if (takes(call, key))
			continue;
		(void)snprintf(text, sizeof(text),
		    "%s has no argument '%.32s': expected %s", call->name, key,
		    call->args[0] != '\0' ? call->args : "none"); /* fits */
		*ret_line = ctlmsg_error(CTLMSG_BAD_ARGS, text);
		return false;
	}
	return true;
}

enum ctl_answer
ctl_call(const struct ctl_env *env, const struct ctlmsg_request *request,
    bool trusted, char **ret_line, struct ctl_job *ret_job)
{
	char text[160];

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct call *call = &calls[i];

		if (strcmp(call->name, request->call) != 0)
			continue;
		if (trusted || call->for_all)
			return takes_all(call, request->args, ret_line)
				   ? call->answer(
					 env, request->args, ret_line, ret_job)
				   : CTL_LINE;
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
