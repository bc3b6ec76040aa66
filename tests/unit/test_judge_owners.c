#include "tests/unit/judging.h"

static void
owners_without_a_process_have_their_own_words(void **state)
{
	static const struct {
		const char *name;
		bool in, has_uid;
		struct socket_facts sock;
		enum process_kind kind;
	} rows[] = {
		{ "sent by a program that is gone", false, true,
		    { .status = SOCKET_NONE }, PROCESS_UNKNOWN },
		{ "sent by the kernel", false, false, { .status = SOCKET_NONE },
		    PROCESS_KERNEL },
		{ "for a closed port", true, false, { .status = SOCKET_NONE },
		    PROCESS_KERNEL },
		{ "for a socket that is the kernel's own, or in flight", true,
		    false, { .status = SOCKET_FOUND, .inode = 5 },
		    PROCESS_UNKNOWN },
		{ "for a socket that nobody has any more", true, false,
		    { .status = SOCKET_FOUND }, PROCESS_KERNEL },
		{ "said last by a program that is gone", false, false,
		    { .status = SOCKET_FOUND, .closed = true },
		    PROCESS_UNKNOWN },
		{ "for a user's socket that nobody holds", true, false,
		    { .status = SOCKET_FOUND, .inode = 5, .uid = 1000 },
		    PROCESS_UNKNOWN },
	};
	int n;

	(void)state;
	use_rules("accept process kernel\nblock process unknown\n");
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct packet pkt = udp(rows[i].in, 4000, (uint16_t)(i + 1));
		struct verdict v;

		pkt.has_uid = rows[i].has_uid;
		v = judged(&pkt, rows[i].sock, NULL, 0, &n);
		row_true(rows[i].name, v.flow->process->kind == rows[i].kind);
	}
}

static void
a_packet_of_another_user_is_not_the_sockets(void **state)
{
	struct packet pkt = udp(false, 4000, 53);
	struct verdict v;
	int n;

	(void)state;
	use_rules("accept exe /usr/bin/curl\nblock process unknown\n");
	v = judged(&pkt, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	pkt.uid = 1000;
	v = judged(&pkt, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_BLOCK);
	assert_int_equal(v.flow->process->kind, PROCESS_UNKNOWN);
}

/* The kernel gives the user of a packet even where its process is gone. */
static void
rules_by_user_hold_for_who_is_not_known(void **state)
{
	static const struct {
		const char *name, *rules;
		uint32_t uid;
		enum mark mark;
	} rows[] = {
		{ "user", "block user 1000\n", 1000, MARK_BLOCK },
		{ "another user", "block user 1000\n", 1001, MARK_ACCEPT },
		{ "group", "block group 7\n", 1000, MARK_BLOCK },
		{ "not user", "block not user 1000\n", 1000, MARK_ACCEPT },
		{ "not another", "block not user 1\n", 1000, MARK_BLOCK },
		{ "user and exe",
		    "accept user 1000 exe /usr/bin/curl\n"
		    "default unknown block\n",
		    1000, MARK_BLOCK },
		{ "not exe",
		    "accept not exe /usr/bin/curl\n"
		    "default unknown drop\n",
		    1000, MARK_DROP },
		{ "a yes by user",
		    "accept user 1000\n"
		    "default unknown block\n",
		    1000, MARK_ACCEPT },
		{ "no rule", "default unknown block\n", 1000, MARK_BLOCK },
	};
	struct verdict v;
	int n;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct packet pkt = udp(false, (uint16_t)(3000 + i), 53);

		pkt.uid = rows[i].uid;
		pkt.gid = 7;
		use_rules(rows[i].rules);
		v = judged(&pkt, none, NULL, 0, &n);
		row_true(rows[i].name, v.mark == rows[i].mark);
		row_true(rows[i].name, v.flow->by == BY_UID);
		row_true(rows[i].name, v.flow->process->uid == rows[i].uid);
	}
}

/* More users than are kept at a time. */
static void
users_of_the_unknown_are_kept_apart(void **state)
{
	struct verdict v;
	int n;

	(void)state;
	for (uint32_t uid = 0; uid < 100; uid++) {
		struct packet pkt = udp(false, (uint16_t)(3000 + uid), 53);

		pkt.uid = uid;
		v = judged(&pkt, none, NULL, 0, &n);
		assert_int_equal(v.flow->process->uid, uid);
	}
}

static void
another_user_of_a_socket_is_judged_anew(void **state)
{
	struct socket_facts mine = {
		.status = SOCKET_FOUND, .inode = 7000, .by = BY_BPF, .user = 1
	};
	struct socket_facts yours = mine;
	struct packet pkt = udp(false, 4000, 53);
	struct verdict v;
	int n;

	(void)state;
	yours.user = 2;
	use_rules("block exe /usr/bin/curl\n");
	v = judged(&pkt, mine, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
	v = judged(&pkt, mine, NULL, 0, &n);
	assert_int_equal(n, 1); /* the same one: not asked again */
	v = judged(&pkt, yours, curl, 0, &n);
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
	assert_int_equal(v.flow->by, BY_BPF);
	v = judged(&pkt, mine, NULL, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT_FLOW);
}

static void
once_is_asked_of_who_has_the_socket_now(void **state)
{
	struct packet pkt = udp(false, 4000, 53);
	struct verdict v;
	int n;

	(void)state;
	use_rules("accept once exe /usr/bin/curl\ndefault out block\n");
	v = judged(&pkt, found, curl, 0, &n);
	assert_int_equal(v.mark, MARK_ACCEPT);
	v = judged(&pkt, found, NULL, 0, &n); /* it ran exec, say */
	assert_int_equal(v.mark, MARK_BLOCK_FLOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(owners_without_a_process_have_their_own_words),
		TEST(a_packet_of_another_user_is_not_the_sockets),
		TEST(rules_by_user_hold_for_who_is_not_known),
		TEST(users_of_the_unknown_are_kept_apart),
		TEST(another_user_of_a_socket_is_judged_anew),
		TEST(once_is_asked_of_who_has_the_socket_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
