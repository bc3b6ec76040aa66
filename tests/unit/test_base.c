#include "tests/unit/unit.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/budget.h"
#include "src/base/addr.h"
#include "src/base/arena.h"
#include "src/base/line.h"
#include "src/base/list.h"
#include "src/base/log.h"
#include "src/base/log_json.h"
#include "src/base/map.h"
#include "src/base/mono.h"
#include "src/base/num.h"
#include "src/base/rd.h"

static struct addr
addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), 0);
	return a;
}

static void
addresses_parse_and_print(void **state)
{
	static const char *const good[] = { "0.0.0.0", "192.0.2.7",
		"255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1" };
	static const char *const bad[] = { "", "1", "1.2.3", "1.2.3.256",
		"1.2.3.4 ", " 1.2.3.4", "01.2.3.4.5",
		"::1::", "g::", "1.2.3.4/24", "12345::" };
	char buf[ADDR_STRLEN];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < N_ROWS(good); i++) {
		a = addr(good[i]);
		assert_string_equal(addr_format(&a, buf), good[i]);
	}
	for (size_t i = 0; i < N_ROWS(bad); i++)
		row_true(
		    bad[i], addr_parse(&a, bad[i], strlen(bad[i])) == -EINVAL);
	assert_int_equal(addr_parse(&a, "1.2.3.4\0", 8), -EINVAL);
}

static void
mapped_addresses_are_unmapped(void **state)
{
	struct addr a = addr("::ffff:192.0.2.1"), b = addr("192.0.2.1");

	(void)state;
	assert_false(addr_equal(&a, &b));
	a = addr_unmap(&a);
	assert_true(addr_equal(&a, &b));
	a = addr("::192.0.2.1"); /* compatible, not mapped */
	b = addr_unmap(&a);
	assert_true(addr_equal(&a, &b));
}

static void
prefixes_hold_to_the_bit(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7/32", "192.0.2.6", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::1/128", "::2", false },
	};
	struct prefix p;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct addr a = addr(rows[i].addr);
		struct addr_range r;

		assert_int_equal(
		    prefix_parse(&p, rows[i].prefix, strlen(rows[i].prefix)),
		    0);
		row_true(
		    rows[i].prefix, prefix_contains(&p, &a) == rows[i].inside);
		r = prefix_range(&p);
		row_true(rows[i].prefix,
		    addr_range_contains(&r, &a) == rows[i].inside);
	}
	assert_int_equal(prefix_parse(&p, "10.0.0.1/8", 10), -EINVAL);
	assert_int_equal(prefix_parse(&p, "10.0.0.0/33", 11), -EINVAL);
	assert_int_equal(prefix_parse(&p, "10.0.0.0/", 9), -EINVAL);
}

static void
ranges_are_in_order_and_of_one_family(void **state)
{
	struct addr_range r;
	struct addr a = addr("10.0.0.5");

	(void)state;
	assert_int_equal(addr_range_parse(&r, "10.0.0.1-10.0.0.9", 17), 0);
	assert_true(addr_range_contains(&r, &a));
	a = addr("10.0.0.10");
	assert_false(addr_range_contains(&r, &a));
	assert_int_equal(
	    addr_range_parse(&r, "10.0.0.9-10.0.0.1", 17), -EINVAL);
	assert_int_equal(addr_range_parse(&r, "10.0.0.9-::1", 12), -EINVAL);
}

static void
scopes_partition_addresses(void **state)
{
	static const struct {
		const char *addr;
		char scope; /* l oopback, L an, m ulticast, b roadcast,
			     * i nternet, - none */
	} rows[] = {
		{ "127.0.0.1", 'l' },
		{ "127.255.0.1", 'l' },
		{ "::1", 'l' },
		{ "10.1.2.3", 'L' },
		{ "172.15.0.1", 'i' },
		{ "172.16.0.1", 'L' },
		{ "172.31.255.255", 'L' },
		{ "172.32.0.1", 'i' },
		{ "192.168.1.1", 'L' },
		{ "169.254.1.1", 'L' },
		{ "100.64.0.1", 'L' },
		{ "100.128.0.1", 'i' },
		{ "fe80::1", 'L' },
		{ "febf::1", 'L' },
		{ "fec0::1", 'i' },
		{ "fd00::1", 'L' },
		{ "224.0.0.251", 'm' },
		{ "ff02::fb", 'm' },
		{ "255.255.255.255", 'b' },
		{ "8.8.8.8", 'i' },
		{ "2001:db8::1", 'i' },
		{ "0.0.0.0", '-' },
		{ "::", '-' },
		{ "240.0.0.1", '-' },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct addr a = addr(rows[i].addr);
		char scope = rows[i].scope;

		row_true(rows[i].addr, addr_is_loopback(&a) == (scope == 'l'));
		row_true(rows[i].addr, addr_is_lan(&a) == (scope == 'L'));
		row_true(rows[i].addr, addr_is_multicast(&a) == (scope == 'm'));
		row_true(rows[i].addr, addr_is_broadcast(&a) == (scope == 'b'));
		row_true(rows[i].addr, addr_is_internet(&a) == (scope == 'i'));
	}
}

static void
numbers_are_strict(void **state)
{
	uint64_t n = 77;

	(void)state;
	assert_int_equal(num_parse(&n, "65535", 5, 65535), 0);
	assert_int_equal(n, 65535);
	assert_int_equal(num_parse(&n, "65536", 5, 65535), -ERANGE);
	assert_int_equal(
	    num_parse(&n, "18446744073709551615", 20, UINT64_MAX), 0);
	assert_int_equal(
	    num_parse(&n, "18446744073709551616", 20, UINT64_MAX), -ERANGE);
	assert_int_equal(num_parse(&n, "9", 1, 5), -ERANGE);
	assert_int_equal(num_parse(&n, "", 0, 5), -EINVAL);
	assert_int_equal(num_parse(&n, "-1", 2, 5), -EINVAL);
	assert_int_equal(num_parse(&n, "1 ", 2, 5), -EINVAL);
	assert_int_equal(num_parse(&n, "0x1", 3, 5), -EINVAL);
}

static void
units_parse_back_to_what_was_printed(void **state)
{
	static const uint64_t values[] = { 0, 1, 999, 1000, 1024, 60000,
		86400000, 90061001, UINT64_C(3) << 30 };
	char buf[NUM_STRLEN];
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < N_ROWS(values); i++) {
		num_format_size(values[i], buf);
		assert_int_equal(
		    num_parse_size(&n, buf, strlen(buf), UINT64_MAX), 0);
		assert_int_equal(n, values[i]);
		num_format_duration(values[i], buf);
		assert_int_equal(
		    num_parse_duration(&n, buf, strlen(buf), UINT64_MAX), 0);
		assert_int_equal(n, values[i]);
	}
	assert_string_equal(num_format_duration(86400000, buf), "1d");
	assert_string_equal(num_format_size(33554432, buf), "32M");
	assert_int_equal(num_parse_duration(&n, "10", 2, UINT64_MAX), -EINVAL);
	assert_int_equal(num_parse_size(&n, "10k", 3, UINT64_MAX), -EINVAL);
	assert_int_equal(
	    num_parse_size(&n, "18014398509481984K", 18, UINT64_MAX), -ERANGE);
}

struct thing {
	struct map_node node;
	int key;
};

static struct thing *
thing_find(const struct map *map, int key)
{
	uint64_t hash = map_hash(map, &key, sizeof(key));
	struct map_node *node = map_first(map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct thing *t = container_of(node, struct thing, node);

		if (t->key == key)
			return t;
	}
	return NULL;
}

static void
map_finds_what_was_put_and_only_that(void **state)
{
	enum {
		N = 10000
	};
	struct thing *things = calloc(N, sizeof(things[0]));
	struct map map;

	(void)state;
	assert_int_equal(map_init(&map), 0);
	for (int i = 0; i < N; i++) {
		things[i].key = i;
		map_put(&map, &things[i].node, map_hash(&map, &i, sizeof(i)));
	}
	assert_int_equal(map.count, N);
	for (int i = 0; i < N; i += 2)
		map_remove(&map, &things[i].node);
	for (int i = 0; i < N; i++)
		assert_ptr_equal(
		    thing_find(&map, i), i % 2 == 0 ? NULL : &things[i]);
	assert_null(thing_find(&map, N));
	map_done(&map);
	free(things);
}

/* Its nodes are moved a few at a time: whatever comes and goes meanwhile. */
static void
a_map_that_grows_loses_nothing(void **state)
{
	enum {
		N = 3000
	};
	static struct thing things[N];
	struct map map;
	size_t n = 0;

	(void)state;
	assert_int_equal(map_init(&map), 0);
	for (int i = 0; i < N; i++) {
		things[i].key = i;
		map_put(&map, &things[i].node, map_hash(&map, &i, sizeof(i)));
		n++;
		if (i % 3 == 0) {
			map_remove(&map, &things[i / 2].node);
			things[i / 2].key = -1;
			n--;
		}
		assert_int_equal(map.count, n);
		for (int j = i % 16; j <= i; j += 16)
			assert_ptr_equal(thing_find(&map, j),
			    things[j].key == j ? &things[j] : NULL);
	}
	map_done(&map);
}

static void
two_maps_hash_differently(void **state)
{
	struct map a, b;

	(void)state;
	assert_int_equal(map_init(&a), 0);
	assert_int_equal(map_init(&b), 0);
	assert_true(map_hash(&a, "x", 1) != map_hash(&b, "x", 1));
	assert_true(map_hash(&a, "x", 1) != map_hash(&a, "x\0", 2));
	map_done(&a);
	map_done(&b);
}

static void
list_survives_removal_while_walked(void **state)
{
	struct list head, nodes[5], *node, *tmp;
	int n = 0;

	(void)state;
	list_init(&head);
	for (size_t i = 0; i < N_ROWS(nodes); i++)
		list_append(&head, &nodes[i]);
	list_for_each_safe (node, tmp, &head) {
		assert_ptr_equal(node, &nodes[n++]);
		list_remove(node);
		list_remove(node); /* a second time does no harm */
	}
	assert_int_equal(n, 5);
	assert_true(list_empty(&head));
}

static void
arena_gives_zeroed_memory_of_any_size(void **state)
{
	struct arena *arena = arena_new();
	char *large, *p;

	(void)state;
	assert_non_null(arena);
	large = arena_alloc(arena, 1, 1000000);
	for (size_t i = 1; i < 2000; i++) {
		p = arena_alloc(arena, i, 1);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % sizeof(void *), 0);
		assert_int_equal(p[0] | p[i - 1], 0);
		memset(p, 0xff, i);
	}
	assert_int_equal(large[999999], 0);
	assert_null(arena_alloc(arena, SIZE_MAX, 2));
	assert_null(arena_alloc(arena, SIZE_MAX - 3, 1));
	assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
	arena_free(arena);
	arena_free(NULL);
}

static void
cursor_error_sticks(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7 };
	uint8_t copy[2] = { 9, 9 };
	struct rd rd;

	(void)state;
	rd_init(&rd, bytes, sizeof(bytes));
	assert_int_equal(rd_u8(&rd), 1);
	assert_int_equal(rd_u16(&rd), 0x0203);
	assert_int_equal(rd_u32(&rd), 0x04050607);
	assert_false(rd.bad);
	rd_init(&rd, bytes, 3);
	assert_int_equal(rd_u32(&rd), 0);
	assert_true(rd.bad);
	assert_int_equal(rd_u8(&rd), 0); /* though three are left */
	rd_copy(&rd, copy, 2);
	assert_int_equal(copy[0], 9);
}

static char logged[4096];

static void
log_catch(enum log_level level, const char *line, size_t len)
{
	(void)level;
	memcpy(logged, line, len);
	logged[len] = '\0';
}

/* Who reads the log may stand still: nobody waits for him. */
static void
log_without_a_reader_is_lost_and_told(void **state)
{
	static char text[1 << 17];
	int pair[2], before = dup(STDERR_FILENO);
	size_t len;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(pair), 0);
	assert_true(dup2(pair[1], STDERR_FILENO) >= 0);
	for (int i = 0; i < 3000; i++)
		log_info("x", "line %d of what nobody reads %060d", i, i);
	n = read(pair[0], text, sizeof(text));
	log_info("x", "the last one");
	(void)dup2(before, STDERR_FILENO);
	(void)close(before);
	(void)close(pair[1]);
	assert_true(n > 4096);
	len = (size_t)n;
	assert_null(memmem(text, len, "line 2999 ", 10));
	n = read(pair[0], text, sizeof(text) - 1);
	(void)close(pair[0]);
	assert_true(n > 0);
	text[n] = '\0';
	assert_ptr_equal(
	    strstr(text, "warning log: nobody has read it, and lines are "
			 "lost: "),
	    text);
	assert_non_null(strstr(text, "\ninfo x: the last one\n"));
}

static void
log_lines_cannot_be_forged(void **state)
{
	char quoted[64];

	(void)state;
	log_set_sink(log_catch);
	log_info("x", "exe=%s", "a\nerror x: forged\x1b[2J");
	assert_string_equal(
	    logged, "info x: exe=a\\x0aerror x: forged\\x1b[2J");
	log_set_format(LOG_FORMAT_JSON);
	log_info("x", "say=%s", "\"hi\"\\");
	assert_non_null(strstr(logged, "\"message\":\"say=\\\"hi\\\"\\\\\","));
	log_set_format(LOG_FORMAT_TEXT);
	logged[0] = '\0';
	log_set_level(LOG_LEVEL_WARNING);
	log_info("x", "quiet");
	assert_string_equal(logged, "");
	log_set_level(LOG_LEVEL_INFO);
	log_set_sink(NULL);
	assert_string_equal(
	    log_quote("/bin/a", quoted, sizeof(quoted)), "/bin/a");
	assert_string_equal(
	    log_quote("a b\n", quoted, sizeof(quoted)), "\"a b\\x0a\"");
	assert_string_equal(
	    log_quote("\"\"\"\"\"\"", quoted, 10), "\"\\\"\\\"\"");
}

static void
log_fields_are_ours_alone(void **state)
{
	static const struct {
		const char *message, *fields;
	} rows[] = {
		{ "ready", NULL },
		{ "a=1 b=two, c_3=10.rules:4", "\"a\":\"1\",\"b\":\"two\","
					       "\"c_3\":\"10.rules:4\"" },
		{ "exe=\"/opt/a b=c \\\"x\\\\\" user=root",
		    "\"exe\":\"/opt/a b=c \\\"x\\\\\",\"user\":\"root\"" },
		{ "to=:: from=::1 user=\"\"",
		    "\"to\":\"::\",\"from\":\"::1\",\"user\":\"\"" },
		/* what stands behind a colon may be anybody's */
		{ "list=ads: verdict=accept", "\"list\":\"ads\"" },
		{ "list=ads stays: verdict=accept", "\"list\":\"ads\"" },
		{ "a=1 a=2 =3 B=4 x-y=5 \"c=6", "\"a\":\"1\"" },
		{ "a=\"cut verdict=accept",
		    "\"a\":\"\\\"cut verdict=accept\"" },
	};
	char want[256];

	(void)state;
	log_set_sink(log_catch);
	log_set_format(LOG_FORMAT_JSON);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		log_info("x", "%s", rows[i].message);
		(void)snprintf(want, sizeof(want), "\",\"fields\":{%s}}",
		    rows[i].fields != NULL ? rows[i].fields : "");
		if (rows[i].fields == NULL)
			assert_null(strstr(logged, "fields"));
		else
			assert_string_equal(
			    logged + strlen(logged) - strlen(want), want);
	}
	log_set_format(LOG_FORMAT_TEXT);
	log_set_sink(NULL);
}

/* Wherever it is cut, it is one object. */
static void
log_objects_end(void **state)
{
	const char *message = "a=\"\\\"\" b=\x01\x02 \\c d=5 \"\"\"";
	char line[512];

	(void)state;
	for (size_t size = 256; size < 320; size++) {
		char text[300];
		json_t *object;
		size_t len;

		memset(text, 'x', sizeof(text));
		(void)snprintf(text + 120, sizeof(text) - 120, "%s", message);
		memset(line, 'y', sizeof(line));
		len = log_json(line, size, "info", "x", text);
		assert_true(len < size);
		assert_int_equal(line[size], 'y');
		object = json_loadb(line, len, 0, NULL);
		assert_non_null(object);
		json_decref(object);
	}
}

static void
budget_is_a_share_of_the_time(void **state)
{
	struct budget b = { .share = 10, .most = 100 };
	mono_t now = { 1000 };

	(void)state;
	assert_true(budget_has(&b, now));
	budget_spend(&b, 99);
	assert_true(budget_has(&b, now)); /* what is begun may take more */
	budget_spend(&b, 50);
	assert_false(budget_has(&b, now));
	assert_false(budget_has(&b, mono_add(now, 490)));
	assert_true(budget_has(&b, mono_add(now, 510)));
	/* no more is saved up than fits */
	assert_true(budget_has(&b, mono_add(now, 1000000)));
	budget_spend(&b, 100);
	assert_false(budget_has(&b, mono_add(now, 1000000)));
}

static void
lines_are_taken_to_the_last(void **state)
{
	static const char all[] = "a\n\nlast";
	const char *text = all;
	size_t len = sizeof(all) - 1;
	struct line line;

	(void)state;
	assert_true(line_next(&line, &text, &len));
	assert_true(line.len == 1 && line.s[0] == 'a' && line.ended);
	assert_true(line_next(&line, &text, &len));
	assert_true(line.len == 0 && line.ended);
	assert_true(line_next(&line, &text, &len));
	assert_memory_equal(line.s, "last", line.len);
	assert_true(line.len == 4 && !line.ended);
	assert_false(line_next(&line, &text, &len));
	/* a newline ends a line, and begins none */
	text = "a\n";
	len = 2;
	assert_true(line_next(&line, &text, &len));
	assert_false(line_next(&line, &text, &len));
}

static void
waits_are_never_shorter(void **state)
{
	static const struct {
		uint64_t ns;
		struct timeval tv;
	} rows[] = {
		{ 0, { 0, 0 } },
		{ 1, { 0, 1 } },
		{ 1000, { 0, 1 } },
		{ 1001, { 0, 2 } },
		{ MONO_S - 1, { 1, 0 } },
		{ 90 * MONO_S + MONO_MS, { 90, 1000 } },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct timeval tv = mono_timeval(rows[i].ns);

		assert_int_equal(tv.tv_sec, rows[i].tv.tv_sec);
		assert_int_equal(tv.tv_usec, rows[i].tv.tv_usec);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_taken_to_the_last),
		cmocka_unit_test(waits_are_never_shorter),
		cmocka_unit_test(addresses_parse_and_print),
		cmocka_unit_test(mapped_addresses_are_unmapped),
		cmocka_unit_test(prefixes_hold_to_the_bit),
		cmocka_unit_test(ranges_are_in_order_and_of_one_family),
		cmocka_unit_test(scopes_partition_addresses),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(units_parse_back_to_what_was_printed),
		cmocka_unit_test(map_finds_what_was_put_and_only_that),
		cmocka_unit_test(a_map_that_grows_loses_nothing),
		cmocka_unit_test(two_maps_hash_differently),
		cmocka_unit_test(list_survives_removal_while_walked),
		cmocka_unit_test(arena_gives_zeroed_memory_of_any_size),
		cmocka_unit_test(cursor_error_sticks),
		cmocka_unit_test(budget_is_a_share_of_the_time),
		cmocka_unit_test(log_lines_cannot_be_forged),
		cmocka_unit_test(log_fields_are_ours_alone),
		cmocka_unit_test(log_objects_end),
		cmocka_unit_test(log_without_a_reader_is_lost_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
