#include "src/core/list_parse.h"

#include <string.h>

#include "src/core/list_line.h"

/* How many lines with something in them are looked at. */
#define DETECT_LINES 100

static bool
is_zone_line(struct list_text line)
{
	struct list_text word;

	if (list_begins(line, "$ORIGIN") || list_begins(line, "$TTL"))
		return true;
	(void)list_word(&line); /* the owner: "soa" alone is a name */
	while ((word = list_word(&line)).len > 0 && word.p[0] != ';' &&
	       word.p[0] != '#')
		if (list_is(word, "SOA") || list_is(word, "soa"))
			return true;
	return false;
}

static bool
is_dnsmasq_line(struct list_text line)
{
	return list_begins(line, "address=/") ||
	       list_begins(line, "server=/") || list_begins(line, "local=/");
}

static bool
is_unbound_line(struct list_text line)
{
	return list_begins(line, "local-zone:") ||
	       list_begins(line, "local-data:");
}

static enum conf_list_format
detect(struct list_text rest)
{
	struct list_reader reader = { .rest = rest, .end = list_end(rest) };
	bool adblock = false;

	for (size_t n = 0; n < DETECT_LINES && list_next_line(&reader);) {
		struct list_text line = list_trim(reader.line);

		if (line.len == 0 || line.p[0] == '#' || line.p[0] == ';' ||
		    line.p[0] == '!')
			continue;
		n++;
		if (is_zone_line(line))
			return CONF_FORMAT_RPZ;
		if (is_dnsmasq_line(line))
			return CONF_FORMAT_DNSMASQ;
		if (is_unbound_line(line))
			return CONF_FORMAT_UNBOUND;
		if (list_begins(line, "||") || list_begins(line, "@@") ||
		    list_begins(line, "[Adblock") || list_begins(line, "|") ||
		    list_is_cosmetic(line))
			adblock = true;
	}
	return adblock ? CONF_FORMAT_ADBLOCK : CONF_FORMAT_AUTO;
}

/* The byte order mark of UTF-8; of a file that was appended to another one,
 * too. */
static struct list_text
without_mark(struct list_text text)
{
	return list_begins(text, "\xef\xbb\xbf") ? list_after(text, 3) : text;
}

enum conf_list_format
list_detect(const char *text, size_t len)
{
	return detect(without_mark((struct list_text){ text, len }));
}

const char *
list_nth_line(const char *text, size_t len, uint32_t n, size_t *ret_len)
{
	struct list_text rest = { text, len };
	struct list_reader reader = { .rest = rest, .end = list_end(rest) };

	while (reader.n < n && list_next_line(&reader))
		;
	if (reader.n < n)
		reader.line.len = 0;
	if (reader.line.len > 0 && reader.line.p[reader.line.len - 1] == '\r')
		reader.line.len--;
	*ret_len = reader.line.len;
	return reader.line.len > 0 ? reader.line.p : "";
}

/* As it may come from a server that was asked for it so; among thousands of
 * such bytes a few lines are names. */
static bool
is_packed(struct list_text text)
{
	/* gzip, xz, Zstandard, zip, 7-Zip */
	static const char *const kinds[] = { "\x1f\x8b", "\xfd\x37zXZ",
		"\x28\xb5\x2f\xfd", "PK\x03\x04", "7z\xbc\xaf\x27\x1c" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (list_begins(text, kinds[i]))
			return true;
	/* bzip2; there is a digit between */
	return text.len > 4 && list_begins(text, "BZh") &&
	       list_begins(list_after(text, 4), "1AY&SY");
}

/* Data, or what a file is full of after a crash: at least so many bytes that
 * are 0, of so many looked at, and more than one of a thousand. */
#define ZEROS_MIN 16
#define ZEROS_AMONG 65536

static bool
is_binary(struct list_text text)
{
	size_t len = text.len < ZEROS_AMONG ? text.len : ZEROS_AMONG, zeros = 0;

	for (size_t i = 0; i < len; i++)
		zeros += text.p[i] == '\0';
	return zeros >= ZEROS_MIN && zeros > len / 1000;
}

/* What is no list as a whole, whatever may look like an entry within; NULL. */
static const char *
not_a_list(struct list_text text)
{
	if (is_packed(text))
		return "a compressed file: it is to be unpacked";
	/* as Windows saves "Unicode" */
	if (list_begins(text, "\xff\xfe") || list_begins(text, "\xfe\xff"))
		return "text in UTF-16: it is to be UTF-8";
	if (is_binary(text))
		return "data, and no text";
	while (text.len > 0 && (list_is_blank(text.p[0]) || text.p[0] == '\n'))
		text = list_after(text, 1);
	/* that of a server in trouble, with words of one line */
	return list_begins(text, "<") ? "a page of HTML or XML" : NULL;
}

static void
parse_line(struct list_reader *reader)
{
	struct list_text line = list_trim(without_mark(reader->line));

	if (line.len > LIST_LINE_MAX)
		list_fault_line(reader, "a line of more than 4096 bytes");
	else if (reader->format == CONF_FORMAT_ADBLOCK ||
		 (reader->format == CONF_FORMAT_AUTO &&
		     (list_begins(line, "|") || list_begins(line, "@@") ||
			 list_begins(line, "/"))))
		list_adblock_line(reader, line);
	else if (reader->format == CONF_FORMAT_DNSMASQ)
		list_dnsmasq_line(reader, line);
	else if (reader->format == CONF_FORMAT_UNBOUND)
		list_unbound_line(reader, line);
	else
		list_plain_line(reader, line);
}

int
list_parse(const struct list_sink *sink, enum conf_list_format format,
    const char *text, size_t len)
{
	struct list_reader reader = {
		.sink = sink,
		.format = format,
		.rest = without_mark((struct list_text){ text, len }),
	};
	const char *what;

	reader.end = list_end(reader.rest);
	if (format == CONF_FORMAT_AUTO)
		reader.format = detect(reader.rest);
	what = not_a_list(reader.rest);
	if (what != NULL) {
		reader.n = 1;
		reader.line = (struct list_text){ reader.rest.p, 0 };
		list_fault_line(&reader, what);
	} else if (reader.format == CONF_FORMAT_RPZ) {
		list_rpz(&reader);
	} else {
		while (list_next_line(&reader))
			parse_line(&reader);
		if (reader.error == 0)
			list_unbound_end(&reader);
	}
	return reader.error;
}
