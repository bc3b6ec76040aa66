#include <stdlib.h>
#include <string.h>

#include "src/core/flow.h"
#include "src/core/policy.h"

/* What a flow tells of itself, when its policy is gone or it has ended. */
struct flow_rule {
	unsigned int refs, line;
	enum action action;
	enum reason reason;
	uint8_t host;
	/* where they begin in text; 0: there is none */
	size_t label, tunnel, list;
	char text[]; /* the file, "" for no rule; then those */
};

struct flow_rule *
flow_rule_ref(struct flow_rule *rule)
{
	if (rule != NULL)
		rule->refs++;
	return rule;
}

void
flow_rule_unref(struct flow_rule *rule)
{
	if (rule != NULL && --rule->refs == 0)
		free(rule);
}

static size_t
size_of(const char *s)
{
	return s != NULL ? strlen(s) + 1 : 0;
}

/* Puts s at *end, behind what is there. Where it begins; 0: there is none. */
static size_t
put_text(struct flow_rule *rule, size_t *end, const char *s)
{
	size_t at = *end, size = size_of(s);

	if (size == 0)
		return 0;
	memcpy(rule->text + at, s, size);
	*end += size;
	return at;
}

static struct flow_rule *
flow_rule_new(const struct flow_shown *shown)
{
	const char *file = shown->file != NULL ? shown->file : "";
	size_t end = 0;
	struct flow_rule *rule =
	    malloc(sizeof(*rule) + size_of(file) + size_of(shown->label) +
		   size_of(shown->tunnel) + size_of(shown->list));

	if (rule == NULL)
		return NULL; /* then it is not shown */
	*rule = (struct flow_rule){ .refs = 1,
		.line = shown->line,
		.action = shown->action,
		.reason = shown->reason,
		.host = shown->host };
	(void)put_text(rule, &end, file);
	rule->label = put_text(rule, &end, shown->label);
	rule->tunnel = put_text(rule, &end, shown->tunnel);
	rule->list = put_text(rule, &end, shown->list);
	return rule;
}

static const char *
text_at(const struct flow_rule *rule, size_t at)
{
	return at > 0 ? rule->text + at : NULL;
}

/* What a decision by that policy (NULL: none) is shown as. */
static struct flow_shown
shown_by(const struct policy *policy, const struct decision *d)
{
	const struct policy_rule *rule = policy_rule_get(policy, d->rule);
	struct flow_shown shown = {
		.action = d->action, .reason = d->reason, .host = d->host
	};

	if (policy != NULL) {
		shown.tunnel = policy_tunnel(policy, d->tunnel);
		shown.list = policy_list(policy, d->list);
	}
	if (rule != NULL) {
		shown.file = rule->file;
		shown.label = rule->label;
		shown.line = rule->line;
	}
	return shown;
}

bool
flow_shown(const struct flow *flow, struct flow_shown *ret)
{
	const struct flow_rule *was = flow->was;

	if (was == NULL)
		*ret = shown_by(flow->policy, &flow->decision);
	else
		*ret = (struct flow_shown){ was->text[0] != '\0' ? was->text
								 : NULL,
			text_at(was, was->label), text_at(was, was->tunnel),
			text_at(was, was->list), was->line, was->action,
			was->reason, was->host };
	return ret->file != NULL;
}

static struct flow_rule *
what_is_shown(const struct flow *flow)
{
	struct flow_shown shown;

	(void)flow_shown(flow, &shown);
	return flow_rule_new(&shown);
}

void
flow_part(struct flow *flow)
{
	struct flow_rule *was = what_is_shown(flow);

	flow_set_policy(flow, NULL);
	flow->was = was;
}

void
flow_end(
    struct flow *flow, const struct policy *policy, const struct decision *d)
{
	struct flow_rule *was = what_is_shown(flow);

	flow->decision = *d;
	flow_set_policy(flow, policy);
	flow->was = was;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
flow_went_so(const struct flow *flow)
{
	struct flow_shown now = shown_by(flow->policy, &flow->decision), then;

	(void)flow_shown(flow, &then);
	return now.action == then.action && same_text(now.tunnel, then.tunnel);
}

bool
flow_decide_alike(
    struct flow *flow, const struct policy *policy, const struct decision *d)
{
	struct flow_shown now = shown_by(policy, d), then;
	struct flow_rule *was = NULL;

	(void)flow_shown(flow, &then);
	if (now.line != then.line || now.action != then.action ||
	    now.reason != then.reason || now.host != then.host ||
	    !same_text(now.file, then.file) ||
	    !same_text(now.label, then.label) ||
	    !same_text(now.tunnel, then.tunnel) ||
	    !same_text(now.list, then.list))
		was = flow_rule_new(&then);
	flow->decision = *d;
	flow_set_policy(flow, policy);
	flow->was = was;
	return was != NULL;
}

void
flow_show_anew(struct flow *flow)
{
	flow_rule_unref(flow->was);
	flow->was = NULL;
}

static uint8_t
host_index(const struct flow *flow)
{
	uint8_t n = flow->was != NULL ? flow->was->host : flow->decision.host;

	return n > 0 && n <= flow->hosts->n ? (uint8_t)(n - 1) : 0;
}

const struct name *
flow_host(const struct flow *flow)
{
	return flow->hosts != NULL ? flow->hosts->v[host_index(flow)] : NULL;
}

bool
flow_was_told_host(const struct flow *flow)
{
	return flow->hosts != NULL &&
	       host_names_was_told(flow->hosts, host_index(flow));
}
