#ifndef CORE_POLICY_SET_H
#define CORE_POLICY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/core/rule.h"
#include "src/core/subject.h"

/* The compiled rules: what policy_compile.c builds, policy_index.c finds
 * candidates in, and policy.c asks. All sets are sorted and without overlap. */

struct set_text {
	const char *s;
	size_t len;
};

struct addr_set {
	unsigned int scopes;
	const struct addr_range *ranges;
	size_t n_ranges;
};

struct port_set {
	const struct rule_ports *ranges;
	size_t n;
};

struct id_set {
	const uint32_t *ids;
	size_t n;
};

struct text_set {
	const struct set_text *literals;
	size_t n_literals;
	const char *const *globs;
	size_t n_globs;
};

struct policy_match {
	enum rule_field field;
	bool negated;
	bool all_addrs; /* from, to: no address given */
	union {
		struct addr_set addrs;	/* from, to */
		struct id_set ids;	/* user, group, proto */
		struct text_set texts;	/* exe, cmd, comm, unit, parent */
		unsigned int processes; /* process */
	};
	struct port_set ports; /* from, to; n is 0 for all */
};

struct policy_entry {
	enum action action;
	bool once;
	enum rule_direction direction;
	const struct policy_match *matches;
	size_t n_matches;
};

bool addr_set_has(const struct addr_set *set, const struct addr *addr,
    bool own /* is of this host */);
bool port_set_has(const struct port_set *set, uint16_t port);
bool id_set_has(const struct id_set *set, uint32_t id);
bool text_set_has(const struct text_set *set, const char *s, size_t len);

/* Order of literals. */
int set_text_cmp(const struct set_text *a, const struct set_text *b);

/* The next part of a cgroup path that holds no '/'; false at the end. *at
 * starts as 0. */
bool cgroup_part(const char *path, size_t *at, struct set_text *ret);

/* True if the subject is one of those that the rule is about.
 *
 * What names a program (exe, cmd, comm, user, group, unit, parent) never
 * matches a process that is unknown or the kernel's, with `not` neither: what
 * is not known is not guessed, and `default unknown` decides. For a program
 * whose executable is not a file of this mount namespace (deleted, memfd,
 * container), exe never matches and `not exe` always does: it is surely not
 * that file. */
bool policy_entry_matches(
    const struct policy_entry *entry, const struct subject *subject);

#endif
