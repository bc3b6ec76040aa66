#include "tests/unit/unit.h"

#include "src/port17_past.h"

static struct flow_key
key_of(unsigned int n)
{
	return (struct flow_key){ .local = { ADDR_IP4, { 10, 9, 0, 1 } },
		.remote = { ADDR_IP4, { 192, 0, 2, 7 } },
		.lport = (uint16_t)n,
		.rport = 443,
		.proto = 6 };
}

static void
those_that_make_room_are_counted(void **state)
{
	uint64_t forgotten = 0;
	struct port17_pasts *pasts = port17_pasts_new(&forgotten);
	struct flow_key key;

	(void)state;
	assert_non_null(pasts);
	for (unsigned int n = 0; n < PORT17_PASTS_MAX + 3; n++) {
		key = key_of(n);
		assert_non_null(port17_pasts_put(pasts, &key));
	}
	assert_int_equal(forgotten, 3);
	/* in place of an earlier one: that makes room for nobody */
	assert_non_null(port17_pasts_put(pasts, &key));
	assert_int_equal(forgotten, 3);
	assert_non_null(port17_pasts_find(pasts, &key));
	key = key_of(2);
	assert_null(port17_pasts_find(pasts, &key));
	key = key_of(3);
	assert_non_null(port17_pasts_find(pasts, &key));
	port17_pasts_free(pasts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_make_room_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
