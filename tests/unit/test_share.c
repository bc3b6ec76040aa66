#include "tests/unit/unit.h"

#include "port17/share.h"
#include "src/core/process.h"

/* What one process may have of something that there is so much of. */

static bool
take(struct shares *shares, uint32_t pid, uint64_t start, size_t much)
{
	struct share_key key = { .start = start, .pid = pid, .user = pid };

	return shares_take(shares, &key, much);
}

static void
give(struct shares *shares, uint32_t pid, uint64_t start, size_t much)
{
	struct share_key key = { .start = start, .pid = pid, .user = pid };

	shares_give(shares, &key, much);
}

static void
one_has_an_eighth_and_others_theirs(void **state)
{
	struct shares shares;

	(void)state;
	assert_int_equal(shares_init(&shares, 80), 0);
	assert_true(take(&shares, 7, 1, 10));
	assert_false(take(&shares, 7, 1, 1));
	assert_true(take(&shares, 7, 2, 10)); /* another of that pid */
	assert_false(take(&shares, 8, 1, 11));
	give(&shares, 7, 1, 4);
	assert_true(take(&shares, 7, 1, 3));
	assert_true(take(&shares, 7, 1, 1));
	assert_false(take(&shares, 7, 1, 1));
	give(&shares, 7, 1, 10);
	give(&shares, 7, 2, 10);
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
		assert_true(take(&shares, pid, 1, 10));
	assert_false(take(&shares, 9, 1, 1));
	give(&shares, 1, 1, 10);
	assert_true(take(&shares, 9, 1, 10));
	give(&shares, 9, 1, 10);
	for (uint32_t pid = 2; pid <= 8; pid++)
		give(&shares, pid, 1, 10);
	shares_done(&shares);
}

static void
one_user_has_a_half_however_many_he_is(void **state)
{
	struct share_key key = { .start = 1, .pid = 1, .user = 1001 };
	struct share_key other = { .start = 1, .pid = 9, .user = 1002 };
	struct shares shares;

	(void)state;
	assert_int_equal(shares_init(&shares, 80), 0);
	for (; key.pid <= 4; key.pid++)
		assert_true(shares_take(&shares, &key, 10));
	assert_false(shares_have(&shares, &key, 1));
	assert_false(shares_take(&shares, &key, 1));
	assert_true(shares_take(&shares, &other, 10));
	/* it comes back */
	key.pid = 1;
	shares_give(&shares, &key, 10);
	key.pid = 5;
	assert_true(shares_take(&shares, &key, 10));
	for (key.pid = 2; key.pid <= 5; key.pid++)
		shares_give(&shares, &key, 10);
	shares_give(&shares, &other, 10);
	assert_int_equal(shares.map.count, 0);
	shares_done(&shares);
}

static void
nobodies_are_told_apart_by_user(void **state)
{
	static const struct process of_one = {
		.kind = PROCESS_UNKNOWN, .has_uid = true, .uid = 1000
	};
	static const struct process of_root = { .kind = PROCESS_UNKNOWN,
		.has_uid = true };
	static const struct process of_nobody = { .kind = PROCESS_UNKNOWN };
	/* a program has its own */
	static const struct process program = {
		.kind = PROCESS_PROGRAM, .pid = 7, .has_uid = true, .uid = 1000
	};
	const struct process *all[] = { &of_one, &of_root, &of_nobody,
		&program };
	struct shares shares;

	(void)state;
	assert_int_equal(shares_init(&shares, 80), 0);
	for (size_t i = 0; i < 4; i++) {
		struct share_key key = share_key_of(all[i]);

		assert_true(shares_take(&shares, &key, 10));
		assert_false(shares_take(&shares, &key, 1));
	}
	for (size_t i = 0; i < 4; i++) {
		struct share_key key = share_key_of(all[i]);

		shares_give(&shares, &key, 10);
	}
	shares_done(&shares);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_has_an_eighth_and_others_theirs),
		cmocka_unit_test(all_have_no_more_than_there_is),
		cmocka_unit_test(one_user_has_a_half_however_many_he_is),
		cmocka_unit_test(nobodies_are_told_apart_by_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
