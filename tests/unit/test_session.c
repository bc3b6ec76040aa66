#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "port17/session.h"

static mono_t
at(uint64_t s)
{
	return (mono_t){ s * MONO_S };
}

static struct session
session_of(uint16_t port, enum session_phase phase)
{
	struct session session;

	static const struct process some = { .pid = 17, .start = 1 };

	memset(&session, 0, sizeof(session)); /* hashed with its padding */
	session.claim.process = &some;
	session.key.proto = 6;
	session.key.lport = port;
	session.phase = phase;
	return session;
}

static void
assert_move(struct session_move move, int syn, bool relay, bool end)
{
	assert_int_equal(move.syn, syn);
	assert_int_equal(move.relay, relay);
	assert_int_equal(move.end, end);
}

static void
held_goes_on_when_it_is_dialled(void **state)
{
	struct session s = session_of(1, SESSION_HELD);
	struct session_table table;

	(void)state;
	assert_int_equal(session_table_init(&table, 10, SIZE_MAX), 0);
	session_put(&table, &s, at(1));
	assert_int_equal(table.n_held, 1);
	assert_move(session_take(&table, &s, SESSION_DIALLED, at(2)), SYN_GOES,
	    false, false);
	assert_int_equal(s.phase, SESSION_READY);
	assert_int_equal(table.n_held, 0);
	assert_move(session_take(&table, &s, SESSION_JOINED, at(3)), SYN_STAYS,
	    true, false);
	assert_int_equal(s.phase, SESSION_RELAYED);
	/* who came is not late any more */
	assert_null(session_late(&table, at(1000)));
	assert_move(session_take(&table, &s, SESSION_ENDED, at(4)), SYN_STAYS,
	    false, true);
	session_remove(&table, &s);
	assert_int_equal(table.map.count, 0);
	session_table_done(&table);
}

static void
held_is_denied_whatever_ends_it(void **state)
{
	static const enum session_event events[] = { SESSION_FAILED,
		SESSION_BROKE, SESSION_ABORTED };
	struct session_table table;

	(void)state;
	assert_int_equal(session_table_init(&table, 10, SIZE_MAX), 0);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct session s = session_of(1, SESSION_HELD);

		session_put(&table, &s, at(1));
		assert_move(session_take(&table, &s, events[i], at(2)),
		    SYN_DENIED, false, true);
		session_remove(&table, &s);
		assert_int_equal(table.n_held, 0);
	}
	session_table_done(&table);
}

static void
accepted_first_is_relayed_when_it_is_dialled(void **state)
{
	static const enum session_event events[] = { SESSION_FAILED,
		SESSION_BROKE, SESSION_ABORTED };
	struct session s = session_of(1, SESSION_DIALLING);
	struct session_table table;

	(void)state;
	assert_int_equal(session_table_init(&table, 10, SIZE_MAX), 0);
	session_put(&table, &s, at(1));
	assert_int_equal(table.n_held, 0);
	assert_move(session_take(&table, &s, SESSION_DIALLED, at(2)), SYN_STAYS,
	    true, false);
	session_remove(&table, &s);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		s = session_of(1, SESSION_DIALLING);
		session_put(&table, &s, at(1));
		/* no SYN is there to be denied */
		assert_move(session_take(&table, &s, events[i], at(2)),
		    SYN_STAYS, false, true);
		session_remove(&table, &s);
	}
	session_table_done(&table);
}

static void
who_never_comes_is_late(void **state)
{
	struct session a = session_of(1, SESSION_HELD);
	struct session b = session_of(2, SESSION_HELD);
	struct session_table table;

	(void)state;
	assert_int_equal(session_table_init(&table, 10, SIZE_MAX), 0);
	session_put(&table, &a, at(1));
	session_put(&table, &b, at(1));
	assert_null(session_late(&table, at(1000))); /* neither is ready */
	(void)session_take(&table, &b, SESSION_DIALLED, at(5));
	(void)session_take(&table, &a, SESSION_DIALLED, at(7));
	assert_null(session_late(&table, at(14)));
	assert_ptr_equal(session_late(&table, at(15)), &b);
	assert_move(session_take(&table, &b, SESSION_LATE, at(15)), SYN_STAYS,
	    false, true);
	session_remove(&table, &b);
	assert_null(session_late(&table, at(16)));
	assert_ptr_equal(session_late(&table, at(17)), &a);
	session_remove(&table, &a);
	session_table_done(&table);
}

static void
no_process_takes_all_room(void **state)
{
	static struct session held[SESSIONS_HELD_BY_ONE];
	/* as they were read before and after it became another program */
	static const struct process was = { .pid = 9, .start = 5 };
	static const struct process is = { .pid = 9, .start = 5 };
	static const struct process later = { .pid = 9, .start = 6 };
	const struct process *greedy = &was, *other = &later;
	struct session_table table;
	uint16_t i;

	(void)state;
	assert_int_equal(
	    session_table_init(&table, SESSIONS_HELD_BY_ONE + 1, SIZE_MAX), 0);
	for (i = 0; i < SESSIONS_HELD_BY_ONE; i++) {
		assert_int_equal(session_may_hold(&table, greedy), 0);
		held[i] = session_of(i, SESSION_HELD);
		held[i].claim.process = i % 2 ? &was : &is;
		session_put(&table, &held[i], at(1));
	}
	assert_int_equal(session_may_hold(&table, &was), -EBUSY);
	assert_int_equal(session_may_hold(&table, &is), -EBUSY);
	assert_int_equal(session_may_hold(&table, other), 0);
	assert_int_equal(session_may_begin(&table), 0);
	/* one that has gone on holds none */
	(void)session_take(&table, &held[3], SESSION_DIALLED, at(2));
	assert_int_equal(session_may_hold(&table, greedy), 0);
	table.max = SESSIONS_HELD_BY_ONE;
	assert_int_equal(session_may_begin(&table), -ENOSPC);
	assert_int_equal(session_may_hold(&table, other), -ENOSPC);
	assert_ptr_equal(session_find(&table, &held[7].key), &held[7]);
	for (i = 0; i < SESSIONS_HELD_BY_ONE; i++)
		session_remove(&table, &held[i]);
	assert_null(session_older(&table, NULL));
	session_table_done(&table);
}

/* Packets that wait for a verdict have the rest of the queue. */
static void
a_short_queue_has_room_left(void **state)
{
	static struct session held[2 * SHARE_OF_ONE];
	static struct process processes[2 * SHARE_OF_ONE];
	struct session_table table;

	(void)state;
	assert_int_equal(session_table_init(&table, 100, 2 * SHARE_OF_ONE), 0);
	for (uint16_t i = 0; i < 2 * SHARE_OF_ONE; i++) {
		/* two are one's share */
		processes[i].pid = 9 + i / 2;
		processes[i].has_uid = true;
		processes[i].uid = i / 4; /* and half of his */
		assert_int_equal(session_may_hold(&table, &processes[i]), 0);
		held[i] = session_of(i, SESSION_HELD);
		held[i].claim.process = &processes[i];
		session_put(&table, &held[i], at(1));
		if (i == 1)
			assert_int_equal(
			    session_may_hold(&table, &processes[0]), -EBUSY);
	}
	processes[0].pid = 99;
	assert_int_equal(session_may_hold(&table, &processes[0]), -EBUSY);
	processes[0].pid = 9;
	for (uint16_t i = 0; i < 2 * SHARE_OF_ONE; i++)
		session_remove(&table, &held[i]);
	session_table_done(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_goes_on_when_it_is_dialled),
		cmocka_unit_test(held_is_denied_whatever_ends_it),
		cmocka_unit_test(accepted_first_is_relayed_when_it_is_dialled),
		cmocka_unit_test(who_never_comes_is_late),
		cmocka_unit_test(no_process_takes_all_room),
		cmocka_unit_test(a_short_queue_has_room_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
