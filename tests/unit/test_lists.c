#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/qtype.h"
#include "src/core/list_build.h"
#include "src/core/list_table.h"

static const struct list_identity identity = { { 17, 4 } };

#define BELOW(levels) ((levels) << HOSTSET_BELOW)
#define BOTH(levels) ((levels) | BELOW(levels))
#define CODE(code) ((unsigned int)(code) << HOSTSET_CODE_SHIFT)
#define CODE_BELOW(code) ((unsigned int)(code) << HOSTSET_CODE_BELOW_SHIFT)

static void
release(void *bytes, size_t size)
{
	(void)size;
	free(bytes);
}

static void
begin(struct list_build *build)
{
	list_build_init(build, (uint64_t[2]){ 0x1122334455667788, 99 });
}

static const struct list_index *
finish(struct list_build *build)
{
	const struct list_index *l = NULL;
	struct list_bytes bytes;

	assert_int_equal(
	    list_build_finish(build, &identity, "meta", 4, &bytes), 0);
	list_build_done(build);
	assert_int_equal(
	    list_index_new(&l, bytes.bytes, bytes.size, release, &identity), 0);
	return l;
}

static void
add(struct list_build *build, const char *text, unsigned int flags)
{
	struct name name = name_of(text);

	assert_int_equal(list_build_name(build, &name, flags), 0);
}

static bool
has(const struct list_index *l, const char *text)
{
	struct name name = name_of(text);

	return list_has_name(l, &name, QTYPE_A);
}

static struct addr
addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), 0);
	return a;
}

static void
add_addr(struct list_build *build, const char *text, enum addrset_rank rank,
    enum hostset_code code)
{
	struct addr_range range;

	assert_int_equal(addr_range_parse(&range, text, strlen(text)), 0);
	assert_int_equal(list_build_addr(build, &range, rank, code), 0);
}

static bool
has_addr(const struct list_index *l, const char *text)
{
	struct addr a = addr_of(text);

	return list_has_addr(l, &a);
}

static void
entries_cover_what_they_say(void **state)
{
	static const struct {
		const char *name;
		bool in;
	} rows[] = {
		{ "exact.test", true },
		{ "a.exact.test", false },
		{ "test", false },
		{ "below.test", false },
		{ "a.below.test", true },
		{ "a.b.c.d.below.test", true },
		{ "both.test", true },
		{ "a.both.test", true },
		{ "xboth.test", false },
		{ "both.test.example", false },
		{ ".", false },
		{ "twice.test", true },
		{ "a.twice.test", true },
		{ "a\\.exact.test", false },
		{ "top", true },
		{ "anything.top", true },
	};
	struct list_build build;
	const struct list_index *l;

	(void)state;
	begin(&build);
	add(&build, "exact.test", HOSTSET_BLOCK);
	add(&build, "below.test", BELOW(HOSTSET_BLOCK));
	add(&build, "both.test", BOTH(HOSTSET_BLOCK));
	add(&build, "twice.test", HOSTSET_BLOCK);
	add(&build, "twice.test", BELOW(HOSTSET_BLOCK));
	add(&build, "top", BOTH(HOSTSET_BLOCK));
	l = finish(&build);
	assert_int_equal(list_n_names(l), 5);
	for (size_t i = 0; i < N_ROWS(rows); i++)
		row_true(rows[i].name, has(l, rows[i].name) == rows[i].in);
	list_index_unref(l);
}

static void
the_root_covers_everything(void **state)
{
	struct list_build build;
	const struct list_index *l;

	(void)state;
	begin(&build);
	add(&build, ".", BELOW(HOSTSET_BLOCK));
	add(&build, "good.test", BOTH(HOSTSET_ALLOW));
	l = finish(&build);
	assert_true(has(l, "any.thing"));
	assert_false(has(l, "good.test"));
	assert_false(has(l, "very.good.test"));
	list_index_unref(l);
}

static void
deep_names_are_found(void **state)
{
	struct list_build build;
	const struct list_index *l;
	char text[256] = "";

	(void)state;
	for (size_t i = 0; i < 120; i++)
		strcat(text, "a.");
	begin(&build);
	add(&build, text + 40, BOTH(HOSTSET_BLOCK)); /* 100 labels */
	add(&build, text, HOSTSET_ALLOW);
	l = finish(&build);
	assert_true(has(l, text + 40));
	assert_true(has(l, text + 2));
	assert_false(has(l, text));
	assert_false(has(l, text + 42));
	list_index_unref(l);
}

static void
exceptions_take_out(void **state)
{
	struct list_build build;
	const struct list_index *l;

	(void)state;
	begin(&build);
	add(&build, "ads.test", BOTH(HOSTSET_BLOCK));
	add(&build, "ok.ads.test", BOTH(HOSTSET_ALLOW));
	add(&build, "bad.ok.ads.test", BOTH(HOSTSET_BLOCK));
	add(&build, "worse.ok.ads.test", BOTH(HOSTSET_BLOCK_FIRST));
	add(&build, "good.worse.ok.ads.test", BOTH(HOSTSET_ALLOW_FIRST));
	l = finish(&build);
	assert_true(has(l, "ads.test"));
	assert_false(has(l, "ok.ads.test"));
	/* an exception beats the longer rule, too */
	assert_false(has(l, "bad.ok.ads.test"));
	assert_true(has(l, "worse.ok.ads.test"));
	assert_false(has(l, "good.worse.ok.ads.test"));
	list_index_unref(l);
}

static void
conditions_hold_for_one_rule(void **state)
{
	struct name others[] = { name_of("a.test"), name_of("b.x.test") };
	struct name test = name_of("test");
	struct list_build build;
	const struct list_index *l;

	(void)state;
	begin(&build);
	assert_int_equal(
	    list_build_unless(&build, &test, BOTH(HOSTSET_BLOCK), others, 2),
	    0);
	add(&build, "blocked.a.test", BOTH(HOSTSET_BLOCK));
	l = finish(&build);
	assert_true(has(l, "test"));
	assert_true(has(l, "c.test"));
	assert_true(has(l, "x.test"));
	assert_false(has(l, "a.test"));
	assert_false(has(l, "www.a.test"));
	assert_false(has(l, "b.x.test"));
	/* the other rule knows of no exception */
	assert_true(has(l, "blocked.a.test"));
	list_index_unref(l);
}

static void
cancelled_levels_are_gone(void **state)
{
	struct name name = name_of("ads.test");
	struct list_build build;
	const struct list_index *l;

	(void)state;
	begin(&build);
	assert_int_equal(
	    hostset_build_cancel(&build.names, &name, BOTH(HOSTSET_BLOCK)), 0);
	add(&build, "ads.test", BOTH(HOSTSET_BLOCK));
	add(&build, "more.test", BOTH(HOSTSET_BLOCK));
	l = finish(&build);
	assert_false(has(l, "ads.test"));
	assert_true(has(l, "more.test"));
	list_index_unref(l);
}

static enum list_action
action_of(const struct list_index *l, const char *text)
{
	struct name name = name_of(text);
	struct list_answer answer;

	list_answer(&answer, l, &name, QTYPE_A);
	assert_int_equal(
	    answer.action != LIST_NONE, list_has_name(l, &name, QTYPE_A));
	return answer.action;
}

static void
the_most_specific_code_counts(void **state)
{
	struct list_build build;
	const struct list_index *l;

	(void)state;
	begin(&build);
	add(&build, "bad.test", CODE(HOSTSET_NXDOMAIN));
	add(&build, "bad.test", CODE_BELOW(HOSTSET_NODATA));
	add(&build, "ok.bad.test", CODE_BELOW(HOSTSET_PASSTHRU));
	add(&build, "worse.ok.bad.test", CODE(HOSTSET_DROP));
	add(&build, "tcp.bad.test", CODE(HOSTSET_TCP_ONLY));
	/* the first of two that say different things */
	add(&build, "bad.test", CODE(HOSTSET_DROP));
	l = finish(&build);
	assert_int_equal(action_of(l, "bad.test"), LIST_NXDOMAIN);
	assert_int_equal(action_of(l, "a.bad.test"), LIST_NODATA);
	assert_int_equal(action_of(l, "ok.bad.test"), LIST_NODATA);
	assert_int_equal(action_of(l, "a.ok.bad.test"), LIST_NONE);
	assert_int_equal(action_of(l, "worse.ok.bad.test"), LIST_DROP);
	assert_int_equal(action_of(l, "a.worse.ok.bad.test"), LIST_NONE);
	assert_int_equal(action_of(l, "tcp.bad.test"), LIST_NONE);
	list_index_unref(l);
}

static void
tables_find_lists_by_name(void **state)
{
	struct list_table *t = list_table_new(3);
	struct name tcp = name_of("tcp.test"), other = name_of("a.test");
	struct list_build build;
	const struct list_index *l;

	(void)state;
	begin(&build);
	add(&build, "tcp.test", CODE(HOSTSET_TCP_ONLY));
	add(&build, "a.test", HOSTSET_BLOCK);
	l = finish(&build);
	assert_int_equal(list_table_set(t, 0, "empty", NULL), 0);
	assert_int_equal(list_table_set(t, 2, "full", list_index_ref(l)), 0);
	assert_int_equal(list_table_find(t, "empty"), 0);
	assert_int_equal(list_table_find(t, "full"), 2);
	assert_int_equal(list_table_find(t, "ful"), -1);
	assert_int_equal(list_table_find(NULL, "full"), -1);
	assert_null(list_table_get(t, 0));
	assert_null(list_table_get(t, 3));
	assert_ptr_equal(list_table_get(t, 2), l);
	assert_false(list_has_name(list_table_get(t, 0), &other, QTYPE_A));
	assert_true(list_wants_tcp(list_table_get(t, 2), &tcp));
	assert_false(list_wants_tcp(list_table_get(t, 2), &other));
	assert_false(list_wants_tcp(list_table_get(t, 0), &tcp));
	list_index_hit(l);
	list_index_hit(l);
	assert_int_equal(list_index_hits(l), 2);
	list_index_unref(l);
	list_table_unref(list_table_ref(t));
	list_table_unref(t);
}

static void
local_data_is_given_back(void **state)
{
	struct name name = name_of("www.test"), below = name_of("a.www.test");
	struct name target;
	struct list_rr rrs[] = {
		{ 1, 60, 4, (const uint8_t *)"\xc0\0\2\7" },
		{ 16, 5, 3, (const uint8_t *)"\2hi" },
	};
	struct list_rr cname = { 5, 60, 10, (const uint8_t *)"\1*\6garden" };
	struct list_answer answer;
	struct list_build build;
	const struct list_index *l;
	char buf[NAME_TEXT_SIZE];
	struct list_rr rr;

	(void)state;
	begin(&build);
	for (size_t i = 0; i < N_ROWS(rrs); i++)
		assert_int_equal(
		    list_build_rr(&build, &name, false, &rrs[i]), 0);
	assert_int_equal(list_build_rr(&build, &name, true, &cname), 0);
	l = finish(&build);
	assert_true(list_has_name(l, &name, QTYPE_A));
	assert_false(list_has_host(l, &name));
	list_answer(&answer, l, &name, QTYPE_A);
	assert_int_equal(answer.action, LIST_LOCAL);
	for (size_t i = 0; i < N_ROWS(rrs); i++) {
		assert_true(list_answer_next(&answer, &rr));
		assert_int_equal(rr.type, rrs[i].type);
		assert_int_equal(rr.ttl, rrs[i].ttl);
		assert_int_equal(rr.len, rrs[i].len);
		assert_memory_equal(rr.rdata, rrs[i].rdata, rr.len);
	}
	assert_false(list_answer_next(&answer, &rr));
	assert_int_equal(list_rr_target(&target, &rrs[0], &name), -EINVAL);
	list_answer(&answer, l, &below, QTYPE_A);
	assert_int_equal(answer.action, LIST_LOCAL);
	assert_true(list_answer_next(&answer, &rr));
	assert_int_equal(list_rr_target(&target, &rr, &below), 0);
	assert_string_equal(name_format(&target, buf), "a.www.test.garden");
	assert_false(list_answer_next(&answer, &rr));
	list_index_unref(l);
}

static void
addresses_are_found(void **state)
{
	struct addr_range range;
	struct addr a;
	struct list_rr local = { 1, 60, 4, (const uint8_t *)"\xc0\0\2\7" }, rr;
	struct list_answer answer;
	struct list_build build;
	const struct list_index *l;

	(void)state;
	begin(&build);
	add_addr(&build, "192.0.2.0/24", ADDRSET_BLOCK, HOSTSET_NO_CODE);
	add_addr(&build, "192.0.2.64/26", ADDRSET_ALLOW, HOSTSET_NO_CODE);
	add_addr(&build, "192.0.3.0-192.0.3.9", ADDRSET_BLOCK, HOSTSET_NO_CODE);
	add_addr(&build, "2001:db8::/32", ADDRSET_CODED, HOSTSET_NXDOMAIN);
	add_addr(&build, "2001:db8:1::/48", ADDRSET_CODED, HOSTSET_PASSTHRU);
	add_addr(&build, "2001:db8:1::7", ADDRSET_CODED, HOSTSET_DROP);
	add_addr(&build, "255.255.255.255", ADDRSET_BLOCK, HOSTSET_NO_CODE);
	add_addr(&build, "ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    ADDRSET_BLOCK, HOSTSET_NO_CODE);
	assert_int_equal(addr_range_parse(&range, "198.51.100.0/24", 15), 0);
	assert_int_equal(list_build_addr_rr(&build, &range, &local), 0);
	l = finish(&build);
	assert_true(has_addr(l, "192.0.2.0"));
	assert_true(has_addr(l, "192.0.2.63"));
	assert_false(has_addr(l, "192.0.2.64"));
	assert_false(has_addr(l, "192.0.2.127"));
	assert_true(has_addr(l, "192.0.2.128"));
	assert_true(has_addr(l, "::ffff:192.0.2.1"));
	assert_true(has_addr(l, "64:ff9b::192.0.2.1"));
	assert_false(has_addr(l, "64:ff9b::192.0.2.64"));
	assert_false(has_addr(l, "64:ff9b::255.255.255.255"));
	assert_false(has_addr(l, "64:ff9b:1:2:3::192.0.2.1"));
	assert_false(has_addr(l, "64:ff9b:2::192.0.2.1"));
	assert_true(has_addr(l, "192.0.3.9"));
	assert_false(has_addr(l, "192.0.3.10"));
	assert_false(has_addr(l, "192.0.1.255"));
	assert_true(has_addr(l, "255.255.255.255"));
	assert_true(has_addr(l, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_true(has_addr(l, "2001:db8::1"));
	assert_false(has_addr(l, "2001:db8:1::1"));
	assert_true(has_addr(l, "2001:db8:1::7"));
	assert_false(has_addr(l, "2001:db8:1::8"));
	assert_true(has_addr(l, "2001:db8:2::"));
	a = addr_of("2001:db8::1");
	list_answer_addr(&answer, l, &a);
	assert_int_equal(answer.action, LIST_NXDOMAIN);
	a = addr_of("198.51.100.7");
	list_answer_addr(&answer, l, &a);
	assert_int_equal(answer.action, LIST_LOCAL);
	assert_true(list_answer_next(&answer, &rr));
	assert_memory_equal(rr.rdata, local.rdata, 4);
	assert_false(list_answer_next(&answer, &rr));
	list_index_unref(l);
}

/* A thousand random ranges in a space of 256 addresses at a time, against the
 * plain meaning of the ranks. */
static void
ranges_that_meet_are_sorted_out(void **state)
{
	unsigned int seed = 7;

	(void)state;
	for (size_t round = 0; round < 200; round++) {
		struct {
			uint8_t lo, hi;
			enum addrset_rank rank;
			enum hostset_code code;
		} r[8];
		struct list_build build;
		const struct list_index *l;

		begin(&build);
		for (size_t i = 0; i < N_ROWS(r); i++) {
			char text[64];
			uint8_t a = (uint8_t)rand_r(&seed);
			uint8_t b = (uint8_t)rand_r(&seed);

			r[i].lo = a < b ? a : b;
			r[i].hi = a < b ? b : a;
			r[i].rank = (enum addrset_rank)rand_r(&seed) % 5;
			r[i].code = HOSTSET_NO_CODE;
			if (r[i].rank == ADDRSET_CODED)
				r[i].code = rand_r(&seed) % 2
						? HOSTSET_DROP
						: HOSTSET_PASSTHRU;
			(void)snprintf(text, sizeof(text),
			    round % 2 ? "10.0.0.%u-10.0.0.%u"
				      : "ff00::%x-ff00::%x",
			    r[i].lo, r[i].hi);
			add_addr(&build, text, r[i].rank, r[i].code);
		}
		l = finish(&build);
		for (unsigned int n = 0; n < 256; n++) {
			int best = -1;
			char text[64];
			bool in;

			for (int i = 0; i < (int)N_ROWS(r); i++) {
				if (n < r[i].lo || n > r[i].hi)
					continue;
				if (best < 0 || r[i].rank > r[best].rank ||
				    (r[i].rank == r[best].rank &&
					r[i].rank == ADDRSET_CODED &&
					r[i].hi - r[i].lo <
					    r[best].hi - r[best].lo))
					best = i;
			}
			in = best >= 0 && r[best].rank != ADDRSET_ALLOW &&
			     r[best].rank != ADDRSET_ALLOW_FIRST &&
			     r[best].code != HOSTSET_PASSTHRU;
			(void)snprintf(text, sizeof(text),
			    round % 2 ? "10.0.0.%u" : "ff00::%x", n);
			row_true(text, has_addr(l, text) == in);
		}
		list_index_unref(l);
	}
}

/* Ten thousand names of few words, against their meaning. What a name costs
 * does not depend on how often it comes. */
static void
many_names_are_found(void **state)
{
	struct list_build build;
	const struct list_index *l;
	char text[64];
	size_t size;

	(void)state;
	begin(&build);
	for (unsigned int i = 0; i < 30000; i++) {
		(void)snprintf(
		    text, sizeof(text), "n%u.example.test", i % 10000);
		add(&build, text, i % 2 ? BOTH(HOSTSET_BLOCK) : HOSTSET_BLOCK);
	}
	l = finish(&build);
	assert_int_equal(list_n_names(l), 10000);
	(void)list_index_bytes(l, &size);
	assert_true(size < 11 * 10000);
	for (unsigned int i = 0; i < 20000; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example.test", i);
		row_true(text, has(l, text) == (i < 10000));
		(void)snprintf(text, sizeof(text), "a.n%u.example.test", i);
		row_true(text, has(l, text) == (i < 10000 && i % 2));
	}
	list_index_unref(l);
}

static void
a_damaged_image_is_refused(void **state)
{
	static const struct list_identity other = { { 17, 5 } };
	const struct list_index *l;
	struct list_build build;
	const uint8_t *meta;
	const void *bytes;
	size_t size, len;
	uint8_t *copy;

	(void)state;
	begin(&build);
	add(&build, "a.test", BOTH(HOSTSET_BLOCK));
	add_addr(&build, "10.0.0.0/8", ADDRSET_BLOCK, HOSTSET_NO_CODE);
	l = finish(&build);
	meta = list_index_meta(l, &len);
	assert_int_equal(len, 4);
	assert_memory_equal(meta, "meta", 4);
	bytes = list_index_bytes(l, &size);
	for (size_t i = 0; i <= size; i++) {
		const struct list_index *again = NULL;

		copy = malloc(size + 1);
		memcpy(copy, bytes, size);
		if (i < size)
			copy[i] ^= 1;
		assert_int_equal(
		    list_index_new(&again, copy, size, release, NULL),
		    i == size ? 0 : -EBADMSG);
		list_index_unref(again);
		copy = malloc(size + 1);
		memcpy(copy, bytes, size);
		if (i < size)
			assert_int_equal(
			    list_index_new(&again, copy, i, release, NULL),
			    -EBADMSG);
		else
			assert_int_equal(
			    list_index_new(&again, copy, i, release, &other),
			    -ESTALE);
	}
	list_index_unref(l);
}

/* Each look at the name goes through all of them. */
static void
records_of_one_are_bounded(void **state)
{
	struct name test = name_of("test"), other;
	struct list_rr rr = { 16, 60, 7, (const uint8_t *)"\6record" };
	const struct list_index *l;
	struct list_build build;
	struct addr_range range;
	char text[32];
	size_t size;

	(void)state;
	assert_int_equal(addr_range_parse(&range, "192.0.2.0/24", 12), 0);
	begin(&build);
	for (unsigned int i = 0; i < 50000; i++) {
		(void)snprintf(text, sizeof(text), "n%u.test", i);
		other = name_of(text);
		assert_int_equal(list_build_unless(&build, &test,
				     BOTH(HOSTSET_BLOCK), &other, 1),
		    0);
		assert_int_equal(list_build_addr_rr(&build, &range, &rr), 0);
	}
	l = finish(&build);
	(void)list_index_bytes(l, &size);
	assert_in_range(size, 200 << 10, 300 << 10);
	assert_true(has(l, "n1.test"));
	assert_true(has(l, "test"));
	assert_false(has(l, "example"));
	list_index_unref(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_cover_what_they_say),
		cmocka_unit_test(the_root_covers_everything),
		cmocka_unit_test(deep_names_are_found),
		cmocka_unit_test(exceptions_take_out),
		cmocka_unit_test(conditions_hold_for_one_rule),
		cmocka_unit_test(cancelled_levels_are_gone),
		cmocka_unit_test(the_most_specific_code_counts),
		cmocka_unit_test(tables_find_lists_by_name),
		cmocka_unit_test(local_data_is_given_back),
		cmocka_unit_test(addresses_are_found),
		cmocka_unit_test(ranges_that_meet_are_sorted_out),
		cmocka_unit_test(many_names_are_found),
		cmocka_unit_test(a_damaged_image_is_refused),
		cmocka_unit_test(records_of_one_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
