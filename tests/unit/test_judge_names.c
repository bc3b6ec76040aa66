#include "tests/unit/judging.h"

#include "src/core/fakeip.h"
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

/* A connection to an address that stands for a name. */
static struct packet
to_fake(const struct addr *addr, uint32_t seq)
{
	struct packet pkt = tcp(false, seq, PACKET_TCP_SYN);

	pkt.tuple.dst = *addr;
	return pkt;
}

static void
what_stands_for_a_name_goes_through_a_tunnel_or_nowhere(void **state)
{
	struct fakeip *fakeip = fakeip_new();
	struct name hidden = name_of("hidden.onion");
	struct addr addr, nobody = wire_addr("198.18.77.7");
	struct packet pkt;
	struct verdict v;
	uint32_t number;
	int n;

	(void)state;
	assert_int_equal(fakeip_add(fakeip, &hidden, at(0), &number), 0);
	assert_true(fakeip_find(fakeip, &hidden, ADDR_IP4, at(0), &addr));
	use_rules("reroute via tor out domain *.onion");
	pkt = to_fake(&nobody, 5);
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.decision.action, ACTION_ACCEPT); /* none are given */
	judge_set_fakes(judge, fakeip);
	pkt = to_fake(&nobody, 6);
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_int_equal(v.decision.reason, REASON_STAND_IN);
	/* also where nobody has learnt the name */
	pkt = to_fake(&addr, 7);
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.decision.action, ACTION_REROUTE);
	assert_true(name_equal(flow_host(v.flow), &hidden));
	/* a name from before does not count, a rule that lets it pass neither
	 */
	use_rules("accept out domain old.onion\nblock out domain hidden.onion");
	hidden = name_of("old.onion");
	judge_set_names(judge, names);
	names_learn(names, curl, &hidden, &addr, 60, at(0));
	pkt = to_fake(&addr, 8);
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.decision.rule, 2);
	use_rules("accept out domain hidden.onion");
	pkt = to_fake(&addr, 9);
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.decision.action, ACTION_BLOCK);
	assert_int_equal(v.decision.reason, REASON_STAND_IN);
	judge_set_fakes(judge, NULL);
	fakeip_free(fakeip);
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
		T(what_stands_for_a_name_goes_through_a_tunnel_or_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
