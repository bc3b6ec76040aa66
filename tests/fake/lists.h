#ifndef TESTS_FAKE_LISTS_H
#define TESTS_FAKE_LISTS_H

#include <stdlib.h>
#include <string.h>

#include "src/core/list_build.h"
#include "src/core/list_image.h"
#include "src/core/list_table.h"

/* Of the fake world's lists: ads holds the name ads.example.net, all below
 * example.com, and 10.0.0.0/8; bad the name bad.example alone. */

static inline void
fake_release(void *bytes, size_t size)
{
	(void)size;
	free(bytes);
}

static inline void
fake_name(struct list_build *build, const char *text, unsigned int flags)
{
	struct name name = name_of(text);

	if (list_build_name(build, &name, flags) < 0)
		abort();
}

static inline const struct list_index *
fake_index(struct list_build *build)
{
	static const struct list_identity identity = { { 1, 2 } };
	const struct list_index *index = NULL;
	struct list_bytes bytes;

	if (list_build_finish(build, &identity, "", 0, &bytes) < 0 ||
	    list_index_new(
		&index, bytes.bytes, bytes.size, fake_release, NULL) < 0)
		abort();
	list_build_done(build);
	return index;
}

static inline const struct list_table *
fake_lists_table(void)
{
	struct list_table *table = list_table_new(2);
	struct list_build ads, bad;
	struct addr_range range;

	if (table == NULL || addr_range_parse(&range, "10.0.0.0/8", 10) < 0)
		abort();
	list_build_init(&ads, (uint64_t[2]){ 5, 7 });
	fake_name(&ads, "ads.example.net", HOSTSET_BLOCK);
	fake_name(&ads, "example.com", HOSTSET_BLOCK << HOSTSET_BELOW);
	if (list_build_addr(&ads, &range, ADDRSET_BLOCK, HOSTSET_NO_CODE) < 0)
		abort();
	list_build_init(&bad, (uint64_t[2]){ 5, 8 });
	fake_name(&bad, "bad.example", HOSTSET_BLOCK);
	/* in another order than the rules name them */
	if (list_table_set(table, 0, "bad", fake_index(&bad)) < 0 ||
	    list_table_set(table, 1, "ads", fake_index(&ads)) < 0)
		abort();
	return table;
}

#endif
