#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/fakeip.h"

static mono_t now = { 1000 * MONO_S };

static struct addr
get(struct fakeip *fakeip, const char *text, enum addr_family family)
{
	struct name name = name_of(text);
	struct addr addr;
	uint32_t number;

	if (!fakeip_find(fakeip, &name, family, now, &addr)) {
		assert_int_equal(fakeip_add(fakeip, &name, now, &number), 0);
		assert_true(fakeip_find(fakeip, &name, family, now, &addr));
	}
	return addr;
}

static void
name_and_address_are_one_for_the_other(void **state)
{
	struct fakeip *fakeip = fakeip_new();
	struct addr a = get(fakeip, "a.onion", ADDR_IP4);
	struct addr b = get(fakeip, "b.onion", ADDR_IP4);
	struct addr a6 = get(fakeip, "A.onion.", ADDR_IP6);
	struct addr again = get(fakeip, "a.onion", ADDR_IP4), other;
	struct name name = name_of("a.onion");
	char text[ADDR_STRLEN];

	(void)state;
	assert_true(addr_equal(&a, &again));
	assert_false(addr_equal(&a, &b));
	assert_string_equal(addr_format(&a, text), "198.18.1.0");
	assert_string_equal(addr_format(&a6, text), "fd17:1117::100");
	assert_true(fakeip_is(&a) && fakeip_is(&a6));
	assert_true(name_equal(fakeip_name(fakeip, &a, now), &name));
	assert_true(name_equal(fakeip_name(fakeip, &a6, now), &name));
	assert_int_equal(addr_parse(&other, "198.18.0.1", 10), 0);
	assert_true(fakeip_is(&other));
	assert_null(fakeip_name(fakeip, &other, now));
	other = a6;
	other.bytes[8] = 1;
	assert_true(fakeip_is(&other));
	assert_null(fakeip_name(fakeip, &other, now));
	assert_int_equal(addr_parse(&other, "198.20.1.0", 10), 0);
	assert_false(fakeip_is(&other));
	fakeip_free(fakeip);
}

static int
add(struct fakeip *fakeip, const char *text)
{
	struct name name = name_of(text);
	uint32_t number;

	return fakeip_add(fakeip, &name, now, &number);
}

static void
full_table_forgets_what_nobody_uses(void **state)
{
	struct fakeip *fakeip = fakeip_new();
	mono_t began = now;
	char text[32];
	struct addr first, oldest, last;

	(void)state;
	first = get(fakeip, "n0.example", ADDR_IP4);
	oldest = get(fakeip, "n1.example", ADDR_IP4);
	for (size_t i = 2; i < FAKEIP_MAX; i++) {
		assert_false(fakeip_is_full(fakeip));
		(void)snprintf(text, sizeof(text), "n%zu.example", i);
		last = get(fakeip, text, ADDR_IP4);
	}
	assert_true(fakeip_is_full(fakeip));
	assert_true(fakeip_is(&last));
	/* whoever was told an address may go there for as long as the answer
	 * lives, and then some */
	assert_int_equal(add(fakeip, "new.example"), -ENOSPC);
	now = mono_add(began, (FAKEIP_TTL + 1) * MONO_S);
	assert_int_equal(add(fakeip, "new.example"), -ENOSPC);
	assert_non_null(fakeip_name(fakeip, &first, now)); /* used now */
	now = mono_add(began, FAKEIP_KEPT);
	last = get(fakeip, "new.example", ADDR_IP4);
	assert_int_equal(fakeip_count(fakeip), FAKEIP_MAX);
	assert_true(addr_equal(&last, &oldest));
	assert_non_null(fakeip_name(fakeip, &first, now));
	fakeip_free(fakeip);
	now = began;
}

static void
gaps_are_filled_before_anybody_goes(void **state)
{
	struct fakeip *fakeip = fakeip_new();
	char text[32];

	(void)state;
	for (size_t i = 0; i < FAKEIP_MAX - 1; i++) {
		int n = snprintf(
		    text, sizeof(text), "%zu n%zu.example", i, i % 65534);

		assert_int_equal(fakeip_read(fakeip, text, (size_t)n, now), 0);
	}
	/* n0 has moved to 65534, the last of them */
	assert_int_equal(fakeip_count(fakeip), FAKEIP_MAX - 2);
	assert_int_equal(add(fakeip, "a.example"), 0);
	assert_int_equal(add(fakeip, "b.example"), 0);
	assert_int_equal(add(fakeip, "c.example"), -ENOSPC);
	fakeip_free(fakeip);
}

static void
text_reads_back(void **state)
{
	static const char later[] = "7 c.example\nx y\n\n99999999 d.example\n"
				    "7 e.example\n8 b.onion";
	struct fakeip *fakeip = fakeip_new(), *copy = fakeip_new();
	struct addr a = get(fakeip, "a.onion", ADDR_IP6), b;
	struct name name = name_of("a.onion");
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	b = get(fakeip, "b.onion", ADDR_IP4);
	fakeip_write(fakeip, out);
	(void)fclose(out);
	assert_string_equal(text, "0 a.onion\n1 b.onion\n");
	assert_int_equal(fakeip_read(copy, text, len, now), 0);
	assert_true(name_equal(fakeip_name(copy, &a, now), &name));
	assert_int_equal(fakeip_read(copy, later, strlen(later), now), 2);
	assert_int_equal(fakeip_count(copy), 3); /* a, e, b in its new place */
	assert_null(fakeip_name(copy, &b, now));
	/* numbers that are taken are not given */
	for (int i = 0; i < 20; i++) {
		char label[32];

		(void)snprintf(label, sizeof(label), "m%d.example", i);
		(void)get(copy, label, ADDR_IP4);
	}
	assert_int_equal(fakeip_count(copy), 23);
	free(text);
	fakeip_free(fakeip);
	fakeip_free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_and_address_are_one_for_the_other),
		cmocka_unit_test(full_table_forgets_what_nobody_uses),
		cmocka_unit_test(gaps_are_filled_before_anybody_goes),
		cmocka_unit_test(text_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
