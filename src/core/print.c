#include <stdbool.h>
#include <string.h>

#include "src/core/conf.h"
#include "src/core/schema.h"

/* Width of the sample's comments. */
#define COLUMNS 72

static void
print_rows(const char *section, const void *base, FILE *out)
{
	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];

		if (strcmp(row->section, section) != 0 ||
		    !conf_row_is_set(row, base))
			continue;
		(void)fprintf(out, "%s = ", row->key);
		conf_row_print(row, base, out);
		(void)fputc('\n', out);
	}
}

void
conf_print(const struct conf *conf, FILE *out)
{
	const struct conf_item *item;

	for (size_t i = 0; i < conf_n_sections; i++) {
		const struct conf_section *section = &conf_sections[i];

		if (section->item_size == 0) {
			(void)fprintf(
			    out, "%s[%s]\n", i > 0 ? "\n" : "", section->name);
			print_rows(section->name, conf, out);
		}
		for (size_t j = 0; (item = conf_item(conf, section, j)) != NULL;
		     j++) {
			(void)fprintf(
			    out, "\n[%s \"%s\"]\n", section->name, item->name);
			print_rows(section->name, item, out);
		}
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

static void
print_sample_row(const struct conf_row *row, FILE *out)
{
	char expected[CONF_EXPECTED_SIZE], takes[CONF_EXPECTED_SIZE + 8];

	(void)fputc('\n', out);
	print_comment(row->help, out);
	(void)snprintf(takes, sizeof(takes), "Takes %s.",
	    conf_row_expected(row, expected)); /* fits */
	print_comment(takes, out);
	(void)fprintf(out, "#%s = %s\n", row->key,
	    row->dflt[0] != '\0' ? row->dflt : row->sample);
}

/* Those of a part; those of none go with the first one. */
static void
print_sample_rows(
    const struct conf_section *section, const struct conf_part *part, FILE *out)
{
	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];
		bool here = part == section->parts;

		if (part != NULL && row->part != NULL)
			here = strcmp(row->part, part->label) == 0;
		if (here && strcmp(row->section, section->name) == 0)
			print_sample_row(row, out);
	}
}

void
conf_print_sample(FILE *out)
{
	print_comment("Settings of rerouted(8); rerouted.conf(5) has more on "
		      "them. Each is shown with its default, and where that "
		      "is nothing with an example: take the # away to change "
		      "it. Files in rerouted.conf.d/ are read after "
		      "this one, and a later value wins. rerouted --check "
		      "looks for faults, and rerouted --print-config shows "
		      "what is in force.",
	    out);
	for (size_t i = 0; i < conf_n_sections; i++) {
		const struct conf_section *section = &conf_sections[i];
		const struct conf_part *part = section->parts;

		if (part == NULL)
			(void)fprintf(out, "\n[%s]\n", section->name);
		if (part == NULL)
			print_sample_rows(section, NULL, out);
		/* of those that go by a label there is none to begin with */
		for (; part != NULL && part->label != NULL; part++) {
			(void)fprintf(out, "\n#[%s \"%s\"]\n%s", section->name,
			    part->label,
			    part->lines != NULL ? part->lines : "");
			print_sample_rows(section, part, out);
		}
	}
}
