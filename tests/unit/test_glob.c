#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/glob.h"

struct row {
	const char *pattern, *text;
	bool matches;
};

static const struct row rows[] = {
	{ "/usr/bin/curl", "/usr/bin/curl", true },
	{ "/usr/bin/curl", "/usr/bin/curly", false },
	{ "/usr/bin/curl", "/usr/bin/cur", false },
	{ "/usr/bin/*", "/usr/bin/curl", true },
	{ "/usr/bin/*", "/usr/bin/", true },
	{ "/usr/bin/*", "/usr/bin/x/y", false },
	{ "/usr/*/curl", "/usr/bin/curl", true },
	{ "/usr/*/curl", "/usr/local/bin/curl", false },
	{ "/usr/**/curl", "/usr/local/bin/curl", true },
	{ "/usr/**", "/usr/", true },
	{ "**", "", true },
	{ "*", "", true },
	{ "*", "a/b", false },
	{ "**/firefox", "/opt/firefox/firefox", true },
	{ "**.so", "/a/b.so/c.so", true },
	{ "*.service", "ssh.service", true },
	{ "php?.?-fpm", "php8.2-fpm", true },
	{ "a?c", "a/c", false },
	{ "a?c", "ac", false },
	{ "a?c",
	    "a\xc3\xa4"
	    "c",
	    true }, /* one character of two bytes */
	{ "a??c",
	    "a\xc3\xa4"
	    "c",
	    false },
	{ "*??", "\xe2\x82\xac", false },
	{ "a?c",
	    "a\xff"
	    "c",
	    true }, /* no UTF-8: by the byte */
	{ "a\\*c", "a*c", true },
	{ "a\\*c", "abc", false },
	{ "a\\?", "ab", false },
	{ "a\\\\b", "a\\b", true },
	{ "*a*b", "xxaxxb", true },
	{ "*a*b", "xxaxx/b", false },
	{ "**a*b", "a/ab", true },
	{ "**a*b", "a/a/b", false },
	{ "**a*/b*c", "aax/ca/bx/c", false },
	{ "**a*/b*c", "x/aa/bxc", true },
	{ "a**b*c**d", "aXbY/bZcWd", true },
	{ "[ab]", "a", false }, /* no classes */
	{ "[ab]", "[ab]", true },
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		if (glob_match(rows[i].pattern, rows[i].text,
			strlen(rows[i].text)) != rows[i].matches)
			fail_msg("'%s' on '%s' should be %d", rows[i].pattern,
			    rows[i].text, rows[i].matches);
}

/* By the definition, in exponential time. */
static bool
naive(const char *p, const char *s)
{
	size_t two;

	if (*p == '\0')
		return *s == '\0';
	if (*p == '*') {
		two = p[1] == '*';
		for (;; s++) {
			if (naive(p + 1 + two, s))
				return true;
			if (*s == '\0' || (!two && *s == '/'))
				return false;
		}
	}
	if (*p == '?')
		return *s != '\0' && *s != '/' && naive(p + 1, s + 1);
	if (*p == '\\')
		p++;
	return *p == *s && naive(p + 1, s + 1);
}

static void
fill(char *buf, size_t max, const char *letters, unsigned int *seed)
{
	size_t n = (size_t)rand_r(seed) % max;

	for (size_t i = 0; i < n; i++)
		buf[i] = letters[(size_t)rand_r(seed) % strlen(letters)];
	buf[n] = '\0';
}

/* What prefix, suffix and folder promise is what the index rests on. */
static void
check_parts(const char *p, const char *s)
{
	char buf[16], dir[16];
	size_t n = glob_prefix(p, buf, 3), len = strlen(s);

	assert_true(n <= len && memcmp(s, buf, n) == 0);
	n = glob_suffix(p, buf, 3);
	assert_true(n <= len && memcmp(s + len - n, buf, n) == 0);
	n = glob_dir(p);
	memcpy(dir, p, n);
	dir[n] = '\0';
	assert_true(glob_literal(dir, buf));
	assert_true(strncmp(s, buf, strlen(buf)) == 0);
	if (glob_literal(p, buf))
		assert_string_equal(s, buf);
}

static void
test_same_as_definition(void **state)
{
	char p[9], s[11];
	unsigned int seed = 1;
	size_t matched = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		fill(p, sizeof(p), "ab/***?", &seed);
		fill(s, sizeof(s), "aab/", &seed);
		if (glob_match(p, s, strlen(s)) != naive(p, s))
			fail_msg("'%s' on '%s'", p, s);
		if (naive(p, s)) {
			check_parts(p, s);
			matched++;
		}
	}
	assert_true(matched > 10000);
}

static void
test_no_explosion(void **state)
{
	static char s[8192];

	(void)state;
	memset(s, 'a', sizeof(s));
	assert_false(glob_match("**a*a*a*a*a*a*b", s, sizeof(s)));
	assert_false(glob_match("**a**a**a**a**a**b", s, sizeof(s)));
	memset(s + sizeof(s) / 2, '/', 1);
	assert_false(glob_match("**aa*ab", s, sizeof(s)));
}

static void
test_check(void **state)
{
	size_t at = 0;

	(void)state;
	assert_int_equal(glob_check("a\\\\b", &at), 0);
	assert_int_equal(glob_check("ab\\", &at), -22);
	assert_int_equal(at, 2);
}

static void
test_what_a_match_costs_is_bounded(void **state)
{
	char p[2 * GLOB_MAX];

	(void)state;
	memset(p, 'a', sizeof(p));
	p[sizeof(p) - 1] = '\0';
	assert_int_equal(glob_check_size(p), 0); /* no wildcard: compared */
	p[GLOB_MAX + 1] = '\0';
	p[9] = '*';
	assert_int_equal(glob_check_size(p), -E2BIG);
	p[GLOB_MAX] = '\0';
	assert_int_equal(glob_check_size(p), 0);
	for (size_t i = 0; i < GLOB_WILDCARDS_MAX; i++)
		memcpy(p + 3 * i, i % 2 == 0 ? "**?" : "\\*a", 3);
	p[3 * GLOB_WILDCARDS_MAX] = '\0';
	assert_int_equal(glob_check_size(p), 0);
	(void)strcat(p, "?");
	assert_int_equal(glob_check_size(p), -E2BIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_same_as_definition),
		cmocka_unit_test(test_no_explosion),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_what_a_match_costs_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
