#include "tests/unit/unit.h"

#include <string.h>

#include "src/core/history.h"

static struct flow
flow_of(const struct process *p, uint16_t port)
{
	struct flow flow;

	memset(&flow, 0, sizeof(flow));
	flow.process = p;
	flow.key.rport = port;
	return flow;
}

static void
the_last_ones_are_there(void **state)
{
	struct history *history = history_new(3);
	struct process *p = process_new(PROCESS_PROGRAM);

	(void)state;
	assert_int_equal(history_begin(history), 0);
	assert_int_equal(history_end(history), 0);
	assert_null(history_get(history, 0));
	for (uint16_t i = 0; i < 8; i++) {
		struct flow flow = flow_of(p, i);

		history_add(history, &flow);
	}
	assert_int_equal(history_begin(history), 5);
	assert_int_equal(history_end(history), 8);
	for (uint16_t i = 0; i < 10; i++) {
		const struct flow *flow = history_get(history, i);

		assert_true((flow != NULL) == (i >= 5 && i < 8));
		if (flow != NULL)
			assert_int_equal(flow->key.rport, i);
	}
	/* three of them hold it, and we */
	assert_int_equal(p->refs, 4);
	history_free(history);
	assert_int_equal(p->refs, 1);
	process_unref(p);
}

static void
none_may_be_kept(void **state)
{
	struct history *history = history_new(0);
	struct process *p = process_new(PROCESS_PROGRAM);
	struct flow flow = flow_of(p, 1);

	(void)state;
	history_add(history, &flow);
	assert_null(history_get(history, 0));
	assert_int_equal(history_begin(history), history_end(history));
	history_free(history);
	process_unref(p);
}

static void
bytes_are_those_of_one_entry(void **state)
{
	struct flow flow = { .first = { 1 } };
	struct flow_bytes more;

	(void)state;
	more = flow_count_bytes(&flow, 7, &(struct flow_bytes){ 100, 10 });
	assert_int_equal(more.in, 100);
	assert_int_equal(more.out, 10);
	more = flow_count_bytes(&flow, 7, &(struct flow_bytes){ 150, 10 });
	assert_int_equal(more.in, 50);
	assert_int_equal(more.out, 0);
	/* never back */
	more = flow_count_bytes(&flow, 7, &(struct flow_bytes){ 140, 10 });
	assert_int_equal(more.in, 0);
	/* the same ends, another connection */
	more = flow_count_bytes(&flow, 8, &(struct flow_bytes){ 30, 40 });
	assert_int_equal(more.in, 30);
	assert_int_equal(more.out, 40);
	assert_int_equal(flow.bytes_in, 30);
	assert_true(flow.counted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_ones_are_there),
		cmocka_unit_test(none_may_be_kept),
		cmocka_unit_test(bytes_are_those_of_one_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
