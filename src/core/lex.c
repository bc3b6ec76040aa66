#include "src/core/lex.h"

#include <string.h>

size_t
lex_line_end(const struct source *src, size_t off)
{
	size_t escapes = 0; /* `\` right before i */

	for (size_t i = off; i < src->len; i++) {
		char c = src->text[i];

		if (c == '\n' && escapes % 2 == 0)
			return i;
		escapes = c == '\\' ? escapes + 1 : 0;
	}
	return src->len;
}

static char
peek(const struct lex *lex, size_t ahead)
{
	size_t at = lex->pos + ahead;

	return at < lex->end ? lex->src->text[at] : '\n';
}

static bool
continued(const struct lex *lex)
{
	return lex->pos + 1 < lex->end && peek(lex, 0) == '\\' &&
	       peek(lex, 1) == '\n';
}

static void
skip_blanks(struct lex *lex)
{
	for (;;) {
		char c = peek(lex, 0);

		if (c == ' ' || c == '\t')
			lex->pos++;
		else if (continued(lex))
			lex->pos += 2;
		else
			return;
	}
}

static void
fault(const struct lex *lex, size_t off, size_t len, const char *what,
    const char *expected)
{
	if (lex->faults != NULL)
		faults_add(lex->faults, lex->src, off, len,
		    &(struct fault_text){ what, expected, NULL });
}

/* A comment ends the line; one that seems to go on would swallow a rule. */
static struct token
lex_comment(struct lex *lex)
{
	const char *nl =
	    memchr(lex->src->text + lex->pos, '\n', lex->end - lex->pos);
	size_t at;

	if (nl != NULL) {
		at = (size_t)(nl - lex->src->text) - 1;
		fault(lex, at, 1, "a comment that ends in '\\'",
		    "comments end with their line: no '\\' there");
	}
	lex->pos = lex->end;
	return (struct token){ TOKEN_END, lex->end, 0 };
}

static bool
is_stop(const struct lex *lex, char c)
{
	return c != '\0' && strchr(lex->stops, c) != NULL;
}

static bool
ends_word(const struct lex *lex, char c)
{
	return c == ' ' || c == '\t' || c == '\n' || is_stop(lex, c);
}

static struct token
lex_quoted(struct lex *lex)
{
	struct token t = { TOKEN_QUOTED, lex->pos, 0 };
	char c;

	lex->pos++;
	while ((c = peek(lex, 0)) != '"' && c != '\n') {
		if (c == '\\' && peek(lex, 1) != '"' && peek(lex, 1) != '\\') {
			if (peek(lex, 1) == '\n')
				break;
			fault(lex, lex->pos, 2, "an unknown escape",
			    "\\\" or \\\\ within quotes");
			t.kind = TOKEN_BAD;
		}
		lex->pos += c == '\\' ? 2 : 1;
	}
	if (c != '"') {
		fault(lex, t.off, 1, "a quote that is not closed",
		    "'\"' on the same line");
		t.kind = TOKEN_BAD;
		lex->pos = lex->end;
	} else {
		lex->pos++;
		if (!ends_word(lex, peek(lex, 0)) && !continued(lex)) {
			fault(lex, lex->pos, 1, "text right after a quote",
			    "a blank or ','");
			t.kind = TOKEN_BAD;
			while (!ends_word(lex, peek(lex, 0)))
				lex->pos++;
		}
	}
	t.len = lex->pos - t.off;
	return t;
}

static struct token
lex_word(struct lex *lex)
{
	struct token t = { TOKEN_WORD, lex->pos, 0 };
	char c;

	while (!ends_word(lex, c = peek(lex, 0)) && !continued(lex)) {
		if (c == '"' && t.kind == TOKEN_WORD) {
			fault(lex, lex->pos, 1, "a quote within a word",
			    "quotes round the whole of it, or \\\"");
			t.kind = TOKEN_BAD;
		}
		lex->pos += c == '\\' && lex->pos + 1 < lex->end ? 2 : 1;
	}
	t.len = lex->pos - t.off;
	return t;
}

struct token
lex_next(struct lex *lex)
{
	skip_blanks(lex);
	if (lex->pos >= lex->end || peek(lex, 0) == '\n') {
		lex->pos = lex->end;
		return (struct token){ TOKEN_END, lex->end, 0 };
	}
	if (peek(lex, 0) == '#')
		return lex_comment(lex);
	if (is_stop(lex, peek(lex, 0))) {
		lex->pos++;
		return (struct token){ TOKEN_STOP, lex->pos - 1, 1 };
	}
	return peek(lex, 0) == '"' ? lex_quoted(lex) : lex_word(lex);
}

struct token
lex_peek(const struct lex *lex)
{
	struct lex ahead = *lex;

	ahead.faults = NULL;
	return lex_next(&ahead);
}

bool
token_is(const struct source *src, const struct token *token, const char *word)
{
	return token->kind == TOKEN_WORD && token->len == strlen(word) &&
	       memcmp(src->text + token->off, word, token->len) == 0;
}

size_t
token_text(const struct source *src, const struct token *token,
    enum token_escapes escapes, char *buf)
{
	const char *s = src->text + token->off;
	size_t from = 0, to = token->len, n = 0;
	bool word = token->kind == TOKEN_WORD;

	if (token->kind == TOKEN_QUOTED) {
		from++;
		to--;
	}
	for (size_t i = from; i < to; i++) {
		if (s[i] == '\\' && i + 1 < to) {
			if (word &&
			    (escapes == ESCAPES_GLOB ||
				(escapes == ESCAPES_NAME && s[i + 1] != '\\')))
				buf[n++] = s[i];
			i++;
		}
		buf[n++] = s[i];
	}
	buf[n] = '\0';
	return n;
}
