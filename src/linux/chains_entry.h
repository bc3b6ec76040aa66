#ifndef LINUX_CHAINS_ENTRY_H
#define LINUX_CHAINS_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/linux/chains_rule.h"

/* The kernel's form of a rule: struct ipt_entry or ip6t_entry, matches,
 * target. Byte for byte what iptables-legacy 1.8.9 makes of the same text. */

/* Room for the header, three matches and a target: 680 bytes at most. */
#define CHAINS_ENTRY_SIZE 1024

struct chains_entry {
	_Alignas(8) uint8_t bytes[CHAINS_ENTRY_SIZE];
	size_t len;
};

void chains_entry_build(struct chains_entry *ret,
    const struct chains_rule *rule, enum chains_family family);

/* enum chains_state as the bits of the match conntrack. */
uint16_t chains_entry_states(unsigned int states);

/* A rule that libiptc read: target is the name that libiptc gives for it. */
struct chains_found {
	const void *entry; /* struct ipt_entry or ip6t_entry */
	const char *target;
};

/* True if the rule found says what the built one says; counters are left
 * out. */
bool chains_entry_equal(enum chains_family family,
    const struct chains_found *found, const struct chains_entry *built);

/* The rule found as a value; -ENOTSUP when it says more than struct
 * chains_rule can. ret->jump borrows found->target. */
int chains_entry_parse(enum chains_family family,
    const struct chains_found *found, struct chains_rule *ret);

/* The rule found as text; one that is not ours to understand is named by its
 * matches and target. Returns buf. */
const char *chains_entry_format(enum chains_family family,
    const struct chains_found *found, const char *chain, char *buf,
    size_t size);

void chains_entry_counters(enum chains_family family, const void *entry,
    unsigned long long *ret_packets, unsigned long long *ret_bytes);

#endif
