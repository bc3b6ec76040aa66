#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/core/decision.h"
#include "src/core/fault.h"
#include "src/core/rules.h"
#include "src/core/subject.h"

/* The compiled rules: immutable, counted by reference, in one arena. A flow
 * keeps the generation that it was judged by. */
struct policy;

/* Where a rule came from, for people. */
struct policy_rule {
	const char *file;
	unsigned int line;
	const char *text;  /* the line, blanks folded, no comment */
	const char *label; /* NULL for none */
	bool runtime;	   /* from the command line: line is its id */
	bool waits;	   /* names a user or group that is not there */
	/* what is wrong with it now, see rules_parse_held(); NULL for nothing
	 */
	const char *fault;
};

/* What is decided where no rule matches. */
struct policy_default {
	const char *which; /* out, in, unknown or kernel */
	enum action action;
	const char *file; /* NULL: as the daemon has it, no file says so */
	unsigned int line;
};

struct accounts;
struct list_index;
struct list_table;

/* Names, borrowed. */
struct policy_words {
	const char *const *v;
	size_t n;
};

/* What a path leads to. */
enum policy_file {
	POLICY_FILE_UNKNOWN, /* or nothing that is said of it */
	POLICY_FILE_PROGRAM,
	POLICY_FILE_FOLDER,
	POLICY_FILE_SCRIPT, /* begins with #! */
	POLICY_FILE_OTHER,  /* nobody may execute it */
};

/* A user or group that a rule names, as it was when the policy was made. Nobody
 * is one that is missing: `user` matches nobody, `not user` everybody; but what
 * accepts all save one of whom nothing is known accepts nobody. */
enum policy_account_state {
	POLICY_ACCOUNT_THERE,
	POLICY_ACCOUNT_MISSING,
	/* it was there before: its number is still meant by what denies it and
	 * by what accepts others */
	POLICY_ACCOUNT_GONE,
};
struct policy_account {
	const char *name;
	bool group;
	enum policy_account_state state;
	bool unsure; /* the look-up failed: nobody could say */
	uint32_t id;
};

static inline bool
policy_account_is_known(const struct policy_account *account) /* or NULL */
{
	return account != NULL && account->state != POLICY_ACCOUNT_MISSING;
}

/* A path that rules name, or the folder of one, and where it led when they were
 * compiled: real is path itself where no symbolic link is in it, or nothing is
 * there. Where it led before, in policies that this one came from without a
 * reload, programs may still run. */
struct policy_path {
	const char *path, *real;
	bool there;
	const char **old;
	size_t n_old;
};

/* What names mean on this machine; the shell answers. user and group: 0; where
 * there is no such name -ENOENT (or what else getpwnam_r(3) names for it); any
 * other -errno is a look-up that failed, which is a fault. path: symbolic links
 * resolved, 0 or -errno where there is no such file or it does not fit. file:
 * of such a one. */
struct policy_world {
	int (*user)(void *arg, const char *name, uint32_t *ret);
	int (*group)(void *arg, const char *name, uint32_t *ret);
	int (*path)(void *arg, const char *path, char *buf, size_t size);
	enum policy_file (*file)(void *arg, const char *path);
	/* whether a group is nobody's own, though users are in it besides:
	 * these, "alice, bob"; for policy_warn() */
	bool (*besides)(
	    void *arg, const char *group, char *members, size_t size);
	/* addresses of this host, one by one from 0; false at the end */
	bool (*own)(void *arg, size_t i, struct addr *ret);
	/* servers that programs ask by resolv.conf(5), likewise */
	bool (*server)(void *arg, size_t i, struct addr *ret);
	void *arg;
	/* in force until then, borrowed: it knows who was there; or NULL, and
	 * of a daemon before this one this is what is known */
	const struct policy *before;
	const struct accounts *remembered; /* or NULL */
	/* the rules were good before: a look-up that fails is no fault, who was
	 * there is, and who was not is waited for */
	bool settled;
	/* where paths led before is forgotten, as by a reload */
	bool forget;
	/* line of the rule from the command line that somebody gives just now,
	 * in which a missing user is a slip; 0 for none */
	unsigned int given;
	/* sections of the settings: `reroute via` and `list` name them */
	struct policy_words tunnels, lists;
	/* of each tunnel: names are asked for through it, or not at all; NULL
	 * where that is not known */
	const bool *far_names;
	/* of each tunnel: it leaves by a device whose packets go out in others
	 * of this host, as a VPN's do; NULL where that is not known */
	const bool *carried;
	/* of each tunnel: names are asked for here by nobody's word, though its
	 * far end would resolve them; NULL where that is not known */
	const bool *asked_here;
	/* of each tunnel: other hosts may ask here, and would be told addresses
	 * that stand for names; NULL where that is not known */
	const bool *fakes_for_others;
	bool captures; /* queries to other servers are answered here */
	/* what is in the lists; NULL for nothing */
	const struct list_table *table;
	/* they have faults of their own: any tunnel or list may be named, and
	 * the policy is good for nothing but to find faults in rules */
	bool any;
};

/* Makes a policy with one reference; nothing of rules is borrowed. 0, -EINVAL
 * (faults were added) or -ENOMEM; ret is untouched on failure. */
int policy_compile(const struct policy **ret, const struct rules *rules,
    const struct policy_world *world, struct faults *faults);

const struct policy *policy_ref(const struct policy *policy);
void policy_unref(const struct policy *policy); /* both accept NULL */

/* A reference of who only shows what was decided: it does not keep the lists,
 * and nothing may be asked of a policy of which there are no others. */
const struct policy *policy_ref_shown(const struct policy *policy);
void policy_unref_shown(const struct policy *policy); /* both accept NULL */

/* The first rule that matches, else a default: `default unknown` or `default
 * kernel` where that is set and the process is such, else the default of the
 * direction; the receiving side of a loopback flow has the sender's yes as its
 * default (REASON_LOOPBACK). Total: always a decision.
 *
 * A query is blocked where every connection that may follow it would be: a
 * block or drop has to match whatever the address, port and protocol come to
 * be, while an accept decides where it may match. So does a reroute; where it
 * is for some addresses only, other than `any` and `internet`, the query is
 * accepted, since the address has to be known before anything can go there. */
struct decision policy_decide(
    const struct policy *policy, const struct subject *subject);

/* Whether what a query of that process is answered may be denied for its
 * addresses, where the query was not: else they need not be asked about. */
bool policy_judges_addresses(
    const struct policy *policy, const struct process *process);

/* Rule n has let such a query through, of which no address is known: the rule
 * that denies its answer, where n and others like it are for other addresses
 * than that one has. 0 where there is none. */
uint32_t policy_denies_elsewhere(
    const struct policy *policy, const struct subject *subject, uint32_t n);

/* Whether a query may be denied for its type alone; list: that denied it
 * (struct decision), or 0. */
bool policy_judges_types(const struct policy *policy, uint32_t list);

/* Types of queries that rules name which reroute, one by one from 0; false at
 * the end. */
bool policy_rerouted_type(const struct policy *policy, size_t i, uint16_t *ret);

/* Nothing changes by it, but that a decision about such a query soon after it
 * need not wait for memory. */
void policy_expect(const struct policy *policy, const struct name *name);

/* Rule n (from 1) as users know it; NULL if there is none. */
const struct policy_rule *policy_rule_get(
    const struct policy *policy, uint32_t n);
/* Whether rule n itself names that port of the far end: `port 53`, not `any
 * port`, nor by `not`. */
bool policy_rule_names_port(
    const struct policy *policy, uint32_t n, uint16_t port);
size_t policy_n_rules(const struct policy *policy);
/* Those of them that are from the command line. */
size_t policy_n_runtime(const struct policy *policy);

/* The defaults in force, one by one from 0: those of unknown and kernel only
 * where a file has them. NULL at the end. */
const struct policy_default *policy_default_get(
    const struct policy *policy, size_t i);

/* Users and groups that rules name, one by one from 0; NULL at the end. */
const struct policy_account *policy_account_get(
    const struct policy *policy, size_t i);
const struct policy_account *policy_account_find(
    const struct policy *policy, const char *name, bool group);
/* Whether it is there now and was not, or the other way round, or has another
 * number. That it can't be looked up says nothing of that. */
bool policy_account_differs(
    const struct policy_account *account, const struct policy_world *world);

/* Paths that rules name, one by one from 0; NULL at the end. */
const struct policy_path *policy_path_get(
    const struct policy *policy, size_t i);
/* Whether one of them leads elsewhere now. */
bool policy_paths_moved(
    const struct policy *policy, const struct policy_world *world);

/* The names behind decision.tunnel and decision.list; NULL for 0. */
const char *policy_tunnel(const struct policy *policy, uint32_t n);
const char *policy_list(const struct policy *policy, uint32_t n);
/* Whether a rule names that list, or tunnel. */
bool policy_names_list(const struct policy *policy, const char *name);
bool policy_names_tunnel(const struct policy *policy, const char *name);
bool policy_reroutes(const struct policy *policy); /* any tunnel */
/* Whether any is for some starts of a program and not for others: by script,
 * command line, short name or parent. */
bool policy_tells_starts(const struct policy *policy);
/* Whether a list that a rule names says so: list_wants_tcp(). */
bool policy_wants_tcp(const struct policy *policy, const struct name *name);
/* The list itself, borrowed from the policy; NULL where it is not loaded. */
const struct list_index *policy_list_index(
    const struct policy *policy, uint32_t n);

/* A number that is greater for each policy compiled in this process. */
uint64_t policy_generation(const struct policy *policy);

#endif
