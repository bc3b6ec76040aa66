#include "src/core/glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One step of a pattern. */
enum glob_kind {
	GLOB_END,
	GLOB_BYTE,
	GLOB_ONE,  /* ? */
	GLOB_STAR, /* * */
	GLOB_ALL,  /* ** */
};

/* Reads the step at *p and moves on; GLOB_BYTE sets *ret_byte. */
static enum glob_kind
glob_step(const char **p, char *ret_byte)
{
	const char *s = *p;

	switch (*s) {
	case '\0':
		return GLOB_END;
	case '?':
		*p = s + 1;
		return GLOB_ONE;
	case '*':
		*p = s + (s[1] == '*' ? 2 : 1);
		return s[1] == '*' ? GLOB_ALL : GLOB_STAR;
	case '\\':
		s++;
		break;
	}
	*ret_byte = *s;
	*p = s + 1;
	return GLOB_BYTE;
}

int
glob_check(const char *pattern, size_t *ret_at)
{
	for (const char *p = pattern; *p != '\0'; p++)
		if (*p == '\\' && *++p == '\0') {
			*ret_at = (size_t)(p - pattern) - 1;
			return -EINVAL;
		}
	return 0;
}

int
glob_check_size(const char *pattern)
{
	const char *p = pattern;
	enum glob_kind kind;
	size_t n = 0;
	char byte;

	while ((kind = glob_step(&p, &byte)) != GLOB_END)
		n += kind != GLOB_BYTE;
	return n > GLOB_WILDCARDS_MAX || (n > 0 && strlen(pattern) > GLOB_MAX)
		   ? -E2BIG
		   : 0;
}

/* Bytes of the character at s < end; what is not UTF-8 is
 * taken byte by byte. */
static size_t
character_len(const char *s, const char *end)
{
	unsigned char c = (unsigned char)s[0];
	size_t n = c < 0xc2   ? 1
		   : c < 0xe0 ? 2
		   : c < 0xf0 ? 3
		   : c < 0xf5 ? 4
			      : 1;

	if (n > (size_t)(end - s))
		return 1;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

/* A match under way. When it fails, the last star eats one character more.
 * A star gives way to the last ** before it, so two places to go back to are
 * enough: what an earlier star could eat instead, the later one can as well. */
struct glob_walk {
	const char *p, *s;
	const char *end; /* of s */
	struct {
		const char *p; /* after the star; NULL for none */
		const char *s; /* what it has eaten ends here */
	} star, all;
	bool slash; /* a '/' was matched between all and star */
	bool slash_now;
};

/* False if nothing is left to try. */
static bool
glob_retry(struct glob_walk *w)
{
	if (w->star.p != NULL) {
		if (w->star.s == w->end)
			return false; /* more for ** leaves less for * */
		if (*w->star.s != '/') {
			w->star.s += character_len(w->star.s, w->end);
			w->p = w->star.p;
			w->s = w->star.s;
			w->slash_now = w->slash;
			return true;
		}
		/* what stands between the two has no '/', so it can't reach
		 * over this one: without this step the search is quadratic */
		if (w->all.p != NULL && !w->slash)
			w->all.s = w->star.s;
		w->star.p = NULL;
	}
	if (w->all.p == NULL || w->all.s == w->end)
		return false;
	w->all.s += character_len(w->all.s, w->end);
	w->p = w->all.p;
	w->s = w->all.s;
	w->slash_now = false;
	return true;
}

/* Takes one step; false where it does not fit. */
static bool
glob_walk(struct glob_walk *w, enum glob_kind kind, char byte)
{
	switch (kind) {
	case GLOB_END:
		return w->s == w->end;
	case GLOB_BYTE:
		if (w->s == w->end || *w->s != byte)
			return false;
		w->slash_now |= byte == '/';
		w->s++;
		return true;
	case GLOB_ONE:
		if (w->s == w->end || *w->s == '/')
			return false;
		w->s += character_len(w->s, w->end);
		return true;
	case GLOB_STAR:
		w->star.p = w->p;
		w->star.s = w->s;
		w->slash = w->slash_now;
		return true;
	case GLOB_ALL:
		w->all.p = w->p;
		w->all.s = w->s;
		w->star.p = NULL;
		w->slash_now = false;
		return true;
	}
	abort();
}

bool
glob_match(const char *pattern, const char *s, size_t len)
{
	struct glob_walk w = { .p = pattern, .s = s, .end = s + len };
	enum glob_kind kind;
	char byte = '\0';

	for (;;) {
		kind = glob_step(&w.p, &byte);
		if (!glob_walk(&w, kind, byte)) {
			if (!glob_retry(&w))
				return false;
		} else if (kind == GLOB_END) {
			return true;
		}
	}
}

bool
glob_literal(const char *pattern, char *literal)
{
	const char *p = pattern;
	enum glob_kind kind;

	while ((kind = glob_step(&p, literal)) == GLOB_BYTE)
		literal++;
	*literal = '\0';
	return kind == GLOB_END;
}

size_t
glob_prefix(const char *pattern, char *buf, size_t size)
{
	const char *p = pattern;
	size_t n = 0;

	while (n < size && glob_step(&p, &buf[n]) == GLOB_BYTE)
		n++;
	return n;
}

size_t
glob_suffix(const char *pattern, char *buf, size_t size)
{
	const char *p = pattern, *from = pattern;
	enum glob_kind kind;
	size_t n = 0, len = 0;
	char byte;

	/* what follows the last wildcard */
	while ((kind = glob_step(&p, &byte)) != GLOB_END) {
		len++;
		if (kind != GLOB_BYTE) {
			from = p;
			len = 0;
		}
	}
	/* of that, the last `size` bytes */
	for (p = from; glob_step(&p, &byte) == GLOB_BYTE; len--)
		if (len <= size)
			buf[n++] = byte;
	return n;
}

size_t
glob_dir(const char *pattern)
{
	const char *p = pattern;
	size_t slash = 0, at = 0;
	char byte;

	while (glob_step(&p, &byte) == GLOB_BYTE) {
		if (byte == '/')
			slash = at;
		at = (size_t)(p - pattern);
	}
	return slash;
}
