#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/runtime.h"

static struct runtime rt;

static int
tear_down(void **state)
{
	(void)state;
	runtime_done(&rt);
	return 0;
}

static unsigned int
add(const char *text, uint64_t end_ms)
{
	unsigned int id = 0;

	assert_int_equal(runtime_add(&rt, text, end_ms, &id), 0);
	return id;
}

static void
the_youngest_rule_stands_first(void **state)
{
	(void)state;
	assert_int_equal(add("accept", 0), 1);
	assert_int_equal(add("block", 0), 2);
	assert_string_equal(rt.v[0].text, "block");
	assert_string_equal(rt.v[1].text, "accept");
}

static void
a_number_is_not_given_twice(void **state)
{
	(void)state;
	add("accept", 0);
	add("block", 0);
	assert_true(runtime_delete(&rt, 2));
	assert_false(runtime_delete(&rt, 2));
	assert_int_equal(add("drop", 0), 3);
	assert_null(runtime_find(&rt, 2));
}

static void
rules_end_by_the_clock_they_are_told(void **state)
{
	(void)state;
	add("accept", 5000);
	add("block", 0);
	add("drop", 3000);
	assert_int_equal(runtime_next_end(&rt), 3000);
	assert_int_equal(runtime_expire(&rt, 2999), 0);
	assert_int_equal(runtime_expire(&rt, 3000), 1);
	assert_int_equal(runtime_next_end(&rt), 5000);
	/* a night asleep later */
	assert_int_equal(runtime_expire(&rt, 30000000), 1);
	assert_int_equal(runtime_next_end(&rt), 0);
	assert_string_equal(rt.v[0].text, "block");
}

static bool
prints(const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct runtime copy;
	bool same;

	assert_int_equal(runtime_copy(&copy, &rt), 0);
	runtime_print(&copy, out);
	fclose(out);
	runtime_done(&copy);
	same = strcmp(text, want) == 0;
	if (!same)
		print_message("%s", text);
	free(text);
	return same;
}

static void
what_is_printed_reads_back(void **state)
{
	struct runtime back;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	add("accept in  exe \"/opt/a b\"", 1234567890123);
	add("block", 0);
	runtime_print(&rt, out);
	fclose(out);
	assert_int_equal(runtime_parse(&back, text, size), 0);
	assert_int_equal(back.n, 2);
	assert_int_equal(back.last_id, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(back.v[i].id, rt.v[i].id);
		assert_int_equal(back.v[i].end_ms, rt.v[i].end_ms);
		assert_string_equal(back.v[i].text, rt.v[i].text);
	}
	free(text);
	runtime_done(&back);
}

static void
bad_lines_are_counted_and_kept(void **state)
{
	static const char text[] = "1 0 block\n"
				   "1 0 accept\n" /* twice */
				   "x 0 accept\n"
				   "2 -1 accept\n"
				   "3\n"
				   "4 0 \n"
				   "\n"
				   "0 0 drop\n"
				   "99999999999 0 drop\n"
				   "7 5 drop";

	(void)state;
	assert_int_equal(runtime_parse(&rt, text, sizeof(text) - 1), 8);
	assert_int_equal(rt.n, 2);
	assert_string_equal(rt.v[0].text, "drop");
	assert_int_equal(add("accept", 0), 8);
	assert_true(prints("1 0 block\n7 5 drop\n8 0 accept\n"
			   "1 0 accept\nx 0 accept\n2 -1 accept\n3\n"
			   "4 0 \n\n0 0 drop\n99999999999 0 drop\n"));
}

static void
merge(const char *text, bool behind)
{
	struct runtime from;

	assert_true(runtime_parse(&from, text, strlen(text)) >= 0);
	assert_int_equal(runtime_merge(&rt, &from, behind), 0);
	runtime_done(&from);
}

/* Rules of a file that could not be read at first. */
static void
what_is_read_late_stands_where_it_belongs(void **state)
{
	(void)state;
	/* a line that was mended */
	assert_int_equal(runtime_parse(&rt, "1 0 a\n2x 0 b\n3 0 c\n", 19), 1);
	merge("1 0 a\n2 0 b\n3 0 c\n", false);
	assert_true(prints("1 0 a\n2 0 b\n3 0 c\n"));
	assert_true(rt.v[1].held);
	assert_false(rt.v[0].held);
	runtime_done(&rt);
	/* the whole file: what was given meanwhile is younger than all of it */
	add("new", 0);
	merge("1 0 a\nzz\n5 0 b\n", true);
	assert_true(prints("6 0 a\n5 0 b\n1 0 new\nzz\n"));
	assert_int_equal(add("newer", 0), 7);
	/* again: nothing comes twice */
	merge("6 0 a\n5 0 b\n1 0 new\n7 0 newer\n", true);
	assert_true(prints("6 0 a\n5 0 b\n1 0 new\n7 0 newer\n"));
	/* and what does not fit is not lost */
	while (rt.n < RUNTIME_MAX)
		add("block", 0);
	merge("2000 0 b\n", true);
	assert_int_equal(rt.n, RUNTIME_MAX);
	assert_int_equal(rt.unread_len, 9);
	assert_memory_equal(rt.unread, "2000 0 b\n", 9);
}

static void
too_much_is_refused(void **state)
{
	unsigned int id;
	char *text = calloc(1, RUNTIME_TEXT_MAX + 2);

	(void)state;
	memset(text, 'x', RUNTIME_TEXT_MAX + 1);
	assert_int_equal(runtime_add(&rt, text, 0, &id), -E2BIG);
	assert_int_equal(runtime_add(&rt, "a\nb", 0, &id), -EINVAL);
	assert_int_equal(runtime_add(&rt, "", 0, &id), -EINVAL);
	free(text);
	for (size_t i = 0; i < RUNTIME_MAX; i++)
		add("block", 0);
	assert_int_equal(runtime_add(&rt, "block", 0, &id), -E2BIG);
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_youngest_rule_stands_first),
		TEST(a_number_is_not_given_twice),
		TEST(rules_end_by_the_clock_they_are_told),
		TEST(what_is_printed_reads_back),
		TEST(bad_lines_are_counted_and_kept),
		TEST(what_is_read_late_stands_where_it_belongs),
		TEST(too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
