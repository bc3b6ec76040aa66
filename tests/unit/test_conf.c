#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/conf.h"
#include "src/core/schema.h"
#include "src/core/text.h"
#include "tests/unit/faulty.h"

#define A2 "aa"
#define A8 A2 A2 A2 A2
#define A32 A8 A8 A8 A8
#define A64 A32 A32

static const struct faulty bad[] = {
	{ "section", "[firwall]\nipv6 = no", 1, 2, 7,
	    "unknown section 'firwall'", "[rerouted], [firewall], [resolver]",
	    "firewall" },
	{ "open section", "[firewall\n", 1, 10, 1,
	    "a section that is not closed", "']'", NULL },
	{ "text after a section", "[firewall] x", 1, 11, 2,
	    "text after a section", NULL, NULL },
	{ "long section",
	    "[firewallfirewallfirewallfirewallfirewallfirewal"
	    "lfirewall]",
	    1, 2, 56, "unknown section", NULL, NULL },
	{ "key", "[rerouted]\n\tlog-levl = info", 2, 2, 8,
	    "unknown key 'log-levl'", NULL, "log-level" },
	{ "another section's key", "[firewall]\nlog-level = info", 2, 1, 9,
	    "unknown key 'log-level'", NULL, NULL },
	{ "key before a section", "log-level = info", 1, 1, 9,
	    "a key before any section", NULL, NULL },
	{ "no equals sign", "[firewall]\n  ipv6 # no", 2, 3, 4,
	    "a line without '='", "KEY = VALUE", NULL },
	{ "two such lines", "[firewall]\nipv6 = no\n\n nonsense ", 4, 2, 8,
	    "a line without '='", NULL, NULL },
	{ "no value", "[firewall]\nipv6 =", 2, 7, 1, "ipv6: no value",
	    "auto, yes or no", NULL },
	{ "no value but a comment", "[firewall]\nipv6 = # no", 2, 7, 1,
	    "ipv6: no value", NULL, NULL },
	{ "word", "[firewall]\nipv6 = maybe ; or", 2, 8, 5,
	    "ipv6: not good: 'maybe'", "auto, yes or no", NULL },
	{ "half a word", "[firewall]\nipv6 = ye", 2, 8, 2,
	    "ipv6: not good: 'ye'", NULL, "yes" },
	{ "word of wrong case", "[firewall]\nipv6 = Auto", 2, 8, 4,
	    "ipv6: not good: 'Auto'", NULL, "auto" },
	{ "word that is like none", "[firewall]\nipv6 = maybe", 2, 8, 5,
	    "ipv6: not good: 'maybe'", NULL, NULL },
	{ "bits past the length of a prefix",
	    "[resolver]\nallow = 10.0.0.0/8, fd07::/8", 2, 21, 8,
	    "allow: not good: 'fd07::/8'", NULL, "fd00::/8" },
	{ "a length that no prefix has", "[resolver]\nallow = fd07::/129", 2, 9,
	    10, "not good", NULL, NULL },
	{ "a prefix where names stand", "[resolver]\nallow-private = fd07::/8",
	    2, 17, 8, "not good", NULL, "allow = fd00::/8" },
	{ "a prefix where servers stand", "[resolver]\nupstream = 10.0.0.0/8",
	    2, 12, 10, "not good", NULL, "allow = 10.0.0.0/8" },
	{ "a proxy with a path", "[tunnel \"t\"]\nupstream = http://h:3128/", 2,
	    12, 14, "upstream: not good: 'http://h:3128/'", NULL,
	    "http://h:3128" },
	{ "what is no proxy with a path either",
	    "[tunnel \"t\"]\nupstream = ftp://h:21/x", 2, 12, 12, "not good",
	    NULL, NULL },
	{ "number", "[rerouted]\nflows-max=many", 2, 11, 4,
	    "flows-max: not good: 'many'", "a number from 1024 to 1048576",
	    NULL },
	{ "number too small", "[rerouted]\nflows-max = 1023", 2, 13, 4,
	    "flows-max: out of range: '1023'", NULL, NULL },
	{ "number too large", "[rerouted]\nflows-max = 1048577", 2, 13, 7,
	    "out of range", NULL, NULL },
	{ "number past 64 bits", "[rerouted]\nflows-max = 99999999999999999999",
	    2, 13, 20, "out of range", NULL, NULL },
	{ "negative", "[rerouted]\nflows-max = -1", 2, 13, 2, "not good", NULL,
	    NULL },
	{ "size", "[firewall]\nreceive-buffer = 8MB", 2, 18, 3, "not good",
	    "64K to 256M", NULL },
	{ "size too small", "[firewall]\nreceive-buffer = 63K", 2, 18, 3,
	    "out of range", NULL, NULL },
	{ "empty text", "[rerouted]\ncontrol-group =", 2, 16, 1, "no value",
	    NULL, NULL },
	{ "long text",
	    "[rerouted]\ncontrol-group = abcdefghijabcdefghijabcdefghijabc", 2,
	    17, 33, "out of range", "1 to 32", NULL },
	{ "text that prints as a comment", "[rerouted]\ncontrol-group =;x", 2,
	    16, 2, "not good: ';x'", NULL, NULL },
	{ "comment without blank", "[rerouted]\nlog-level = info#x", 2, 13, 6,
	    "not good: 'info#x'", NULL, "info" },
	{ "section without a name", "[tunnel]\ndevice = x", 1, 8, 1,
	    "a section without a name in quotes", "[tunnel \"tor\"]", NULL },
	{ "name without quotes", "[tunnel tor]", 1, 9, 3,
	    "a section without a name in quotes", NULL, NULL },
	{ "bad name", "[tunnel \"a b\"]", 1, 10, 3, "a name that is no good",
	    NULL, NULL },
	{ "neither name nor path", "[tunnel \"x\"]\nnetns = run/vpn", 2, 9, 7,
	    "not good: 'run/vpn'", "a name such as vpn, or a path", NULL },
	{ "reserved name", "[tunnel \"reject\"]", 1, 10, 6,
	    "a name that is no good", NULL, NULL },
	{ "bad domain", "[forward \"a..b\"]", 1, 11, 4,
	    "a name that is no good", "corp.example", NULL },
	{ "a pattern for a domain", "[forward \"*.a.test\"]", 1, 11, 8,
	    "a name that is no good", "corp.example", NULL },
	{ "a pattern for private names", "[resolver]\nallow-private = *.a.test",
	    2, 17, 8, "not good: '*.a.test'", "corp.example", NULL },
	{ "a prefix for private names",
	    "[resolver]\nallow-private = 10.0.0.0/8", 2, 17, 10,
	    "not good: '10.0.0.0/8'", "corp.example", "allow = 10.0.0.0/8" },
	{ "an address for a domain", "[forward \"10.0.0.53\"]", 1, 11, 9,
	    "a name that is no good", "corp.example", NULL },
	{ "a server that is nowhere",
	    "[resolver]\nupstream = 192.0.2.1, 0.0.0.0", 2, 23, 7,
	    "not good: '0.0.0.0'", NULL, NULL },
	{ "a server that is everywhere", "[resolver]\nupstream = 224.0.0.251",
	    2, 12, 11, "not good: '224.0.0.251'", NULL, NULL },
	{ "name of a section without", "[firewall \"x\"]", 1, 11, 3,
	    "this section takes no name", NULL, NULL },
	{ "one of a list", "[resolver]\nupstream = 192.0.2.1, 192.0.2.300, ::1",
	    2, 23, 11, "upstream: not good: '192.0.2.300'", "or system", NULL },
	{ "hole in a list", "[resolver]\nupstream = 192.0.2.1,, 192.0.2.3", 2,
	    22, 1, "upstream: no value", NULL, NULL },
	{ "unknown scheme", "[resolver]\nupstream = udp://192.0.2.1", 2, 12, 15,
	    "not good", "the address alone, such as 192.0.2.53", NULL },
	{ "duration", "[resolver]\nserve-stale = 1w", 2, 15, 2, "not good",
	    "a time such as", NULL },
	{ "listen on a name", "[resolver]\nlisten = localhost:53", 2, 10, 12,
	    "not good", "127.0.0.1:53, or none", NULL },
	{ "listen on a link", "[resolver]\nlisten = [fe80::1%eth0]:53\n", 2, 10,
	    17, "not good", "127.0.0.1:53, or none", NULL },
	{ "tunnel scheme", "[tunnel \"x\"]\nupstream = socks4://127.0.0.1:1", 2,
	    12, 20, "not good", "socks5://", NULL },
	{ "a server of many names",
	    "[resolver]\nupstream = tls://192.0.2.1#*.dns.test", 2, 12, 26,
	    "not good", "tls://ADDRESS#NAME", NULL },
	{ "a proxy of many names",
	    "[tunnel \"x\"]\nupstream = socks5://*.proxy.test:1080", 2, 12, 26,
	    "not good", "a host with a port", NULL },
	{ "a certificate of many names",
	    "[tunnel \"x\"]\nupstream = https://h.example:443#*.example", 2, 12,
	    31, "not good", "a host with a port", NULL },
	{ "a pin that is cut",
	    "[tunnel \"x\"]\nupstream = https://h.example:443\n"
	    "pin = sha256//c2hvcnQ=",
	    3, 7, 16, "pin: not good", "sha256// and the base64", NULL },
	{ "a pin of another kind",
	    "[tunnel \"x\"]\nupstream = https://h.example:443\n"
	    "pin = 0123456789abcdef",
	    3, 7, 16, "pin: not good", "sha256// and the base64", NULL },
	{ "a pin with a hole",
	    "[tunnel \"x\"]\nupstream = https://h.example:443\n"
	    "pin = sha256//AAAAAAAAAAAAAAAAAAAAA-AAAAAAAAAAAAAAAAAAAAA=",
	    3, 7, 52, "pin: not good", NULL, NULL },
	{ "the path of no socket",
	    "[tunnel \"x\"]\nupstream = proxy2+unix:/" A64 A32 A8 A2 "aa", 2,
	    12, 121, "not good", "proxy2+unix:PATH", NULL },
	{ "a user that SOCKS can't say",
	    "[tunnel \"x\"]\nupstream = socks5://" A64 A64 A64 A64 ":p@[::1]:1",
	    2, 12, 275, "not good", NULL, NULL },
	{ "a password that SOCKS can't say",
	    "[tunnel \"x\"]\nupstream = socks5://[::1]:1\n"
	    "password = " A64 A64 A64 A64,
	    3, 12, 256, "not good", "at most 255", NULL },
	{ "relative path", "[list \"x\"]\nsource = ads.txt", 2, 10, 7,
	    "not good", "paths such as", NULL },
	{ "carriage return", "[rerouted]\r\n", 1, 11, 1, "a carriage return",
	    "sed -i", NULL },
	{ "control character", "[rerouted]\n# \x1b[1m", 2, 3, 1,
	    "a control character", NULL, NULL },
	{ "bad UTF-8", "\n# \xe4", 2, 3, 1, "bytes that are not UTF-8", NULL,
	    NULL },
};

static void
test_each_fault_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(bad); i++) {
		struct faults *faults = faults_new();
		struct conf *conf = conf_new();
		int r;

		r = conf_parse(conf, "a.conf", bad[i].text, strlen(bad[i].text),
		    faults, NULL);
		assert_faulty(&bad[i], faults);
		assert_int_equal(r, -EINVAL);
		faults_free(faults);
		conf_unref(conf);
	}
}

static struct conf *
parsed(const char *text)
{
	struct faults *faults = faults_new();
	struct conf *conf = conf_new();

	if (conf_parse(conf, "a.conf", text, strlen(text), faults, NULL) != 0) {
		faults_print(faults, stderr);
		fail_msg("not parsed");
	}
	faults_free(faults);
	return conf;
}

static char *
printed(void (*print)(const struct conf *, FILE *), const struct conf *conf)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	print(conf, f);
	(void)fclose(f);
	return text;
}

static void
test_each_of_a_list_is_a_fault(void **state)
{
	static const char text[] = "[resolver]\nupstream = x y, 192.0.2.1, "
				   "udp://192.0.2.2 , https://dns.example/";
	static const unsigned int columns[] = { 12, 28, 46 };
	struct faults *faults = faults_new();
	struct conf *conf = conf_new();

	(void)state;
	assert_int_equal(
	    conf_parse(conf, "c", text, strlen(text), faults, NULL), -EINVAL);
	assert_int_equal(faults_count(faults), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(faults_get(faults, i)->column, columns[i]);
	conf_unref(conf);
	faults_free(faults);
}

static void
test_values_are_read(void **state)
{
	struct conf *conf = parsed(
	    "; a\n#b\n[rerouted]\n  log-level=debug\t# x = y\n"
	    "log-format: json\ncontrol-group = adm in ;x\nflows-max\t=\t2048\n"
	    "processes-max = 64\n [firewall] # last\nbackend = libiptc\n"
	    "ipv6 = no\nqueue-length = 256\nreceive-buffer = 1M");

	(void)state;
	assert_int_equal(conf->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(conf->log_format, LOG_FORMAT_JSON);
	assert_string_equal(conf->control_group, "adm in");
	assert_int_equal(conf->flows_max, 2048);
	assert_int_equal(conf->processes_max, 64);
	assert_int_equal(conf->backend, CONF_BACKEND_LIBIPTC);
	assert_int_equal(conf->ipv6, CONF_IPV6_NO);
	assert_int_equal(conf->queue_length, 256);
	assert_int_equal(conf->receive_buffer, 1 << 20);
	conf_unref(conf);
}

static void
test_a_later_value_wins(void **state)
{
	struct conf *conf = parsed("[firewall]\nipv6 = no\n[rerouted]\n"
				   "log-level = debug\n[firewall]\nipv6=yes");

	(void)state;
	assert_int_equal(conf->ipv6, CONF_IPV6_YES);
	assert_int_equal(conf->log_level, LOG_LEVEL_DEBUG);
	conf_unref(conf);
}

static void
assert_same(const struct conf *a, const struct conf *b)
{
	char *x = printed(conf_print, a), *y = printed(conf_print, b);

	assert_string_equal(x, y);
	free(x);
	free(y);
}

static void
test_nothing_is_the_defaults(void **state)
{
	struct conf *conf = parsed(""), *dflt = conf_new();

	(void)state;
	assert_same(conf, dflt);
	assert_int_equal(conf->log_level, LOG_LEVEL_INFO);
	assert_string_equal(conf->control_group, "rerouted");
	assert_int_equal(conf->receive_buffer, 8 << 20);
	assert_int_equal(conf->resolver.listen.n, 2);
	assert_string_equal(conf->resolver.listen.v[1].s, "[::1]:53");
	assert_int_equal(conf->resolver.allow.n, 0);
	assert_int_equal(conf->resolver.serve_stale, 86400000);
	assert_int_equal(conf->n_tunnels, 0);
	conf_unref(conf);
	conf_unref(dflt);
}

#define NAMED                                                                  \
	"[resolver]\nlisten = none\nupstream = tls://9.9.9.9#dns.quad9.net,"   \
	" 192.0.2.54:5353 , [2001:db8::1]:53\nserve-stale = 0\n"               \
	"[tunnel \"tor\"]\nupstream = socks5://127.0.0.1:9050\nuser=%exe\n"    \
	"[tunnel\t\"vpn\"] # one more\nupstream = direct\ndevice = wg0\n"      \
	"fwmark = 51820\n[forward \"Corp.Example.\"]\nupstream=10.0.0.53\n"    \
	"[tunnel \"tor\"]\ndns = fake\n"                                       \
	"[list \"ads\"]\nsource = /a/*.txt, /b\nformat = hosts\n"

static void
test_sections_with_names(void **state)
{
	struct conf *conf = parsed(NAMED);
	const struct conf_tunnel *tor = conf_tunnel_find(conf, "tor");

	(void)state;
	assert_int_equal(conf->resolver.listen.n, 0);
	assert_int_equal(conf->resolver.upstreams.n, 3);
	assert_string_equal(conf->resolver.upstreams.v[1].s, "192.0.2.54:5353");
	assert_int_equal(conf->n_tunnels, 2);
	assert_non_null(tor);
	assert_string_equal(tor->upstream.s, "socks5://127.0.0.1:9050");
	assert_string_equal(tor->user.s, "%exe");
	assert_string_equal(tor->device.s, "");
	assert_int_equal(tor->dns, CONF_DNS_FAKE);
	assert_int_equal(tor->honest_connect, 1);
	assert_int_equal(conf_tunnel_find(conf, "vpn")->fwmark, 51820);
	assert_null(conf_tunnel_find(conf, "to"));
	assert_string_equal(conf->forwards[0].name, "corp.example");
	assert_int_equal(conf_list_find(conf, "ads")->sources.n, 2);
	assert_int_equal(
	    conf_list_find(conf, "ads")->format, CONF_FORMAT_HOSTS);
	conf_unref(conf);
}

static void
test_print_reads_back(void **state)
{
	struct conf *conf = parsed("[rerouted]\nflows-max = 4096\n[firewall]\n"
				   "receive-buffer = 65537\n" NAMED),
		    *again;
	char *text = printed(conf_print, conf);

	(void)state;
	assert_non_null(strstr(text, "receive-buffer = 65537\n"));
	assert_non_null(strstr(text, "\n[forward \"corp.example\"]\n"));
	assert_non_null(strstr(text, "listen = none\n"));
	again = parsed(text);
	assert_same(conf, again);
	free(text);
	conf_unref(conf);
	conf_unref(again);
}

static const struct faulty bad_whole[] = {
	{ "no upstream", "[tunnel \"a\"]\ndevice = x", 1, 10, 1,
	    "a tunnel without upstream", NULL, NULL },
	{ "both", "[tunnel \"a\"]\nupstream = direct\nfailover = reject", 1, 10,
	    1, "with upstream and failover", NULL, NULL },
	{ "unknown tunnel",
	    "[tunnel \"tor\"]\nupstream = direct\n[tunnel \"x\"]\n"
	    "failover = tor, tro",
	    4, 17, 3, "no tunnel 'tro'", "or reject", "tor" },
	{ "reject first",
	    "[tunnel \"tor\"]\nupstream = direct\n[tunnel \"x\"]\n"
	    "failover = reject, tor",
	    4, 12, 6, "nothing is tried after reject", NULL, NULL },
	{ "itself", "[tunnel \"x\"]\nfailover = x", 2, 12, 1,
	    "itself a failover", NULL, NULL },
	{ "device of a proxy",
	    "[tunnel \"x\"]\nupstream = socks5://[::1]:1080\ndevice = wg0", 3,
	    10, 3, "for upstream = direct only", NULL, NULL },
	{ "server of a tunnel that asks none",
	    "[tunnel \"x\"]\nupstream = direct\ndns-server = 10.0.0.53", 3, 14,
	    9, "for dns = tunnel only", NULL, NULL },
	{ "nobody to ask but over TLS",
	    "[resolver]\nupstream = tls://9.9.9.9\n[tunnel \"x\"]\n"
	    "upstream = direct\ndns = tunnel",
	    3, 10, 1, "dns = tunnel without a server to ask",
	    "dns-server = ADDRESS", NULL },
	{ "no port", "[tunnel \"x\"]\nupstream = http://proxy.test", 2, 12, 17,
	    "an upstream without a port", NULL, NULL },
	{ "pin of http",
	    "[tunnel \"x\"]\nupstream = http://proxy.test:80\n"
	    "pin = sha256//" A32 A8 A2 "a=",
	    3, 7, 52, "for an https upstream", NULL, NULL },
	{ "colon in a user of HTTP",
	    "[tunnel \"x\"]\nupstream = http://proxy.test:80\n"
	    "user = a:%exe",
	    3, 8, 6, "a user of an HTTP proxy has no colon", NULL, NULL },
	{ "colon in a user of HTTPS, in its URL",
	    "[tunnel \"x\"]\nupstream = https://a%3Ab:c@proxy.test:80", 2, 12,
	    29, "a user of an HTTP proxy has no colon", NULL, NULL },
	{ "password of nobody",
	    "[tunnel \"x\"]\nupstream = socks5://192.0.2.1:1080\n"
	    "password = secret",
	    3, 12, 6, "a password without a user", NULL, NULL },
	{ "proxy at the entry",
	    "[tunnel \"x\"]\nupstream = socks5://127.0.0.17:1117", 2, 12, 24,
	    "the daemon itself is there", NULL, NULL },
	{ "proxy at the entry of IPv6",
	    "[tunnel \"x\"]\nupstream = http://[::1]:1117", 2, 12, 17,
	    "the daemon itself is there", NULL, NULL },
	{ "proxy on no link",
	    "[tunnel \"x\"]\nupstream = socks5://[fe80::1]:1080", 2, 12, 23,
	    "a link-local address without its device", "such as [fe80::1%eth0]",
	    NULL },
	{ "a mark of ours", "[tunnel \"x\"]\nupstream = direct\nfwmark = 1717",
	    1, 10, 1, "a tunnel with a fwmark of ours", NULL, NULL },
	{ "a word beside another", "[resolver]\nblock-answer = null, nxdomain",
	    2, 16, 4, "a word that is not alone", NULL, NULL },
	{ "a word behind an address",
	    "[resolver]\nblock-answer = 192.0.2.1, nodata", 2, 27, 6,
	    "a word that is not alone", NULL, NULL },
	{ "nine addresses",
	    "[resolver]\nblock-answer = ::1, ::2, ::3, ::4, ::5, ::6, ::7, "
	    "::8, ::9",
	    2, 56, 3, "more than 8 addresses", NULL, NULL },
	{ "empty list", "[list \"x\"]\nformat = auto", 1, 8, 1,
	    "a list without source", NULL, NULL },
	{ "empty forward", "[forward \"x\"]\npolicy = order", 1, 11, 1,
	    "a forward without upstream", NULL, NULL },
	{ "upstream is itself",
	    "[resolver]\nupstream = 192.0.2.1, tcp://127.0.0.1, "
	    "tls://127.0.0.1#a, 127.0.0.1:5353",
	    2, 23, 15, "the daemon itself answers there",
	    "another server than those of listen", NULL },
	{ "a forward to itself",
	    "[resolver]\nlisten = 0.0.0.0:5300\n[forward \"x\"]\n"
	    "upstream = 127.0.0.53:5300",
	    4, 12, 15, "the daemon itself answers there", NULL, NULL },
	{ "an upstream of an unknown link",
	    "[resolver]\nupstream = [fe80::1%eth0], 169.254.0.1, "
	    "tls://fe80::1#a",
	    2, 41, 15, "a link-local address without its device",
	    "such as [fe80::1%eth0]", NULL },
	{ "a forward to an unknown link", "[forward \"x\"]\nupstream = fe80::1",
	    2, 12, 7, "a link-local address without its device", NULL, NULL },
};

/* One section with all that it can have wrong: each is named at once. */
static void
test_a_tunnel_tells_all_its_faults(void **state)
{
	static const char text[] =
	    "[tunnel \"x\"]\nupstream = socks5://proxy.test\n"
	    "failover = y\ndevice = wg0\nsource = 192.0.2.7\nnetns = vpn\n"
	    "fwmark = 1700\nca = /a\npin = sha256//" A32 A8 A2 "a=\n"
	    "dns-server = 10.0.0.53\n";
	static const unsigned int lines[] = { 1, 3, 10, 1, 4, 5, 6, 2, 8, 9 };
	static const char without[] = "[tunnel \"x\"]\nfwmark = 1700\n"
				      "dns-server = 10.0.0.53\n";
	struct source source = { "a.conf", text, sizeof(text) - 1, 0 };
	struct faults *faults = faults_new();
	struct conf *conf = parsed(text);

	(void)state;
	assert_int_equal(conf_check(conf, &source, faults), -EINVAL);
	assert_int_equal(
	    faults_count(faults), sizeof(lines) / sizeof(lines[0]));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(faults_get(faults, i)->line, lines[i]);
	faults_free(faults);
	conf_unref(conf);
	source = (struct source){ "b.conf", without, sizeof(without) - 1, 0 };
	faults = faults_new();
	conf = parsed(without);
	assert_int_equal(conf_check(conf, &source, faults), -EINVAL);
	assert_int_equal(faults_count(faults), 3);
	faults_free(faults);
	conf_unref(conf);
}

static void
test_faults_of_the_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(bad_whole); i++) {
		const char *text = bad_whole[i].text;
		struct source source = { "a.conf", text, strlen(text), 1 };
		struct faults *faults = faults_new();
		struct conf *conf = parsed(text);

		assert_int_equal(conf_check(conf, &source, faults), -EINVAL);
		assert_faulty(&bad_whole[i], faults);
		faults_free(faults);
		conf_unref(conf);
	}
}

/* Faults are logged, and shown to whoever may read the log. */
static void
test_passwords_are_not_told(void **state)
{
	static const char *const rows[] = {
		"[tunnel \"x\"]\nupstream = socks4://bob:hunter2@[::1]:1\n",
		"[tunnel \"x\"]\nupstream = socks5://bob:hunter2@[::1]\n",
		"[tunnel \"x\"]\nupstream = socks5://bob:hunter2@h:99999\n",
		"[tunnel \"x\"]\nupstream = socks5://bob:at @hunter2@h:1\n",
		"[tunnel \"x\"]\nupstream = socks5://bob:it's,hunter2@h\n",
		"[tunnel \"x\"]\nupstream = socks4://bob:hunter2" A64
		"@[::1]:1\n",
		"[tunnel \"x\"]\npassword hunter2\n",
		"[tunnel \"x\"]\nupstream = socks5://[::1]:1\n"
		"password = hunter2" A64 A64 A64 A64 "\n",
		"[tunnel \"x\"]\nupstream = direct\n  passwrd= hunter2\n",
		"[tunnel \"x\"]\nupstream = direct\nPassword = hunter2\n",
		"[tunnel \"x\"]\nupstream = direct\npasword = hunter2\n",
		"[tunnel \"x\"]\nupstream = direct\npwd=hunter2\n",
		"[tunnel \"x\"]\nupstream = direct\npasswort: hunter2\n",
		"[tunnel \"x\"]\nupstream = direct\npass:hunter2\n",
		"[tunnel \"x\"]\nupstream = http://h:1\nuser = bob:hunter2\n",
		"[tunnel \"x\"]\nupstream = bob:hunter2@h:1\n",
		"[tunnel \"x\"]\nupstream = socks5:/bob:hunter2@h:1\n",
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct source source = { "a.conf", rows[i], strlen(rows[i]),
			1 };
		struct faults *faults = faults_new();
		struct conf *conf = conf_new();
		char *said = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&said, &len);

		(void)conf_parse(
		    conf, "a.conf", rows[i], strlen(rows[i]), faults, NULL);
		(void)conf_check(conf, &source, faults);
		faults_print(faults, out);
		assert_int_equal(fclose(out), 0);
		row_true(rows[i], faults_count(faults) > 0);
		row_true(said, strstr(said, "hunter2") == NULL);
		free(said);
		faults_free(faults);
		conf_unref(conf);
	}
}

/* One more would not be heeded. */
static void
test_numbers_are_bounded(void **state)
{
	static const struct {
		const char *before, *line;
		int max;
		const char *what;
	} rows[] = {
		{ "", "[forward \"f%d.test\"]\nupstream = 192.0.2.1\n",
		    CONF_FORWARDS_MAX, "more than 200 forwards" },
		{ "",
		    "[tunnel \"t%d\"]\nupstream = socks5://[::1]:1\n"
		    "dns = tunnel\ndns-server = 192.0.2.1\n",
		    CONF_FAR_DNS_MAX, "more than 54 tunnels" },
		{ "[resolver]\nupstream = 192.0.2.99", ", 192.0.2.%d",
		    CONF_UPSTREAMS_MAX - 1, "more than 8 servers" },
		{ "[forward \"f.test\"]\nupstream = 192.0.2.99", ", 192.0.2.%d",
		    CONF_UPSTREAMS_MAX - 1, "more than 8 servers" },
		{ "[tunnel \"t\"]\nupstream = socks5://[::1]:1\n"
		  "dns = tunnel\ndns-server = 192.0.2.99",
		    ", 192.0.2.%d", CONF_UPSTREAMS_MAX - 1,
		    "more than 8 servers" },
		{ "[resolver]\nlisten = 127.0.0.99", ", 127.0.0.%d:53",
		    CONF_LISTENS_MAX - 1, "more than 16 addresses" },
		{ "[tunnel \"t\"]\nupstream = socks5://[::1]:1\n"
		  "[tunnel \"f\"]\nfailover = t",
		    ", t", CONF_FAILOVER_MAX - 1, "more than 16 tunnels" },
	};
	static char text[32768];

	(void)state;
	for (size_t i = 0; i < 2 * N_ROWS(rows); i++) {
		bool over = i % 2 == 1;
		struct faults *faults = faults_new();
		struct source source = { "a.conf", text, 0, 1 };
		struct conf *conf;
		char *to = text;

		to += sprintf(to, "%s", rows[i / 2].before);
		for (int n = 0; n < rows[i / 2].max + over; n++)
			to += sprintf(to, rows[i / 2].line, n);
		source.len = (size_t)(to - text);
		conf = parsed(text);
		assert_int_equal(
		    conf_check(conf, &source, faults), over ? -EINVAL : 0);
		if (over)
			assert_non_null(strstr(
			    faults_get(faults, 0)->what, rows[i / 2].what));
		faults_free(faults);
		conf_unref(conf);
	}
}

static void
print_sample(const struct conf *conf, FILE *out)
{
	(void)conf;
	conf_print_sample(out);
}

static char *
read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;

	if (f == NULL) {
		fail_msg("%s: %s", path, strerror(errno));
		return NULL;
	}
	text = calloc(1, 65536);
	assert_non_null(text);
	n = fread(text, 1, 65535, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

/* Takes the # from what looks like a key or a section. */
static void
uncomment(char *text)
{
	for (char *s = text; s != NULL; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (s[0] == '#' &&
		    ((s[1] >= 'a' && s[1] <= 'z') || s[1] == '['))
			s[0] = ' ';
	}
}

static void
test_sample_is_the_schema(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], *want = printed(print_sample, NULL), *is;
	struct conf *conf, *dflt = conf_new();
	struct faults *faults = faults_new();
	struct source source = { .file = "a.conf" };

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/conf/rerouted.conf",
	    srcdir != NULL ? srcdir : ".");
	is = read_text(path);
	assert_string_equal(is, want);
	conf = parsed(is);
	assert_same(conf, dflt);
	conf_unref(conf);
	uncomment(is);
	conf = parsed(is);
	assert_int_equal(conf->n_tunnels, 5);
	assert_string_equal(conf->tunnels[1].device.s, "wg0");
	/* what stands in one section goes together */
	source.text = is;
	source.len = strlen(is);
	assert_int_equal(conf_check(conf, &source, faults), 0);
	faults_free(faults);
	/* all else is at its default */
	conf->n_tunnels = conf->n_lists = conf->n_forwards = 0;
	assert_same(conf, dflt);
	conf_unref(conf);
	conf_unref(dflt);
	free(is);
	free(want);
}

static void
test_lines_longer_than_libinih_takes(void **state)
{
	struct faults *faults = faults_new();
	char text[900] = "[resolver]\nupstream = ::1";
	struct conf *conf;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(text, ", ::2"); /* fits */
	conf = parsed(text);
	assert_int_equal(conf->resolver.upstreams.n, 101);
	memset(text, 'x', 300);
	memcpy(text, "[resolver]\n", 11);
	assert_int_equal(
	    conf_parse(conf, "a.conf", text, strlen(text), faults, NULL),
	    -EINVAL);
	assert_int_equal(faults_count(faults), 1);
	assert_int_equal(faults_get(faults, 0)->line, 2);
	assert_non_null(strstr(faults_get(faults, 0)->what, "too long"));
	faults_free(faults);
	conf_unref(conf);
}

/* Another file may override what one has; within one it is a slip. */
static void
test_what_a_file_has_twice_is_told(void **state)
{
	static const struct {
		unsigned int line;
		const char *what;
	} told[] = {
		{ 4, "watch is in this file twice: line 2 has it, too" },
		{ 9, "the section is in this file twice: line 5 has it" },
		{ 11, "the section is in this file twice: line 1 has it" },
	};
	static const char text[] = "[rerouted]\nwatch = yes\nbpf = no\n"
				   "watch = no\n"
				   "[list \"a\"]\nsource = /a\n"
				   "[list \"b\"]\nsource = /b\n"
				   "[list \"a\"]\nsource = /c\n"
				   "[rerouted]\nbpf = auto\n";
	struct faults *faults = faults_new(), *warnings = faults_new();
	struct conf *conf = conf_new();

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(conf_parse(conf, "a.conf", text, strlen(text),
				     faults, warnings),
		    0);
	assert_int_equal(faults_count(faults), 0);
	assert_int_equal(faults_count(warnings), 2 * N_ROWS(told));
	for (size_t i = 0; i < 2 * N_ROWS(told); i++) {
		const struct fault *f = faults_get(warnings, i);

		assert_int_equal(f->line, told[i % N_ROWS(told)].line);
		assert_non_null(strstr(f->what, told[i % N_ROWS(told)].what));
	}
	conf_unref(conf);
	faults_free(warnings);
	faults_free(faults);
}

static void
test_nearest_word(void **state)
{
	static const char *const words[] = { "in", "out", "port", "proto",
		"user", "from", "internet", "reroute", "tunnels", "libiptc",
		"iptables-restore" };
	static const struct {
		const char *s, *nearest;
	} near[] = {
		{ "prot", "proto" },
		{ "por", "port" },
		{ "pro", "proto" },
		{ "p", NULL },
		{ "tunnel", "tunnels" }, /* not what it is called elsewhere */
		{ "OUT", "out" },
		{ "on", "in" },
		{ "it", "in" },
		{ "xx", NULL },
		{ "x", NULL },
		{ "form", "from" },
		{ "usr", "user" },
		{ "intrenet", "internet" },
		{ "internetwork", "internet" },
		{ "nft", "iptables-restore" },
		{ "legacy", "libiptc" },
		{ "", NULL },
		{ "something-that-is-longer-than-any-word", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(near); i++) {
		const char *s = word_nearest(
		    near[i].s, strlen(near[i].s), words, N_ROWS(words));

		if ((s == NULL) != (near[i].nearest == NULL) ||
		    (s != NULL && strcmp(s, near[i].nearest) != 0))
			fail_msg("'%s': %s", near[i].s, s != NULL ? s : "-");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_has_its_place),
		cmocka_unit_test(test_each_of_a_list_is_a_fault),
		cmocka_unit_test(test_values_are_read),
		cmocka_unit_test(test_a_later_value_wins),
		cmocka_unit_test(test_nothing_is_the_defaults),
		cmocka_unit_test(test_print_reads_back),
		cmocka_unit_test(test_sample_is_the_schema),
		cmocka_unit_test(test_sections_with_names),
		cmocka_unit_test(test_a_tunnel_tells_all_its_faults),
		cmocka_unit_test(test_faults_of_the_whole),
		cmocka_unit_test(test_numbers_are_bounded),
		cmocka_unit_test(test_passwords_are_not_told),
		cmocka_unit_test(test_lines_longer_than_libinih_takes),
		cmocka_unit_test(test_what_a_file_has_twice_is_told),
		cmocka_unit_test(test_nearest_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
