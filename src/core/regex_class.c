#include "src/core/regex_class.h"

#include <stddef.h>
#include <string.h>

#include "src/core/regex.h"

static void
add(struct regex_class *class, unsigned char c)
{
	class->bits[c / 32] |= UINT32_C(1) << c % 32;
}

static bool
is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void
add_range(struct regex_class *class, unsigned char from, unsigned char to)
{
	for (unsigned int c = from; c <= to; c++) {
		add(class, (unsigned char)c);
		if (is_letter((unsigned char)c))
			add(class, (unsigned char)(c ^ 0x20));
	}
}

static void
invert(struct regex_class *class)
{
	for (size_t i = 0; i < 8; i++)
		class->bits[i] = ~class->bits[i];
}

static void
unite(struct regex_class *class, const struct regex_class *more)
{
	for (size_t i = 0; i < 8; i++)
		class->bits[i] |= more->bits[i];
}

/* Pairs of bytes, from and to. */
static void
add_ranges(struct regex_class *class, const char *ranges)
{
	for (; *ranges != '\0'; ranges += 2)
		add_range(
		    class, (unsigned char)ranges[0], (unsigned char)ranges[1]);
}

/* What \d and its like stand for; false for others. */
static bool
kind(struct regex_class *ret, char c)
{
	const char *ranges = NULL;

	switch (c) {
	case 'd':
	case 'D':
		ranges = "09";
		break;
	case 'w':
	case 'W':
		ranges = "09az__";
		break;
	case 's':
	case 'S':
		ranges = "\t\r  ";
		break;
	default:
		return false;
	}
	memset(ret, 0, sizeof(*ret));
	add_ranges(ret, ranges);
	if (c >= 'A' && c <= 'Z')
		invert(ret);
	return true;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One byte behind a '\'; NULL for what is none. */
static const char *
escaped(unsigned char *ret, const char *p)
{
	static const char names[] = "tnvfr";
	const char *at = *p != '\0' ? strchr(names, *p) : NULL;
	unsigned char c = (unsigned char)*p;

	if (at != NULL) {
		*ret = (unsigned char)('\t' + (at - names));
		return p + 1;
	}
	if (c == 'x') {
		if (hex(p[1]) < 0 || hex(p[2]) < 0)
			return NULL;
		*ret = (unsigned char)(hex(p[1]) << 4 | hex(p[2]));
		return p + 3;
	}
	/* "\\<" is where a word begins, and so on */
	if (c == '\0' || is_letter(c) || (c >= '0' && c <= '9') ||
	    strchr("<>`'", c) != NULL)
		return NULL;
	*ret = c;
	return p + 1;
}

/* "[:alpha:]" in a class, from its '[' on. */
static const char *
named(struct regex_class *class, const char *p)
{
	static const struct {
		const char *name, *ranges;
	} names[] = {
		{ "alpha", "az" },
		{ "digit", "09" },
		{ "alnum", "az09" },
		{ "lower", "az" },
		{ "upper", "az" },
		{ "xdigit", "09af" },
		{ "space", "\t\r  " },
		{ "blank", "\t\t  " },
		{ "word", "09az__" },
		{ "punct", "!/:@[`{~" },
	};
	struct regex_class found = { { 0 } };
	bool inverted;

	if (p[1] != ':')
		return NULL;
	p += 2;
	inverted = *p == '^';
	p += inverted;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].name);

		if (strncmp(p, names[i].name, len) != 0 || p[len] != ':' ||
		    p[len + 1] != ']')
			continue;
		add_ranges(&found, names[i].ranges);
		if (inverted)
			invert(&found);
		unite(class, &found);
		return p + len + 2;
	}
	return NULL;
}

/* A byte of a class; NULL where it is not one. */
static const char *
one(unsigned char *ret, const char *p)
{
	if (*p == '\\')
		return escaped(ret, p + 1);
	if (*p == '\0' || *p == '[')
		return NULL;
	*ret = (unsigned char)*p;
	return p + 1;
}

/* "x", "x-y", "\d" or "[:x:]". */
static const char *
member(struct regex_class *class, const char *p)
{
	struct regex_class more;
	unsigned char from, to;

	if (*p == '[')
		return named(class, p);
	if (*p == '\\' && kind(&more, p[1])) {
		unite(class, &more);
		return p + 2;
	}
	p = one(&from, p);
	if (p == NULL)
		return NULL;
	to = from;
	if (*p == '-' && p[1] != ']') {
		p = one(&to, p + 1);
		if (p == NULL || to < from)
			return NULL;
	}
	add_range(class, from, to);
	return p;
}

/* From behind the '['. */
static const char *
bracketed(struct regex_class *ret, const char *p)
{
	bool inverted = *p == '^';

	p += inverted;
	if (*p == ']') /* the first one is a byte, or the first of some */
		p = member(ret, p);
	while (p != NULL && *p != '\0' && *p != ']')
		p = member(ret, p);
	if (p == NULL || *p != ']')
		return NULL;
	if (inverted)
		invert(ret);
	return p + 1;
}

const char *
regex_class_end(const char *p)
{
	struct regex_class class = { { 0 } };

	return bracketed(&class, p);
}

const char *
regex_class_read(struct regex_class *ret, const char *p)
{
	unsigned char c = (unsigned char)*p;

	memset(ret, 0, sizeof(*ret));
	switch (*p) {
	case '[':
		return bracketed(ret, p + 1);
	case '.':
		invert(ret);
		return p + 1;
	case '\\':
		if (kind(ret, p[1]))
			return p + 2;
		p = escaped(&c, p + 1);
		break;
	default:
		p++;
	}
	if (p != NULL)
		add_range(ret, c, c);
	return p;
}
