#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/name.h"

/* 63 octets */
#define LABEL "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static void
names_have_one_form(void **state)
{
	static const struct {
		const char *text, *canonical;
	} rows[] = {
		{ "example.com", "example.com" },
		{ "ExAmPlE.CoM.", "example.com" },
		{ ".", "." },
		{ "com", "com" },
		{ "_dmarc.x-1.test", "_dmarc.x-1.test" },
		{ "a\\.b.c", "a\\.b.c" },
		{ "a\\\\b", "a\\\\b" },
		{ "\\065\\000.test", "a\\000.test" },
		{ "\\255", "\\255" },
		{ "*.test", "*.test" },
		{ LABEL ".test", LABEL ".test" },
	};
	char buf[NAME_TEXT_SIZE];
	struct name name, again;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int r = name_parse(&name, rows[i].text, strlen(rows[i].text));

		if (rows[i].canonical == NULL) {
			row_true(rows[i].text, r == -EINVAL);
			continue;
		}
		row_true(rows[i].text, r == 0);
		assert_string_equal(name_format(&name, buf), rows[i].canonical);
		assert_int_equal(name_parse(&again, buf, strlen(buf)), 0);
		assert_true(name_equal(&name, &again));
		assert_int_equal(
		    name_from_wire(&again, name.wire, name.len), 0);
		assert_true(name_equal(&name, &again));
	}
}

static void
bad_text_is_no_name(void **state)
{
	static const char *const rows[] = { "", "..", ".a", "a..b", "a b",
		"a\tb", "\\", "a\\25", "a\\256", "a\\2x5",
		"b\xc3\xbc"
		"cher.de",
		LABEL "x.test" };
	struct name name;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		row_true(rows[i],
		    name_parse(&name, rows[i], strlen(rows[i])) == -EINVAL);
	assert_int_equal(name_parse(&name, "good.test\0.evil", 15), -EINVAL);
}

static void
names_of_255_octets_are_the_longest(void **state)
{
	/* 3 * 64, 1 + 61, 1 */
	static const char fits[] =
	    LABEL "." LABEL "." LABEL ".abcdefghijklmnopqrstuvwxyz0123456"
		  "789abcdefghijklmnopqrstuvwxy";
	char longer[sizeof(fits) + 1];
	struct name name, again;
	uint8_t wire[NAME_WIRE_MAX + 1];

	(void)state;
	assert_int_equal(name_parse(&name, fits, strlen(fits)), 0);
	assert_int_equal(name.len, NAME_WIRE_MAX);
	assert_int_equal(name_from_wire(&again, name.wire, name.len), 0);
	(void)snprintf(longer, sizeof(longer), "%sx", fits); /* fits */
	assert_int_equal(name_parse(&name, longer, strlen(longer)), -EINVAL);
	wire[0] = 1;
	wire[1] = 'x';
	memcpy(wire + 2, again.wire, sizeof(wire) - 2);
	assert_int_equal(name_from_wire(&name, wire, sizeof(wire)), -EINVAL);
}

static void
bad_wire_is_no_name(void **state)
{
	static const struct {
		const char *name;
		const char *wire;
		size_t len;
	} rows[] = {
		{ "empty", "", 0 },
		{ "no root", "\3com", 4 },
		{ "cut label", "\3co", 3 },
		{ "pointer", "\3com\xc0\x0c", 6 },
		{ "64 octets", "\x40x", 2 },
	};
	struct name name;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		row_true(rows[i].name,
		    name_from_wire(&name, (const uint8_t *)rows[i].wire,
			rows[i].len) == -EINVAL);
	/* what follows is not its matter */
	assert_int_equal(
	    name_from_wire(&name, (const uint8_t *)"\1A\0rest", 7), 0);
	assert_int_equal(name.len, 3);
	assert_memory_equal(name.wire, "\1a", 3);
}

static void
suffixes_end_at_labels(void **state)
{
	static const struct {
		const char *name, *zone;
		bool in;
	} rows[] = {
		{ "example.com", "example.com", true },
		{ "www.example.com", "example.com", true },
		{ "example.com", "www.example.com", false },
		{ "badexample.com", "example.com", false },
		{ "example.com", ".", true },
		{ ".", ".", true },
		{ ".", "com", false },
		{ "example.com.evil", "example.com", false },
		{ "x\\.example.com", "example.com", false },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct name name = name_of(rows[i].name);
		struct name zone = name_of(rows[i].zone);

		row_true(rows[i].name, name_in(&name, &zone) == rows[i].in);
	}
}

static void
a_walk_leaves_out_one_label_each_step(void **state)
{
	struct name name = name_of("a.bc.def");
	static const size_t rests[] = { 10, 8, 5, 1 };
	size_t n = 0;

	(void)state;
	for (const uint8_t *at = name.wire; at != NULL; at = name_step(at))
		assert_int_equal(name_rest(&name, at), rests[n++]);
	assert_int_equal(n, 4);
	assert_int_equal(name_n_labels(&name), 3);
	name = name_of(".");
	assert_int_equal(name_n_labels(&name), 0);
	assert_true(name_is_root(&name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_one_form),
		cmocka_unit_test(bad_text_is_no_name),
		cmocka_unit_test(names_of_255_octets_are_the_longest),
		cmocka_unit_test(bad_wire_is_no_name),
		cmocka_unit_test(suffixes_end_at_labels),
		cmocka_unit_test(a_walk_leaves_out_one_label_each_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
