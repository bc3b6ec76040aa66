#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/core/uses.h"
#include "tests/unit/wire.h"

#define MAX 8
#define JUDGED 4

static struct uses *uses;

static int
set_up(void **state)
{
	(void)state;
	uses = uses_new(MAX, JUDGED);
	return uses != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	uses_free(uses);
	return 0;
}

static struct actor
actor(pid_t pid)
{
	return (struct actor){ .pid = pid,
		.start = (uint64_t)pid * 1000,
		.exec = 7,
		.exe_dev = 1,
		.exe_ino = (uint64_t)pid,
		.uid = 1000,
		.gid = 1000,
		.comm = "p" };
}

/* A datagram from a port of this host. */
static struct wire
datagram(unsigned int sport, const char *text)
{
	struct wire w = { .len = 0 };

	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_UDP, 8 + strlen(text));
	wire_udp(&w, sport, 53, (unsigned int)(8 + strlen(text)));
	wire_put(&w, text, strlen(text));
	return w;
}

static struct flow_key
key(uint16_t sport)
{
	struct packet_tuple t = { .src = wire_addr("10.9.0.1"),
		.dst = wire_addr("192.0.2.7"),
		.sport = sport,
		.dport = 53,
		.proto = IPPROTO_UDP,
		.has_ports = true };

	return flow_key_of(&t, false);
}

static void
send_by(struct actor a, uint64_t socket, const struct wire *w, uint64_t s)
{
	struct use use = { .actor = a,
		.socket = socket,
		.head = w->bytes,
		.head_len = w->len,
		.total = w->len };

	assert_int_equal(uses_put(uses, &use, (mono_t){ s * MONO_S }, NULL), 0);
}

/* So many datagrams one after the other, each by a process whose number is
 * `step` above the last one's. Returns the last one. */
static struct wire
send_many(
    struct actor *a, pid_t step, unsigned int n, const char *word, uint64_t s)
{
	struct wire w = { .len = 0 };

	for (unsigned int i = 0; i < n; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%s %u", word, i);
		w = datagram(4000, text);
		a->pid += step;
		send_by(*a, 7, &w, s);
	}
	return w;
}

static enum uses_found
find(uint16_t sport, const struct wire *w, struct used *ret)
{
	struct flow_key k = key(sport);

	return uses_find(
	    uses, &k, w != NULL ? w->bytes : NULL, w != NULL ? w->len : 0, ret);
}

static void
a_packet_finds_its_sender(void **state)
{
	struct wire w = datagram(4000, "a"), x = datagram(4001, "a");
	struct used used;

	(void)state;
	send_by(actor(42), 7, &w, 1);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	assert_int_equal(used.who->actor.pid, 42);
	assert_int_equal(used.socket, 7);
	assert_int_equal(find(4001, &x, &used), USES_NONE);
	/* also one that asks by the ends alone */
	assert_int_equal(find(4000, NULL, &used), USES_ONE);
}

static void
a_packet_begins_its_flow_once(void **state)
{
	struct wire w = datagram(4000, "a");
	struct use use = { .actor = actor(42),
		.socket = 7,
		.device = 3,
		.begins = true,
		.head = w.bytes,
		.head_len = w.len,
		.total = w.len };
	mono_t now = { MONO_S };
	struct used used;

	(void)state;
	assert_int_equal(uses_put(uses, &use, now, NULL), 0);
	/* none in particular */
	assert_int_equal(find(4000, NULL, &used), USES_ONE);
	assert_true(used.begins);
	assert_int_equal(used.device, 3);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	assert_true(used.begins);
	/* sent again by the kernel: nothing was heard of that */
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	assert_false(used.begins);
	assert_int_equal(used.device, 3);
}

static void
one_process_is_one_until_it_runs_exec(void **state)
{
	struct wire w = datagram(4000, "a"), x = datagram(4001, "b");
	struct actor a = actor(42);
	struct used first, second;

	(void)state;
	send_by(a, 7, &w, 1);
	send_by(a, 8, &x, 1);
	assert_int_equal(find(4000, &w, &first), USES_ONE);
	assert_int_equal(find(4001, &x, &second), USES_ONE);
	assert_ptr_equal(first.who, second.who);
	a.exec++;
	send_by(a, 8, &x, 1);
	assert_int_equal(find(4001, &x, &second), USES_ONE);
	assert_true(first.who->id != second.who->id);
}

static void
of_a_shared_socket_each_packet_has_its_own_sender(void **state)
{
	struct wire w = datagram(4000, "mine"), x = datagram(4000, "yours");
	struct wire y = datagram(4000, "whose?");
	struct used used;

	(void)state;
	send_by(actor(42), 7, &w, 1);
	send_by(actor(43), 7, &x, 1);
	/* neither of these, or any: never a guess */
	assert_int_equal(find(4000, &y, &used), USES_MIXED);
	assert_int_equal(find(4000, NULL, &used), USES_MIXED);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	assert_int_equal(used.who->actor.pid, 42);
	assert_int_equal(find(4000, &x, &used), USES_ONE);
	assert_int_equal(used.who->actor.pid, 43);
	/* the same bytes from both */
	send_by(actor(42), 7, &w, 1);
	send_by(actor(43), 7, &w, 1);
	assert_int_equal(find(4000, &w, &used), USES_MIXED);
}

static void
bursts_of_two_are_told_apart_packet_by_packet(void **state)
{
	char text[16];
	struct used used;
	struct wire w;

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		for (pid_t pid = 42; pid < 44; pid++) {
			(void)snprintf(text, sizeof(text), "%u %d", i, pid);
			w = datagram(4000, text);
			send_by(actor(pid), 7, &w, 1);
		}
	for (unsigned int i = 0; i < 4; i++)
		for (pid_t pid = 42; pid < 44; pid++) {
			(void)snprintf(text, sizeof(text), "%u %d", i, pid);
			w = datagram(4000, text);
			assert_int_equal(find(4000, &w, &used), USES_ONE);
			assert_int_equal(used.who->actor.pid, pid);
		}
}

/* Nothing of the one before is to be judged any more. */
static void
the_next_one_with_the_ports_is_told_by_who_waits(void **state)
{
	struct wire w = datagram(4000, "hello");
	struct used used;

	(void)state;
	send_by(actor(42), 7, &w, 1);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	send_by(actor(43), 8, &w, 2);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	assert_int_equal(used.who->actor.pid, 43);
}

/* A blocked program tries again from the port that another one had: what was
 * refused in the kernel waits for no verdict, and its tries are all alike. */
static void
tries_of_one_program_are_told_from_who_was_there_before(void **state)
{
	struct wire w = datagram(4000, "hello");
	struct actor second = actor(43), third = actor(43);
	struct used used;

	(void)state;
	second.pid = 44;
	third.pid = 45;
	send_by(actor(42), 7, &w, 1);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	send_by(actor(43), 8, &w, 2);
	send_by(second, 9, &w, 3);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	assert_int_equal(used.who->actor.exe_ino, 43);
	send_by(third, 10, &w, 4);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	assert_int_equal(used.who->actor.exe_ino, 43);
}

static void
workers_of_one_service_are_as_good_as_each_other(void **state)
{
	struct wire w = datagram(4000, "a"), x = datagram(4000, "b");
	struct actor other = actor(43);
	struct used used;

	(void)state;
	other.exe_ino = actor(42).exe_ino;
	send_by(actor(42), 7, &w, 1);
	send_by(other, 7, &x, 2);
	assert_int_equal(find(4000, NULL, &used), USES_ONE);
	assert_int_equal(used.who->actor.pid, 43);
}

static void
what_was_sent_long_ago_is_not_meant(void **state)
{
	struct wire w = datagram(4000, "a"), x = datagram(4000, "b");
	struct used used;

	(void)state;
	send_by(actor(42), 7, &w, 1);
	send_by(actor(43), 8, &x, 20);
	assert_int_equal(find(4000, NULL, &used), USES_ONE);
	assert_int_equal(used.who->actor.pid, 43);
}

static void
the_table_is_bounded(void **state)
{
	struct used used;
	struct wire w;

	(void)state;
	for (unsigned int i = 0; i < 3 * MAX; i++) {
		w = datagram(4000 + i, "a");
		send_by(actor((pid_t)i + 1), i + 1, &w, i);
		assert_true(uses_count(uses) <= MAX);
	}
	assert_int_equal(find(4000, NULL, &used), USES_NONE);
	assert_int_equal(find(4000 + 3 * MAX - 1, &w, &used), USES_ONE);
	/* many senders between the same ends push each other out alone */
	for (unsigned int i = 0; i < 3 * MAX; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%u", i);
		w = datagram(5000, text);
		send_by(actor((pid_t)i + 100), 1, &w, 3 * MAX);
	}
	w = datagram(5000, "0");
	assert_int_equal(find(5000, &w, &used), USES_MIXED);
	assert_int_equal(find(4000 + 3 * MAX - 2, NULL, &used), USES_ONE);
}

/* What gave way may have sent it: those that stay are no answer, though they
 * are alike. */
static void
of_one_that_gave_way_nobody_else_sent_it(void **state)
{
	struct wire first = datagram(4000, "bad"), w;
	struct actor good = actor(43);
	struct used used;

	(void)state;
	send_by(actor(42), 7, &first, 1);
	w = send_many(&good, 1, 4, "good", 1);
	assert_int_equal(find(4000, &first, &used), USES_MIXED);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	assert_int_equal(used.who->actor.exe_ino, 43);
	/* nor later, while it may wait still */
	good.pid++;
	send_by(good, 7, &w, 5);
	assert_int_equal(find(4000, &first, &used), USES_MIXED);
	good.pid++;
	send_by(good, 7, &w, 20);
	w = datagram(4000, "sent before that");
	assert_int_equal(find(4000, &w, &used), USES_ONE);
}

/* More workers of one service than are told apart. */
static void
what_is_alike_gives_way_to_its_like(void **state)
{
	struct wire first = datagram(4000, "0");
	struct actor worker = actor(42);
	struct used used;

	(void)state;
	send_by(worker, 7, &first, 1);
	(void)send_many(&worker, 1, 5, "more", 1);
	assert_int_equal(find(4000, &first, &used), USES_ONE);
	assert_int_equal(used.who->actor.exe_ino, 42);
}

/* … and its packets are still of one of those when another program sends. */
static void
what_gave_way_to_its_like_is_nobody_elses(void **state)
{
	struct wire first = datagram(4000, "0"), w;
	struct actor worker = actor(42), good = actor(43);
	struct used used;

	(void)state;
	send_by(worker, 7, &first, 1);
	for (unsigned int i = 1; i < 5; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%u", i);
		w = datagram(4000, text);
		worker.pid++;
		send_by(worker, 7, &w, 1);
		assert_int_equal(find(4000, &w, &used), USES_ONE);
	}
	w = datagram(4000, "good");
	send_by(good, 7, &w, 1);
	assert_int_equal(find(4000, &first, &used), USES_MIXED);
	assert_int_equal(find(4000, &w, &used), USES_ONE);
	assert_int_equal(used.who->actor.exe_ino, 43);
	/* none of the other waits any more */
	assert_int_equal(find(4000, &first, &used), USES_ONE);
	assert_int_equal(used.who->actor.exe_ino, 42);
	/* nor when all of its like gave way */
	send_by(worker, 7, &first, 2);
	(void)send_many(&good, 1, 5, "good", 2);
	assert_int_equal(find(4000, &first, &used), USES_MIXED);
}

/* With the same bytes neither. */
static void
what_gave_way_has_no_proof_for_others(void **state)
{
	struct wire first = datagram(4000, "0");
	struct actor worker = actor(42);
	struct used used;

	(void)state;
	send_by(worker, 7, &first, 1);
	(void)send_many(&worker, 1, 4, "more", 1);
	send_by(actor(43), 7, &first, 1);
	assert_int_equal(find(4000, &first, &used), USES_MIXED);
}

/* What was let go when it was sent is counted for nobody. Its mark was taken
 * away at that moment: it comes, and is not what waits of another program. */
static void
what_is_none_of_those_that_wait_is_nobodys(void **state)
{
	struct wire go = datagram(4000, "go"), waits = datagram(4000, "waits");
	const struct actor good = actor(42);
	struct use use = { .actor = good,
		.socket = 7,
		.taken = true,
		.head = go.bytes,
		.head_len = go.len,
		.total = go.len };
	struct used used;

	(void)state;
	assert_int_equal(uses_put(uses, &use, (mono_t){ MONO_S }, NULL), 0);
	send_by(actor(43), 7, &waits, 1);
	assert_int_equal(find(4000, &go, &used), USES_MIXED);
	assert_int_equal(find(4000, &waits, &used), USES_ONE);
	assert_int_equal(used.who->actor.exe_ino, 43);
}

/* What was asked about proves nothing more: another one may send the same
 * bytes, and more since than are known of it. */
static void
what_was_judged_is_no_proof_of_who_sends_its_like(void **state)
{
	struct wire same = datagram(4000, "same"), w = datagram(4000, "next");
	struct actor loud = actor(43);
	struct used used;

	(void)state;
	send_by(actor(42), 7, &same, 1);
	assert_int_equal(find(4000, &same, &used), USES_ONE);
	send_by(actor(43), 7, &same, 1);
	send_by(actor(42), 7, &w, 1);
	(void)send_many(&loud, 0, 4, "more", 1);
	assert_int_equal(find(4000, &same, &used), USES_MIXED);
}

/* A burst leaves room for no more than its last ones: what was before is its
 * own all the same, also where another one sends the same bytes behind it. */
static void
what_a_burst_began_with_is_no_others(void **state)
{
	struct wire same = datagram(4000, "same"), other = datagram(4000, "x");
	struct actor loud = actor(43);
	struct used used;

	(void)state;
	send_by(actor(43), 7, &same, 1);
	(void)send_many(&loud, 0, 4, "more", 1);
	send_by(actor(42), 7, &same, 1);
	send_by(actor(42), 7, &other, 1);
	assert_int_equal(find(4000, &same, &used), USES_MIXED);
	/* what it never sent is still told apart */
	assert_int_equal(find(4000, &other, &used), USES_ONE);
	assert_int_equal(used.who->actor.pid, 42);
}

/* The daemon itself is at work when it ends a connection. */
static void
what_waits_stays_and_what_was_judged_makes_room(void **state)
{
	struct used used;
	struct wire w[MAX];

	(void)state;
	for (unsigned int i = 0; i < MAX; i++) {
		w[i] = datagram(4000 + i, "a");
		send_by(actor((pid_t)i + 1), i + 1, &w[i], 1);
	}
	assert_int_equal(uses_count(uses), MAX);
	for (unsigned int i = 0; i < MAX; i++)
		assert_int_equal(
		    find((uint16_t)(4000 + i), &w[i], &used), USES_ONE);
	for (unsigned int i = 0; i < MAX; i++) {
		w[0] = datagram(5000 + i, "a");
		send_by(actor(99), 99, &w[0], 2);
		assert_int_equal(
		    find((uint16_t)(5000 + i), &w[0], &used), USES_ONE);
	}
	assert_int_equal(uses_count(uses), JUDGED);
}

/* Its packet may have been lost. */
static void
one_that_waits_keeps_nobody_else(void **state)
{
	struct wire first = datagram(3999, "a"), w;
	struct used used;

	(void)state;
	send_by(actor(1), 1, &first, 1);
	for (unsigned int i = 0; i < MAX; i++) {
		w = datagram(5000 + i, "a");
		send_by(actor(99), 99, &w, 2);
		assert_int_equal(
		    find((uint16_t)(5000 + i), &w, &used), USES_ONE);
	}
	assert_int_equal(uses_count(uses), JUDGED);
	assert_int_equal(find(3999, &first, &used), USES_ONE);
}

static void
who_resets_a_connection_did_not_use_it(void **state)
{
	struct wire w = { .len = 0 };
	struct flow_key k = key(4000);
	struct used used;

	(void)state;
	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_TCP, 20);
	wire_tcp(&w, 4000, 53, 7, 0x14);
	k.proto = IPPROTO_TCP;
	send_by(actor(42), 7, &w, 1);
	assert_int_equal(uses_find(uses, &k, NULL, 0, &used), USES_NONE);
	assert_int_equal(uses_count(uses), 0);
}

/* The first packet of a connection is refused since another program had these
 * ends; when it comes again no process is at work. */
static void
a_connection_is_of_who_opened_it_last(void **state)
{
	struct wire w = { .len = 0 }, x = { .len = 0 };
	struct flow_key k = key(4000);
	struct used used;

	(void)state;
	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_TCP, 20);
	wire_tcp(&w, 4000, 53, 7, 0x02);
	wire_ip(&x, "10.9.0.1", "192.0.2.7", IPPROTO_TCP, 20);
	wire_tcp(&x, 4000, 53, 9, 0x02);
	k.proto = IPPROTO_TCP;
	send_by(actor(42), 7, &w, 1);
	assert_int_equal(uses_find(uses, &k, w.bytes, w.len, &used), USES_ONE);
	assert_int_equal(used.who->actor.pid, 42);
	send_by(actor(43), 8, &x, 2);
	assert_int_equal(uses_find(uses, &k, x.bytes, x.len, &used), USES_ONE);
	assert_int_equal(uses_find(uses, &k, x.bytes, x.len, &used), USES_ONE);
	assert_int_equal(used.who->actor.pid, 43);
}

static void
what_is_no_packet_is_refused(void **state)
{
	struct wire w = datagram(4000, "a");
	struct use use = {
		.actor = actor(1), .head = w.bytes, .head_len = 10, .total = 10
	};

	(void)state;
	assert_true(uses_put(uses, &use, (mono_t){ 1 }, NULL) < 0);
	assert_int_equal(uses_count(uses), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_packet_finds_its_sender),
		TEST(a_packet_begins_its_flow_once),
		TEST(one_process_is_one_until_it_runs_exec),
		TEST(of_a_shared_socket_each_packet_has_its_own_sender),
		TEST(the_next_one_with_the_ports_is_told_by_who_waits),
		TEST(tries_of_one_program_are_told_from_who_was_there_before),
		TEST(workers_of_one_service_are_as_good_as_each_other),
		TEST(what_was_sent_long_ago_is_not_meant),
		TEST(the_table_is_bounded),
		TEST(bursts_of_two_are_told_apart_packet_by_packet),
		TEST(of_one_that_gave_way_nobody_else_sent_it),
		TEST(what_is_alike_gives_way_to_its_like),
		TEST(what_gave_way_to_its_like_is_nobody_elses),
		TEST(what_gave_way_has_no_proof_for_others),
		TEST(what_is_none_of_those_that_wait_is_nobodys),
		TEST(what_was_judged_is_no_proof_of_who_sends_its_like),
		TEST(what_a_burst_began_with_is_no_others),
		TEST(what_waits_stays_and_what_was_judged_makes_room),
		TEST(one_that_waits_keeps_nobody_else),
		TEST(who_resets_a_connection_did_not_use_it),
		TEST(a_connection_is_of_who_opened_it_last),
		TEST(what_is_no_packet_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
