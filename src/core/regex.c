#include "src/core/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One pass over the text finds a match wherever it begins: what stands before
 * it is a part of the expression. */
#define BEFORE "(?s:.*?)(?:"
#define AFTER ")"

/* States that a match may be in at one place of the text: a pass takes time by
 * the square of them, at worst. */
#define STATES_MAX 150
/* As pcre2_dfa_match() has them: three numbers each, here and at the next
 * place, and two more. */
#define WORKSPACE (2 + 2 * 3 * STATES_MAX)

/* Bytes that the compiled form of any expression has. */
#define HEAD_SIZE 136

/* As long as a name may be. */
#define PROBE_LEN 253

struct regex {
	pcre2_code *code;
	size_t cost;
};

/* What may not be said ------------------------------------------------------
 */

/* From behind a '[' to behind the ']' that ends it; NULL where none does. */
static const char *
class_end(const char *p)
{
	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	while (*p != '\0' && *p != ']') {
		if (*p == '[' && p[1] == ':' && strstr(p + 2, ":]") != NULL)
			p = strstr(p + 2, ":]") + 2;
		else
			p += *p == '\\' && p[1] != '\0' ? 2 : 1;
	}
	return *p == ']' ? p + 1 : NULL;
}

/* What a '(' begins, from behind it on: nothing that looks around, that goes
 * back, or that calls itself. */
static bool
is_plain_group(const char *p)
{
	if (*p == '*')
		return false; /* a verb */
	if (*p != '?')
		return true;
	return p[1] == ':' || (p[1] == 'i' && (p[2] == ')' || p[2] == ':'));
}

/* What a '\' and this stand for is one byte, or a place between two. */
static bool
is_plain_escape(char c)
{
	return c != '\0' &&
	       (strchr("dDwWsSbBAzntrfv", c) != NULL ||
		   !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		       (c >= 'A' && c <= 'Z')));
}

/* Whether it is regular, as far as it is one at all. */
static bool
is_plain(const char *text)
{
	for (const char *p = text; *p != '\0';) {
		switch (*p) {
		case '[':
			p = class_end(p + 1);
			if (p == NULL)
				return false;
			break;
		case '(':
			if (!is_plain_group(p + 1))
				return false;
			p++;
			break;
		case '\\':
			if (!is_plain_escape(p[1]))
				return false;
			p += 2;
			break;
		case '*':
		case '+':
		case '?':
		case '}':
			if (p[1] == '+') /* gives nothing back */
				return false;
			p++;
			break;
		default:
			p++;
		}
	}
	return true;
}

/* Matching ------------------------------------------------------------------
 */

/* As pcre2_dfa_match(): negative where there is none, or it was given up. */
static int
look(const struct regex *regex, const char *s, size_t len)
{
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	int workspace[WORKSPACE];
	int r;

	if (match == NULL)
		return PCRE2_ERROR_NOMEMORY;
	r = pcre2_dfa_match(regex->code, (PCRE2_SPTR)s, len, 0,
	    PCRE2_DFA_SHORTEST, match, NULL, workspace, WORKSPACE);
	pcre2_match_data_free(match);
	return r;
}

bool
regex_match(const struct regex *regex, const char *s, size_t len)
{
	return look(regex, s, len) >= 0;
}

/* Texts of one byte over and over lead into most states: 0, or what it can't
 * do. */
static int
probe(const struct regex *regex, const char *text)
{
	char s[PROBE_LEN];

	for (const char *p = text;; p++) {
		int r;

		memset(s, *p != '\0' ? *p : 'a', sizeof(s));
		r = look(regex, s, sizeof(s));
		if (r == PCRE2_ERROR_NOMEMORY)
			return -ENOMEM;
		if (r < 0 && r != PCRE2_ERROR_NOMATCH)
			return r == PCRE2_ERROR_DFA_WSSIZE ? -E2BIG : -EINVAL;
		if (*p == '\0')
			return 0;
	}
}

static int
compile(pcre2_code **ret, const char *text)
{
	static const uint32_t options =
	    PCRE2_ANCHORED | PCRE2_CASELESS | PCRE2_DOTALL |
	    PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE |
	    PCRE2_NO_AUTO_POSSESS | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
	PCRE2_SIZE at;
	int error;

	*ret = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options,
	    &error, &at, NULL);
	if (*ret != NULL)
		return 0;
	return error == PCRE2_ERROR_HEAP_FAILED		? -ENOMEM
	       : error == PCRE2_ERROR_PATTERN_TOO_LARGE ? -E2BIG
							: -EINVAL;
}

/* It has to be one by itself, too: "a)|(b" is none. */
static int
compile_behind(pcre2_code **ret, const char *text)
{
	pcre2_code *alone;
	char *whole;
	int r = compile(&alone, text);

	if (r < 0)
		return r;
	pcre2_code_free(alone);
	if (asprintf(&whole, BEFORE "%s" AFTER, text) < 0)
		return -ENOMEM;
	r = compile(ret, whole);
	free(whole);
	return r;
}

int
regex_new(struct regex **ret, const char *text)
{
	struct regex *regex;
	size_t size;
	int r;

	if (!is_plain(text))
		return -EINVAL;
	regex = calloc(1, sizeof(*regex));
	if (regex == NULL)
		return -ENOMEM;
	r = compile_behind(&regex->code, text);
	if (r == 0)
		r = probe(regex, text);
	if (r < 0) {
		regex_free(regex);
		return r;
	}
	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_SIZE, &size);
	regex->cost = size > HEAD_SIZE ? size - HEAD_SIZE : 1;
	*ret = regex;
	return 0;
}

void
regex_free(struct regex *regex)
{
	if (regex == NULL)
		return;
	pcre2_code_free(regex->code); /* accepts NULL */
	free(regex);
}

size_t
regex_cost(const struct regex *regex)
{
	return regex->cost;
}
