#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/qtype.h"
#include "src/core/list_build.h"
#include "src/core/list_parse.h"
#include "src/core/punycode.h"

static const struct list_identity identity = { { 1, 2 } };

/* A list of one text, and what could not be used of it. */
struct read {
	struct list_build build;
	const struct list_index *list;
	unsigned int entries, faults;
	char what[128], modifier[32];
	uint32_t line; /* of the last fault */
};

static int
take_entry(void *arg, const struct list_entry *entry)
{
	struct read *r = arg;

	r->entries++;
	return list_entry_build(&r->build, entry);
}

static void
take_fault(void *arg, const struct list_fault *fault)
{
	struct read *r = arg;

	r->faults++;
	r->line = fault->line;
	(void)snprintf(r->what, sizeof(r->what), "%s", fault->what);
	(void)snprintf(r->modifier, sizeof(r->modifier), "%.*s",
	    (int)fault->modifier_len,
	    fault->modifier != NULL ? fault->modifier : "");
}

static void
release(void *bytes, size_t size)
{
	(void)size;
	free(bytes);
}

static void
read_bytes(
    struct read *r, enum conf_list_format format, const char *text, size_t len)
{
	struct list_sink sink = { take_entry, take_fault, r };
	struct list_bytes bytes;

	memset(r, 0, sizeof(*r));
	list_build_init(&r->build, (uint64_t[2]){ 3, 4 });
	assert_int_equal(list_parse(&sink, format, text, len), 0);
	assert_int_equal(
	    list_build_finish(&r->build, &identity, "", 0, &bytes), 0);
	list_build_done(&r->build);
	assert_int_equal(
	    list_index_new(&r->list, bytes.bytes, bytes.size, release, NULL),
	    0);
}

static void
read_text(struct read *r, enum conf_list_format format, const char *text)
{
	read_bytes(r, format, text, strlen(text));
}

/* What each word is in the list: a name, or an address. */
static bool
has(const struct read *r, const char *word)
{
	struct name name;
	struct addr addr;

	if (addr_parse(&addr, word, strlen(word)) == 0)
		return list_has_addr(r->list, &addr);
	name = name_of(word);
	return list_has_name(r->list, &name, QTYPE_A);
}

struct row {
	const char *text;
	const char *in[6], *out[6];
	unsigned int faults;
};

static void
check_rows(enum conf_list_format format, const struct row *rows, size_t n)
{
	struct read r = { 0 };

	for (size_t i = 0; i < n; i++) {
		read_text(&r, format, rows[i].text);
		for (size_t j = 0; j < 6 && rows[i].in[j] != NULL; j++)
			if (!has(&r, rows[i].in[j]))
				fail_msg("%s: has no %s", rows[i].text,
				    rows[i].in[j]);
		for (size_t j = 0; j < 6 && rows[i].out[j] != NULL; j++)
			if (has(&r, rows[i].out[j]))
				fail_msg(
				    "%s: has %s", rows[i].text, rows[i].out[j]);
		if (r.faults != rows[i].faults)
			fail_msg("%s: %u faults: %s", rows[i].text, r.faults,
			    r.what);
		list_index_unref(r.list);
	}
}

#define LABEL "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static void
hosts_files_are_read(void **state)
{
	static const struct row rows[] = {
		{ "127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\n"
		  "255.255.255.255 broadcasthost\n0.0.0.0 0.0.0.0\n",
		    { NULL }, { "localhost", "0.0.0.0" }, 0 },
		{ "0.0.0.0 a.test\n", { "a.test" }, { "b.a.test", "test" }, 0 },
		{ "0.0.0.0\ta.test  b.test\tc.test # and more d.test",
		    { "a.test", "b.test", "c.test" }, { "d.test" }, 0 },
		{ ":: a.test#x\r\n# 0.0.0.0 b.test\r\n\r\n0.0.0.0 C.Test.\r\n",
		    { "a.test", "c.test" }, { "b.test" }, 0 },
		{ "0.0.0.0 a..b ok.test\n", { "ok.test" }, { NULL }, 1 },
		{ "0.0.0.0 " LABEL "x.test\n0.0.0.0 " LABEL ".test\n",
		    { LABEL ".test" }, { NULL }, 1 },
		{ "a.test\n", { NULL }, { "a.test" }, 1 },
		{ "nonsense here\n0.0.0.0\n", { NULL }, { NULL }, 2 },
		{ "10.0.0.0/8 a.test\n", { NULL }, { "a.test" }, 1 },
		{ "fe80::1%lo0 localhost\nfe80::2%eth0 a.test\n0 b.test\n",
		    { "a.test", "b.test" }, { "localhost" }, 0 },
		{ "00 a.test\nx%lo0 b.test\n", { NULL }, { "a.test", "b.test" },
		    2 },
	};

	(void)state;
	check_rows(CONF_FORMAT_HOSTS, rows, N_ROWS(rows));
}

static void
names_are_read(void **state)
{
	static const struct row rows[] = {
		{ "a.test\n  B.test. \n#c.test\n; d.test\n! e.test\n",
		    { "a.test", "b.test" },
		    { "x.a.test", "c.test", "d.test", "e.test" }, 0 },
		{ "*.a.test", { "x.a.test", "y.x.a.test" }, { "a.test" }, 0 },
		{ ".a.test", { "x.a.test", "a.test" }, { "xa.test" }, 0 },
		{ "a.test b.test", { NULL }, { "a.test", "b.test" }, 1 },
		{ "a*.test\na/b\nhttp://a.test/\na:b\n\x01\n", { NULL },
		    { NULL }, 5 },
		{ "192.0.2.7\n2001:db8::/32\n", { "192.0.2.7", "2001:db8::9" },
		    { "192.0.2.8" }, 0 },
		{ "_sip._tcp.a.test", { "_sip._tcp.a.test" }, { NULL }, 0 },
		{ ".\n*.\n..\n*.*.a\n", { NULL }, { "a" }, 4 },
		{ "localhost\nlocal\nip6-loopback\na.test\n*.local\n",
		    { "a.test", "x.local" }, { "localhost", "local" }, 0 },
		/* one of two names has no end of line */
		{ "a.test\r\nb.test", { "a.test", "b.test" }, { NULL }, 0 },
	};

	(void)state;
	check_rows(CONF_FORMAT_DOMAINS, rows, N_ROWS(rows));
}

static void
wildcards_cover_what_is_below(void **state)
{
	static const struct row rows[] = {
		{ "a.test", { "a.test", "x.a.test" }, { "test" }, 0 },
		{ "*.a.test", { "x.a.test" }, { "a.test" }, 0 },
		{ "*.a.test\na.test\n", { "x.a.test", "a.test" }, { NULL }, 0 },
	};

	(void)state;
	check_rows(CONF_FORMAT_WILDCARD, rows, N_ROWS(rows));
}

static void
addresses_are_read(void **state)
{
	static const struct row rows[] = {
		{ "192.0.2.7 ; SBL1\n198.51.100.0/24 # x\n"
		  "203.0.113.1-203.0.113.9\n",
		    { "192.0.2.7", "198.51.100.255", "203.0.113.9" },
		    { "192.0.2.8", "203.0.113.10" }, 0 },
		/* as ipset and nft take it */
		{ "192.0.2.77/24\n2001:db8::5/32\n",
		    { "192.0.2.1", "2001:db8:1::" }, { "192.0.3.0" }, 0 },
		{ "a.test\n1.2.3\n1.2.3.4/33\n1.2.3.4-1.2.3.3\n1.2.3.4/\n",
		    { NULL }, { "a.test", "1.2.3.4" }, 5 },
	};

	(void)state;
	check_rows(CONF_FORMAT_ADDRESSES, rows, N_ROWS(rows));
}

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
		{ "||a.test^\n||b.test^\n||a.test^$badfilter\n", { "b.test" },
		    { "a.test", "x.a.test" }, 0 },
		{ "||192.0.2.7^\n@@||192.0.2.7^\n||198.51.100.0/24^\n",
		    { "198.51.100.7" }, { "192.0.2.7" }, 0 },
		{ "/ads[0-9]+/\n||a.test/path\n||a*.test^\nb.test##.ad\n"
		  "c.test#@#.ad\nd.test$$script\n",
		    { NULL }, { "a.test", "b.test", "c.test", "d.test" }, 6 },
		{ "||a.test^ # said so\n# b.test\n!||c.test^\n", { "a.test" },
		    { "b.test", "c.test" }, 0 },
		{ "||^\n*\n||\n@@\n$important\n", { NULL }, { "a" }, 4 },
		{ "||a.test^$important,", { "a.test" }, { NULL }, 0 },
	};
	struct read r = { 0 };

	(void)state;
	check_rows(CONF_FORMAT_ADBLOCK, rows, N_ROWS(rows));
	read_text(&r, CONF_FORMAT_ADBLOCK,
	    "\n||a.test^$third-party\n@@||b.test^$important,client=10.0.0.1");
	assert_int_equal(r.faults, 2);
	assert_int_equal(r.entries, 0);
	assert_int_equal(r.line, 3);
	assert_string_equal(r.modifier, "client");
	list_index_unref(r.list);
	memset(&r, 0, sizeof(r));
	read_text(&r, CONF_FORMAT_ADBLOCK,
	    "/^ad[0-9]+\\.a\\.test$/\n@@/a$/$important\n"
	    "||a.test^$client='Mary Ann\\, and John'");
	assert_int_equal(r.faults, 3);
	assert_int_equal(r.entries, 0);
	assert_string_equal(r.modifier, "client");
	list_index_unref(r.list);
}

#define ZONE                                                                   \
	"$TTL 1h\n"                                                            \
	"@ IN SOA localhost. root.localhost. ( 1 ; serial\n"                   \
	"\t\t3600 600 86400 1h )\n"                                            \
	"\tIN NS localhost.\n"

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

/* $dnsrewrite: what is answered. */
static void
rules_say_what_to_answer(void **state)
{
	static const struct {
		const char *text, *name;
		enum list_action action;
		uint16_t type;
		const char *rdata; /* as text, or hex */
		size_t len;
	} rows[] = {
		{ "||a.test^$dnsrewrite=192.0.2.1", "a.test", LIST_LOCAL, 1,
		    "\xc0\0\2\1", 4 },
		{ "||a.test^$dnsrewrite=192.0.2.1", "b.a.test", LIST_LOCAL, 1,
		    "\xc0\0\2\1", 4 },
		{ "|a.test^$dnsrewrite=192.0.2.1", "b.a.test", LIST_NONE, 0, "",
		    0 },
		{ "||*.a.test^$dnsrewrite=192.0.2.1", "a.test", LIST_NONE, 0,
		    "", 0 },
		{ "|a.test^$dnsrewrite=2001:db8::1", "a.test", LIST_LOCAL, 28,
		    "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16 },
		{ "|a.test^$dnsrewrite=B.test", "a.test", LIST_LOCAL, 5,
		    "\1b\4test\0", 8 },
		{ "||a.test^$dnsrewrite=NXDOMAIN", "b.a.test", LIST_NXDOMAIN, 0,
		    "", 0 },
		{ "||a.test^$dnsrewrite=REFUSED", "a.test", LIST_REFUSED, 0, "",
		    0 },
		{ "||a.test^$dnsrewrite=NOERROR", "a.test", LIST_NODATA, 0, "",
		    0 },
		{ "||a.test^$dnsrewrite=REFUSED;;", "a.test", LIST_REFUSED, 0,
		    "", 0 },
		{ "||a.test^$dnsrewrite=NOERROR;;", "a.test", LIST_NODATA, 0,
		    "", 0 },
		{ "||a.test^$dnsrewrite=NOERROR;A;192.0.2.1", "a.test",
		    LIST_LOCAL, 1, "\xc0\0\2\1", 4 },
		{ "||a.test^$dnsrewrite=NOERROR;CNAME;b.test", "a.test",
		    LIST_LOCAL, 5, "\1b\4test\0", 8 },
		/* it beats what only blocks; an exception beats it, and the
		 * longer name of two */
		{ "||a.test^\n||a.test^$dnsrewrite=192.0.2.1", "a.test",
		    LIST_LOCAL, 1, "\xc0\0\2\1", 4 },
		{ "@@||b.a.test^\n||a.test^$dnsrewrite=NXDOMAIN", "b.a.test",
		    LIST_NONE, 0, "", 0 },
		{ "||a.test^$dnsrewrite=NXDOMAIN\n"
		  "||b.a.test^$dnsrewrite=192.0.2.1",
		    "b.a.test", LIST_LOCAL, 1, "\xc0\0\2\1", 4 },
	};
	struct read r = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct name name = name_of(rows[i].name);
		struct list_answer answer;
		struct list_rr rr = { 0 };

		read_text(&r, CONF_FORMAT_ADBLOCK, rows[i].text);
		assert_int_equal(r.faults, 0);
		list_answer(&answer, r.list, &name, QTYPE_A);
		row_true(rows[i].text, answer.action == rows[i].action);
		if (answer.action == LIST_LOCAL)
			row_true(rows[i].text, list_answer_next(&answer, &rr));
		row_true(rows[i].text,
		    rr.type == rows[i].type && rr.len == rows[i].len &&
			memcmp(rr.len > 0 ? rr.rdata : (const uint8_t *)"",
			    rows[i].rdata, rr.len) == 0);
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
		"NOERROR;A;192.0.2.1;x", "NOERROR;MX;10 b.test",
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

static void
zones_are_read(void **state)
{
	static const struct row rows[] = {
		{ ZONE "a.test CNAME .\n*.a.test CNAME .\n",
		    { "a.test", "x.a.test" }, { "test", "localhost" }, 0 },
		{ ZONE "$ORIGIN b.test\n*.x CNAME .\nx IN 60 CNAME *.\n",
		    { "x.b.test", "a.x.b.test" }, { "b.test" }, 0 },
		{ ZONE "*.a.test CNAME .\nok.a.test CNAME rpz-passthru.\n"
		       "old.a.test CNAME old.a.test.\n"
		       "tcp.a.test CNAME rpz-tcp-only.\n",
		    { "b.a.test" }, { "ok.a.test", "old.a.test", "tcp.a.test" },
		    0 },
		{ ZONE "24.0.2.0.192.rpz-ip CNAME .\n"
		       "32.7.2.0.192.rpz-ip CNAME rpz-passthru.\n"
		       "32.zz.db8.2001.rpz-ip CNAME rpz-drop.\n"
		       "128.1.zz.rpz-ip CNAME .\n"
		       "64.zz.4.3.2.1.rpz-ip A 192.0.2.1\n",
		    { "192.0.2.1", "2001:db8::1", "::1", "1:2:3:4::9" },
		    { "192.0.2.7", "192.0.3.0", "::2" }, 0 },
		{ ZONE "ns.a.test.rpz-nsdname CNAME .\n"
		       "32.1.2.0.192.rpz-nsip CNAME .\n"
		       "32.1.2.0.192.rpz-client-ip CNAME .\n"
		       "32.1.2.0.192.rpz-ip CNAME rpz-tcp-only.\n"
		       "x.rpz-ip CNAME .\n33.1.2.0.192.rpz-ip CNAME .\n"
		       "a.test DNAME b.test.\n",
		    { NULL }, { "ns.a.test", "192.0.2.1" }, 7 },
		{ "$ORIGIN rpz.local.\n@ SOA a. b. 1 2 3 4 5\n"
		  "a.test CNAME .\nb.test.rpz.local. CNAME .\nc.test. CNAME "
		  ".\n",
		    { "a.test", "b.test" }, { "c.test", "a.test.rpz.local" },
		    1 },
		{ "rpz.local. 60 IN SOA a. b. 1 2 3 4 5\na.test CNAME .\n",
		    { "a.test" }, { NULL }, 0 },
		{ ZONE "a.*.test CNAME .\na.test CNAME\nb.test\n c.test\n"
		       "d.test BOGUS x\n) \ne.test A 1.2.3\n",
		    { NULL }, { "a.test", "b.test" }, 7 },
		{ ZONE "a.test CNAME . ; one\n( b.test\n CNAME\n. )\n"
		       "c.test TXT \"a b\" ; c\" (\n",
		    { "a.test", "b.test", "c.test" }, { NULL }, 0 },
		{ ZONE "a.test CNAME .\nb.test ( CNAME .\nc.test CNAME .\n",
		    { "a.test" }, { "b.test", "c.test" }, 1 },
		{ ZONE "$INCLUDE /etc/passwd\n$GENERATE 1-9 a$ CNAME .\n",
		    { NULL }, { NULL }, 2 },
		{ ZONE "*.rpz-ip.a.test CNAME .\n* CNAME .\n", { "any.name" },
		    { NULL }, 0 },
	};

	(void)state;
	check_rows(CONF_FORMAT_RPZ, rows, N_ROWS(rows));
}

static void
zones_say_what_to_answer(void **state)
{
	struct name name = name_of("www.a.test"), target;
	char buf[NAME_TEXT_SIZE];
	struct list_answer answer;
	struct list_rr rr;
	struct read r = { 0 };
	static const struct {
		uint16_t type;
		uint32_t ttl;
		const char *rdata;
		uint16_t len;
	} rows[] = {
		{ 1, 300, "\xc0\x00\x02\x01", 4 },
		{ 28, 3600, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16 },
		{ 15, 3600, "\0\xa\4mail\1a\4test", 15 },
		{ 16, 3600, "\3a b\1\1\2\"c", 9 },
		{ 33, 3600, "\0\1\0\2\0\3\0", 7 },
		{ 65, 3600, "\0\1\0", 3 },
		{ 1, 3600, "\1\2\3\4", 4 },
	};

	(void)state;
	read_text(&r, CONF_FORMAT_RPZ,
	    ZONE "$ORIGIN a.test.\n"
		 "www 5m A 192.0.2.1\n"
		 "    AAAA 2001:db8::1\n"
		 "    MX 10 mail\n"
		 "    TXT \"a b\" \\001 \"\\\"c\"\n"
		 "    SRV 1 2 3 .\n"
		 "    HTTPS \\# 3 0001 00\n"
		 "    TYPE1 \\# 4 01020304\n"
		 "*.www CNAME *.garden.test.\n"
		 "drop CNAME rpz-drop.\n"
		 "x CNAME y\n");
	assert_int_equal(r.faults, 0);
	list_answer(&answer, r.list, &name, QTYPE_A);
	assert_int_equal(answer.action, LIST_LOCAL);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		assert_true(list_answer_next(&answer, &rr));
		assert_int_equal(rr.type, rows[i].type);
		assert_int_equal(rr.ttl, rows[i].ttl);
		assert_int_equal(rr.len, rows[i].len);
		assert_memory_equal(rr.rdata, rows[i].rdata, rr.len);
	}
	assert_false(list_answer_next(&answer, &rr));
	name = name_of("1.www.a.test");
	list_answer(&answer, r.list, &name, QTYPE_A);
	assert_true(list_answer_next(&answer, &rr));
	assert_int_equal(list_rr_target(&target, &rr, &name), 0);
	assert_string_equal(
	    name_format(&target, buf), "1.www.a.test.garden.test");
	name = name_of("x.a.test");
	list_answer(&answer, r.list, &name, QTYPE_A);
	assert_true(list_answer_next(&answer, &rr));
	assert_int_equal(list_rr_target(&target, &rr, &name), 0);
	assert_string_equal(name_format(&target, buf), "y.a.test");
	name = name_of("drop.a.test");
	list_answer(&answer, r.list, &name, QTYPE_A);
	assert_int_equal(answer.action, LIST_DROP);
	list_index_unref(r.list);
}

static void
formats_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum conf_list_format format;
	} rows[] = {
		{ "", CONF_FORMAT_AUTO },
		{ "# x\n0.0.0.0 a.test\n", CONF_FORMAT_AUTO },
		{ "! x\n\n||a.test^\n", CONF_FORMAT_ADBLOCK },
		{ "\xef\xbb\xbf[Adblock Plus]\n", CONF_FORMAT_ADBLOCK },
		{ "@@||a.test^\n", CONF_FORMAT_ADBLOCK },
		{ "$TTL 60\n", CONF_FORMAT_RPZ },
		{ "; x\n@ 60 IN SOA a. b. (\n", CONF_FORMAT_RPZ },
		{ "a.test ; SOA\n", CONF_FORMAT_AUTO },
	};
	static const struct row mixed[] = {
		{ "\xef\xbb\xbf"
		  "0.0.0.0 h.test\nd.test\n*.w.test\n192.0.2.0/24\n"
		  "1.1.1.1\n",
		    { "h.test", "d.test", "x.w.test", "192.0.2.9", "1.1.1.1" },
		    { "x.d.test", "w.test" }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		row_true(rows[i].text,
		    list_detect(rows[i].text, strlen(rows[i].text)) ==
			rows[i].format);
	check_rows(CONF_FORMAT_AUTO, mixed, N_ROWS(mixed));
}

static void
other_scripts_become_a_labels(void **state)
{
	static const struct row rows[] = {
		{ "b\xc3\xbc"
		  "cher.test\n",
		    { "xn--bcher-kva.test" }, { NULL }, 0 },
		{ "B\xc3\x9c"
		  "CHER.Test\n",
		    { "xn--bcher-kva.test" }, { NULL }, 0 },
		{ "xn--bcher-kva.test\n", { "xn--bcher-kva.test" }, { NULL },
		    0 },
		{ "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.test",
		    { "xn--e1afmkfd.test" }, { NULL }, 0 },
		{ "\xff.test\nb\xc3.test\n\xc0\x80.test\n\xed\xa0\x80.test\n",
		    { NULL }, { NULL }, 4 },
		{ "b\xc3\xbc c.test\nb\xc3\xbc*.test\n", { NULL }, { NULL },
		    2 },
	};

	(void)state;
	check_rows(CONF_FORMAT_DOMAINS, rows, N_ROWS(rows));
}

/* RFC 3492 section 7.1, those that fit a label. */
static void
punycode_is_as_in_the_rfc(void **state)
{
	static const struct {
		const char *text, *label;
	} rows[] = {
		/* (A) Arabic (Egyptian) */
		{ "\xd9\x84\xd9\x8a\xd9\x87\xd9\x85\xd8\xa7\xd8\xa8\xd8\xaa"
		  "\xd9\x83\xd9\x84\xd9\x85\xd9\x88\xd8\xb4\xd8\xb9\xd8\xb1"
		  "\xd8\xa8\xd9\x8a\xd8\x9f",
		    "xn--egbpdaj6bu4bxfgehfvwxn" },
		/* (B) Chinese (simplified) */
		{ "\xe4\xbb\x96\xe4\xbb\xac\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9"
		  "\x88\xe4\xb8\x8d\xe8\xaf\xb4\xe4\xb8\xad\xe6\x96\x87",
		    "xn--ihqwcrb4cv8a8dqg056pqjye" },
		/* (L) 3<nen>B<gumi><kinpachi><sensei> */
		{ "3\xe5\xb9\xb4"
		  "B\xe7\xb5\x84\xe9\x87\x91\xe5\x85\xab\xe5\x85\x88\xe7\x94"
		  "\x9f",
		    "xn--3b-ww4c5e180e575a65lsy2b" },
		/* four bytes of UTF-8 */
		{ "\xf0\x9f\x92\xa9", "xn--ls8h" },
	};
	char label[PUNYCODE_MAX];

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		size_t n =
		    punycode_label(label, rows[i].text, strlen(rows[i].text));

		row_true(
		    rows[i].label, n == strlen(rows[i].label) &&
				       memcmp(label, rows[i].label, n) == 0);
	}
}

/* A parenthesis that nobody closes takes a few lines with it, not all. */
static void
a_zone_is_read_on_after_a_fault(void **state)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	struct read r = { 0 };

	(void)state;
	(void)fputs(ZONE "a.test ( CNAME .\n", f);
	for (unsigned int i = 0; i < 200; i++)
		(void)fprintf(f, "n%u.test CNAME .\n", i);
	(void)fclose(f);
	read_bytes(&r, CONF_FORMAT_RPZ, text, len);
	assert_int_equal(r.faults, 1);
	assert_false(has(&r, "n0.test"));
	assert_true(has(&r, "n100.test"));
	assert_true(has(&r, "n199.test"));
	list_index_unref(r.list);
	free(text);
}

static void
junk_is_counted(void **state)
{
	static char text[20000];
	struct read r = { 0 };

	(void)state;
	memset(text, 'a', sizeof(text));
	read_bytes(&r, CONF_FORMAT_DOMAINS, text, sizeof(text));
	assert_int_equal(r.faults, 1);
	assert_int_equal(r.line, 1);
	list_index_unref(r.list);
	read_bytes(&r, CONF_FORMAT_DOMAINS, "a\0b.test\nok.test\n", 17);
	assert_int_equal(r.faults, 1);
	assert_true(has(&r, "ok.test"));
	assert_false(has(&r, "a"));
	list_index_unref(r.list);
}

/* Who looks for the line of an entry asks with the same words. */
struct look {
	struct name name;
	uint32_t line;
};

static int
look_at(void *arg, const struct list_entry *entry)
{
	struct look *look = arg;

	if (look->line == 0 && list_entry_is_about(entry, &look->name))
		look->line = entry->line;
	return 0;
}

static void
ignore_fault(void *arg, const struct list_fault *fault)
{
	(void)arg;
	(void)fault;
}

static void
entries_know_their_line(void **state)
{
	static const char text[] = "# x\n||a.test^\n|b.test^\n\n||*.c.test^\n"
				   "||test^$denyallow=d.test\n";
	static const struct {
		const char *name;
		uint32_t line;
	} rows[] = {
		{ "x.a.test", 2 },
		{ "b.test", 3 },
		{ "x.b.test", 6 },
		{ "c.test", 6 },
		{ "x.c.test", 5 },
		{ "d.test", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct look look = { name_of(rows[i].name), 0 };
		struct list_sink sink = { look_at, ignore_fault, &look };

		assert_int_equal(
		    list_parse(&sink, CONF_FORMAT_AUTO, text, sizeof(text) - 1),
		    0);
		row_true(rows[i].name, look.line == rows[i].line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_files_are_read),
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(wildcards_cover_what_is_below),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(adblock_rules_are_read),
		cmocka_unit_test(rules_are_for_types),
		cmocka_unit_test(rules_say_what_to_answer),
		cmocka_unit_test(answers_that_are_none_are_faults),
		cmocka_unit_test(each_answer_of_a_name_is_heard),
		cmocka_unit_test(zones_are_read),
		cmocka_unit_test(zones_say_what_to_answer),
		cmocka_unit_test(formats_are_told_apart),
		cmocka_unit_test(other_scripts_become_a_labels),
		cmocka_unit_test(punycode_is_as_in_the_rfc),
		cmocka_unit_test(a_zone_is_read_on_after_a_fault),
		cmocka_unit_test(junk_is_counted),
		cmocka_unit_test(entries_know_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
