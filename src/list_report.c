#include "src/list_report.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/list_parse.h"
#include "src/deadline_ev.h"
#include "src/json.h"

/* As many faults are kept with their text. */
#define FIRST_MAX 10
#define TEXT_MAX 200
/* In place of the text. */
#define SECRET "(not shown: not everybody may read the file)"
/* Modifiers that are told apart; the others count together. */
#define MODIFIERS_MAX 32

struct list_report {
	json_t *root, *files, *first, *modifiers;
	json_t *file;	/* at hand; borrowed */
	json_t *before; /* the root of the last one; NULL */
	bool secret;
	uint64_t entries, faults;
	uint64_t file_entries, file_words, file_faults;
	struct list_fault file_first; /* line and what alone */
};

struct list_report *
list_report_new(const char *before, size_t len)
{
	struct list_report *report = calloc(1, sizeof(*report));

	if (report == NULL)
		return NULL;
	report->files = json_array();
	report->first = json_array();
	report->modifiers = json_object();
	report->root = json_pack("{s:f, s:o, s:o, s:o}", "made",
	    (double)deadline_wall_ms() / 1e3, "files", report->files, "first",
	    report->first, "modifiers", report->modifiers);
	if (report->root == NULL) {
		free(report);
		return NULL;
	}
	if (len > 0) /* one of another kind says nothing */
		report->before = json_loadb(before, len, 0, NULL);
	return report;
}

void
list_report_free(struct list_report *report)
{
	if (report == NULL)
		return;
	json_decref(report->root);
	json_decref(report->before);
	free(report);
}

static void
close_file(struct list_report *report)
{
	if (report->file == NULL)
		return;
	/* numbers that are missing when there is no memory */
	(void)json_object_set_new(report->file, "entries",
	    json_integer((json_int_t)report->file_entries));
	(void)json_object_set_new(report->file, "words",
	    json_integer((json_int_t)report->file_words));
	(void)json_object_set_new(report->file, "faults",
	    json_integer((json_int_t)report->file_faults));
	report->entries += report->file_entries;
	report->faults += report->file_faults;
	report->file_entries = report->file_words = report->file_faults = 0;
}

void
list_report_file(struct list_report *report, const char *path, bool secret)
{
	json_t *file = json_pack("{s:o}", "file", json_text(path));

	close_file(report);
	report->file = NULL;
	report->secret = secret;
	if (file != NULL && json_array_append_new(report->files, file) == 0)
		report->file = file;
}

bool
list_report_include(struct list_report *report, const char *path,
    const char *stamp, bool secret)
{
	json_t *includes = json_object_get(report->root, "includes");

	report->secret |= secret;
	if (includes == NULL) {
		includes = json_array();
		if (json_object_set_new(report->root, "includes", includes) < 0)
			return false;
	}
	return json_array_append_new(
		   includes, json_pack("{s:o, s:s}", "file", json_text(path),
				 "stamp", stamp)) == 0;
}

void
list_report_entry(struct list_report *report, bool word)
{
	report->file_entries++;
	report->file_words += word;
}

static void
count_modifier(struct list_report *report, const struct list_fault *fault)
{
	char name[64];
	json_t *count;

	(void)snprintf(name, sizeof(name), "%.*s", (int)fault->modifier_len,
	    fault->modifier); /* cut where too long */
	/* foreign bytes: a key has to be UTF-8 */
	for (char *p = name; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	count = json_object_get(report->modifiers, name);
	if (count == NULL &&
	    json_object_size(report->modifiers) >= MODIFIERS_MAX) {
		(void)snprintf(name, sizeof(name), "others");
		count = json_object_get(report->modifiers, name);
	}
	(void)json_object_set_new(report->modifiers, name,
	    json_integer(json_integer_value(count) + 1)); /* see above */
}

static void
put_fault(struct list_report *report, const struct list_fault *fault,
    const char *what, const char *text)
{
	json_t *file = fault->file != NULL
			   ? json_text(fault->file)
			   : json_incref(json_object_get(report->file, "file"));

	(void)json_array_append_new(report->first,
	    json_pack("{s:o?, s:I, s:o, s:o}", "file", file, "line",
		(json_int_t)fault->line, "what", json_text(what), "text",
		json_text(text))); /* one less when there is no memory */
}

void
list_report_fault(struct list_report *report, const struct list_fault *fault)
{
	char text[TEXT_MAX + 1], what[160];
	size_t len = 0;

	if (report->file_faults++ == 0)
		report->file_first = (struct list_fault){ .line = fault->line,
			.what = fault->what };
	if (fault->modifier != NULL && !report->secret)
		count_modifier(report, fault);
	if (json_array_size(report->first) >= FIRST_MAX)
		return;
	if (report->secret) {
		put_fault(report, fault, fault->what, SECRET);
		return;
	}
	/* a NUL would end it */
	for (; len < fault->len && len < TEXT_MAX; len++)
		text[len] = fault->text[len] != '\0' ? fault->text[len] : ' ';
	text[len] = '\0';
	if (fault->modifier != NULL)
		(void)snprintf(what, sizeof(what), "%s: %.*s", fault->what,
		    (int)fault->modifier_len, fault->modifier); /* cut */
	else
		(void)snprintf(what, sizeof(what), "%s", fault->what);
	put_fault(report, fault, what, text);
}

bool
list_report_is_junk(const struct list_report *report, struct list_fault *ret)
{
	*ret = report->file_first;
	return report->file_faults > 0 && report->file_entries == 0;
}

static uint64_t
number(const json_t *file, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(file, key));
}

uint64_t
list_report_lost(const struct list_report *report, bool *ret_words)
{
	const char *path,
	    *now = json_string_value(json_object_get(report->file, "file"));
	const json_t *file;
	size_t i;

	*ret_words = report->file_words > 0;
	if (report->file_entries > report->file_words || now == NULL)
		return 0;
	json_array_foreach(json_object_get(report->before, "files"), i, file)
	{
		path = json_string_value(json_object_get(file, "file"));
		if (path != NULL && strcmp(path, now) == 0)
			return number(file, "entries") -
			       (*ret_words ? number(file, "words") : 0);
	}
	return 0;
}

char *
list_report_text(struct list_report *report)
{
	close_file(report);
	report->file = NULL;
	if (json_object_set_new(report->root, "entries",
		json_integer((json_int_t)report->entries)) < 0 ||
	    json_object_set_new(report->root, "faults",
		json_integer((json_int_t)report->faults)) < 0)
		return NULL;
	return json_dumps(report->root, JSON_COMPACT);
}
