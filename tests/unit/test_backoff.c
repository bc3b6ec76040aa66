#include "tests/unit/unit.h"

#include <stdlib.h>

#include "port17/backoff.h"

static const mono_t never = { 0 };

static mono_t
at(uint64_t ms)
{
	return (mono_t){ (1000000 + ms) * MONO_MS };
}

/* One who asks each millisecond: how often it may. Each try fails at once. */
static unsigned int
tries(struct backoff *backoff, uint64_t from_ms, uint64_t to_ms)
{
	unsigned int n = 0;

	for (uint64_t ms = from_ms; ms < to_ms; ms++) {
		if (!backoff_may(backoff, 7, never, at(ms)))
			continue;
		backoff_failed(backoff, 7, 1, OUTCOME_FAILED, at(ms));
		n++;
	}
	return n;
}

static void
rests_twice_as_long_each_time(void **state)
{
	struct backoff *b = calloc(1, sizeof(*b));

	(void)state;
	/* at 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5; then once a minute */
	assert_int_equal(tries(b, 0, 500), 1);
	assert_int_equal(tries(b, 500, 1500), 1);
	assert_int_equal(tries(b, 1500, 63501), 6);
	assert_int_equal(tries(b, 63501, 3 * 60000 + 63501), 3);
	assert_true(backoff_may(b, 8, never, at(3 * 60000 + 63501)));
	/* nobody asked for so long that it is forgotten */
	assert_int_equal(tries(b, 10 * 60000, 10 * 60000 + 600), 2);
	free(b);
}

static void
many_that_fail_at_once_are_one_failure(void **state)
{
	struct backoff *b = calloc(1, sizeof(*b));

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(backoff_may(b, 7, never, at(0)));
	for (int i = 0; i < 100; i++)
		backoff_failed(b, 7, 1, OUTCOME_FAILED, at(10));
	assert_false(backoff_may(b, 7, never, at(509)));
	assert_true(backoff_may(b, 7, never, at(510)));
	/* the one that tries it is the only one, however long that takes */
	assert_false(backoff_may(b, 7, never, at(511)));
	backoff_failed(b, 7, 1, OUTCOME_FAILED, at(900));
	assert_false(backoff_may(b, 7, never, at(1899)));
	assert_true(backoff_may(b, 7, never, at(1900)));
	free(b);
}

static void
one_that_dies_young_rests_longer(void **state)
{
	struct backoff *b = calloc(1, sizeof(*b));

	(void)state;
	backoff_failed(b, 7, 1, OUTCOME_FAILED, at(0));
	assert_true(backoff_may(b, 7, never, at(500)));
	backoff_up(b, 7, at(510));
	assert_true(backoff_may(b, 7, never, at(511))); /* others, too */
	backoff_failed(b, 7, 1, OUTCOME_FAILED, at(520));
	assert_false(backoff_may(b, 7, never, at(1519)));
	assert_true(backoff_may(b, 7, never, at(1520)));
	backoff_up(b, 7, at(1530));
	backoff_worked(b, 7);
	backoff_failed(b, 7, 1, OUTCOME_FAILED, at(20000));
	assert_true(backoff_may(b, 7, never, at(20500)));
	free(b);
}

static void
who_could_not_reach_it_goes_when_others_do(void **state)
{
	struct backoff *b = calloc(1, sizeof(*b));

	(void)state;
	backoff_failed(b, 7, 1, OUTCOME_TUNNEL_DOWN, at(100));
	backoff_failed(b, 8, 1, OUTCOME_FAILED, at(100));
	assert_false(backoff_may(b, 7, at(99), at(200)));
	assert_true(backoff_may(b, 7, at(150), at(200)));
	assert_true(backoff_may(b, 7, never, at(201)));
	assert_false(backoff_may(b, 8, at(150), at(200)));
	free(b);
}

static void
has_room_for_so_many(void **state)
{
	struct backoff *b = calloc(1, sizeof(*b));

	(void)state;
	for (uint64_t i = 0; i <= BACKOFF_MAX; i++)
		backoff_failed(b, i, 1, OUTCOME_FAILED, at(i));
	assert_int_equal(b->n, BACKOFF_MAX);
	assert_true(backoff_may(b, 0, never, at(300)));
	assert_false(backoff_may(b, 1, never, at(300)));
	assert_false(backoff_may(b, BACKOFF_MAX, never, at(300)));
	free(b);
}

static void
says_what_rests_and_until_when(void **state)
{
	struct backoff *b = calloc(1, sizeof(*b));
	const struct backoff_rest *rest;

	(void)state;
	assert_null(backoff_rest(b, 7, at(0)));
	assert_int_equal(backoff_resting(b, 1, at(0), &rest), 0);
	assert_null(rest);
	backoff_failed(b, 7, 1, OUTCOME_FAILED, at(100));
	backoff_failed(b, 8, 1, OUTCOME_AUTH, at(50));
	backoff_failed(b, 9, 2, OUTCOME_FAILED, at(0));
	rest = backoff_rest(b, 7, at(599));
	assert_non_null(rest);
	assert_int_equal(rest->outcome, OUTCOME_FAILED);
	assert_null(backoff_rest(b, 7, at(600)));
	assert_int_equal(backoff_resting(b, 1, at(549), &rest), 2);
	assert_int_equal(rest->number, 8);
	assert_int_equal(backoff_resting(b, 1, at(550), &rest), 1);
	assert_int_equal(rest->number, 7);
	/* who tries it keeps others away; up, it rests no more */
	assert_true(backoff_may(b, 7, never, at(600)));
	assert_int_equal(backoff_resting(b, 1, at(601), &rest), 1);
	backoff_up(b, 7, at(602));
	assert_int_equal(backoff_resting(b, 1, at(603), &rest), 0);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rests_twice_as_long_each_time),
		cmocka_unit_test(many_that_fail_at_once_are_one_failure),
		cmocka_unit_test(one_that_dies_young_rests_longer),
		cmocka_unit_test(who_could_not_reach_it_goes_when_others_do),
		cmocka_unit_test(has_room_for_so_many),
		cmocka_unit_test(says_what_rests_and_until_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
