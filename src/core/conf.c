#include "src/core/conf.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

#include "src/core/schema.h"
#include "src/core/text.h"

/* libinih splits a line into key and value. It is given one prepared line at a
 * time, since as it stands (55, as Debian builds it)
 *  - it cuts lines of 200 bytes and sections of 50 without a word,
 *  - it takes an indented line for more of the value above,
 *  - it knows `;` for comments within a line and not `#`,
 *  - it tells of the first bad line only, of no section, and of no column. */

struct reader {
	struct conf *conf;
	struct faults *faults;
	struct source src;
	size_t off, end;     /* the line that libinih has now */
	size_t next;	     /* where the following one starts */
	const char *section; /* in conf_rows; NULL before the first */
	bool section_bad;    /* a fault was added: take its keys for good */
	bool pending;	     /* the line holds a key that is to come */
};

static void
fault(struct reader *r, size_t off, size_t len, const struct fault_text *text)
{
	faults_add(r->faults, &r->src, off, len, text);
}

static size_t
skip_blanks(const struct reader *r, size_t at, size_t end)
{
	while (at < end && (r->src.text[at] == ' ' || r->src.text[at] == '\t'))
		at++;
	return at;
}

static size_t
trim(const struct reader *r, size_t from, size_t end)
{
	while (end > from &&
	       (r->src.text[end - 1] == ' ' || r->src.text[end - 1] == '\t'))
		end--;
	return end;
}

/* Where the text of the line ends: before a comment and blanks. A `#` or `;`
 * starts a comment at the start of the line and after a blank. */
static size_t
text_end(const struct reader *r)
{
	const char *s = r->src.text;
	size_t at;

	for (at = r->off; at < r->end; at++)
		if ((s[at] == '#' || s[at] == ';') &&
		    (at == r->off || s[at - 1] == ' ' || s[at - 1] == '\t'))
			break;
	return trim(r, r->off, at);
}

/* All sections, each once; returns how many. */
static size_t
sections(const char *ret[])
{
	size_t n = 0;

	for (size_t i = 0; i < conf_n_rows; i++)
		if (n == 0 || strcmp(ret[n - 1], conf_rows[i].section) != 0)
			ret[n++] = conf_rows[i].section;
	return n;
}

#define SECTIONS_MAX 16

static void
read_section(struct reader *r, size_t from, size_t end)
{
	const char *names[SECTIONS_MAX], *s = r->src.text, *close;
	char what[WORD_QUOTE_SIZE + 32], word[WORD_QUOTE_SIZE];
	size_t n = sections(names), len;

	r->section_bad = true;
	close = memchr(s + from, ']', end - from);
	if (close == NULL || s + end != close + 1) {
		size_t at = close != NULL ? (size_t)(close - s) + 1 : end;

		fault(r, at, end - at,
		    &(struct fault_text){ close != NULL
					      ? "text after a section"
					      : "a section that is not closed",
			close != NULL ? "the end of the line" : "']'", NULL });
		return;
	}
	from++;
	len = (size_t)(close - s) - from;
	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == len &&
		    memcmp(names[i], s + from, len) == 0) {
			r->section = names[i];
			r->section_bad = false;
			return;
		}
	(void)snprintf(what, sizeof(what), "unknown section %s",
	    word_quote(s + from, len, word)); /* fits */
	fault(r, from, len,
	    &(struct fault_text){ what, "[rerouted] or [firewall]",
		word_nearest(s + from, len, names, n) });
}

static void
unknown_key(struct reader *r, const char *key, size_t off)
{
	const char *keys[64];
	char what[WORD_QUOTE_SIZE + 32], word[WORD_QUOTE_SIZE];
	const char *nearest;
	size_t n = 0;

	for (size_t i = 0; i < conf_n_rows; i++)
		if (strcmp(conf_rows[i].section, r->section) == 0)
			keys[n++] = conf_rows[i].key;
	nearest = word_nearest(key, strlen(key), keys, n);
	(void)snprintf(what, sizeof(what), "unknown key %s",
	    word_quote(key, strlen(key), word)); /* fits */
	fault(r, off, strlen(key),
	    &(struct fault_text){ what, "a key of this section", nearest });
}

static void
bad_value(
    struct reader *r, const struct conf_row *row, const char *value, int error)
{
	size_t len = strlen(value), from = trim(r, r->off, text_end(r)) - len;
	char what[WORD_QUOTE_SIZE + 64], word[WORD_QUOTE_SIZE];
	char expected[CONF_EXPECTED_SIZE];

	(void)snprintf(what, sizeof(what), "%s: %s %s", row->key,
	    len == 0	       ? "no value"
	    : error == -ERANGE ? "out of range:"
			       : "not good:",
	    len == 0 ? "" : word_quote(value, len, word)); /* fits */
	fault(r, from, len,
	    &(struct fault_text){
		what, conf_row_expected(row, expected), NULL });
}

/* libinih has a key and a value. */
static int
on_key(void *arg, const char *section, const char *key, const char *value)
{
	struct reader *r = arg;
	size_t off = skip_blanks(r, r->off, r->end);
	const struct conf_row *row;
	int error;

	(void)section; /* read_section() knows better */
	r->pending = false;
	if (r->section_bad)
		return 1;
	if (r->section == NULL) {
		fault(r, off, strlen(key),
		    &(struct fault_text){ "a key before any section",
			"[rerouted] or [firewall]", NULL });
		return 1;
	}
	row = conf_row_find(r->section, key, strlen(key));
	if (row == NULL) {
		unknown_key(r, key, off);
		return 1;
	}
	error = conf_row_set(r->conf, row, value, strlen(value));
	if (error < 0)
		bad_value(r, row, value, error);
	return 1;
}

/* The line before was no comment and no section, and no key came of it. */
static void
settle(struct reader *r)
{
	size_t off = skip_blanks(r, r->off, r->end);

	if (!r->pending)
		return;
	r->pending = false;
	fault(r, off, text_end(r) - off,
	    &(struct fault_text){ "a line without '='", "KEY = VALUE", NULL });
}

/* Moves to the next line; false at the end. */
static bool
next_line(struct reader *r)
{
	const char *nl;

	if (r->next >= r->src.len)
		return false;
	r->off = r->next;
	nl = memchr(r->src.text + r->off, '\n', r->src.len - r->off);
	r->end = nl != NULL ? (size_t)(nl - r->src.text) : r->src.len;
	r->next = r->end + 1;
	return true;
}

/* Gives libinih a line, or an empty one where there is nothing for it. */
static char *
on_read(char *buf, int size, void *arg)
{
	struct reader *r = arg;
	const char *why;
	size_t from, end, bad;

	settle(r);
	if (!next_line(r))
		return NULL;
	buf[0] = '\0';
	bad = text_bad_byte(r->src.text + r->off, r->end - r->off, &why);
	if (bad < r->end - r->off) {
		char what[64];

		(void)snprintf(
		    what, sizeof(what), "%s in the line", why); /* fits */
		fault(r, r->off + bad, 1,
		    &(struct fault_text){ what, "UTF-8 text", NULL });
		return buf;
	}
	end = text_end(r);
	from = skip_blanks(r, r->off, end);
	if (from == end)
		return buf;
	if (r->src.text[from] == '[') {
		read_section(r, from, end);
		return buf;
	}
	/* room for NUL, and for what libinih may put behind the line */
	if (end - from + 3 > (size_t)size) {
		fault(r, from, end - from,
		    &(struct fault_text){
			"a line that is too long", "at most 197 bytes", NULL });
		return buf;
	}
	memcpy(buf, r->src.text + from, end - from);
	buf[end - from] = '\0';
	r->pending = true;
	return buf;
}

int
conf_parse(struct conf *conf, const char *file, const char *text, size_t len,
    struct faults *faults)
{
	size_t before = faults_count(faults);
	struct reader r = {
		.conf = conf,
		.faults = faults,
		.src = { file, text, len },
	};

	if (ini_parse_stream(on_read, &r, on_key, &r) < 0)
		return -ENOMEM;
	return faults_count(faults) > before ? -EINVAL : 0;
}
