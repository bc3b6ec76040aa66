#include "tests/unit/unit.h"

#include <stdio.h>

#include "src/core/repeats.h"

/* What is said of what happens again and again. */

static mono_t
at(uint64_t ms)
{
	return (mono_t){ 1000 * MONO_S + ms * MONO_MS };
}

/* How much is said of one that has two texts. */
static unsigned int
happens(struct repeats *repeats, const char *a, const char *b, uint64_t ms)
{
	unsigned int n;

	repeats_begin(repeats, at(ms));
	n = repeats_is_new(repeats, a);
	n += repeats_is_new(repeats, b);
	repeats_end(repeats, at(ms));
	return n;
}

static void
a_storm_is_said_once_and_summed_up(void **state)
{
	struct repeats repeats = { .n = 0 };
	uint64_t sum = 0, lines = 0;

	(void)state;
	assert_int_equal(happens(&repeats, "nat", "filter", 0), 2);
	assert_int_equal(happens(&repeats, "nat", "mangle", 5), 1);
	for (uint64_t ms = 10; ms < 25000; ms += 10) {
		uint64_t n;

		assert_int_equal(happens(&repeats, "nat", "mangle", ms), 0);
		n = repeats_sum(&repeats, at(ms));
		sum += n;
		lines += n > 0;
	}
	assert_int_equal(lines, 2);
	sum += repeats_sum(&repeats, at(40000));
	assert_int_equal(sum, 2499);
	assert_int_equal(repeats_sum(&repeats, at(60000)), 0);
}

static void
one_after_a_while_is_said_whole(void **state)
{
	struct repeats repeats = { .n = 0 };

	(void)state;
	assert_int_equal(happens(&repeats, "nat", "filter", 0), 2);
	assert_int_equal(happens(&repeats, "nat", "filter", 9000), 0);
	assert_int_equal(happens(&repeats, "nat", "filter", 18999), 0);
	assert_int_equal(happens(&repeats, "nat", "filter", 28999), 2);
}

static void
texts_without_end_are_no_lines_without_end(void **state)
{
	struct repeats repeats = { .n = 0 };
	unsigned int said = 0;
	char text[16];

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "%u", i); /* fits */
		said += happens(&repeats, text, "nat", i);
	}
	assert_int_equal(said, REPEATS_TEXTS);
	assert_int_equal(
	    repeats_sum(&repeats, at(60000)), 1000 - (REPEATS_TEXTS - 1));
}

/* How much is said by a look that finds these. */
static unsigned int
finds(struct standing *standing, const char *a, const char *b, const char *c)
{
	unsigned int n = standing_is_new(standing, a);

	n += b != NULL && standing_is_new(standing, b);
	n += c != NULL && standing_is_new(standing, c);
	return n;
}

static void
what_stands_is_said_once(void **state)
{
	struct standing standing = { .n = 0 };

	(void)state;
	assert_int_equal(finds(&standing, "A", "pass", "pass"), 2);
	standing_end(&standing, true);
	assert_int_equal(finds(&standing, "A", NULL, NULL), 0);
	standing_end(&standing, true);
	assert_int_equal(finds(&standing, "A", "pass", NULL), 1);
	standing_end(&standing, true);
	/* a look that was none */
	standing_end(&standing, false);
	assert_int_equal(finds(&standing, "A", "pass", "B"), 1);
	standing_end(&standing, true);
	standing_end(&standing, true);
	assert_int_equal(finds(&standing, "A", "pass", "B"), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_storm_is_said_once_and_summed_up),
		cmocka_unit_test(one_after_a_while_is_said_whole),
		cmocka_unit_test(what_stands_is_said_once),
		cmocka_unit_test(texts_without_end_are_no_lines_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
