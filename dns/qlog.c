#include "dns/qlog.h"

#include <stdlib.h>
#include <string.h>

struct qlog {
	struct record *v;
	size_t max;
	uint64_t end;
};

struct qlog *
qlog_new(size_t max)
{
	struct qlog *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	log->max = max;
	log->v = calloc(max + 1, sizeof(log->v[0]));
	if (log->v == NULL) {
		free(log);
		return NULL;
	}
	return log;
}

void
qlog_free(struct qlog *log)
{
	if (log == NULL)
		return;
	for (size_t i = 0; i < log->max; i++) {
		process_unref(log->v[i].process);
		policy_unref_shown(log->v[i].policy);
	}
	free(log->v);
	free(log);
}

void
qlog_add(struct qlog *log, const struct record *record)
{
	const struct process *process;
	const struct policy *policy;
	struct record *to;

	if (log->max == 0)
		return;
	to = &log->v[log->end++ % log->max];
	process = to->process;
	policy = to->policy;
	/* the name is the last, and mostly short */
	memcpy(to, record,
	    offsetof(struct record, qname.wire) + record->qname.len);
	to->target = NULL;
	to->process = process_ref(record->process);
	to->policy = policy_ref_shown(record->policy);
	process_unref(process);
	policy_unref_shown(policy);
}

uint64_t
qlog_begin(const struct qlog *log)
{
	return log->end > log->max ? log->end - log->max : 0;
}

uint64_t
qlog_end(const struct qlog *log)
{
	return log->max > 0 ? log->end : 0;
}

const struct record *
qlog_get(const struct qlog *log, uint64_t number)
{
	if (number < qlog_begin(log) || number >= qlog_end(log))
		return NULL;
	return &log->v[number % log->max];
}
