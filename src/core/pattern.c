#include "src/core/pattern.h"

#include <errno.h>
#include <string.h>

#include "src/core/glob.h"
#include "src/core/regex.h"

void
pattern_text(struct pattern_text *ret, const struct name *name)
{
	size_t n = 0;

	for (const uint8_t *at = name->wire; *at != 0; at = name_step(at)) {
		ret->s[n++] = '.';
		for (size_t i = 1; i <= *at; i++) {
			char c = (char)at[i];

			ret->s[n++] = c == '.' || c == PATTERN_END ? '\0' : c;
		}
	}
	ret->s[n++] = PATTERN_END;
	ret->len = n;
}

/* Making them -------------------------------------------------------------- */

/* What may stand in a pattern, as it is to be kept; 0 for all else. */
static char
kept(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		       c == '_' || c == '.'
		   ? c
		   : '\0';
}

/* A `**`, of which two side by side are one. */
static size_t
put_any(char *buf, size_t n)
{
	if (n >= 2 && buf[n - 1] == '*')
		return n;
	buf[n] = buf[n + 1] = '*';
	return n + 2;
}

const char *
pattern_glob(struct pattern *ret, char buf[PATTERN_SIZE], const char *s,
    size_t len, enum pattern_start start, bool at_end)
{
	size_t n = 0;

	if (len > NAME_WIRE_MAX)
		return "a pattern of more than 255 bytes";
	if (memmem(s, len, "..", 2) != NULL ||
	    (start != PATTERN_ANYWHERE && len > 0 && s[0] == '.'))
		return "a pattern that no name can have";
	if (start != PATTERN_AT_START)
		n = put_any(buf, n);
	if (start != PATTERN_ANYWHERE)
		buf[n++] = '.';
	for (size_t i = 0; i < len; i++) {
		if (n + 5 > PATTERN_MAX)
			return "a pattern of too many wildcards";
		if (s[i] == '*') {
			n = put_any(buf, n);
			continue;
		}
		buf[n] = kept(s[i]);
		if (buf[n++] == '\0')
			return "a pattern with other characters than names "
			       "have";
	}
	if (at_end)
		buf[n++] = PATTERN_END;
	else
		n = put_any(buf, n);
	buf[n] = '\0';
	if (glob_check_size(buf) < 0)
		return "a pattern of too many wildcards";
	*ret = (struct pattern){ PATTERN_GLOB, buf, (uint16_t)n, 0 };
	return NULL;
}

size_t
pattern_end(const struct pattern *pattern)
{
	size_t dot = pattern->len > 0 && pattern->text[0] == '.';
	const char *any = pattern->text + dot, *end = any + 2;

	if (pattern->kind != PATTERN_GLOB || pattern->len < dot + 4 ||
	    memcmp(any, "**", 2) != 0 || strchr(end, '*') != NULL ||
	    pattern->text[pattern->len - 1] != PATTERN_END)
		return 0;
	/* that one in place of PATTERN_END */
	return pattern->len - 2U - dot;
}

bool
pattern_glob_match(const char *glob, const char *s, size_t len)
{
	const char *any, *end = s + len;
	bool first = true;

	for (; (any = strstr(glob, "**")) != NULL; glob = any + 2) {
		size_t n = (size_t)(any - glob), left = (size_t)(end - s);
		const char *at =
		    first ? (n <= left && memcmp(s, glob, n) == 0 ? s : NULL)
			  : memmem(s, left, glob, n);

		if (at == NULL)
			return false;
		s = at + n;
		first = false;
	}
	len = strlen(glob);
	if (first ? len != (size_t)(end - s) : len > (size_t)(end - s))
		return false;
	return memcmp(end - len, glob, len) == 0;
}

const char *
pattern_regex(
    struct pattern *ret, char buf[PATTERN_SIZE], const char *s, size_t len)
{
	const char *what = NULL;
	struct regex *regex;
	int r;

	if (len > PATTERN_MAX)
		return "a regular expression of more than 512 bytes";
	if (len == 0 || memchr(s, '\0', len) != NULL)
		return "not a regular expression";
	memcpy(buf, s, len);
	buf[len] = '\0';
	r = regex_new(&regex, buf);
	if (r == -E2BIG)
		return "a regular expression that costs too much";
	if (r < 0)
		return "not a regular expression, or one that has to go back "
		       "(such as to look ahead, or \\b)";
	*ret = (struct pattern){ PATTERN_REGEX, buf, (uint16_t)len,
		(uint32_t)regex_cost(regex) };
	if (regex_match(regex, "", 0))
		what = "a regular expression that every name has";
	regex_free(regex);
	return what;
}

bool
pattern_has(const struct pattern *pattern, const struct name *name)
{
	struct pattern_text text;
	struct regex *regex;
	bool has;

	pattern_text(&text, name);
	if (pattern->kind == PATTERN_GLOB)
		return pattern_glob_match(pattern->text, text.s, text.len);
	if (regex_new(&regex, pattern->text) < 0)
		return false;
	has = text.len > 2 && regex_match(regex, text.s + 1, text.len - 2);
	regex_free(regex);
	return has;
}

/* What they have in common with each match --------------------------------- */

/* Bytes that follow each other in every match, as far as they are known. */
struct run {
	char v[3]; /* the last ones */
	size_t n;
	uint32_t best;
	unsigned int score;
};

/* How seldom a byte is met in names; the commonest first. */
static unsigned int
rarity(char c)
{
	static const char order[] = ".eaosi1nr0t2c3m4l5d6u7h8p9g-bfkywvxjzq_";
	const char *at = c != '\0' ? strchr(order, c) : NULL;

	return at != NULL ? (unsigned int)(at - order) + 1 : 1;
}

static void
run_try(struct run *run, const char *v, size_t n)
{
	unsigned int score = 0;

	/* three of the commonest are rarer than any two */
	for (size_t i = 0; i < n; i++)
		score += rarity(v[i]) + (n == 3 ? 40 : 0);
	if (score <= run->score)
		return;
	run->score = score;
	run->best = (uint32_t)(uint8_t)v[0] << 16 |
		    (uint32_t)(uint8_t)v[1] << 8 |
		    (n == 3 ? (uint32_t)(uint8_t)v[2] : 0);
}

static void
run_put(struct run *run, char c)
{
	if (run->n == 3) {
		memmove(run->v, run->v + 1, 2);
		run->n = 2;
	}
	run->v[run->n++] = c;
	if (run->n >= 2)
		run_try(run, run->v + run->n - 2, 2);
	if (run->n == 3)
		run_try(run, run->v, 3);
}

static void
run_break(struct run *run)
{
	run->n = 0;
}

static uint32_t
glob_gram(const char *text)
{
	struct run run = { .n = 0 };

	for (; *text != '\0'; text++)
		if (*text == '*')
			run_break(&run);
		else
			run_put(&run, *text);
	return run.best;
}

/* A regular expression, read as far as it says for certain what is in its
 * matches. */
struct reading {
	const char *p;
	struct run run;
	bool lost; /* it says something that is not understood here */
};

/* From behind a '(' to behind its ')'. */
static const char *
group_end(const char *p)
{
	size_t depth = 1;

	while (*p != '\0' && depth > 0) {
		switch (*p) {
		case '\\':
			/* \Q: parentheses may be none */
			if (p[1] == '\0' || p[1] == 'Q')
				return NULL;
			p += 2;
			break;
		case '[':
			p = regex_class_end(p + 1);
			if (p == NULL)
				return NULL;
			break;
		default:
			depth += *p == '(';
			depth -= *p == ')';
			p++;
		}
	}
	return depth == 0 ? p : NULL;
}

static bool
is_alnum(char c)
{
	return kept(c) != '\0' && c != '-' && c != '_' && c != '.';
}

/* One byte of the text ('\0': it is not known which), len bytes long in the
 * expression. */
static void
take_known(struct reading *r, char c, size_t len)
{
	r->p += len;
	switch (*r->p) {
	case '?':
	case '*':
	case '{':
		run_break(&r->run); /* it may be missing */
		return;
	}
	if (c == '\0')
		run_break(&r->run);
	else
		run_put(&r->run, c);
	if (*r->p == '+')
		run_break(&r->run);
}

/* One that stands for itself. */
static void
take_byte(struct reading *r, char c, size_t len)
{
	take_known(r, kept(c), len);
}

static void
take_class(struct reading *r)
{
	const char *p = r->p + 1;

	/* "[.]" */
	if (*p != '^' && *p != '\\' && *p != '[' && *p != '\0' && p[1] == ']') {
		take_byte(r, *p, 3);
		return;
	}
	p = regex_class_end(p);
	run_break(&r->run);
	if (p == NULL)
		r->lost = true;
	else
		r->p = p;
}

static void
take_group(struct reading *r)
{
	const char *end;

	run_break(&r->run);
	/* "(?i)" changes what follows; case is not told apart anyway */
	if (r->p[1] == '?' && r->p[2] != ':' && strncmp(r->p, "(?i)", 4) != 0) {
		r->lost = true;
		return;
	}
	end = group_end(r->p + 1);
	if (end == NULL)
		r->lost = true;
	else
		r->p = end;
}

static void
take_escape(struct reading *r)
{
	char c = r->p[1];

	if (c == '\0' || c == 'Q') {
		r->lost = true;
	} else if (is_alnum(c)) { /* \d, \b, \x2e, \pL */
		run_break(&r->run);
		r->lost = c != 'd' && c != 'w' && c != 's' && c != 'D' &&
			  c != 'W' && c != 'S' && c != 'b' && c != 'B';
		r->p += 2;
	} else {
		take_byte(r, c, 2);
	}
}

static void
take_braces(struct reading *r)
{
	run_break(&r->run);
	r->p++;
	r->p += strspn(r->p, "0123456789,");
	r->lost = *r->p != '}'; /* it is no number of times, then */
	if (!r->lost)
		r->p++;
}

static void
take_next(struct reading *r)
{
	switch (*r->p) {
	case '|':
		r->lost = true;
		break;
	case '(':
		take_group(r);
		break;
	case '[':
		take_class(r);
		break;
	case '\\':
		take_escape(r);
		break;
	case '{':
		take_braces(r);
		break;
	case '^': /* the text goes on with these where the name does not */
		run_break(&r->run);
		take_known(r, '.', 1);
		break;
	case '$':
		take_known(r, PATTERN_END, 1);
		run_break(&r->run);
		break;
	case '.':
	case '?':
	case '*':
	case '+':
	case ')':
		run_break(&r->run);
		r->p++;
		break;
	default:
		take_byte(r, *r->p, 1);
	}
}

static uint32_t
regex_gram(const char *text)
{
	struct reading r = { .p = text };

	while (*r.p != '\0' && !r.lost)
		take_next(&r);
	return r.lost ? 0 : r.run.best;
}

uint32_t
pattern_gram(const struct pattern *pattern)
{
	return pattern->kind == PATTERN_GLOB ? glob_gram(pattern->text)
					     : regex_gram(pattern->text);
}
