#include "src/core/history.h"

#include <stdlib.h>

#include "src/core/policy.h"

struct history {
	size_t max;
	uint64_t end;
	struct flow *flows;
};

struct history *
history_new(size_t max)
{
	struct history *history = calloc(1, sizeof(*history));

	if (history == NULL)
		return NULL;
	history->max = max;
	history->flows = calloc(max > 0 ? max : 1, sizeof(struct flow));
	if (history->flows == NULL) {
		free(history);
		return NULL;
	}
	return history;
}

static void
forget(struct flow *flow)
{
	process_unref(flow->process);
	policy_unref_shown(flow->policy);
	flow_rule_unref(flow->was);
	host_names_unref(flow->hosts);
}

void
history_free(struct history *history)
{
	if (history == NULL)
		return;
	/* what was never used holds NULLs */
	for (size_t i = 0; i < history->max; i++)
		forget(&history->flows[i]);
	free(history->flows);
	free(history);
}

void
history_add(struct history *history, const struct flow *flow)
{
	struct flow *place;

	if (history->max == 0)
		return;
	place = &history->flows[history->end++ % history->max];
	forget(place);
	*place = *flow;
	place->process = process_ref(flow->process);
	place->policy = policy_ref_shown(flow->policy);
	place->was = flow_rule_ref(flow->was);
	place->hosts = host_names_ref(flow->hosts);
}

uint64_t
history_begin(const struct history *history)
{
	return history->end > history->max ? history->end - history->max : 0;
}

uint64_t
history_end(const struct history *history)
{
	return history->end;
}

const struct flow *
history_get(const struct history *history, uint64_t number)
{
	if (number < history_begin(history) || number >= history->end)
		return NULL;
	return &history->flows[number % history->max];
}
