#include "src/core/parser.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/rules.h"
#include "src/core/text.h"

static const char *const default_words[] = { "out", "in", "unknown", "kernel" };

const char *
rule_default_word(enum rule_default which)
{
	return default_words[which];
}

static const char *
nearest_of(const struct parser *p, const struct token *t,
    const char *const *words, size_t n)
{
	return word_nearest(p->src->text + t->off, t->len, words, n);
}

const struct rule_define *
parser_define_find(const struct parser *p, const char *name, size_t len)
{
	for (size_t i = 0; i < p->rules->n_defines; i++) {
		const struct rule_define *d = &p->rules->defines[i];

		if (strlen(d->name) == len && memcmp(d->name, name, len) == 0)
			return d;
	}
	return NULL;
}

/* "... already at FILE:LINE" */
static void
fault_twice(struct parser *p, const struct token *at, const char *what,
    uint32_t file, unsigned int line)
{
	char text[256];

	/* a path that is cut still says enough */
	(void)snprintf(text, sizeof(text), "%s was set already at %s:%u", what,
	    p->rules->files[file].file, line);
	parser_fault(p, at, text, "one only, over all files", NULL);
}

/* Nothing may follow; adds a fault and skips it. */
static bool
parser_end(struct parser *p)
{
	struct token t = lex_next(&p->lex);

	if (t.kind == TOKEN_END)
		return true;
	if (t.kind != TOKEN_BAD)
		parser_fault_word(
		    p, &t, "unexpected", "the end of the line", NULL);
	return false;
}

/* "default block" is short of what it is for. */
static const char *
default_expected(const struct parser *p, const struct token *which)
{
	enum action action;

	return parser_action(p, which, &action) ||
		       parser_action_nearest(p, which) != NULL
		   ? "out, in, unknown or kernel, and what is done behind it: "
		     "default out block"
		   : "out, in, unknown or kernel";
}

/* default out|in|unknown|kernel accept|block|drop */
void
parser_default(struct parser *p)
{
	struct token which = lex_next(&p->lex), what;
	enum action action;
	size_t i = 0;

	while (
	    i < RULE_N_DEFAULTS && !token_is(p->src, &which, default_words[i]))
		i++;
	if (i == RULE_N_DEFAULTS) {
		if (which.kind != TOKEN_BAD)
			parser_fault_word(p, &which, "unknown default",
			    default_expected(p, &which),
			    nearest_of(
				p, &which, default_words, RULE_N_DEFAULTS));
		return;
	}
	what = lex_next(&p->lex);
	if (!parser_action(p, &what, &action)) {
		if (what.kind != TOKEN_BAD)
			parser_fault_word(p, &what, "unknown action",
			    parser_asks(p, &what) ? PARSER_NOBODY_ASKED
						  : "accept, block or drop",
			    parser_action_nearest(p, &what));
		return;
	}
	if (action == ACTION_REROUTE) {
		parser_fault(p, &what, "a default that reroutes",
		    "accept, block or drop; a last rule 'reroute via TUNNEL' "
		    "takes all",
		    NULL);
		return;
	}
	if (p->rules->defaults[i].set) {
		fault_twice(p, &which, "this default",
		    p->rules->defaults[i].place.file,
		    p->rules->defaults[i].line);
		return;
	}
	if (!parser_end(p))
		return;
	p->rules->defaults[i].set = true;
	p->rules->defaults[i].action = action;
	p->rules->defaults[i].place = parser_place(p, &which);
	p->rules->defaults[i].line = p->line;
}

static bool
name_good(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool letter = (s[i] >= 'a' && s[i] <= 'z') ||
			      (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_';
		bool digit = (s[i] >= '0' && s[i] <= '9') || s[i] == '-';

		if (!letter && (!digit || i == 0))
			return false;
	}
	return len > 0;
}

/* Puts one word, or the words of another define, behind words[*n]. */
static bool
define_word(struct parser *p, const struct token *t, struct rule_word **words,
    size_t *n, size_t *room)
{
	const char *s = p->src->text + t->off;
	const struct rule_define *d = NULL;
	struct rule_word own;
	const struct rule_word *from = &own;
	size_t more = 1, len;

	if (t->kind == TOKEN_WORD && s[0] == '$') {
		d = parser_define_find(p, s + 1, t->len - 1);
		if (d == NULL) {
			parser_fault_word(p, t, "no define before this for",
			    "define NAME = VALUE, ... on a line above", NULL);
			return false;
		}
		from = d->words;
		more = d->n_words;
	} else {
		own.text = parser_text(p, t, ESCAPES_NONE, &len);
		own.glob = parser_text(p, t, ESCAPES_GLOB, &len);
		own.name = parser_text(p, t, ESCAPES_NAME, &len);
		if (own.text == NULL || own.glob == NULL || own.name == NULL)
			return false;
	}
	for (size_t i = 0; i < more; i++) {
		if (*n == RULES_LIST_MAX) {
			parser_fault(p, t, "too many values in one define",
			    "at most 65536", NULL);
			return false;
		}
		if (!parser_value_count(p, t, 0) ||
		    !parser_room(p, (void **)words, *n, room, sizeof(own)))
			return false;
		(*words)[(*n)++] = from[i];
	}
	return true;
}

/* The words after `=`; true if all is well. */
static bool
define_words(struct parser *p, struct rule_word **words, size_t *n)
{
	size_t room = 0;
	struct token t;

	do {
		t = lex_next(&p->lex);
		if (t.kind == TOKEN_BAD)
			return false;
		if (t.kind != TOKEN_WORD && t.kind != TOKEN_QUOTED) {
			parser_fault(p, &t, "a value is missing",
			    "VALUE, ... after '=' and ','", NULL);
			return false;
		}
		if (!define_word(p, &t, words, n, &room))
			return false;
		t = lex_peek(&p->lex);
		if (t.kind == TOKEN_STOP)
			(void)lex_next(&p->lex);
	} while (t.kind == TOKEN_STOP);
	return parser_end(p);
}

static void
define_add(struct parser *p, const struct token *name,
    const struct rule_word *words, size_t n)
{
	struct rules *rules = p->rules;
	struct rule_define *d;
	struct rule_word *kept = arena_alloc(rules->arena, n, sizeof(*kept));
	const char *copy =
	    arena_strndup(rules->arena, p->src->text + name->off, name->len);

	if (kept == NULL || copy == NULL) {
		p->error = -ENOMEM;
		return;
	}
	if (rules->n_defines == RULES_DEFINES_MAX) {
		parser_fault(p, name, "too many defines", "at most 4096", NULL);
		return;
	}
	if (!parser_room(p, (void **)&rules->defines, rules->n_defines,
		&rules->defines_room, sizeof(*d)))
		return;
	memcpy(kept, words, n * sizeof(*kept));
	d = &rules->defines[rules->n_defines++];
	*d = (struct rule_define){ copy, parser_place(p, name), p->line, kept,
		n };
}

/* define NAME = VALUE, … */
void
parser_define(struct parser *p)
{
	struct rule_word *words = NULL;
	const struct rule_define *d;
	struct token name, equals;
	size_t n = 0;

	p->lex.stops = "=,";
	name = lex_next(&p->lex);
	equals = lex_next(&p->lex);
	p->lex.stops = ",";
	if (name.kind == TOKEN_BAD || equals.kind == TOKEN_BAD)
		return;
	if (name.kind != TOKEN_WORD ||
	    !name_good(p->src->text + name.off, name.len)) {
		parser_fault_word(p, &name, "not a name:",
		    "NAME of letters, digits, _ and -, a letter first", NULL);
		return;
	}
	if (equals.kind != TOKEN_STOP || p->src->text[equals.off] != '=') {
		parser_fault(p, &equals, "no '=' after the name",
		    "define NAME = VALUE, ...", NULL);
		return;
	}
	d = parser_define_find(p, p->src->text + name.off, name.len);
	if (d != NULL)
		fault_twice(p, &name, "this name", d->place.file, d->line);
	else if (define_words(p, &words, &n))
		define_add(p, &name, words, n);
	free(words);
}
