#include "tests/unit/listread.h"

/* Settings of other servers, as lists of names. */

static void
lines_of_dnsmasq_block(void **state)
{
	static const struct row rows[] = {
		{ "address=/a.test/\naddress=/b.test/0.0.0.0\n"
		  "address=/c.test/d.test/#\naddress=/e.test/::\n",
		    { "a.test", "x.a.test", "b.test", "x.c.test", "d.test",
			"e.test" },
		    { "test", "xa.test" }, 0 },
		{ "# a comment\nserver=/a.test/\nlocal=/b.test/ # another\n\n"
		  "address = /.c.test/127.0.0.1",
		    { "a.test", "x.b.test", "c.test", "x.c.test" }, { "test" },
		    0 },
		{ "address=/*ads.test/0.0.0.0\n",
		    { "ads.test", "x.ads.test", "myads.test" },
		    { "ads.test.x" }, 0 },
		{ "address=/a.test/\nserver=/ok.a.test/#\n", { "a.test" },
		    { "ok.a.test", "x.ok.a.test" }, 0 },
		{ "address=/a.test/\nserver=/ok.a.test/192.0.2.53#5353\n"
		  "server=/b.test/\nserver=/b.test/2001:db8::53@eth0\n",
		    { "a.test" }, { "ok.a.test", "x.ok.a.test", "b.test" }, 0 },
		{ "address=/a.test/\naddress=/own.a.test/192.0.2.7\n",
		    { "a.test" }, { "own.a.test", "x.own.a.test" }, 1 },
		{ "server=/a.test/#\naddress=/*ads.a.test/\n"
		  "server=/*b.test/#\naddress=/ads.b.test/\n",
		    { "ads.a.test", "x.myads.a.test", "ads.b.test" },
		    { "a.test", "b.test", "x.b.test" }, 0 },
		{ "server=/a.test/#\naddress=/ads.a.test/\n"
		  "server=/ok.ads.a.test/#\n",
		    { "ads.a.test", "x.ads.a.test" },
		    { "a.test", "x.a.test", "ok.ads.a.test" }, 0 },
		/* of one name an address goes before what passes it, and that
		 * before all else */
		{ "server=/a.test/#\naddress=/a.test/0.0.0.0\n"
		  "address=/b.test/#\nserver=/b.test/#\n"
		  "server=/*d.test/#\naddress=/*d.test/::\n",
		    { "a.test", "x.a.test", "b.test", "xd.test" }, { "test" },
		    0 },
		{ "address=/test/\nserver=/a.test/#\naddress=/a.test/\n"
		  "server=/b.test/#\nlocal=/b.test/\n"
		  "server=/c.test/\nserver=/c.test/#\n",
		    { "test", "d.test" },
		    { "a.test", "x.a.test", "b.test", "c.test" }, 0 },
		/* these do not block */
		{ "local=/z.test/\naddress=/a.test/192.0.2.1\n"
		  "server=/b.test/ns.test\nserver=192.0.2.53\n"
		  "ipset=/c.test/set\ncache-size=150\naddress=/#/0.0.0.0\n"
		  "address=//\naddress=/b d/\n",
		    { "z.test" }, { "a.test", "b.test", "c.test" }, 8 },
	};

	(void)state;
	check_rows(CONF_FORMAT_DNSMASQ, rows, N_ROWS(rows));
	check_rows(CONF_FORMAT_AUTO, rows, 1);
	check_rows(CONF_FORMAT_AUTO, rows + 3, 2);
}

/* How long the end is, too, tells which one is more specific. */
static void
longer_ends_of_dnsmasq_count(void **state)
{
	static const struct row rows[] = {
		{ "address=/*ads.test/\nserver=/ok.ads.test/#\n"
		  "address=/*no.ok.ads.test/\n"
		  "server=/*fine.no.ok.ads.test/#\n",
		    { "ads.test", "x.ads.test", "badads.test", "no.ok.ads.test",
			"x.uno.ok.ads.test" },
		    { "ok.ads.test", "x.ok.ads.test", "fine.no.ok.ads.test",
			"y.xfine.no.ok.ads.test" },
		    0 },
		{ "server=/*ok.a.test/#\naddress=/a.test/\n"
		  "address=/bad.ok.a.test/\n",
		    { "a.test", "x.a.test", "bad.ok.a.test" },
		    { "ok.a.test", "book.a.test", "x.ok.a.test" }, 0 },
		/* below a name alone */
		{ "server=/*.ads.test/#\naddress=/ads.test/#\n"
		  "address=/*.e.test/\n",
		    { "ads.test", "x.e.test", "x.x.e.test" },
		    { "x.ads.test", "e.test", "xe.test" }, 0 },
		/* a name goes before what ends as it is */
		{ "server=/a.test/#\naddress=/*a.test/#\n"
		  "address=/b.test/\nserver=/*b.test/#\n",
		    { "xa.test", "b.test", "x.b.test" },
		    { "a.test", "x.a.test", "xb.test" }, 0 },
	};

	(void)state;
	check_rows(CONF_FORMAT_DNSMASQ, rows, N_ROWS(rows));
}

static void
lines_of_unbound_block(void **state)
{
	static const struct row rows[] = {
		{ "local-zone: \"a.test\" always_nxdomain\n"
		  "local-zone: 'b.test.' deny\nlocal-zone: c.test static # x\n"
		  "  local-zone: \"d.test\" always_null",
		    { "a.test", "x.a.test", "b.test", "x.c.test", "d.test" },
		    { "test", "xa.test" }, 0 },
		{ "server:\n\tlocal-data: \"a.test A 0.0.0.0\"\n"
		  "local-data: \"b.test. 3600 IN AAAA ::\"\n"
		  "local-data: 'c.test 60 a 127.0.0.1'",
		    { "a.test", "b.test", "c.test" }, { "x.a.test" }, 0 },
		/* what leads to an address of its own does not block */
		{ "local-zone: \"a.test\" redirect\n"
		  "local-data: \"a.test A 0.0.0.0\"\n"
		  "local-zone: \"b.test\" redirect\n"
		  "local-data: \"b.test A 192.0.2.1\"\n"
		  "local-zone: \"c.test\" redirect\n"
		  "local-zone: \"d.test\" redirect\n",
		    { "x.a.test", "x.c.test", "d.test", "x.d.test" },
		    { "b.test", "x.b.test" }, 1 },
		{ "local-zone: \"a.test\" refuse\n"
		  "local-zone: \"ok.a.test\" transparent\n",
		    { "a.test" }, { "ok.a.test", "x.ok.a.test" }, 0 },
		/* the more specific one counts */
		{ "local-zone: \"a.test\" transparent\n"
		  "local-zone: \"ads.a.test\" always_nxdomain\n"
		  "local-zone: \"ok.ads.a.test\" inform\n",
		    { "ads.a.test", "x.ads.a.test" },
		    { "a.test", "x.a.test", "ok.ads.a.test" }, 0 },
		{ "local-zone: \"a.test\" typetransparent\n"
		  "local-data: \"ads.a.test A 0.0.0.0\"\n",
		    { "ads.a.test" }, { "a.test", "x.ads.a.test" }, 0 },
		{ "local-zone: \"a.test\" transparent\n"
		  "local-data: \"a.test 60 IN A 0.0.0.0\"\n"
		  "local-data: \"a.test AAAA ::\"\n"
		  "local-zone: \"b.test\" transparent\n"
		  "local-data: \"b.test A 192.0.2.1\"\n"
		  "local-zone: \"test\" static\n",
		    { "a.test", "test" }, { "x.a.test", "b.test", "x.b.test" },
		    1 },
		/* data counts wherever it stands */
		{ "local-data: \"a.test A 0.0.0.0\"\n"
		  "local-zone: \"a.test\" inform\n"
		  "local-zone: \"b.test\" typetransparent\n"
		  "local-zone: \"x.test\" static\n"
		  "local-data: \"b.test A 0.0.0.0\"\n",
		    { "a.test", "b.test" }, { "y.a.test", "y.b.test" }, 0 },
		{ "local-zone: \"a.test\" block_a\nlocal-zone: \"b.test\"\n"
		  "local-zone: \"c d\" refuse\nlocal-data: \"c.test TXT x\"\n"
		  "local-data: \"d.test A 192.0.2.1\"\nlocal-data:\n"
		  "forward-zone:\nname: \"e.test\"\n"
		  "local-zone: \"z.test\" deny",
		    { "z.test" }, { "a.test", "b.test", "c.test", "d.test" },
		    8 },
	};

	(void)state;
	check_rows(CONF_FORMAT_UNBOUND, rows, N_ROWS(rows));
	check_rows(CONF_FORMAT_AUTO, rows, N_ROWS(rows));
}

/* A zone whose kind is known by the line that follows is of its own line. */
static void
a_redirect_has_its_own_line(void **state)
{
	struct read r = { 0 };

	(void)state;
	read_text(
	    &r, CONF_FORMAT_UNBOUND, "local-zone: a.test redirect\n\n\nbad:\n");
	assert_int_equal(r.faults, 1);
	assert_int_equal(r.line, 4);
	assert_int_equal(r.entries, 1);
	assert_true(has(&r, "x.a.test"));
	list_index_unref(r.list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_dnsmasq_block),
		cmocka_unit_test(longer_ends_of_dnsmasq_count),
		cmocka_unit_test(lines_of_unbound_block),
		cmocka_unit_test(a_redirect_has_its_own_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
