#ifndef CORE_POLICY_WARN_OWN_H
#define CORE_POLICY_WARN_OWN_H

#include "src/core/fault.h"
#include "src/core/policy_own.h"
#include "src/core/rule.h"
#include "src/core/rules.h"

/* For policy_warn() alone. */

void policy_warn_at(struct faults *warnings, const struct rules *rules,
    const struct rule_place *place, const char *what);

/* What is wrong with single values of a rule: executables, users and groups
 * that are not there, names that none has. */
void policy_warn_values(const struct policy *policy, const struct rules *rules,
    const struct rule *rule, const struct policy_world *world,
    struct faults *warnings);

/* What goes by a rule another way than is meant: queries past what denies names
 * behind it, those of what a tunnel is
 * for, those to other servers past what denies names before it, and what
 * carries a tunnel into that. */
void policy_warn_ways(const struct policy *policy, const struct rules *rules,
    size_t n, const struct policy_world *world, struct faults *warnings);

/* Defaults of the files that a rule for everything leaves nothing to. */
void policy_warn_defaults(const struct policy *policy,
    const struct rules *rules, struct faults *warnings);

/* As many as resolv.conf(5) has. */
#define POLICY_SERVERS_MAX 3

struct policy_warn_cut {
	const struct policy *policy;
	const struct rules *rules;
	struct faults *warnings;
	struct addr servers[POLICY_SERVERS_MAX]; /* that programs ask */
	size_t n_servers;
	size_t steps; /* comparisons that are left */
};

/* What denies a program all else denies it the resolver: it can't ask for the
 * names that are let through, and not for those of what is. */
void policy_warn_cut(struct policy_warn_cut *cut, size_t n);

/* NULL where the rule has none of that field. */
const struct policy_match *policy_warn_match(
    const struct policy_entry *entry, enum rule_field field);

/* One bit for each. */
unsigned int policy_warn_fields(const struct policy_entry *entry);

/* Whether its addresses are some, and all of them loopback's. */
bool policy_warn_is_loopback(const struct policy_match *m);

bool policy_warn_denies(const struct policy_entry *entry);

/* Whether `later` denies names, maybe to some of whom `first` is about. */
bool policy_warn_denies_names(
    const struct policy_entry *first, const struct policy_entry *later);

bool policy_warn_has_program(const struct policy_entry *entry);

/* Whether all whom a is about are among those of b. */
bool policy_warn_programs_within(
    const struct policy_entry *a, const struct policy_entry *b);

#endif
