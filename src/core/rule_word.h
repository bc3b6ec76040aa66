#ifndef CORE_RULE_WORD_H
#define CORE_RULE_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "src/core/rule.h"

struct parser;
struct token;

/* The words that a rule can go on with: first those of matches, by field. */
enum {
#define X(word) +1
	RULE_N_WORDS = RULE_N_FIELDS RULE_OTHER_WORDS(X)
#undef X
};
/* The same, in messages. */
#define MATCH_EXPECTED                                                         \
	"a match (proto, from, to, domain, list, exe, script, cmd, comm, "     \
	"user, group, unit, parent, process, qtype)"
#define RULE_EXPECTED                                                          \
	MATCH_EXPECTED ", not, once, in, out, via, label or the end of the "   \
		       "line"

extern const char *const rule_words[RULE_N_WORDS];

/* Whether the token is one of the first n of them, and which. */
bool rule_word_is(
    const struct parser *p, const struct token *t, size_t n, size_t *ret);

/* Whether it is one of them, so that it names no tunnel. */
bool rule_has_word(const char *s);

/* What an unknown one was meant to be: one of them, or port, which stands
 * behind from or to; NULL where none is near. */
const char *rule_word_near(const struct parser *p, const struct token *t);
/* What one of iptables' or OpenSnitch's words is here; NULL: it is none. */
const char *rule_word_theirs(const struct parser *p, const struct token *t);
/* What is expected in place of a word that is theirs and that has no like here;
 * NULL: it is none. */
const char *rule_word_lacking(const struct parser *p, const struct token *t);

/* Ports as ufw has them, 22/tcp, and a range of iptables'. */
bool rule_word_is_port(const char *s, size_t len);

/* What is expected in place of a word behind the values of that match: that it
 * is one more of them, or what its `not` was meant to be; NULL: neither. other:
 * it may be something else. */
const char *rule_word_joins(const struct parser *p, const struct token *t,
    const struct rule_match *last, bool other);

/* Whether it begins with quotes that are none here: those that pages and word
 * processors make of straight ones. */
bool rule_word_is_quoted(const char *s);

#endif
