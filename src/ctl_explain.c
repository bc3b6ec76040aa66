#include "src/ctl_explain.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/explain.h"
#include "src/core/lists.h"
#include "src/core/names.h"
#include "src/core/policy.h"
#include "src/json.h"
#include "src/linux/procfs.h"
#include "src/linux/route.h"
#include "src/list_file.h"
#include "src/load.h"
#include "src/policy_ev.h"
#include "src/resolver_ev.h"

struct ctl_explain {
	char *about;
	/* references, taken and given back on the loop */
	const struct policy *policy;
	const struct conf *conf;
	const struct process *process; /* NULL: it is described in words */
	struct judge_capture capture;
	const struct host_names *hosts; /* of the other side; or NULL */
	enum record_from own;		/* who answers a query: resolve_own() */
	struct subject_here here;	/* v allocated */
};

void
ctl_explain_free(struct ctl_explain *explain)
{
	if (explain == NULL)
		return;
	free(explain->about);
	free((void *)explain->here.v);
	policy_unref(explain->policy);
	conf_unref(explain->conf);
	process_unref(explain->process);
	judge_capture_done(&explain->capture);
	host_names_unref(explain->hosts);
	free(explain);
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

/* The list that decided, with the line that it has the name or address by. */
static json_t *
json_list(const struct ctl_explain *explain, const struct subject *subject,
    const struct decision *d)
{
	const char *name = policy_list(explain->policy, d->list);
	const struct conf_list *list =
	    name != NULL ? conf_list_find(explain->conf, name) : NULL;
	char what[LIST_ERROR_SIZE] = "";
	struct list_found found;
	json_t *object;

	if (name == NULL)
		return json_pack("{s:n}", "list");
	object = json_pack("{s:o}", "list", json_text(name));
	if (object == NULL || list == NULL ||
	    list_file_find(&found, list,
		&(struct list_sought){
		    d->host != 0 ? subject->names[d->host - 1] : NULL,
		    subject->in ? &subject->src : &subject->dst,
		    subject->query ? subject->qtype : 0 },
		what) < 0)
		return object;
	json_object_update_new(
	    object, json_pack("{s:o, s:i, s:o}", "list_file",
			json_text(found.file), "list_line", (int)found.line,
			"list_text", json_text(found.text)));
	list_found_done(&found);
	return object;
}

/* All that one of these has to say: explain_passed(), explain_then(). */
static json_t *
json_notes(const struct policy *policy, const struct subject *subject,
    const struct decision *d,
    const char *(*of)(const struct policy *policy,
	const struct subject *subject, const struct decision *d, size_t i,
	char buf[EXPLAIN_NOTE_SIZE]))
{
	json_t *array = json_array();
	char buf[EXPLAIN_NOTE_SIZE];
	const char *note;

	for (size_t i = 0; (note = of(policy, subject, d, i, buf)) != NULL; i++)
		json_array_append_new(array, json_text(note));
	return array;
}

static json_t *
json_rule_of(const struct policy *policy, const struct decision *d)
{
	const struct policy_rule *rule = policy_rule_get(policy, d->rule);

	if (rule == NULL)
		return json_object();
	return json_pack("{s:I, s:o, s:i, s:o, s:o}", "number",
	    (json_int_t)d->rule, "file", json_text(rule->file), "line",
	    (int)rule->line, "text", json_text(rule->text), "label",
	    rule->label != NULL ? json_text(rule->label) : json_null());
}

/* Of a query that a list denies: whether the answer is records of its own. */
static bool
list_answers(const struct ctl_explain *explain, const struct subject *subject,
    const struct decision *d)
{
	const struct list_index *list =
	    policy_list_index(explain->policy, d->list);
	struct list_answer said;

	if (!subject->query || d->action != ACTION_BLOCK || d->host == 0 ||
	    list == NULL || !list_may_answer(list))
		return false;
	list_answer(&said, list, subject->names[d->host - 1], subject->qtype);
	return said.action == LIST_LOCAL;
}

/* What a query is answered with that is let through or that a list has records
 * for, where that comes from no upstream: it is the last of the notes. */
static void
add_own(const struct ctl_explain *explain, const struct subject *subject,
    const struct decision *d, json_t *to)
{
	const char *note = NULL;

	if (list_answers(explain, subject, d))
		note = "the list has records of its own: they are the answer";
	else if (explain->own == FROM_NONE || d->action != ACTION_ACCEPT)
		return;
	else if (explain->own == FROM_HOSTS)
		note = "the hosts file has the answer";
	else
		note = "it is answered here: no upstream is asked for such a "
		       "name";
	json_array_append_new(to, json_text(note));
}

static json_t *
result_of(const struct ctl_explain *explain, const struct subject *subject)
{
	const struct policy *policy = explain->policy;
	struct decision d = explain_decide(policy, &explain->capture, subject);
	char host[NAME_TEXT_SIZE];
	json_t *then = json_notes(policy, subject, &d, explain_then), *result;

	add_own(explain, subject, &d, then);
	result = json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o}",
	    "verdict", action_name(d.action), "reason", reason_name(d.reason),
	    "once", d.once, "process", json_process(subject->process), "tunnel",
	    json_tunnel(policy, &d), "host",
	    d.host != 0
		? json_text(name_format(subject->names[d.host - 1], host))
		: json_null(),
	    "passed", json_notes(policy, subject, &d, explain_passed), "then",
	    then);
	if (result == NULL ||
	    json_object_update_new(result, json_list(explain, subject, &d)) <
		0 ||
	    json_object_update_new(result, json_rule_of(policy, &d)) < 0) {
		json_decref(result);
		return NULL;
	}
	return result;
}

/* What the first packet would have that the words do not say. */
static void
add_facts(const struct ctl_explain *explain, struct subject *subject)
{
	const struct addr *other = subject->in ? &subject->src : &subject->dst;

	if (subject->query && subject->src.family == ADDR_NONE)
		subject->here = explain->here;
	if (other->family == ADDR_NONE)
		return;
	/* where the kernel can't be asked it is as the words have it */
	subject->loopback = subject->loopback || route_is_here(other) > 0;
	if (subject->query || explain->hosts == NULL || subject->loopback)
		return;
	subject->names = explain->hosts->v;
	subject->n_names = explain->hosts->n;
}

static void
run(struct ctl_job *job)
{
	const struct ctl_explain *explain = job->explain;
	const struct source src = explain_source(explain->about);
	struct faults *faults = faults_new();
	struct explain question;

	if (faults == NULL ||
	    explain_parse(&question, &src, &load_world, faults) < 0) {
		job->line = fault_line(faults);
		faults_free(faults);
		return;
	}
	faults_free(faults);
	if (explain->process != NULL)
		question.subject.process = explain->process;
	add_facts(explain, &question.subject);
	job->line = ctlmsg_result(result_of(explain, &question.subject));
	explain_done(&question);
}

bool
ctl_explain_pid(const struct ctl_env *env, json_t *args,
    const struct process **ret, char **ret_line)
{
	const json_t *value = json_object_get(args, "pid");
	json_int_t pid = json_integer_value(value);

	*ret = NULL;
	if (value == NULL)
		return true;
	if (pid <= 0 || pid > INT_MAX) {
		*ret_line = ctlmsg_error(
		    CTLMSG_BAD_ARGS, "\"pid\" is no number of a process");
		return false;
	}
	if (procfs_process(env->procfs, (pid_t)pid, ret) < 0) {
		*ret_line = ctlmsg_error(
		    CTLMSG_FAILED, "there is no process with that pid");
		return false;
	}
	return true;
}

/* As the resolver has it; nothing where there is no memory. */
static void
copy_here(const struct subject_here *from, struct subject_here *ret)
{
	struct addr *v = calloc(from->n + 1, sizeof(v[0]));

	if (v == NULL)
		return;
	for (size_t i = 0; i < from->n; i++)
		v[i] = from->v[i];
	*ret = (struct subject_here){ v, from->n };
}

/* On the loop, which has the names. */
static void
find_names(const struct ctl_env *env, struct ctl_explain *explain)
{
	const struct source src = explain_source(explain->about);
	struct explain_glance at;

	if (!explain_glance(&at, &src))
		return;
	if (!at.query && !at.named && at.other.family != ADDR_NONE)
		explain->hosts = judge_called(
		    env->judge, explain->process, &at.other, mono_now());
	if (at.query && at.other.family == ADDR_NONE)
		explain->own = resolve_own(resolver_ev_resolve(env->resolver),
		    &at.qname, at.qtype, mono_now());
}

enum ctl_answer
ctl_explain(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	const json_t *words = json_object_get(args, "about");
	const char *about = json_string_value(words);
	struct ctl_explain *explain;

	if (words != NULL && about == NULL) {
		*ret_line =
		    ctlmsg_error(CTLMSG_BAD_ARGS, "\"about\" is no text");
		return CTL_LINE;
	}
	explain = calloc(1, sizeof(*explain));
	if (explain == NULL)
		return CTL_LINE;
	explain->about = strdup(about != NULL ? about : "");
	explain->own = FROM_NONE;
	explain->policy = policy_ref(judge_policy(env->judge));
	judge_get_capture(env->judge, &explain->capture);
	explain->conf = conf_ref(policy_ev_conf(env->policy_ev));
	if (explain->about == NULL ||
	    !ctl_explain_pid(env, args, &explain->process, ret_line)) {
		ctl_explain_free(explain);
		return CTL_LINE;
	}
	find_names(env, explain);
	copy_here(resolver_ev_here(env->resolver), &explain->here);
	*ret_job = (struct ctl_job){ .run = run, .explain = explain };
	return CTL_WORK;
}
