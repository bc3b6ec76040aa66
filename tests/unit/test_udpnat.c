#include "tests/unit/unit.h"

#include <string.h>
#include <time.h>

#include "port17/pace.h"
#include "port17/udpnat.h"

static mono_t
at(uint64_t s)
{
	return (mono_t){ s * MONO_S };
}

static struct udpnat_entry
entry_of(const char *peer, uint16_t port, uint16_t rport)
{
	struct udpnat_entry entry = { .port = port };

	memset(&entry.key, 0, sizeof(entry.key)); /* hashed with its padding */
	entry.key.rport = rport;

	assert_int_equal(addr_parse(&entry.peer, peer, strlen(peer)), 0);
	return entry;
}

static void
found_by_peer_and_port(void **state)
{
	struct udpnat_entry a = entry_of("10.9.0.1", 4000, 443);
	struct udpnat_entry b = entry_of("10.9.0.1", 57014, 53);
	struct udpnat_entry c = entry_of("fd09::1", 4000, 443);
	struct udpnat nat;

	(void)state;
	assert_int_equal(udpnat_init(&nat, 3), 0);
	udpnat_add(&nat, &a, at(1));
	udpnat_add(&nat, &b, at(1));
	assert_null(udpnat_crowded(&nat));
	udpnat_add(&nat, &c, at(1));
	assert_ptr_equal(udpnat_find(&nat, &a.peer, 4000), &a);
	assert_ptr_equal(udpnat_find(&nat, &a.peer, 57014), &b);
	assert_ptr_equal(udpnat_find(&nat, &c.peer, 4000), &c);
	assert_null(udpnat_find(&nat, &a.peer, 4001));
	/* the one that was quiet longest makes room */
	udpnat_touch(&nat, &a, false, at(2));
	assert_ptr_equal(udpnat_crowded(&nat), &b);
	udpnat_remove(&nat, &b);
	assert_null(udpnat_crowded(&nat));
	assert_null(udpnat_find(&nat, &a.peer, 57014));
	udpnat_done(&nat);
}

static void
answers_find_whom_they_are_for(void **state)
{
	struct udpnat_entry a = entry_of("10.9.0.1", 1, 443);
	struct udpnat_entry b = entry_of("10.9.0.1", 2, 443);
	struct udpnat_entry c = entry_of("10.9.0.1", 3, 53);
	struct addr far = entry_of("192.0.2.7", 0, 0).peer;
	struct addr name = { .family = ADDR_NONE };
	struct udpnat nat;

	(void)state;
	a.key.remote = b.key.remote = c.key.remote = far;
	b.key.lport = 7;
	assert_int_equal(udpnat_init(&nat, 3), 0);
	udpnat_add(&nat, &a, at(1));
	udpnat_add(&nat, &b, at(1));
	udpnat_add(&nat, &c, at(1));
	assert_ptr_equal(udpnat_find_key(&nat, &b.key), &b);
	assert_null(udpnat_find_far(&nat, &a, &far, 443));
	udpnat_set_way(&nat, &a, &a, &far);
	udpnat_set_way(&nat, &b, &b, &far);
	udpnat_set_way(&nat, &c, &a, &name);
	assert_ptr_equal(udpnat_find_far(&nat, &a, &far, 443), &a);
	assert_ptr_equal(udpnat_find_far(&nat, &b, &far, 443), &b);
	assert_null(udpnat_find_far(&nat, &a, &far, 53));
	assert_ptr_equal(udpnat_find_far(&nat, &a, &name, 53), &c);
	/* it goes another way */
	udpnat_set_way(&nat, &a, &b, &far);
	assert_null(udpnat_find_far(&nat, &a, &far, 443));
	udpnat_set_way(&nat, &a, NULL, NULL);
	udpnat_remove(&nat, &b);
	assert_null(udpnat_find_far(&nat, &b, &far, 443));
	assert_null(udpnat_find_key(&nat, &b.key));
	udpnat_remove(&nat, &a);
	udpnat_remove(&nat, &c);
	assert_int_equal(udpnat_count(&nat), 0);
	udpnat_done(&nat);
}

static void
comes_again_from_elsewhere(void **state)
{
	struct udpnat_entry a = entry_of("10.9.0.1", 1, 443);
	struct udpnat_entry b = entry_of("10.9.0.1", 1, 443);
	struct udpnat nat;

	(void)state;
	b.key.lport = 7;
	assert_int_equal(udpnat_init(&nat, 3), 0);
	udpnat_add(&nat, &a, at(1));
	udpnat_touch(&nat, &a, true, at(1));
	udpnat_leave(&nat, &a, at(2));
	assert_null(udpnat_find(&nat, &a.peer, 1));
	assert_ptr_equal(udpnat_find_key(&nat, &a.key), &a);
	udpnat_add(&nat, &b, at(2));
	assert_ptr_equal(udpnat_find(&nat, &a.peer, 1), &b);
	assert_int_equal(udpnat_count(&nat), 2);
	/* it is waited for, but not for as long as it would live */
	assert_null(udpnat_expired(&nat, at(11)));
	assert_ptr_equal(udpnat_expired(&nat, at(12)), &a);
	udpnat_come(&nat, &a, &b.peer, 2);
	udpnat_touch(&nat, &a, false, at(12));
	assert_ptr_equal(udpnat_find(&nat, &b.peer, 2), &a);
	assert_ptr_equal(udpnat_find(&nat, &b.peer, 1), &b);
	assert_null(udpnat_expired(&nat, at(26)));
	udpnat_leave(&nat, &a, at(26));
	udpnat_remove(&nat, &a);
	udpnat_remove(&nat, &b);
	assert_int_equal(udpnat_count(&nat), 0);
	udpnat_done(&nat);
}

static void
ends_before_conntrack_does(void **state)
{
	struct udpnat_entry quiet = entry_of("10.9.0.1", 1, 443);
	struct udpnat_entry stream = entry_of("10.9.0.1", 2, 443);
	struct udpnat_entry dns = entry_of("10.9.0.1", 3, 53);
	struct udpnat_entry once = entry_of("10.9.0.1", 4, 443);
	struct udpnat_entry late = entry_of("10.9.0.1", 5, 443);
	struct udpnat nat;

	(void)state;
	assert_int_equal(udpnat_init(&nat, 10), 0);
	udpnat_add(&nat, &quiet, at(100));
	udpnat_add(&nat, &stream, at(100));
	udpnat_add(&nat, &dns, at(100));
	udpnat_add(&nat, &once, at(100));
	udpnat_add(&nat, &late, at(100));
	udpnat_touch(&nat, &stream, true, at(100));
	udpnat_touch(&nat, &stream, false, at(104));
	udpnat_touch(&nat, &dns, true, at(100));
	udpnat_touch(&nat, &once, true, at(100));
	udpnat_touch(&nat, &once, false, at(101)); /* in the first seconds */
	udpnat_touch(&nat, &late, true, at(105));  /* the first answer */
	assert_null(udpnat_expired(&nat, at(109)));
	assert_ptr_equal(udpnat_expired(&nat, at(110)), &dns);
	udpnat_remove(&nat, &dns);
	assert_null(udpnat_expired(&nat, at(124)));
	assert_ptr_equal(udpnat_expired(&nat, at(125)), &quiet); /* < 30 */
	udpnat_remove(&nat, &quiet);
	assert_ptr_equal(udpnat_expired(&nat, at(126)), &once);
	udpnat_remove(&nat, &once);
	assert_ptr_equal(udpnat_expired(&nat, at(130)), &late);
	udpnat_remove(&nat, &late);
	assert_null(udpnat_expired(&nat, at(213)));
	assert_ptr_equal(udpnat_expired(&nat, at(214)), &stream); /* < 120 */
	udpnat_remove(&nat, &stream);
	assert_null(udpnat_expired(&nat, at(1000)));
	udpnat_done(&nat);
}

/* Many that are quiet for a while cost nothing when others end: with a look at
 * each of them it was half a minute. */
static void
ends_past_many_that_live(void **state)
{
	enum {
		MANY = 50000
	};
	static struct udpnat_entry v[2 * MANY];
	struct udpnat_entry *ended;
	struct udpnat nat;
	clock_t begin;
	size_t n = 0;

	(void)state;
	assert_int_equal(udpnat_init(&nat, 2 * MANY), 0);
	for (size_t i = 0; i < 2 * MANY; i++) {
		v[i] = entry_of("10.9.0.1", (uint16_t)i, 443);
		v[i].peer.bytes[2] = (uint8_t)(i >> 16);
		v[i].key.local = v[i].peer;
		v[i].key.lport = v[i].port;
		udpnat_add(&nat, &v[i], at(1));
		if (i >= MANY)
			continue;
		udpnat_touch(&nat, &v[i], true, at(1));
		udpnat_touch(&nat, &v[i], true, at(4));
	}
	begin = clock();
	while ((ended = udpnat_expired(&nat, at(60))) != NULL) {
		assert_true(ended >= &v[MANY]);
		udpnat_remove(&nat, ended);
		n++;
	}
	assert_int_equal(n, MANY);
	assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
	for (size_t i = 0; i < MANY; i++)
		udpnat_remove(&nat, &v[i]);
	udpnat_done(&nat);
}

static mono_t
at_us(uint64_t us)
{
	return (mono_t){ us * 1000 };
}

static void
fast_senders_wait_and_slow_ones_do_not(void **state)
{
	struct pace pace = { .on = false };
	uint64_t us = 1000;
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000; i++) /* one each 50 us is not fast */
		assert_false(pace_wait(&pace, 1, at_us(us += 50)));
	for (i = 0; i < PACE_QUICK_MIN - 1; i++)
		assert_false(pace_wait(&pace, 1, at_us(us += 10)));
	assert_true(pace_wait(&pace, 1, at_us(us += 10)));
	assert_true(pace_wait(&pace, 6, at_us(us += 60)));
	/* that is as many as there should be: on at once */
	assert_false(pace_wait(&pace, PACE_ENOUGH, at_us(us += 60)));
	assert_true(pace_wait(&pace, 6, at_us(us += 60)));
	/* it has become slow: nobody waits any more */
	assert_false(pace_wait(&pace, 1, at_us(us += 60)));
	assert_false(pace_wait(&pace, 1, at_us(us += 10)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_peer_and_port),
		cmocka_unit_test(answers_find_whom_they_are_for),
		cmocka_unit_test(fast_senders_wait_and_slow_ones_do_not),
		cmocka_unit_test(comes_again_from_elsewhere),
		cmocka_unit_test(ends_before_conntrack_does),
		cmocka_unit_test(ends_past_many_that_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
