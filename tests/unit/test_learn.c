#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/learn.h"
#include "src/core/policy.h"
#include "tests/fake/world.h"

/* What is proposed is a rule, and a sensible one. */

static struct learn *learn;

static int
set_up(void **state)
{
	(void)state;
	learn = learn_new("");
	return learn == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	learn_free(learn);
	return 0;
}

static void
see(const char *exe, const char *host, const char *addr, uint16_t port)
{
	struct learn_fact fact = { .proto = "tcp",
		.has_port = true,
		.port = port,
		.host = host,
		.exe = exe,
		.script = "",
		.unit = "",
		.exe_here = true };

	assert_int_equal(addr_parse(&fact.remote, addr, strlen(addr)), 0);
	assert_int_equal(learn_add(learn, &fact), 0);
}

static void
see_in(const char *exe, const char *addr, uint16_t port)
{
	struct learn_fact fact = { .in = true,
		.proto = "tcp",
		.has_port = true,
		.port = port,
		.exe = exe,
		.script = "",
		.unit = "",
		.exe_here = true };

	assert_int_equal(addr_parse(&fact.remote, addr, strlen(addr)), 0);
	assert_int_equal(learn_add(learn, &fact), 0);
}

/* All of it is such rules; comments are left out. */
static void
assert_proposed(const char *want)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	learn_print(learn, out);
	(void)fclose(out);
	assert_string_equal(text, want);
	assert_int_equal(rules_parse(rules, "t", text, len, faults), 0);
	if (policy_compile(&policy, rules, &fake_world, faults) < 0) {
		faults_print(faults, stderr);
		fail_msg("no rules");
	}
	policy_unref(policy);
	rules_free(rules);
	faults_free(faults);
	free(text);
}

static void
a_program_and_a_port_are_a_line(void **state)
{
	(void)state;
	see("/usr/bin/curl", "b.example", "192.0.2.2", 443);
	see("/usr/bin/curl", "a.example", "192.0.2.1", 443);
	see("/usr/bin/curl", "a.example", "192.0.2.1", 443);
	see("/usr/bin/curl", "a.example", "192.0.2.1", 80);
	see("/usr/bin/ssh", NULL, "192.0.2.9", 22);
	assert_proposed(
	    "accept out exe /usr/bin/curl proto tcp domain a.example to any "
	    "port 80\n"
	    "accept out exe /usr/bin/curl proto tcp domain a.example, b.example"
	    " to any port 443\n"
	    "accept out exe /usr/bin/ssh proto tcp to 192.0.2.9 port 22\n");
}

/* A name that was asked for and nothing else, and what stands behind a line. */
static void
what_was_denied_says_so(void **state)
{
	struct learn_fact asked = { .proto = "",
		.host = "b.example",
		.exe = "/a",
		.script = "",
		.unit = "",
		.exe_here = true };

	learn_free(learn);
	learn = learn_new("# ");
	assert_non_null(learn);
	(void)state;
	assert_int_equal(learn_add(learn, &asked), 0);
	see("/a", NULL, "192.0.2.2", 443);
	see("/a", "a.example", "192.0.2.2", 443);
	assert_proposed(
	    "# accept out exe /a domain b.example\n"
	    "# accept out exe /a proto tcp domain a.example to any port 443\n"
	    "# accept out exe /a proto tcp to 192.0.2.2 port 443\n");
}

static void
ask(struct learn *of, const char *exe, const char *name)
{
	struct learn_fact fact = { .proto = "",
		.host = name,
		.exe = exe,
		.script = "",
		.unit = "",
		.exe_here = true };

	assert_int_equal(learn_add(of, &fact), 0);
}

/* Of a name that a connection follows, and of what was denied at times. */
static void
nothing_is_proposed_twice(void **state)
{
	struct learn *open = learn, *closed = learn_new("# ");

	(void)state;
	assert_non_null(closed);
	ask(open, "/a", "a.example");
	ask(open, "/a", "alone.example");
	ask(open, "/a", "shut.example");
	ask(open, "/b", "a.example");
	see("/a", "a.example", "192.0.2.1", 443);
	see("/a", "c.example", "192.0.2.1", 443);
	see("/a", NULL, "192.0.2.1", 443);
	see("/a", NULL, "192.0.2.2", 443);
	see("/a", NULL, "192.0.2.1", 80);
	learn = closed;
	ask(closed, "/a", "a.example");
	ask(closed, "/a", "d.example");
	see("/a", "c.example", "192.0.2.1", 443);
	see("/a", "shut.example", "192.0.2.1", 443);
	see("/a", NULL, "192.0.2.1", 443);
	see("/a", NULL, "192.0.2.1", 80);
	learn_leave_twice(open, closed);
	assert_proposed(
	    "# accept out exe /a domain d.example\n"
	    "# accept out exe /a proto tcp to 192.0.2.1 port 80\n"
	    "# accept out exe /a proto tcp domain c.example, shut.example to "
	    "any "
	    "port 443\n"
	    "# accept out exe /a proto tcp to 192.0.2.1 port 443\n");
	learn = open;
	learn_free(closed);
	assert_proposed(
	    "accept out exe /a domain alone.example\n"
	    "accept out exe /a proto tcp domain a.example to any port 443\n"
	    "accept out exe /a proto tcp to 192.0.2.2 port 443\n"
	    "accept out exe /b domain a.example\n");
}

static void
names_and_addresses_are_apart(void **state)
{
	(void)state;
	see("/a", "a.example", "192.0.2.1", 443);
	see("/a", NULL, "192.0.2.2", 443);
	see("/a", NULL, "2001:db8::1", 443);
	assert_proposed(
	    "accept out exe /a proto tcp domain a.example to any port 443\n"
	    "accept out exe /a proto tcp to 192.0.2.2, 2001:db8::1 port 443\n");
}

static void
many_names_become_their_parent(void **state)
{
	(void)state;
	see("/a", "a.cdn.example", "192.0.2.1", 443);
	see("/a", "b.cdn.example", "192.0.2.1", 443);
	see("/a", "c.cdn.example", "192.0.2.1", 443);
	see("/a", "cdn.example", "192.0.2.1", 443);
	see("/a", "other.example", "192.0.2.1", 443);
	assert_proposed("accept out exe /a proto tcp domain .cdn.example, "
			"other.example to any port 443\n");
}

static void
a_country_is_no_parent(void **state)
{
	(void)state;
	see("/a", "a.co.uk", "192.0.2.1", 443);
	see("/a", "b.co.uk", "192.0.2.1", 443);
	see("/a", "c.co.uk", "192.0.2.1", 443);
	see("/a", "d.co.uk", "192.0.2.1", 443);
	see("/a", "com", "192.0.2.1", 443);
	assert_proposed("accept out exe /a proto tcp domain a.co.uk, b.co.uk, "
			"c.co.uk, com, d.co.uk to any port 443\n");
}

static void
many_addresses_become_their_kind(void **state)
{
	char addr[32];

	(void)state;
	for (int i = 0; i < 9; i++) {
		(void)snprintf(addr, sizeof(addr), "10.0.0.%d", i);
		see("/a", NULL, addr, 443);
	}
	see("/a", NULL, "192.0.2.1", 443);
	see("/a", NULL, "127.0.0.1", 443);
	assert_proposed("accept out exe /a proto tcp to lan, loopback, "
			"192.0.2.1 port 443\n");
}

static void
many_ports_become_all(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 11; i++)
		see("/a", NULL, "192.0.2.1", (uint16_t)(5000 + i));
	see("/b", NULL, "192.0.2.1", 5000);
	assert_proposed("accept out exe /a proto tcp to 192.0.2.1\n"
			"accept out exe /b proto tcp to 192.0.2.1 port 5000\n");
}

static void
who_comes_in_is_told_by_kind(void **state)
{
	(void)state;
	see_in("/usr/sbin/sshd", "192.168.1.7", 22);
	see_in("/usr/sbin/sshd", "198.51.100.7", 22);
	assert_proposed("accept in exe /usr/sbin/sshd proto tcp to any port 22 "
			"from lan, internet\n");
}

/* By their addresses, however many: their network has this host in it, too. */
static void
other_hosts_that_ask_have_a_line(void **state)
{
	struct learn_fact fact = {
		.asks = true, .proto = "", .exe = "", .script = "", .unit = ""
	};
	char want[256] = "accept out from 192.168.7.10";

	(void)state;
	for (unsigned int i = 10; i < 20; i++) {
		char addr[32];

		(void)snprintf(addr, sizeof(addr), "192.168.7.%u", i);
		assert_int_equal(
		    addr_parse(&fact.remote, addr, strlen(addr)), 0);
		assert_int_equal(learn_add(learn, &fact), 0);
		if (i > 10)
			(void)strcat(strcat(want, ", "), addr);
	}
	assert_proposed(strcat(want, "\n"));
}

static void
odd_words_mean_themselves(void **state)
{
	(void)state;
	see("/opt/a b,c#\"*?\\d", NULL, "192.0.2.1", 1);
	assert_proposed("accept out exe /opt/a\\ b\\,c\\#\\\"\\*\\?\\\\d "
			"proto tcp to 192.0.2.1 port 1\n");
}

static void
scripts_units_and_the_kernel_have_their_words(void **state)
{
	struct learn_fact fact = { .proto = "icmp",
		.exe = "/usr/bin/python3",
		.script = "/srv/x.py",
		.unit = "x.service",
		.exe_here = true };

	(void)state;
	assert_int_equal(addr_parse(&fact.remote, "192.0.2.1", 9), 0);
	assert_int_equal(learn_add(learn, &fact), 0);
	fact.exe_here = false; /* of a container */
	assert_int_equal(learn_add(learn, &fact), 0);
	fact.process = "kernel";
	assert_int_equal(learn_add(learn, &fact), 0);
	assert_proposed(
	    "accept out exe /usr/bin/python3 script /srv/x.py proto icmp to "
	    "192.0.2.1\n"
	    "accept out process kernel proto icmp to 192.0.2.1\n"
	    "accept out unit x.service proto icmp to 192.0.2.1\n");
}

static void
what_can_not_be_named_is_counted(void **state)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	see("/a\nb", NULL, "192.0.2.1", 1);
	see("", NULL, "192.0.2.1", 1);
	see("/a\xef\xbf\xbd", NULL, "192.0.2.1", 1);
	learn_print(learn, out);
	(void)fclose(out);
	assert_memory_equal(text, "# 3 connections", 15);
	free(text);
}

/* … also where a program asked for what is no name of a host. */
static void
odd_names_are_not_proposed(void **state)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	see("/a", "*.x.example", "192.0.2.1", 1);
	see("/a", "$x.example", "192.0.2.2", 1);
	see("/a", "a/b.example", "192.0.2.3", 1);
	see("/a", "a\\.b.example", "192.0.2.4", 1);
	ask(learn, "/a", "b:c.example");
	learn_print(learn, out);
	(void)fclose(out);
	assert_string_equal(text,
	    "accept out exe /a proto tcp domain a\\\\.b.example to any port 1\n"
	    "accept out exe /a proto tcp to 192.0.2.1, 192.0.2.2, 192.0.2.3 "
	    "port 1\n"
	    "# 1 connection or query of what a rule can't name (a program that "
	    "is deleted or in a container without a unit, an odd name)\n");
	free(text);
}

/* What a terminal would obey is neither a rule nor printed as one. */
static void
orders_to_a_terminal_are_not_proposed(void **state)
{
	(void)state;
	see("/opt/\xc2\x9b[31m", NULL, "192.0.2.1", 1);
	see("/opt/\xe2\x80\xae"
	    "exe",
	    NULL, "192.0.2.1", 1);
	see("/opt/\xe2\x80\xa8line", NULL, "192.0.2.1", 1);
	see("/opt/\xef\xbb\xbf"
	    "b",
	    NULL, "192.0.2.1", 1);
	see("/opt/\xc3\xa9", NULL, "192.0.2.1", 1);
	assert_proposed(
	    "accept out exe /opt/\xc3\xa9 proto tcp to 192.0.2.1 port 1\n"
	    "# 4 connections or queries of what a rule can't name (a program "
	    "that is deleted or in a container without a unit, an odd "
	    "name)\n");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_program_and_a_port_are_a_line),
		T(what_was_denied_says_so),
		T(nothing_is_proposed_twice),
		T(names_and_addresses_are_apart),
		T(many_names_become_their_parent),
		T(a_country_is_no_parent),
		T(many_addresses_become_their_kind),
		T(many_ports_become_all),
		T(who_comes_in_is_told_by_kind),
		T(other_hosts_that_ask_have_a_line),
		T(odd_words_mean_themselves),
		T(scripts_units_and_the_kernel_have_their_words),
		T(odd_names_are_not_proposed),
		T(orders_to_a_terminal_are_not_proposed),
		T(what_can_not_be_named_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
