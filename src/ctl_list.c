#include "src/ctl_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/mono.h"
#include "src/ctl.h"

/* Rows of a piece: some 2 ms of work. */
#define ROWS_AT_ONCE 64
/* Rows looked at for it: a filter may leave most of them out. */
#define LOOKS_AT_ONCE 4096

struct ctl_list *
ctl_list_new(const struct ctl_env *env, const struct ctl_list_ops *ops,
    void *rows_take, size_t n)
{
	struct ctl_list *list = calloc(1, sizeof(*list));

	if (list == NULL) {
		free(rows_take);
		return NULL;
	}
	list->env = env;
	list->ops = ops;
	list->rows = rows_take;
	list->n = n;
	list->time = json_time_now(mono_now());
	return list;
}

void
ctl_list_free(struct ctl_list *list)
{
	if (list == NULL)
		return;
	if (list->ops->done != NULL)
		list->ops->done(list);
	free(list->rows);
	free(list);
}

static bool
write_row(struct ctl_list *list, FILE *out)
{
	json_t *object = list->ops->row(list, list->at);
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	if (text == NULL)
		return false;
	if (list->lines)
		fprintf(out, "{\"ok\":true,\"result\":%s}\n", text);
	else
		fprintf(out, "%s%s", list->some ? "," : "", text);
	list->some = true;
	free(text);
	return true;
}

char *
ctl_list_next(struct ctl_list *list, size_t *ret_len, bool *ret_done)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);
	size_t rows = 0;

	if (out == NULL)
		return NULL;
	if (list->at == 0 && !list->lines)
		fputs("{\"ok\":true,\"result\":[", out);
	for (size_t n = 0;
	     n < LOOKS_AT_ONCE && rows < ROWS_AT_ONCE && list->at < list->n;
	     n++) {
		rows += write_row(list, out);
		list->at++;
	}
	*ret_done = list->at == list->n;
	if (*ret_done && !list->lines)
		fputs("]}\n", out);
	else if (rows == 0 && !*ret_done)
		fputc(' ', out); /* that it has left asks for the next piece */
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

void
ctl_list_rule(const struct ctl_list *list, json_t *row,
    const struct policy *policy, const struct decision *decision)
{
	const struct policy *now = judge_policy(list->env->judge);
	bool same = policy != NULL && decision->rule != 0 &&
		    policy_generation(policy) == policy_generation(now);

	json_object_set_new(row, "rule_number",
	    same ? json_integer((json_int_t)decision->rule) : json_null());
}

static int
filter_since(struct filter *ret, const json_t *ms, char what[FILTER_WHAT])
{
	mono_t now = mono_now();
	uint64_t ns;

	if (!json_is_integer(ms) || json_integer_value(ms) < 0) {
		(void)snprintf(what, FILTER_WHAT,
		    "since_ms: expected a number"); /* fits */
		return -EINVAL;
	}
	ret->has_since = true;
	ns = (uint64_t)json_integer_value(ms);
	/* longer than the machine is up: all of it */
	ret->since.ns = ns < now.ns / MONO_MS ? now.ns - ns * MONO_MS : 0;
	return 0;
}

int
ctl_list_filter(struct filter *ret, const json_t *args, char what[FILTER_WHAT])
{
	static const char *const keys[] = { "exe", "user", "unit", "domain",
		"verdict", "address", "port" };
	const json_t *since = json_object_get(args, "since_ms");

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *value = json_object_get(args, keys[i]);
		const char *text = json_string_value(value);

		if (value == NULL)
			continue;
		if (text == NULL) {
			(void)snprintf(what, FILTER_WHAT, "%s: expected a text",
			    keys[i]); /* fits */
			return -EINVAL;
		}
		if (filter_set(ret, keys[i], text, what) < 0)
			return -EINVAL;
	}
	return since != NULL ? filter_since(ret, since, what) : 0;
}
