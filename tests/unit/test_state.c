#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/state.h"
#include "tests/unit/own_folder.h"

/* What of the rules outlives the daemon. */

static int
set_up(void **state)
{
	(void)state;
	return own_folder();
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink("rules");
	(void)rmdir("taken");
	return own_folder_gone();
}

static void
rules_outlive_the_daemon(void **state)
{
	struct runtime rules = { .v = NULL }, back;
	unsigned int id;

	(void)state;
	assert_int_equal(state_load_runtime(&back, "rules"), 0);
	assert_int_equal(back.n, 0); /* there is no file yet */
	assert_int_equal(runtime_add(&rules, "block", 0, &id), 0);
	assert_int_equal(runtime_add(&rules, "accept in", 77, &id), 0);
	assert_int_equal(state_save_runtime(&rules, "rules"), 0);
	assert_int_equal(state_load_runtime(&back, "rules"), 0);
	assert_int_equal(back.n, 2);
	assert_string_equal(back.v[0].text, "accept in");
	assert_int_equal(back.v[0].end_ms, 77);
	runtime_done(&back);
	runtime_done(&rules);
}

/* What could be read of a damaged one is there, and the rest is told. */
static void
damage_is_told(void **state)
{
	struct accounts accounts;
	FILE *out = fopen("rules", "w");

	(void)state;
	fputs("user 7 eve\nuser seven adam\n", out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(state_load_accounts(&accounts, "rules"), 1);
	assert_int_equal(accounts.n, 1);
	accounts_done(&accounts);
}

/* Nothing is loaded, and what is to be freed is nothing. */
static void
a_file_that_cannot_be_read_is_an_error(void **state)
{
	struct runtime rules;
	struct accounts accounts;

	(void)state;
	assert_int_equal(mkdir("taken", 0700), 0);
	assert_int_equal(state_load_runtime(&rules, "taken"), -EISDIR);
	assert_null(rules.v);
	assert_int_equal(state_load_accounts(&accounts, "taken"), -EISDIR);
	assert_null(accounts.v);
	assert_int_equal(truncate("rules", 40 << 20), 0);
	assert_int_equal(state_load_runtime(&rules, "rules"), -EFBIG);
	assert_null(rules.v);
}

/* And nothing of what was tried stays: see own_folder_gone(). */
static void
a_file_that_cannot_be_written_is_an_error(void **state)
{
	const struct accounts none = { .v = NULL };

	(void)state;
	assert_int_equal(state_save_accounts(&none, "taken"), -EISDIR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_outlive_the_daemon),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
		cmocka_unit_test(a_file_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
