#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/core/policy.h"
#include "src/core/rules.h"
#include "tests/fake/world.h"
#include "tests/unit/faulty.h"

static const struct faulty bad[] = {
	/* words */
	{ "first word", "acept out", 1, 1, 5, "unknown word 'acept'",
	    "accept, block, drop, reroute, default", "accept" },
	{ "wrong case", "\n\nBlock in", 3, 1, 5, "unknown word 'Block'", NULL,
	    "block" },
	{ "other firewalls' word", "deny in", 1, 1, 4, "unknown word 'deny'",
	    NULL, "block" },
	{ "… of a direction", "block outbound", 1, 7, 8,
	    "unknown word 'outbound'", NULL, "out" },
	{ "nothing near", "xyzzy", 1, 1, 5, "unknown word", NULL, NULL },
	{ "match", "accept out prot tcp to port 22", 1, 12, 4,
	    "unknown word 'prot'", "a match (proto, from, to,", "proto" },
	{ "swapped letters", "accept form lan", 1, 8, 4, "unknown word 'form'",
	    NULL, "from" },
	{ "value without comma", "accept exe /a /b to lan", 1, 15, 2,
	    "unknown word '/b'", NULL, NULL },
	{ "port without to", "accept port 22", 1, 8, 4, "unknown word 'port'",
	    NULL, "to any port" },
	{ "quoted word", "accept \"out\"", 1, 8, 5, "quoted text", NULL, NULL },
	{ "comma alone", "accept , out", 1, 8, 1, "a ',' without values", NULL,
	    NULL },
	/* reroute */
	{ "a slip of reroute", "rerout via tor", 1, 1, 6, "unknown word", NULL,
	    "reroute" },
	{ "their word for it", "redirect via tor", 1, 1, 8, "unknown word",
	    NULL, "reroute" },
	{ "no via", "reroute exe /a", 1, 1, 7, "no tunnel",
	    "reroute via TUNNEL", NULL },
	{ "a slip of via", "reroute vai tor exe /a via vpn", 1, 9, 3,
	    "unknown word 'vai'", NULL, "via" },
	{ "via at the end", "reroute exe /a via", 1, 19, 1,
	    "a tunnel's name is missing", NULL, NULL },
	{ "via and a match", "reroute via exe /a", 1, 13, 3,
	    "a tunnel's name is missing", NULL, NULL },
	{ "two tunnels", "reroute via tor via vpn", 1, 17, 3, "a second 'via'",
	    NULL, NULL },
	{ "via of a block", "block via tor", 1, 7, 3, "no reroute, but 'via'",
	    NULL, NULL },
	{ "reroute in", "reroute via tor in", 1, 1, 7,
	    "a reroute of what comes in", NULL, NULL },
	{ "reroute once", "reroute once via tor", 1, 1, 7, "a reroute once",
	    NULL, NULL },
	{ "reject is no tunnel", "reroute via reject", 1, 13, 6,
	    "failover lists only", NULL, NULL },
	{ "a default that reroutes", "default out reroute", 1, 13, 7,
	    "a default that reroutes", NULL, NULL },
	/* names */
	{ "a star within", "block domain a.*.example", 1, 14, 11,
	    "'a.*.example' has a '*'", "*.example.com", NULL },
	{ "a star alone", "block domain *", 1, 14, 1, "is any name", NULL,
	    NULL },
	{ "the root", "block domain .", 1, 14, 1, "'.' is no name", NULL,
	    NULL },
	{ "an empty label", "block domain a..example", 1, 14, 10, "is no name",
	    NULL, NULL },
	{ "another script",
	    "block domain b\xc3\xbc"
	    "cher.example",
	    1, 14, 15, "is not in the form", "xn--", NULL },
	{ "a type", "block qtype AAA", 1, 13, 3,
	    "'AAA' is no type of DNS record", NULL, "AAAA" },
	{ "a type's number", "block qtype TYPE65536", 1, 13, 9,
	    "is no type of DNS record", NULL, NULL },
	{ "queries go out", "block in qtype A", 1, 10, 5,
	    "a rule that can't match", NULL, NULL },
	{ "a slip of domain", "block domian a.example", 1, 7, 6, "unknown word",
	    NULL, "domain" },
	{ "their word for domain", "block host a.example", 1, 7, 4,
	    "unknown word", NULL, "domain" },
	{ "a slip of qtype", "block qtyp A", 1, 7, 4, "unknown word", NULL,
	    "qtype" },
	{ "a slip of list", "block lst ads", 1, 7, 3, "unknown word", NULL,
	    "list" },
	/* once each */
	{ "second match", "block exe /a out exe /b", 1, 18, 3, "a second 'exe'",
	    "each match once", NULL },
	{ "second once", "block once once", 1, 12, 4, "a second 'once'", NULL,
	    NULL },
	{ "second direction", "block in in", 1, 10, 2, "a second direction",
	    NULL, NULL },
	{ "both directions", "block in out", 1, 10, 3, "a second direction",
	    NULL, NULL },
	{ "second label", "block label a label b", 1, 15, 5, "a second 'label'",
	    NULL, NULL },
	{ "label without text", "block label # x", 1, 16, 1,
	    "a label's text is missing", NULL, NULL },
	{ "empty label", "block label \"\"", 1, 13, 2, "a label that is empty",
	    NULL, NULL },
	{ "not of a word", "block not in", 1, 11, 2, "no match after 'not'",
	    NULL, NULL },
	{ "not of nothing", "block not", 1, 10, 1, "no match after 'not'", NULL,
	    NULL },
	{ "not of a slip", "block not usr bob", 1, 11, 3,
	    "no match after 'not'", NULL, "user" },
	/* values */
	{ "no value", "block exe", 1, 10, 1, "a value is missing",
	    "an absolute path", NULL },
	{ "no value before comment", "block user # bob", 1, 17, 1,
	    "a value is missing", NULL, NULL },
	{ "no value after comma", "block to lan,", 1, 14, 1,
	    "a value is missing", "an address", NULL },
	{ "two commas", "block to lan,, self", 1, 14, 1, "a value is missing",
	    NULL, NULL },
	{ "empty value", "block exe \"\"", 1, 11, 2, "'' is empty", NULL,
	    NULL },
	{ "protocol", "block proto tpc", 1, 13, 3, "'tpc' is no protocol",
	    "tcp, udp,", "tcp" },
	{ "protocol number", "block proto 256", 1, 13, 3, "'256' is no proto",
	    NULL, NULL },
	{ "address", "block to example.com", 1, 10, 11,
	    "'example.com' is no address", "an address, prefix",
	    "domain NAME" },
	{ "scope", "block to internat", 1, 10, 8, "'internat' is no address",
	    NULL, "internet" },
	{ "address and port", "block to 1.2.3.4:80", 1, 10, 10,
	    "'1.2.3.4:80' is no address", NULL, "1.2.3.4 port 80" },
	{ "prefix and ports", "block from 10.0.0.0/8:80-90", 1, 12, 16,
	    "is no address", NULL, "10.0.0.0/8 port 80-90" },
	{ "IPv6 and port", "block to [2001:db8::1]:443", 1, 10, 17,
	    "is no address", NULL, "2001:db8::1 port 443" },
	{ "scope and port", "block to lan:22", 1, 10, 6, "is no address", NULL,
	    "lan port 22" },
	{ "host and port", "block to www.example:22", 1, 10, 14,
	    "is no address", NULL, "domain NAME" },
	{ "port alone", "block to 80", 1, 10, 2, "'80' is no address", NULL,
	    "port 80" },
	{ "any address and port", "block to *:80", 1, 10, 4, "is no address",
	    NULL, "port 80" },
	{ "any address", "block to *", 1, 10, 1, "'*' is no address", NULL,
	    "any" },
	{ "no address and port", "block to 1.2.3.400:80", 1, 10, 12,
	    "is no address", NULL, NULL },
	{ "address and no port", "block to 1.2.3.4:99999", 1, 10, 13,
	    "is no address", NULL, NULL },
	{ "scope alone", "block out any", 1, 11, 3, "unknown word 'any'", NULL,
	    "to" },
	{ "protocol alone", "block tcp to port 80", 1, 7, 3,
	    "unknown word 'tcp'", NULL, "proto" },
	{ "key and value", "block exe=/usr/bin/curl", 1, 7, 17,
	    "unknown word 'exe=/usr/bin/curl'", NULL, "exe" },
	{ "host bits", "block to 10.1.2.3/8", 1, 10, 10,
	    "has bits set past its length", "10.0.0.0/8", NULL },
	{ "host bits, IPv6", "block to fe80::1/10", 1, 10, 10,
	    "has bits set past its length", "fe80::/10", NULL },
	{ "prefix length", "block to 10.0.0.0/33", 1, 10, 11,
	    "has no such prefix length", "/0 to /32", NULL },
	{ "prefix without length", "block to 10.0.0.0/", 1, 10, 9,
	    "has no such prefix length", NULL, NULL },
	{ "reversed range", "block to 10.0.0.9-10.0.0.1", 1, 10, 17,
	    "is reversed", "10.0.0.1-10.0.0.9", NULL },
	{ "mixed range", "block to 10.0.0.9-::1", 1, 10, 12,
	    "mixes IPv4 and IPv6", NULL, NULL },
	{ "half a range", "block to 10.0.0.9-", 1, 10, 9, "is no address", NULL,
	    NULL },
	{ "port", "block to port ssh", 1, 15, 3, "'ssh' is no port",
	    "a port N or N-M", "22" },
	{ "port of a service that is not so common", "block to port nfs", 1, 15,
	    3, "is no port", NULL, NULL },
	{ "range of others", "block to port 5:70", 1, 15, 4, "is no port", NULL,
	    "5-70" },
	{ "range of others that is none", "block to port 5:6:7", 1, 15, 5,
	    "is no port", NULL, NULL },
	{ "port number", "block to port 65536", 1, 15, 5, "is no port", NULL,
	    NULL },
	{ "port, where no address is", "block portt 3", 1, 7, 5,
	    "unknown word 'portt'", NULL, "to any port" },
	{ "protocol, nearly port", "block prot tcp", 1, 7, 4,
	    "unknown word 'prot'", NULL, "proto" },
	{ "URL", "block domain http://x.example/", 1, 14, 17,
	    "is more than a name", "the name alone", NULL },
	{ "name and port", "block domain x.example:80", 1, 14, 12,
	    "is more than a name", NULL, NULL },
	{ "name as AdBlock has it", "block domain ||x.example^", 1, 14, 12,
	    "is more than a name", NULL, NULL },
	{ "name with AdBlock's end", "block domain x.example^", 1, 14, 10,
	    "is more than a name", NULL, NULL },
	{ "reversed ports", "block to any port 1, 9-2", 1, 22, 3, "is reversed",
	    "2-9", NULL },
	{ "relative path", "block exe bin/curl", 1, 11, 8,
	    "is no absolute path", NULL, NULL },
	{ "lone backslash", "block cmd a\\", 1, 11, 2, "ends in a lone '\\'",
	    NULL, NULL },
	{ "process", "block process unkown", 1, 15, 6, "is no kind of process",
	    "unknown, kernel or self", "unknown" },
	/* contradictions */
	{ "ports of icmp", "block proto icmp to port 7", 1, 13, 4,
	    "a protocol without ports: 'icmp'", NULL, NULL },
	{ "ports of one of two", "block proto tcp, 47 not from lan port 7", 1,
	    18, 2, "a protocol without ports: '47'", NULL, NULL },
	{ "unknown program", "block process unknown exe /a", 1, 23, 3,
	    "a rule that can't match: 'exe'", NULL, NULL },
	{ "user of the kernel", "block process kernel user root", 1, 22, 4,
	    "a rule that can't match: 'user'", "user and group beside unknown",
	    NULL },
	/* quotes, blanks, lines */
	{ "open quote", "block exe \"/a b", 1, 11, 1,
	    "a quote that is not closed", NULL, NULL },
	{ "quote over lines", "block exe \"/a \\\nb\"", 1, 11, 1,
	    "a quote that is not closed", NULL, NULL },
	{ "quote in a word", "block exe /a\"b", 1, 13, 1,
	    "a quote within a word", NULL, NULL },
	{ "text after a quote", "block exe \"/a\"b", 1, 15, 1,
	    "text right after a quote", NULL, NULL },
	{ "escape", "block exe \"/a\\n\"", 1, 14, 2, "an unknown escape", NULL,
	    NULL },
	{ "comment that goes on", "# no \\\nblock out", 1, 6, 1,
	    "a comment that ends in '\\'", NULL, NULL },
	{ "second line of a rule", "block \\\n\tout prot tcp", 2, 6, 4,
	    "unknown word 'prot'", NULL, "proto" },
	{ "carriage return", "block out\r\n", 1, 10, 1, "a carriage return",
	    "sed -i", NULL },
	{ "control character", "block\x01out", 1, 6, 1, "a control character",
	    NULL, NULL },
	{ "C1 control character", "block label \xc2\x9b", 1, 13, 1,
	    "a control character", NULL, NULL },
	{ "Latin-1", "accept\n# f\xfcr", 2, 4, 1, "bytes that are not UTF-8",
	    NULL, NULL },
	{ "overlong UTF-8", "block label \xc0\xaf", 1, 13, 1,
	    "bytes that are not UTF-8", NULL, NULL },
	/* default, define */
	{ "default", "default owt block", 1, 9, 3, "unknown default 'owt'",
	    "out, in, unknown or kernel", "out" },
	{ "default's action", "default out deny", 1, 13, 4,
	    "unknown action 'deny'", NULL, "block" },
	{ "default without action", "default out", 1, 12, 1, "unknown action",
	    NULL, NULL },
	{ "text after default", "default out block once", 1, 19, 4,
	    "unexpected 'once'", "the end of the line", NULL },
	{ "second default", "default in drop\ndefault in drop", 2, 9, 2,
	    "was set already at one.rules:1", NULL, NULL },
	{ "define's name", "define 1a = b", 1, 8, 2, "not a name: '1a'", NULL,
	    NULL },
	{ "define without =", "define A b", 1, 10, 1, "no '=' after the name",
	    NULL, NULL },
	{ "define without value", "define A =", 1, 11, 1, "a value is missing",
	    NULL, NULL },
	{ "text after define", "define A = b c", 1, 14, 1, "unexpected 'c'",
	    NULL, NULL },
	{ "second define", "define A = b\ndefine A = c", 2, 8, 1,
	    "was set already at one.rules:1", NULL, NULL },
	{ "use before define", "block to $A\ndefine A = lan", 1, 10, 2,
	    "no define before this for '$A'", NULL, NULL },
	{ "define within define", "define A = $B", 1, 12, 2,
	    "no define before this for '$B'", NULL, NULL },
	{ "bad word of a define", "define A = lan, ten\nblock to $A", 2, 10, 2,
	    "'$A': 'ten' is no address", NULL, NULL },
	/* found by the compiler */
	{ "user number", "block user 4294967295", 1, 12, 10, "no such number",
	    NULL, NULL },
	{ "comm", "block comm 0123456789abcdef", 1, 12, 16, "too long for comm",
	    NULL, NULL },
};

/* Parses and compiles one file; the result of the first that fails. */
static int
compile(const char *text, size_t len, struct faults *faults)
{
	struct rules *rules = rules_new();
	const struct policy *policy = NULL;
	int r = rules_parse(rules, "one.rules", text, len, faults);

	if (r == 0)
		r = policy_compile(&policy, rules, &fake_world, faults);
	policy_unref(policy);
	rules_free(rules);
	return r;
}

static void
test_each_fault_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(bad); i++) {
		struct faults *faults = faults_new();
		int r = compile(bad[i].text, strlen(bad[i].text), faults);

		assert_faulty(&bad[i], faults);
		assert_int_equal(r, -EINVAL);
		faults_free(faults);
	}
}

static void
test_nul_byte_is_a_fault(void **state)
{
	static const char text[] = "block exe /a\0b";
	const struct faulty row = { "NUL", text, 1, 13, 1, "a NUL byte", NULL,
		NULL };
	struct faults *faults = faults_new();

	(void)state;
	assert_int_equal(compile(text, sizeof(text) - 1, faults), -EINVAL);
	assert_faulty(&row, faults);
	faults_free(faults);
}

static const char *const good[] = {
	"",
	"\n\n# only a comment",
	"accept",
	"block once out proto tcp to lan port 80,443-500 , 8080 label \"a # "
	"b\"",
	"drop in \\\n proto udp \\\n to port 23, \\\n 2323 # telnet",
	"accept exe /bin/ping, \"/opt/a b,c\", /opt/a\\ b not user 1000,alice",
	"accept from ::ffff:10.0.0.0/104 to any port 22",
	"accept to 10.0.0.1-10.0.0.9, fe80::/10, self, loopback, multicast",
	"accept unit ssh.service, user.slice parent /usr/bin/* cmd **x group 7",
	"accept process kernel, unknown",
	"accept comm in", /* a value may look like a word */
	"define A=lan,10.0.0.0/8\ndefine B = $A, self\nblock to $B, ::1",
	"define P = 22, 80-90\nblock to port $P, 7",
	"default out block\ndefault in drop\ndefault unknown accept\n"
	"default kernel accept",
	"accept label \xc3\xa4",
	"accept out \\\n",
};

static void
test_good_rules_have_no_fault(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(good); i++) {
		struct faults *faults = faults_new();
		int r = compile(good[i], strlen(good[i]), faults);

		if (r != 0)
			faults_print(faults, stderr);
		assert_int_equal(r, 0);
		assert_int_equal(faults_count(faults), 0);
		faults_free(faults);
	}
}

static void
test_all_faults_of_a_file_are_found(void **state)
{
	static const char text[] =
	    "acept\nblock prot tcp to port 99999 usr bob\ndefault x y\n";
	struct faults *faults = faults_new();

	(void)state;
	assert_int_equal(compile(text, strlen(text), faults), -EINVAL);
	assert_int_equal(faults_count(faults), 5);
	faults_free(faults);
}

static void
test_faults_past_the_limit_are_counted(void **state)
{
	struct faults *faults = faults_new();
	char text[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "x\n", 2);
	assert_int_equal(compile(text, sizeof(text), faults), -EINVAL);
	assert_int_equal(faults_count(faults), 500);
	assert_non_null(faults_get(faults, FAULTS_KEPT - 1));
	assert_null(faults_get(faults, FAULTS_KEPT));
	faults_free(faults);
}

/* `times` copies of a text between two others. */
static char *
repeat(const char *head, const char *text, size_t times, size_t *ret_len)
{
	size_t n = strlen(head), m = strlen(text);
	char *all = malloc(n + m * times + 1), *to = all;

	assert_non_null(all);
	to = mempcpy(to, head, n);
	for (size_t i = 0; i < times; i++)
		to = mempcpy(to, text, m);
	*ret_len = n + m * times;
	return all;
}

static void
assert_limit(const char *head, const char *text, size_t times, const char *what,
    const char *expected)
{
	struct faults *faults = faults_new();
	size_t len;
	char *all = repeat(head, text, times, &len);

	assert_int_equal(compile(all, len, faults), -EINVAL);
	assert_non_null(faults_get(faults, 0));
	assert_non_null(strstr(faults_get(faults, 0)->what, what));
	assert_non_null(strstr(faults_get(faults, 0)->expected, expected));
	free(all);
	faults_free(faults);
}

static void
test_limits_are_named(void **state)
{
	(void)state;
	assert_limit("block out # ", "x", RULES_LINE_MAX,
	    "a line that is too long", "65536");
	assert_limit("", "block\n", RULES_MAX + 1, "too many rules", "200000");
	assert_limit("define A = lan, lan, lan, lan, lan, lan, lan, lan\n"
		     "define B = $A, $A, $A, $A, $A, $A, $A, $A\n"
		     "define C = $B, $B, $B, $B, $B, $B, $B, $B\n"
		     "define D = $C, $C, $C, $C, $C, $C, $C, $C\n"
		     "define E = $D, $D, $D, $D, $D, $D, $D, $D\n"
		     "define F = $E, $E",
	    ", $E", 1, "too many values in one define", "65536");
	assert_limit("define A = lan, lan, lan, lan, lan, lan, lan, lan\n"
		     "define B = $A, $A, $A, $A, $A, $A, $A, $A\n"
		     "define C = $B, $B, $B, $B, $B, $B, $B, $B\n"
		     "define D = $C, $C, $C, $C, $C, $C, $C, $C\n",
	    "block to $D, $D, $D, $D, $D, $D, $D, $D\n", 70,
	    "too many values in all the rules", "2097152");
}

static void
test_second_default_names_the_first_file(void **state)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	static const char text[] = "\ndefault out block";

	(void)state;
	assert_int_equal(
	    rules_parse(rules, "a.rules", text, strlen(text), faults), 0);
	assert_int_equal(
	    rules_parse(rules, "b.rules", text, strlen(text), faults), -EINVAL);
	assert_string_equal(faults_get(faults, 0)->file, "b.rules");
	assert_non_null(strstr(faults_get(faults, 0)->what, "a.rules:2"));
	faults_free(faults);
	rules_free(rules);
}

/* What is printed for the one fault of a text. */
static void
assert_printed(const char *text, const char *printed)
{
	struct faults *faults = faults_new();
	char *out;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_int_equal(compile(text, strlen(text), faults), -EINVAL);
	faults_print(faults, f);
	(void)fclose(f);
	assert_string_equal(out, printed);
	free(out);
	faults_free(faults);
}

static void
test_caret_stands_under_the_word(void **state)
{
	(void)state;
	/* what nobody sees is told, and a letter is one */
	assert_printed("\tblock\tlabel \xc3\xa4\xc2\xa0 list bed\n",
	    "one.rules:1:24: no list 'bed'\n"
	    "    \tblock\tlabel \xc3\xa4\\xc2\\xa0 list bed\n"
	    "    \t     \t                     ^~~\n"
	    "  expected: a section [list \"NAME\"] of the settings; did you "
	    "mean 'bad'?\n");
}

static void
test_long_lines_are_cut_round_the_caret(void **state)
{
	char text[600] = "block label ";

	(void)state;
	memset(text + 12, 'x', 300);
	strcpy(text + 312, " list bed comm ");
	memset(text + 327, 'y', 15);
	strcpy(text + 342, " exe /");
	memset(text + 348, 'z', 200);
	assert_printed(text,
	    "one.rules:1:319: no list 'bed'\n"
	    "    ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx list bed comm "
	    "yyyyyyyyyyyyyyy exe /zzzzzz...\n"
	    "                                           ^~~\n"
	    "  expected: a section [list \"NAME\"] of the settings; did you "
	    "mean 'bad'?\n");
}

static void
assert_parses(const char *text)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	int r = rules_parse(rules, "sample", text, strlen(text), faults);

	if (r != 0)
		faults_print(faults, stderr);
	assert_int_equal(r, 0);
	faults_free(faults);
	rules_free(rules);
}

/* As installed, and with its proposals taken up: "#word" without a blank. */
static void
test_sample_parses(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], text[8192];
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/conf/rules.d/10-example.rules",
	    srcdir != NULL ? srcdir : ".");
	f = fopen(path, "re");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	(void)fclose(f);
	assert_parses(text);
	for (char *s = text; (s = strstr(s, "\n#")) != NULL; s++)
		if (s[2] >= 'a' && s[2] <= 'z')
			s[1] = ' ';
	assert_non_null(strstr(text, "\n drop"));
	assert_parses(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_has_its_place),
		cmocka_unit_test(test_nul_byte_is_a_fault),
		cmocka_unit_test(test_good_rules_have_no_fault),
		cmocka_unit_test(test_all_faults_of_a_file_are_found),
		cmocka_unit_test(test_faults_past_the_limit_are_counted),
		cmocka_unit_test(test_limits_are_named),
		cmocka_unit_test(test_second_default_names_the_first_file),
		cmocka_unit_test(test_sample_parses),
		cmocka_unit_test(test_caret_stands_under_the_word),
		cmocka_unit_test(test_long_lines_are_cut_round_the_caret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
