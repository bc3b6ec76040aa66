#include "tests/unit/unit.h"

#include "src/core/attr_sizes.h"

static void
sizes_are_bounded_on_any_machine(void **state)
{
	static const uint64_t values[] = { 0, 1, 255, 4096, 1 << 20,
		UINT64_C(1) << 30, UINT64_C(1) << 40, UINT64_MAX };
	const size_t n = N_ROWS(values);

	(void)state;
	for (size_t i = 0; i < n * n * n * n; i++) {
		struct attr_machine machine = { values[i % n],
			values[i / n % n], values[i / n / n % n],
			values[i / n / n / n] };
		struct attr_sizes s;

		attr_sizes_of(&s, &machine);
		assert_in_range(s.uses, 4096, 1 << 20);
		assert_in_range(s.processes, 1024, 65536);
		assert_in_range(s.owners, 8192, 1 << 20);
		assert_in_range(s.judged, 1, s.uses);
		assert_in_range(s.gone, 1, s.processes);
		assert_in_range(s.uses_ring, 1 << 19, 1 << 24);
		assert_in_range(s.births_ring, 1 << 17, 1 << 20);
		assert_int_equal(s.uses_ring & (s.uses_ring - 1), 0);
		assert_int_equal(s.births_ring & (s.births_ring - 1), 0);
	}
}

/* Both queues may be full, and each packet has a record. */
static void
what_waits_in_the_queues_has_room(void **state)
{
	struct attr_machine machine = { .memory = UINT64_C(8) << 30,
		.pid_max = 4194304,
		.flows_max = 262144,
		.queue = 8192 };
	struct attr_sizes s;

	(void)state;
	attr_sizes_of(&s, &machine);
	assert_true(s.uses >= 2 * machine.queue);
	assert_true(s.uses_ring / 208 >= machine.queue / 2);
	assert_true(s.processes >= 16384);
	assert_true(s.owners >= 32768);
	/* 300 programs a second of a build, for two seconds */
	assert_true(s.births_ring >= UINT64_C(600) * 1500);
	assert_true(s.owners * 160 <= machine.memory / 1024);
}

static void
a_small_machine_gives_a_small_share(void **state)
{
	struct attr_machine machine = { .memory = UINT64_C(256) << 20,
		.pid_max = 32768,
		.flows_max = 16384,
		.queue = 8192 };
	struct attr_sizes s;

	(void)state;
	attr_sizes_of(&s, &machine);
	assert_true(s.uses_ring + s.births_ring <= machine.memory / 256);
	assert_true(s.processes * 512 <= machine.memory / 256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_bounded_on_any_machine),
		cmocka_unit_test(what_waits_in_the_queues_has_room),
		cmocka_unit_test(a_small_machine_gives_a_small_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
