#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <string.h>

#include "src/core/flow.h"
#include "tests/unit/wire.h"

#define MAX 4

static const mono_t now = { 1000 };
static struct flow_table *table;

static int
set_up(void **state)
{
	(void)state;
	table = flow_table_new(MAX);
	return table != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	flow_table_free(table);
	return 0;
}

static struct flow *
put(uint8_t proto, uint16_t lport, uint64_t inode)
{
	const struct packet_tuple t = { .src = wire_addr("10.9.0.1"),
		.dst = wire_addr("192.0.2.7"),
		.sport = lport,
		.dport = 53,
		.proto = proto,
		.has_ports = true };
	struct flow_key key = flow_key_of(&t, false);
	bool evicted;
	struct flow *flow = flow_get(table, &key, now, &evicted);

	assert_non_null(flow);
	flow_set_socket(table, flow, inode);
	return flow;
}

static void
nothing_is_closed_that_was_not(void **state)
{
	(void)state;
	put(IPPROTO_UDP, 1, 7);
	assert_null(flow_closed_next(table));
	flow_closed(table, 8, now);
	flow_closed(table, 7 + 4096, now); /* in the same ring */
	assert_null(flow_closed_next(table));
}

static void
all_flows_of_a_closed_socket_are_given_once(void **state)
{
	struct flow *a = put(IPPROTO_UDP, 1, 7), *b = put(IPPROTO_UDP, 2, 7);
	const struct flow *first, *second;

	(void)state;
	put(IPPROTO_UDP, 3, 9);
	flow_closed(table, 7, now);
	first = flow_closed_next(table);
	second = flow_closed_next(table);
	assert_true((first == a && second == b) || (first == b && second == a));
	assert_null(flow_closed_next(table));
	flow_closed(table, 7, now);
	assert_null(flow_closed_next(table));
}

/* A connection ends by itself, and one without a socket can't. */
static void
only_datagrams_of_a_socket_count(void **state)
{
	(void)state;
	put(IPPROTO_TCP, 1, 7);
	put(IPPROTO_UDP, 2, 0);
	flow_closed(table, 7, now);
	flow_closed(table, 0, now);
	assert_null(flow_closed_next(table));
}

static void
who_took_the_port_meanwhile_is_left_alone(void **state)
{
	struct flow *flow = put(IPPROTO_UDP, 1, 7);

	(void)state;
	flow_closed(table, 7, now);
	flow_set_socket(table, flow, 8);
	assert_null(flow_closed_next(table));
	flow_closed(table, 8, now);
	assert_ptr_equal(flow_closed_next(table), flow);
}

/* The answer to a query that came since needs its entry. */
static void
who_asks_after_a_close_is_told(void **state)
{
	struct flow *before = put(IPPROTO_UDP, 1, 7);
	struct flow *since = put(IPPROTO_UDP, 2, 7);

	(void)state;
	before->asked = now;
	since->asked = mono_add(now, 2);
	flow_closed(table, 7, mono_add(now, 1));
	assert_false(before->asks);
	assert_true(since->asks);
	flow_set_socket(table, since, 8);
	flow_closed(table, 8, mono_add(now, 3));
	assert_false(since->asks);
}

static void
what_was_forgotten_is_not_given(void **state)
{
	struct flow *flow = put(IPPROTO_UDP, 1, 7);

	(void)state;
	flow_closed(table, 7, now);
	flow_forget(table, flow);
	put(IPPROTO_UDP, 2, 9);
	flow_closed(table, 9, now);
	for (uint16_t port = 3; port < 3 + MAX; port++) /* it makes room */
		put(IPPROTO_UDP, port, 10);
	assert_null(flow_closed_next(table));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    nothing_is_closed_that_was_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    all_flows_of_a_closed_socket_are_given_once, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    only_datagrams_of_a_socket_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    who_took_the_port_meanwhile_is_left_alone, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    who_asks_after_a_close_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_was_forgotten_is_not_given, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
