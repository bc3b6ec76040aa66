#ifndef CORE_EXPLAIN_OWN_H
#define CORE_EXPLAIN_OWN_H

#include "src/core/explain.h"
#include "src/core/lex.h"

/* Behind explain_parse(): shared by explain.c, which reads the words and
 * settles what they say together, and explain_value.c, which knows what the
 * value of each may be. */

/* Words of a question: X(enum suffix, word). */
#define EXPLAIN_KEYS(X)                                                        \
	X(IN, "in")                                                            \
	X(OUT, "out")                                                          \
	X(PROTO, "proto")                                                      \
	X(FROM, "from")                                                        \
	X(TO, "to")                                                            \
	X(SPORT, "sport")                                                      \
	X(PORT, "port")                                                        \
	X(DOMAIN, "domain")                                                    \
	X(QUERY, "query")                                                      \
	X(QTYPE, "qtype")                                                      \
	X(PROCESS, "process")                                                  \
	X(EXE, "exe")                                                          \
	X(SCRIPT, "script")                                                    \
	X(CMD, "cmd")                                                          \
	X(COMM, "comm")                                                        \
	X(USER, "user")                                                        \
	X(GROUP, "group")                                                      \
	X(UNIT, "unit")                                                        \
	X(PARENT, "parent")

enum explain_key {
#define X(suffix, word) EXPLAIN_##suffix,
	EXPLAIN_KEYS(X)
#undef X
};
#define EXPLAIN_N_KEYS (EXPLAIN_PARENT + 1)

struct explain_names {
	struct name v[SUBJECT_NAMES_MAX];
	const struct name *at[SUBJECT_NAMES_MAX]; /* of v, in order */
};

/* A question being read. */
struct explain_reader {
	struct lex lex;
	const struct source *src;
	const struct policy_world *world;
	struct faults *faults;
	struct subject *subject;
	struct process *proc;
	struct explain_names *names;
	bool seen[EXPLAIN_N_KEYS];
	const char *word;   /* the key being read, */
	struct token value; /* its value, */
	char *text;	    /* and what that means, for len bytes */
	size_t len;
	int error; /* -ENOMEM sticks */
};

/* The value being read, of that key: into the subject or the process, or a
 * fault. */
void explain_read_value(struct explain_reader *r, enum explain_key key);

/* A fault of the text at a token: see struct fault_text. */
void explain_fault(struct explain_reader *r, const struct token *at,
    const char *what, const char *expected, const char *nearest);
/* The same, with the token itself, quoted, behind `what`. */
void explain_fault_word(struct explain_reader *r, const struct token *at,
    const char *what, const char *expected, const char *nearest);

#endif
