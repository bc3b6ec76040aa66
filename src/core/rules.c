#include "src/core/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/parser.h"
#include "src/core/text.h"

#define LINE_WORDS "accept, block, drop, default or define"

static const char *const action_words[] = { "accept", "block", "drop" };
static const char *const default_words[] = { "out", "in", "unknown", "kernel" };

struct rules *
rules_new(void)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	if (rules == NULL)
		return NULL;
	rules->arena = arena_new();
	if (rules->arena == NULL) {
		free(rules);
		return NULL;
	}
	return rules;
}

void
rules_free(struct rules *rules)
{
	if (rules == NULL)
		return;
	arena_free(rules->arena);
	free(rules->files);
	free(rules->rules);
	free(rules->defines);
	free(rules);
}

size_t
rules_count(const struct rules *rules)
{
	return rules->n_rules;
}

void
parser_fault(struct parser *p, const struct token *at, const char *what,
    const char *expected, const char *nearest)
{
	faults_add(p->faults, p->src, at->off, at->len,
	    &(struct fault_text){ what, expected, nearest });
}

void
parser_fault_word(struct parser *p, const struct token *at, const char *what,
    const char *expected, const char *nearest)
{
	char word[WORD_QUOTE_SIZE], text[WORD_QUOTE_SIZE + 128];

	(void)snprintf(text, sizeof(text), "%s %s", what,
	    word_quote(p->src->text + at->off, at->len, word)); /* fits */
	parser_fault(p, at, text, expected, nearest);
}

bool
parser_room(struct parser *p, void **array, size_t n, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 64 : *room * 2;
	void *bigger;

	if (n < *room)
		return true;
	bigger = reallocarray(*array, more, size);
	if (bigger == NULL) {
		p->error = -ENOMEM;
		return false;
	}
	*array = bigger;
	*room = more;
	return true;
}

bool
parser_value_count(struct parser *p, const struct token *at, size_t size)
{
	if (p->rules->n_values == RULES_VALUES_MAX) {
		parser_fault(p, at, "too many values in all the rules",
		    "at most 2097152, defines put in", NULL);
		return false;
	}
	if (size > RULES_TEXT_MAX - p->rules->values_size) {
		parser_fault(p, at, "too much text put in from defines",
		    "at most 64 MiB in all the rules", NULL);
		return false;
	}
	p->rules->n_values++;
	p->rules->values_size += size;
	return true;
}

struct rule_place
parser_place(const struct parser *p, const struct token *token)
{
	return (struct rule_place){ p->file, (uint32_t)token->off,
		(uint32_t)token->len };
}

char *
parser_text(
    struct parser *p, const struct token *token, bool glob, size_t *ret_len)
{
	char *s = arena_alloc(p->rules->arena, token->len + 1, 1);

	if (s == NULL)
		p->error = -ENOMEM;
	else
		*ret_len = token_text(p->src, token, glob, s);
	return s;
}

bool
parser_action(
    const struct parser *p, const struct token *token, enum action *ret)
{
	static const enum action actions[] = { ACTION_ACCEPT, ACTION_BLOCK,
		ACTION_DROP };

	for (size_t i = 0; i < 3; i++)
		if (token_is(p->src, token, action_words[i])) {
			*ret = actions[i];
			return true;
		}
	return false;
}

const struct rule_define *
parser_define(const struct parser *p, const char *name, size_t len)
{
	for (size_t i = 0; i < p->rules->n_defines; i++) {
		const struct rule_define *d = &p->rules->defines[i];

		if (strlen(d->name) == len && memcmp(d->name, name, len) == 0)
			return d;
	}
	return NULL;
}

static const char *
nearest_of(const struct parser *p, const struct token *t,
    const char *const *words, size_t n)
{
	return word_nearest(p->src->text + t->off, t->len, words, n);
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

/* default out|in|unknown|kernel accept|block|drop */
static void
parse_default(struct parser *p)
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
			    "out, in, unknown or kernel",
			    nearest_of(
				p, &which, default_words, RULE_N_DEFAULTS));
		return;
	}
	what = lex_next(&p->lex);
	if (!parser_action(p, &what, &action)) {
		if (what.kind != TOKEN_BAD)
			parser_fault_word(p, &what, "unknown action",
			    "accept, block or drop",
			    nearest_of(p, &what, action_words, 3));
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
		d = parser_define(p, s + 1, t->len - 1);
		if (d == NULL) {
			parser_fault_word(p, t, "no define before this for",
			    "define NAME = VALUE, ... on a line above", NULL);
			return false;
		}
		from = d->words;
		more = d->n_words;
	} else {
		own.text = parser_text(p, t, false, &len);
		own.glob = parser_text(p, t, true, &len);
		if (own.text == NULL || own.glob == NULL)
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
static void
parse_define(struct parser *p)
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
	d = parser_define(p, p->src->text + name.off, name.len);
	if (d != NULL)
		fault_twice(p, &name, "this name", d->place.file, d->line);
	else if (define_words(p, &words, &n))
		define_add(p, &name, words, n);
	free(words);
}

static void
unknown_line(struct parser *p, const struct token *first)
{
	static const char *const words[] = { "accept", "block", "drop",
		"default", "define" };
	static const char *const synonyms[][2] = { { "allow", "accept" },
		{ "permit", "accept" }, { "pass", "accept" },
		{ "deny", "block" }, { "reject", "block" } };
	const char *nearest;

	if (token_is(p->src, first, "reroute")) {
		parser_fault(p, first,
		    "'reroute' is not supported by this version", LINE_WORDS,
		    NULL);
		return;
	}
	nearest = nearest_of(p, first, words, sizeof(words) / sizeof(words[0]));
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (token_is(p->src, first, synonyms[i][0]))
			nearest = synonyms[i][1];
	parser_fault_word(p, first, "unknown word", LINE_WORDS, nearest);
}

static void
parse_line(struct parser *p)
{
	struct token first = lex_next(&p->lex);
	enum action action;

	if (first.kind == TOKEN_END || first.kind == TOKEN_BAD)
		return;
	if (token_is(p->src, &first, "default"))
		parse_default(p);
	else if (token_is(p->src, &first, "define"))
		parse_define(p);
	else if (parser_action(p, &first, &action))
		parser_rule(p, &first, action);
	else
		unknown_line(p, &first);
}

/* True if the bytes of the line are fit to be read. */
static bool
line_good(struct parser *p, size_t off, size_t end)
{
	const char *why = NULL;
	size_t from = off, to;
	char what[64];

	if (end - off > RULES_LINE_MAX) {
		parser_fault(p, &(struct token){ .off = off, .len = 1 },
		    "a line that is too long",
		    "at most 65536 bytes, with its continuations", NULL);
		return false;
	}
	for (; from < end; from = to + 1) {
		const char *nl = memchr(p->src->text + from, '\n', end - from);
		size_t bad;

		to = nl != NULL ? (size_t)(nl - p->src->text) : end;
		bad = text_bad_byte(p->src->text + from, to - from, &why);
		if (bad < to - from) {
			(void)snprintf(what, sizeof(what), "%s in the line",
			    why); /* fits */
			parser_fault(p,
			    &(struct token){ .off = from + bad, .len = 1 },
			    what, "UTF-8 text and tabs", NULL);
			return false;
		}
	}
	return true;
}

static void
parse_file(struct parser *p)
{
	size_t off = 0, end;

	p->line = 1;
	while (off < p->src->len && p->error == 0) {
		end = lex_line_end(p->src, off);
		if (line_good(p, off, end)) {
			p->lex =
			    (struct lex){ p->src, p->faults, off, end, "," };
			parse_line(p);
		}
		for (; off < end; off++)
			p->line += p->src->text[off] == '\n';
		off = end + 1;
		p->line++;
	}
}

/* Keeps a copy of the file; NULL when there is no memory. */
static const struct source *
file_add(struct rules *rules, const char *file, const char *text, size_t len)
{
	struct source *files =
	    reallocarray(rules->files, rules->n_files + 1, sizeof(*files));
	struct source *src;

	if (files == NULL)
		return NULL;
	rules->files = files;
	src = &files[rules->n_files];
	src->file = arena_strdup(rules->arena, file);
	src->text = arena_strndup(rules->arena, text, len);
	src->len = len;
	if (src->file == NULL || src->text == NULL)
		return NULL;
	rules->n_files++;
	rules->text_size += len;
	return src;
}

int
rules_parse(struct rules *rules, const char *file, const char *text, size_t len,
    struct faults *faults)
{
	size_t before = faults_count(faults);
	struct parser p = { .rules = rules, .faults = faults };

	if (len > RULES_TEXT_MAX - rules->text_size) {
		faults_add_file(faults, file,
		    &(struct fault_text){ "too much text in all the rules",
			"at most 64 MiB", NULL });
		return -EINVAL;
	}
	p.src = file_add(rules, file, text, len);
	if (p.src == NULL)
		return -ENOMEM;
	p.file = (uint32_t)rules->n_files - 1;
	parse_file(&p);
	free(p.values);
	if (p.error < 0)
		return p.error;
	return faults_count(faults) > before ? -EINVAL : 0;
}
