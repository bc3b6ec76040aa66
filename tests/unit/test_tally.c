#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "src/core/tally.h"

static struct stats stats;

static struct process *
program(pid_t pid, uint64_t start, uint64_t ino)
{
	struct process *p = process_new(PROCESS_PROGRAM);

	assert_non_null(p);
	p->pid = pid;
	p->start = start;
	p->exe_ino = ino;
	return p;
}

static struct flow
flow_of(const struct process *p, uint8_t last, enum action action)
{
	struct flow flow;

	memset(&flow, 0, sizeof(flow));
	flow.process = p;
	flow.decision.action = action;
	flow.key.remote = addr_ip4((const uint8_t[]){ 192, 0, 2, last });
	return flow;
}

static void
decisions_are_summed_up_by_process(void **state)
{
	struct tally *tally = tally_new(16, &stats);
	struct process *a = program(10, 1, 5), *b = program(11, 1, 5);
	struct flow flow = flow_of(a, 1, ACTION_ACCEPT);
	const struct tally_row *row;

	(void)state;
	tally_judged(tally, &flow, NULL, (mono_t){ 1 });
	flow.decision.action = ACTION_BLOCK;
	tally_judged(tally, &flow, NULL, (mono_t){ 2 });
	flow.process = b;
	tally_judged(tally, &flow, NULL, (mono_t){ 3 });
	assert_int_equal(tally_n_processes(tally), 2);
	row = tally_process_older(tally, NULL);
	assert_ptr_equal(row->process, b);
	row = tally_process_older(tally, row);
	assert_ptr_equal(row->process, a);
	assert_int_equal(row->flows, 2);
	assert_int_equal(row->verdicts[ACTION_ACCEPT], 1);
	assert_int_equal(row->verdicts[ACTION_BLOCK], 1);
	assert_int_equal(row->first.ns, 1);
	assert_int_equal(row->last.ns, 2);
	assert_null(tally_process_older(tally, row));
	tally_free(tally);
	process_unref(a);
	process_unref(b);
}

static void
another_start_or_file_is_another_process(void **state)
{
	struct tally *tally = tally_new(16, &stats);
	struct process *p[] = { program(10, 1, 5), program(10, 2, 5),
		program(10, 1, 6), process_new(PROCESS_KERNEL) };

	(void)state;
	for (size_t i = 0; i < N_ROWS(p); i++) {
		struct flow flow = flow_of(p[i], 1, ACTION_DROP);

		tally_judged(tally, &flow, NULL, (mono_t){ i });
	}
	assert_int_equal(tally_n_processes(tally), 4);
	assert_int_equal(tally_n_hosts(tally), 1);
	tally_free(tally);
	for (size_t i = 0; i < N_ROWS(p); i++)
		process_unref(p[i]);
}

static void
hosts_are_names_or_addresses(void **state)
{
	struct tally *tally = tally_new(16, &stats);
	struct process *p = program(10, 1, 5);
	struct flow flow = flow_of(p, 1, ACTION_ACCEPT);
	const struct tally_row *row;
	char buf[ADDR_STRLEN];

	(void)state;
	tally_judged(tally, &flow, "example.com", (mono_t){ 1 });
	tally_judged(tally, &flow, NULL, (mono_t){ 2 });
	tally_bytes(tally, &flow, NULL, 100, 7);
	tally_bytes(tally, &flow, NULL, 1, 1);
	row = tally_host_older(tally, NULL);
	assert_string_equal(tally_host(row, buf), "192.0.2.1");
	assert_int_equal(row->bytes_in, 101);
	assert_int_equal(row->bytes_out, 8);
	row = tally_host_older(tally, row);
	assert_string_equal(tally_host(row, buf), "example.com");
	assert_int_equal(row->bytes_in, 0);
	row = tally_process_older(tally, NULL);
	assert_int_equal(row->bytes_in, 101);
	assert_int_equal(row->flows, 2);
	tally_free(tally);
	process_unref(p);
}

static void
the_quiet_make_room_but_not_while_they_are_shown(void **state)
{
	struct tally *tally = tally_new(4, &stats);
	const struct tally_row *shown = NULL;

	(void)state;
	for (uint8_t i = 0; i < 100; i++) {
		struct process *p = program(10 + i, 1, 5);
		struct flow flow = flow_of(p, i, ACTION_ACCEPT);

		tally_judged(tally, &flow, NULL, (mono_t){ i });
		process_unref(p);
		if (i == 0)
			shown = tally_row_ref(tally_process_older(tally, NULL));
	}
	assert_int_equal(tally_n_processes(tally), 4);
	assert_int_equal(tally_n_hosts(tally), 4);
	assert_int_equal(stats.sums_evicted, 192);
	assert_int_equal(shown->process->pid, 10);
	tally_free(tally);
	assert_int_equal(shown->process->pid, 10);
	tally_row_unref(shown);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions_are_summed_up_by_process),
		cmocka_unit_test(another_start_or_file_is_another_process),
		cmocka_unit_test(hosts_are_names_or_addresses),
		cmocka_unit_test(
		    the_quiet_make_room_but_not_while_they_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
