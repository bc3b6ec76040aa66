#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/explain.h"
#include "src/core/rules.h"
#include "tests/fake/world.h"
#include "tests/unit/faulty.h"

static const struct faulty bad[] = {
	{ "key", "exe=/a usr=bob", 1, 8, 3, "unknown word 'usr'", "in, out",
	    "user" },
	{ "key without value", "exe=/a user", 1, 8, 4, "no '=' after 'user'",
	    "KEY=VALUE", NULL },
	{ "nothing after =", "user=", 1, 1, 4, "no value for 'user'", NULL,
	    NULL },
	{ "quoted key", "\"exe\"", 1, 1, 5, "no key", NULL, NULL },
	{ "second key", "exe=/a exe=/b", 1, 8, 3, "a second 'exe'", NULL,
	    NULL },
	{ "second direction", "in out", 1, 4, 3, "a second direction", NULL,
	    NULL },
	{ "address", "to=localhost", 1, 4, 9, "not good: 'localhost'",
	    "an address", "domain=NAME" },
	{ "address and port", "to=192.0.2.7:80", 1, 4, 12,
	    "not good: '192.0.2.7:80'", "an address", "to=192.0.2.7 port=80" },
	{ "the same of IPv6", "from=[2001:db8::7]:80", 1, 6, 16, "not good",
	    "an address", "from=2001:db8::7 sport=80" },
	{ "port", "port=65536", 1, 6, 5, "not good: '65536'", NULL, NULL },
	{ "protocol", "proto=tpc", 1, 7, 3, "'tpc' is no protocol", NULL,
	    "tcp" },
	{ "process", "process=me", 1, 9, 2, "'me' is no kind of process", NULL,
	    NULL },
	{ "user", "user=eve", 1, 6, 3, "not good: 'eve'", "a user or number",
	    NULL },
	{ "group", "group=eve", 1, 7, 3, "not good: 'eve'", "a group or number",
	    NULL },
	{ "a comma behind it", "exe=/a, user=0", 1, 5, 3, "not good: '/a,'",
	    "a blank before the next word", NULL },
	{ "path", "exe=curl", 1, 5, 4, "not good: 'curl'", "an absolute path",
	    NULL },
	{ "empty parent", "parent=\"\"", 1, 8, 2, "not good", NULL, NULL },
	{ "empty unit", "unit=\"\"", 1, 6, 2, "not good", NULL, NULL },
	{ "kernel program", "process=kernel exe=/a", 1, 1, 21,
	    "process unknown or kernel, and a program", NULL, NULL },
	{ "user of the kernel", "process=kernel user=alice", 1, 1, 25,
	    "process unknown or kernel, and a program", NULL, NULL },
	{ "port of icmp", "proto=icmp port=7", 1, 1, 17,
	    "a port, and a protocol without ports", NULL, NULL },
	{ "two families", "from=10.0.0.1 to=::1", 1, 1, 20,
	    "from and to of different families", NULL, NULL },
	{ "control character", "exe=/a\x01", 1, 7, 1, "a control character",
	    NULL, NULL },
	{ "open quote", "exe=\"/a", 1, 5, 1, "a quote that is not closed", NULL,
	    NULL },
	{ "too many parents",
	    "parent=/1 parent=/2 parent=/3 parent=/4 parent=/5 parent=/6 "
	    "parent=/7 parent=/8 parent=/9 parent=/a parent=/b parent=/c "
	    "parent=/d parent=/e parent=/f parent=/g parent=/h",
	    1, 168, 2, "too many parents", "at most 16", NULL },
};

static void
test_each_fault_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(bad); i++) {
		struct source src = explain_source(bad[i].text);
		struct faults *faults = faults_new();
		struct explain e;

		assert_int_equal(
		    explain_parse(&e, &src, &fake_world, faults), -EINVAL);
		assert_faulty(&bad[i], faults);
		faults_free(faults);
	}
}

static struct explain
asked(const char *text)
{
	struct source src = explain_source(text);
	struct faults *faults = faults_new();
	struct explain e = { .process = NULL };

	if (explain_parse(&e, &src, &fake_world, faults) != 0) {
		faults_print(faults, stderr);
		fail_msg("not parsed");
	}
	faults_free(faults);
	return e;
}

static void
test_what_is_left_out(void **state)
{
	struct explain e = asked(" ");

	(void)state;
	assert_false(e.subject.in);
	assert_false(e.subject.loopback);
	assert_int_equal(e.subject.proto, IPPROTO_TCP);
	assert_true(e.subject.has_ports);
	assert_int_equal(e.subject.dst.family, ADDR_NONE);
	assert_int_equal(e.process->kind, PROCESS_UNKNOWN);
	explain_done(&e);
	e = asked("user=1000");
	assert_int_equal(e.process->kind, PROCESS_PROGRAM);
	assert_int_equal(e.process->gid, UINT32_MAX);
	explain_done(&e);
}

static void
test_every_word_is_read(void **state)
{
	struct explain e = asked(
	    "in proto=udp from=10.0.0.1 sport=53 to=127.0.0.1 port=4711 "
	    "exe=\"/opt/a b/x\" cmd=\"x --y=z, 1\" comm=x user=alice group=10 "
	    "unit=/system.slice/x.service parent=/bin/sh parent=/sbin/init");
	const struct process *p = e.process;

	(void)state;
	assert_true(e.subject.in);
	assert_true(e.subject.loopback);
	assert_int_equal(e.subject.proto, IPPROTO_UDP);
	assert_int_equal(e.subject.src.bytes[0], 10);
	assert_int_equal(e.subject.sport, 53);
	assert_int_equal(e.subject.dport, 4711);
	assert_true(p->exe_here);
	assert_string_equal(p->exe, "/opt/a b/x");
	assert_string_equal(p->cmd, "x --y=z, 1");
	assert_string_equal(p->comm, "x");
	assert_int_equal(p->uid, 1000);
	assert_int_equal(p->gid, 10);
	assert_string_equal(p->unit, "x.service");
	assert_string_equal(p->cgroup, "/system.slice/x.service");
	assert_int_equal(p->n_parents, 2);
	/* as the kernel names it: /bin is a link in the fake world */
	assert_string_equal(p->parents[0].exe, "/usr/bin/sh");
	explain_done(&e);
	e = asked("process=self exe=/a");
	assert_true(e.process->self);
	assert_int_equal(e.process->kind, PROCESS_PROGRAM);
	explain_done(&e);
	e = asked("process=kernel proto=icmp6");
	assert_int_equal(e.process->kind, PROCESS_KERNEL);
	assert_false(e.subject.has_ports);
	explain_done(&e);
}

static void
assert_captures(const char *rules_text, const struct judge_capture *capture,
    const char *question, const char *answer)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy;
	struct explain e = asked(question);
	char *out;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_int_equal(rules_parse(rules, "/r/1.rules", rules_text,
			     strlen(rules_text), faults),
	    0);
	assert_int_equal(
	    policy_compile(&policy, rules, &fake_world, faults), 0);
	explain_print(policy, capture, &e.subject, f);
	(void)fclose(f);
	assert_string_equal(out, answer);
	free(out);
	policy_unref(policy);
	explain_done(&e);
	faults_free(faults);
	rules_free(rules);
}

static void
assert_says(const char *rules_text, const char *question, const char *answer)
{
	assert_captures(rules_text, NULL, question, answer);
}

/* What the judge makes of it behind the rules. */
static void
test_queries_to_others_and_what_no_tunnel_carries(void **state)
{
	const struct judge_capture here = {
		.ip4 = true,
		.ours = { { ADDR_IP4, { 127, 0, 0, 1 } } },
		.n_ours = 1,
	};
	static const char dns[] = "to=192.0.2.53 port=53 proto=udp user=bob";

	(void)state;
	assert_captures("default out block", &here, dns,
	    "verdict: accept\nreason: capture\n"
	    "passed: no socket of the daemon's own\n");
	assert_captures("default out block", &here,
	    "to=127.0.0.1 port=53 proto=udp user=bob",
	    "verdict: accept\nreason: resolver\n"
	    "passed: no socket of the daemon's own\n");
	assert_captures("default out block", &here,
	    "to=2001:db8::53 port=53 proto=udp user=bob",
	    "verdict: block\nreason: default-out\n"
	    "passed: no socket of the daemon's own\n");
	assert_captures("accept to port 53", &here, dns,
	    "verdict: accept\nrule: 1\nfile: /r/1.rules:1\n"
	    "text: accept to port 53\nreason: rule\n"
	    "passed: no socket of the daemon's own\n");
	assert_says("default out block", dns,
	    "verdict: block\nreason: default-out\n"
	    "passed: no socket of the daemon's own\n");
	assert_says("reroute via tor", "proto=icmp to=192.0.2.7 user=bob",
	    "verdict: block\nrule: 1\nfile: /r/1.rules:1\n"
	    "text: reroute via tor\ntunnel: tor\nreason: not-tunnelled\n"
	    "passed: no socket of the daemon's own\n");
	assert_says("reroute via tor", "to=127.0.0.1 user=bob",
	    "verdict: accept\nrule: 1\nfile: /r/1.rules:1\n"
	    "text: reroute via tor\nreason: loopback\n"
	    "passed: no socket of the daemon's own\n");
}

#define BLOCKS(line)                                                           \
	"verdict: block\nrule: 1\nfile: /r/1.rules:1\ntext: " line "\n" HOST   \
	"reason: rule\n"
#define AWAY "then: asked of another server than this one, it goes there: "
#define ACCEPTS(line, host)                                                    \
	"verdict: accept\nrule: 1\nfile: /r/1.rules:1\ntext: " line "\n" host  \
	"reason: rule\n"
#define HOST "host: x.example\n"
#define WAY "then: its way to the resolver, to 127.0.0.1 port 53, is denied: "
#define SERVER(where)                                                          \
	"then: asked of a server in " where " in place of 127.0.0.1, it is "   \
	"denied on its way: rule 2\n"
#define ANSWER                                                                 \
	"then: an answer with an address that rule 1 is not for is denied: "

/* What a query that is let through meets before and behind the rules of it. */
static void
test_queries_that_are_let_through_and_denied(void **state)
{
	(void)state;
	assert_says("block domain x.example\naccept to any port 53",
	    "query=x.example user=bob",
	    BLOCKS("block domain x.example") AWAY "rule 2\n");
	assert_says("block domain x.example\naccept to lan port 53\n"
		    "accept user alice to port 53",
	    "query=x.example user=bob",
	    BLOCKS("block domain x.example") AWAY "rule 2\n");
	assert_says("block domain x.example\naccept to lan\n"
		    "block to port 53\naccept to port 53",
	    "query=x.example user=bob", BLOCKS("block domain x.example"));
	assert_says("block domain x.example\naccept to port 53",
	    "query=x.example from=10.0.0.7", BLOCKS("block domain x.example"));
	assert_says("accept user bob domain x.example\nblock user bob",
	    "query=x.example user=bob",
	    ACCEPTS("accept user bob domain x.example", HOST) WAY "rule 2\n");
	assert_says("accept user bob domain x.example\nblock user alice",
	    "query=x.example user=bob",
	    ACCEPTS("accept user bob domain x.example", HOST));
	assert_says("accept user bob domain x.example\n"
		    "block user bob to internet, lan",
	    "query=x.example user=bob",
	    ACCEPTS("accept user bob domain x.example", HOST) SERVER("the LAN")
		SERVER("the internet"));
	assert_says("accept user bob domain x.example\n"
		    "accept to 9.0.0.0/8 port 53\n"
		    "block user bob to internet",
	    "query=x.example user=bob",
	    ACCEPTS("accept user bob domain x.example", HOST));
}

/* … and where it meets nothing. */
static void
test_queries_that_are_let_through(void **state)
{
	(void)state;
	assert_says("accept domain x.example\nblock to internet",
	    "query=x.example from=10.0.0.7",
	    ACCEPTS("accept domain x.example", HOST));
	assert_says("accept domain x.example\nblock", /* another host asks */
	    "query=x.example from=10.0.0.7",
	    ACCEPTS("accept domain x.example", HOST));
	assert_says("accept domain x.example\ndefault out block",
	    "query=x.example user=bob",
	    ACCEPTS("accept domain x.example", HOST));
	assert_says("accept domain x.example\ndefault unknown block",
	    "query=x.example",
	    ACCEPTS("accept domain x.example", HOST) WAY "default-unknown\n");
	assert_says("accept to loopback\naccept to lan\nblock domain x.example",
	    "query=x.example user=bob",
	    ACCEPTS("accept to loopback", "") ANSWER "rule 3\n");
	assert_says("accept to any port 53\nblock domain x.example",
	    "query=x.example user=bob", ACCEPTS("accept to any port 53", ""));
	assert_says("accept to lan\naccept\nblock domain x.example",
	    "query=x.example user=bob", ACCEPTS("accept to lan", ""));
}

#undef ACCEPTS
#undef HOST
#undef WAY
#undef SERVER
#undef ANSWER

static void
test_answer(void **state)
{
	static const char rules[] =
	    "accept out user bob\n\n"
	    "block  out  user alice to internet  label \"no web\" # x\n"
	    "default in drop\n";

	(void)state;
	assert_says(rules, "user=1000 to=192.0.2.7",
	    "verdict: block\nrule: 2\nfile: /r/1.rules:3\n"
	    "text: block out user alice to internet label \"no web\"\n"
	    "label: no web\nreason: rule\n"
	    "passed: no socket of the daemon's own\n"
	    "passed: rule 1 does not decide\n");
	assert_says(rules, "user=bob",
	    "verdict: accept\nrule: 1\nfile: /r/1.rules:1\n"
	    "text: accept out user bob\nreason: rule\n"
	    "passed: no socket of the daemon's own\n");
	assert_says(rules, "in user=bob",
	    "verdict: drop\nreason: default-in\n"
	    "passed: no socket of the daemon's own\n"
	    "passed: rules 1 to 2 do not decide\n");
	assert_says("", "process=kernel",
	    "verdict: accept\nreason: default-out\n"
	    "passed: no socket of the daemon's own\n"
	    "passed: default kernel is not set\n");
	assert_says(rules, "process=self", "verdict: accept\nreason: self\n");
}

static void
test_the_other_side_is_known_without_a_look_up(void **state)
{
	static const struct {
		const char *about, *other; /* NULL: not known */
	} rows[] = {
		{ "to=192.0.2.7 port=443 user=nosuchuser", "192.0.2.7" },
		{ "in from=192.0.2.7 to=192.0.2.8", "192.0.2.7" },
		{ "exe=/bin/nothing to=2001:db8::1", "2001:db8::1" },
		{ "to=192.0.2.7 domain=a.example", NULL },
		{ "query=a.example to=192.0.2.7", NULL },
		{ "in to=192.0.2.7", NULL },
		{ "to=192.0.2", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct source src = explain_source(rows[i].about);
		char text[ADDR_STRLEN];
		struct explain_glance at;
		bool known = explain_glance(&at, &src) && !at.query &&
			     !at.named && at.other.family != ADDR_NONE;

		assert_int_equal(known, rows[i].other != NULL);
		if (known)
			assert_string_equal(
			    addr_format(&at.other, text), rows[i].other);
	}
}

static void
test_a_query_is_known_without_a_look_up(void **state)
{
	const struct source src =
	    explain_source("query=A.example qtype=AAAA user=nosuchuser");
	struct name name = name_of("a.example");
	struct explain_glance at;

	(void)state;
	assert_true(explain_glance(&at, &src) && at.query);
	assert_true(name_equal(&at.qname, &name));
	assert_int_equal(at.qtype, 28);
	assert_int_equal(at.other.family, ADDR_NONE);
}

/* Such are given out: what no tunnel carries is denied. */
static void
test_an_address_that_stands_for_a_name(void **state)
{
	static const struct judge_capture given = { .stand_ins = true };
	const char *question = "proto=icmp to=198.18.0.7";

	(void)state;
	assert_captures("default unknown accept\n", NULL, question,
	    "verdict: accept\nreason: default-unknown\n"
	    "passed: no socket of the daemon's own\n");
	assert_captures("default unknown accept\n", &given, question,
	    "verdict: block\nreason: stand-in\n"
	    "passed: no socket of the daemon's own\n");
	assert_captures("default unknown accept\n", &given, "to=198.20.0.7",
	    "verdict: accept\nreason: default-unknown\n"
	    "passed: no socket of the daemon's own\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_has_its_place),
		cmocka_unit_test(test_what_is_left_out),
		cmocka_unit_test(test_every_word_is_read),
		cmocka_unit_test(test_queries_that_are_let_through_and_denied),
		cmocka_unit_test(test_queries_that_are_let_through),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(
		    test_the_other_side_is_known_without_a_look_up),
		cmocka_unit_test(test_a_query_is_known_without_a_look_up),
		cmocka_unit_test(test_an_address_that_stands_for_a_name),
		cmocka_unit_test(
		    test_queries_to_others_and_what_no_tunnel_carries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
