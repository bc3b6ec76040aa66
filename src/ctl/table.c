#include "src/ctl/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

/* Control characters of ASCII and, in UTF-8, of Latin-1 (C1: \xc2\x80 to
 * \xc2\x9f) may move the cursor. */
static size_t
control_len(const unsigned char *s)
{
	if (s[0] < 0x20 || s[0] == 0x7f)
		return 1;
	return s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0 ? 2 : 0;
}

static char *
escape(const char *s)
{
	char *text = malloc(strlen(s) * 4 + 1), *to = text;

	if (text == NULL)
		return NULL;
	while (*s != '\0') {
		size_t n = control_len((const unsigned char *)s);

		if (n == 0)
			*to++ = *s++;
		for (; n > 0; n--, s++)
			to += sprintf(to, "\\x%02x", (unsigned char)*s);
	}
	*to = '\0';
	return text;
}

void
table_text(const char *s, FILE *out)
{
	char *text = escape(s);

	fputs(text != NULL ? text : "?", out);
	free(text);
}

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
		row[i] = escape(cells[i] != NULL ? cells[i] : "");
	table->colours[table->n_rows++] = colour;
}

/* Columns on the screen: UTF-8 continuation bytes take none. */
static size_t
text_width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static bool
starts_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* What is left of s when its first n characters are taken away. */
static const char *
skip_characters(const char *s, size_t n)
{
	for (; *s != '\0' && (n > 0 || !starts_character(*s)); s++)
		n -= starts_character(*s);
	return s;
}

static void
print_cell(const char *s, const struct table_column *column, size_t width,
    bool last, FILE *out)
{
	size_t have = text_width(s), shown = have < width ? have : width;
	bool cut = have > width;

	for (size_t i = shown; column->right && i < width; i++)
		fputc(' ', out);
	if (cut && column->tail) {
		fputs("…", out);
		fputs(skip_characters(s, have - width + 1), out);
	} else if (cut) {
		const char *end = skip_characters(s, width - 1);

		fwrite(s, 1, (size_t)(end - s), out);
		fputs("…", out);
	} else {
		fputs(s, out);
	}
	for (size_t i = shown; !column->right && !last && i < width; i++)
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

/* The widest column gives way until all fit; when none can give more, one is
 * left out (width 0). */
static void
fit(const struct table *table, size_t *widths, size_t room)
{
	for (;;) {
		size_t total = 0, widest = SIZE_MAX;

		for (size_t i = 0; i < table->n_columns; i++) {
			total += widths[i] > 0 ? widths[i] + 2 : 0;
			if (widths[i] > table->columns[i].keep &&
			    (widest == SIZE_MAX || widths[i] > widths[widest]))
				widest = i;
		}
		if (total <= room || total - 2 <= room)
			return;
		if (widest != SIZE_MAX)
			widths[widest]--;
		else if (!drop_one(table, widths))
			return;
	}
}

static const char *
cell(const struct table *table, size_t row, size_t column)
{
	const char *s = table->cells[row * table->n_columns + column];

	return s != NULL ? s : "?"; /* no memory for it */
}

/* One row, without its newline; SIZE_MAX is that of the titles, with it. */
static void
print_row(
    const struct table *table, const size_t *widths, size_t row, FILE *out)
{
	bool first = true;

	for (size_t c = 0; c < table->n_columns; c++) {
		if (widths[c] == 0)
			continue;
		fputs(first ? "" : "  ", out);
		first = false;
		print_cell(row == SIZE_MAX ? table->columns[c].title
					   : cell(table, row, c),
		    &table->columns[c], widths[c], c + 1 == table->n_columns,
		    out);
	}
	if (row == SIZE_MAX)
		fputc('\n', out);
}

bool
table_has_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fileno(out)) && (no == NULL || no[0] == '\0');
}

void
table_print(const struct table *table, FILE *out)
{
	size_t *widths = calloc(table->n_columns, sizeof(widths[0]));
	bool colour = table_has_colour(out);

	if (widths == NULL)
		return;
	for (size_t c = 0; c < table->n_columns; c++) {
		widths[c] = text_width(table->columns[c].title);
		for (size_t r = 0; r < table->n_rows; r++)
			if (text_width(cell(table, r, c)) > widths[c])
				widths[c] = text_width(cell(table, r, c));
	}
	fit(table, widths, terminal_width(out));
	print_row(table, widths, SIZE_MAX, out);
	for (size_t r = 0; r < table->n_rows; r++) {
		bool paint = colour && table->colours[r] != TABLE_PLAIN;

		fputs(paint ? colour_codes[table->colours[r]] : "", out);
		print_row(table, widths, r, out);
		fputs(paint ? "\033[0m\n" : "\n", out);
	}
	free(widths);
}
