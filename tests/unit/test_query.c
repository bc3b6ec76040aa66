#include "tests/unit/unit.h"

#include <string.h>

#include "src/core/explain.h"
#include "src/core/mark.h"
#include "src/core/policy.h"
#include "src/core/qtype.h"
#include "tests/fake/lists.h"
#include "tests/fake/world.h"

/* Names, queries and tunnels: what design.md section 5 says of them. */

static const struct policy *
compile(const char *name, const char *text)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	struct policy_world world = fake_world;

	world.table = fake_lists_table();
	if (rules_parse(rules, "t.rules", text, strlen(text), faults) != 0 ||
	    policy_compile(&policy, rules, &world, faults) != 0) {
		faults_print(faults, stderr);
		fail_msg("%s", name);
	}
	list_table_unref(world.table);
	faults_free(faults);
	rules_free(rules);
	return policy;
}

struct row {
	const char *name, *rules, *subject;
	enum action action;
	uint32_t rule;
	const char *tunnel, *host, *list;
};

#define ACCEPT ACTION_ACCEPT
#define BLOCK ACTION_BLOCK
#define DROP ACTION_DROP
#define REROUTE ACTION_REROUTE

static const struct row rows[] = {
	/* the three forms */
	{ "that name", "block domain example.com", "domain=example.com", BLOCK,
	    1, NULL, "example.com", NULL },
	{ "case and final dot", "block domain Example.COM.",
	    "domain=EXAMPLE.com", BLOCK, 1, NULL, "example.com", NULL },
	{ "that name is not one below", "block domain example.com",
	    "domain=www.example.com", ACCEPT, 0, NULL, NULL, NULL },
	{ "below", "block domain *.example.com", "domain=a.www.example.com",
	    BLOCK, 1, NULL, "a.www.example.com", NULL },
	{ "below is not itself", "block domain *.example.com",
	    "domain=example.com", ACCEPT, 0, NULL, NULL, NULL },
	{ "below ends at a label", "block domain *.example.com",
	    "domain=badexample.com", ACCEPT, 0, NULL, NULL, NULL },
	{ "a dot within a label is none", "block domain *.example.com",
	    "domain=bad\\\\.example.com", ACCEPT, 0, NULL, NULL, NULL },
	{ "a name as it is shown", "block domain a\\.b.\\032x.example",
	    "domain=a\\.b.\\032x.example", BLOCK, 1, NULL,
	    "a\\.b.\\032x.example", NULL },
	{ "and no other one", "block domain a\\.b.example",
	    "domain=a.b.example", ACCEPT, 0, NULL, NULL, NULL },
	{ "both: itself", "block domain .example.com", "domain=example.com",
	    BLOCK, 1, NULL, "example.com", NULL },
	{ "both: below", "block domain .example.com", "domain=b.example.com",
	    BLOCK, 1, NULL, "b.example.com", NULL },
	{ "several", "block domain a.example, .b.example", "domain=x.b.example",
	    BLOCK, 1, NULL, "x.b.example", NULL },
	/* connections */
	{ "any of its names", "block domain b.example",
	    "domain=a.example domain=b.example to=192.0.2.1", BLOCK, 1, NULL,
	    "b.example", NULL },
	{ "not: none of its names", "block not domain b.example",
	    "domain=a.example domain=b.example to=192.0.2.1", ACCEPT, 0, NULL,
	    NULL, NULL },
	{ "not: another", "block not domain b.example", "domain=a.example",
	    BLOCK, 1, NULL, NULL, NULL },
	{ "without a name", "block domain .example", "to=192.0.2.1", ACCEPT, 0,
	    NULL, NULL, NULL },
	{ "not: without a name", "block not domain .example", "to=192.0.2.1",
	    BLOCK, 1, NULL, NULL, NULL },
	{ "name and port", "block domain a.example to any port 443",
	    "domain=a.example to=192.0.2.1 port=443", BLOCK, 1, NULL,
	    "a.example", NULL },
	{ "a connection has no type", "block qtype A", "domain=a.example",
	    ACCEPT, 0, NULL, NULL, NULL },
	{ "nor is it of another", "block not qtype A", "domain=a.example",
	    ACCEPT, 0, NULL, NULL, NULL },
	/* queries: what every connection would be blocked for */
	{ "a program", "block exe /a", "query domain=x.example exe=/a", BLOCK,
	    1, NULL, NULL, NULL },
	{ "a name", "block domain x.example", "query domain=x.example", BLOCK,
	    1, NULL, "x.example", NULL },
	{ "a silent no", "drop domain x.example", "query domain=x.example",
	    DROP, 1, NULL, "x.example", NULL },
	{ "an address can't block", "block to 10.0.0.0/8\nblock to internet",
	    "query domain=x.example", ACCEPT, 0, NULL, NULL, NULL },
	{ "nor a port", "block exe /a to any port 80",
	    "query domain=x.example exe=/a", ACCEPT, 0, NULL, NULL, NULL },
	{ "nor a source", "block from 10.0.0.1", "query domain=x.example",
	    ACCEPT, 0, NULL, NULL, NULL },
	{ "nor a protocol", "block proto tcp", "query domain=x.example", ACCEPT,
	    0, NULL, NULL, NULL },
	{ "nor what is not of an address", "block not to 10.0.0.0/8",
	    "query domain=x.example", ACCEPT, 0, NULL, NULL, NULL },
	{ "nor what is not of a port", "block not to any port 443",
	    "query domain=x.example", ACCEPT, 0, NULL, NULL, NULL },
	{ "any address is each", "block to any", "query domain=x.example",
	    BLOCK, 1, NULL, NULL, NULL },
	{ "none is not any", "block not to any", "query domain=x.example",
	    ACCEPT, 0, NULL, NULL, NULL },
	{ "what comes in is none", "block in", "query domain=x.example", ACCEPT,
	    0, NULL, NULL, NULL },
	{ "an accept by address lets it through",
	    "accept exe /a to 10.0.0.0/8\nblock exe /a",
	    "query domain=x.example exe=/a", ACCEPT, 1, NULL, NULL, NULL },
	{ "an accept by port", "accept exe /a to any port 443\nblock exe /a",
	    "query domain=x.example exe=/a", ACCEPT, 1, NULL, NULL, NULL },
	{ "an accept by what it is not",
	    "accept exe /a not to lan\nblock exe /a",
	    "query domain=x.example exe=/a", ACCEPT, 1, NULL, NULL, NULL },
	{ "an accept of another program", "accept exe /b to lan\nblock exe /a",
	    "query domain=x.example exe=/a", BLOCK, 2, NULL, NULL, NULL },
	{ "a default", "default out block", "query domain=x.example", BLOCK, 0,
	    NULL, NULL, NULL },
	{ "an accept by address before a default",
	    "default out block\naccept to 10.0.0.0/8 port 5432",
	    "query domain=x.example", ACCEPT, 1, NULL, NULL, NULL },
	{ "unknown", "default unknown block", "query domain=x.example", BLOCK,
	    0, NULL, NULL, NULL },
	/* types */
	{ "a type", "block qtype HTTPS, SVCB", "qtype=TYPE65 domain=x.example",
	    BLOCK, 1, NULL, NULL, NULL },
	{ "another type", "block qtype HTTPS", "qtype=A domain=x.example",
	    ACCEPT, 0, NULL, NULL, NULL },
	{ "not a type", "block not qtype A, AAAA", "qtype=TXT domain=x.example",
	    BLOCK, 1, NULL, NULL, NULL },
	/* answers: the address is known, the port is not */
	{ "an answer's address", "block to 10.0.0.0/8",
	    "query domain=x.example to=10.1.2.3", BLOCK, 1, NULL, NULL, NULL },
	{ "an answer and a port", "block to 10.0.0.0/8 port 80",
	    "query domain=x.example to=10.1.2.3", ACCEPT, 0, NULL, NULL, NULL },
	{ "an answer elsewhere", "block not to 10.0.0.0/8 port 80",
	    "query domain=x.example to=192.0.2.1", BLOCK, 1, NULL, NULL, NULL },
	{ "an answer accepted", "accept to 10.1.0.0/16 port 80\nblock to lan",
	    "query domain=x.example to=10.1.2.3", ACCEPT, 1, NULL, NULL, NULL },
	{ "an answer not accepted",
	    "accept to 10.2.0.0/16 port 80\nblock to lan",
	    "query domain=x.example to=10.1.2.3", BLOCK, 2, NULL, NULL, NULL },
	/* tunnels */
	{ "reroute", "reroute via vpn exe /a", "exe=/a to=192.0.2.1", REROUTE,
	    1, "vpn", NULL, NULL },
	{ "via at the end", "reroute exe /a via tor", "exe=/a to=192.0.2.1",
	    REROUTE, 1, "tor", NULL, NULL },
	{ "a name through a tunnel", "reroute via tor domain *.onion",
	    "domain=x.onion", REROUTE, 1, "tor", "x.onion", NULL },
	{ "reroute is for out", "reroute via tor", "in from=192.0.2.1", ACCEPT,
	    0, NULL, NULL, NULL },
	{ "its query", "reroute via tor exe /a",
	    "query domain=x.example exe=/a", REROUTE, 1, "tor", NULL, NULL },
	{ "its query by port", "reroute via tor exe /a to any port 443",
	    "query domain=x.example exe=/a", REROUTE, 1, "tor", NULL, NULL },
	{ "its query, to the internet", "reroute via tor exe /a to internet",
	    "query domain=x.example exe=/a", REROUTE, 1, "tor", NULL, NULL },
	{ "its query, all but the LAN", "reroute via tor exe /a not to lan",
	    "query domain=x.example exe=/a", REROUTE, 1, "tor", NULL, NULL },
	{ "its query, all of IPv4", "reroute via tor exe /a to 0.0.0.0/0",
	    "query domain=x.example exe=/a", REROUTE, 1, "tor", NULL, NULL },
	{ "by address: it has to be known first",
	    "reroute via vpn exe /a to 10.0.0.0/8\nblock exe /a",
	    "query domain=x.example exe=/a", ACCEPT, 1, NULL, NULL, NULL },
};

static const struct row list_rows[] = {
	{ "a name of a list", "block list bad, ads", "domain=x.example.com",
	    BLOCK, 1, NULL, "x.example.com", "ads" },
	{ "the other list", "block list bad, ads",
	    "domain=a.example domain=bad.example to=192.0.2.1", BLOCK, 1, NULL,
	    "bad.example", "bad" },
	{ "an address of a list", "block out list ads", "to=10.1.2.3", BLOCK, 1,
	    NULL, NULL, "ads" },
	{ "who sends", "drop in list ads", "in from=10.1.2.3", DROP, 1, NULL,
	    NULL, "ads" },
	{ "our own address is not meant", "drop in list ads",
	    "in from=192.0.2.1 to=10.1.2.3", ACCEPT, 0, NULL, NULL, NULL },
	{ "neither", "block list ads", "domain=a.example to=192.0.2.1", ACCEPT,
	    0, NULL, NULL, NULL },
	{ "not of a list", "block not list ads", "to=192.0.2.1", BLOCK, 1, NULL,
	    NULL, NULL },
	{ "not: by its name", "block not list ads",
	    "domain=ads.example.net to=192.0.2.1", ACCEPT, 0, NULL, NULL,
	    NULL },
	{ "a query", "block list ads", "query domain=ads.example.net", BLOCK, 1,
	    NULL, "ads.example.net", "ads" },
	{ "a query of a program", "block list ads exe /a",
	    "query domain=ads.example.net exe=/b", ACCEPT, 0, NULL, NULL,
	    NULL },
	{ "an answer", "block list ads", "query domain=x.example to=10.1.2.3",
	    BLOCK, 1, NULL, NULL, "ads" },
	{ "its addresses can't block a query", "block list ads",
	    "query domain=x.example", ACCEPT, 0, NULL, NULL, NULL },
	{ "its addresses may let one through",
	    "accept list ads\ndefault out block", "query domain=x.example",
	    ACCEPT, 1, NULL, NULL, NULL },
	{ "a list of names does not", "accept list bad\ndefault out block",
	    "query domain=x.example", BLOCK, 0, NULL, NULL, NULL },
	{ "not of a list of names is certain", "block not list bad",
	    "query domain=x.example", BLOCK, 1, NULL, NULL, NULL },
	{ "not of a list with addresses is not", "block not list ads",
	    "query domain=x.example", ACCEPT, 0, NULL, NULL, NULL },
	{ "reroute what a list has", "reroute via tor list ads",
	    "query domain=x.example.com", REROUTE, 1, "tor", "x.example.com",
	    "ads" },
	{ "reroute what it may have", "reroute via tor list ads\nblock",
	    "query domain=x.example", ACCEPT, 1, NULL, NULL, NULL },
};

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check_rows(const struct row *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *row = &all[i];
		const struct policy *policy = compile(row->name, row->rules);
		struct source src = explain_source(row->subject);
		struct faults *faults = faults_new();
		char buf[NAME_TEXT_SIZE];
		const char *host = NULL;
		struct explain e;
		struct decision d;

		if (explain_parse(&e, &src, &fake_world, faults) != 0) {
			faults_print(faults, stderr);
			fail_msg("%s", row->name);
		}
		d = policy_decide(policy, &e.subject);
		if (d.host != 0)
			host = name_format(e.subject.names[d.host - 1], buf);
		if (d.action != row->action || d.rule != row->rule ||
		    !same(policy_tunnel(policy, d.tunnel), row->tunnel) ||
		    !same(policy_list(policy, d.list), row->list) ||
		    !same(host, row->host))
			fail_msg("%s: %s, rule %u, host %s", row->name,
			    action_name(d.action), d.rule,
			    host != NULL ? host : "none");
		explain_done(&e);
		faults_free(faults);
		policy_unref(policy);
	}
}

static void
names_and_queries_are_decided_by_the_book(void **state)
{
	(void)state;
	check_rows(rows, N_ROWS(rows));
}

static void
lists_are_asked_by_name_and_address(void **state)
{
	const struct policy *policy = compile("", "block list bad");
	struct name name = name_of("bad.example");

	(void)state;
	check_rows(list_rows, N_ROWS(list_rows));
	assert_true(
	    list_has_name(policy_list_index(policy, 2), &name, QTYPE_A));
	assert_null(policy_list_index(policy, 0));
	assert_null(policy_list_index(policy, 3));
	policy_unref(policy);
}

static void
a_list_that_is_not_loaded_is_empty(void **state)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	struct process *process = process_new(PROCESS_UNKNOWN);
	struct subject s = { .process = process };

	(void)state;
	assert_int_equal(
	    rules_parse(rules, "t", "block list ads", 14, faults), 0);
	assert_int_equal(
	    policy_compile(&policy, rules, &fake_world, faults), 0);
	assert_int_equal(policy_decide(policy, &s).rule, 0);
	policy_unref(policy);
	process_unref(process);
	faults_free(faults);
	rules_free(rules);
}

static void
what_is_only_shown_keeps_no_lists(void **state)
{
	const struct policy *policy = compile("", "block list ads");

	(void)state;
	assert_non_null(policy_list_index(policy, 1));
	assert_ptr_equal(policy_ref_shown(policy), policy);
	policy_unref(policy);
	assert_null(policy_list_index(policy, 1));
	assert_string_equal(policy_list(policy, 1), "ads");
	assert_string_equal(policy_rule_get(policy, 1)->text, "block list ads");
	policy_unref_shown(policy);
}

static void
a_reroute_has_port17s_mark(void **state)
{
	struct decision d = { .action = ACTION_REROUTE };

	(void)state;
	assert_int_equal(mark_encode(&d), 1717);
	assert_string_equal(action_name(ACTION_REROUTE), "reroute");
}

static void
only_what_is_declared_can_be_named(void **state)
{
	static const struct {
		const char *rule, *what, *nearest;
	} bad[] = {
		{ "reroute via tro", "no tunnel 'tro'", "tor" },
		{ "reroute via ads", "no tunnel 'ads'", NULL },
		{ "block list adz", "no list 'adz'", "ads" },
		{ "block list ads, tor", "no list 'tor'", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(bad); i++) {
		struct rules *rules = rules_new();
		struct faults *faults = faults_new();
		const struct policy *policy = NULL;
		const struct fault *f;

		assert_int_equal(rules_parse(rules, "t", bad[i].rule,
				     strlen(bad[i].rule), faults),
		    0);
		assert_int_equal(
		    policy_compile(&policy, rules, &fake_world, faults),
		    -EINVAL);
		assert_int_equal(faults_count(faults), 1);
		f = faults_get(faults, 0);
		row_true(bad[i].rule, strcmp(f->what, bad[i].what) == 0);
		row_true(bad[i].rule, same(f->nearest, bad[i].nearest));
		faults_free(faults);
		rules_free(rules);
	}
}

static void
types_have_names(void **state)
{
	char buf[QTYPE_TEXT_SIZE];
	uint16_t n = 0;

	(void)state;
	assert_int_equal(qtype_parse(&n, "aaaa", 4), 0);
	assert_int_equal(n, 28);
	assert_int_equal(qtype_parse(&n, "TYPE65535", 9), 0);
	assert_int_equal(n, 65535);
	assert_int_equal(qtype_parse(&n, "TYPE", 4), -EINVAL);
	assert_int_equal(qtype_parse(&n, "TYPE70000", 9), -EINVAL);
	assert_string_equal(qtype_format(65, buf), "HTTPS");
	assert_string_equal(qtype_format(65535, buf), "TYPE65535");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_queries_are_decided_by_the_book),
		cmocka_unit_test(lists_are_asked_by_name_and_address),
		cmocka_unit_test(a_list_that_is_not_loaded_is_empty),
		cmocka_unit_test(what_is_only_shown_keeps_no_lists),
		cmocka_unit_test(a_reroute_has_port17s_mark),
		cmocka_unit_test(only_what_is_declared_can_be_named),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
