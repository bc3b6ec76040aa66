#ifndef CORE_RULE_H
#define CORE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/base/arena.h"
#include "src/core/decision.h"
#include "src/core/fault.h"

/* What rules.c makes of text and policy_compile() reads: the shape behind
 * struct rules. */

/* Matches: X(enum suffix, word, what a value is: VALUE_..., what they are when
 * compiled: SET_...). */
#define RULE_FIELDS(X)                                                         \
	X(PROTO, "proto", PROTO, IDS)                                          \
	X(FROM, "from", ADDR, ENDS)                                            \
	X(TO, "to", ADDR, ENDS)                                                \
	X(QTYPE, "qtype", QTYPE, IDS)                                          \
	X(EXE, "exe", PATH, TEXTS)                                             \
	X(SCRIPT, "script", PATH, TEXTS)                                       \
	X(CMD, "cmd", GLOB, TEXTS)                                             \
	X(COMM, "comm", NAME, TEXTS)                                           \
	X(USER, "user", NAME, IDS)                                             \
	X(GROUP, "group", NAME, IDS)                                           \
	X(UNIT, "unit", GLOB, TEXTS)                                           \
	X(PARENT, "parent", PATH, TEXTS)                                       \
	X(PROCESS, "process", PROCESS, PROCESSES)                              \
	X(DOMAIN, "domain", DOMAIN, DOMAINS)                                   \
	X(LIST, "list", LIST, LISTS)

enum rule_field {
#define X(suffix, word, value, set) FIELD_##suffix,
	RULE_FIELDS(X)
#undef X
};
#define RULE_N_FIELDS (FIELD_LIST + 1)

/* What else a rule may go on with. */
#define RULE_OTHER_WORDS(X)                                                    \
	X("not")                                                               \
	X("once")                                                              \
	X("in")                                                                \
	X("out")                                                               \
	X("via")                                                               \
	X("label")

/* Kinds of addresses; bits of a set. */
#define RULE_SCOPES(X)                                                         \
	X(ANY, "any", 0)                                                       \
	X(LOOPBACK, "loopback", 1)                                             \
	X(LAN, "lan", 2)                                                       \
	X(INTERNET, "internet", 3)                                             \
	X(MULTICAST, "multicast", 4)                                           \
	X(BROADCAST, "broadcast", 5)                                           \
	X(SELF, "self", 6)

enum rule_scope {
#define X(suffix, word, bit) SCOPE_##suffix = 1 << bit,
	RULE_SCOPES(X)
#undef X
};

/* Bits of a set too. */
enum rule_process {
	RULE_PROCESS_UNKNOWN = 1,
	RULE_PROCESS_KERNEL = 2,
	RULE_PROCESS_SELF = 4,
};

/* Bytes of one of the files. */
struct rule_place {
	uint32_t file; /* index in rules.files */
	uint32_t off, len;
};

struct rule_ports {
	uint16_t lo, hi;
};

struct rule_value {
	struct rule_place place;
	union {
		unsigned int bits; /* scope or process; 0: see range */
		uint8_t proto;
		uint16_t qtype;
		struct rule_ports ports;
		/* user, group, comm, list, domain (without what is in
		 * front of the name); glob of the others */
		const char *text;
	};
	struct addr_range range;
	bool whole, below; /* domain: that name, every name below it */
};

struct rule_values {
	struct rule_value *v;
	size_t n;
};

struct rule_match {
	enum rule_field field;
	bool negated;
	struct rule_place place;   /* of the word */
	struct rule_values values; /* from, to: none for every address */
	struct rule_values ports;  /* from, to only; none for all */
};

enum rule_direction {
	RULE_IN = 1,
	RULE_OUT = 2,
	RULE_BOTH = 3,
};

struct rule {
	enum action action;
	const char *tunnel; /* of a reroute; NULL for others */
	struct rule_place tunnel_place;
	bool once;
	enum rule_direction direction;
	const char *label;	 /* NULL for none */
	const char *text;	 /* blanks folded, no comment */
	struct rule_place place; /* the whole of it */
	unsigned int line;
	bool runtime; /* from the command line */
	/* it was good once: what is wrong with it now is `fault`, and it goes
	 * on as what is left of it: matches that have no fault */
	bool held;
	const char *fault; /* NULL for none */
	struct rule_match *matches;
	size_t n_matches;
};

enum rule_default {
	DEFAULT_OUT,
	DEFAULT_IN,
	DEFAULT_UNKNOWN,
	DEFAULT_KERNEL,
};
#define RULE_N_DEFAULTS (DEFAULT_KERNEL + 1)

struct rule_default_line {
	bool set;
	enum action action;
	struct rule_place place;
	unsigned int line;
};

/* "out" and so on. */
const char *rule_default_word(enum rule_default which);

/* A word of a define, put where its name stands. */
struct rule_word {
	const char *text; /* what it means */
	const char *glob; /* the same for matches that take patterns */
	const char *name; /* and for those that take names */
};

struct rule_define {
	const char *name;
	struct rule_place place;
	unsigned int line;
	struct rule_word *words;
	size_t n_words;
};

struct rules {
	struct arena *arena;
	struct source *files;
	size_t n_files;
	struct rule *rules;
	size_t n_rules, rules_room;
	bool full; /* there were more: said once */
	struct rule_define *defines;
	size_t n_defines, defines_room;
	struct rule_default_line defaults[RULE_N_DEFAULTS];
	size_t text_size;
	size_t n_values, values_size; /* in all; bytes of those from defines */
};

const char *rule_field_word(enum rule_field field);

/* True for protocols that have ports. */
bool rule_proto_has_ports(uint8_t proto);

#endif
