#include "src/ctl_problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/policy.h"
#include "src/ctl_tunnel.h"
#include "src/guard_ev.h"
#include "src/json.h"
#include "src/linux/machine.h"
#include "src/list_ev.h"
#include "src/policy_ev.h"
#include "src/policy_texts.h"
#include "src/port17_ev.h"
#include "src/resolver_ev.h"

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
static bool
has_entries(const json_t *list)
{
	static const char *const keys[] = { "names", "patterns", "addresses" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_integer_value(json_object_get(list, keys[i])) > 0)
			return true;
	return false;
}

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
		else if (!has_entries(list))
			add_problem(problems, "a list of the rules is empty",
			    json_string_value(about));
		json_decref(about);
	}
	json_decref(lists);
}

/* A tunnel's own, and not those of a zone that are asked through one. */
static bool
is_tunnels(const struct upstream_group *group, const struct name *zone)
{
	return group->n > 0 && group->v[0].spec.kind == UPSTREAM_TUNNEL &&
	       zone->len == 1;
}

static void
port17_problems(const struct ctl_env *env, json_t *problems)
{
	if (port17_ev_deaf(env->port17)[0] != '\0')
		add_problem(problems,
		    "the entry for tunnels is not open, what is rerouted there "
		    "is denied",
		    port17_ev_deaf(env->port17));
	if (port17_ev_unkept(env->port17) != 0)
		add_problem(problems,
		    "names for tunnels are not kept, after a restart their "
		    "addresses lead nowhere",
		    strerror(-port17_ev_unkept(env->port17)));
}

/* The names of what goes through a tunnel are asked for at its far side. */
static void
far_problem(const struct ctl_env *env, const struct upstream_group *group,
    json_t *problems)
{
	char text[UPSTREAM_TEXT_SIZE];

	if (policy_names_tunnel(
		judge_policy(env->judge), group->v[0].spec.name))
		add_problem(problems, "no name server of a tunnel answers",
		    upstream_format(&group->v[0].spec, text));
}

static void
capture_problem(const struct ctl_env *env, json_t *problems)
{
	struct judge_capture capture;

	judge_get_capture(env->judge, &capture);
	if (capture.ip6 && resolver_ev_is_passed_by(env->resolver))
		add_problem(problems,
		    "no program knows a name: /etc/resolv.conf has link-local "
		    "servers alone, and a query to these can't be answered "
		    "here: let it name this resolver (127.0.0.1), or set "
		    "capture = no",
		    "");
	judge_capture_done(&capture);
}

/* With the reason of the first one that has some, as of a certificate. zone:
 * what it is asked for; NULL: all names. */
static void
silence_problem(const struct ctl_env *env, const struct upstream_group *group,
    const char *zone, json_t *problems)
{
	char server[UPSTREAM_TEXT_SIZE] = "";
	const char *why = "";

	for (size_t i = 0; i < group->n && why[0] == '\0'; i++) {
		why = resolver_ev_why(env->resolver, &group->v[i]);
		if (why[0] != '\0')
			(void)upstream_format(&group->v[i].spec, server);
	}
	problem(problems, "no upstream answers%s%s%s%s%s%s",
	    zone != NULL ? " for names below: " : "", zone != NULL ? zone : "",
	    why[0] != '\0' ? ": " : "", server, why[0] != '\0' ? ": " : "",
	    why);
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
	capture_problem(env, problems);
	if (resolver_ev_is_kept(env->resolver))
		add_problem(problems,
		    "the system has no name servers any more, those from "
		    "before are asked until the daemon ends: name one "
		    "(upstream = ... in [resolver])",
		    "");
	for (size_t g = 0; (group = resolve_group(resolve, g, &zone)) != NULL;
	     g++) {
		if (!upstream_all_down(group))
			continue;
		if (is_tunnels(group, zone)) {
			far_problem(env, group, problems);
			continue;
		}
		if (group->n > 0)
			silence_problem(env, group,
			    g > 0 ? name_format(zone, text) : NULL, problems);
		else if (g == 0)
			add_problem(problems,
			    "no upstream is known: name one (upstream = ... in "
			    "[resolver])",
			    "");
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
	int unread = policy_ev_texts(env->policy_ev)->unread;
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

static void
attribution_problems(
    const struct ctl_env *env, const json_t *result, json_t *problems)
{
	const char *why = text_at(result, "attribution", "seal_why");

	if (why != NULL)
		add_problem(problems,
		    "nothing is behind the tables when they are emptied", why);
	if (env->stats->processes_unknown > 0 && machine_is_confined())
		problem(problems,
		    "flows of programs that are out of sight, %llu so far: "
		    "the daemon is in a PID namespace of its own (a container "
		    "needs the host's: --pid=host)",
		    (unsigned long long)env->stats->processes_unknown);
}

json_t *
ctl_problems(const struct ctl_env *env, const json_t *result)
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
	attribution_problems(env, result, problems);
	if (policy_ev_save_error(env->policy_ev) != 0)
		add_problem(problems,
		    "rules from the command line are not saved, after a "
		    "restart they are as they were saved last",
		    strerror(-policy_ev_save_error(env->policy_ev)));
	if (policy_ev_texts(env->policy_ev)->accounts_error != 0)
		add_problem(problems,
		    "who the users of the rules are is not saved, after a "
		    "restart one who can't be found is nobody",
		    strerror(-policy_ev_texts(env->policy_ev)->accounts_error));
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
