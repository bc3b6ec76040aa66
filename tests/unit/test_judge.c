#include "tests/unit/judging.h"

static void
marks_follow_action_and_permanence(void **state)
{
	static const struct {
		const char *rule;
		enum mark mark;
	} rows[] = {
		{ "accept", MARK_ACCEPT_FLOW },
		{ "block", MARK_BLOCK_FLOW },
		{ "drop", MARK_DROP_FLOW },
		{ "accept once", MARK_ACCEPT },
		{ "block once", MARK_BLOCK },
		{ "drop once", MARK_DROP },
	};
	int n;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct packet pkt = tcp(false, (uint32_t)i, PACKET_TCP_SYN);
		struct verdict v;

		use_rules(rows[i].rule);
		v = judged(&pkt, found, curl, 0, &n);
		row_true(rows[i].rule, v.mark == rows[i].mark);
		row_true(rows[i].rule, v.new_flow);
		row_true(rows[i].rule, v.flow->process == curl);
	}
}

static void
a_retransmitted_syn_needs_no_look_up(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	struct verdict v;
	int n;

	(void)state;
	use_rules("block out");
	judged(&pkt, found, curl, 0, &n);
	assert_int_equal(n, 2);
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(n, 0);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_false(v.new_flow);
}

static void
the_same_ports_by_another_program_are_another_flow(void **state)
{
	struct process *evil = process_new(PROCESS_PROGRAM);
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	struct packet dgram = udp(false, 4000, 53);
	struct socket_facts other = found;
	struct verdict v;
	int n;

	(void)state;
	evil->exe_here = true;
	process_set(&evil->exe, "/tmp/evil", 9);
	other.inode++;
	use_rules("block out exe /tmp/evil");
	judged(&pkt, found, curl, 0, &n);
	judged(&dgram, found, curl, 0, &n);
	pkt.tcp_seq = 6;
	v = judged(&pkt, other, evil, 1, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_true(v.new_flow);
	v = judged(&dgram, other, evil, 1, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	process_unref(evil);
}

static void
a_new_policy_judges_again(void **state)
{
	struct packet pkt = udp(false, 4000, 53);
	struct verdict v;
	int n;

	(void)state;
	judged(&pkt, found, curl, 0, &n);
	use_rules("drop out");
	v = judged(&pkt, found, curl, 1, &n);
	assert_int_equal(v.mark, MARK_DROP_FLOW);
	assert_true(v.new_flow);
}

static void
pings_are_judged_packet_by_packet(void **state)
{
	struct packet pkt = udp(false, 9, 9);
	struct verdict v;
	int n;

	(void)state;
	pkt.tuple.proto = IPPROTO_ICMP;
	pkt.tuple.has_ports = false;
	pkt.icmp_type = 8;
	v = judged(&pkt, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	use_rules("block out proto icmp");
	v = judged(&pkt, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_BLOCK);
}

static void
the_end_of_a_connection_is_of_its_program(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_ACK);
	struct verdict v;
	int n;

	(void)state;
	use_rules("block out exe /usr/bin/curl\n");
	v = judged(&pkt, found, curl, 0, &n);
	assert_true(v.destroy);
	pkt.tcp_flags = PACKET_TCP_RST; /* the kernel's, for who is gone */
	v = judged(&pkt, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_false(v.new_flow);
	assert_true(v.flow->process == curl);
	pkt.tcp_flags = PACKET_TCP_SYN; /* another one */
	v = judged(&pkt, none, NULL, 0, &n);
	assert_int_equal(v.flow->process->kind, PROCESS_UNKNOWN);
}

static void
a_failed_look_up_closes_and_is_not_remembered(void **state)
{
	static const struct socket_facts failed = { .status = SOCKET_FAILED };
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	struct verdict v;
	int n;

	(void)state;
	v = judged(&pkt, failed, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_DROP);
	assert_null(v.flow);
	v = judged(&pkt, found, curl, 1, &n); /* the retransmit */
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
}

static void
our_own_sockets_pass(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	struct verdict v;
	int n;

	(void)state;
	use_rules("block");
	curl->self = true;
	v = judged(&pkt, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_int_equal(v.decision.reason, REASON_SELF);
}

static void
a_number_alone_makes_no_socket_ours(void **state)
{
	static const struct {
		const char *name;
		struct socket_facts sock;
		bool may;
	} rows[] = {
		{ "ours", { .by = BY_BPF, .uid = 7, .pid = 5 }, true },
		{ "another's", { .by = BY_BPF, .uid = 7, .pid = 6 }, false },
		{ "outside", { .by = BY_BPF, .uid = 7, .pid = 0 }, false },
		{ "another user's", { .by = BY_BPF, .uid = 8, .pid = 5 },
		    false },
		{ "by look-up", { .by = BY_SOCK_DIAG, .uid = 7 }, true },
		{ "another user's, by look-up",
		    { .by = BY_SOCK_DIAG, .uid = 8 }, false },
		{ "root's, by table", { .by = BY_PROC_NET, .uid = 0 }, false },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		row_true(rows[i].name,
		    socket_may_be_of(&rows[i].sock, 5, 7) == rows[i].may);
}

static void
what_comes_a_second_time_gets_the_same(void **state)
{
	static const struct {
		const char *rules;
		uint32_t mark;
	} rows[] = {
		{ "drop out exe /usr/bin/curl", MARK_DROP_FLOW },
		{ "block once out exe /usr/bin/curl", MARK_BLOCK },
		{ "accept out exe /usr/bin/curl\ndefault out drop",
		    MARK_ACCEPT_FLOW },
		{ "reroute via tor exe /usr/bin/curl", MARK_PORT17 },
	};
	struct packet pkt = udp(false, 4000, 7000);
	struct verdict v;
	int n;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		use_rules(rows[i].rules);
		pkt.mark = MARK_NONE;
		pkt.has_uid = true;
		row_true(rows[i].rules,
		    judged(&pkt, found, curl, i, &n).mark == rows[i].mark);
		/* its socket is closed by then */
		pkt.has_uid = false;
		pkt.mark = rows[i].mark;
		v = judged(&pkt, none, NULL, i, &n);
		row_true(rows[i].rules, v.mark == rows[i].mark);
		row_true(rows[i].rules, v.flow->process == curl);
		/* who is there is asked: anybody may have that mark */
		pkt.has_uid = true;
		judged(&pkt, found, curl, i, &n);
		row_true(rows[i].rules, n > 0);
		/* another mark says nothing */
		pkt.has_uid = false;
		pkt.mark = 4242;
		v = judged(&pkt, none, NULL, i, &n);
		row_true(rows[i].rules, v.flow->process != curl);
	}
}

static bool
is_yes(uint32_t mark)
{
	return mark == MARK_ACCEPT || mark == MARK_ACCEPT_FLOW;
}

static void
who_began_a_connection_that_is_ended_is_told(void **state)
{
	static const struct {
		const char *name, *rules;
		bool told;
	} rows[] = {
		{ "blocked", "default in block", true },
		{ "dropped", "default in drop", false },
		{ "begun here", "default out block\ndefault in accept", false },
	};
	struct packet word = tcp(true, 5, PACKET_TCP_ACK);
	struct packet reset = tcp(false, 9, PACKET_TCP_RST | PACKET_TCP_ACK);
	struct packet data = tcp(false, 9, PACKET_TCP_ACK);
	struct socket_facts server = found;
	struct verdict v;
	int n;

	(void)state;
	reset.has_uid = false; /* the kernel sends it */
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		use_rules(rows[i].rules);
		server.accepted = i != 2;
		word.tuple.dport = reset.tuple.sport = data.tuple.sport =
		    (uint16_t)(22 + i);
		v = judged(&word, server, curl, i, &n);
		row_true(rows[i].name, v.flow->in == (i != 2));
		row_true(rows[i].name,
		    is_yes(judged(&reset, none, NULL, i, &n).mark) ==
			rows[i].told);
		/* one, and nothing else */
		row_true(rows[i].name,
		    !is_yes(judged(&reset, none, NULL, i, &n).mark));
		row_true(rows[i].name,
		    !is_yes(judged(&data, none, NULL, i, &n).mark));
	}
}

static void
what_came_in_stays_so_when_nobody_listens_any_more(void **state)
{
	struct packet syn = tcp(true, 5, PACKET_TCP_SYN);
	struct packet data = tcp(false, 9, PACKET_TCP_ACK);
	struct socket_facts listener = found, sock = found;
	struct verdict v;
	int n;

	(void)state;
	listener.inode = 77;
	syn.tuple.dport = data.tuple.sport = 7105;
	use_rules("default in accept\ndefault out accept\n");
	v = judged(&syn, listener, curl, 0, &n);
	assert_true(v.flow->in);
	use_rules("default in drop\ndefault out accept\n");
	v = judged(&data, sock, curl, 1, &n);
	assert_true(v.flow->in);
	assert_false(is_yes(v.mark));
}

static void
a_syn_to_a_connection_that_is_up_does_not_begin_it(void **state)
{
	struct packet data = tcp(false, 9, PACKET_TCP_ACK);
	struct packet syn = tcp(true, 5, PACKET_TCP_SYN);
	struct socket_facts sock = found;
	struct verdict v;
	int n;

	(void)state;
	sock.connected = true;
	data.tuple.sport = syn.tuple.dport = 7106;
	use_rules("default in accept\ndefault out drop\n");
	v = judged(&syn, sock, curl, 0, &n);
	assert_false(v.flow->in);
	assert_false(is_yes(v.mark));
	v = judged(&data, sock, curl, 1, &n);
	assert_false(v.flow->in);
	assert_false(is_yes(v.mark));
}

static void
a_knock_opens_nothing_for_who_takes_its_port(void **state)
{
	struct packet knock = udp(true, 4001, 7101);
	struct packet answer = udp(false, 4001, 7101);
	struct socket_facts sock = found;
	struct verdict v;
	int n;

	(void)state;
	sock.accepted = true; /* says conntrack */
	use_rules("default in accept\ndefault out drop\n");
	v = judged(&knock, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	for (uint64_t now = 1; now < 3; now++) {
		v = judged(&answer, sock, curl, now, &n);
		assert_int_equal(v.mark, MARK_DROP_FLOW);
		assert_false(v.flow->in);
		use_rules("default in accept\ndefault out drop\n");
	}
	/* of what the table does not know, conntrack does */
	answer.tuple.dport = 7102;
	v = judged(&answer, sock, curl, 3, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_true(v.flow->in);
}

static void
what_is_brought_to_a_proxy_is_a_flow(void **state)
{
	struct packet syn = tcp(true, 5, PACKET_TCP_SYN);
	struct verdict v;
	int n;

	(void)state;
	use_rules("default in accept\ndefault out drop\n");
	syn.tuple.dport = 7103;
	assert_int_equal(judged(&syn, none, NULL, 0, &n).mark, MARK_ACCEPT);
	/* the kernel knows whose socket it is, by no ends of it */
	syn.tuple.dport = 7104;
	syn.has_uid = true;
	v = judged(&syn, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_true(v.flow->in);
}

static void
a_blocked_syn_destroys_nothing(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	struct verdict v;
	int n;

	(void)state;
	use_rules("block");
	v = judged(&pkt, found, curl, 0, &n);
	assert_false(v.destroy); /* the kernel's REJECT tells the program */
}

static void
a_connection_not_accepted_yet_keeps_its_verdict(void **state)
{
	struct packet syn = tcp(true, 5, PACKET_TCP_SYN);
	struct packet ack = tcp(true, 6, PACKET_TCP_ACK);
	struct socket_facts young = { .status = SOCKET_FOUND,
		.accepted = true };
	struct verdict v;
	int n;

	(void)state;
	use_rules("accept once in exe /usr/bin/curl\ndefault in drop\n");
	judged(&syn, found, curl, 0, &n);
	v = judged(&ack, young, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
}

static void
the_table_is_bounded_and_the_quietest_goes(void **state)
{
	struct packet pkt = udp(false, 1, 1);
	struct flow_key key;
	int n;

	(void)state;
	for (uint16_t port = 1; port <= 150; port++) {
		pkt.tuple.dport = port;
		judged(&pkt, found, curl, port, &n);
	}
	assert_int_equal(flow_count(judge_flows(judge)), 100);
	assert_int_equal(stats.flows_evicted, 50);
	pkt.tuple.dport = 50;
	key = flow_key_of(&pkt.tuple, false);
	assert_null(flow_find(judge_flows(judge), &key));
	pkt.tuple.dport = 51;
	key = flow_key_of(&pkt.tuple, false);
	assert_non_null(flow_find(judge_flows(judge), &key));
}

static void
malformed_packets_are_dropped_once_and_counted(void **state)
{
	struct verdict v;

	(void)state;
	judge_malformed(judge, -EBADMSG, &v);
	assert_int_equal(v.mark, MARK_DROP);
	judge_malformed(judge, -ENOMSG, &v);
	assert_int_equal(v.mark, MARK_DROP);
	assert_int_equal(stats.malformed, 1);
	assert_int_equal(stats.fragments, 1);
	assert_int_equal(stats.dropped, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(marks_follow_action_and_permanence),
		TEST(a_retransmitted_syn_needs_no_look_up),
		TEST(the_same_ports_by_another_program_are_another_flow),
		TEST(a_new_policy_judges_again),
		TEST(pings_are_judged_packet_by_packet),
		TEST(the_end_of_a_connection_is_of_its_program),
		TEST(a_failed_look_up_closes_and_is_not_remembered),
		TEST(our_own_sockets_pass),
		TEST(a_number_alone_makes_no_socket_ours),
		TEST(what_comes_a_second_time_gets_the_same),
		TEST(who_began_a_connection_that_is_ended_is_told),
		TEST(what_came_in_stays_so_when_nobody_listens_any_more),
		TEST(a_syn_to_a_connection_that_is_up_does_not_begin_it),
		TEST(a_knock_opens_nothing_for_who_takes_its_port),
		TEST(what_is_brought_to_a_proxy_is_a_flow),
		TEST(a_blocked_syn_destroys_nothing),
		TEST(a_connection_not_accepted_yet_keeps_its_verdict),
		TEST(the_table_is_bounded_and_the_quietest_goes),
		TEST(malformed_packets_are_dropped_once_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
