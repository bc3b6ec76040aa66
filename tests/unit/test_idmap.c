#include "tests/unit/unit.h"

#include <string.h>

#include "src/core/idmap.h"

static void
ids_are_shifted_by_their_range(void **state)
{
	static const char text[] = "         0     100000      65536\n"
				   "     70000       1000          1\n";
	struct idmap map;

	(void)state;
	assert_int_equal(idmap_parse(&map, text, sizeof(text) - 1), 0);
	assert_int_equal(idmap_here(&map, 100000), 0);
	assert_int_equal(idmap_here(&map, 165535), 65535);
	assert_int_equal(idmap_here(&map, 165536), IDMAP_NOBODY);
	assert_int_equal(idmap_here(&map, 1000), 70000);
	assert_int_equal(idmap_here(&map, 0), IDMAP_NOBODY);
}

static void
the_first_namespace_changes_nothing(void **state)
{
	static const char text[] = "         0          0 4294967295\n";
	struct idmap map, same;

	(void)state;
	idmap_identity(&same);
	assert_int_equal(idmap_parse(&map, text, sizeof(text) - 1), 0);
	for (uint32_t i = 0; i < 32; i++) {
		uint32_t id = UINT32_C(1) << i;

		assert_int_equal(idmap_here(&map, id), id);
		assert_int_equal(idmap_here(&same, id), id);
	}
}

static void
what_is_no_map_is_refused(void **state)
{
	static const char *const texts[] = { "0", "0 0", "0 0 1", "a 0 1\n",
		"0 0 4294967296\n", "0 0 1 1\n", "\n", "-1 0 1\n" };
	struct idmap map = { .n = 7 };

	(void)state;
	for (size_t i = 0; i < N_ROWS(texts); i++)
		row_true(texts[i],
		    idmap_parse(&map, texts[i], strlen(texts[i])) < 0);
	assert_int_equal(map.n, 7);
	assert_int_equal(idmap_parse(&map, "", 0), 0); /* nobody is here */
	assert_int_equal(idmap_here(&map, 0), IDMAP_NOBODY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_shifted_by_their_range),
		cmocka_unit_test(the_first_namespace_changes_nothing),
		cmocka_unit_test(what_is_no_map_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
