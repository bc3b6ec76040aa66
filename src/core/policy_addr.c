#include "src/core/policy_own.h"

#include "src/core/lists.h"

/* More are not gone through for each process that asks. */
#define ENTRIES_MAX 64

/* Whether it may be about a query's answer and not about the query, or the
 * other way round. */
static bool
is_of_addresses(const struct policy_match *m)
{
	if (m->field == FIELD_TO)
		return !m->all_addrs && (m->addrs.scopes & SCOPE_ANY) == 0;
	if (m->field != FIELD_LIST)
		return false;
	for (size_t i = 0; i < m->lists.n; i++)
		if (list_n_addrs(m->lists.indexes[m->lists.lists[i]]) > 0)
			return true;
	return false;
}

static bool
entry_is_of_addresses(const struct policy_entry *entry)
{
	for (size_t i = 0; i < entry->n_matches; i++)
		if (is_of_addresses(&entry->matches[i]))
			return (entry->direction & RULE_OUT) != 0;
	return false;
}

static bool
is_of_process(const struct policy_match *m)
{
	switch (m->field) {
	case FIELD_EXE:
	case FIELD_SCRIPT:
	case FIELD_CMD:
	case FIELD_COMM:
	case FIELD_USER:
	case FIELD_GROUP:
	case FIELD_UNIT:
	case FIELD_PARENT:
	case FIELD_PROCESS:
		return true;
	case FIELD_PROTO:
	case FIELD_FROM:
	case FIELD_TO:
	case FIELD_DOMAIN:
	case FIELD_LIST:
	case FIELD_QTYPE:
		return false;
	}
	__builtin_trap();
}

/* What is left of it says whose processes it is about: it denies, so that it
 * decides where that is in doubt. False where there is no memory. */
static bool
take_processes(
    struct arena *arena, struct policy_entry *to, const struct policy_entry *of)
{
	struct policy_match *v = arena_alloc(arena, of->n_matches, sizeof(*v));

	*to = (struct policy_entry){
		.action = ACTION_BLOCK, .direction = of->direction, .matches = v
	};
	if (v == NULL)
		return false;
	for (size_t i = 0; i < of->n_matches; i++)
		if (is_of_process(&of->matches[i]))
			v[to->n_matches++] = of->matches[i];
	return true;
}

bool
policy_addr_find(struct policy *policy, struct arena *arena)
{
	struct policy_entry *v = arena_alloc(arena, ENTRIES_MAX, sizeof(*v));
	size_t n = 0;

	if (v == NULL)
		return false;
	policy->by_addr = v;
	for (size_t i = 0; i < policy->n && !policy->all_by_addr; i++) {
		if (!entry_is_of_addresses(&policy->entries[i]))
			continue;
		if (n == ENTRIES_MAX) {
			policy->all_by_addr = true;
			break;
		}
		if (!take_processes(arena, &v[n], &policy->entries[i]))
			return false;
		policy->all_by_addr = v[n++].n_matches == 0;
	}
	policy->n_by_addr = n;
	return true;
}

bool
policy_judges_addresses(
    const struct policy *policy, const struct process *process)
{
	struct subject subject = { .query = true, .process = process };
	struct matched matched;

	for (size_t i = 0; i < policy->n_by_addr && !policy->all_by_addr; i++)
		if (policy_entry_decides(
			&policy->by_addr[i], &subject, &matched))
			return true;
	return policy->all_by_addr;
}

/* Whether it lets the query through only because the address is not known. */
static bool
may_be_elsewhere(
    const struct policy_entry *entry, const struct subject *subject)
{
	struct policy_entry sure = *entry;
	struct matched matched;

	sure.action = ACTION_BLOCK; /* this decides where it is certain */
	return entry_is_of_addresses(entry) &&
	       !policy_entry_decides(&sure, subject, &matched);
}

uint32_t
policy_denies_elsewhere(
    const struct policy *policy, const struct subject *subject, uint32_t n)
{
	struct matched matched;

	for (size_t i = n > 0 ? n - 1 : policy->n; i < policy->n; i++) {
		const struct policy_entry *entry = &policy->entries[i];

		if (!policy_entry_decides(entry, subject, &matched))
			continue;
		if (entry->action == ACTION_BLOCK ||
		    entry->action == ACTION_DROP)
			return (uint32_t)i + 1;
		if (!may_be_elsewhere(entry, subject))
			break;
	}
	return 0;
}
