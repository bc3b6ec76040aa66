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

#define CHAINS_N_TABLES (CHAINS_SECURITY + 1)
#define CHAINS_N_FAMILIES (CHAINS_IP6 + 1)

enum chains_target {
	CHAINS_JUMP,   /* to the chain `jump` */
	CHAINS_ACCEPT, /* the rest take no argument but: */
	CHAINS_DROP,
	CHAINS_RETURN,
	CHAINS_REJECT,	     /* host, or administratively, prohibited */
	CHAINS_QUEUE,	     /* queue; no_bypass */
	CHAINS_SET_MARK,     /* set */
	CHAINS_RESTORE_MARK, /* connection's mark to packet */
	CHAINS_SAVE_MARK,    /* packet's mark to connection */
	CHAINS_SET_CONNMARK, /* set, to connection */
	CHAINS_DNAT,	     /* to, to_port */
};

/* What conntrack calls a packet: any of the bits. */
enum chains_state {
	CHAINS_STATE_NEW = 1,
	CHAINS_STATE_RELATED = 2,
	CHAINS_STATE_INVALID = 4,
	CHAINS_STATE_UNTRACKED = 8,
	CHAINS_STATE_ESTABLISHED = 16,
	CHAINS_STATE_LAST = CHAINS_STATE_ESTABLISHED,
};

/* A mark, or with `other` any other; mask 0: none is asked for. */
struct chains_mark {
	uint32_t value, mask;
	bool other;
};

#define CHAINS_MARKS_MAX 5

/* What one rule of one family says: a value, whatever its form in the
 * kernel. */
struct chains_rule {
	uint8_t proto;	     /* IPPROTO_*; 0 for any */
	uint16_t dport;	     /* of UDP; 0 for any */
	struct prefix dst;   /* of family ADDR_NONE for any */
	bool not_lo;	     /* leaves by another device than lo */
	bool lo;	     /* comes in by lo */
	unsigned int states; /* enum chains_state; 0 for any */
	struct chains_mark connmark;
	struct chains_mark marks[CHAINS_MARKS_MAX]; /* all of them */
	enum chains_target target;
	const char *jump; /* borrowed */
	uint16_t queue;
	bool no_bypass; /* with nobody at the queue the packet is dropped */
	uint32_t set;
	struct addr to;
	uint16_t to_port; /* 0: the address alone is changed */
};

/* A rule as iptables-save prints it, with "-A chain" in front. */
#define CHAINS_RULE_STRLEN 256

/* A rule in its place. The chain is one of ours (then its rows are all that it
 * holds) or one of the kernel's (then they stand first in it, in this
 * order). */
struct chains_row {
	enum chains_table table;
	const char *chain;
	struct chains_rule rule;
	char text[CHAINS_RULE_STRLEN];
};

/* The rules that ought to stand in one family, in order. */
#define CHAINS_ROWS_MAX 80
struct chains_plan {
	enum chains_family family;
	struct chains_row rows[CHAINS_ROWS_MAX];
	size_t n;
};

void chains_plan(struct chains_plan *ret, enum chains_family family,
    const struct chains_setup *setup);

/* The first row of a chain at or after `row`; plan->n when there is none. */
size_t chains_plan_next(const struct chains_plan *plan, size_t row,
    enum chains_table table, const char *chain);

/* Our own chains: C170 to C172, C17, C173. */
bool chains_is_own(enum chains_table table, const char *chain);
/* The nth of a table, NULL past the end. */
const char *chains_own(enum chains_table table, size_t n);

/* The text of a rule; cut at size. Returns buf. */
const char *chains_rule_format(const struct chains_rule *rule,
    enum chains_family family, const char *chain, char *buf, size_t size);

#endif
