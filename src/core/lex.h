#ifndef CORE_LEX_H
#define CORE_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "src/core/fault.h"

/* Words of a rule line (or of a question to explain). */
enum token_kind {
	TOKEN_END,    /* of the line, or a comment */
	TOKEN_WORD,   /* `\` takes the next byte into the word */
	TOKEN_QUOTED, /* "…" with \" and \\ */
	TOKEN_STOP,   /* one of lex.stops */
	TOKEN_BAD,    /* a fault was added */
};

struct token {
	enum token_kind kind;
	size_t off, len; /* in the source; quotes included */
};

/* Goes over the bytes of one line, joined with those that follow it where it
 * ends in `\`. A value: copy it to look ahead. */
struct lex {
	const struct source *src;
	struct faults *faults;
	size_t pos, end;
	const char *stops; /* characters that end a word and stand alone */
};

/* Where the line that begins at off ends, with its continuations, before the
 * newline. */
size_t lex_line_end(const struct source *src, size_t off);

struct token lex_next(struct lex *lex);
/* The next token again and again; adds no fault. */
struct token lex_peek(const struct lex *lex);

/* True if it is this bare word. */
bool token_is(
    const struct source *src, const struct token *token, const char *word);

/* Which `\` of a bare word are for who reads it. */
enum token_escapes {
	ESCAPES_NONE, /* none: each one goes */
	ESCAPES_NAME, /* but of two: "a\.b" is one label, "a\\.b" is, too */
	ESCAPES_GLOB, /* all */
};

/* Writes what the token means to buf (token.len + 1 bytes suffice) with a
 * final NUL and returns its length. */
size_t token_text(const struct source *src, const struct token *token,
    enum token_escapes escapes, char *buf);

#endif
