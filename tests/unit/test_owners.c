#include "tests/unit/unit.h"

#include <string.h>

#include "src/core/owners.h"

#define AGE (2 * MONO_MS)
#define USER 33

static struct owners owners;

static int
set_up(void **state)
{
	(void)state;
	memset(&owners, 0, sizeof(owners));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	owners_done(&owners);
	return 0;
}

static mono_t
at_ms(uint64_t ms)
{
	return (mono_t){ ms * MONO_MS };
}

static void
see(pid_t pid, uint64_t socket, uint64_t ms)
{
	struct process *proc = process_new(PROCESS_PROGRAM);

	proc->pid = pid;
	owners_put(&owners, socket, USER, proc, at_ms(ms));
	process_unref(proc);
}

/* 0: nobody. */
static pid_t
owner_of(uint64_t socket, uint64_t ms)
{
	const struct process *proc =
	    owners_find(&owners, socket, USER, at_ms(ms), AGE);

	return proc != NULL ? proc->pid : 0;
}

static void
who_was_seen_a_moment_ago_has_it(void **state)
{
	(void)state;
	see(7, 1000, 50);
	see(8, 1001, 51);
	assert_int_equal(owner_of(1000, 52), 7);
	assert_int_equal(owner_of(1000, 53), 0);
	assert_int_equal(owner_of(1001, 53), 8);
	see(9, 1000, 53);
	assert_int_equal(owner_of(1000, 55), 9);
}

static void
another_socket_or_user_is_nobodys(void **state)
{
	(void)state;
	see(7, 1000, 50);
	assert_int_equal(owner_of(1001, 50), 0);
	assert_int_equal(owner_of(1000 + OWNERS_MAX, 50), 0);
	assert_null(owners_find(&owners, 1000, USER + 1, at_ms(50), AGE));
	see(8, 1000 + OWNERS_MAX, 50);
	assert_int_equal(owner_of(1000, 50), 0);
}

static void
one_that_becomes_another_program_is_looked_for(void **state)
{
	(void)state;
	see(7, 1000, 50);
	see(7, 1001, 50);
	see(8, 1002, 50);
	owners_changed(&owners, 7);
	assert_int_equal(owner_of(1000, 50), 0);
	assert_int_equal(owner_of(1001, 50), 0);
	assert_int_equal(owner_of(1002, 50), 8);
}

static void
a_socket_that_was_closed_is_nobodys(void **state)
{
	(void)state;
	see(7, 1000, 50);
	owners_closed(&owners, 1000 + OWNERS_MAX);
	assert_int_equal(owner_of(1000, 50), 7);
	owners_closed(&owners, 1000);
	assert_int_equal(owner_of(1000, 50), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    who_was_seen_a_moment_ago_has_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    another_socket_or_user_is_nobodys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    one_that_becomes_another_program_is_looked_for, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    a_socket_that_was_closed_is_nobodys, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
