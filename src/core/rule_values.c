#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/core/parser.h"
#include "src/core/rules.h"
#include "src/core/text.h"

static bool
value_room(struct parser *p, const struct token *at)
{
	if (p->n_values == RULES_LIST_MAX) {
		parser_fault(p, at, "too many values in one list",
		    "at most 65536", NULL);
		return false;
	}
	return parser_room(p, (void **)&p->values, p->n_values, &p->values_room,
	    sizeof(p->values[0]));
}

/* What another syntax meant by a value that is none; else NULL. */
static const char *
meant(enum value_kind kind, const char *s)
{
	if (kind == VALUE_ADDR && strcmp(s, "not") == 0)
		return "'not' before the match, as in 'not to lan'";
	return s[0] == '\'' ? "'\"' for a quote: \"/opt/My App/run\"" : NULL;
}

/* One value; of_define is the text that a `$NAME` at the token stands for. */
static bool
value_add(struct parser *p, enum value_kind kind, const struct token *at,
    const char *s, size_t len, bool of_define)
{
	struct rule_value *v;
	struct value_fault fault;
	char name[WORD_QUOTE_SIZE], what[VALUE_WHAT_SIZE + WORD_QUOTE_SIZE + 8];

	if (!value_room(p, at) ||
	    !parser_value_count(p, at, of_define ? len : 0))
		return false;
	v = &p->values[p->n_values];
	*v = (struct rule_value){ .place = parser_place(p, at) };
	if (value_parse(v, kind, s, len, &fault) == 0) {
		p->n_values++;
		return true;
	}
	(void)snprintf(what, sizeof(what), "%s%s%s",
	    of_define ? word_quote(p->src->text + at->off, at->len, name) : "",
	    of_define ? ": " : "", fault.what); /* fits */
	if (meant(kind, s) != NULL)
		parser_fault(p, at, what, meant(kind, s), NULL);
	else
		parser_fault(p, at, what, fault.expected, fault.nearest);
	return !of_define; /* one fault for a name is enough */
}

static bool
takes_glob(enum value_kind kind)
{
	return kind == VALUE_PATH || kind == VALUE_GLOB;
}

/* The escapes of a name are as in DNS: reroutectl shows them so. */
static enum token_escapes
escapes_of(enum value_kind kind)
{
	if (kind == VALUE_DOMAIN)
		return ESCAPES_NAME;
	return takes_glob(kind) ? ESCAPES_GLOB : ESCAPES_NONE;
}

static const char *
text_of(const struct rule_word *word, enum value_kind kind)
{
	switch (escapes_of(kind)) {
	case ESCAPES_NAME:
		return word->name;
	case ESCAPES_GLOB:
		return word->glob;
	case ESCAPES_NONE:
		break;
	}
	return word->text;
}

static bool
value_define(struct parser *p, enum value_kind kind, const struct token *at)
{
	const char *s = p->src->text + at->off;
	const struct rule_define *d = parser_define_find(p, s + 1, at->len - 1);

	if (d == NULL) {
		parser_fault_word(p, at, "no define before this for",
		    "define NAME = VALUE, ... on a line above", NULL);
		return true;
	}
	for (size_t i = 0; i < d->n_words; i++) {
		const char *text = text_of(&d->words[i], kind);

		if (!value_add(p, kind, at, text, strlen(text), true))
			return false;
	}
	return true;
}

static bool
value_one(struct parser *p, enum value_kind kind, const struct token *t)
{
	size_t len = 0;
	char *s;

	if (t->kind == TOKEN_WORD && p->src->text[t->off] == '$')
		return value_define(p, kind, t);
	s = parser_text(p, t, escapes_of(kind), &len);
	return s != NULL && value_add(p, kind, t, s, len, false);
}

struct rule_values
parser_values(struct parser *p, enum value_kind kind)
{
	struct rule_values list = { NULL, 0 };
	bool going = true;
	struct token t;

	p->n_values = 0;
	do {
		t = lex_next(&p->lex);
		if (t.kind == TOKEN_END || t.kind == TOKEN_STOP) {
			parser_fault(p, &t, "a value is missing",
			    value_expected(kind), NULL);
			continue; /* behind the ',' if it is one */
		}
		if (t.kind != TOKEN_BAD && going)
			going = value_one(p, kind, &t);
		t = lex_peek(&p->lex);
		if (t.kind == TOKEN_STOP)
			(void)lex_next(&p->lex);
	} while (t.kind == TOKEN_STOP && p->error == 0);
	if (p->n_values == 0)
		return list;
	list.v = arena_alloc(p->rules->arena, p->n_values, sizeof(list.v[0]));
	if (list.v == NULL) {
		p->error = -ENOMEM;
		return list;
	}
	memcpy(list.v, p->values, p->n_values * sizeof(list.v[0]));
	list.n = p->n_values;
	return list;
}
