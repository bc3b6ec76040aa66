#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/core/ancestors.h"

#define AGE (50 * MONO_MS)

static struct ancestors ancestors;

static int
set_up(void **state)
{
	(void)state;
	memset(&ancestors, 0, sizeof(ancestors));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ancestors_done(&ancestors);
	return 0;
}

static mono_t
at_ms(uint64_t ms)
{
	return (mono_t){ ms * MONO_MS };
}

/* Notes the child of `parent`, which is a child of 1. */
static void
read_child(pid_t parent, uint64_t start, uint64_t ms)
{
	struct process *child = process_new(PROCESS_PROGRAM);

	(void)process_add_parent(child, parent, "/bin/sh", true);
	(void)process_add_parent(child, 1, "/sbin/init", false);
	ancestors_put(&ancestors, parent, start, child, at_ms(ms));
	process_unref(child);
}

static const struct process *
sister(pid_t parent, uint64_t start, uint64_t ms)
{
	return ancestors_find(&ancestors, parent, start, at_ms(ms), AGE);
}

static void
sisters_have_the_same_parents(void **state)
{
	struct process *proc = process_new(PROCESS_PROGRAM);
	const struct process *found;

	(void)state;
	read_child(7, 70, 1000);
	found = sister(7, 70, 1049);
	assert_non_null(found);
	process_join(proc, found);
	assert_int_equal(proc->n_parents, 2);
	assert_int_equal(proc->parents[0].pid, 7);
	assert_string_equal(proc->parents[0].exe, "/bin/sh");
	assert_true(proc->parents[0].exe_here);
	assert_string_equal(proc->parents[1].exe, "/sbin/init");
	assert_false(proc->parents[1].exe_here);
	process_unref(proc);
}

static void
what_is_old_is_not_taken(void **state)
{
	(void)state;
	read_child(7, 70, 1000);
	assert_null(sister(7, 70, 1050));
	read_child(7, 70, 1050);
	assert_non_null(sister(7, 70, 1051));
}

static void
another_process_with_that_pid_is_another_parent(void **state)
{
	(void)state;
	read_child(7, 70, 1000);
	assert_null(sister(7, 71, 1000));
	assert_null(sister(8, 70, 1000));
}

static void
an_exec_of_any_of_them_ends_it(void **state)
{
	(void)state;
	read_child(7, 70, 1000);
	read_child(8, 80, 1000);
	ancestors_changed(&ancestors, 9);
	assert_non_null(sister(7, 70, 1000));
	ancestors_changed(&ancestors, 7);
	assert_null(sister(7, 70, 1000));
	assert_non_null(sister(8, 80, 1000));
	ancestors_changed(&ancestors, 1);
	assert_null(sister(8, 80, 1000));
}

static void
the_oldest_makes_room(void **state)
{
	(void)state;
	for (pid_t i = 0; i <= ANCESTORS_MAX; i++)
		read_child(100 + i, 1, 1000);
	assert_null(sister(100, 1, 1000));
	assert_non_null(sister(101, 1, 1000));
	assert_non_null(sister(100 + ANCESTORS_MAX, 1, 1000));
}

static void
what_is_above_is_for_all_below(void **state)
{
	struct process *of = process_new(PROCESS_PROGRAM);
	const struct ancestry *above;

	(void)state;
	(void)process_add_parent(of, 9, "/bin/sh", true);
	(void)process_add_parent(of, 7, "/usr/bin/make", true);
	ancestors_put(&ancestors, 9, 90, of, at_ms(1000));
	ancestors_put_above(&ancestors, 7, 70, of, at_ms(1000));
	above = ancestors_above(&ancestors, 7, 70, at_ms(1049), AGE);
	assert_non_null(above);
	assert_int_equal(above->of->parents[above->from].pid, 7);
	assert_null(sister(7, 70, 1049)); /* no child of it */
	assert_null(ancestors_above(&ancestors, 7, 70, at_ms(1050), AGE));
	assert_null(ancestors_above(&ancestors, 7, 71, at_ms(1049), AGE));
	above = ancestors_above(&ancestors, 9, 90, at_ms(1049), AGE);
	assert_int_equal(above->of->parents[above->from].pid, 9);
	ancestors_changed(&ancestors, 7);
	assert_null(ancestors_above(&ancestors, 7, 70, at_ms(1000), AGE));
	process_unref(of);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    sisters_have_the_same_parents, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_is_old_is_not_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_is_above_is_for_all_below, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    another_process_with_that_pid_is_another_parent, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    an_exec_of_any_of_them_ends_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    the_oldest_makes_room, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
