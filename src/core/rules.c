#include "src/core/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/parser.h"
#include "src/core/text.h"

#define LINE_WORDS "accept, block, drop, reroute, default or define"

static const char *const action_words[] = { "accept", "block", "drop",
	"reroute" };
#define N_ACTIONS (sizeof(action_words) / sizeof(action_words[0]))

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

int
rules_bring_forward(struct rules *rules, size_t first)
{
	size_t n = rules->n_rules - first, size = sizeof(rules->rules[0]);
	struct rule *moved;

	if (n == 0 || first == 0)
		return 0;
	moved = calloc(n, size);
	if (moved == NULL)
		return -ENOMEM;
	memcpy(moved, rules->rules + first, n * size);
	memmove(rules->rules + n, rules->rules, first * size);
	memcpy(rules->rules, moved, n * size);
	free(moved);
	return 0;
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
parser_text(struct parser *p, const struct token *token,
    enum token_escapes escapes, size_t *ret_len)
{
	char *s = arena_alloc(p->rules->arena, token->len + 1, 1);

	if (s == NULL)
		p->error = -ENOMEM;
	else
		*ret_len = token_text(p->src, token, escapes, s);
	return s;
}

bool
parser_action(
    const struct parser *p, const struct token *token, enum action *ret)
{
	static const enum action actions[N_ACTIONS] = { ACTION_ACCEPT,
		ACTION_BLOCK, ACTION_DROP, ACTION_REROUTE };

	for (size_t i = 0; i < N_ACTIONS; i++)
		if (token_is(p->src, token, action_words[i])) {
			*ret = actions[i];
			return true;
		}
	return false;
}

const char *
parser_action_nearest(const struct parser *p, const struct token *token)
{
	return word_nearest(
	    p->src->text + token->off, token->len, action_words, N_ACTIONS);
}

bool
parser_asks(const struct parser *p, const struct token *token)
{
	return token_is(p->src, token, "ask") ||
	       token_is(p->src, token, "prompt");
}

/* As others begin a line. */
static const struct {
	const char *word, *instead;
} begins[] = {
	{ "//", "'#' before a comment" },
	{ ";", "'#' before a comment" },
	{ "include", "no such line: each file of the folder is read, by name" },
};

static void
unknown_line(struct parser *p, const struct token *first)
{
	static const char *const words[] = { "default", "define" };
	const char *nearest = parser_action_nearest(p, first);

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (token_is(p->src, first, begins[i].word)) {
			parser_fault_word(
			    p, first, "unknown word", begins[i].instead, NULL);
			return;
		}
	if (nearest == NULL)
		nearest = word_nearest(
		    p->src->text + first->off, first->len, words, 2);
	parser_fault_word(p, first, "unknown word",
	    parser_asks(p, first) ? PARSER_NOBODY_ASKED : LINE_WORDS, nearest);
}

static void
parse_line(struct parser *p)
{
	struct token first = lex_next(&p->lex);
	enum action action;

	if (first.kind == TOKEN_END || first.kind == TOKEN_BAD)
		return;
	if (parser_action(p, &first, &action))
		parser_rule(p, &first, action);
	else if (!p->held && token_is(p->src, &first, "default"))
		parser_default(p);
	else if (!p->held && token_is(p->src, &first, "define"))
		parser_define(p);
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
			    what,
			    text_good_for(p->src->text[from + bad],
				"UTF-8 text and tabs, lines that end in LF"),
			    NULL);
			return false;
		}
	}
	return true;
}

static void
parse_file(struct parser *p)
{
	size_t off = 0, end;

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

static int
parse_text(struct parser *p, const char *file, const char *text, size_t len)
{
	size_t before = faults_count(p->faults);

	if (len > RULES_TEXT_MAX - p->rules->text_size) {
		faults_add_file(p->faults, file,
		    &(struct fault_text){ "too much text in all the rules",
			"at most 64 MiB", NULL });
		return -EINVAL;
	}
	p->src = file_add(p->rules, file, text, len);
	if (p->src == NULL)
		return -ENOMEM;
	p->file = (uint32_t)p->rules->n_files - 1;
	p->rules->files[p->file].first = p->line;
	parse_file(p);
	free(p->values);
	if (p->error < 0)
		return p->error;
	return faults_count(p->faults) > before ? -EINVAL : 0;
}

int
rules_parse(struct rules *rules, const char *file, const char *text, size_t len,
    struct faults *faults)
{
	struct parser p = { .rules = rules, .faults = faults, .line = 1 };

	return parse_text(&p, file, text, len);
}

int
rules_parse_line(struct rules *rules, const char *file, unsigned int line,
    const char *text, struct faults *faults)
{
	struct parser p = {
		.rules = rules, .faults = faults, .line = line, .runtime = true
	};
	size_t before = rules->n_rules;
	int r = parse_text(&p, file, text, strlen(text));

	if (r == 0 && rules->n_rules != before + 1) {
		faults_add(faults, p.src, 0, strlen(text),
		    &(struct fault_text){ "this is no rule",
			"accept, block, drop or reroute", NULL });
		r = -EINVAL;
	}
	return r;
}

/* What no rule can be made of stands there as one that matches nothing. */
static int
add_dead(struct parser *p, unsigned int line)
{
	struct rules *rules = p->rules;
	const struct source *src = &rules->files[p->file];
	struct rule rule = { .action = ACTION_ACCEPT,
		.direction = RULE_BOTH,
		.text = src->text,
		.place = { p->file, 0, (uint32_t)src->len },
		.line = line,
		.runtime = true,
		.held = true };

	if (!parser_room(p, (void **)&rules->rules, rules->n_rules,
		&rules->rules_room, sizeof(rule)))
		return -ENOMEM;
	rules->rules[rules->n_rules++] = rule;
	return 0;
}

int
rules_parse_held(
    struct rules *rules, const char *file, unsigned int line, const char *text)
{
	struct faults *faults = faults_new();
	struct parser p = { .rules = rules,
		.faults = faults,
		.line = line,
		.runtime = true,
		.held = true };
	size_t before = rules->n_rules;
	const struct fault *first;
	int r;

	if (faults == NULL)
		return -ENOMEM;
	r = parse_text(&p, file, text, strlen(text));
	if (r == -EINVAL)
		r = 0;
	if (r == 0 && rules->n_rules == before)
		r = add_dead(&p, line);
	if (r == 0 && (faults_count(faults) > 0)) {
		first = faults_get(faults, 0);
		rules->rules[before].fault = arena_strdup(
		    rules->arena, first != NULL ? first->what : "no rule");
		r = rules->rules[before].fault != NULL ? 0 : -ENOMEM;
	}
	faults_free(faults);
	return r;
}
