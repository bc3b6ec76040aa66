#include "src/core/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/schema.h"
#include "src/core/text.h"

/* libinih splits a line into key and value. It is given one prepared line at a
 * time, since as it stands (55, as Debian builds it)
 *  - it cuts lines of 200 bytes and sections of 50 without a word: it only gets
 *    the key of a line, and the value is taken from the text,
 *  - it takes an indented line for more of the value above,
 *  - it knows `;` for comments within a line and not `#`,
 *  - it tells of the first bad line only, of no section, and of no column. */

/* A section that the file has. */
struct met {
	const struct conf_section *section;
	const char *label; /* NULL: it has none */
	unsigned int line;
};

struct reader {
	struct conf *conf;
	struct faults *faults;
	struct faults *warnings; /* NULL for none */
	struct source src;
	uint32_t source;		    /* its number */
	size_t off, end;		    /* the line that libinih has now */
	unsigned int line;		    /* its number */
	size_t next;			    /* where the following one starts */
	const struct conf_section *section; /* NULL before the first */
	void *base;			    /* where its values are */
	bool section_bad; /* a fault was added: take its keys for good */
	bool pending;	  /* the line holds a key that is to come */
	bool nomem;
	struct met *met; /* all sections of this file */
	size_t n_met;
	/* where the section has a key, by its bit; 0: it does not */
	unsigned int key_lines[64];
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

/* What a file has twice is a slip, and the later one counts: it is in another
 * file that settings are to be overridden. */
static void
warn_twice(struct reader *r, const char *word, unsigned int line, size_t off,
    size_t len)
{
	char what[160];

	if (r->warnings == NULL)
		return;
	(void)snprintf(what, sizeof(what),
	    "warning: %s is in this file twice: line %u has it, too, and the "
	    "later value counts",
	    word, line); /* fits */
	faults_add(r->warnings, &r->src, off, len,
	    &(struct fault_text){ what, NULL, NULL });
}

#define SECTIONS                                                               \
	"[rerouted], [firewall], [resolver], [forward \"DOMAIN\"], "           \
	"[list \"NAME\"] or [tunnel \"NAME\"]"

static void
unknown_section(struct reader *r, size_t from, size_t len)
{
	const char *names[16], *s = r->src.text + from;
	char what[WORD_QUOTE_SIZE + 32], word[WORD_QUOTE_SIZE];

	for (size_t i = 0; i < conf_n_sections; i++)
		names[i] = conf_sections[i].name;
	(void)snprintf(what, sizeof(what), "unknown section %s",
	    word_quote(s, len, word)); /* fits */
	fault(r, from, len,
	    &(struct fault_text){
		what, SECTIONS, word_nearest(s, len, names, conf_n_sections) });
}

/* Finds or makes the item of that label. */
static void *
item_get(struct reader *r, const char *label, struct conf_place place)
{
	size_t n = conf_n_items(r->conf, r->section);

	for (size_t i = 0; i < n; i++) {
		struct conf_item *item = conf_item(r->conf, r->section, i);

		if (strcmp(item->name, label) == 0)
			return item;
	}
	if (n >= CONF_ITEMS_MAX) {
		fault(r, place.off, place.len,
		    &(struct fault_text){
			"too many sections of a kind", "at most 1024", NULL });
		return NULL;
	}
	r->nomem = conf_item_new(r->conf, r->section, label, place) < 0;
	return r->nomem ? NULL : conf_item(r->conf, r->section, n);
}

/* What stands behind the section's word: its label in quotes, or nothing. */
static void
read_label(struct reader *r, size_t from, size_t end)
{
	const struct conf_section *section = r->section;
	char label[CONF_LABEL_SIZE];
	const char *s = r->src.text;

	if (section->item_size == 0) {
		if (from < end)
			fault(r, from, end - from,
			    &(struct fault_text){
				"this section takes no name", "']'", NULL });
		else
			r->base = r->conf;
		return;
	}
	if (end - from < 2 || s[from] != '"' || s[end - 1] != '"') {
		fault(r, from, end - from,
		    &(struct fault_text){ "a section without a name in quotes",
			section->label_expected, NULL });
		return;
	}
	from++;
	end--;
	if (!section->label(s + from, end - from, label)) {
		fault(r, from, end - from,
		    &(struct fault_text){ "a name that is no good",
			section->label_expected, NULL });
		return;
	}
	r->base = item_get(r, label,
	    (struct conf_place){
		r->source, (uint32_t)from, (uint32_t)(end - from) });
}

/* A section begins that is good. */
static void
note_section(struct reader *r, size_t from, size_t end)
{
	const char *label = r->section->item_size != 0
				? ((const struct conf_item *)r->base)->name
				: NULL;
	struct met *met;

	memset(r->key_lines, 0, sizeof(r->key_lines));
	for (size_t i = 0; i < r->n_met; i++)
		if (r->met[i].section == r->section &&
		    r->met[i].label == label) {
			warn_twice(
			    r, "the section", r->met[i].line, from, end - from);
			return;
		}
	met = reallocarray(r->met, r->n_met + 1, sizeof(met[0]));
	if (met == NULL) {
		r->nomem = true;
		return;
	}
	r->met = met;
	met[r->n_met++] = (struct met){ r->section, label, r->line };
}

static void
note_key(struct reader *r, const struct conf_row *row, size_t off)
{
	uint64_t bit = conf_key_bit(row->section, row->key);
	unsigned int *line = &r->key_lines[__builtin_ctzll(bit)];

	if (*line != 0)
		warn_twice(r, row->key, *line, off, strlen(row->key));
	*line = r->line;
}

static void
read_section(struct reader *r, size_t from, size_t end)
{
	const char *s = r->src.text, *close;
	size_t len;

	r->base = NULL;
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
	end--;
	for (len = 0; from + len < end && s[from + len] != ' ' &&
		      s[from + len] != '\t' && s[from + len] != '"';)
		len++;
	r->section = conf_section_find(s + from, len);
	if (r->section == NULL)
		unknown_section(r, from, len > 0 ? len : end - from);
	else
		read_label(r, skip_blanks(r, from + len, end), end);
	if (r->base != NULL)
		note_section(r, from, end);
}

/* "a, b or c" */
static void
join_keys(const char *const *keys, size_t n, char *buf, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
		    i == 0	? ""
		    : i + 1 < n ? ", "
				: " or ",
		    keys[i]);
}

static void
unknown_key(struct reader *r, const char *key, size_t off)
{
	const char *keys[64] = { NULL };
	char what[WORD_QUOTE_SIZE + 32], word[WORD_QUOTE_SIZE], known[512];
	const char *nearest, *here = conf_key_of_peer(r->section->name, key);
	size_t n = 0;

	for (size_t i = 0; i < conf_n_rows; i++)
		if (strcmp(conf_rows[i].section, r->section->name) == 0 &&
		    n < sizeof(keys) / sizeof(keys[0]))
			keys[n++] = conf_rows[i].key;
	nearest = word_nearest(key, strlen(key), keys, n);
	(void)snprintf(what, sizeof(what), "unknown key %s",
	    word_quote(key, strlen(key), word)); /* fits */
	join_keys(keys, n, known, sizeof(known));
	fault(r, off, strlen(key),
	    &(struct fault_text){ what, here != NULL ? here : known,
		here != NULL ? NULL : nearest });
}

/* Where the value of the line stands; libinih has seen that there is one of
 * the two signs. */
static void
find_value(const struct reader *r, size_t *ret_from, size_t *ret_end)
{
	size_t end = text_end(r), at = skip_blanks(r, r->off, end);

	while (at < end && r->src.text[at] != '=' && r->src.text[at] != ':')
		at++;
	*ret_from = at < end ? skip_blanks(r, at + 1, end) : end;
	*ret_end = end;
}

static void
bad_value(struct reader *r, const struct conf_row *row,
    const struct conf_place *at, int error)
{
	const char *value = r->src.text + at->off;
	char what[WORD_QUOTE_SIZE + 64], word[WORD_QUOTE_SIZE];
	char expected[CONF_EXPECTED_SIZE], near[CONF_NEAREST_SIZE];
	const char *hint = row->hint != NULL ? row->hint(value, at->len) : NULL;

	if (r->section->item_size != 0)
		((struct conf_item *)r->base)->bad |=
		    conf_key_bit(row->section, row->key);
	(void)snprintf(what, sizeof(what), "%s: %s %s", row->key,
	    at->len == 0       ? "no value"
	    : error == -ERANGE ? "out of range:"
	    : error == -E2BIG  ? "more than 1024 values:"
			       : "not good:",
	    at->len == 0 ? "" : word_quote(value, at->len, word)); /* fits */
	fault(r, at->off, at->len,
	    &(struct fault_text){ what,
		hint != NULL ? hint : conf_row_expected(row, expected),
		conf_row_nearest(row, value, at->len, near) });
}

/* Each value of a list that is no good is a fault of its own. */
static void
set_value(struct reader *r, const struct conf_row *row)
{
	struct conf_slot slot = { .conf = r->conf, .base = r->base };
	struct conf_bad bad;
	size_t from, end;
	int error;

	if (r->section->item_size != 0)
		((struct conf_item *)r->base)->given |=
		    conf_key_bit(row->section, row->key);
	find_value(r, &from, &end);
	do {
		const char *comma, *value = r->src.text + from;
		size_t len = end - from;

		slot.place = (struct conf_place){ r->source, (uint32_t)from,
			(uint32_t)len };
		bad = (struct conf_bad){ 0, len };
		error = len > 0 ? conf_row_set(&slot, row, value, len, &bad)
				: -EINVAL;
		if (error == -ENOMEM)
			r->nomem = true;
		if (error == 0 || error == -ENOMEM)
			return;
		bad_value(r, row,
		    &(struct conf_place){ r->source, (uint32_t)(from + bad.off),
			(uint32_t)bad.len },
		    error);
		bad.off += bad.len;
		comma = memchr(value + bad.off, ',', len - bad.off);
		if (comma == NULL)
			return;
		from = skip_blanks(r, (size_t)(comma - r->src.text) + 1, end);
	} while (from < end);
}

/* libinih has a key. */
static int
on_key(void *arg, const char *section, const char *key, const char *value)
{
	struct reader *r = arg;
	size_t off = skip_blanks(r, r->off, r->end);
	const struct conf_row *row;

	(void)section; /* read_section() knows better */
	(void)value;
	r->pending = false;
	if (r->section_bad)
		return 1;
	if (r->section == NULL) {
		fault(r, off, strlen(key),
		    &(struct fault_text){
			"a key before any section", SECTIONS, NULL });
		return 1;
	}
	row = conf_row_find(r->section->name, key, strlen(key));
	if (row == NULL) {
		unknown_key(r, key, off);
		return 1;
	}
	note_key(r, row, off);
	set_value(r, row);
	return 1;
}

/* The line before was no comment and no section, and no key came of it. */
static void
settle(struct reader *r)
{
	size_t off = skip_blanks(r, r->off, r->end), len = text_end(r) - off;
	bool slashes;

	if (!r->pending)
		return;
	r->pending = false;
	slashes = len >= 2 && memcmp(r->src.text + off, "//", 2) == 0;
	fault(r, off, len,
	    &(struct fault_text){ "a line without '='",
		slashes ? "'#' before a comment" : "KEY = VALUE", NULL });
}

/* Moves to the next line; false at the end. */
static bool
next_line(struct reader *r)
{
	const char *nl;

	if (r->next >= r->src.len)
		return false;
	r->off = r->next;
	r->line++;
	nl = memchr(r->src.text + r->off, '\n', r->src.len - r->off);
	r->end = nl != NULL ? (size_t)(nl - r->src.text) : r->src.len;
	r->next = r->end + 1;
	return true;
}

/* What libinih is to see of a line: the key and its sign, or all of it where
 * there is none. */
static void
give_line(struct reader *r, size_t from, size_t end, char *buf, size_t size)
{
	size_t len = 0;

	while (from + len < end && r->src.text[from + len] != '=' &&
	       r->src.text[from + len] != ':')
		len++;
	if (from + len < end)
		len++;
	/* room for NUL, and for what libinih may put behind the line */
	if (len + 3 > size) {
		fault(r, from, len,
		    &(struct fault_text){
			"a key that is too long", "KEY = VALUE", NULL });
		return;
	}
	memcpy(buf, r->src.text + from, len);
	buf[len] = '\0';
	r->pending = true;
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
		    &(struct fault_text){ what,
			text_good_for(r->src.text[r->off + bad], "UTF-8 text"),
			NULL });
		return buf;
	}
	end = text_end(r);
	from = skip_blanks(r, r->off, end);
	if (from == end)
		return buf;
	if (r->src.text[from] == '[') {
		read_section(r, from, end);
		r->section_bad = r->base == NULL;
		return buf;
	}
	give_line(r, from, end, buf, (size_t)size);
	return buf;
}

int
conf_parse(struct conf *conf, const char *file, const char *text, size_t len,
    struct faults *faults, struct faults *warnings)
{
	size_t before = faults_count(faults);
	struct reader r = {
		.conf = conf,
		.faults = faults,
		.warnings = warnings,
		.src = { file, text, len },
		.source = conf->n_sources++,
	};

	int stream = ini_parse_stream(on_read, &r, on_key, &r);

	free(r.met);
	if (stream < 0 || r.nomem)
		return -ENOMEM;
	return faults_count(faults) > before ? -EINVAL : 0;
}
