#include "tests/unit/listread.h"

#include <errno.h>

/* Response policy zones. */

#define ZONE                                                                   \
	"$TTL 1h\n"                                                            \
	"@ IN SOA localhost. root.localhost. ( 1 ; serial\n"                   \
	"\t\t3600 600 86400 1h )\n"                                            \
	"\tIN NS localhost.\n"

static const struct row zones[] = {
	{ ZONE "a.test CNAME .\n*.a.test CNAME .\n", { "a.test", "x.a.test" },
	    { "test", "localhost" }, 0 },
	{ ZONE "$ORIGIN b.test\n*.x CNAME .\nx IN 60 CNAME *.\n",
	    { "x.b.test", "a.x.b.test" }, { "b.test" }, 0 },
	{ ZONE "*.a.test CNAME .\nok.a.test CNAME rpz-passthru.\n"
	       "old.a.test CNAME old.a.test.\n"
	       "tcp.a.test CNAME rpz-tcp-only.\n",
	    { "b.a.test" }, { "ok.a.test", "old.a.test", "tcp.a.test" }, 0 },
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
	    { "a.test", "b.test" }, { "c.test", "a.test.rpz.local" }, 1 },
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
	{ ZONE "$INCLUDE /etc/passwd\n", { NULL }, { NULL }, 1 },
	{ ZONE "$GENERATE 8-12/2 a$.test CNAME .\nb.test CNAME .\n",
	    { "a8.test", "a10.test", "a12.test", "b.test" },
	    { "a9.test", "a6.test", "a14.test", "a$.test" }, 0 },
	{ ZONE "$ORIGIN o.test\n$GENERATE 9-10 "
	       "${-1,3}-${1,2,x}-${0,0,X} 60 IN CNAME .\n"
	       "$GENERATE 26-26 ${0,5,n}.a TXT \"of $\"\n",
	    { "008-0a-9.o.test", "009-0b-A.o.test", "a.1.0.a.o.test" },
	    { "8-a-9.o.test" }, 0 },
	{ ZONE "$GENERATE 1-2 a$$\\$.test CNAME .\n"
	       "$GENERATE 1-300 ${0,0,d}.$.test A 192.0.2.$\n",
	    { "a$$.test", "7.7.test", "255.255.test" },
	    { "256.256.test", "257.257.test" }, 45 },
	{ ZONE "$GENERATE 1-70000 a$.test CNAME .\n"
	       "$GENERATE 2-1 a$.test CNAME .\n"
	       "$GENERATE 1-2 a${0,99}.test CNAME .\n"
	       "$GENERATE 1-2 a${-2}.test CNAME .\n"
	       "$GENERATE 1-2 $$TTL 5 CNAME .\n"
	       "$GENERATE 1-2/0 a$.test CNAME .\n"
	       "$GENERATE 1-2 a$.test\n$GENERATE\n"
	       "$GENERATE 1-2 a${0 CNAME .\n"
	       "$GENERATE 1-2 a${0,1,q} CNAME .\n"
	       "b.test CNAME .\n",
	    { "b.test" }, { "a1.test", "a2.test" }, 10 },
	/* as it is copied from a page: no blank of the margin means anything */
	{ "    ; own\n    $TTL 300\n    @ SOA a. b. 1 2 3 4 5\n"
	  "    a.test A 192.0.2.1\n      TXT \"a\"\n\n    b.test CNAME .\n"
	  "c.test CNAME .\n",
	    { "a.test", "b.test", "c.test" }, { NULL }, 0 },
	/* where a line has less there is none */
	{ "\t$TTL 300\n@ SOA a. b. 1 2 3 4 5\na.test A 192.0.2.1\n"
	  "\tTXT \"a\"\nb.test CNAME .\n",
	    { "a.test", "b.test" }, { NULL }, 0 },
	{ ZONE "*.rpz-ip.a.test CNAME .\n* CNAME .\n", { "any.name" }, { NULL },
	    0 },
};

static void
zones_are_read(void **state)
{

	(void)state;
	check_rows(CONF_FORMAT_RPZ, zones, N_ROWS(zones));
}

static struct name
ask(struct list_answer *ret, const struct read *r, const char *text)
{
	struct name name = name_of(text);

	list_answer(ret, r->list, &name, QTYPE_A);
	return name;
}

static void
assert_leads(const struct read *r, const char *from, const char *to)
{
	struct list_answer answer;
	struct name name = ask(&answer, r, from), target;
	char buf[NAME_TEXT_SIZE];
	struct list_rr rr;

	assert_true(list_answer_next(&answer, &rr));
	assert_int_equal(list_rr_target(&target, &rr, &name), 0);
	assert_string_equal(name_format(&target, buf), to);
}

static void
zones_say_what_to_answer(void **state)
{
	struct name name = name_of("www.a.test");
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
		 "www 5m A 192.0.2.1\n" /* once is enough */
		 "    MX 10 mail\n"
		 "    TXT \"a b\" \\001 \"\\\"c\"\n"
		 "    SRV 1 2 3 .\n"
		 "    HTTPS \\# 3 0001 00\n"
		 "    TYPE1 \\# 4 01020304\n"
		 "*.www CNAME *.garden.test.\n"
		 "drop CNAME rpz-drop.\n"
		 "$GENERATE 3-3 gen$ TXT \"a $ \\\"b\" c\n"
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
	assert_leads(&r, "1.www.a.test", "1.www.a.test.garden.test");
	assert_leads(&r, "x.a.test", "y.a.test");
	/* what stands between quotes is one string there, too */
	(void)ask(&answer, &r, "gen3.a.test");
	assert_true(list_answer_next(&answer, &rr));
	assert_int_equal(rr.len, 9);
	assert_memory_equal(rr.rdata, "\6a 3 \"b\1c", 9);
	(void)ask(&answer, &r, "drop.a.test");
	assert_int_equal(answer.action, LIST_DROP);
	list_index_unref(r.list);
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

/* Files beside the zone. */
static const struct {
	const char *from, *name, *text;
} files[] = {
	{ NULL, "a.zone", "a CNAME .\n$ORIGIN b.test.\nb CNAME .\n" },
	{ NULL, "sub/b.zone", "x CNAME .\n$INCLUDE c.zone\ny CNAME .\n" },
	{ "sub/b.zone", "c.zone", "z CNAME .\nbad BOGUS\n" },
	{ NULL, "loop.zone", "l1 CNAME .\n$INCLUDE loop.zone\nl2 CNAME .\n" },
	{ "loop.zone", "loop.zone", "l3 CNAME .\n" },
	{ NULL, "open.zone", "o CNAME ( .\n" },
	{ NULL, "deep", "$INCLUDE deep\nd CNAME .\n" },
	{ NULL, "cr.zone", "c1 CNAME .\rc2 CNAME .\r" },
	{ NULL, "same.zone", "s1 CNAME .\n$INCLUDE d/../same.zone\n" },
	{ "same.zone", "d/../same.zone", "s2 CNAME .\n" },
};

static const char *
include(void *arg, const struct list_included *from, const char *name,
    struct list_included *ret)
{
	static unsigned int n; /* as so many files */
	const char *base = strrchr(name, '/');

	(void)arg;
	for (size_t i = 0; i < N_ROWS(files); i++) {
		if (strcmp(name, files[i].name) != 0 ||
		    (strcmp(name, "deep") != 0 &&
			((from == NULL) != (files[i].from == NULL) ||
			    (from != NULL &&
				strcmp(from->path, files[i].from) != 0))))
			continue;
		ret->path = strdup(name);
		/* by the first letter of its own name */
		ret->dev = strcmp(name, "deep") == 0 ? ++n : 0;
		ret->ino = (unsigned char)(base != NULL ? base[1] : name[0]);
		ret->text = strdup(files[i].text);
		ret->len = strlen(ret->text);
		return NULL;
	}
	return "no such file";
}

static void
zones_include_others(void **state)
{
	static const struct row rows[] = {
		/* with the origin as it is, and back to it */
		{ ZONE "$ORIGIN test.\n$INCLUDE a.zone\nc CNAME .\n",
		    { "a.test", "b.b.test", "c.test" },
		    { "b.test", "c.b.test" }, 0 },
		{ ZONE "$INCLUDE a.zone sub.test. ; other\nc CNAME .\n",
		    { "a.sub.test", "b.b.test", "c" }, { "a" }, 0 },
		/* the owner, too */
		{ ZONE "o.test TXT x\n$INCLUDE a.zone\n TXT y\n",
		    { "o.test", "a" }, { NULL }, 0 },
		/* relative to the file that says so */
		{ ZONE "$include \"sub/b.zone\"\n", { "x", "y", "z" }, { NULL },
		    1 },
		{ ZONE "$INCLUDE loop.zone\nlast CNAME .\n",
		    { "l1", "l2", "last" }, { "l3" }, 1 },
		{ ZONE "$INCLUDE same.zone\nlast CNAME .\n", { "s1", "last" },
		    { "s2" }, 1 },
		{ ZONE "$INCLUDE open.zone\nlast CNAME .\n", { "last" },
		    { "o" }, 1 },
		{ ZONE "$INCLUDE deep\nlast CNAME .\n", { "d", "last" },
		    { NULL }, 1 },
		{ ZONE "$INCLUDE cr.zone\nlast CNAME .\n",
		    { "c1", "c2", "last" }, { NULL }, 0 },
		{ ZONE "$INCLUDE none\n$INCLUDE\n$INCLUDE a.zone a..b\n"
		       "last CNAME .\n",
		    { "last" }, { "a" }, 3 },
	};
	struct read r = { .include = include };

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		check_row(&r, CONF_FORMAT_RPZ, &rows[i]);
	/* whose file and line are told */
	read_text(&r, CONF_FORMAT_AUTO, ZONE "\n$INCLUDE sub/b.zone\n");
	assert_int_equal(r.line, 2);
	assert_string_equal(r.file, "c.zone");
	list_index_unref(r.list);
	read_text(&r, CONF_FORMAT_AUTO,
	    ZONE "\n$INCLUDE (\n a.zone )\na.test BOGUS\n");
	assert_int_equal(r.line, 8);
	assert_string_equal(r.file, "");
	list_index_unref(r.list);
}

/* What a zone is without; other faults are of lines alone. */
static void
a_zone_that_is_not_whole_is_told(void **state)
{
	static const struct {
		const char *text;
		unsigned int faults, partial;
	} rows[] = {
		{ ZONE "$INCLUDE none\n$INCLUDE\n$include \"\"\n", 3, 3 },
		{ ZONE "$INCLUDE a.zone a..b\n$INCLUDE \"a.zone\n", 2, 2 },
		{ ZONE "$INCLUDE loop.zone\n", 1, 1 },
		{ ZONE "$INCLUDE deep\n", 1, 1 },
		{ ZONE "$INCLUDE ( a.zone\n", 1, 1 },
		{ ZONE "$INCLUDE sub/b.zone\n$TTL x\n $INCLUDE x\n"
		       "\"$INCLUDE\" x\n",
		    4, 0 },
	};
	struct read r = { .include = include };

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		read_text(&r, CONF_FORMAT_RPZ, rows[i].text);
		if (r.faults != rows[i].faults || r.partial != rows[i].partial)
			fail_msg("%s: %u, %u: %s", rows[i].text, r.faults,
			    r.partial, r.what);
		list_index_unref(r.list);
	}
}

static int
refuse(void *arg, const struct list_entry *entry)
{
	(void)arg;
	(void)entry;
	return -ENOMEM;
}

/* What was opened is closed (or the sanitizer says so). */
static void
an_error_ends_what_is_included(void **state)
{
	struct read r;
	struct list_sink sink = { refuse, take_fault, include, &r };
	static const char text[] = ZONE "$INCLUDE sub/b.zone\n";

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_int_equal(
	    list_parse(&sink, CONF_FORMAT_RPZ, text, sizeof(text) - 1),
	    -ENOMEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_are_read),
		cmocka_unit_test(zones_say_what_to_answer),
		cmocka_unit_test(zones_include_others),
		cmocka_unit_test(a_zone_that_is_not_whole_is_told),
		cmocka_unit_test(an_error_ends_what_is_included),
		cmocka_unit_test(a_zone_is_read_on_after_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
