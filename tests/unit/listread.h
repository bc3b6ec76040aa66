#ifndef TESTS_LISTREAD_H
#define TESTS_LISTREAD_H

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/list_build.h"
#include "src/core/list_parse.h"
#include "src/core/qtype.h"

/* A list of one text, and what could not be used of it. */
struct read {
	struct list_build build;
	const struct list_index *list;
	unsigned int entries, faults, partial;
	char what[128], modifier[32], text[64];
	uint32_t line; /* of the last fault */
	char file[32];
	/* kept from one text to the next */
	const char *(*include)(void *arg, const struct list_included *from,
	    const char *name, struct list_included *ret);
};

static inline int
take_entry(void *arg, const struct list_entry *entry)
{
	struct read *r = arg;

	r->entries++;
	return list_entry_build(&r->build, entry);
}

static inline void
take_fault(void *arg, const struct list_fault *fault)
{
	struct read *r = arg;

	r->faults++;
	r->partial += fault->partial;
	r->line = fault->line;
	(void)snprintf(r->file, sizeof(r->file), "%s",
	    fault->file != NULL ? fault->file : "");
	(void)snprintf(r->what, sizeof(r->what), "%s", fault->what);
	(void)snprintf(r->text, sizeof(r->text), "%.*s", (int)fault->len,
	    fault->text != NULL ? fault->text : "");
	(void)snprintf(r->modifier, sizeof(r->modifier), "%.*s",
	    (int)fault->modifier_len,
	    fault->modifier != NULL ? fault->modifier : "");
}

static inline void
release(void *bytes, size_t size)
{
	(void)size;
	free(bytes);
}

static inline void
read_bytes(
    struct read *r, enum conf_list_format format, const char *text, size_t len)
{
	struct list_sink sink = { take_entry, take_fault, r->include, r };
	static const struct list_identity identity = { { 1, 2 } };
	struct list_bytes bytes;

	*r = (struct read){ .include = r->include };
	list_build_init(&r->build, (uint64_t[2]){ 3, 4 });
	assert_int_equal(list_parse(&sink, format, text, len), 0);
	assert_int_equal(
	    list_build_finish(&r->build, &identity, "", 0, &bytes), 0);
	list_build_done(&r->build);
	assert_int_equal(
	    list_index_new(&r->list, bytes.bytes, bytes.size, release, NULL),
	    0);
}

static inline void
read_text(struct read *r, enum conf_list_format format, const char *text)
{
	read_bytes(r, format, text, strlen(text));
}

/* What each word is in the list: a name, or an address. */
static inline bool
has(const struct read *r, const char *word)
{
	struct name name;
	struct addr addr;

	if (addr_parse(&addr, word, strlen(word)) == 0)
		return list_has_addr(r->list, &addr);
	name = name_of(word);
	return list_has_name(r->list, &name, QTYPE_A);
}

struct row {
	const char *text;
	const char *in[6], *out[6];
	unsigned int faults;
};

static inline void
check_row(struct read *r, enum conf_list_format format, const struct row *row)
{
	read_text(r, format, row->text);
	for (size_t j = 0; j < 6 && row->in[j] != NULL; j++)
		if (!has(r, row->in[j]))
			fail_msg("%s: has no %s", row->text, row->in[j]);
	for (size_t j = 0; j < 6 && row->out[j] != NULL; j++)
		if (has(r, row->out[j]))
			fail_msg("%s: has %s", row->text, row->out[j]);
	if (r->faults != row->faults)
		fail_msg("%s: %u faults: %s", row->text, r->faults, r->what);
	list_index_unref(r->list);
}

static inline void
check_rows(enum conf_list_format format, const struct row *rows, size_t n)
{
	struct read r = { 0 };

	for (size_t i = 0; i < n; i++)
		check_row(&r, format, &rows[i]);
}

#endif
