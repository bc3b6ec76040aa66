#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/policy_warn.h"
#include "src/core/rules.h"
#include "tests/fake/world.h"
#include "tests/unit/random.h"

/* A rule set with what is warned of. */
struct checked {
	struct rules *rules;
	const struct policy *policy;
	struct faults *warnings;
};

static struct checked
check(const char *text)
{
	struct checked c = { rules_new(), NULL, faults_new() };
	struct faults *faults = faults_new();

	if (rules_parse(c.rules, "t", text, strlen(text), faults) != 0 ||
	    policy_compile(&c.policy, c.rules, &fake_world, faults) != 0) {
		faults_print(faults, stderr);
		fail_msg("not compiled");
	}
	faults_free(faults);
	policy_warn(c.policy, c.rules, &fake_world, c.warnings);
	return c;
}

static void
checked_done(struct checked *c)
{
	policy_unref(c->policy);
	rules_free(c->rules);
	faults_free(c->warnings);
}

static const struct {
	const char *name, *rules, *what; /* NULL: nothing */
} warned_rows[] = {
	{ "a name where a path is meant", "block exe *curl", "**/NAME" },
	{ "a name anywhere", "block exe **/curl", NULL },
	{ "to the resolver",
	    "accept to loopback\n"
	    "block domain x.example",
	    "t:2 decides about none" },
	{ "by its port",
	    "accept proto udp to any port 53\n"
	    "block list ads",
	    "t:2 decides about none" },
	{ "behind it", "block domain x.example\naccept to loopback", NULL },
	{ "of another program",
	    "accept user bob to 127.0.0.1\n"
	    "block user alice domain x.example",
	    NULL },
	{ "to a server elsewhere",
	    "accept to 192.0.2.1\n"
	    "block domain x.example",
	    NULL },
	{ "the same twice", "accept exe /a\nblock exe /a", "t:1" },
	{ "a list with it", "accept exe /b, /a\nblock exe /a", "t:1" },
	{ "a glob with it", "accept exe /a/**\nblock exe /a/b", "t:1" },
	{ "a glob within a folder", "accept exe /a/**\nblock exe /a/b/*c?",
	    "t:1" },
	{ "all", "accept cmd **\nblock cmd *x*", "t:1" },
	{ "a glob of another folder", "accept exe /a/**\nblock exe /*/b",
	    NULL },
	{ "a glob that is no folder", "accept exe /a/**/c\nblock exe /a/b/*c",
	    NULL },
	{ "a star that is meant", "accept exe /a\\**\nblock exe /ab/*", NULL },
	{ "more conditions", "drop\nblock user bob", "t:1" },
	{ "fewer conditions", "drop user bob\nblock", NULL },
	{ "one direction", "drop in\nblock in user bob", "t:1" },
	{ "the other direction", "drop in\nblock user bob", NULL },
	{ "a prefix", "drop to 10.0.0.0/8\nblock to 10.1.0.0/16 port 5",
	    "t:1" },
	{ "a wider prefix", "drop to 10.1.0.0/16\nblock to 10.0.0.0/8", NULL },
	{ "ports", "drop to port 1-9\nblock to port 3, 5-9", "t:1" },
	{ "a port more", "drop to port 1-9\nblock to port 3, 10", NULL },
	{ "no ports", "drop to port 1-9\nblock to 10.0.0.1", NULL },
	{ "not", "drop not user bob\nblock not user bob, alice", "t:1" },
	{ "not less", "drop not user bob, alice\nblock not user bob", NULL },
	{ "not beside without", "drop not user bob\nblock user alice", NULL },
	{ "any", "drop to any\nblock to 10.0.0.1", "t:1" },
	{ "a scope", "drop to lan\nblock to lan user bob", "t:1" },
	{ "a group within", "drop to lan\nblock to loopback", NULL },
	{ "a prefix of a scope", "drop to lan\nblock to 10.1.0.0/16", "t:1" },
	{ "all of a scope, and ranges",
	    "drop to lan\n"
	    "block to 192.168.0.0/16, fc00::/7, 172.16.0.1-172.31.0.1",
	    "t:1" },
	{ "an address of a scope", "drop to loopback\nblock to ::1, 127.0.0.53",
	    "t:1" },
	{ "a prefix that is wider than its scope",
	    "drop to lan\nblock to 172.0.0.0/11", NULL },
	{ "a range over two parts of a scope",
	    "drop to lan\nblock to 10.0.0.1-192.168.0.1", NULL },
	{ "the other family", "drop to lan\nblock to 10.0.0.1, 2001:db8::1",
	    NULL },
	{ "groups", "drop to multicast\nblock to 239.0.0.0/8, ff02::/16",
	    "t:1" },
	{ "a network of the internet",
	    "drop to internet\nblock to 203.0.113.0/24, 2001:db8::/32", "t:1" },
	{ "a range of the internet with a LAN in it",
	    "drop to internet\nblock to 172.0.0.0/8", NULL },
	{ "a range that ends beyond the internet",
	    "drop to internet\nblock to 203.0.0.0-224.0.0.1", NULL },
	{ "a range that begins before the internet",
	    "drop to internet\nblock to 0.0.0.0/7", NULL },
	{ "process",
	    "drop process kernel, unknown\n"
	    "block process kernel",
	    "t:1" },
	{ "two families", "drop from 10.0.0.1 to fd00::1", "IPv4" },
	{ "a scope has both", "drop from lan to fd00::1", NULL },
	{ "a name", "drop domain a.example\nblock domain a.example", "t:1" },
	{ "a name below",
	    "drop domain .b.example\n"
	    "block domain a.b.example, *.c.b.example",
	    "t:1" },
	{ "the name itself is not below it",
	    "drop domain *.b.example\nblock domain b.example", NULL },
	{ "all below is more than one",
	    "drop domain a.b.example\nblock domain *.b.example", NULL },
	{ "a list", "drop list ads, bad\nblock list bad", "t:1" },
	{ "types", "drop qtype A, AAAA\nblock qtype AAAA", "t:1" },
	{ "its queries come to the next",
	    "block to port 80\naccept to port 80 user bob", NULL },
	{ "a query's protocol", "block qtype A proto udp",
	    "never match: a query" },
	{ "a query's port", "accept qtype A to port 80",
	    "says nothing of a query" },
	{ "an answer's address", "block qtype A to 10.0.0.0/8", NULL },
	{ "no such file", "drop exe /usr/bin/missing",
	    "no file '/usr/bin/missing'" },
	{ "a parent too", "drop parent /missing", "no file" },
	{ "a folder", "drop exe /usr/bin/", "'/usr/bin/' is a folder" },
	{ "a script as executable", "drop exe /x/backup.sh",
	    "'/x/backup.sh' is a script" },
	{ "a script as script", "drop script /x/backup.sh", NULL },
	{ "a text as executable", "drop parent /x/read.txt", "can be run" },
	{ "a text as script", "drop script /x/read.txt", NULL },
	{ "ICMP over IPv6", "drop proto icmp to fd00::1", "icmp6 is meant" },
	{ "ICMPv6 over IPv4", "drop proto icmp6 from 10.0.0.1",
	    "icmp is meant" },
	{ "ICMP and TCP", "drop proto icmp, tcp to fd00::1", NULL },
	{ "either ICMP", "drop proto icmp, icmp6 to fd00::1", NULL },
	{ "AH in IPv6", "block proto 51 to fd00::/8", "51 never matches" },
	{ "AH beside another", "block proto tcp, 51 to fd00::/8",
	    "51 never matches" },
	{ "AH in both", "block proto 50, 51", "51 matches IPv4 alone" },
	{ "AH in IPv4", "block proto 51 to 10.0.0.0/8", NULL },
	{ "all but AH", "block not proto 51", NULL },
	{ "ESP", "block proto 50", NULL },
	{ "a pattern may match later", "drop exe /missing/*", NULL },
};

static void
warnings_are_about_what_can_not_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(warned_rows); i++) {
		struct checked c = check(warned_rows[i].rules);
		const struct fault *w = faults_get(c.warnings, 0);

		row_true(warned_rows[i].name,
		    (w != NULL) == (warned_rows[i].what != NULL));
		if (w != NULL)
			row_true(warned_rows[i].name,
			    strstr(w->what, warned_rows[i].what) != NULL &&
				strncmp(w->what, "warning: ", 9) == 0);
		row_true(warned_rows[i].name, faults_count(c.warnings) <= 1);
		checked_done(&c);
	}
}

/* What is said never to match never does. */
static void
there_is_no_false_alarm(void **state)
{
	unsigned int seed = 11;
	size_t alarms = 0;

	(void)state;
	for (size_t round = 0; round < 400; round++) {
		char *text = random_rules(&seed, 1 + round % 60);
		struct checked c = check(text);
		bool never[64] = { false }, families[64] = { false };
		const struct fault *w;

		for (size_t i = 0; (w = faults_get(c.warnings, i)) != NULL; i++)
			if (strstr(w->what, "never") != NULL) {
				never[w->line] = true;
				families[w->line] |=
				    strstr(w->what, "IPv4") != NULL;
				alarms++;
			}
		for (size_t i = 0; i < 200; i++) {
			struct process *p;
			struct subject s = random_subject(&seed, &p);
			uint32_t n = policy_decide(c.policy, &s).rule;

			/* of a query the addresses are not known yet */
			if (s.query && n > 0 &&
			    families[policy_rule_get(c.policy, n)->line])
				n = 0;
			if (n > 0 && never[policy_rule_get(c.policy, n)->line])
				fail_msg("rule %u of:\n%s", n, text);
			process_unref(p);
		}
		checked_done(&c);
		free(text);
	}
	assert_true(alarms > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(warnings_are_about_what_can_not_match),
		cmocka_unit_test(there_is_no_false_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
