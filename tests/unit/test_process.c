#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/core/process.h"

static void
new_process_has_empty_strings(void **state)
{
	struct process *p = process_new(PROCESS_UNKNOWN);

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->kind, PROCESS_UNKNOWN);
	assert_string_equal(p->exe, "");
	assert_string_equal(p->cmd, "");
	assert_string_equal(p->comm, "");
	assert_string_equal(p->user, "");
	assert_string_equal(p->unit, "");
	assert_string_equal(p->cgroup, "");
	process_unref(p);
}

static void
last_reference_frees(void **state)
{
	struct process *p = process_new(PROCESS_PROGRAM);
	const struct process *second = process_ref(p);

	(void)state;
	assert_ptr_equal(second, p);
	process_unref(p);
	/* still there: the sanitizer tells otherwise */
	assert_int_equal(second->refs, 1);
	process_unref(second);
	assert_null(process_ref(NULL));
	process_unref(NULL);
}

static void
set_copies_and_ends_at_nul(void **state)
{
	struct process *p = process_new(PROCESS_PROGRAM);
	char text[] = "abc\0def";

	(void)state;
	assert_int_equal(process_set(&p->exe, text, 7), 0);
	text[0] = 'x';
	assert_string_equal(p->exe, "abc");
	assert_int_equal(process_set(&p->exe, "longer one", 6), 0);
	assert_string_equal(p->exe, "longer");
	process_unref(p);
}

/* … which no process owns; the sanitizer tells otherwise. */
static void
strings_become_empty_and_are_taken(void **state)
{
	struct process *p = process_new(PROCESS_PROGRAM);

	(void)state;
	process_take(&p->cmd, strdup("ls -l"));
	assert_string_equal(p->cmd, "ls -l");
	process_take(&p->cmd, strdup("ls"));
	assert_string_equal(p->cmd, "ls");
	assert_int_equal(process_set(&p->cmd, "", 0), 0);
	assert_string_equal(p->cmd, "");
	assert_int_equal(process_set(&p->unit, "\0x", 2), 0);
	assert_string_equal(p->unit, "");
	assert_int_equal(process_set(&p->unit, "a", 1), 0);
	assert_string_equal(p->unit, "a");
	process_unref(p);
}

static struct process *
sample(void)
{
	struct process *p = process_new(PROCESS_PROGRAM);

	p->pid = 7;
	p->start = 9;
	p->uid = 1000;
	assert_int_equal(process_add_parent(p, 3, "/bin/sh", false), 0);
	assert_int_equal(process_set(&p->exe, "/bin/cat", 8), 0);
	return p;
}

/* The sister may be gone long before; the sanitizer tells what is freed twice,
 * or not at all. */
static void
sisters_have_in_memory_once_what_is_alike(void **state)
{
	struct process *first = sample(), *second = sample();
	struct process *third = sample();
	struct process *later[] = { second, third };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		free(later[i]->parents[0].exe);
		later[i]->n_parents = 0;
	}
	assert_int_equal(process_set(&first->cmd, "cat a", 5), 0);
	assert_int_equal(process_set(&second->cmd, "cat b", 5), 0);
	assert_int_equal(process_set(&third->cmd, "cat a", 5), 0);
	assert_int_equal(process_set(&third->unit, "a.service", 9), 0);
	process_join(second, first);
	assert_ptr_equal(second->exe, first->exe);
	assert_ptr_equal(second->parents[0].exe, first->parents[0].exe);
	assert_string_equal(second->cmd, "cat b");
	process_unref(first);
	process_join(third, second);
	process_unref(second);
	assert_string_equal(third->exe, "/bin/cat");
	assert_string_equal(third->cmd, "cat a");
	assert_string_equal(third->unit, "a.service");
	assert_string_equal(third->script, "");
	assert_int_equal(third->n_parents, 1);
	assert_int_equal(third->parents[0].pid, 3);
	assert_string_equal(third->parents[0].exe, "/bin/sh");
	process_unref(third);
}

static void
what_a_sister_has_is_not_set_twice(void **state)
{
	struct process *first = sample(), *second, *alone;

	(void)state;
	assert_int_equal(process_set(&first->cmd, "cat a", 5), 0);
	process_take(&first->script, strdup("")); /* not what others have */
	second = process_new(PROCESS_PROGRAM);
	process_join(second, first);
	assert_int_equal(
	    process_set_lent(second, &second->exe, "/bin/cat", 8), 0);
	assert_ptr_equal(second->exe, first->exe);
	/* a part of it, and more than it, are others */
	assert_int_equal(process_set_lent(second, &second->cmd, "cat", 3), 0);
	assert_string_equal(second->cmd, "cat");
	assert_int_equal(
	    process_set_lent(second, &second->cmd, "cat a b", 7), 0);
	assert_string_equal(second->cmd, "cat a b");
	assert_int_equal(
	    process_set_lent(second, &second->cmd, "cat a\0b", 7), 0);
	assert_ptr_equal(second->cmd, first->cmd);
	assert_int_equal(process_set_lent(second, &second->script, "/x", 2), 0);
	assert_int_equal(process_set_lent(second, &second->unit, "", 0), 0);
	assert_string_equal(second->unit, "");
	process_unref(first);
	assert_string_equal(second->exe, "/bin/cat");
	assert_string_equal(second->script, "/x");
	process_unref(second);
	alone = process_new(PROCESS_PROGRAM);
	assert_int_equal(process_set_lent(alone, &alone->cmd, "ls", 2), 0);
	assert_string_equal(alone->cmd, "ls");
	process_unref(alone);
}

static void
a_twin_differs_in_its_numbers_alone(void **state)
{
	struct process *first = sample(), *joined = sample(), *twin;

	(void)state;
	free(joined->parents[0].exe);
	joined->n_parents = 0;
	process_join(joined, first);
	process_unref(first);
	assert_int_equal(process_set_lent(joined, &joined->cmd, "b", 1), 0);
	twin = process_twin(joined, 8, 10);
	process_unref(joined);
	assert_int_equal(twin->pid, 8);
	assert_int_equal(twin->start, 10);
	assert_int_equal(twin->uid, 1000);
	assert_string_equal(twin->exe, "/bin/cat");
	assert_string_equal(twin->cmd, "b");
	assert_int_equal(twin->n_parents, 1);
	assert_string_equal(twin->parents[0].exe, "/bin/sh");
	process_unref(twin);
}

static struct process *
begun_by(pid_t pid, const char *exe, const char *parents)
{
	struct process *p = process_new(PROCESS_PROGRAM);

	p->pid = pid;
	assert_int_equal(process_set(&p->exe, exe, strlen(exe)), 0);
	for (; *parents != '\0'; parents++) {
		static const char *const exes[] = { "", "/sbin/init",
			"/sbin/init", "/bin/sh", "/bin/proxy" };
		int n = *parents - '0';

		assert_int_equal(process_add_parent(p, n, exes[n], true), 0);
	}
	return p;
}

/* 1 is init, 2 a user's, 3 a shell, 4 a proxy. */
static void
kin_is_who_does_the_same_work(void **state)
{
	static const struct {
		const char *name;
		pid_t listener;
		const char *listener_by; /* NULL: its pid alone is known */
		pid_t pid;
		const char *exe, *by;
		bool kin;
	} rows[] = {
		{ "itself", 4, NULL, 4, "/bin/proxy", "21", true },
		{ "its worker", 4, NULL, 7, "/bin/proxy", "421", true },
		{ "its helper", 4, NULL, 7, "/bin/helper", "421", true },
		{ "two workers", 8, "421", 7, "/bin/proxy", "421", true },
		{ "two of a shell's", 8, "321", 7, "/bin/proxy", "321", false },
		{ "a shell's", 3, NULL, 7, "/bin/curl", "321", true },
		{ "init's", 1, NULL, 7, "/bin/curl", "321", false },
		{ "a user's init's", 2, NULL, 7, "/bin/curl", "321", false },
		{ "init is a proxy", 1, NULL, 7, "/sbin/init", "1", true },
		{ "a stranger", 9, NULL, 7, "/bin/curl", "321", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct process *listener = begun_by(rows[i].listener,
		    rows[i].listener_by != NULL ? "/bin/proxy" : "",
		    rows[i].listener_by != NULL ? rows[i].listener_by : "");
		struct process *proc =
		    begun_by(rows[i].pid, rows[i].exe, rows[i].by);

		row_true(rows[i].name,
		    process_is_kin(listener, proc) == rows[i].kin);
		process_unref(listener);
		process_unref(proc);
	}
}

static void
kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(process_kind_name(PROCESS_PROGRAM), "program");
	assert_string_equal(process_kind_name(PROCESS_KERNEL), "kernel");
	assert_string_equal(process_kind_name(PROCESS_UNKNOWN), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_process_has_empty_strings),
		cmocka_unit_test(last_reference_frees),
		cmocka_unit_test(set_copies_and_ends_at_nul),
		cmocka_unit_test(strings_become_empty_and_are_taken),
		cmocka_unit_test(sisters_have_in_memory_once_what_is_alike),
		cmocka_unit_test(what_a_sister_has_is_not_set_twice),
		cmocka_unit_test(a_twin_differs_in_its_numbers_alone),
		cmocka_unit_test(kin_is_who_does_the_same_work),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
