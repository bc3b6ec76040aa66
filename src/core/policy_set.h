#ifndef CORE_POLICY_SET_H
#define CORE_POLICY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/core/rule.h"
#include "src/core/subject.h"

/* The compiled rules: what policy_compile.c builds, policy_index.c finds
 * candidates in, and policy.c asks. All sets are sorted and without overlap. */

struct list_index;

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

/* Names as on the wire. */
struct domain_set {
	const struct set_text *whole; /* that name */
	size_t n_whole;
	const struct set_text *below; /* every name below it */
	size_t n_below;
};

/* Lists of the policy, by number from 1. */
struct list_set {
	const uint32_t *lists;
	size_t n;
	const struct list_index *const *indexes; /* of all of them, from 1 */
};

/* What a match holds. */
enum set_kind {
	SET_ENDS, /* addresses, ports */
	SET_IDS,
	SET_TEXTS,
	SET_PROCESSES,
	SET_DOMAINS,
	SET_LISTS,
};
enum set_kind set_kind_of(enum rule_field field);

struct policy_match {
	enum rule_field field;
	bool negated;
	bool all_addrs; /* from, to: no address given */
	bool narrow;	/* to: addresses that are not the internet at large */
	union {
		struct addr_set addrs;	   /* SET_ENDS */
		struct id_set ids;	   /* SET_IDS */
		struct text_set texts;	   /* SET_TEXTS */
		unsigned int processes;	   /* SET_PROCESSES: bits */
		struct domain_set domains; /* SET_DOMAINS */
		struct list_set lists;	   /* SET_LISTS */
	};
	struct port_set ports; /* SET_ENDS; n is 0 for all */
};

struct policy_entry {
	enum action action;
	uint32_t tunnel; /* from 1; 0 for none */
	bool once;
	enum rule_direction direction;
	const struct policy_match *matches;
	size_t n_matches;
};

/* Whether the subject is one of those that the rule is about. Of a query not
 * all is known: then it may be that only some of the connections that follow
 * are. */
enum match {
	MATCH_NO,
	MATCH_MAYBE,
	MATCH_DOUBT, /* it was then, or ought to be: nobody knows what it is */
	MATCH_YES,
};

/* An address of NAT64 (addr_nat64()) is also the one where it leads; in doubt
 * where that is none of the internet. */
enum match addr_set_match(const struct addr_set *set, const struct addr *addr,
    bool own /* is of this host */);
bool port_set_has(const struct port_set *set, uint16_t port);
bool id_set_has(const struct id_set *set, uint32_t id);
bool text_set_has(const struct text_set *set, const char *s, size_t len);

/* Order of literals. */
int set_text_cmp(const struct set_text *a, const struct set_text *b);

/* The next name of a unit that a cgroup path is in; false at the end. *at
 * starts zeroed. A part is a name, but below a service, scope or container the
 * name begins with that one (see procline_unit()). The number of a container is
 * a name of it, too, and so is how that one begins. */
struct cgroup_at {
	size_t at;
	const char *owner;  /* NULL: named by the system so far */
	struct set_text id; /* len 0: none */
};
bool cgroup_part(const char *path, struct cgroup_at *at, struct set_text *ret);

bool domain_set_has(const struct domain_set *set, const struct name *name);

/* What matched, where something did; all count from 1, 0 is none. */
struct matched {
	uint8_t host;
	uint32_t list;
	bool narrow; /* not certain, for what the address is alone */
};

/* True if the rule decides about the subject, as far as it is asked; else *ret
 * may be of a match that does not decide. One that may match decides about a
 * query where it lets it through, and else not; in doubt where it denies.
 *
 * What names a program (exe, cmd, comm, user, group, unit, parent) never
 * matches a process that is unknown or the kernel's, with `not` neither: what
 * is not known is not guessed, and `default unknown` decides. For a program
 * whose executable is not a file of this mount namespace (memfd, container),
 * exe never matches and `not exe` always does: it is surely not that file. One
 * that was deleted from its path is in doubt, with and without `not`: the same
 * for a parent. A connection whose address has no name that is known is surely
 * to no such domain: `not domain` matches it. qtype, with `not` too, is about
 * queries only. */
bool policy_entry_decides(const struct policy_entry *entry,
    const struct subject *subject, struct matched *ret);

#endif
