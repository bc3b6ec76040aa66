#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "port17/begun.h"

static mono_t
at(uint64_t s)
{
	return (mono_t){ s * MONO_S };
}

static struct flow_key
to(uint16_t lport, uint16_t rport)
{
	struct flow_key key;

	memset(&key, 0, sizeof(key)); /* compared with its padding */
	key.proto = 17;
	(void)addr_parse(&key.local, "10.9.0.1", 8);
	(void)addr_parse(&key.remote, "192.0.2.7", 9);
	key.lport = lport;
	key.rport = rport;
	return key;
}

/* The flow to that port, from `lport`, whose datagrams come from `seen`; 0:
 * conntrack knows nothing of it. Whether it may have another's port. */
static bool
begins(struct begun *begun, uint16_t lport, uint16_t rport, uint16_t seen)
{
	struct flow_key key = to(lport, rport), reply = key;
	size_t from = begun->n_asked;

	assert_true(begun_add(begun, &key, 1, at(1)));
	assert_memory_equal(begun_ask(begun), &key, sizeof(key));
	reply.remote = key.local;
	reply.rport = seen;
	begun_answer(begun, seen != 0 ? &reply : NULL);
	assert_null(begun_ask(begun));
	return begun_share(begun, from);
}

static struct begun *
empty(void **state)
{
	struct begun *begun = calloc(1, sizeof(*begun));

	(void)state;
	assert_non_null(begun);
	return begun;
}

static void
each_has_a_port_of_its_own(void **state)
{
	struct begun *begun = empty(state);

	assert_false(begins(begun, 4000, 1, 4000));
	assert_false(begins(begun, 4000, 2, 31234));
	assert_false(begins(begun, 4001, 1, 4001));
	free(begun);
}

static void
one_that_gets_anothers_is_seen(void **state)
{
	struct begun *begun = empty(state);

	assert_false(begins(begun, 4000, 1, 4000));
	assert_true(begins(begun, 4000, 2, 4000)); /* that was forgotten */
	free(begun);
}

static void
one_that_comes_again_is_itself(void **state)
{
	struct begun *begun = empty(state);

	assert_false(begins(begun, 4000, 1, 4000));
	assert_false(begins(begun, 4000, 1, 4000));
	assert_false(begins(begun, 4000, 1, 0));
	assert_false(begins(begun, 4000, 1, 4000));
	free(begun);
}

static void
who_is_not_known_had_its_programs_port(void **state)
{
	struct begun *begun = empty(state);

	assert_false(begins(begun, 4000, 1, 0));
	assert_false(begins(begun, 4001, 1, 4001));
	assert_true(begins(begun, 4000, 2, 4000));
	assert_true(begins(begun, 4001, 2, 31234)); /* or any */
	free(begun);
}

static void
what_was_read_has_no_port_here(void **state)
{
	struct begun *begun = empty(state);
	struct flow_key first = to(4000, 1), third = to(4002, 1);

	assert_false(begins(begun, 4000, 1, 4000));
	assert_false(begins(begun, 4001, 1, 4001));
	assert_true(begun_add(begun, &third, 1, at(1)));
	assert_int_equal(
	    begun_came(begun, &first, &first.local, 4001), 1); /* another */
	assert_int_equal(begun->n, 3);
	assert_int_equal(begun_came(begun, &first, &first.local, 4000), 1);
	assert_int_equal(begun->n, 2);
	assert_memory_equal(begun_ask(begun), &third, sizeof(third));
	begun_answer(begun, NULL);
	assert_false(begins(begun, 4000, 2, 4000));
	assert_int_equal(
	    begun_came(begun, &first, &first.local, 4000), 0); /* not there */
	assert_int_equal(begun->n, 3);
	free(begun);
}

static void
who_was_not_asked_about_stays(void **state)
{
	struct begun *begun = empty(state);
	struct flow_key second = to(4001, 1);

	assert_false(begins(begun, 4000, 1, 4000));
	assert_true(begun_add(begun, &second, 1, at(1)));
	begun_clear(begun, at(2));
	assert_memory_equal(begun_ask(begun), &second, sizeof(second));
	begun_answer(begun, NULL);
	begun_clear(begun, at(1)); /* it may be on its way yet */
	assert_int_equal(begun->n, 1);
	begun_clear(begun, at(2));
	assert_int_equal(begun->n, 0);
	free(begun);
}

static void
there_is_no_room_for_more(void **state)
{
	struct begun *begun = empty(state);
	struct flow_key key;

	for (uint16_t i = 0; i < BEGUN_MAX; i++) {
		key = to(i, 1);
		assert_true(begun_add(begun, &key, 1, at(1)));
	}
	key = to(0, 2);
	assert_false(begun_add(begun, &key, 1, at(1)));
	free(begun);
}

static void
one_that_waits_for_its_first_verdict_counts_once(void **state)
{
	struct begun *begun = empty(state);
	struct flow_key first = to(4000, 1), second = to(4001, 1);

	assert_true(begun_add(begun, &first, 1, at(1)));
	assert_true(begun_add(begun, &second, 1, at(1)));
	assert_true(begun_add(begun, &first, 1, at(2)));
	assert_int_equal(begun->n, 2);
	begun_answer(begun, NULL);
	/* conntrack may have begun it anew since */
	assert_true(begun_add(begun, &first, 1, at(2)));
	assert_int_equal(begun->n, 3);
	free(begun);
}

static void
two_programs_are_not_on_their_way_with_the_same_ends(void **state)
{
	struct begun *begun = empty(state);
	struct flow_key key = to(4000, 1), reply = key;

	reply.remote = key.local;
	reply.rport = 4000;
	assert_true(begun_add(begun, &key, 1, at(1)));
	begun_answer(begun, &reply);
	assert_int_equal(begun_came(begun, &key, &key.local, 4000), 1);
	assert_true(begun_add(begun, &key, 1, at(1)));
	assert_false(begun_add(begun, &key, 2, at(1)));
	/* of which of them it is nobody knows */
	assert_false(begun_add(begun, &key, 1, at(1)));
	begun_answer(begun, &reply);
	assert_int_equal(
	    begun_came(begun, &key, &key.local, 4001), BEGUN_NOBODYS);
	assert_int_equal(
	    begun_came(begun, &key, &key.local, 4000), BEGUN_NOBODYS);
	assert_true(begun_add(begun, &key, 2, at(1)));
	free(begun);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_a_port_of_its_own),
		cmocka_unit_test(one_that_gets_anothers_is_seen),
		cmocka_unit_test(one_that_comes_again_is_itself),
		cmocka_unit_test(who_is_not_known_had_its_programs_port),
		cmocka_unit_test(what_was_read_has_no_port_here),
		cmocka_unit_test(who_was_not_asked_about_stays),
		cmocka_unit_test(there_is_no_room_for_more),
		cmocka_unit_test(
		    one_that_waits_for_its_first_verdict_counts_once),
		cmocka_unit_test(
		    two_programs_are_not_on_their_way_with_the_same_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
