#include "tests/unit/judging.h"

/* Which flow a packet is of, and who began that. */

static void
a_datagram_of_a_known_socket_is_a_repeat_for_a_while(void **state)
{
	struct packet pkt = udp(false, 4000, 53);
	int n;

	(void)state;
	judged(&pkt, found, curl, 0, &n);
	judged(&pkt, found, curl, 59, &n);
	assert_int_equal(n, 1);
	judged(&pkt, found, curl, 59 + 60, &n);
	assert_int_equal(n, 2);
	assert_int_equal(flow_count(judge_flows(judge)), 1);
}

/* The socket that asked has its answer; who has the port next has none. */
static void
a_datagram_from_outside_is_for_who_has_the_port_now(void **state)
{
	struct packet ask = udp(false, 4000, 53), says = udp(true, 4000, 53);
	struct socket_facts other = found;
	struct verdict v;
	int n;

	(void)state;
	other.inode++;
	use_rules("default in block\ndefault out accept\n");
	judged(&ask, found, curl, 0, &n);
	v = judged(&says, found, curl, 1, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_false(v.flow->in);
	v = judged(&says, other, curl, 2, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_true(v.flow->in);
}

/* Whoever that was is gone, unnamed: what it was told stays to be seen. */
static void
an_answer_to_who_has_gone_is_for_nobody(void **state)
{
	struct packet ask = udp(false, 4000, 53), says = udp(true, 4000, 53);
	struct verdict v;
	int n;

	(void)state;
	ask.has_uid = true;
	ask.uid = 1000;
	use_rules("default in block\ndefault out accept\n");
	v = judged(&ask, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	v = judged(&says, none, NULL, 1, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	assert_false(v.flow->in);
	assert_int_equal(v.flow->process->kind, PROCESS_UNKNOWN);
	v = judged(&says, found, curl, 2, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_true(v.flow->in);
}

static void
an_answer_that_comes_too_late_is_nobodys(void **state)
{
	struct packet ask = udp(false, 4000, 53), says = udp(true, 4000, 53);
	struct verdict v;
	int n;

	(void)state;
	use_rules("default in accept\ndefault out accept\n");
	judged(&ask, found, curl, 0, &n);
	v = judged(&says, none, NULL, 1, &n);
	assert_int_equal(v.mark, MARK_DROP);
	assert_null(v.flow); /* the table has who asked */
	assert_int_equal(flow_count(judge_flows(judge)), 1);
	/* a minute after that it is a knock like any other */
	v = judged(&says, none, NULL, 62, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	assert_true(v.flow->in);
}

/* A server spoke too late, and was denied; it is asked again by the same port.
 */
static void
what_was_denied_denies_nothing_that_the_other_side_begins(void **state)
{
	struct packet late = udp(false, 53, 4000), ask = udp(true, 53, 4000);
	struct socket_facts anew = found;
	struct verdict v;
	int n;

	(void)state;
	use_rules("default out block\ndefault in accept\n");
	v = judged(&late, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	v = judged(&ask, found, curl, 1, &n); /* an answer to what passed */
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	anew.anew = true;
	v = judged(&ask, anew, curl, 2, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_true(v.flow->in);
}

/* Of a flow that is in the table it is a repeat, for a minute. */
static void
last_words_of_nobody_knows_which_flow_go_nowhere(void **state)
{
	static const struct socket_facts orphan = { .status = SOCKET_FOUND,
		.forgotten = true };
	static const struct socket_facts ends = {
		.status = SOCKET_FOUND, .inode = 5, .forgotten = true
	};
	struct packet syn = tcp(false, 4, PACKET_TCP_SYN);
	struct packet fin = tcp(false, 5, PACKET_TCP_ACK);
	struct verdict v;
	int n;

	(void)state;
	use_rules("reroute via tor exe /usr/bin/curl\ndefault out accept\n");
	v = judged(&fin, orphan, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_DROP);
	assert_null(v.flow);
	assert_true(v.destroy);
	v = judged(&fin, ends, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_DROP);
	judged(&syn, found, curl, 1, &n);
	v = judged(&fin, orphan, NULL, 60, &n);
	assert_int_equal(v.mark, MARK_PORT17);
	v = judged(&fin, orphan, NULL, 121, &n);
	assert_int_equal(v.mark, MARK_DROP);
	/* where no rule leads to a tunnel none has gone through one */
	use_rules("default out accept\n");
	v = judged(&fin, orphan, NULL, 122, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
}

static void
answers_follow_what_they_answer(void **state)
{
	struct packet ping = udp(false, 9, 9), pong = udp(true, 9, 9);
	struct verdict v;
	int n;

	(void)state;
	ping.tuple.proto = pong.tuple.proto = IPPROTO_ICMP;
	use_rules("default in block\n");
	judged(&ping, found, curl, 0, &n);
	v = judged(&pong, none, NULL, 0, &n); /* a raw socket is not found */
	assert_int_equal(v.mark, MARK_ACCEPT);
	assert_int_equal(n, 0);
	/* the other way: the kernel answers what was let in */
	use_rules("accept in proto icmp\ndefault out drop\n");
	judged(&pong, none, NULL, 1, &n);
	ping.has_uid = false;
	v = judged(&ping, none, NULL, 1, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	/* but a program that sends the same is no answer */
	ping.has_uid = true;
	v = judged(&ping, found, curl, 1, &n);
	assert_int_equal(v.mark, MARK_DROP);
}

/* A program speaks to an address of this host, and a rule of others moves that
 * to another host, whose answers come with its own address. */
static void
answers_that_were_moved_follow_the_flow_that_conntrack_names(void **state)
{
	struct packet pkt = tcp(false, 5, PACKET_TCP_SYN);
	struct packet answer = tcp(true, 9, PACKET_TCP_SYN | PACKET_TCP_ACK);
	struct flow_key of, other;
	struct verdict v;
	int n;

	(void)state;
	use_rules("default in block\n");
	pkt.loopback = true;
	pkt.tuple.dst = wire_addr(HERE);
	of = flow_key_of(&pkt.tuple, false);
	assert_false(judge_answer(judge, &answer, &of, at(0), &v));
	v = judged(&pkt, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	assert_true(judge_answer(judge, &answer, &of, at(0), &v));
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_false(v.new_flow);
	other = of;
	other.rport++;
	assert_false(judge_answer(judge, &answer, &other, at(0), &v));
	/* what was not judged yet by these rules is no answer to it */
	use_rules("default in block\ndefault out block\n");
	assert_false(judge_answer(judge, &answer, &of, at(0), &v));
	judged(&pkt, found, curl, 1, &n);
	assert_false(judge_answer(judge, &answer, &of, at(1), &v));
}

static void
the_sender_on_loopback_leaves_the_verdict_to_the_receiver(void **state)
{
	struct packet out = tcp(false, 1, PACKET_TCP_SYN), in;
	struct verdict v;
	int n;

	(void)state;
	out.loopback = true;
	use_rules("default in block\n");
	v = judged(&out, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	in = out;
	in.in = true;
	in.has_uid = false;
	v = judged(&in, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_int_equal(v.decision.reason, REASON_LOOPBACK);
	assert_int_equal(flow_count(judge_flows(judge)), 2);
	use_rules("block in to port 443\n");
	v = judged(&in, found, curl, 1, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	use_rules("block out to port 443\n");
	v = judged(&out, found, curl, 2, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
}

static void
the_receiver_on_loopback_covers_a_flow_met_in_its_middle(void **state)
{
	static const bool orders[][4] = { { false, true, false, true },
		{ false, false, true, true }, { false, false, false, true } };
	struct socket_facts server = found;
	struct verdict v;
	int n;

	(void)state;
	server.accepted = true;
	server.inode++;
	for (size_t i = 0; i < N_ROWS(orders); i++) {
		use_rules("accept out\naccept in\n");
		for (size_t k = 0; k < 4; k++) {
			/* the two sides speak by turns */
			bool in = orders[i][k], by_server = k % 2 == 1;
			struct packet pkt = tcp(false, 5, PACKET_TCP_ACK);

			pkt.loopback = true;
			pkt.in = in;
			pkt.tuple.src = pkt.tuple.dst = wire_addr("127.0.0.1");
			pkt.tuple.sport = by_server ? 80 : 40000;
			pkt.tuple.dport = by_server ? 40000 : 80;
			/* the socket at this end of the packet */
			v = judged(&pkt, by_server != in ? server : found, curl,
			    0, &n);
			assert_int_equal(
			    v.mark, in ? MARK_ACCEPT_FLOW : MARK_ACCEPT);
		}
	}
	use_rules("accept once\n");
	for (int k = 0; k < 4; k++) {
		struct packet pkt = udp(k % 2 == 1, 4000, 53);

		pkt.loopback = true;
		v = judged(&pkt, found, curl, 0, &n);
		assert_int_equal(v.mark, MARK_ACCEPT);
	}
}

/* A ping socket of this host, met at both ends on loopback. */
static void
a_host_that_pings_itself_is_judged_at_both_ends(void **state)
{
	struct socket_facts sock = found;
	struct packet ask = { 0 }, answer;
	struct verdict v;
	int n;

	(void)state;
	use_rules("accept out\nblock in proto icmp\n");
	ask.tuple.proto = IPPROTO_ICMP;
	ask.tuple.src = ask.tuple.dst = wire_addr(HERE);
	ask.tuple.sport = 4711;
	ask.icmp_type = 8;
	ask.loopback = true;
	v = judged(&ask, sock, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	ask.in = true;
	v = judged(&ask, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_BLOCK);
	answer = ask;
	answer.icmp_type = 0;
	answer.tuple.sport = 0;
	answer.tuple.dport = 4711;
	v = judged(&answer, sock, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT); /* it belongs to who asked */
	assert_false(v.flow->in);
}

static void
an_answer_to_a_connected_socket_is_of_a_flow_begun_here(void **state)
{
	struct packet answer = udp(true, 4000, 53);
	struct socket_facts sock = found;
	struct verdict v;
	int n;

	(void)state;
	use_rules("default in block\ndefault out accept\n");
	v = judged(&answer, sock, curl, 0, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	sock.connected = true;
	sock.inode++;
	v = judged(&answer, sock, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_false(v.flow->in);
}

static void
a_datagram_that_answers_is_of_a_flow_begun_outside(void **state)
{
	struct packet says = udp(false, 53, 4000);
	struct socket_facts sock = found;
	struct verdict v;
	int n;

	(void)state;
	use_rules("default in accept\ndefault out block\n");
	for (int i = 0; i < 2; i++) {
		says.loopback = i == 1; /* its sender asks the receiver, too */
		sock.accepted = false;
		sock.inode++;
		v = judged(&says, sock, curl, 0, &n);
		assert_int_equal(v.mark, MARK_BLOCK_FLOW);
		sock.accepted = true;
		sock.inode++;
		v = judged(&says, sock, curl, 0, &n);
		assert_int_equal(
		    v.mark, says.loopback ? MARK_ACCEPT : MARK_ACCEPT_FLOW);
		assert_true(v.flow->in);
	}
}

static void
a_connection_met_in_its_middle_has_its_true_direction(void **state)
{
	struct packet answer = tcp(true, 5, PACKET_TCP_ACK);
	struct socket_facts server = found;
	struct verdict v;
	int n;

	(void)state;
	use_rules("default in block\ndefault out accept\n");
	v = judged(&answer, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	assert_false(v.flow->in);
	server.accepted = true;
	answer.tuple.dport = 22;
	v = judged(&answer, server, curl, 1, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_true(v.flow->in);
	assert_true(v.destroy); /* the program is told, not left hanging */
}

static void
who_listens_where_he_calls_from_is_no_server(void **state)
{
	struct packet syn = tcp(false, 5, PACKET_TCP_SYN);
	struct packet on[] = { tcp(false, 6, PACKET_TCP_ACK),
		tcp(true, 7, PACKET_TCP_ACK) };
	struct socket_facts sock = found;
	struct verdict v;
	int n;

	(void)state;
	for (size_t i = 0; i < N_ROWS(on); i++) {
		sock.accepted = false;
		sock.inode++;
		use_rules("default in accept\ndefault out accept\n");
		v = judged(&syn, sock, curl, 0, &n);
		assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
		use_rules("default in accept\ndefault out drop\n");
		sock.accepted = true;
		v = judged(&on[i], sock, curl, 0, &n);
		assert_int_equal(v.mark, MARK_DROP_FLOW);
		assert_false(v.flow->in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_datagram_of_a_known_socket_is_a_repeat_for_a_while),
		TEST(answers_follow_what_they_answer),
		TEST(a_datagram_from_outside_is_for_who_has_the_port_now),
		TEST(an_answer_to_who_has_gone_is_for_nobody),
		TEST(an_answer_that_comes_too_late_is_nobodys),
		TEST(what_was_denied_denies_nothing_that_the_other_side_begins),
		TEST(last_words_of_nobody_knows_which_flow_go_nowhere),
		TEST(
		    answers_that_were_moved_follow_the_flow_that_conntrack_names),
		TEST(the_sender_on_loopback_leaves_the_verdict_to_the_receiver),
		TEST(the_receiver_on_loopback_covers_a_flow_met_in_its_middle),
		TEST(a_host_that_pings_itself_is_judged_at_both_ends),
		TEST(an_answer_to_a_connected_socket_is_of_a_flow_begun_here),
		TEST(a_datagram_that_answers_is_of_a_flow_begun_outside),
		TEST(a_connection_met_in_its_middle_has_its_true_direction),
		TEST(who_listens_where_he_calls_from_is_no_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
