#include "tests/unit/judging.h"

static int
review_all(struct flow **ret_flow, struct decision *ret)
{
	enum review r;
	int changed = 0;

	judge_review_begin(judge);
	while ((r = judge_review(judge, ret_flow, ret)) != REVIEW_DONE)
		if (r == REVIEW_CHANGED) {
			changed++;
			judge_part(*ret_flow);
		}
	return changed;
}

static void
a_review_finds_what_is_decided_otherwise_now(void **state)
{
	struct packet web = tcp(false, 5, PACKET_TCP_SYN);
	struct packet dns = udp(false, 4000, 53);
	struct flow_key key = flow_key_of(&web.tuple, false);
	struct decision d;
	struct flow *flow;
	int n;

	(void)state;
	judged(&web, found, curl, 0, &n);
	judged(&dns, found, curl, 0, &n);
	use_rules("block out to port 443\n");
	assert_false(judge_knows(judge, &key));
	assert_int_equal(review_all(&flow, &d), 1);
	assert_int_equal(d.action, ACTION_BLOCK);
	assert_int_equal(d.rule, 1);
	/* what it was stays to be seen, and decides nothing any more */
	assert_int_equal(flow_count(judge_flows(judge)), 2);
	assert_int_equal(flow->decision.action, ACTION_ACCEPT);
	assert_false(judge_knows(judge, &key));
	key = flow_key_of(&dns.tuple, false);
	assert_true(judge_knows(judge, &key));
	assert_int_equal(review_all(&flow, &d), 0);
	assert_int_equal(
	    judged(&web, found, curl, 0, &n).decision.action, ACTION_BLOCK);
}

static void
what_decided_is_seen_when_its_rule_is_gone(void **state)
{
	struct packet web = tcp(false, 5, PACKET_TCP_SYN);
	struct flow_key key = flow_key_of(&web.tuple, false);
	struct flow_shown shown;
	struct decision d;
	struct flow *flow;
	int n;

	(void)state;
	use_rules("block out to port 23\n"
		  "block out to port 443 label \"no web\"\n");
	judged(&web, found, curl, 0, &n);
	use_rules("block out to port 23\n");
	assert_int_equal(review_all(&flow, &d), 1);
	assert_null(flow->policy);
	assert_true(flow_shown(flow, &shown));
	assert_int_equal(shown.line, 2);
	assert_string_equal(shown.label, "no web");
	/* judged again, it is what decides now: a default */
	judged(&web, found, curl, 0, &n);
	flow = flow_find(judge_flows(judge), &key);
	assert_non_null(flow->policy);
	assert_false(flow_shown(flow, &shown));
}

static void
what_went_through_a_tunnel_is_seen_when_that_is_gone(void **state)
{
	struct packet web = tcp(false, 5, PACKET_TCP_SYN);
	struct flow_shown shown;
	struct decision d;
	struct flow *flow;
	int n;

	(void)state;
	use_rules("reroute via tor out label \"hidden\"\n");
	judged(&web, found, curl, 0, &n);
	use_rules("block out\n");
	assert_int_equal(review_all(&flow, &d), 1);
	assert_null(flow->policy);
	assert_true(flow_shown(flow, &shown));
	assert_string_equal(shown.label, "hidden");
	assert_string_equal(shown.tunnel, "tor");
	assert_int_equal(shown.reason, REASON_RULE);
}

/* Until it is known whether the flow goes on. */
static void
what_is_decided_alike_is_seen_as_it_was(void **state)
{
	struct packet web = tcp(false, 5, PACKET_TCP_SYN);
	struct flow_shown shown;
	struct decision d;
	struct flow *flow;
	int n;

	(void)state;
	judged(&web, found, curl, 0, &n);
	for (int i = 0; i < 2; i++) { /* the second one as the first */
		use_rules("block in\naccept out label \"new\"\n");
		judge_review_begin(judge);
		assert_int_equal(judge_review(judge, &flow, &d), REVIEW_ALIKE);
		assert_true(judge_knows(judge, &flow->key));
		assert_int_equal(flow->decision.rule, 2);
		assert_false(flow_shown(flow, &shown));
		assert_int_equal(shown.reason, REASON_DEFAULT_OUT);
	}
	flow_show_anew(flow);
	assert_true(flow_shown(flow, &shown));
	assert_string_equal(shown.label, "new");
	assert_int_equal(shown.reason, REASON_RULE);
	/* the next packet is decided by what is in force, and shown so */
	use_rules("accept out\n");
	judge_review_begin(judge);
	assert_int_equal(judge_review(judge, &flow, &d), REVIEW_ALIKE);
	web.tcp_seq = 7;
	judged(&web, found, curl, 0, &n);
	assert_true(flow_shown(flow, &shown));
	assert_null(shown.label);
}

static void
a_review_keeps_flows_whose_rule_moved(void **state)
{
	struct packet pkt = tcp(true, 5, PACKET_TCP_SYN);
	struct decision d;
	struct flow *flow;
	int n;

	(void)state;
	pkt.tuple.sport = 50000;
	pkt.tuple.dport = 22;
	use_rules("accept in exe /usr/bin/curl from 192.0.2.7 to port 22\n");
	judged(&pkt, found, curl, 0, &n);
	use_rules("block in to port 23\nblock out to port 22\n"
		  "accept in exe /usr/bin/curl to port 22 from 192.0.2.7\n");
	assert_int_equal(review_all(&flow, &d), 0);
	assert_int_equal(
	    flow_older(judge_flows(judge), NULL)->decision.rule, 3);
	use_rules("accept once in to port 22\n");
	assert_int_equal(review_all(&flow, &d), 1);
}

static void
a_review_goes_on_while_flows_come_go_and_move(void **state)
{
	struct packet pkt;
	struct decision d;
	struct flow *flow;
	int n, changed = 0, rounds = 0, known = 0;

	(void)state;
	for (uint16_t port = 1; port <= 100; port++) { /* the table is full */
		pkt = udp(false, 4000, port);
		judged(&pkt, found, curl, 0, &n);
	}
	use_rules("block out to port 1-1000\n");
	judge_review_begin(judge);
	for (;;) {
		enum review r = judge_review(judge, &flow, &d);

		if (r == REVIEW_DONE)
			break;
		if (r == REVIEW_CHANGED) {
			changed++;
			judge_part(flow);
		}
		if (++rounds <= 20) { /* one is new, one is judged again */
			pkt = udp(false, 4000, (uint16_t)(200 + rounds));
			judged(&pkt, found, curl, 0, &n);
			pkt = udp(false, 4000, (uint16_t)(100 - rounds));
			judged(&pkt, found, curl, 0, &n);
		}
	}
	assert_int_equal(changed + 20, 100);
	flow = NULL;
	for (const struct flow *f = NULL;
	     (f = flow_older(judge_flows(judge), f)) != NULL;)
		if (judge_knows(judge, &f->key)) {
			assert_int_equal(f->decision.action, ACTION_BLOCK);
			known++;
		}
	assert_int_equal(known, 40);
}

static void
what_could_not_be_carried_is_shown_and_judged_anew(void **state)
{
	struct packet pkt = udp(false, 40000, 7010);
	struct flow_key key = flow_key_of(&pkt.tuple, false);
	struct verdict v;
	int n;

	(void)state;
	use_rules("reroute via tor out\n");
	assert_true(judged(&pkt, found, curl, 0, &n).new_flow);
	assert_false(judged(&pkt, found, curl, 1, &n).new_flow);
	judge_end_key(judge, &key);
	assert_int_equal(flow_count(judge_flows(judge)), 1);
	assert_int_equal(flow_find(judge_flows(judge), &key)->decision.action,
	    ACTION_REROUTE);
	assert_false(judge_knows(judge, &key));
	v = judged(&pkt, found, curl, 2, &n);
	assert_int_equal(n, 2);
	assert_true(v.new_flow);
	assert_true(judge_knows(judge, &key));
	assert_false(judged(&pkt, found, curl, 3, &n).new_flow);
}

static void
rules_count_flows_and_go_on_after_a_reload(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	const struct rule_hits *hits;
	int n;

	(void)state;
	use_counted("block in\nblock out to port 443\n", 0);
	judged(&pkt, found, curl, 1, &n);
	judged(&pkt, found, curl, 2, &n); /* a retransmit is no other flow */
	pkt.tcp_seq = 6;
	judged(&pkt, found, curl, 3, &n);
	hits = hits_get(judge_hits(judge), 2);
	assert_int_equal(hits->count, 2);
	assert_int_equal(hits->last.ns, at(3).ns);
	assert_int_equal(hits_get(judge_hits(judge), 1)->count, 0);
	use_counted("accept out to port 80\nblock out  to port 443\n"
		    "block out to port 443\n",
	    9);
	hits = hits_get(judge_hits(judge), 2);
	assert_int_equal(hits->count, 2);
	assert_int_equal(hits->since.ns, at(0).ns);
	/* an equal rule behind it is another one */
	hits = hits_get(judge_hits(judge), 3);
	assert_int_equal(hits->count, 0);
	assert_int_equal(hits->since.ns, at(9).ns);
	assert_null(hits_get(judge_hits(judge), 4));
	assert_null(hits_get(judge_hits(judge), 0));
}

/* Its program has closed a connection that still has something to say: that is
 * no word of the kernel's, who may do what the program may not. */
static void
what_a_program_left_is_decided_as_the_programs(void **state)
{
	static const struct socket_facts orphan = { .status = SOCKET_FOUND,
		.by = BY_SOCK_DIAG };
	struct packet syn = tcp(false, 5, PACKET_TCP_SYN);
	struct packet out = tcp(false, 6, PACKET_TCP_ACK);
	struct packet in = tcp(true, 9, PACKET_TCP_ACK);
	struct decision d;
	struct flow *flow;
	struct verdict v;
	int n;

	(void)state;
	use_rules("default kernel accept\n");
	judged(&syn, found, curl, 0, &n);
	use_rules("drop exe /usr/bin/curl\ndefault kernel accept\n");
	assert_int_equal(review_all(&flow, &d), 1);
	v = judged(&in, orphan, NULL, 300, &n); /* whichever comes first */
	assert_int_equal(v.mark, MARK_DROP_FLOW);
	assert_ptr_equal(v.flow->process, curl);
	assert_false(v.flow->in);
	v = judged(&out, orphan, NULL, 300, &n);
	assert_int_equal(v.mark, MARK_DROP_FLOW);
	v = judged(&out, orphan, NULL, 400, &n);
	assert_int_equal(v.mark, MARK_DROP_FLOW);
	use_rules("block exe /usr/bin/curl\ndefault kernel accept\n");
	assert_int_equal(review_all(&flow, &d), 1);
	v = judged(&out, orphan, NULL, 401, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_true(v.destroy);
	/* another connection with these ends is not its */
	v = judged(&syn, orphan, NULL, 402, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
}

static void
what_a_review_ends_stays_ended(void **state)
{
	struct packet syn = tcp(false, 5, PACKET_TCP_SYN);
	struct packet ack = tcp(false, 6, 0);
	struct decision d;
	struct flow *flow;
	int n;

	(void)state;
	use_rules("accept once out\n");
	judged(&syn, found, curl, 0, &n);
	use_rules("block out\n");
	judge_review_begin(judge);
	assert_int_equal(judge_review(judge, &flow, &d), REVIEW_CHANGED);
	judge_settle(judge, flow, &d, at(1));
	/* for good, though what was before was not */
	assert_int_equal(
	    judged(&ack, found, curl, 1, &n).mark, MARK_BLOCK_FLOW);
}

/* None of it went through the tunnel. */
static void
what_a_new_way_ends_is_seen_as_it_went(void **state)
{
	struct packet syn = tcp(false, 5, PACKET_TCP_SYN);
	struct packet ack = tcp(false, 6, 0);
	struct flow_shown shown;
	struct decision d;
	struct flow *flow;
	int n;

	(void)state;
	use_rules("accept out label \"direct\"\n");
	judged(&syn, found, curl, 0, &n);
	use_rules("reroute via tor out\n");
	judge_review_begin(judge);
	assert_int_equal(judge_review(judge, &flow, &d), REVIEW_CHANGED);
	judge_settle(judge, flow, &d, at(1));
	/* its last words go no way any more, and change nothing of that */
	assert_int_equal(
	    judged(&ack, found, curl, 1, &n).decision.action, ACTION_REROUTE);
	assert_true(flow_shown(flow, &shown));
	assert_int_equal(shown.action, ACTION_ACCEPT);
	assert_string_equal(shown.label, "direct");
	assert_null(shown.tunnel);
	assert_false(flow_went_so(flow));
	use_rules("reroute via tor out label \"again\"\n");
	assert_int_equal(review_all(&flow, &d), 0);
	flow = flow_find(judge_flows(judge), &flow->key);
	assert_true(flow_shown(flow, &shown));
	assert_int_equal(shown.action, ACTION_ACCEPT);
	/* what is denied is */
	use_rules("block out\n");
	judge_review_begin(judge);
	assert_int_equal(judge_review(judge, &flow, &d), REVIEW_CHANGED);
	judge_settle(judge, flow, &d, at(2));
	assert_true(flow_shown(flow, &shown));
	assert_int_equal(shown.action, ACTION_BLOCK);
	/* another connection with these ends is what it is */
	use_rules("reroute via tor out\n");
	syn.tcp_seq = 9;
	judged(&syn, found, curl, 3, &n);
	assert_true(flow_shown(flow, &shown));
	assert_int_equal(shown.action, ACTION_REROUTE);
	assert_true(flow_went_so(flow));
	/* nor did it go through another tunnel */
	use_rules("reroute via vpn out\n");
	judge_review_begin(judge);
	assert_int_equal(judge_review(judge, &flow, &d), REVIEW_CHANGED);
	judge_settle(judge, flow, &d, at(4));
	assert_true(flow_shown(flow, &shown));
	assert_string_equal(shown.tunnel, "tor");
	assert_false(flow_went_so(flow));
}

/* Who has the socket of what came in, beside the program that was meant. */
static void
another_may_answer_where_the_rules_let_it_in(void **state)
{
	static const struct {
		const char *rules;
		bool may;
	} rows[] = {
		{ "accept in", true },
		{ "accept in\ndefault out block", true },
		{ "accept in exe /usr/bin/curl\ndefault in block", false },
		{ "accept in\nblock out exe /usr/bin/wget", false },
		{ "accept in\nblock out exe /usr/bin/curl", true },
	};
	struct packet pkt = udp(true, 4000, 69);
	struct process *wget = process_new(PROCESS_PROGRAM);
	const struct flow *flow;
	int n;

	(void)state;
	assert_int_equal(process_set(&wget->exe, "/usr/bin/wget", 13), 0);
	wget->exe_here = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		use_rules(rows[i].rules);
		judged(&pkt, found, curl, 0, &n);
		flow = flow_older(judge_flows(judge), NULL);
		assert_true(flow->in);
		if (judge_may_answer(judge, flow, wget) != rows[i].may)
			fail_msg("%s", rows[i].rules);
	}
	process_unref(wget);
}

static void
on_loopback_a_rule_for_one_packet_is_another_decision(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	struct decision d;
	struct flow *flow;
	int n;

	(void)state;
	pkt.loopback = true;
	judged(&pkt, found, curl, 0, &n); /* the sender's side: once */
	use_rules("accept out\n");
	assert_int_equal(review_all(&flow, &d), 0);
	use_rules("accept once out\n");
	assert_int_equal(review_all(&flow, &d), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_review_finds_what_is_decided_otherwise_now),
		TEST(what_decided_is_seen_when_its_rule_is_gone),
		TEST(what_went_through_a_tunnel_is_seen_when_that_is_gone),
		TEST(what_is_decided_alike_is_seen_as_it_was),
		TEST(a_review_keeps_flows_whose_rule_moved),
		TEST(a_review_goes_on_while_flows_come_go_and_move),
		TEST(what_could_not_be_carried_is_shown_and_judged_anew),
		TEST(rules_count_flows_and_go_on_after_a_reload),
		TEST(what_a_program_left_is_decided_as_the_programs),
		TEST(what_a_review_ends_stays_ended),
		TEST(what_a_new_way_ends_is_seen_as_it_went),
		TEST(another_may_answer_where_the_rules_let_it_in),
		TEST(on_loopback_a_rule_for_one_packet_is_another_decision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
