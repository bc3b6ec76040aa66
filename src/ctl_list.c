#include "src/ctl_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "src/core/hits.h"
#include "src/core/policy.h"
#include "src/ctl.h"
#include "src/json.h"
#include "src/policy_ev.h"

/* Rows of a piece: some 2 ms of work. */
#define ROWS_AT_ONCE 64

struct ctl_list {
	const struct ctl_env *env;
	/* the row'th row; NULL for none, or no memory */
	json_t *(*row)(const struct ctl_list *list, size_t row);
	struct flow_key *keys;	     /* of flows */
	const struct policy *policy; /* of rules: a reference */
	size_t n, at;
	bool some; /* a row was written */
	struct json_time time;
};

static struct ctl_list *
list_new(const struct ctl_env *env,
    json_t *(*row)(const struct ctl_list *list, size_t row))
{
	struct ctl_list *list = calloc(1, sizeof(*list));

	if (list == NULL)
		return NULL;
	list->env = env;
	list->row = row;
	list->time = json_time_now(mono_now());
	return list;
}

void
ctl_list_free(struct ctl_list *list)
{
	if (list == NULL)
		return;
	policy_unref(list->policy);
	free(list->keys);
	free(list);
}

static json_t *
flow_row(const struct ctl_list *list, size_t row)
{
	const struct flow *flow =
	    flow_find(judge_flows(list->env->judge), &list->keys[row]);

	return flow != NULL ? json_flow(flow, &list->time) : NULL;
}

struct ctl_list *
ctl_list_flows(const struct ctl_env *env)
{
	const struct flow_table *flows = judge_flows(env->judge);
	struct ctl_list *list = list_new(env, flow_row);
	const struct flow *flow = NULL;

	if (list == NULL)
		return NULL;
	list->keys = calloc(flow_count(flows) + 1, sizeof(list->keys[0]));
	if (list->keys == NULL) {
		ctl_list_free(list);
		return NULL;
	}
	while ((flow = flow_older(flows, flow)) != NULL)
		list->keys[list->n++] = flow->key;
	return list;
}

static json_t *
json_when(const struct json_time *time, mono_t when)
{
	return json_real(
	    time->wall - (double)mono_since(time->now, when) / 1e9);
}

/* Which of them were added from the command line, and until when. */
static void
add_runtime(
    const struct ctl_list *list, const struct policy_rule *rule, json_t *object)
{
	const struct runtime_rule *runtime =
	    rule->runtime ? policy_ev_runtime(list->env->policy_ev, rule->line)
			  : NULL;

	json_object_set_new(object, "id",
	    runtime != NULL ? json_integer(runtime->id) : json_null());
	json_object_set_new(object, "ends",
	    runtime != NULL && runtime->end_ms != 0
		? json_real((double)runtime->end_ms / 1e3)
		: json_null());
}

static json_t *
rule_row(const struct ctl_list *list, size_t row)
{
	uint32_t number = (uint32_t)row + 1;
	const struct policy_rule *rule = policy_rule_get(list->policy, number);
	const struct hits *all = judge_hits(list->env->judge);
	const struct rule_hits *hits = NULL;
	json_t *object;

	/* another policy may have come meanwhile */
	if (all != NULL && judge_policy(list->env->judge) == list->policy)
		hits = hits_get(all, number);
	object = json_pack("{s:i, s:I, s:o, s:o, s:o, s:i, s:o, s:o}", "number",
	    (int)number, "hits", (json_int_t)(hits != NULL ? hits->count : 0),
	    "last_hit",
	    hits != NULL && hits->count > 0 ? json_when(&list->time, hits->last)
					    : json_null(),
	    "since",
	    hits != NULL ? json_when(&list->time, hits->since) : json_null(),
	    "file", json_text(rule->file), "line", (int)rule->line, "text",
	    json_text(rule->text), "label",
	    rule->label != NULL ? json_text(rule->label) : json_null());
	if (object != NULL)
		add_runtime(list, rule, object);
	return object;
}

struct ctl_list *
ctl_list_rules(const struct ctl_env *env)
{
	struct ctl_list *list = list_new(env, rule_row);

	if (list == NULL)
		return NULL;
	list->policy = policy_ref(judge_policy(env->judge));
	list->n = policy_n_rules(list->policy);
	return list;
}

static void
write_row(struct ctl_list *list, FILE *out)
{
	json_t *object = list->row(list, list->at);
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	if (text == NULL)
		return;
	fprintf(out, "%s%s", list->some ? "," : "", text);
	list->some = true;
	free(text);
}

char *
ctl_list_next(struct ctl_list *list, size_t *ret_len, bool *ret_done)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	if (out == NULL)
		return NULL;
	if (list->at == 0)
		fputs("{\"ok\":true,\"result\":[", out);
	for (size_t n = 0; n < ROWS_AT_ONCE && list->at < list->n; n++) {
		write_row(list, out);
		list->at++;
	}
	*ret_done = list->at == list->n;
	if (*ret_done)
		fputs("]}\n", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
