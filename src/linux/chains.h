#ifndef LINUX_CHAINS_H
#define LINUX_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mono.h"

/* Our chains C170, C171, C172 (mangle), C17 (filter), C173 (security) and the
 * jumps to them: exactly the specification's rules and the additions of
 * design.md section 2. */
enum chains_family {
	CHAINS_IP4,
	CHAINS_IP6,
};

enum chains_table {
	CHAINS_MANGLE,
	CHAINS_NAT,
	CHAINS_FILTER,
	CHAINS_SECURITY, /* where the kernel has it */
};

/* How the rules get into the kernel, and into which tables. */
enum chains_backend {
	CHAINS_LIBIPTC, /* the legacy tables */
	CHAINS_RESTORE, /* nf_tables, by the programs of iptables-nft */
};

#define CHAINS_N_BACKENDS (CHAINS_RESTORE + 1)

/* What the rules of a family depend on. */
struct chains_setup {
	enum chains_backend backend;
	bool final;	/* accepted packets skip the rules of others */
	bool fail_open; /* with nobody at the queues packets pass */
	/* packets of accepted flows get their mark in filter alone, and are
	 * not routed a second time for it: not where others may ask for it, or
	 * save it, before */
	bool late;
};

/* A text for people: what failed, and what to do about it. */
struct chains_error {
	char text[256];
};

typedef void chains_report_fn(void *arg, const char *text);

/* Puts the rules of one family in, in the order nat, mangle, filter, security,
 * one commit a table; leftovers of a crash are taken out in the same commit. On
 * failure nothing of ours is left in that family, unless it was there before
 * and setup says closed. 0, 1 (rules of ours were there before) or -errno with
 * *ret_error set: -EPERM (no CAP_NET_ADMIN), -ENOENT, -ENOPROTOOPT or
 * -EPROTONOSUPPORT (tables or targets that the kernel lacks), -EAFNOSUPPORT (no
 * such family at all), -EBUSY (the xtables lock is held by another for 2 s),
 * -EAGAIN (others kept changing the table). */
int chains_install(enum chains_family family, const struct chains_setup *setup,
    struct chains_error *ret_error);

struct chains_removal {
	bool tunnels; /* what goes through them is ended, before nat goes */
	bool insists; /* the lock is waited for until then, or done without */
	mono_t until;
};

/* Takes everything of ours out, in the reverse order; foreign
 * rules and counters stay. Of ours is what jumps to our chains from anywhere,
 * too. 0 also when nothing was there; 1 where it had to be done without the
 * lock, and *ret_error says so. */
int chains_remove(enum chains_backend backend, enum chains_family family,
    const struct chains_removal *how, struct chains_error *ret_error);

/* All tables of a family as they stood when they were read: what others do to
 * them meanwhile shows in the next reading. */
struct chains_tables;

/* Takes no lock. 0 or -errno. */
int chains_tables_read(struct chains_tables **ret, enum chains_backend backend,
    enum chains_family family, struct chains_error *ret_error);
void chains_tables_free(struct chains_tables *tables); /* accepts NULL */

/* Compares what is there with what ought to be: true when all stands as
 * installed; else each difference is reported. */
bool chains_verify(const struct chains_tables *tables,
    const struct chains_setup *setup, chains_report_fn *report, void *arg);

/* Puts right the tables that chains_verify() finds wrong, each in one commit
 * and in the order of chains_install(), so that no packet passes that did not
 * pass before; what can't be put right is left as it is. Differences are
 * reported. 0: all stood, 1: put right, -errno. */
int chains_repair(const struct chains_tables *tables,
    const struct chains_setup *setup, chains_report_fn *report, void *arg,
    struct chains_error *ret_error);

/* Whether packets that leave C17 unharmed meet anything in filter's INPUT and
 * OUTPUT: rules of others, or a policy that is not ACCEPT. */
bool chains_others(const struct chains_tables *tables);

/* Whether others have rules, of iptables or of nftables, that a packet may meet
 * between mangle's OUTPUT or INPUT and filter's. True where that can't be
 * known. */
bool chains_between(const struct chains_tables *tables);

/* Reports each rule of others in mangle OUTPUT that changes a mark behind our
 * jump: what we put on the packet would be lost; and a routing rule that a mark
 * of ours undoes. How many. */
size_t chains_spoilers(
    const struct chains_tables *tables, chains_report_fn *report, void *arg);

/* A number that changes when the tables do, whoever changes them: cheap, and
 * takes no lock. *ret_partial: a table is so large that only its size and
 * layout were looked at. 0 or -errno. */
int chains_state(enum chains_backend backend, enum chains_family family,
    uint64_t *ret_state, bool *ret_partial);

/* Whether this machine has the backend's tables for the family, and IPv6 at
 * all. */
bool chains_available(enum chains_backend backend, enum chains_family family);

/* One line of a rule, in the form of iptables-save, with packet and byte
 * counters: what `firewall show` prints. */
typedef void chains_rule_fn(void *arg, enum chains_table table,
    const char *line, unsigned long long packets, unsigned long long bytes);
void chains_show(
    const struct chains_tables *tables, chains_rule_fn *fn, void *arg);

const char *chains_family_name(enum chains_family family); /* ip4, ip6 */
const char *chains_table_name(enum chains_table table);
const char *chains_backend_name(enum chains_backend backend);

#endif
