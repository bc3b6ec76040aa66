#include "tests/unit/unit.h"

#include "port17/share.h"

/* What one process may have of something that there is so much of. */

static void
one_has_an_eighth_and_others_theirs(void **state)
{
	struct shares shares;

	(void)state;
	assert_int_equal(shares_init(&shares, 80), 0);
	assert_true(shares_take(&shares, 7, 1, 10));
	assert_false(shares_take(&shares, 7, 1, 1));
	assert_true(shares_take(&shares, 7, 2, 10)); /* another of that pid */
	assert_false(shares_take(&shares, 8, 1, 11));
	shares_give(&shares, 7, 1, 4);
	assert_true(shares_take(&shares, 7, 1, 3));
	assert_true(shares_take(&shares, 7, 1, 1));
	assert_false(shares_take(&shares, 7, 1, 1));
	shares_give(&shares, 7, 1, 10);
	shares_give(&shares, 7, 2, 10);
	assert_int_equal(shares.map.count, 0); /* nobody is remembered */
	shares_done(&shares);
}

static void
all_have_no_more_than_there_is(void **state)
{
	struct shares shares;

	(void)state;
	assert_int_equal(shares_init(&shares, 80), 0);
	for (uint32_t pid = 1; pid <= 8; pid++)
		assert_true(shares_take(&shares, pid, 1, 10));
	assert_false(shares_take(&shares, 9, 1, 1));
	shares_give(&shares, 1, 1, 10);
	assert_true(shares_take(&shares, 9, 1, 10));
	shares_give(&shares, 9, 1, 10);
	for (uint32_t pid = 2; pid <= 8; pid++)
		shares_give(&shares, pid, 1, 10);
	shares_done(&shares);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_has_an_eighth_and_others_theirs),
		cmocka_unit_test(all_have_no_more_than_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
