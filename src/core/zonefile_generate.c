#include "src/core/zonefile.h"

#include <stdio.h>
#include <string.h>

#include "src/base/num.h"

/* BIND's $GENERATE: a line that stands for many, with a number in place of each
 * $. The lines are made and read one by one, as if they stood there. */

/* Of one directive, and of a zone: more are a mistake. */
#define LINES_MAX 65536
#define LINES_ALL_MAX (1U << 20)

/* Of a number, as it is written. */
#define WIDTH_MAX 64
#define OFFSET_MAX INT32_MAX

/* The line that is being made. */
struct out {
	char *p;
	size_t len;
	bool full;
};

static void
put(struct out *out, const char *s, size_t n)
{
	if (n > ZONEFILE_GENERATED_MAX - out->len) {
		out->full = true;
		return;
	}
	memcpy(out->p + out->len, s, n);
	out->len += n;
}

/* The digits of 16 from the last one on, as labels: "1.0.f". The width counts
 * the dots. */
static void
put_nibbles(struct out *out, uint64_t value, unsigned int width, bool capital)
{
	const char *digits = capital ? "0123456789ABCDEF" : "0123456789abcdef";

	for (;;) {
		put(out, &digits[value & 15], 1);
		value >>= 4;
		width -= width > 0;
		if (value == 0 && width == 0)
			break;
		put(out, ".", 1);
		width -= width > 0;
		if (value == 0 && width == 0)
			break;
	}
}

static void
put_number(struct out *out, uint64_t value, unsigned int width, char base)
{
	char text[WIDTH_MAX + 24];
	int n = (int)width;

	switch (base) {
	case 'o':
		n = snprintf(
		    text, sizeof(text), "%0*llo", n, (unsigned long long)value);
		break;
	case 'x':
		n = snprintf(
		    text, sizeof(text), "%0*llx", n, (unsigned long long)value);
		break;
	case 'X':
		n = snprintf(
		    text, sizeof(text), "%0*llX", n, (unsigned long long)value);
		break;
	case 'n':
	case 'N':
		put_nibbles(out, value, width, base == 'N');
		return;
	default:
		n = snprintf(
		    text, sizeof(text), "%0*llu", n, (unsigned long long)value);
		break;
	}
	put(out, text, (size_t)n);
}

/* What stands in the braces behind a $: OFFSET[,WIDTH[,BASE]]. */
struct form {
	int64_t offset;
	uint64_t width;
	char base;
};

static bool
read_form(struct form *ret, struct list_text text)
{
	struct list_text offset = list_until(&text, ',');
	struct list_text width = list_until(&text, ',');
	bool minus = list_begins(offset, "-");
	uint64_t n;

	*ret = (struct form){ .base = 'd' };
	if (minus || list_begins(offset, "+"))
		offset = list_after(offset, 1);
	if (num_parse(&n, offset.p, offset.len, OFFSET_MAX) < 0)
		return false;
	ret->offset = minus ? -(int64_t)n : (int64_t)n;
	if (width.len > 0 &&
	    num_parse(&ret->width, width.p, width.len, WIDTH_MAX) < 0)
		return false;
	if (text.len == 0)
		return true;
	ret->base = text.p[0];
	return text.len == 1 && strchr("doxXnN", text.p[0]) != NULL &&
	       text.p[0] != '\0';
}

/* The $ that the text begins with, and the braces behind it, which are taken
 * off. */
static const char *
put_dollar(struct out *out, struct list_text *text, uint64_t number)
{
	struct form form = { .base = 'd' };
	const char *end;
	int64_t value;

	*text = list_after(*text, 1);
	if (list_begins(*text, "$")) { /* as it was written once */
		put(out, "$", 1);
		*text = list_after(*text, 1);
		return NULL;
	}
	if (list_begins(*text, "{")) {
		end = memchr(text->p, '}', text->len);
		if (end == NULL ||
		    !read_form(&form, (struct list_text){ text->p + 1,
					  (size_t)(end - text->p) - 1 }))
			return "a number that can't be written so";
		*text = list_after(*text, (size_t)(end - text->p) + 1);
	}
	value = (int64_t)number + form.offset;
	if (value < 0)
		return "a number below 0";
	put_number(out, (uint64_t)value, (unsigned int)form.width, form.base);
	return NULL;
}

static const char *
put_word(struct out *out, struct list_text text, uint64_t number)
{
	while (text.len > 0) {
		const char *what = NULL;
		size_t n = text.p[0] == '\\' && text.len > 1 ? 2 : 1;

		if (text.p[0] == '$') {
			what = put_dollar(out, &text, number);
			if (what != NULL)
				return what;
			continue;
		}
		if (n == 2 && text.p[1] == '$')
			put(out, "$", 1);
		else
			put(out, text.p, n);
		text = list_after(text, n);
	}
	return NULL;
}

/* "1-20", "0-255/2" */
static bool
read_range(struct zone_generate *ret, struct list_text text)
{
	struct list_text from = list_until(&text, '-');
	struct list_text to = list_until(&text, '/');

	ret->step = 1;
	if (text.len > 0 &&
	    num_parse(&ret->step, text.p, text.len, INT32_MAX) < 0)
		return false;
	return num_parse(&ret->next, from.p, from.len, INT32_MAX) == 0 &&
	       num_parse(&ret->stop, to.p, to.len, INT32_MAX) == 0 &&
	       ret->step > 0 && ret->next <= ret->stop;
}

const char *
zone_generate(struct zone *zone)
{
	struct zone_generate generate = { .on = true };
	uint64_t n;

	if (zone->n_words < 5)
		return "$GENERATE needs a range, an owner, a type and data";
	if (zone->n_words > ZONEFILE_GENERATE_WORDS + 2)
		return "$GENERATE with too many words";
	if (!read_range(&generate, zone->words[1].text))
		return "not a range such as 1-20 or 0-100/10";
	n = (generate.stop - generate.next) / generate.step + 1;
	if (n > LINES_MAX || n > LINES_ALL_MAX - zone->n_generated)
		return "$GENERATE of too many records";
	generate.n_words = zone->n_words - 2;
	memcpy(generate.words, zone->words + 2,
	    generate.n_words * sizeof(generate.words[0]));
	zone->n_generated += (uint32_t)n;
	zone->generate = generate;
	return NULL;
}

bool
zone_generated(struct zone *zone, const char **ret_what)
{
	struct zone_generate *g = &zone->generate;
	struct out out = { .p = zone->generated };
	int depth = 0;

	if (!g->on || g->next > g->stop) {
		g->on = false;
		return false;
	}
	*ret_what = NULL;
	for (size_t i = 0; *ret_what == NULL && i < g->n_words; i++) {
		const char *quote = g->words[i].quoted ? "\"" : "";

		if (i > 0)
			put(&out, " ", 1);
		put(&out, quote, strlen(quote));
		*ret_what = put_word(&out, g->words[i].text, g->next);
		put(&out, quote, strlen(quote));
	}
	g->next += g->step;
	zone->n_words = 0;
	if (*ret_what == NULL && out.full)
		*ret_what = "a record that gets too long";
	if (*ret_what == NULL)
		*ret_what = zone_words(
		    zone, (struct list_text){ out.p, out.len }, &depth);
	/* a directive, or a part of a record, is none */
	if (*ret_what == NULL &&
	    (depth != 0 || zone->n_words == 0 || zone->words[0].text.len == 0 ||
		zone->words[0].text.p[0] == '$'))
		*ret_what = "not a record";
	return true;
}
