#include "src/core/fault.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/base/arena.h"
#include "src/base/escape.h"

/* Of a longer line only this much round the mark is kept. */
#define TEXT_KEPT 1024
/* What is shown of it, in bytes of the line. */
#define TEXT_SHOWN 72

struct faults {
	struct arena *arena;
	size_t count, n_kept;
	struct fault kept[FAULTS_KEPT];
};

struct faults *
faults_new(void)
{
	struct faults *faults = calloc(1, sizeof(*faults));

	if (faults == NULL)
		return NULL;
	faults->arena = arena_new();
	if (faults->arena == NULL) {
		free(faults);
		return NULL;
	}
	return faults;
}

void
faults_free(struct faults *faults)
{
	if (faults == NULL)
		return;
	arena_free(faults->arena);
	free(faults);
}

size_t
faults_count(const struct faults *faults)
{
	return faults->count;
}

const struct fault *
faults_get(const struct faults *faults, size_t i)
{
	return i < faults->n_kept ? &faults->kept[i] : NULL;
}

static const char *
copy(struct faults *faults, const char *s)
{
	return s != NULL ? arena_strdup(faults->arena, s) : NULL;
}

/* Passwords: faults are logged ---------------------------------------------
 */

/* Of a line of settings. */
#define BLANKS " \t"
#define ASSIGNS "=:"

static void
mask(char *from, const char *to)
{
	for (; from < to; from++)
		*from = '*';
}

/* Where a URL begins behind its scheme, which may be forgotten. */
static char *
begin_of_url(char *text)
{
	char *url = strstr(text, "://");

	if (url != NULL)
		return url + strlen("://");
	text += strspn(text, BLANKS);
	return strncmp(text, "upstream", 8) == 0 ? strpbrk(text, "='") : NULL;
}

/* That of "scheme://user:password@host"; where the text is cut before the @,
 * all that may be one. */
static void
hide_in_url(char *text, bool cut)
{
	char *url = begin_of_url(text), *at, *colon;

	if (url == NULL)
		return;
	at = strrchr(url, '@');
	if (at == NULL && cut)
		at = url + strlen(url);
	if (at == NULL)
		return;
	colon = memchr(url, ':', (size_t)(at - url));
	if (colon != NULL)
		mask(colon + 1, at);
}

/* Also where the key is not quite that. */
static bool
is_of_password(const char *text)
{
	size_t n;
	char is;

	text += strspn(text, BLANKS);
	if (strncmp(text, "password", 8) == 0)
		return true;
	n = strcspn(text, BLANKS ASSIGNS);
	is = text[n + strspn(text + n, BLANKS)];
	if (n == 0 || (text[0] != 'p' && text[0] != 'P') ||
	    (is != '=' && is != ':'))
		return false;
	/* of the keys that there are, none other has the letter */
	return strncasecmp(text, "pas", 3) == 0 || strcspn(text, "wW") < n;
}

/* A line of settings. */
static void
hide_in_line(char *text)
{
	char *at = text + strspn(text, BLANKS);
	bool user = strncmp(at, "user", 4) == 0;

	hide_in_url(text, false);
	if (!user && !is_of_password(text))
		return;
	at += strcspn(at, BLANKS ASSIGNS);
	at += strspn(at, BLANKS ASSIGNS);
	if (user) { /* what curl calls one has the password behind it */
		at += strcspn(at, ":");
		at += *at == ':';
	}
	mask(at, at + strlen(at));
}

/* What is said of one, with the value in quotes. */
static void
hide_in_what(char *text)
{
	char *quote = strchr(text, '\'');

	hide_in_url(text, strstr(text, "...") != NULL);
	if (is_of_password(text) && quote != NULL)
		mask(quote + 1, text + strlen(text) - 1);
}

/* Counts it; the place to keep it, or NULL. */
static struct fault *
fault_new(struct faults *faults, const char *file, const struct fault_text *t)
{
	struct fault *f;
	char *what;

	faults->count++;
	if (faults->n_kept == FAULTS_KEPT)
		return NULL;
	f = &faults->kept[faults->n_kept];
	what = arena_strdup(faults->arena, t->what);
	*f = (struct fault){
		.file = copy(faults, file),
		.what = what,
		.expected = copy(faults, t->expected),
		.nearest = copy(faults, t->nearest),
	};
	if (f->file == NULL || what == NULL)
		return NULL;
	hide_in_what(what);
	return f;
}

void
faults_add_file(
    struct faults *faults, const char *file, const struct fault_text *text)
{
	if (fault_new(faults, file, text) != NULL)
		faults->n_kept++;
}

static unsigned int
clamp(size_t n)
{
	return n < UINT_MAX ? (unsigned int)n : UINT_MAX;
}

void
faults_add(struct faults *faults, const struct source *src, size_t off,
    size_t len, const struct fault_text *text)
{
	struct fault *f = fault_new(faults, src->file, text);
	size_t line = src->first != 0 ? src->first : 1;
	size_t start = 0, end, from;
	char *shown;

	if (f == NULL)
		return;
	if (off > src->len)
		off = src->len;
	for (size_t i = 0; i < off; i++)
		if (src->text[i] == '\n') {
			line++;
			start = i + 1;
		}
	for (end = off; end < src->len && src->text[end] != '\n';)
		end++;
	f->line = clamp(line);
	f->column = clamp(off - start + 1);
	f->mark = len < end - off ? len : end - off;
	if (f->mark == 0)
		f->mark = 1;
	from = off - start > TEXT_KEPT / 2 ? off - TEXT_KEPT / 2 : start;
	f->text_column = clamp(from - start + 1);
	f->text_len = end - from < TEXT_KEPT ? end - from : TEXT_KEPT;
	shown = arena_strndup(faults->arena, src->text + from, f->text_len);
	f->text = shown;
	if (shown == NULL)
		return;
	hide_in_line(shown);
	faults->n_kept++;
}

/* A character of text[0..len), or a byte of what is none: how many bytes it is,
 * and how wide it comes out; 0 for a tab. */
static size_t
measure(const char *text, size_t len, int *ret_width)
{
	size_t n = escape_visible(text, len);

	*ret_width = text[0] == '\t' ? 0 : n > 0 ? 1 : 4;
	return n > 0 ? n : 1;
}

static void
print_part(const char *text, size_t len, FILE *out)
{
	size_t n;
	int w;

	for (size_t i = 0; i < len; i += n) {
		n = measure(text + i, len - i, &w);
		if (w == 4)
			(void)fprintf(out, "\\x%02x", (unsigned char)text[i]);
		else /* the caller looks at ferror */
			(void)fwrite(text + i, 1, n, out);
	}
}

static void
print_text(const char *s, FILE *out)
{
	print_part(s, strlen(s), out);
}

/* Below each character what is as wide: a tab under a tab, blanks under others;
 * a tab in the mark counts as one. */
static void
print_caret(const char *text, size_t before, size_t mark, FILE *out)
{
	size_t n, wide = 0;
	int w;

	for (size_t i = 0; i < before; i += n) {
		n = measure(text + i, before - i, &w);
		if (w == 0)
			(void)fputc('\t', out);
		else
			(void)fprintf(out, "%*s", w, "");
	}
	for (size_t i = 0; i < mark; i += n) {
		n = measure(text + before + i, mark - i, &w);
		wide += w > 0 ? (size_t)w : 1;
	}
	(void)fputc('^', out);
	for (size_t i = 1; i < wide; i++)
		(void)fputc('~', out);
	(void)fputc('\n', out);
}

static void
print_line(const struct fault *f, FILE *out)
{
	size_t at = f->column - f->text_column; /* of the mark, in text */
	size_t from = at > TEXT_SHOWN / 2 && f->text_len > TEXT_SHOWN
			  ? at - TEXT_SHOWN / 2
			  : 0;
	size_t len = f->text_len - from;
	size_t mark = f->mark;
	bool cut_left = from > 0 || f->text_column > 1;
	bool cut_right = len > TEXT_SHOWN;
	const char *text = f->text + from;

	if (cut_right)
		len = TEXT_SHOWN;
	at -= from;
	if (mark > len - at)
		mark = len - at;
	(void)fputs(cut_left ? "    ..." : "    ", out);
	print_part(text, len, out);
	(void)fputs(cut_right ? "...\n" : "\n", out);
	(void)fputs(cut_left ? "       " : "    ", out);
	print_caret(text, at, mark, out);
}

const char *
fault_at(const struct fault *f, char buf[FAULT_PLACE_SIZE])
{
	buf[0] = '\0';
	if (f->line > 0)
		(void)snprintf(buf, FAULT_PLACE_SIZE, ":%u:%u", f->line,
		    f->column); /* fits */
	return buf;
}

static void
print_one(const struct fault *f, FILE *out)
{
	char place[FAULT_PLACE_SIZE];

	print_text(f->file, out);
	(void)fprintf(out, "%s: ", fault_at(f, place));
	print_text(f->what, out);
	(void)fputc('\n', out);
	if (f->line > 0)
		print_line(f, out);
	if (f->expected == NULL && f->nearest == NULL)
		return;
	(void)fputs("  ", out);
	if (f->expected != NULL) {
		(void)fputs("expected: ", out);
		print_text(f->expected, out);
	}
	if (f->nearest != NULL) {
		(void)fputs(f->expected != NULL ? "; " : "", out);
		(void)fputs("did you mean '", out);
		print_text(f->nearest, out);
		(void)fputs("'?", out);
	}
	(void)fputc('\n', out);
}

void
faults_print(const struct faults *faults, FILE *out)
{
	size_t more = faults->count - faults->n_kept;

	for (size_t i = 0; i < faults->n_kept; i++)
		print_one(&faults->kept[i], out);
	if (more > 0)
		(void)fprintf(
		    out, "%zu more fault%s\n", more, more == 1 ? "" : "s");
}
