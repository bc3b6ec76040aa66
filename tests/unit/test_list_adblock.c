#include "tests/unit/listread.h"

/* AdBlock's rules. */

static void
adblock_rules_are_read(void **state)
{
	static const struct row rows[] = {
		{ "[Adblock Plus 2.0]\n! Title: x\n||a.test^\n",
		    { "a.test", "x.a.test" }, { "test", "xa.test" }, 0 },
		{ "||a.test\n|b.test^\n|c.test|\nd.test\n*.e.test\n.f.test^\n",
		    { "x.a.test", "b.test", "c.test", "d.test", "x.e.test",
			"f.test" },
		    { "x.b.test", "x.c.test", "x.d.test", "e.test" }, 0 },
		{ "||*.a.test^", { "x.a.test" }, { "a.test" }, 0 },
		{ "0.0.0.0 h.test\n", { "h.test" }, { "x.h.test" }, 0 },
		{ "||a.test^\n@@||ok.a.test^\n", { "a.test", "x.a.test" },
		    { "ok.a.test", "x.ok.a.test" }, 0 },
		{ "@@||ok.a.test^\n||a.test^$important\n",
		    { "a.test", "ok.a.test" }, { NULL }, 0 },
		{ "@@||ok.a.test^$important\n||a.test^$important\n",
		    { "a.test" }, { "ok.a.test" }, 0 },
		{ "||test^$denyallow=a.test|b.test\n||ads.a.test^\n",
		    { "test", "c.test", "ads.a.test" },
		    { "a.test", "x.a.test", "x.b.test" }, 0 },
		{ "*$denyallow=com|net\n", { "a.test", "org" },
		    { "com", "x.com", "a.net" }, 0 },
		{ "||192.0.2.7^\n@@||192.0.2.7^\n||198.51.100.0/24^\n",
		    { "198.51.100.7" }, { "192.0.2.7" }, 0 },
		{ "/ads[0-9]+/x\n||a.test/path\n||a?.test^\nb.test##.ad\n"
		  "c.test#@#.ad\nd.test$$script\n",
		    { NULL }, { "a.test", "b.test", "c.test", "d.test" }, 6 },
		{ "||a.test^ # said so\n# b.test\n!||c.test^\n", { "a.test" },
		    { "b.test", "c.test" }, 0 },
		/* what begins with no | covers what is below, unless it is a
		 * name alone */
		{ "a.test^\nb.test$important\nc.test\n@@d.a.test\n",
		    { "a.test", "x.a.test", "x.b.test", "c.test" },
		    { "x.c.test", "d.a.test", "x.d.a.test" }, 0 },
		/* of any name with such a label: no name */
		{ "||ads.\n||ads.^\n.ad-server.\nn.test.\n", { "n.test" },
		    { "ads", "x.ads", "ad-server" }, 1 },
		{ "||a.test^ ## said so\n0.0.0.0 b.test ## too\n## c.test\n"
		  "#### a heading\n###\nd.test##.ad\n##.banner\n",
		    { "a.test", "b.test" }, { "c.test", "d.test" }, 2 },
		{ "@@||a.test^|\n||a.test^\n", { NULL }, { "a.test" }, 0 },
		{ "|https://\n|https://a.test^\n||a.test^$third-party\n"
		  "||a.test^$~third-party\n||a.test^$ctag=device_pc\n"
		  "*$removeparam=x\n-ad-box.\n||b.test^*/x\n",
		    { NULL }, { "a.test", "b.test", "x.test" }, 7 },
		/* what phishing lists for browsers say narrows nothing */
		{ "||a.test^$all\n||b.test^$all,third-party\n||192.0.2.7^$all\n"
		  "||c.test^\n@@||c.test^$all\n",
		    { "a.test", "x.a.test", "192.0.2.7" },
		    { "b.test", "c.test" }, 1 },
		{ "||^\n*\n||\n@@\n$important\n", { NULL }, { "a" }, 4 },
		{ "||a.test^$important,", { "a.test" }, { NULL }, 0 },
	};

	(void)state;
	check_rows(CONF_FORMAT_ADBLOCK, rows, N_ROWS(rows));
}

static void
adblock_rules_take_rules_back(void **state)
{
	static const struct row rows[] = {
		{ "||a.test^\n||b.test^\n||a.test^$badfilter\n", { "b.test" },
		    { "a.test", "x.a.test" }, 0 },
		/* that rule, and no other one about the name */
		{ "||a.test^$badfilter\n||*.a.test^\n||a.test^\n"
		  "|b.test^$badfilter\n||b.test^\nc.test\nc.test$badfilter\n",
		    { "x.a.test", "b.test", "x.b.test" },
		    { "a.test", "c.test" }, 0 },
		{ "||a.test^\n||a.test^$denyallow=b.a.test,badfilter\n",
		    { "a.test" }, { "b.test" }, 1 },
	};

	(void)state;
	check_rows(CONF_FORMAT_ADBLOCK, rows, N_ROWS(rows));
}

static void
adblock_parts_of_names_are_read(void **state)
{
	static const struct row rows[] = {
		/* parts of names; but an exception, or an end, is one, too */
		{ "-ads-\npop-\n_under.\n@@-ads-ok-\n",
		    { "my-ads-1.test", "pop-up.test", "a.x_under.test",
			"x.pop-.test" },
		    { "myads.test", "a-ads-ok-b.test", "under.test" }, 0 },
		{ "-end.test^\n-deep.\n_n.test\n",
		    { "my-end.test", "a-deep.b.test", "_n.test" },
		    { "my-end.test.org", "deep.test", "x_n.test" }, 0 },
		/* too wide for a part, and rulers */
		{ "-\n_\n-a\n---\n--_-.\nn.test\n", { "n.test" },
		    { "x-a.test", "x_.test", "xn----a.test", "a--_-.test" },
		    0 },
	};

	(void)state;
	check_rows(CONF_FORMAT_ADBLOCK, rows, N_ROWS(rows));
}

/* What can't be told of a rule is named, and the rule is none. */
static void
adblock_modifiers_are_named(void **state)
{
	struct read r = { 0 };

	(void)state;
	read_text(&r, CONF_FORMAT_ADBLOCK,
	    "\n||a.test^$third-party\r\n"
	    "@@||b.test^$important,client=10.0.0.1\r\n");
	assert_int_equal(r.faults, 2);
	assert_int_equal(r.entries, 0);
	assert_int_equal(r.line, 3);
	assert_string_equal(r.modifier, "client");
	/* the line as it was meant, without its CR */
	assert_string_equal(r.text, "@@||b.test^$important,client=10.0.0.1");
	list_index_unref(r.list);
	memset(&r, 0, sizeof(r));
	read_text(&r, CONF_FORMAT_ADBLOCK,
	    "/^ad[0-9+\\.a\\.test$/\n@@/a$/$third-party\n"
	    "||a.test^$client='Mary Ann\\, and John'");
	assert_int_equal(r.faults, 3);
	assert_int_equal(r.entries, 0);
	assert_string_equal(r.modifier, "client");
	list_index_unref(r.list);
}

/* $dnstype: rules for queries of some types. */
static void
rules_are_for_types(void **state)
{
	static const struct {
		const char *text, *name;
		uint16_t qtype;
		bool in;
	} rows[] = {
		{ "||a.test^$dnstype=AAAA", "a.test", 28, true },
		{ "||a.test^$dnstype=AAAA", "b.a.test", 28, true },
		{ "||a.test^$dnstype=AAAA", "a.test", 1, false },
		{ "||a.test^$dnstype=AAAA", "test", 28, false },
		/* what is no query has none */
		{ "||a.test^$dnstype=AAAA", "a.test", 0, false },
		{ "||a.test^$dnstype=~AAAA", "a.test", 0, false },
		{ "||a.test^$dnstype=a|HTTPS|TYPE99", "a.test", 65, true },
		{ "||a.test^$dnstype=a|HTTPS|TYPE99", "a.test", 99, true },
		{ "||a.test^$dnstype=a|HTTPS|TYPE99", "a.test", 28, false },
		{ "||a.test^$dnstype=~A|~AAAA", "a.test", 16, true },
		{ "||a.test^$dnstype=~A|~AAAA", "a.test", 28, false },
		{ "|a.test^$dnstype=A", "b.a.test", 1, false },
		{ "*$dnstype=ANY", "x.test", 255, true },
		{ "*$dnstype=ANY", "x.test", 1, false },
		/* exceptions, in the order that they have without */
		{ "||a.test^\n@@||a.test^$dnstype=A", "a.test", 1, false },
		{ "||a.test^\n@@||a.test^$dnstype=A", "a.test", 28, true },
		{ "||a.test^$important,dnstype=A\n@@||a.test^", "a.test", 1,
		    true },
		{ "||a.test^$important,dnstype=A\n@@||a.test^", "a.test", 28,
		    false },
		{ "||a.test^$dnstype=A\n||a.test^$dnstype=MX", "a.test", 15,
		    true },
		{ "||a.test^$dnstype=A\n||test^", "a.test", 15, true },
	};
	struct read r = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct name name = name_of(rows[i].name);

		read_text(&r, CONF_FORMAT_ADBLOCK, rows[i].text);
		assert_int_equal(r.faults, 0);
		row_true(rows[i].text,
		    list_has_name(r.list, &name, rows[i].qtype) == rows[i].in);
		/* and nothing of a connection */
		if (rows[i].qtype == 0)
			assert_false(list_has_host(r.list, &name));
		list_index_unref(r.list);
	}
}

static const struct {
	const char *text, *name;
	enum list_action action;
	uint16_t type;
	const char *rdata; /* as text, or hex */
	size_t len;
} answers[] = {
	{ "||a.test^$dnsrewrite=192.0.2.1", "a.test", LIST_LOCAL, 1,
	    "\xc0\0\2\1", 4 },
	{ "||a.test^$dnsrewrite=192.0.2.1", "b.a.test", LIST_LOCAL, 1,
	    "\xc0\0\2\1", 4 },
	{ "|a.test^$dnsrewrite=192.0.2.1", "b.a.test", LIST_NONE, 0, "", 0 },
	{ "||*.a.test^$dnsrewrite=192.0.2.1", "a.test", LIST_NONE, 0, "", 0 },
	{ "|a.test^$dnsrewrite=2001:db8::1", "a.test", LIST_LOCAL, 28,
	    "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16 },
	{ "|a.test^$dnsrewrite=B.test", "a.test", LIST_LOCAL, 5, "\1b\4test\0",
	    8 },
	{ "||a.test^$dnsrewrite=b.a.test", "a.test", LIST_LOCAL, 5,
	    "\1b\1a\4test\0", 10 },
	{ "||a.test^$dnsrewrite=b.a.test", "b.a.test", LIST_NONE, 0, "", 0 },
	{ "||b.a.test^\n||a.test^$dnsrewrite=b.a.test", "b.a.test", LIST_BLOCK,
	    0, "", 0 },
	{ "||a.test^$dnsrewrite=NXDOMAIN", "b.a.test", LIST_NXDOMAIN, 0, "",
	    0 },
	{ "||a.test^$dnsrewrite=REFUSED", "a.test", LIST_REFUSED, 0, "", 0 },
	{ "||a.test^$dnsrewrite=NOERROR", "a.test", LIST_NODATA, 0, "", 0 },
	{ "||a.test^$dnsrewrite=REFUSED;;", "a.test", LIST_REFUSED, 0, "", 0 },
	{ "||a.test^$dnsrewrite=NOERROR;;", "a.test", LIST_NODATA, 0, "", 0 },
	{ "||a.test^$dnsrewrite=NOERROR;A;192.0.2.1", "a.test", LIST_LOCAL, 1,
	    "\xc0\0\2\1", 4 },
	{ "||a.test^$dnsrewrite=NOERROR;CNAME;b.test", "a.test", LIST_LOCAL, 5,
	    "\1b\4test\0", 8 },
	{ "||a.test^$dnsrewrite=NOERROR;MX;10 b.test", "a.test", LIST_LOCAL, 15,
	    "\0\12\1b\4test\0", 10 },
	{ "||a.test^$dnsrewrite=NOERROR;TXT;v=1 all", "a.test", LIST_LOCAL, 16,
	    "\7v=1 all", 8 },
	{ "|1.2.0.192.in-addr.arpa^$dnsrewrite=NOERROR;PTR;b.test.",
	    "1.2.0.192.in-addr.arpa", LIST_LOCAL, 12, "\1b\4test\0", 8 },
	{ "|_x._tcp.a.test^$dnsrewrite=NOERROR;SRV;1 2 3 b.test",
	    "_x._tcp.a.test", LIST_LOCAL, 33, "\0\1\0\2\0\3\1b\4test\0", 14 },
	/* it beats what only blocks; an exception beats it, and the
	 * longer name of two */
	{ "||a.test^\n||a.test^$dnsrewrite=192.0.2.1", "a.test", LIST_LOCAL, 1,
	    "\xc0\0\2\1", 4 },
	{ "@@||b.a.test^\n||a.test^$dnsrewrite=NXDOMAIN", "b.a.test", LIST_NONE,
	    0, "", 0 },
	{ "||a.test^$dnsrewrite=NXDOMAIN\n"
	  "||b.a.test^$dnsrewrite=192.0.2.1",
	    "b.a.test", LIST_LOCAL, 1, "\xc0\0\2\1", 4 },
};

/* $dnsrewrite: what is answered. */
static void
rules_say_what_to_answer(void **state)
{
	struct read r = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ROWS(answers); i++) {
		struct name name = name_of(answers[i].name);
		struct list_answer answer;
		struct list_rr rr = { 0 };

		read_text(&r, CONF_FORMAT_ADBLOCK, answers[i].text);
		assert_int_equal(r.faults, 0);
		list_answer(&answer, r.list, &name, QTYPE_A);
		row_true(answers[i].text, answer.action == answers[i].action);
		if (answer.action == LIST_LOCAL)
			row_true(
			    answers[i].text, list_answer_next(&answer, &rr));
		row_true(answers[i].text,
		    rr.type == answers[i].type && rr.len == answers[i].len &&
			memcmp(rr.len > 0 ? rr.rdata : (const uint8_t *)"",
			    answers[i].rdata, rr.len) == 0);
		/* a connection is none of its business */
		if (answer.action == LIST_LOCAL)
			assert_false(list_has_host(r.list, &name));
		list_index_unref(r.list);
	}
}

static void
answers_that_are_none_are_faults(void **state)
{
	static const char *const bad[] = { "SERVFAIL", "", "1.2.3.0/24",
		"NOERROR;A;b.test", "NOERROR;AAAA;192.0.2.1",
		"NOERROR;A;192.0.2.1;x", "NOERROR;MX;b.test",
		"NOERROR;MX;10 b.test x", "NOERROR;SRV;1 2 3 b.test x",
		"NOERROR;HTTPS;1 b.test", "NXDOMAIN;MX;10 b.test",
		"NXDOMAIN;A;192.0.2.1", "router", "NOERROR;;x", ";;", "a b",
		"b.test,x", "192.0.2.1,important", "192.0.2.1,denyallow=b.test",
		"192.0.2.1,dnstype=A" };
	struct read r = { 0 };
	char text[128];

	(void)state;
	for (size_t i = 0; i < N_ROWS(bad); i++) {
		(void)snprintf(
		    text, sizeof(text), "||a.test^$dnsrewrite=%s", bad[i]);
		read_text(&r, CONF_FORMAT_ADBLOCK, text);
		row_true(text, r.faults == 1 && !has(&r, "a.test"));
		list_index_unref(r.list);
	}
}

static void
each_answer_of_a_name_is_heard(void **state)
{
	struct read r = { 0 };

	(void)state;
	/* of two all are given */
	read_text(&r, CONF_FORMAT_ADBLOCK,
	    "||a.test^$dnsrewrite=192.0.2.1\n"
	    "||a.test^$dnsrewrite=192.0.2.2\n"
	    "@@||a.test^$dnsrewrite\n192.0.2.1$dnsrewrite=NXDOMAIN\n"
	    "@@||a.test^$dnsrewrite=192.0.2.1\n||b.test$dnstype=~A|MX\n"
	    "||b.test$dnstype=\n||b.test$dnstype=FOO\n"
	    "||b.test$dnstype=A,badfilter\n");
	assert_int_equal(r.faults, 7);
	assert_string_equal(r.modifier, "badfilter");
	assert_false(has(&r, "b.test"));
	assert_int_equal(list_n_names(r.list), 1);
	list_index_unref(r.list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adblock_rules_are_read),
		cmocka_unit_test(adblock_rules_take_rules_back),
		cmocka_unit_test(adblock_parts_of_names_are_read),
		cmocka_unit_test(adblock_modifiers_are_named),
		cmocka_unit_test(rules_are_for_types),
		cmocka_unit_test(rules_say_what_to_answer),
		cmocka_unit_test(answers_that_are_none_are_faults),
		cmocka_unit_test(each_answer_of_a_name_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
