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

static void
print_cell(const char *s, size_t width, bool right, bool last, FILE *out)
{
	size_t have = text_width(s), shown = 0;

	if (right)
		for (size_t i = have; i < width; i++)
			fputc(' ', out);
	for (; *s != '\0'; s++) {
		bool starts = ((unsigned char)*s & 0xc0) != 0x80;

		if (starts && have > width && shown + 1 >= width) {
			fputs("…", out);
			shown++;
			break;
		}
		shown += starts;
		fputc(*s, out);
	}
	if (!right && !last)
		for (size_t i = shown; i < width; i++)
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

/* The widest column gives way until all fit, or none can give more. */
static void
fit(const struct table *table, size_t *widths, size_t room)
{
	for (;;) {
		size_t total = 2 * (table->n_columns - 1), widest = SIZE_MAX;

		for (size_t i = 0; i < table->n_columns; i++) {
			total += widths[i];
			if (widths[i] > table->columns[i].keep &&
			    (widest == SIZE_MAX || widths[i] > widths[widest]))
				widest = i;
		}
		if (total <= room || widest == SIZE_MAX)
			return;
		widths[widest]--;
	}
}

static const char *
cell(const struct table *table, size_t row, size_t column)
{
	const char *s = table->cells[row * table->n_columns + column];

	return s != NULL ? s : "?"; /* no memory for it */
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
	for (size_t c = 0; c < table->n_columns; c++) {
		fputs(c > 0 ? "  " : "", out);
		print_cell(table->columns[c].title, widths[c],
		    table->columns[c].right, c + 1 == table->n_columns, out);
	}
	fputc('\n', out);
	for (size_t r = 0; r < table->n_rows; r++) {
		bool paint = colour && table->colours[r] != TABLE_PLAIN;

		fputs(paint ? colour_codes[table->colours[r]] : "", out);
		for (size_t c = 0; c < table->n_columns; c++) {
			fputs(c > 0 ? "  " : "", out);
			print_cell(cell(table, r, c), widths[c],
			    table->columns[c].right, c + 1 == table->n_columns,
			    out);
		}
		fputs(paint ? "\033[0m\n" : "\n", out);
	}
	free(widths);
}
