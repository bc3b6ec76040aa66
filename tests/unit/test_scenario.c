#include "tests/unit/unit.h"

#include <glob.h>

#include "tests/scenario/play.h"

/* Every script of tests/scenario. */
static void
scenarios(void **state)
{
	glob_t found;
	int bad = 0;

	(void)state;
	assert_int_equal(glob(SCENARIOS "/*.dns", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		bad += play(found.gl_pathv[i]);
	assert_true(found.gl_pathc > 0);
	globfree(&found);
	assert_int_equal(bad, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
