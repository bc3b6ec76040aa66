#ifndef CORE_PARSER_H
#define CORE_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/core/lex.h"
#include "src/core/rule.h"
#include "src/core/value.h"

/* One file of rules being read: shared by rules.c (files, lines), define.c
 * (defines, defaults), rule.c (a rule) and rule_values.c (what its words
 * take). */
struct parser {
	struct rules *rules;
	const struct source *src;
	uint32_t file;
	unsigned int line;
	bool runtime;
	bool held;	/* see struct rule */
	struct lex lex; /* within the line */
	struct faults *faults;
	struct rule_value *values; /* of the list being read */
	size_t n_values, values_room;
	int error; /* -ENOMEM sticks */
};

void parser_fault(struct parser *p, const struct token *at, const char *what,
    const char *expected, const char *nearest);

/* As parser_fault(), with the token's text in front of what. */
void parser_fault_word(struct parser *p, const struct token *at,
    const char *what, const char *expected, const char *nearest);

/* Room for one more in an array that is freed with free(); false when there
 * is no memory (p->error is set). */
bool parser_room(
    struct parser *p, void **array, size_t n, size_t *room, size_t size);

/* Counts a value, and what a define adds to the text; false with a fault where
 * there are too many. */
bool parser_value_count(struct parser *p, const struct token *at, size_t size);

struct rule_place parser_place(
    const struct parser *p, const struct token *token);

/* What the token means, in the arena; NULL when there is no memory. */
char *parser_text(struct parser *p, const struct token *token,
    enum token_escapes escapes, size_t *ret_len);

/* "accept", "block", "drop", "reroute"; false if it is none of these. */
bool parser_action(
    const struct parser *p, const struct token *token, enum action *ret);

/* Whether it is what others have for an action that waits for a yes. */
bool parser_asks(const struct parser *p, const struct token *token);
#define PARSER_NOBODY_ASKED                                                    \
	"accept, block or drop, since nobody is asked: 'reroutectl watch "     \
	"--verdict block' shows what is denied, and 'reroutectl accept "       \
	"exe PATH --for 10m' lets it go"

/* The one of these that was meant, or NULL. */
const char *parser_action_nearest(
    const struct parser *p, const struct token *token);

/* NULL if there is none. */
const struct rule_define *parser_define_find(
    const struct parser *p, const char *name, size_t len);

/* The rest of a line that began with `default` or `define`. */
void parser_default(struct parser *p);
void parser_define(struct parser *p);

/* The rest of a line that began with `first`, an action. */
void parser_rule(
    struct parser *p, const struct token *first, enum action action);

/* VALUE [, VALUE]…; empty on failure. */
struct rule_values parser_values(struct parser *p, enum value_kind kind);

#endif
