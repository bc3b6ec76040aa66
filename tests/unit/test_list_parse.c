#include "tests/unit/listread.h"

#include "src/core/punycode.h"

#define LABEL "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

/* With its dot; of one with 61 octets, 253 in all. */
#define D64 LABEL "."
#define D61 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"

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
		/* as Macs wrote them once */
		{ "# x\r0.0.0.0 a.test\r0.0.0.0 b.test c.test\r",
		    { "a.test", "b.test", "c.test" }, { NULL }, 0 },
		{ "0.0.0.0 a.test\r\r\n0.0.0.0 b.test\r\n",
		    { "a.test", "b.test" }, { NULL }, 0 },
		/* addresses with how often each was seen, masks and the like */
		{ "192.0.2.1\t10\n192.0.2.0 255.255.255.0\n0 1.2.3\n0 4.test\n",
		    { "4.test" }, { "10", "255.255.255.0", "1.2.3" }, 3 },
		/* two files, one behind the other */
		{ "\xef\xbb\xbf"
		  "0.0.0.0 a.test\n\xef\xbb\xbf"
		  "0.0.0.0 b.test\n",
		    { "a.test", "b.test" }, { NULL }, 0 },
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
		{ "a?.test\na/b\nhttp://a.test/\na:b\n\x01\n", { NULL },
		    { NULL }, 5 },
		{ "192.0.2.7\n2001:db8::/32\n", { "192.0.2.7", "2001:db8::9" },
		    { "192.0.2.8" }, 0 },
		{ "_sip._tcp.a.test", { "_sip._tcp.a.test" }, { NULL }, 0 },
		{ ".\n*.\n..\n*.*.a\n", { "x.y.a" }, { "a", "x.a" }, 3 },
		{ "localhost\nlocal\nip6-loopback\na.test\n*.local\n",
		    { "a.test", "x.local" }, { "localhost", "local" }, 0 },
		/* what is left of a hosts file is no address to be blocked */
		{ "0.0.0.0\n127.0.0.1\n::\n::1\n127.0.0.2\n", { "127.0.0.2" },
		    { "0.0.0.0", "127.0.0.1", "::", "::1" }, 4 },
		{ D64 D64 D64 LABEL "\n" D64 D64 D64 LABEL "a\n" D64 D64 D64
				    "b." LABEL "\n" D64 D64 D64 D61
				    "\n" D64 D64 D64 D61 ".\n"
				    "x" D64 D64 D64 D61 "\n",
		    { D64 D64 D64 D61 }, { NULL }, 4 },
		/* one of two names has no end of line */
		{ "a.test\r\nb.test", { "a.test", "b.test" }, { NULL }, 0 },
		/* a page that came in place of a list */
		{ "\r\n<!DOCTYPE html>\n<p>\nSorry\na.test\n</p>\n", { NULL },
		    { "sorry", "a.test" }, 1 },
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

#define TEN "n.test\nn.test\nn.test\nn.test\nn.test\n"
#define HUNDRED                                                                \
	TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN    \
	    TEN TEN TEN

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
		{ "soa\na.test\n", CONF_FORMAT_AUTO },
		{ "a.test\r||b.test^\r", CONF_FORMAT_ADBLOCK },
		{ "! x\na.test#%#//scriptlet('b')\n", CONF_FORMAT_ADBLOCK },
		{ "a.test#b\n0.0.0.0 c.test ##d\n", CONF_FORMAT_AUTO },
	};
	static const struct row mixed[] = {
		{ "\xef\xbb\xbf"
		  "0.0.0.0 h.test\nd.test\n*.w.test\n192.0.2.0/24\n"
		  "1.1.1.1\n",
		    { "h.test", "d.test", "x.w.test", "192.0.2.9", "1.1.1.1" },
		    { "x.d.test", "w.test" }, 0 },
		/* rules of AdBlock behind the lines that are looked at */
		{ HUNDRED "||a.test^\n|b.test|\n@@||c.a.test^\n",
		    { "a.test", "x.a.test", "b.test", "n.test" },
		    { "c.a.test", "x.b.test" }, 0 },
		{ HUNDRED
		    "a.test##.ad\nb.test#@#.ad\nc.test#?#p\nd.test#%#e()\n"
		    "e.test#x\nf.test ##x\n0.0.0.0 g.test##x\n",
		    { "e.test", "f.test", "g.test" },
		    { "a.test", "b.test", "c.test", "d.test" }, 4 },
		/* saved by Windows as "Unicode" */
		{ "\xff\xfe"
		  "a.test\n||b.test^\n",
		    { NULL }, { "a.test", "b.test" }, 1 },
		/* compressed: among much else there are lines that are names */
		{ "\x1f\x8b\x08\na.test\n", { NULL }, { "a.test" }, 1 },
		{ "BZh91AY&SY\xf8\na.test\n", { NULL }, { "a.test" }, 1 },
		{ "\xfd"
		  "7zXZ\na.test\n",
		    { NULL }, { "a.test" }, 1 },
		{ "\x28\xb5\x2f\xfd\na.test\n", { NULL }, { "a.test" }, 1 },
		{ "PK\x03\x04\x14\na.test\n", { NULL }, { "a.test" }, 1 },
		{ "7z\xbc\xaf'\x1c\na.test\n", { NULL }, { "a.test" }, 1 },
		{ "BZh\nBZh9.test\nPK.test\n7z.test",
		    { "bzh9.test", "7z.test" }, { NULL }, 0 },
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
		/* no-break space, zero width space, ideographic full stop */
		{ "a.test\xc2\xa0\nb\xe2\x80\x8b.test\nc\xe3\x80\x82test\n",
		    { NULL }, { NULL }, 3 },
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

static void
names_in_other_scripts_have_a_form_of_their_own(void **state)
{
	static const struct {
		const char *text, *name; /* NULL: none */
	} rows[] = {
		{ "www.example.com", "www.example.com" },
		{ "www.m\xc3\xbcnchen.de.", "www.xn--mnchen-3ya.de." },
		{ "*.\xc3\x9c.de", "*.xn--tda.de" },
		{ "m\xc3\xbc.\xf0\x9f\x92\xa9", "xn--m-eha.xn--ls8h" },
		{ "", "" },
		{ "\xff.de", NULL },
		{ "\xc2\xa0.de", NULL },
		{ "no room for this, twenty-seven", NULL },
	};
	char name[27];

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		bool is = punycode_name(
		    name, sizeof(name), rows[i].text, strlen(rows[i].text));

		row_true(
		    rows[i].text, rows[i].name == NULL
				      ? !is
				      : is && strcmp(name, rows[i].name) == 0);
	}
}

/* The n-th line is the one that a fault or an entry says. */
static void
lines_are_counted(void **state)
{
	static const struct {
		const char *text;
		uint32_t n;
		const char *line;
	} rows[] = {
		{ "", 1, "" },
		{ "a\nb\n\nd", 1, "a" },
		{ "a\nb\n\nd", 3, "" },
		{ "a\nb\n\nd", 4, "d" },
		{ "a\nb\n\nd", 5, "" },
		{ "a\r\nb\rc\r\n", 2, "b\rc" },
		{ "a\rb\rc", 2, "b" },
		{ "a\rb\rc", 3, "c" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		size_t len;
		const char *line = list_nth_line(
		    rows[i].text, strlen(rows[i].text), rows[i].n, &len);

		row_true(
		    rows[i].line, len == strlen(rows[i].line) &&
				      memcmp(line, rows[i].line, len) == 0);
	}
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
	/* many such bytes: what a disk has after a crash, or a program */
	memset(text, 'a', sizeof(text));
	memset(text + 100, 0, 21);
	memcpy(text + 10, "\nok.test\n", 9);
	read_bytes(&r, CONF_FORMAT_DOMAINS, text, sizeof(text));
	assert_int_equal(r.faults, 1);
	assert_false(has(&r, "ok.test"));
	list_index_unref(r.list);
	memset(text + 100, 0, 15);
	memset(text + 115, '\n', 6);
	read_bytes(&r, CONF_FORMAT_DOMAINS, text, sizeof(text));
	assert_true(has(&r, "ok.test"));
	list_index_unref(r.list);
}

/* Who looks for the line of an entry asks with the same words. */
struct look {
	struct name name;
	uint16_t qtype;
	struct addr addr; /* ADDR_NONE: the name is looked for */
	uint32_t line;
};

static int
look_at(void *arg, const struct list_entry *entry)
{
	struct look *look = arg;

	if (look->line == 0 &&
	    (look->addr.family == ADDR_NONE
		    ? list_entry_is_about(entry, &look->name, look->qtype)
		    : list_entry_is_about_addr(entry, &look->addr)))
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
				   "||test^$denyallow=d.test\n"
				   "||d.test^$dnstype=AAAA\n";
	static const struct {
		const char *name;
		uint32_t line;
		uint16_t qtype;
	} rows[] = {
		{ "x.a.test", 2, 0 },
		{ "b.test", 3, 0 },
		{ "x.b.test", 6, 0 },
		{ "c.test", 6, 0 },
		{ "x.c.test", 5, 0 },
		{ "d.test", 0, 0 },
		{ "d.test", 0, 1 },
		{ "d.test", 7, 28 },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct look look = { .name = name_of(rows[i].name),
			.qtype = rows[i].qtype };
		struct list_sink sink = { look_at, ignore_fault, NULL, &look };

		assert_int_equal(
		    list_parse(&sink, CONF_FORMAT_AUTO, text, sizeof(text) - 1),
		    0);
		row_true(rows[i].name, look.line == rows[i].line);
	}
}

static void
so_do_those_of_addresses(void **state)
{
	static const char text[] = "192.0.2.1\n::ffff:192.0.2.2\n"
				   "::ffff:198.51.100.0/120\n2001:db8::/32\n";
	static const struct {
		const char *addr;
		uint32_t line;
	} rows[] = {
		{ "192.0.2.1", 1 },
		{ "::ffff:192.0.2.1", 1 },
		{ "192.0.2.2", 2 },
		{ "::ffff:192.0.2.2", 2 },
		{ "198.51.100.7", 3 },
		{ "64:ff9b::198.51.100.7", 3 },
		{ "2001:db8::1", 4 },
		{ "192.0.2.3", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct look look = { .line = 0 };
		struct list_sink sink = { look_at, ignore_fault, NULL, &look };

		assert_int_equal(
		    addr_parse(&look.addr, rows[i].addr, strlen(rows[i].addr)),
		    0);
		assert_int_equal(list_parse(&sink, CONF_FORMAT_ADDRESSES, text,
				     sizeof(text) - 1),
		    0);
		row_true(rows[i].addr, look.line == rows[i].line);
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
		cmocka_unit_test(formats_are_told_apart),
		cmocka_unit_test(other_scripts_become_a_labels),
		cmocka_unit_test(punycode_is_as_in_the_rfc),
		cmocka_unit_test(
		    names_in_other_scripts_have_a_form_of_their_own),
		cmocka_unit_test(lines_are_counted),
		cmocka_unit_test(junk_is_counted),
		cmocka_unit_test(entries_know_their_line),
		cmocka_unit_test(so_do_those_of_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
