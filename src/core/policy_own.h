#ifndef CORE_POLICY_OWN_H
#define CORE_POLICY_OWN_H

#include "src/base/arena.h"
#include "src/core/policy.h"
#include "src/core/policy_index.h"
#include "src/core/policy_set.h"
#include "src/core/rule.h"

/* Behind struct policy: made by policy_compile.c, asked by policy.c. All of
 * it, itself too, lies in the arena. */
struct policy {
	struct arena *arena;
	unsigned int refs; /* of both kinds */
	unsigned int uses; /* of who asks: the lists are kept for these */
	uint64_t generation;
	const struct policy_entry *entries;
	const struct policy_rule *rules; /* as users know the entries */
	size_t n;
	const struct policy_index *flows, *queries;
	/* whose processes' answers are judged by their addresses, too */
	const struct policy_entry *by_addr;
	size_t n_by_addr;
	bool all_by_addr;
	bool by_type; /* some rule is for queries of some types */
	/* types of queries that rules name which reroute */
	struct id_set rerouted;
	/* as the world named them */
	struct policy_words tunnels, lists;
	/* users and groups that rules name, in order */
	const struct policy_account *accounts;
	size_t n_accounts;
	/* paths that rules name, in order */
	const struct policy_path *paths;
	size_t n_paths;
	const struct list_table *table;	   /* a reference, or NULL */
	const struct list_index **indexes; /* of the lists, from 1; or NULL */
	const bool *lists_named;	   /* by a rule; as these */
	struct policy_default defaults[RULE_N_DEFAULTS];
};

/* Fills in by_addr and what goes with it; false when there is no memory. */
bool policy_addr_find(struct policy *policy, struct arena *arena);

#endif
