/* What a host needs to be on the network at all, and what it is told of errors.
 */
#include "tests/unit/judging.h"

static void
neighbours_and_dhcp_pass_whatever_the_rules(void **state)
{
	struct packet nd = { .hop_limit = 255, .icmp_type = 135 };
	struct packet dhcp = udp(false, 68, 67), reply = udp(true, 68, 67);
	struct verdict v;
	int n;

	(void)state;
	use_rules("drop");
	nd.tuple.proto = IPPROTO_ICMPV6;
	nd.tuple.src = wire_addr("fe80::1");
	nd.tuple.dst = wire_addr("ff02::1");
	v = judged(&nd, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	assert_int_equal(n, 0);
	nd.hop_limit = 254; /* a router passed it on: a forgery */
	v = judged(&nd, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_DROP);
	dhcp.tuple.dst = wire_addr("255.255.255.255");
	v = judged(&dhcp, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	v = judged(&reply, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	dhcp.tuple.sport = 40000; /* no client asks from there */
	v = judged(&dhcp, found, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_DROP_FLOW);
}

static void
a_dhcp_client_speaks_to_its_link_and_is_of_the_system(void **state)
{
	static const struct {
		const char *name, *dst;
		bool on_link;
		uint32_t uid;
		bool passes;
	} rows[] = {
		{ "everybody", "255.255.255.255", false, 0, true },
		{ "everybody, a user of the system's", "255.255.255.255", false,
		    998, true },
		{ "everybody, a person", "255.255.255.255", false, 1000,
		    false },
		{ "a server on the link", THERE, true, 0, true },
		{ "any address", THERE, false, 0, false },
	};
	int n;

	(void)state;
	use_rules("drop");
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct packet pkt = udp(false, 68, 67);
		struct verdict v;

		pkt.tuple.dst = wire_addr(rows[i].dst);
		pkt.on_link = rows[i].on_link;
		pkt.uid = rows[i].uid;
		v = judged(&pkt, none, NULL, 0, &n);
		row_true(rows[i].name,
		    (v.decision.reason == REASON_DHCP) == rows[i].passes);
		row_true(rows[i].name, judge_wants_link(&pkt) ==
					   (strcmp(rows[i].dst, THERE) == 0));
	}
}

static void
neighbour_discovery_stays_on_the_link(void **state)
{
	static const struct {
		const char *name, *src, *dst;
		uint8_t type;
		bool in, on_link, passes;
	} rows[] = {
		{ "a question to its group", "fe80::1", "ff02::1:ff00:1", 135,
		    false, false, true },
		{ "a question to a neighbour", "fd09::1", "fd09::2", 135, false,
		    true, true },
		{ "an answer to a neighbour", "fd09::1", "fe80::2", 136, false,
		    false, true },
		{ "an answer to anybody", "fd09::1", "2001:db8::1", 136, false,
		    false, false },
		{ "a question to anybody", "fd09::1", "2001:db8::1", 135, false,
		    false, false },
		{ "to a group of the site", "fe80::1", "ff05::1", 135, false,
		    false, false },
		{ "a router's word", "fe80::1", "ff02::1", 134, true, false,
		    true },
		{ "a router's word, not of the link", "2001:db8::1", "ff02::1",
		    134, true, false, false },
		{ "an answer from outside", "fd09::2", "fd09::1", 136, true,
		    false, true },
	};
	int n;

	(void)state;
	use_rules("drop");
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct packet pkt = { .hop_limit = 255, .in = rows[i].in };
		struct verdict v;

		pkt.tuple.proto = IPPROTO_ICMPV6;
		pkt.tuple.src = wire_addr(rows[i].src);
		pkt.tuple.dst = wire_addr(rows[i].dst);
		pkt.icmp_type = rows[i].type;
		pkt.on_link = rows[i].on_link;
		v = judged(&pkt, none, NULL, 0, &n);
		row_true(rows[i].name,
		    (v.decision.reason == REASON_NEIGHBOUR) == rows[i].passes);
	}
}

static void
what_no_socket_stands_behind_is_judged_each_time(void **state)
{
	struct packet knock = udp(true, 4000, 53), sent = udp(false, 4000, 53);
	struct packet gre = { .in = true };
	struct flow *flow;
	struct decision d;
	struct verdict v;
	int n;

	(void)state;
	v = judged(&knock, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	/* the ports are taken by who may not */
	use_rules("drop out\n");
	v = judged(&sent, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_DROP_FLOW);
	/* a policy that says the same changes nothing */
	use_rules("accept");
	v = judged(&knock, none, NULL, 1, &n);
	use_rules("accept");
	judge_review_begin(judge);
	assert_int_equal(judge_review(judge, &flow, &d), REVIEW_SAME);
	/* protocols without ports have no sockets to look for */
	gre.tuple.proto = 47;
	gre.tuple.src = wire_addr(THERE);
	gre.tuple.dst = wire_addr(HERE);
	v = judged(&gre, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
}

static void
icmp_errors_pass_with_the_flow_they_belong_to(void **state)
{
	struct packet dgram = udp(false, 4000, 53), error = { .in = true };
	struct verdict v;
	int n;

	(void)state;
	use_rules("accept out\ndefault in drop\n");
	judged(&dgram, found, curl, 0, &n);
	error.tuple.proto = IPPROTO_ICMP;
	error.tuple.src = wire_addr("203.0.113.1");
	error.tuple.dst = wire_addr(HERE);
	error.icmp_type = 3;
	error.icmp_error = true;
	error.inner = dgram.tuple;
	v = judged(&error, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	assert_int_equal(v.decision.reason, REASON_ICMP_ERROR);
	error.tuple.dst = wire_addr("203.0.113.9"); /* not who sent it */
	v = judged(&error, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_DROP);
	error.tuple.dst = wire_addr(HERE);
	error.inner.dport = 54; /* nothing of ours */
	v = judged(&error, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_DROP);
}

static void
the_errors_of_our_own_reject_pass(void **state)
{
	struct packet dgram = udp(false, 4000, 53), error = { 0 };
	struct packet asked = udp(true, 4000, 54);
	struct verdict v;
	int n;

	(void)state;
	use_rules("block proto udp\ndefault in drop\ndefault out drop\n");
	judged(&dgram, found, curl, 0, &n);
	judged(&asked, found, curl, 0, &n);
	error.tuple.proto = IPPROTO_ICMP;
	error.icmp_type = 3;
	error.icmp_error = true;
	/* to the program: from this host to itself */
	error.tuple.src = error.tuple.dst = wire_addr(HERE);
	error.inner = dgram.tuple;
	error.loopback = true;
	for (int in = 0; in < 2; in++) {
		error.in = in == 1;
		v = judged(&error, none, NULL, 0, &n);
		assert_int_equal(v.mark, MARK_ACCEPT);
	}
	/* to the other host; and not what that one says of a blocked flow */
	error.loopback = false;
	error.in = false;
	error.tuple.dst = wire_addr(THERE);
	error.inner = asked.tuple;
	v = judged(&error, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	error.in = true;
	error.inner = dgram.tuple;
	v = judged(&error, none, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_DROP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(neighbours_and_dhcp_pass_whatever_the_rules),
		TEST(a_dhcp_client_speaks_to_its_link_and_is_of_the_system),
		TEST(neighbour_discovery_stays_on_the_link),
		TEST(what_no_socket_stands_behind_is_judged_each_time),
		TEST(icmp_errors_pass_with_the_flow_they_belong_to),
		TEST(the_errors_of_our_own_reject_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
