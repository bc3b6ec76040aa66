#ifndef LINUX_CHAINS_RULE_H
#define LINUX_CHAINS_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/linux/chains.h"

/* Kernel names of chains are at most 31 bytes and a NUL. libiptc compares
 * whole buffers of this size. */
#define CHAINS_NAME_SIZE 32

#define CHAINS_N_TABLES (CHAINS_FILTER + 1)
#define CHAINS_N_FAMILIES (CHAINS_IP6 + 1)

enum chains_target {
	CHAINS_JUMP,   /* to the chain `jump` */
	CHAINS_ACCEPT, /* the rest take no argument but: */
	CHAINS_DROP,
	CHAINS_RETURN,
	CHAINS_REJECT,	     /* host, or administratively, prohibited */
	CHAINS_QUEUE,	     /* queue, bypassed when nobody listens */
	CHAINS_SET_MARK,     /* set */
	CHAINS_RESTORE_MARK, /* connection's mark to packet */
	CHAINS_SAVE_MARK,    /* packet's mark to connection */
	CHAINS_DNAT,	     /* to, to_port */
};

/* What one rule of one family says: a value, whatever its form in the
 * kernel. */
struct chains_rule {
	uint8_t proto;	/* IPPROTO_*; 0 for any */
	uint16_t dport; /* of UDP; 0 for any */
	bool related;	/* conntrack calls the packet RELATED */
	bool has_mark;	/* the packet has the mark `mark` */
	uint32_t mark;
	enum chains_target target;
	const char *jump; /* borrowed */
	uint16_t queue;
	uint32_t set;
	struct addr to;
	uint16_t to_port; /* 0: the address alone is changed */
};

/* The rules that ought to stand, in order. A chain of a row is one of ours
 * (then the rules are all that it holds) or one of the kernel's (then they
 * stand first in it, in this order). */
size_t chains_n_rows(void);
enum chains_table chains_row_table(size_t row);
const char *chains_row_chain(size_t row);
struct chains_rule chains_row_rule(size_t row, enum chains_family family);

/* Our own chains: C170, C171, C17. */
bool chains_is_own(enum chains_table table, const char *chain);
/* The nth of a table, NULL past the end. */
const char *chains_own(enum chains_table table, size_t n);

/* A rule as iptables-save prints it, with "-A chain" in front; cut at size.
 * Returns buf. */
#define CHAINS_RULE_STRLEN 256
const char *chains_rule_format(const struct chains_rule *rule,
    enum chains_family family, const char *chain, char *buf, size_t size);

#endif
