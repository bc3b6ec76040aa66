#ifndef TESTS_FAKE_ZONE_H
#define TESTS_FAKE_ZONE_H

#include "src/core/list_parse.h"
#include "tests/fake/lists.h"

/* The fake world's list ads as a response policy zone of that text. */

static inline int
fake_zone_entry(void *arg, const struct list_entry *entry)
{
	return list_entry_build(arg, entry);
}

static inline void
fake_zone_fault(void *arg, const struct list_fault *fault)
{
	(void)arg;
	(void)fault;
	abort();
}

static inline const struct list_table *
fake_zone_table(const char *text)
{
	struct list_table *table = list_table_new(1);
	struct list_build build;
	struct list_sink sink = { fake_zone_entry, fake_zone_fault, NULL,
		&build };

	list_build_init(&build, (uint64_t[2]){ 5, 7 });
	if (table == NULL ||
	    list_parse(&sink, CONF_FORMAT_RPZ, text, strlen(text)) < 0 ||
	    list_table_set(table, 0, "ads", fake_index(&build)) < 0)
		abort();
	return table;
}

#endif
