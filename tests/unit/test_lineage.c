#include "tests/unit/unit.h"

#include <string.h>

#include "src/core/lineage.h"

#define MAX 8
#define GONE_MAX 3

static struct lineage *lineage;

static int
set_up(void **state)
{
	(void)state;
	lineage = lineage_new(MAX, GONE_MAX);
	return lineage != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	lineage_free(lineage);
	return 0;
}

static void
born(pid_t pid, pid_t parent, uint64_t exec)
{
	struct fork child = { .pid = pid,
		.ppid = parent,
		.from = parent,
		.start = (uint64_t)pid,
		.pstart = (uint64_t)parent,
		.from_start = (uint64_t)parent,
		.exec = exec };

	assert_int_equal(lineage_fork(lineage, &child), 0);
}

static void
becomes(pid_t pid, uint64_t exec, const char *path, size_t len)
{
	struct exec program = { .pid = pid,
		.ppid = 1,
		.start = (uint64_t)pid,
		.pstart = 1,
		.exec = exec,
		.exe_ino = exec,
		.path = path,
		.path_len = len,
		.args = "a\0b",
		.args_len = 4 };

	assert_int_equal(lineage_exec(lineage, &program), 0);
}

static void
names_become_a_path(void **state)
{
	static const struct {
		const char *name;
		const char *names;
		size_t len;
		bool deleted;
		const char *path;
	} rows[] = {
		{ "three", "curl\0bin\0usr", 13, false, "/usr/bin/curl" },
		{ "one", "init", 5, false, "/init" },
		{ "none", "", 0, false, "" },
		{ "none, deleted", "", 0, true, "" },
		{ "deleted", "curl\0bin", 9, true, "/bin/curl (deleted)" },
		{ "empty name", "\0bin", 5, false, "/bin/" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct exec program = { .pid = 5,
			.start = i,
			.exec = 1,
			.path = rows[i].names,
			.path_len = rows[i].len,
			.deleted = rows[i].deleted,
			.args = "" };
		const struct kin *kin;

		assert_int_equal(lineage_exec(lineage, &program), 0);
		kin = lineage_find(lineage, 5, i);
		row_true(rows[i].name, kin != NULL);
		row_true(rows[i].name,
		    strcmp(kin_image(kin, 1)->exe, rows[i].path) == 0);
	}
}

static void
a_child_is_what_its_parent_was(void **state)
{
	const struct kin *kin;

	(void)state;
	becomes(10, 3, "sh", 3);
	born(11, 10, 3);
	becomes(10, 4, "ls", 3); /* the parent goes on */
	kin = lineage_find(lineage, 11, 11);
	assert_int_equal(kin->ppid, 10);
	assert_string_equal(kin_image(kin, 3)->exe, "/sh");
	assert_null(kin_image(kin, 4));
	/* one of a parent that is not known */
	born(12, 99, 1);
	assert_null(kin_image(lineage_find(lineage, 12, 12), 1));
}

/* becomes() says 1: by then somebody else may have it. */
static void
who_started_it_stays_its_parent(void **state)
{
	const struct kin *kin;

	(void)state;
	born(11, 10, 3);
	lineage_exit(lineage, 10, 10);
	becomes(11, 4, "ls", 3);
	kin = lineage_find(lineage, 11, 11);
	assert_int_equal(kin->ppid, 10);
	assert_int_equal(kin->pstart, 10);
	/* that was not seen */
	becomes(12, 4, "ls", 3);
	assert_int_equal(lineage_find(lineage, 12, 12)->ppid, 1);
}

static void
what_a_process_was_before_is_kept_for_a_while(void **state)
{
	const struct kin *kin;

	(void)state;
	for (uint64_t exec = 1; exec <= KIN_IMAGES + 1; exec++)
		becomes(10, exec, exec % 2 == 1 ? "odd" : "even",
		    exec % 2 == 1 ? 4 : 5);
	kin = lineage_find(lineage, 10, 10);
	assert_int_equal(kin->images[0].exec, KIN_IMAGES + 1);
	assert_null(kin_image(kin, 1));
	assert_string_equal(kin_image(kin, 3)->exe, "/odd");
	assert_int_equal(kin_image(kin, 3)->args_len, 4);
	assert_memory_equal(kin_image(kin, 3)->args, "a\0b", 4);
}

static void
another_process_with_the_pid_is_another(void **state)
{
	(void)state;
	becomes(10, 1, "sh", 3);
	assert_null(lineage_find(lineage, 10, 11));
	assert_non_null(lineage_find(lineage, 10, 10));
	becomes(25, 1, "ls", 3);
	assert_ptr_equal(lineage_find_about(lineage, 25, 2, 10),
	    lineage_find(lineage, 25, 25));
	assert_null(lineage_find_about(lineage, 25, 3, 10));
	assert_null(lineage_find_about(lineage, 25, 25, 10));
}

static void
the_table_is_bounded(void **state)
{
	(void)state;
	becomes(1, 1, "init", 5);
	for (pid_t pid = 2; pid < 5 * MAX; pid++) {
		born(pid, pid - 1, 1);
		assert_non_null(lineage_find(lineage, 1, 1)); /* in use */
		assert_true(lineage_count(lineage) <= MAX);
	}
	assert_null(lineage_find(lineage, 2, 2));
	assert_string_equal(
	    kin_image(lineage_find(lineage, 5 * MAX - 1, 5 * MAX - 1), 1)->exe,
	    "/init");
}

static void
those_that_are_gone_make_room_first(void **state)
{
	(void)state;
	for (pid_t pid = 1; pid <= MAX; pid++)
		becomes(pid, 1, "sh", 3);
	lineage_exit(lineage, 5, 5);
	lineage_exit(lineage, 99, 99); /* never heard of */
	assert_non_null(lineage_find(lineage, 5, 5));
	becomes(20, 1, "sh", 3);
	assert_null(lineage_find(lineage, 5, 5));
	assert_int_equal(lineage_evicted(lineage), 0);
	/* all live: the one heard of longest ago */
	becomes(21, 1, "sh", 3);
	assert_null(lineage_find(lineage, 1, 1));
	assert_int_equal(lineage_evicted(lineage), 1);
}

static void
those_that_are_gone_are_few(void **state)
{
	(void)state;
	for (pid_t pid = 1; pid <= MAX; pid++) {
		becomes(pid, 1, "sh", 3);
		lineage_exit(lineage, pid, (uint64_t)pid);
		lineage_exit(lineage, pid, (uint64_t)pid);
		assert_true(lineage_count(lineage) <= GONE_MAX);
	}
	assert_non_null(lineage_find(lineage, MAX, MAX));
	assert_non_null(lineage_find(lineage, MAX - 2, MAX - 2));
	assert_null(lineage_find(lineage, 1, 1));
}

/* Its end was lost. */
static void
who_had_the_pid_before_is_gone(void **state)
{
	struct fork child = { .pid = 5, .from = 1, .start = 500, .exec = 1 };

	(void)state;
	for (pid_t pid = 1; pid <= MAX; pid++)
		becomes(pid, 1, "sh", 3);
	child.start = 3; /* told late */
	assert_int_equal(lineage_fork(lineage, &child), 0);
	assert_false(lineage_find(lineage, 5, 5)->gone);
	child.start = 500;
	assert_int_equal(lineage_fork(lineage, &child), 0);
	assert_true(lineage_find(lineage, 5, 5)->gone);
	assert_false(lineage_find(lineage, 5, 500)->gone);
	assert_int_equal(lineage_find_living(lineage, 5)->start, 500);
	lineage_exit(lineage, 5, 500);
	assert_null(lineage_find_living(lineage, 5));
}

static void
a_birth_that_is_told_again_changes_nothing(void **state)
{
	struct fork child = {
		.pid = 20, .start = 20, .from = 5, .from_start = 5, .exec = 1
	};

	(void)state;
	becomes(5, 1, "sh", 3);
	assert_int_equal(lineage_fork(lineage, &child), 0);
	child.from = 6; /* of whom nothing is known */
	assert_int_equal(lineage_fork(lineage, &child), 0);
	assert_string_equal(
	    kin_image(lineage_find(lineage, 20, 20), 1)->exe, "/sh");
	becomes(20, 2, "ls", 3);
	assert_int_equal(lineage_fork(lineage, &child), 0);
	assert_int_equal(lineage_find(lineage, 20, 20)->images[0].exec, 2);
}

static void
what_is_told_twice_counts_once(void **state)
{
	const struct kin *kin;

	(void)state;
	for (int i = 0; i < KIN_IMAGES + 1; i++)
		becomes(10, 1, "sh", 3);
	becomes(10, 1, "dig", 4); /* without an exec: it only says so */
	becomes(10, 2, "ls", 3);
	kin = lineage_find(lineage, 10, 10);
	assert_string_equal(kin_image(kin, 1)->exe, "/sh");
	assert_null(kin->images[2].image);
	/* also of a child, of whom its parent's program was not known */
	born(12, 99, 7);
	becomes(12, 7, "cat", 4);
	kin = lineage_find(lineage, 12, 12);
	assert_string_equal(kin_image(kin, 7)->exe, "/cat");
	assert_null(kin->images[1].image);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* By the ring of what is sent, behind what came by the ring of births. */
static void
what_is_told_late_changes_nothing(void **state)
{
	const struct kin *kin;

	(void)state;
	becomes(5, 7, "evil\0home", 10);
	becomes(5, 8, "next\0bin", 9);
	becomes(5, 7, "allowed\0bin", 12);
	kin = lineage_find(lineage, 5, 5);
	assert_int_equal(kin->images[0].exec, 8);
	assert_string_equal(kin->images[0].image->exe, "/bin/next");
	assert_string_equal(kin_image(kin, 7)->exe, "/home/evil");
	becomes(5, 6, "allowed\0bin", 12); /* not even known */
	kin = lineage_find(lineage, 5, 5);
	assert_int_equal(kin->images[0].exec, 8);
	assert_null(kin_image(kin, 6));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_become_a_path),
		TEST(a_child_is_what_its_parent_was),
		TEST(who_started_it_stays_its_parent),
		TEST(what_a_process_was_before_is_kept_for_a_while),
		TEST(another_process_with_the_pid_is_another),
		TEST(the_table_is_bounded),
		TEST(those_that_are_gone_make_room_first),
		TEST(those_that_are_gone_are_few),
		TEST(who_had_the_pid_before_is_gone),
		TEST(a_birth_that_is_told_again_changes_nothing),
		TEST(what_is_told_twice_counts_once),
		TEST(what_is_told_late_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
