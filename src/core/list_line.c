#include "src/core/list_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/core/punycode.h"

/* What may stand in a host name, as it is to be kept; 0 for all else. Bytes of
 * other scripts are looked at by punycode_label(). */
static const char kept[256] = {
	['-'] = '-',
	['_'] = '_',
	['0'] = '0',
	['1'] = '1',
	['2'] = '2',
	['3'] = '3',
	['4'] = '4',
	['5'] = '5',
	['6'] = '6',
	['7'] = '7',
	['8'] = '8',
	['9'] = '9',
	['a'] = 'a',
	['b'] = 'b',
	['c'] = 'c',
	['d'] = 'd',
	['e'] = 'e',
	['f'] = 'f',
	['g'] = 'g',
	['h'] = 'h',
	['i'] = 'i',
	['j'] = 'j',
	['k'] = 'k',
	['l'] = 'l',
	['m'] = 'm',
	['n'] = 'n',
	['o'] = 'o',
	['p'] = 'p',
	['q'] = 'q',
	['r'] = 'r',
	['s'] = 's',
	['t'] = 't',
	['u'] = 'u',
	['v'] = 'v',
	['w'] = 'w',
	['x'] = 'x',
	['y'] = 'y',
	['z'] = 'z',
	['A'] = 'a',
	['B'] = 'b',
	['C'] = 'c',
	['D'] = 'd',
	['E'] = 'e',
	['F'] = 'f',
	['G'] = 'g',
	['H'] = 'h',
	['I'] = 'i',
	['J'] = 'j',
	['K'] = 'k',
	['L'] = 'l',
	['M'] = 'm',
	['N'] = 'n',
	['O'] = 'o',
	['P'] = 'p',
	['Q'] = 'q',
	['R'] = 'r',
	['S'] = 's',
	['T'] = 't',
	['U'] = 'u',
	['V'] = 'v',
	['W'] = 'w',
	['X'] = 'x',
	['Y'] = 'y',
	['Z'] = 'z',
};

/* Words ------------------------------------------------------------------- */

struct list_text
list_trim(struct list_text text)
{
	while (text.len > 0 && list_is_blank(text.p[0]))
		text = list_after(text, 1);
	while (text.len > 0 && list_is_blank(text.p[text.len - 1]))
		text.len--;
	return text;
}

struct list_text
list_word(struct list_text *text)
{
	struct list_text word;

	while (text->len > 0 && list_is_blank(text->p[0]))
		*text = list_after(*text, 1);
	word = (struct list_text){ text->p, 0 };
	while (word.len < text->len && !list_is_blank(text->p[word.len]))
		word.len++;
	*text = list_after(*text, word.len);
	return word;
}

struct list_text
list_until(struct list_text *text, char end)
{
	const char *p = memchr(text->p, end, text->len);
	struct list_text part = { text->p,
		p != NULL ? (size_t)(p - text->p) : text->len };

	*text = list_after(*text, p != NULL ? part.len + 1 : part.len);
	return part;
}

/* Lines -------------------------------------------------------------------- */

bool
list_is_cosmetic(struct list_text line)
{
	size_t i = 0;

	while (i < line.len && line.p[i] == '#')
		i++;
	if (i > 0 && (i == line.len || list_is_blank(line.p[i])))
		return false; /* "## a heading" */
	for (i = 0; i + 1 < line.len; i++) {
		if (line.p[i] == '#' && i > 0 && list_is_blank(line.p[i - 1]))
			return false; /* a comment begins */
		if (line.p[i] == '$' && line.p[i + 1] == '$')
			return true;
		if (line.p[i] == '#' &&
		    (line.p[i + 1] == '#' || line.p[i + 1] == '@' ||
			line.p[i + 1] == '?' || line.p[i + 1] == '$' ||
			line.p[i + 1] == '%'))
			return true;
	}
	return false;
}

char
list_end(struct list_text text)
{
	return text.len > 0 && memchr(text.p, '\n', text.len) == NULL ? '\r'
								      : '\n';
}

bool
list_next_line(struct list_reader *reader)
{
	struct list_text *rest = &reader->rest;
	const char *end;

	if (rest->len == 0 || reader->error != 0)
		return false;
	end = memchr(rest->p, reader->end, rest->len);
	reader->line.p = rest->p;
	reader->line.len = end != NULL ? (size_t)(end - rest->p) : rest->len;
	*rest = list_after(
	    *rest, end != NULL ? reader->line.len + 1 : reader->line.len);
	reader->n++;
	return true;
}

static void
put_fault(struct list_reader *reader, struct list_fault *fault)
{
	fault->file = reader->file;
	fault->line = reader->n;
	fault->text = reader->line.p;
	fault->len = reader->line.len;
	if (fault->len > 0 && fault->text[fault->len - 1] == '\r')
		fault->len--;
	reader->sink->fault(reader->sink->arg, fault);
}

void
list_fault_line(struct list_reader *reader, const char *what)
{
	put_fault(reader, &(struct list_fault){ .what = what });
}

void
list_fault_include(struct list_reader *reader, const char *what)
{
	put_fault(
	    reader, &(struct list_fault){ .what = what, .partial = true });
}

void
list_fault_modifier(struct list_reader *reader, struct list_text modifier)
{
	put_fault(
	    reader, &(struct list_fault){ .what = "a modifier that can't apply",
			.modifier = modifier.p,
			.modifier_len = modifier.len });
}

#define NO_ROOM "a pattern more than a list can have"
/* After so many the others are not looked at: each is compiled for that. */
#define REFUSED_MAX 100

const char *
list_regex(const struct list_reader *reader, struct pattern *ret,
    char buf[PATTERN_SIZE], struct list_text text)
{
	return reader->refused < REFUSED_MAX
		   ? pattern_regex(ret, buf, text.p, text.len)
		   : NO_ROOM;
}

bool
list_put(struct list_reader *reader, struct list_entry *entry)
{
	entry->file = reader->file;
	entry->line = reader->n;
	reader->error = reader->sink->entry(reader->sink->arg, entry);
	if (reader->error == -ENOSPC) {
		reader->error = 0;
		reader->refused++;
		list_fault_line(reader, NO_ROOM);
	}
	return reader->error == 0;
}

bool
list_put_name(
    struct list_reader *reader, const struct name *name, unsigned int flags)
{
	return list_put(reader,
	    &(struct list_entry){
		.kind = LIST_ENTRY_NAME, .name = name, .flags = flags });
}

bool
list_put_addr(struct list_reader *reader, const struct addr_range *range,
    enum addrset_rank rank)
{
	return list_put(reader,
	    &(struct list_entry){
		.kind = LIST_ENTRY_ADDR, .range = *range, .rank = rank });
}

/* Names and addresses ------------------------------------------------------ */

/* A label with bytes past ASCII, at *at up to the next dot, to
 * ret->wire[used]. */
static const char *
foreign_label(struct name *ret, size_t *used, struct list_text text, size_t *at)
{
	char label[PUNYCODE_MAX];
	size_t len = 0;

	while (*at + len < text.len && text.p[*at + len] != '.') {
		uint8_t c = (uint8_t)text.p[*at + len];

		if (c < 0x80 && kept[c] == 0)
			return "not a name";
		len++;
	}
	*at += len;
	len = punycode_label(label, text.p + *at - len, len);
	if (len == 0)
		return "no character of a name, or a label of more than 63 "
		       "octets";
	if (*used + 1 + len + 1 > NAME_WIRE_MAX)
		return "a name of more than 255 octets";
	ret->wire[*used] = (uint8_t)len;
	memcpy(ret->wire + *used + 1, label, len);
	*used += 1 + len;
	return NULL;
}

/* The same for ASCII; the label's start where a byte is past that. */
static const char *
label_at(struct name *ret, size_t *used, struct list_text text, size_t *at)
{
	size_t start = *at, n = 0;

	for (; *at < text.len && text.p[*at] != '.'; (*at)++) {
		uint8_t c = (uint8_t)text.p[*at];

		if (c >= 0x80) {
			*at = start;
			return foreign_label(ret, used, text, at);
		}
		if (kept[c] == 0)
			return "not a name";
		if (n == NAME_LABEL_MAX) /* maybe a foreign one, from here on */
			return "a label of more than 63 octets";
		/* the root's octet must fit as well */
		if (*used + 1 + n + 1 >= NAME_WIRE_MAX)
			return "a name of more than 255 octets";
		ret->wire[*used + 1 + n++] = (uint8_t)kept[c];
	}
	if (n == 0)
		return "an empty label";
	ret->wire[*used] = (uint8_t)n;
	*used += 1 + n;
	return NULL;
}

static bool
is_number(const uint8_t *label)
{
	for (unsigned int i = 1; i <= label[0]; i++)
		if (label[i] < '0' || label[i] > '9')
			return false;
	return true;
}

const char *
list_name(struct name *ret, struct list_text text)
{
	size_t used = 0, at = 0, last = 0;
	const char *what;

	if (text.len == 0)
		return "no name";
	while (at < text.len) {
		last = used;
		what = label_at(ret, &used, text, &at);
		if (what != NULL)
			return what;
		at++; /* the dot */
	}
	/* no top-level domain is (RFC 3696 section 2): it is a part of an
	 * address, or says how often one behind which it stands was seen */
	if (is_number(ret->wire + last))
		return "a name that ends in a number";
	ret->wire[used++] = 0;
	ret->len = (uint8_t)used;
	return NULL;
}

/* "192.0.2.7/24" as 192.0.2.0/24. */
static bool
loose_prefix(struct addr_range *ret, struct list_text text)
{
	const char *slash = memchr(text.p, '/', text.len);
	struct prefix prefix;
	struct addr addr;
	char any[16];
	int len;

	if (slash == NULL ||
	    addr_parse(&addr, text.p, (size_t)(slash - text.p)) < 0)
		return false;
	/* the length, read from a prefix that has no other bits */
	len = snprintf(any, sizeof(any), "%s%.*s",
	    addr.family == ADDR_IP4 ? "0.0.0.0" : "::",
	    (int)(text.len - (size_t)(slash - text.p)), slash);
	if (len >= (int)sizeof(any) ||
	    prefix_parse(&prefix, any, (size_t)len) < 0)
		return false;
	for (size_t i = 0; i < addr_len(&addr); i++) {
		size_t bits = prefix.len > 8 * i ? prefix.len - 8 * i : 0;
		unsigned int mask = bits >= 8 ? 0xffU : ~(0xffU >> bits);

		prefix.addr.bytes[i] = (uint8_t)(addr.bytes[i] & mask);
	}
	*ret = prefix_range(&prefix);
	return true;
}

bool
list_addr(struct addr_range *ret, struct list_text text)
{
	/* most words are names: quick about it */
	if (text.len == 0 || !((text.p[0] >= '0' && text.p[0] <= '9') ||
				 memchr(text.p, ':', text.len) != NULL))
		return false;
	return addr_range_parse(ret, text.p, text.len) == 0 ||
	       loose_prefix(ret, text);
}
