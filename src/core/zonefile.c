#include "src/core/zonefile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/base/num.h"

#define TTL_DEFAULT 3600

void
zone_init(struct zone *zone, struct list_reader *reader)
{
	memset(zone, 0, sizeof(*zone));
	zone->reader = reader;
	zone->origin = name_of(".");
	zone->ttl = TTL_DEFAULT;
}

/* Words -------------------------------------------------------------------- */

/* Up to the closing quote, which is taken off; false where there is none on
 * the line. */
static bool
quoted_word(struct list_text *line, struct zone_word *ret)
{
	size_t n = 0;

	*line = list_after(*line, 1);
	while (n < line->len && line->p[n] != '"')
		n += line->p[n] == '\\' && n + 1 < line->len ? 2 : 1;
	if (n >= line->len)
		return false;
	*ret = (struct zone_word){ { line->p, n }, true };
	*line = list_after(*line, n + 1);
	return true;
}

/* What ends a word: by a table, since each byte of a zone is looked up. A NUL
 * is a word of its own, which nothing takes. */
static const bool ends_word[256] = {
	['\0'] = true,
	[' '] = true,
	['\t'] = true,
	['\r'] = true,
	['\v'] = true,
	['\f'] = true,
	[';'] = true,
	['('] = true,
	[')'] = true,
	['"'] = true,
};

static void
bare_word(struct list_text *line, struct zone_word *ret)
{
	size_t n = 0;

	while (n < line->len && !ends_word[(uint8_t)line->p[n]])
		n += line->p[n] == '\\' && n + 1 < line->len ? 2 : 1;
	if (n == 0)
		n = 1;
	*ret = (struct zone_word){ { line->p, n }, false };
	*line = list_after(*line, n);
}

const char *
zone_words(struct zone *zone, struct list_text line, int *depth)
{
	while ((line = list_trim(line)).len > 0 && line.p[0] != ';') {
		struct zone_word word;

		if (line.p[0] == '(' || line.p[0] == ')') {
			*depth += line.p[0] == '(' ? 1 : -1;
			if (*depth < 0 || *depth > 1)
				return "parentheses that don't belong together";
			line = list_after(line, 1);
			continue;
		}
		if (line.p[0] != '"')
			bare_word(&line, &word);
		else if (!quoted_word(&line, &word))
			return "no closing quote";
		if (zone->n_words == ZONEFILE_WORDS_MAX)
			return "a record of more than 64 words";
		zone->words[zone->n_words++] = word;
	}
	return NULL;
}

/* Files within the file --------------------------------------------------- */

/* At its end the one around it goes on, with the origin and the owner that it
 * had. */
static bool
next_line(struct zone *zone)
{
	struct list_reader *reader = zone->reader;

	while (!list_next_line(reader)) {
		struct zone_outer *outer;

		if (zone->depth == 0)
			return false;
		outer = &zone->outer[--zone->depth];
		reader->rest = outer->rest;
		reader->n = outer->n;
		reader->end = outer->end;
		reader->file = outer->file;
		zone->origin = outer->origin;
		zone->owner = outer->owner;
		zone->has_owner = outer->has_owner;
		free(outer->included.path);
		free(outer->included.text);
	}
	return true;
}

/* A blank in front of a line stands for the owner of the record before. In
 * front of the first there is none: that many are the margin of text that was
 * copied with it, as far as no line has less. */
static bool
is_indented(struct zone *zone, struct list_text line)
{
	size_t blanks = 0;

	while (blanks < line.len && list_is_blank(line.p[blanks]))
		blanks++;
	if (zone->depth > 0) /* a file within has none */
		return blanks > 0;
	if (zone->n_words > 0 && (!zone->has_margin || blanks < zone->margin)) {
		zone->has_margin = true;
		zone->margin = blanks;
	}
	return blanks > zone->margin;
}

/* All lines of the next record that has words. Its first line is the reader's
 * then. *ret_what says what is wrong with it. False at the end. */
static bool
next_lines(struct zone *zone, bool *ret_blank, const char **ret_what)
{
	struct list_reader *reader = zone->reader;
	struct list_text first;
	uint32_t n;
	int depth = 0;

	zone->n_words = 0;
	*ret_what = NULL;
	do {
		if (!next_line(zone))
			return false;
		*ret_what = zone_words(zone, reader->line, &depth);
		*ret_blank = is_indented(zone, reader->line);
	} while (zone->n_words == 0 && depth == 0 && *ret_what == NULL);
	first = reader->line;
	n = reader->n;
	while (depth > 0) {
		const char *what = NULL;

		if (!list_next_line(reader)) {
			what = "no closing parenthesis";
			depth = 0;
		} else {
			what = zone_words(zone, reader->line, &depth);
		}
		if (*ret_what == NULL)
			*ret_what = what;
		/* forgotten to be closed: not to the end of the file */
		if (zone->n_words == ZONEFILE_WORDS_MAX)
			break;
	}
	zone->lines = reader->n - n;
	reader->line = first;
	reader->n = n;
	return true;
}

/* The same, or the next one that a line stands for. */
static bool
next_words(struct zone *zone, bool *ret_blank, const char **ret_what)
{
	if (zone_generated(zone, ret_what)) {
		*ret_blank = false;
		return true;
	}
	zone->reader->n += zone->lines; /* of the last one */
	zone->lines = 0;
	return next_lines(zone, ret_blank, ret_what);
}

/* Names, types, times ------------------------------------------------------ */

/* True for a final dot that is no part of a label. */
static bool
is_absolute(struct list_text text)
{
	size_t slashes = 0;

	if (text.len == 0 || text.p[text.len - 1] != '.')
		return false;
	while (slashes + 1 < text.len && text.p[text.len - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

const char *
zone_name(struct name *ret, const struct zone *zone, struct list_text text)
{
	const struct name *origin = &zone->origin;
	struct name name; /* ret may be the origin */
	size_t own;

	if (list_is(text, "@")) {
		name = *origin;
	} else if (name_parse(&name, text.p, text.len) < 0) {
		return "not a name";
	} else if (!is_absolute(text)) {
		own = (size_t)name.len - 1;
		if (own + origin->len > NAME_WIRE_MAX)
			return "a name of more than 255 octets";
		memcpy(name.wire + own, origin->wire, origin->len);
		name.len = (uint8_t)(own + origin->len);
	}
	*ret = name;
	return NULL;
}

/* Every type that a zone is likely to have, so that it is known as such. */
static const struct {
	const char *name;
	uint16_t type;
} types[] = {
	{ "A", ZONE_A },
	{ "NS", ZONE_NS },
	{ "CNAME", ZONE_CNAME },
	{ "SOA", ZONE_SOA },
	{ "PTR", ZONE_PTR },
	{ "HINFO", 13 },
	{ "MX", ZONE_MX },
	{ "TXT", ZONE_TXT },
	{ "AAAA", ZONE_AAAA },
	{ "LOC", 29 },
	{ "SRV", ZONE_SRV },
	{ "NAPTR", 35 },
	{ "CERT", 37 },
	{ "DNAME", 39 },
	{ "DS", 43 },
	{ "SSHFP", 44 },
	{ "RRSIG", 46 },
	{ "NSEC", 47 },
	{ "DNSKEY", 48 },
	{ "NSEC3", 50 },
	{ "NSEC3PARAM", 51 },
	{ "TLSA", 52 },
	{ "ZONEMD", 63 },
	{ "SVCB", 64 },
	{ "HTTPS", 65 },
	{ "SPF", 99 },
	{ "CAA", 257 },
};

static bool
is_word(struct list_text text, const char *word)
{
	return text.len == strlen(word) &&
	       strncasecmp(text.p, word, text.len) == 0;
}

uint16_t
zone_type(struct list_text text)
{
	uint64_t n;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (is_word(text, types[i].name))
			return types[i].type;
	if (text.len > 4 && strncasecmp(text.p, "TYPE", 4) == 0 &&
	    num_parse(&n, text.p + 4, text.len - 4, UINT16_MAX) == 0)
		return (uint16_t)n;
	return 0;
}

/* "3600", or "1h30m" as BIND has it. */
static bool
take_ttl(uint32_t *ret, struct list_text text)
{
	static const char units[] = "smhdw";
	static const uint32_t seconds[] = { 1, 60, 3600, 86400, 604800 };
	uint64_t sum = 0;

	if (text.len == 0)
		return false;
	while (text.len > 0) {
		const char *unit;
		uint64_t n;
		size_t len = 0;

		while (
		    len < text.len && text.p[len] >= '0' && text.p[len] <= '9')
			len++;
		if (num_parse(&n, text.p, len, INT32_MAX) < 0)
			return false;
		text = list_after(text, len);
		if (text.len > 0) {
			unit = memchr(units, text.p[0] | 0x20, 5);
			if (unit == NULL)
				return false;
			n *= seconds[unit - units];
			text = list_after(text, 1);
		}
		sum += n;
		if (sum > INT32_MAX)
			return false;
	}
	*ret = (uint32_t)sum;
	return true;
}

/* Records ------------------------------------------------------------------ */

static bool
is_same_file(const struct list_included *a, const struct list_included *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static const char *
read_included(struct zone *zone, struct list_text name, struct list_included *f)
{
	const struct list_included *from =
	    zone->depth > 0 ? &zone->outer[zone->depth - 1].included : NULL;
	const struct list_sink *sink = zone->reader->sink;
	const char *what;
	char path[4096];

	if (name.len == 0 || name.len >= sizeof(path) ||
	    memchr(name.p, '\0', name.len) != NULL)
		return "not the name of a file";
	if (zone->depth == ZONEFILE_DEPTH_MAX ||
	    zone->n_included == ZONEFILE_INCLUDES_MAX)
		return "too many files within files";
	if (sink->include == NULL)
		return "a directive that is not known here";
	memcpy(path, name.p, name.len);
	path[name.len] = '\0';
	zone->n_included++;
	what = sink->include(sink->arg, from, path, f);
	for (size_t i = 0; what == NULL && i < zone->depth; i++)
		if (is_same_file(&zone->outer[i].included, f)) {
			free(f->path);
			free(f->text);
			what = "a file that includes itself";
		}
	return what;
}

/* $INCLUDE FILE [ORIGIN] */
static const char *
include(struct zone *zone)
{
	struct list_reader *reader = zone->reader;
	struct zone_outer *outer = &zone->outer[zone->depth];
	struct name origin = zone->origin;
	struct list_included file;
	const char *what = NULL;

	if (zone->n_words > 2)
		what = zone_name(&origin, zone, zone->words[2].text);
	if (what == NULL)
		what = read_included(zone,
		    zone->n_words > 1 ? zone->words[1].text
				      : (struct list_text){ "", 0 },
		    &file);
	if (what != NULL)
		return what;
	*outer = (struct zone_outer){ reader->rest, reader->n + zone->lines,
		reader->end, reader->file, zone->origin, zone->owner,
		zone->has_owner, file };
	zone->depth++;
	zone->lines = 0;
	zone->origin = origin;
	reader->rest = (struct list_text){ file.text, file.len };
	reader->end = list_end(reader->rest);
	reader->file = file.path;
	reader->n = 0;
	return NULL;
}

static const char *
directive(struct zone *zone)
{
	struct list_text word = zone->words[0].text;
	struct list_text value =
	    zone->n_words > 1 ? zone->words[1].text : (struct list_text){ 0 };
	const char *what;

	if (is_word(word, "$TTL"))
		return take_ttl(&zone->ttl, value) ? NULL : "not a time";
	if (is_word(word, "$INCLUDE"))
		return include(zone);
	if (is_word(word, "$GENERATE"))
		return zone_generate(zone);
	if (!is_word(word, "$ORIGIN"))
		return "a directive that is not known here";
	if (zone->n_words < 2)
		return "not a name";
	what = zone_name(&zone->origin, zone, value);
	zone->has_origin |= what == NULL;
	return what;
}

/* Behind the owner: TTL and class in any order, type, data. */
static const char *
record_of(struct zone *zone, struct zone_record *ret, size_t at)
{
	ret->ttl = zone->ttl;
	for (; at < zone->n_words && !zone->words[at].quoted; at++) {
		struct list_text word = zone->words[at].text;

		if (is_word(word, "IN"))
			continue;
		if (is_word(word, "CH") || is_word(word, "HS"))
			return "another class than IN";
		ret->type = zone_type(word);
		if (ret->type != 0) {
			ret->data = zone->words + at + 1;
			ret->n_data = zone->n_words - at - 1;
			return NULL;
		}
		if (!take_ttl(&ret->ttl, word))
			break;
	}
	return "a type that is not known here";
}

/* NULL with ret->type 0 for a directive. */
static const char *
take_record(struct zone *zone, struct zone_record *ret, bool blank)
{
	const char *what;

	ret->type = 0;
	if (!blank && zone->words[0].text.p[0] == '$' && !zone->words[0].quoted)
		return directive(zone);
	if (!blank) {
		zone->has_owner = false; /* of those without one, too */
		what = zone_name(&zone->owner, zone, zone->words[0].text);
		if (what != NULL)
			return what;
		zone->has_owner = true;
	}
	if (!zone->has_owner)
		return "no owner";
	ret->owner = zone->owner;
	return record_of(zone, ret, blank ? 0 : 1);
}

/* Whatever is wrong with it. */
static bool
is_include(const struct zone *zone, bool blank)
{
	return !blank && zone->n_words > 0 && !zone->words[0].quoted &&
	       is_word(zone->words[0].text, "$INCLUDE");
}

bool
zone_next(struct zone *zone, struct zone_record *ret)
{
	const char *what;
	bool blank;

	for (;;) {
		if (!next_words(zone, &blank, &what))
			return false;
		if (what == NULL)
			what = take_record(zone, ret, blank);
		if (what != NULL) /* the others would be no better */
			zone->generate.on = false;
		if (what != NULL && is_include(zone, blank))
			list_fault_include(zone->reader, what);
		else if (what != NULL)
			list_fault_line(zone->reader, what);
		else if (ret->type != 0)
			return true;
	}
}
