#ifndef LINUX_CHAINS_H
#define LINUX_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Our chains in the legacy tables, by libiptc: C170, C171 (mangle), C17
 * (filter) and the jumps to them, exactly the specification's rules and the
 * additions of design.md section 2. */
enum chains_family {
	CHAINS_IP4,
	CHAINS_IP6,
};

enum chains_table {
	CHAINS_MANGLE,
	CHAINS_NAT,
	CHAINS_FILTER,
};

/* A text for people: what failed, and what to do about it. */
struct chains_error {
	char text[256];
};

/* Puts the rules of one family in, in the order mangle, nat, filter, one
 * commit a table; leftovers of a crash are taken out in the same commit. On
 * failure nothing of ours is left in that family. 0 or -errno with *ret_error
 * set: -EPERM (no CAP_NET_ADMIN), -ENOENT, -ENOPROTOOPT or -EPROTONOSUPPORT
 * (tables or targets that the kernel lacks), -EAFNOSUPPORT (no such family at
 * all), -EBUSY (the xtables lock is held by another for 2 s), -EAGAIN (others
 * kept changing the table). */
int chains_install(enum chains_family family, struct chains_error *ret_error);

/* Takes everything of ours out, in the order filter, nat, mangle; foreign
 * rules and counters stay. Of ours is what jumps to our chains from anywhere,
 * too. 0 also when nothing was there. */
int chains_remove(enum chains_family family, struct chains_error *ret_error);

/* Compares what is in the kernel with what ought to be: 0 when all stands as
 * installed; 1 when not, with each difference reported; -errno. */
typedef void chains_report_fn(void *arg, const char *difference);
int chains_verify(enum chains_family family, chains_report_fn *report,
    void *arg, struct chains_error *ret_error);

/* Whether this kernel has the legacy tables for the family, and IPv6 at all. */
bool chains_available(enum chains_family family);

/* One line of a rule, in the form of iptables-save, with packet and byte
 * counters: what `firewall show` prints. */
typedef void chains_rule_fn(void *arg, enum chains_table table,
    const char *line, unsigned long long packets, unsigned long long bytes);
int chains_show(enum chains_family family, chains_rule_fn *fn, void *arg,
    struct chains_error *ret_error);

const char *chains_family_name(enum chains_family family); /* ip4, ip6 */
const char *chains_table_name(enum chains_table table);

#endif
