#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/arena.h"
#include "src/base/num.h"
#include "src/core/schema.h"

/* Values of settings: from text, and back. */

/* The i-th of the words; its length, or 0 past the last. */
static size_t
word_at(const char *words, unsigned int i, const char **ret)
{
	while (i-- > 0) {
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	*ret = words;
	return strcspn(words, " ");
}

static int
set_enum(void *to, const struct conf_row *row, const char *value, size_t len)
{
	const char *word;
	size_t n;

	for (unsigned int i = 0; (n = word_at(row->words, i, &word)) > 0; i++)
		if (n == len && memcmp(word, value, len) == 0) {
			memcpy(to, &i, sizeof(i));
			return 0;
		}
	return -EINVAL;
}

static int
set_number(void *to, const struct conf_row *row, const char *value, size_t len)
{
	uint64_t n;
	int r = row->type == CONF_SIZE
		    ? num_parse_size(&n, value, len, row->max)
		: row->type == CONF_DURATION
		    ? num_parse_duration(&n, value, len, row->max)
		    : num_parse(&n, value, len, row->max);

	if (r < 0)
		return r;
	if (n < row->min)
		return -ERANGE;
	memcpy(to, &n, sizeof(n));
	return 0;
}

/* Whether it would print as a comment: "key =#x", with the blank that the
 * printer puts. */
static bool
is_comment(const char *value, size_t len)
{
	return len > 0 && (value[0] == '#' || value[0] == ';');
}

static int
set_string(void *to, const struct conf_row *row, const char *value, size_t len)
{
	if (len < row->min || len > row->max || len >= CONF_STRING_SIZE)
		return -ERANGE;
	if (is_comment(value, len))
		return -EINVAL;
	memset(to, 0, CONF_STRING_SIZE);
	memcpy(to, value, len);
	return 0;
}

/* More values of one key are a list in a file of its own. */
#define TEXTS_MAX 1024 /* bad_value() says it */
/* Of one value: a path. */
#define TEXT_MAX 4096

static int
text_new(const struct conf_slot *slot, const struct conf_row *row,
    const char *s, size_t len, struct conf_text *ret)
{
	if (len > TEXT_MAX)
		return -ERANGE;
	if (len == 0 || is_comment(s, len) ||
	    (row->check != NULL && !row->check(s, len)))
		return -EINVAL;
	ret->s = arena_strndup(slot->conf->arena, s, len);
	return ret->s != NULL ? 0 : -ENOMEM;
}

static int
set_text(const struct conf_slot *slot, const struct conf_row *row,
    const char *value, size_t len)
{
	struct conf_text text = { "", slot->place };
	int r = len > 0 ? text_new(slot, row, value, len, &text) : 0;

	if (r == 0)
		memcpy((char *)slot->base + row->offset, &text, sizeof(text));
	return r;
}

/* The values between commas; "none" alone is no value. */
static int
set_texts(const struct conf_slot *slot, const struct conf_row *row,
    const char *value, size_t len, struct conf_bad *ret)
{
	struct conf_text *v = NULL;
	struct conf_texts texts = { NULL, 0 };
	size_t room = 1, at = 0;

	for (size_t i = 0; i < len; i++)
		room += value[i] == ',';
	if (room > TEXTS_MAX)
		return -E2BIG;
	if (len > 0 && !(len == 4 && memcmp(value, "none", 4) == 0)) {
		v = arena_alloc(slot->conf->arena, room, sizeof(v[0]));
		if (v == NULL)
			return -ENOMEM;
	}
	for (size_t i = 0; v != NULL && i < room; i++) {
		const char *comma = memchr(value + at, ',', len - at);
		size_t end = comma != NULL ? (size_t)(comma - value) : len;
		size_t from = at, to = end;
		int r;

		while (from < to && (value[from] == ' ' || value[from] == '\t'))
			from++;
		while (to > from &&
		       (value[to - 1] == ' ' || value[to - 1] == '\t'))
			to--;
		v[i].place = slot->place;
		v[i].place.off += (uint32_t)from;
		v[i].place.len = (uint32_t)(to - from);
		r = text_new(slot, row, value + from, to - from, &v[i]);
		if (r < 0) {
			*ret = (struct conf_bad){ from, to - from };
			return r;
		}
		at = end + 1;
		texts = (struct conf_texts){ v, i + 1 };
	}
	memcpy((char *)slot->base + row->offset, &texts, sizeof(texts));
	return 0;
}

int
conf_row_set(const struct conf_slot *slot, const struct conf_row *row,
    const char *value, size_t len, struct conf_bad *ret)
{
	void *to = (char *)slot->base + row->offset;

	*ret = (struct conf_bad){ 0, len };
	switch (row->type) {
	case CONF_ENUM:
		return set_enum(to, row, value, len);
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_DURATION:
		return set_number(to, row, value, len);
	case CONF_STRING:
		return set_string(to, row, value, len);
	case CONF_TEXT:
		return set_text(slot, row, value, len);
	case CONF_TEXTS:
		return set_texts(slot, row, value, len, ret);
	}
	abort();
}

bool
conf_row_is_set(const struct conf_row *row, const void *base)
{
	const char *from = (const char *)base + row->offset;
	struct conf_texts texts;
	struct conf_text text;

	if (row->type == CONF_TEXT) {
		memcpy(&text, from, sizeof(text));
		return text.s[0] != '\0';
	}
	if (row->type != CONF_TEXTS || row->dflt[0] != '\0')
		return true; /* "none", where there are none */
	memcpy(&texts, from, sizeof(texts));
	return texts.n > 0;
}

static bool
texts_equal(const void *x, const void *y)
{
	struct conf_texts a, b;

	memcpy(&a, x, sizeof(a));
	memcpy(&b, y, sizeof(b));
	for (size_t i = 0; i < a.n && i < b.n; i++)
		if (strcmp(a.v[i].s, b.v[i].s) != 0)
			return false;
	return a.n == b.n;
}

bool
conf_row_equal(const struct conf_row *row, const void *a, const void *b)
{
	const char *x = (const char *)a + row->offset;
	const char *y = (const char *)b + row->offset;
	struct conf_text s, t;

	switch (row->type) {
	case CONF_ENUM:
		return memcmp(x, y, sizeof(unsigned int)) == 0;
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_DURATION:
		return memcmp(x, y, sizeof(uint64_t)) == 0;
	case CONF_STRING:
		return strcmp(x, y) == 0;
	case CONF_TEXT:
		memcpy(&s, x, sizeof(s));
		memcpy(&t, y, sizeof(t));
		return strcmp(s.s, t.s) == 0;
	case CONF_TEXTS:
		return texts_equal(x, y);
	}
	abort();
}

bool
conf_row_waits(const struct conf_row *row, const struct conf *started,
    const struct conf *loaded)
{
	return row->restart && !conf_row_equal(row, started, loaded);
}

bool
conf_item_equal(
    const struct conf_section *section, const void *a, const void *b)
{
	const struct conf_item *x = a, *y = b;

	if (strcmp(x->name, y->name) != 0)
		return false;
	for (size_t i = 0; i < conf_n_rows; i++)
		if (strcmp(conf_rows[i].section, section->name) == 0 &&
		    !conf_row_equal(&conf_rows[i], a, b))
			return false;
	return true;
}

static void
print_texts(const void *from, FILE *out)
{
	struct conf_texts texts;

	memcpy(&texts, from, sizeof(texts));
	if (texts.n == 0)
		(void)fputs("none", out);
	for (size_t i = 0; i < texts.n; i++)
		(void)fprintf(out, "%s%s", i > 0 ? ", " : "", texts.v[i].s);
}

void
conf_row_print(const struct conf_row *row, const void *base, FILE *out)
{
	const char *from = (const char *)base + row->offset, *word;
	struct conf_text text;
	char buf[NUM_STRLEN];
	unsigned int i;
	uint64_t n = 0;

	switch (row->type) {
	case CONF_ENUM:
		memcpy(&i, from, sizeof(i));
		n = word_at(row->words, i, &word);
		(void)fprintf(out, "%.*s", (int)n, word);
		return;
	case CONF_NUMBER:
		memcpy(&n, from, sizeof(n));
		(void)fprintf(out, "%" PRIu64, n);
		return;
	case CONF_SIZE:
		memcpy(&n, from, sizeof(n));
		(void)fputs(num_format_size(n, buf), out);
		return;
	case CONF_DURATION:
		memcpy(&n, from, sizeof(n));
		(void)fputs(num_format_duration(n, buf), out);
		return;
	case CONF_STRING:
		(void)fputs(from, out);
		return;
	case CONF_TEXT:
		memcpy(&text, from, sizeof(text));
		(void)fputs(text.s, out);
		return;
	case CONF_TEXTS:
		print_texts(from, out);
		return;
	}
	abort();
}

/* "a b c" as "a, b or c". */
static void
join_words(const char *words, char *buf, size_t size)
{
	const char *word, *next;
	size_t n, used = 0;

	for (unsigned int i = 0;
	     (n = word_at(words, i, &word)) > 0 && used < size; i++) {
		const char *sep = i == 0			     ? ""
				  : word_at(words, i + 1, &next) > 0 ? ", "
								     : " or ";

		used += (size_t)snprintf(
		    buf + used, size - used, "%s%.*s", sep, (int)n, word);
	}
}

uint64_t
conf_key_bit(const char *section, const char *key)
{
	uint64_t bit = 1;

	for (size_t i = 0; i < conf_n_rows; i++) {
		if (strcmp(conf_rows[i].section, section) != 0)
			continue;
		if (strcmp(conf_rows[i].key, key) == 0)
			return bit;
		bit <<= 1; /* a section has fewer than 64 */
	}
	return 0;
}

const char *
conf_row_expected(const struct conf_row *row, char buf[CONF_EXPECTED_SIZE])
{
	char min[NUM_STRLEN], max[NUM_STRLEN];

	if (row->expected != NULL) {
		(void)snprintf(
		    buf, CONF_EXPECTED_SIZE, "%s", row->expected); /* fits */
		return buf;
	}
	/* every row's text fits */
	switch (row->type) {
	case CONF_ENUM:
		join_words(row->words, buf, CONF_EXPECTED_SIZE);
		return buf;
	case CONF_NUMBER:
		(void)snprintf(buf, CONF_EXPECTED_SIZE,
		    "a number from %" PRIu64 " to %" PRIu64, row->min,
		    row->max);
		return buf;
	case CONF_SIZE:
		(void)snprintf(buf, CONF_EXPECTED_SIZE,
		    "a size such as 64K or 8M, from %s to %s",
		    num_format_size(row->min, min),
		    num_format_size(row->max, max));
		return buf;
	case CONF_DURATION:
		(void)snprintf(buf, CONF_EXPECTED_SIZE,
		    "a time such as 500ms, 10s or 1h, from %s to %s",
		    num_format_duration(row->min, min),
		    num_format_duration(row->max, max));
		return buf;
	case CONF_TEXT:
	case CONF_TEXTS:
		(void)snprintf(buf, CONF_EXPECTED_SIZE, "a text");
		return buf;
	case CONF_STRING:
		(void)snprintf(buf, CONF_EXPECTED_SIZE,
		    "a text of %" PRIu64 " to %" PRIu64 " bytes", row->min,
		    row->max);
		return buf;
	}
	abort();
}
