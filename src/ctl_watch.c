#include "src/ctl_watch.h"

#include <stdlib.h>

#include "dns/qlog.h"
#include "src/core/history.h"
#include "src/ctl_dns.h"
#include "src/ctl_list.h"
#include "src/ctl_show.h"
#include "src/json_query.h"

/* Decisions looked at for a backlog. */
#define BACKLOG_LOOKS 16384

/* What was kept: the number of a connection's decision, or of a query. */
struct past {
	uint64_t number;
	bool query;
};

/* Behind the youngest that were not looked at yet. */
struct backlog {
	const struct ctl_env *env;
	uint64_t flows, queries;
};

static bool
has_query(const struct filter *filter, const struct record *record)
{
	char host[NAME_TEXT_SIZE];
	struct filter_row row = ctl_dns_row(record, host);

	return filter_match(filter, &row);
}

static json_t *
past_row(const struct ctl_list *list, size_t i)
{
	const struct past *all = list->rows;
	const struct past *past = &all[list->n - 1 - i]; /* the oldest first */
	const struct record *record;
	const struct flow *flow;

	if (past->query) {
		record = qlog_get(list->env->qlog, past->number);
		return record != NULL ? json_event("query",
					    json_query(record, &list->time))
				      : NULL;
	}
	flow = history_get(list->env->history, past->number);
	return flow != NULL ? json_event("flow", json_flow(flow, &list->time))
			    : NULL;
}

/* The youngest that was not looked at, and whether the filter asks for it.
 * False: there is none. */
static bool
take_one(struct backlog *b, const struct filter *filter, struct past *ret,
    bool *ret_wanted)
{
	const struct ctl_env *env = b->env;
	const struct flow *flow = b->flows > history_begin(env->history)
				      ? history_get(env->history, b->flows - 1)
				      : NULL;
	const struct record *record = b->queries > qlog_begin(env->qlog)
					  ? qlog_get(env->qlog, b->queries - 1)
					  : NULL;

	if (flow == NULL && record == NULL)
		return false;
	ret->query = flow == NULL ||
		     (record != NULL && mono_before(flow->last, record->time));
	ret->number = ret->query ? --b->queries : --b->flows;
	*ret_wanted =
	    ret->query ? has_query(filter, record) : ctl_show_has(filter, flow);
	return true;
}

/* The last `wanted` that the filter asks for. NULL when there is no memory. */
static struct ctl_list *
backlog(const struct ctl_env *env, const struct filter *filter, uint64_t wanted)
{
	static const struct ctl_list_ops ops = { .row = past_row };
	struct past *all = calloc(BACKLOG_LOOKS, sizeof(all[0]));
	struct backlog b = { env, history_end(env->history),
		qlog_end(env->qlog) };
	struct ctl_list *list;
	bool is_wanted;
	size_t n = 0;

	if (all == NULL)
		return NULL;
	for (unsigned int i = 0; i < BACKLOG_LOOKS && n < wanted &&
				 take_one(&b, filter, &all[n], &is_wanted);
	     i++)
		n += is_wanted;
	list = ctl_list_new(env, &ops, all, n);
	if (list == NULL)
		return NULL;
	list->filter = *filter;
	list->lines = true;
	return list;
}

enum ctl_answer
ctl_watch(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	struct filter *filter = malloc(sizeof(*filter));
	const json_t *wanted = json_object_get(args, "backlog");
	char what[FILTER_WHAT] = "backlog: expected a number";

	if (filter == NULL)
		return CTL_LINE;
	if ((wanted != NULL &&
		(!json_is_integer(wanted) || json_integer_value(wanted) < 0)) ||
	    ctl_list_filter(filter, args, what) < 0) {
		free(filter);
		*ret_line = ctlmsg_error(CTLMSG_BAD_ARGS, what);
		return CTL_LINE;
	}
	if (json_integer_value(wanted) > 0)
		ret_job->list =
		    backlog(env, filter, (uint64_t)json_integer_value(wanted));
	else if (wanted == NULL && filter->has_since)
		ret_job->list = backlog(env, filter, UINT64_MAX);
	/* what comes is of now: --since is for the backlog */
	filter->has_since = false;
	ret_job->watch = filter;
	return CTL_WATCH;
}
