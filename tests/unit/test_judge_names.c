#include "tests/unit/judging.h"

#include "src/core/names.h"

/* The judge and the names of addresses. */

static struct names *names;

static int
set_up_names(void **state)
{
	names = names_new(100, &stats);
	return set_up(state) != 0 || names == NULL;
}

static int
tear_down_names(void **state)
{
	int r = tear_down(state);

	names_free(names);
	return r;
}

static void
learn(const struct process *proc, const char *name)
{
	struct name n = name_of(name);
	struct addr there = wire_addr(THERE);

	judge_set_names(judge, names);
	names_learn(names, proc, &n, &there, 60, at(0));
}

static void
a_flow_has_the_name_that_its_program_was_told(void **state)
{
	struct process *wget = process_new(PROCESS_PROGRAM);
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	char text[NAME_TEXT_SIZE];
	struct verdict v;
	int n;

	(void)state;
	wget->pid = 43;
	use_rules("block out domain bad.example");
	learn(curl, "good.example");
	learn(wget, "bad.example");
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_string_equal(
	    name_format(flow_host(v.flow), text), "good.example");
	pkt.tcp_seq = 6;
	v = judged(&pkt, found, wget, 1, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_string_equal(
	    name_format(flow_host(v.flow), text), "bad.example");
	process_unref(wget);
}

static void
the_name_that_matched_is_shown(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	char text[NAME_TEXT_SIZE];
	struct verdict v;
	int n;

	(void)state;
	use_rules("block out domain bad.example");
	learn(curl, "bad.example");
	learn(curl, "good.example");
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_int_equal(v.decision.host, 2);
	assert_string_equal(
	    name_format(flow_host(v.flow), text), "bad.example");
}

static void
who_sends_to_us_has_a_name_too(void **state)
{
	struct packet pkt = tcp(true, 5, PACKET_TCP_SYN);
	struct verdict v;
	int n;

	(void)state;
	use_rules("drop in domain bad.example");
	learn(NULL, "bad.example");
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.mark, MARK_DROP_FLOW);
}

static void
loopback_has_no_names(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	struct verdict v;
	int n;

	(void)state;
	pkt.loopback = true;
	use_rules("block out domain bad.example");
	learn(curl, "bad.example");
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	assert_null(flow_host(v.flow));
}

static void
a_review_has_the_names_that_the_flow_had(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	struct flow *flow = NULL;
	struct decision d;
	int n;

	(void)state;
	learn(curl, "bad.example");
	judged(&pkt, found, curl, 1, &n);
	learn(curl, "other.example");
	use_rules("block out domain other.example");
	judge_review_begin(judge);
	assert_int_equal(judge_review(judge, &flow, &d), REVIEW_SAME);
	use_rules("block out domain bad.example");
	judge_review_begin(judge);
	assert_int_equal(judge_review(judge, &flow, &d), REVIEW_CHANGED);
	assert_int_equal(d.action, ACTION_BLOCK);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, set_up_names, tear_down_names)
	const struct CMUnitTest tests[] = {
		T(a_flow_has_the_name_that_its_program_was_told),
		T(the_name_that_matched_is_shown),
		T(who_sends_to_us_has_a_name_too),
		T(loopback_has_no_names),
		T(a_review_has_the_names_that_the_flow_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
