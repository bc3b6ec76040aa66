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

/* Whether it begins with quotes that are none here: those that pages and word
 * processors make of straight ones. */
bool rule_word_is_quoted(const char *s);

#endif
