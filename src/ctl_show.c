#include "src/ctl_show.h"

#include <errno.h>
#include <stdlib.h>

#include "src/core/hits.h"
#include "src/core/policy.h"
#include "src/core/tally.h"
#include "src/ctl_list.h"
#include "src/ctl_tunnel.h"
#include "src/policy_ev.h"
#include "src/policy_texts.h"

enum ctl_answer
ctl_show_list(struct ctl_list *list_take, const json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	char what[FILTER_WHAT];

	if (list_take == NULL)
		return CTL_LINE;
	if (ctl_list_filter(&list_take->filter, args, what) < 0) {
		ctl_list_free(list_take);
		*ret_line = ctlmsg_error(CTLMSG_BAD_ARGS, what);
		return CTL_LINE;
	}
	ret_job->list = list_take;
	ret_job->wants_bytes = list_take->ops->wants_bytes;
	return CTL_LIST;
}

/* Flows -------------------------------------------------------------------- */

/* What filters look at in a flow. */
static struct filter_row
row_of(const struct flow *flow)
{
	struct flow_shown shown;

	(void)flow_shown(flow, &shown);
	return (struct filter_row){ .process = flow->process,
		.verdict = action_name(shown.action),
		.when = flow->first,
		.key = &flow->key };
}

bool
ctl_show_has(const struct filter *filter, const struct flow *flow)
{
	struct filter_row row = row_of(flow);
	char host[NAME_TEXT_SIZE];

	if (filter->domain[0] == '\0' || flow->hosts == NULL)
		return filter_match(filter, &row);
	/* an address may have several names */
	row.host = host;
	for (uint8_t i = 0; i < flow->hosts->n; i++) {
		(void)name_format(flow->hosts->v[i], host);
		if (filter_match(filter, &row))
			return true;
	}
	return false;
}

static json_t *
flow_row(const struct ctl_list *list, size_t i)
{
	const struct flow_key *keys = list->rows;
	const struct flow *flow =
	    flow_find(judge_flows(list->env->judge), &keys[i]);
	struct flow_shown shown;
	json_t *row;

	if (flow == NULL || !ctl_show_has(&list->filter, flow))
		return NULL;
	row = json_flow(flow, &list->time);
	(void)flow_shown(flow, &shown);
	ctl_list_rule(list, row, flow_went_so(flow) ? flow->policy : NULL,
	    &flow->decision);
	if (shown.action == ACTION_REROUTE)
		ctl_tunnel_add(list->env, &flow->key, row);
	return row;
}

enum ctl_answer
ctl_show_flows(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	static const struct ctl_list_ops ops = { .row = flow_row,
		.wants_bytes = true };
	const struct flow_table *flows = judge_flows(env->judge);
	struct flow_key *keys = calloc(flow_count(flows) + 1, sizeof(keys[0]));
	const struct flow *flow = NULL;
	size_t n = 0;

	if (keys == NULL)
		return CTL_LINE;
	while ((flow = flow_older(flows, flow)) != NULL)
		keys[n++] = flow->key;
	return ctl_show_list(
	    ctl_list_new(env, &ops, keys, n), args, ret_line, ret_job);
}

/* Processes and hosts ------------------------------------------------------ */

static json_t *
json_when(const struct json_time *time, mono_t when)
{
	return json_real(
	    time->wall - (double)mono_since(time->now, when) / 1e9);
}

static void
rows_done(struct ctl_list *list)
{
	const struct tally_row **rows = list->rows;

	for (size_t i = 0; i < list->n; i++)
		tally_row_unref(rows[i]);
}

/* The row, with what it is of (taken) at `key`. */
static json_t *
json_tally(const struct json_time *time, const struct tally_row *row,
    const char *key, json_t *of_take)
{
	json_t *verdicts = json_object();

	for (size_t i = 0; i < TALLY_VERDICTS; i++)
		json_object_set_new(verdicts, tally_verdicts[i],
		    json_integer((json_int_t)row->verdicts[i]));
	return json_pack("{s:o, s:I, s:o, s:I, s:I, s:o, s:o}", key, of_take,
	    "flows", (json_int_t)row->flows, "verdicts", verdicts, "bytes_in",
	    (json_int_t)row->bytes_in, "bytes_out", (json_int_t)row->bytes_out,
	    "first", json_when(time, row->first), "last",
	    json_when(time, row->last));
}

static bool
has_row(
    const struct filter *filter, const struct tally_row *row, const char *host)
{
	struct filter_row facts = {
		.process = row->process, .host = host, .when = row->last
	};

	if (!filter_match_who(filter, &facts))
		return false;
	for (size_t i = 0; i < TALLY_VERDICTS; i++)
		if (row->verdicts[i] > 0 &&
		    filter_has_verdict(filter, tally_verdicts[i]))
			return true;
	return filter->verdict[0] == '\0';
}

static json_t *
process_row(const struct ctl_list *list, size_t i)
{
	const struct tally_row *row =
	    ((const struct tally_row **)list->rows)[i];

	if (!has_row(&list->filter, row, NULL))
		return NULL;
	return json_tally(
	    &list->time, row, "process", json_process(row->process));
}

static json_t *
host_row(const struct ctl_list *list, size_t i)
{
	const struct tally_row *row =
	    ((const struct tally_row **)list->rows)[i];
	char buf[ADDR_STRLEN];
	const char *host = tally_host(row, buf);

	if (!has_row(&list->filter, row, host))
		return NULL;
	return json_tally(&list->time, row, "host", json_text(host));
}

static int
compare_rows(const void *a, const void *b)
{
	const struct tally_row *x = *(const struct tally_row *const *)a;
	const struct tally_row *y = *(const struct tally_row *const *)b;

	return (x > y) - (x < y);
}

/* Leaves those of which a flow that is known yet has the domain, and nothing
 * to be filtered by that. -ENOMEM. */
static int
keep_who_spoke(struct ctl_list *list)
{
	const struct flow_table *flows = judge_flows(list->env->judge);
	const struct tally_row **rows = list->rows, **who;
	const struct flow *flow = NULL;
	size_t n = 0, kept = 0;

	who = calloc(flow_count(flows) + 1, sizeof(who[0]));
	if (who == NULL)
		return -ENOMEM;
	while ((flow = flow_older(flows, flow)) != NULL)
		if (ctl_show_has(&list->filter, flow)) {
			who[n] = tally_process(list->env->tally, flow->process);
			n += who[n] != NULL;
		}
	qsort(who, n, sizeof(who[0]), compare_rows);
	for (size_t i = 0; i < list->n; i++)
		if (bsearch(&rows[i], who, n, sizeof(who[0]), compare_rows))
			rows[kept++] = rows[i];
		else
			tally_row_unref(rows[i]);
	list->n = kept;
	list->filter.domain[0] = '\0';
	free(who);
	return 0;
}

static enum ctl_answer
answer_tally(const struct ctl_env *env, bool hosts, json_t *args,
    char **ret_line, struct ctl_job *ret_job)
{
	static const struct ctl_list_ops process_ops = {
		.row = process_row, .done = rows_done, .wants_bytes = true
	};
	static const struct ctl_list_ops host_ops = {
		.row = host_row, .done = rows_done, .wants_bytes = true
	};
	const struct tally_row *(*older)(
	    const struct tally *, const struct tally_row *) =
	    hosts ? tally_host_older : tally_process_older;
	size_t n = 0, max = hosts ? tally_n_hosts(env->tally)
				  : tally_n_processes(env->tally);
	const struct tally_row **rows = calloc(max + 1, sizeof(rows[0]));
	const struct tally_row *row = NULL;
	enum ctl_answer answer;
	struct ctl_list *list;

	if (rows == NULL)
		return CTL_LINE;
	list = ctl_list_new(env, hosts ? &host_ops : &process_ops, rows, 0);
	if (list == NULL)
		return CTL_LINE;
	while (n < max && (row = older(env->tally, row)) != NULL)
		rows[n++] = tally_row_ref(row);
	list->n = n;
	answer = ctl_show_list(list, args, ret_line, ret_job);
	if (answer == CTL_LIST && !hosts && list->filter.domain[0] != '\0' &&
	    keep_who_spoke(list) < 0) {
		ctl_list_free(list);
		ret_job->list = NULL;
		return CTL_LINE;
	}
	return answer;
}

enum ctl_answer
ctl_show_processes(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	return answer_tally(env, false, args, ret_line, ret_job);
}

enum ctl_answer
ctl_show_hosts(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	return answer_tally(env, true, args, ret_line, ret_job);
}

/* Rules -------------------------------------------------------------------- */

/* Which of them were added from the command line, and until when. */
static void
add_runtime(
    const struct ctl_list *list, const struct policy_rule *rule, json_t *object)
{
	const struct policy_texts *texts =
	    policy_ev_texts(list->env->policy_ev);
	const struct runtime_rule *runtime =
	    rule->runtime ? runtime_find(&texts->runtime, rule->line) : NULL;

	json_object_set_new(object, "id",
	    runtime != NULL ? json_integer(runtime->id) : json_null());
	json_object_set_new(object, "waits", json_boolean(rule->waits));
	json_object_set_new(object, "fault",
	    rule->fault != NULL ? json_text(rule->fault) : json_null());
	json_object_set_new(object, "ends",
	    runtime != NULL && runtime->end_ms != 0
		? json_real((double)runtime->end_ms / 1e3)
		: json_null());
}

static json_t *
default_row(const struct policy_default *d)
{
	return json_pack("{s:n, s:n, s:n, s:n, s:o, s:o, s:o, s:n, s:n, s:b, "
			 "s:n, s:n, s:s}",
	    "number", "hits", "last_hit", "since", "file",
	    d->file != NULL ? json_text(d->file) : json_null(), "line",
	    d->file != NULL ? json_integer((json_int_t)d->line) : json_null(),
	    "text",
	    json_sprintf("default %s %s", d->which, action_name(d->action)),
	    "label", "id", "waits", false, "fault", "ends", "default",
	    d->which);
}

/* The rules, then the defaults. */
static json_t *
rule_row(const struct ctl_list *list, size_t i)
{
	uint32_t number = (uint32_t)i + 1;
	const struct policy *policy = *(const struct policy **)list->rows;
	const struct policy_rule *rule = policy_rule_get(policy, number);
	const struct hits *all = judge_hits(list->env->judge);
	const struct rule_hits *hits = NULL;
	json_t *object;

	if (rule == NULL)
		return default_row(
		    policy_default_get(policy, i - policy_n_rules(policy)));
	/* another policy may have come meanwhile */
	if (all != NULL && judge_policy(list->env->judge) == policy)
		hits = hits_get(all, number);
	object = json_pack("{s:i, s:I, s:o, s:o, s:o, s:i, s:o, s:o, s:n}",
	    "number", (int)number, "hits",
	    (json_int_t)(hits != NULL ? hits->count : 0), "last_hit",
	    hits != NULL && hits->count > 0 ? json_when(&list->time, hits->last)
					    : json_null(),
	    "since",
	    hits != NULL ? json_when(&list->time, hits->since) : json_null(),
	    "file", json_text(rule->file), "line", (int)rule->line, "text",
	    json_text(rule->text), "label",
	    rule->label != NULL ? json_text(rule->label) : json_null(),
	    "default");
	if (object != NULL)
		add_runtime(list, rule, object);
	return object;
}

static void
rules_done(struct ctl_list *list)
{
	policy_unref(*(const struct policy **)list->rows);
}

enum ctl_answer
ctl_show_rules(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	static const struct ctl_list_ops ops = { .row = rule_row,
		.done = rules_done };
	const struct policy *policy = judge_policy(env->judge);
	const struct policy **rows = calloc(1, sizeof(rows[0]));
	size_t n = policy_n_rules(policy);
	struct ctl_list *list;

	for (size_t i = 0; policy_default_get(policy, i) != NULL; i++)
		n++;
	if (rows == NULL)
		return CTL_LINE;
	list = ctl_list_new(env, &ops, rows, n);
	if (list == NULL)
		return CTL_LINE;
	*rows = policy_ref(policy);
	return ctl_show_list(list, args, ret_line, ret_job);
}
