#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "src/core/filter.h"

static struct process *
program(void)
{
	struct process *p = process_new(PROCESS_PROGRAM);

	assert_non_null(p);
	assert_int_equal(process_set(&p->exe, "/usr/bin/python3.11", 19), 0);
	assert_int_equal(process_set(&p->script, "/opt/b/run.py", 13), 0);
	assert_int_equal(process_set(&p->user, "alice", 5), 0);
	assert_int_equal(process_set(&p->unit, "backup.service", 14), 0);
	assert_int_equal(
	    process_set(&p->cgroup, "/jobs.slice/backup.service", 26), 0);
	p->uid = 1000;
	return p;
}

static void
a_row_is_asked_for_or_not(void **state)
{
	static const struct {
		const char *key, *value;
		bool yes;
	} rows[] = {
		{ "exe", "/usr/bin/python3.11", true },
		{ "exe", "/usr/bin/python*", true },
		{ "exe", "python3.11", true },
		{ "exe", "python*", true },
		{ "exe", "bin/python3.11", false },
		{ "exe", "**/python3.11", true },
		{ "exe", "run.py", true },
		{ "exe", "/opt/b/*.py", true },
		{ "exe", "python3.1", false },
		{ "user", "alice", true },
		{ "user", "1000", true },
		{ "user", "ali", false },
		{ "user", "100", false },
		{ "unit", "backup.service", true },
		{ "unit", "backup", true },
		{ "unit", "b*", true },
		{ "unit", "ackup", false },
		{ "unit", "jobs.slice", true },
		{ "unit", "job", false },
		{ "domain", "www.example.com", true },
		{ "domain", "WWW.Example.com.", true },
		{ "domain", "example.com", false },
		{ "domain", "*.example.com", true },
		{ "domain", ".example.com", true },
		{ "domain", ".www.example.com", true },
		{ "domain", "*.www.example.com", false },
		{ "domain", ".ww.example.com", false },
		{ "domain", "b\xc3\xbc.example.com", false }, /* IDN */
		{ "verdict", "block", true },
		{ "verdict", "accept,block", true },
		{ "verdict", "drop,reroute", false },
	};
	struct process *p = program();
	struct filter_row row = { .process = p,
		.host = "www.example.com",
		.verdict = "block",
		.when = { 5 } };

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct filter f = { 0 };
		char what[FILTER_WHAT];

		row_true(rows[i].value,
		    filter_set(&f, rows[i].key, rows[i].value, what) == 0);
		row_true(rows[i].value, filter_match(&f, &row) == rows[i].yes);
	}
	process_unref(p);
}

static void
either_end_of_a_flow_is_asked_for(void **state)
{
	static const struct {
		const char *key, *value;
		bool yes;
	} rows[] = {
		{ "address", "10.9.0.1", true },
		{ "address", "192.0.2.7", true },
		{ "address", "192.0.2.8", false },
		{ "address", "192.0.2.0/29", true },
		{ "address", "192.0.2.8/29", false },
		{ "address", "192.0.2.1-192.0.2.7", true },
		{ "address", "::ffff:192.0.2.7", true },
		{ "address", "::/0", false },
		{ "port", "443", true },
		{ "port", "40000", true },
		{ "port", "44", false },
		{ "port", "400-500", true },
		{ "port", "444-500", false },
	};
	struct flow_key key = { .lport = 40000, .rport = 443 };
	struct filter_row row = {
		.verdict = "block", .when = { 5 }, .key = &key
	};

	(void)state;
	assert_int_equal(addr_parse(&key.local, "10.9.0.1", 8), 0);
	assert_int_equal(addr_parse(&key.remote, "192.0.2.7", 9), 0);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct filter f = { 0 };
		char what[FILTER_WHAT];

		row_true(rows[i].value,
		    filter_set(&f, rows[i].key, rows[i].value, what) == 0);
		key.proto = IPPROTO_TCP;
		row_true(rows[i].value, filter_match(&f, &row) == rows[i].yes);
		key.proto = IPPROTO_ICMP; /* what it has there are no ports */
		row_true(
		    rows[i].value, filter_match(&f, &row) ==
				       (rows[i].yes && rows[i].key[0] == 'a'));
		row.key = NULL; /* queries have none, but who asks */
		row_true(rows[i].value, !filter_match(&f, &row));
		row.client = &key.remote;
		row_true(rows[i].value,
		    filter_match(&f, &row) ==
			(f.has_address &&
			    addr_range_contains(&f.address, &key.remote)));
		row.client = &key.local; /* … and what is answered */
		row.answers = &key.remote;
		row.n_answers = 1;
		row_true(rows[i].value,
		    filter_match(&f, &row) ==
			(f.has_address &&
			    (addr_range_contains(&f.address, &key.remote) ||
				addr_range_contains(&f.address, &key.local))));
		row.client = NULL;
		row.key = &key;
	}
}

static void
all_of_several_must_match(void **state)
{
	struct process *p = program();
	struct filter_row row = {
		.process = p, .verdict = "block", .when = { 5 }
	};
	struct filter f = { 0 };
	char what[FILTER_WHAT];

	(void)state;
	assert_true(filter_match(&f, &row));
	assert_int_equal(filter_set(&f, "user", "alice", what), 0);
	assert_int_equal(filter_set(&f, "verdict", "drop", what), 0);
	assert_false(filter_match(&f, &row));
	assert_true(filter_match_who(&f, &row));
	process_unref(p);
}

static void
what_a_row_has_not_matches_nothing(void **state)
{
	static const char *const keys[] = { "exe", "user", "unit", "domain" };
	struct process *kernel = process_new(PROCESS_KERNEL);
	struct filter_row row = { .process = kernel, .when = { 5 } };
	char what[FILTER_WHAT];

	(void)state;
	for (size_t i = 0; i < N_ROWS(keys); i++) {
		struct filter f = { 0 };

		assert_int_equal(
		    filter_set(&f, keys[i], i < 3 ? "**" : ".com", what), 0);
		row_true(keys[i], !filter_match(&f, &row));
	}
	process_unref(kernel);
}

static void
a_user_is_known_without_a_program(void **state)
{
	struct process *gone = process_new(PROCESS_UNKNOWN);
	struct filter_row row = { .process = gone, .when = { 5 } };
	struct filter user = { .user = "1000" }, exe = { .exe = "**" };

	(void)state;
	assert_int_equal(process_set(&gone->user, "1000", 4), 0);
	gone->uid = 1000;
	assert_false(filter_match(&user, &row));
	gone->has_uid = true;
	assert_true(filter_match(&user, &row));
	assert_false(filter_match(&exe, &row));
	gone->uid = 1001;
	assert_int_equal(process_set(&gone->user, "1001", 4), 0);
	assert_false(filter_match(&user, &row));
	process_unref(gone);
}

static void
since_is_a_moment(void **state)
{
	struct filter f = { .has_since = true, .since = { 10 } };
	struct filter_row row = { .when = { 9 } };

	(void)state;
	assert_false(filter_match(&f, &row));
	row.when.ns = 10;
	assert_true(filter_match(&f, &row));
}

static void
what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *key, *value;
		int r;
	} rows[] = {
		{ "exe", "", -EINVAL },
		{ "exe", "a\\", -EINVAL },
		{ "verdict", "allow", -EINVAL },
		{ "verdict", "block,", -EINVAL },
		{ "verdict", ",block", -EINVAL },
		{ "verdict", "block drop", -EINVAL },
		{ "address", "", -EINVAL },
		{ "address", "lan", -EINVAL },
		{ "address", "192.0.2.7/33", -EINVAL },
		{ "address", "192.0.2.7:443", -EINVAL },
		{ "port", "", -EINVAL },
		{ "port", "https", -EINVAL },
		{ "port", "500-400", -EINVAL },
		{ "port", "65536", -EINVAL },
		{ "domain", "*", -EINVAL },
		{ "domain", ".", -EINVAL },
		{ "domain", "a..b", -EINVAL },
		{ "domain", "www.*.com", -EINVAL },
		{ "domain", "http://example.com", -EINVAL },
		{ "pid", "1", -ENOENT },
	};
	struct filter f = { 0 };
	char what[FILTER_WHAT], longer[FILTER_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		row_true(rows[i].value, filter_set(&f, rows[i].key,
					    rows[i].value, what) == rows[i].r);
	memset(longer, 'x', FILTER_TEXT);
	longer[FILTER_TEXT] = '\0';
	assert_int_equal(filter_set(&f, "user", longer, what), -EINVAL);
	longer[FILTER_TEXT - 1] = '\0';
	assert_int_equal(filter_set(&f, "user", longer, what), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_asked_for_or_not),
		cmocka_unit_test(either_end_of_a_flow_is_asked_for),
		cmocka_unit_test(all_of_several_must_match),
		cmocka_unit_test(what_a_row_has_not_matches_nothing),
		cmocka_unit_test(a_user_is_known_without_a_program),
		cmocka_unit_test(since_is_a_moment),
		cmocka_unit_test(what_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
