#include <stdbool.h>
#include <string.h>

#include "src/core/conf.h"
#include "src/core/schema.h"

/* Width of the sample's comments. */
#define COLUMNS 72

/* Starts a section where the row begins one. */
static void
print_section(size_t i, FILE *out)
{
	const char *section = conf_rows[i].section;

	if (i > 0 && strcmp(conf_rows[i - 1].section, section) == 0)
		return;
	(void)fprintf(out, "%s[%s]\n", i > 0 ? "\n" : "", section);
}

void
conf_print(const struct conf *conf, FILE *out)
{
	char value[CONF_VALUE_SIZE];

	for (size_t i = 0; i < conf_n_rows; i++) {
		print_section(i, out);
		(void)fprintf(out, "%s = %s\n", conf_rows[i].key,
		    conf_row_get(conf, &conf_rows[i], value));
	}
}

/* As comment lines, broken at blanks. */
static void
print_comment(const char *text, FILE *out)
{
	size_t column = 0, n;

	for (; *text != '\0'; text += n + strspn(text + n, " ")) {
		n = strcspn(text, " ");
		if (column > 0 && column + 1 + n > COLUMNS) {
			(void)fputc('\n', out);
			column = 0;
		}
		(void)fprintf(
		    out, "%s %.*s", column == 0 ? "#" : "", (int)n, text);
		column += n + (column == 0 ? 2 : 1);
	}
	(void)fputc('\n', out);
}

void
conf_print_sample(FILE *out)
{
	char expected[CONF_EXPECTED_SIZE], takes[CONF_EXPECTED_SIZE + 8];

	print_comment("Settings of rerouted(8); rerouted.conf(5) has more on "
		      "them. Each is shown with its default: take the # away "
		      "to change it. Files in rerouted.conf.d/ are read after "
		      "this one, and a later value wins. rerouted --check "
		      "looks for faults, and rerouted --print-config shows "
		      "what is in force.",
	    out);
	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];

		if (i == 0)
			(void)fputc('\n', out);
		print_section(i, out);
		(void)fputc('\n', out);
		print_comment(row->help, out);
		(void)snprintf(takes, sizeof(takes), "Takes %s.",
		    conf_row_expected(row, expected)); /* fits */
		print_comment(takes, out);
		(void)fprintf(out, "#%s = %s\n", row->key, row->dflt);
	}
}
