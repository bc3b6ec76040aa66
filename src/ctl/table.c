#include "src/ctl/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "src/base/escape.h"

#define WRAP_MIN 10 /* columns; with less there is a line for each word */

struct table {
	const struct table_column *columns;
	size_t n_columns;
	size_t n_rows, room;
	char **cells; /* n_rows * n_columns, escaped */
	enum table_colour *colours;
};

static const char *const colour_codes[] = {
	[TABLE_PLAIN] = "",
	[TABLE_GREEN] = "\033[32m",
	[TABLE_RED] = "\033[31m",
	[TABLE_YELLOW] = "\033[33m",
};

struct table *
table_new(const struct table_column *columns, size_t n)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->columns = columns;
	table->n_columns = n;
	return table;
}

void
table_free(struct table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->colours);
	free(table);
}

static bool
make_room(struct table *table)
{
	size_t room = table->room * 2 + 16;
	char **cells;
	enum table_colour *colours;

	if (table->n_rows < table->room)
		return true;
	cells = reallocarray(
	    table->cells, room * table->n_columns, sizeof(cells[0]));
	if (cells == NULL)
		return false;
	table->cells = cells;
	colours = reallocarray(table->colours, room, sizeof(colours[0]));
	if (colours == NULL)
		return false;
	table->colours = colours;
	table->room = room;
	return true;
}

void
table_row(
    struct table *table, const char *const *cells, enum table_colour colour)
{
	char **row;

	if (!make_room(table))
		return; /* a shorter table is better than none */
	row = &table->cells[table->n_rows * table->n_columns];
	for (size_t i = 0; i < table->n_columns; i++)
		row[i] = escape_text(cells[i] != NULL ? cells[i] : "");
	table->colours[table->n_rows++] = colour;
}

/* Columns that the character at s takes on the screen, and its bytes. The
 * locale is one of UTF-8 (main.c). */
static size_t
character(const char *s, size_t *ret_len)
{
	mbstate_t state = { 0 };
	wchar_t wc;
	size_t len = mbrtowc(&wc, s, strlen(s), &state);
	int width;

	*ret_len = len > 0 && len < (size_t)-2 ? len : 1;
	if (len == 0 || len >= (size_t)-2)
		return 1;
	width = wcwidth(wc);
	return width >= 0 ? (size_t)width : 1;
}

/* Columns that a text takes on the screen. */
static size_t
width_of(const char *s)
{
	size_t n = 0, len;

	for (; *s != '\0'; s += len)
		n += character(s, &len);
	return n;
}

/* The first byte of s behind its first n columns at least; *ret is how many
 * they are. */
static const char *
skip_columns(const char *s, size_t n, size_t *ret)
{
	size_t len;

	for (*ret = 0; *s != '\0' && *ret < n; s += len)
		*ret += character(s, &len);
	return s;
}

/* How many bytes of s fit n columns; *ret is how many of those they take. */
static size_t
fitting(const char *s, size_t n, size_t *ret)
{
	const char *at = s;
	size_t len, width;

	for (*ret = 0; *at != '\0'; at += len, *ret += width) {
		width = character(at, &len);
		if (*ret + width > n)
			break;
	}
	return (size_t)(at - s);
}

/* Text cut to a width, as its parts are printed. */
struct cut {
	const char *before, *text, *after;
	size_t len, width;
};

static struct cut
cut_text(const char *s, size_t width, bool tail)
{
	struct cut cut = { "", s, "", strlen(s), width_of(s) };
	size_t have = cut.width;

	if (have <= width)
		return cut;
	if (tail) {
		cut.before = "…";
		cut.text = skip_columns(s, have - width + 1, &cut.width);
		cut.len = strlen(cut.text);
		cut.width = have - cut.width + 1;
	} else {
		cut.after = "…";
		cut.len = fitting(s, width - 1, &cut.width);
		cut.width++;
	}
	return cut;
}

static void
print_cell(const char *s, const struct table_column *column, size_t width,
    bool last, FILE *out)
{
	struct cut cut = cut_text(s, width, column->tail);

	for (size_t i = cut.width; column->right && i < width; i++)
		fputc(' ', out);
	fputs(cut.before, out);
	fwrite(cut.text, 1, cut.len, out);
	fputs(cut.after, out);
	for (size_t i = cut.width; !column->right && !last && i < width; i++)
		fputc(' ', out);
}

static size_t
terminal_width(FILE *out)
{
	struct winsize size;

	if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) < 0 ||
	    size.ws_col == 0)
		return SIZE_MAX;
	return size.ws_col;
}

static const char *
cell(const struct table *table, size_t row, size_t column)
{
	const char *s = table->cells[row * table->n_columns + column];

	return s != NULL ? s : "?"; /* no memory for it */
}

/* Takes out the column that can be missed first; false when there is none. */
static bool
drop_one(const struct table *table, size_t *widths)
{
	const struct table_column *columns = table->columns;
	size_t first = SIZE_MAX;

	for (size_t i = 0; i < table->n_columns; i++)
		if (widths[i] > 0 && columns[i].drop > 0 &&
		    (first == SIZE_MAX ||
			columns[i].drop > columns[first].drop))
			first = i;
	if (first == SIZE_MAX)
		return false;
	widths[first] = 0;
	return true;
}

/* Those that say nothing go before one is cut. */
static void
drop_empty(const struct table *table, size_t *widths)
{
	for (size_t c = 0; c < table->n_columns; c++) {
		size_t r = 0;

		while (r < table->n_rows && cell(table, r, c)[0] == '\0')
			r++;
		if (r == table->n_rows && table->columns[c].drop > 0)
			widths[c] = 0;
	}
}

/* Columns of the screen that a row takes. */
static size_t
sum_of(const struct table *table, const size_t *widths)
{
	size_t sum = 0;

	for (size_t i = 0; i < table->n_columns; i++)
		if (widths[i] > 0)
			sum += widths[i] + (sum > 0 ? 2 : 0);
	return sum;
}

/* The widest column gives way until all fit; none keeps more than `most`. False
 * where none can give more; widths are as they were then. */
static bool
shrink(const struct table *table, size_t *widths, size_t room, size_t most)
{
	size_t n = table->n_columns, total = sum_of(table, widths);

	while (total > room) {
		size_t widest = SIZE_MAX;

		for (size_t i = 0; i < n; i++) {
			size_t keep = table->columns[i].keep;

			if (widths[i] > (keep < most ? keep : most) &&
			    (widest == SIZE_MAX || widths[i] > widths[widest]))
				widest = i;
		}
		if (widest == SIZE_MAX)
			return false;
		widths[widest]--;
		total--;
	}
	return true;
}

/* What can go on below has less room where there is no other way. */
static void
wrap_more(const struct table *table, size_t *widths, size_t room)
{
	size_t last = table->n_columns - 1, sum = sum_of(table, widths);

	if (table->columns[last].wrap && widths[last] > sum - room + WRAP_MIN)
		widths[last] -= sum - room;
}

/* On a screen that is narrower than what columns would keep they keep less, and
 * then the last ones go. */
#define NARROW ((size_t)5)
static void
squeeze(const struct table *table, size_t *widths, size_t room)
{
	for (size_t last = table->n_columns - 1;
	     !shrink(table, widths, room, NARROW) && last > 0; last--)
		widths[last] = 0;
}

/* As much as fits: columns go, one after the other, until what is left can be
 * cut to the room. */
static void
fit(const struct table *table, size_t *widths, size_t room)
{
	size_t bytes = table->n_columns * sizeof(widths[0]);
	size_t *whole;

	if (sum_of(table, widths) <= room)
		return;
	drop_empty(table, widths);
	whole = malloc(bytes);
	if (whole == NULL)
		return; /* too wide, and all of it */
	memcpy(whole, widths, bytes);
	while (!shrink(table, widths, room, SIZE_MAX)) {
		if (!drop_one(table, whole)) {
			wrap_more(table, widths, room);
			squeeze(table, widths, room);
			break;
		}
		memcpy(widths, whole, bytes);
	}
	free(whole);
}

void
table_wrap(const char *s, size_t width, size_t indent, FILE *out)
{
	size_t taken, len = fitting(s, width, &taken);

	while (s[len] != '\0' && len > 0) {
		size_t blank = len;

		while (blank > 0 && s[blank] != ' ')
			blank--;
		if (blank > 0)
			len = blank;
		fwrite(s, 1, len, out);
		fprintf(out, "\n%*s", (int)indent, "");
		s += len + strspn(s + len, " ");
		len = fitting(s, width, &taken);
	}
	fputs(s, out);
}

/* One row, without its newline; SIZE_MAX is that of the titles, with it. */
static void
print_row(
    const struct table *table, const size_t *widths, size_t row, FILE *out)
{
	bool first = true;

	for (size_t c = 0; c < table->n_columns; c++) {
		bool last = c + 1 == table->n_columns;
		const char *s = row == SIZE_MAX ? table->columns[c].title
						: cell(table, row, c);

		if (widths[c] == 0)
			continue;
		fputs(first ? "" : "  ", out);
		first = false;
		if (last && table->columns[c].wrap)
			table_wrap(s, widths[c],
			    sum_of(table, widths) - widths[c], out);
		else
			print_cell(s, &table->columns[c], widths[c], last, out);
	}
	if (row == SIZE_MAX)
		fputc('\n', out);
}

bool
table_has_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(out)) && (no == NULL || no[0] == '\0') &&
	       term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

static void
print_fitting(const struct table *table, FILE *out, size_t width, bool colour)
{
	size_t *widths = calloc(table->n_columns, sizeof(widths[0]));

	if (widths == NULL)
		return;
	for (size_t c = 0; c < table->n_columns; c++) {
		widths[c] = width_of(table->columns[c].title);
		for (size_t r = 0; r < table->n_rows; r++)
			if (width_of(cell(table, r, c)) > widths[c])
				widths[c] = width_of(cell(table, r, c));
	}
	fit(table, widths, width);
	print_row(table, widths, SIZE_MAX, out);
	for (size_t r = 0; r < table->n_rows; r++) {
		bool paint = colour && table->colours[r] != TABLE_PLAIN;

		fputs(paint ? colour_codes[table->colours[r]] : "", out);
		print_row(table, widths, r, out);
		fputs(paint ? "\033[0m\n" : "\n", out);
	}
	free(widths);
}

void
table_print(const struct table *table, FILE *out)
{
	print_fitting(table, out, terminal_width(out), table_has_colour(out));
}

void
table_print_width(const struct table *table, FILE *out, size_t width)
{
	print_fitting(table, out, width, false);
}
