#include "dns/qlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/answer.h"

struct kept {
	struct record record;
	char ede_text[ANSWER_EDE_MAX + 1]; /* of it */
	struct name *target; /* the same; owned, NULL until there was one */
};

struct qlog {
	struct kept *v;
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
		process_unref(log->v[i].record.process);
		policy_unref_shown(log->v[i].record.policy);
		free(log->v[i].target);
	}
	free(log->v);
	free(log);
}

/* Few have one. */
static const struct name *
keep_target(struct kept *kept, const struct name *target)
{
	if (target == NULL)
		return NULL;
	if (kept->target == NULL)
		kept->target = malloc(sizeof(*kept->target));
	if (kept->target != NULL)
		*kept->target = *target;
	return kept->target;
}

void
qlog_add(struct qlog *log, const struct record *record)
{
	const struct process *process;
	const struct policy *policy;
	struct kept *kept;
	struct record *to;

	if (log->max == 0)
		return;
	kept = &log->v[log->end++ % log->max];
	to = &kept->record;
	process = to->process;
	policy = to->policy;
	/* the name is the last, and mostly short */
	memcpy(to, record,
	    offsetof(struct record, qname.wire) + record->qname.len);
	to->target = keep_target(kept, record->target);
	kept->ede_text[0] = '\0';
	if (record->ede_text[0] != '\0') /* seldom */
		(void)snprintf(kept->ede_text, sizeof(kept->ede_text), "%s",
		    record->ede_text); /* as long as it is told */
	to->ede_text = kept->ede_text;
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
	return &log->v[number % log->max].record;
}
