#ifndef CORE_COMPILER_H
#define CORE_COMPILER_H

#include <stdbool.h>

#include "src/base/arena.h"
#include "src/base/map.h"
#include "src/core/policy.h"
#include "src/core/policy_set.h"
#include "src/core/rule.h"

struct account;
struct path;

/* A policy being made: shared by policy_compile.c and others of its parts. */
struct compiler {
	const struct rules *rules;
	const struct policy_world *world;
	struct faults *faults;
	struct arena *arena;	  /* of the policy */
	struct arena *scratch;	  /* of names */
	struct map names;	  /* users and groups asked for */
	struct account *accounts; /* the same, the last first */
	size_t n_accounts;
	struct map paths;	 /* paths of executables asked for */
	struct path *first_path; /* the same, the last first */
	size_t n_paths;
	const struct rule *rule; /* that is being compiled */
	bool waits;		 /* it names one that is not there */
	const char *fault;	 /* of a rule that is held; NULL for none */
	bool faulty;		 /* the match of it that is being compiled */
	const struct list_index **indexes; /* of the lists, from 1 */
	bool *lists_named;		   /* by a rule; as these */
	bool nomem;
};

/* In the policy's arena; NULL (and nomem) when there is no memory. */
void *compiler_alloc(struct compiler *c, size_t n, size_t size);

/* "WHAT 'value'" at the value's place. */
void compiler_fault(struct compiler *c, const struct rule_value *v,
    const char *what, const char *expected);

/* Whether the rule is one whose faults don't count: then this one is kept. */
bool compiler_holds(struct compiler *c, const char *what);

/* The names of `domain`, and the lists of `list`. */
void compiler_domains(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values);
void compiler_lists(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values);

/* The numbers of `user` and `group`, as far as they count, in ret_ids, which
 * has room for all; returns how many. */
size_t compiler_accounts(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values, uint32_t *ret_ids);

/* Who was asked for goes with the policy. */
void compiler_keep_accounts(struct compiler *c, struct policy *policy);

/* Where the path's symbolic links lead; NULL where nothing can be there, or
 * there is no memory (nomem). */
const struct policy_path *compiler_path(struct compiler *c, const char *path);
/* What was asked for goes with the policy. */
void compiler_keep_paths(struct compiler *c, struct policy *policy);

/* Finds what is in each list of the settings. */
void compiler_indexes(struct compiler *c);

/* The number, from 1, of the tunnel that the rule names; 0 for none. */
uint32_t compiler_tunnel(struct compiler *c, const struct rule *rule);

/* A copy in the policy's arena. */
struct policy_words compiler_words(
    struct compiler *c, const struct policy_words *words);

/* The values of exe, cmd, comm, unit and parent: literals and globs, paths
 * also as they are with symbolic links resolved. */
void compiler_texts(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values);

#endif
