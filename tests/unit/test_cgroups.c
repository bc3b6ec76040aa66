#include "tests/unit/unit.h"

#include <string.h>

#include "src/core/cgroups.h"

#define MAX 4

static struct cgroups *cgroups;

static int
set_up(void **state)
{
	(void)state;
	cgroups = cgroups_new(MAX);
	return cgroups != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	cgroups_free(cgroups);
	return 0;
}

static void
a_group_has_its_path_and_unit(void **state)
{
	static const struct {
		const char *names;
		size_t len;
		const char *path, *unit;
	} rows[] = {
		{ "ssh.service\0system.slice", 25, "/system.slice/ssh.service",
		    "ssh.service" },
		{ "worker\0a.service\0system.slice", 30,
		    "/system.slice/a.service/worker", "a.service" },
		{ "mine", 5, "/mine", "" },
		{ "", 0, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		const struct cgroup_name *name;

		cgroups_put(cgroups, 100 + i, rows[i].names, rows[i].len);
		name = cgroups_find(cgroups, 100 + i);
		assert_non_null(name);
		assert_string_equal(name->path, rows[i].path);
		assert_string_equal(name->unit, rows[i].unit);
	}
	assert_null(cgroups_find(cgroups, 99));
}

static void
the_one_asked_for_longest_ago_makes_room(void **state)
{
	(void)state;
	for (uint64_t id = 1; id <= MAX; id++)
		cgroups_put(cgroups, id, "a", 2);
	assert_non_null(cgroups_find(cgroups, 1));
	cgroups_put(cgroups, 2, "other", 6); /* it keeps its name */
	assert_string_equal(cgroups_find(cgroups, 2)->path, "/a");
	cgroups_put(cgroups, 5, "b", 2);
	assert_null(cgroups_find(cgroups, 3));
	assert_non_null(cgroups_find(cgroups, 1));
	assert_non_null(cgroups_find(cgroups, 2));
	assert_non_null(cgroups_find(cgroups, 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_group_has_its_path_and_unit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    the_one_asked_for_longest_ago_makes_room, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
