#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "dns/sysconf.h"

typedef void reader_fn(struct sysconf *conf, const struct sysconf_not *except,
    const char *text, size_t len);

struct row {
	const char *name;
	reader_fn *reader;
	const char *text;
	const char *servers; /* with a blank between */
	unsigned int skipped, own;
};

static const struct row rows[] = {
	{ "usual", sysconf_resolv,
	    "# by dhclient\nsearch lan\nnameserver 192.0.2.1\n"
	    "nameserver 2001:db8::1\noptions edns0\n",
	    "192.0.2.1 [2001:db8::1]", 0, 0 },
	{ "blanks, tabs, comments, CRLF, no newline", sysconf_resolv,
	    "nameserver\t 192.0.2.1 # the first\r\nnameserver 192.0.2.2;x\n"
	    "nameserver 192.0.2.3",
	    "192.0.2.1 192.0.2.2 192.0.2.3", 0, 0 },
	{ "as the C library: only at the start of a line, only whole words",
	    sysconf_resolv,
	    " nameserver 192.0.2.1\nnameservers 192.0.2.2\n"
	    "#nameserver 192.0.2.3\nNAMESERVER 192.0.2.4\nnameserver\n",
	    "", 0, 0 },
	{ "no address", sysconf_resolv,
	    "nameserver dns.example\nnameserver 192.0.2.300\n"
	    "nameserver tls://192.0.2.1\nnameserver 224.0.0.251\n"
	    "nameserver 192.0.2.2\n",
	    "192.0.2.2", 4, 0 },
	{ "each once", sysconf_resolv,
	    "nameserver 192.0.2.1\nnameserver 192.0.2.1\n", "192.0.2.1", 0, 0 },
	{ "link-local needs its device", sysconf_resolv,
	    "nameserver fe80::1%eth0\nnameserver fe80::2\n"
	    "nameserver 2001:db8::1%eth0\n",
	    "[fe80::1%eth0] [2001:db8::1]", 1, 0 },
	{ "ourselves", sysconf_resolv,
	    "nameserver 127.0.0.1\nnameserver ::1\nnameserver 0.0.0.0\n"
	    "nameserver ::\nnameserver 127.0.0.53\n",
	    "127.0.0.53", 0, 4 },
	{ "long lines and strange bytes", sysconf_resolv,
	    "nameserver 192.0.2.1\377\nnameserver "
	    "1111111111111111111111111111111111111111111111111111111111111111"
	    "\n\n\n",
	    "", 2, 0 },
	{ "a link of networkd's", sysconf_networkd,
	    "# This is private data. Do not parse.\nADMIN_STATE=configured\n"
	    "DNS=192.0.2.1 2001:db8::1\nNTP=192.0.2.9\nDOMAINS=lan\n",
	    "192.0.2.1 [2001:db8::1]", 0, 0 },
	{ "with ports, devices, names", sysconf_networkd,
	    "DNS=192.0.2.1:5353%2#dns.example [2001:db8::1]:5353 "
	    "fe80::1%3 [fe80::2]:5353%3#x 192.0.2.2#dns.example\n",
	    "192.0.2.1:5353 [2001:db8::1]:5353 [fe80::1%3] [fe80::2%3]:5353 "
	    "192.0.2.2",
	    0, 0 },
	{ "quoted, empty, none", sysconf_networkd,
	    "DNS=\"192.0.2.1 192.0.2.2\"\nDNS=\nDNS=\"\nXDNS=192.0.2.3\n",
	    "192.0.2.1 192.0.2.2", 0, 0 },
	{ "another port of ours is another server", sysconf_networkd,
	    "DNS=127.0.0.1:5353 127.0.0.1 [::1]:53\n", "127.0.0.1:5353", 0, 2 },
};

static void
read_row(struct sysconf *ret, const struct row *row)
{
	static const struct sysconf_own own[] = {
		{ { ADDR_IP4, { 127, 0, 0, 1 } }, 53 },
		{ { ADDR_IP6, { [15] = 1 } }, 53 },
	};
	static const struct sysconf_not except = { own, N_ROWS(own), false };

	memset(ret, 0, sizeof(*ret));
	row->reader(ret, &except, row->text, strlen(row->text));
}

static void
servers_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		char text[1024] = "", one[UPSTREAM_TEXT_SIZE];
		struct sysconf conf;

		read_row(&conf, &rows[i]);
		for (size_t k = 0; k < conf.n; k++)
			(void)snprintf(text + strlen(text),
			    sizeof(text) - strlen(text), "%s%s",
			    k > 0 ? " " : "", upstream_format(&conf.v[k], one));
		if (strcmp(text, rows[i].servers) != 0 ||
		    conf.skipped != rows[i].skipped || conf.own != rows[i].own)
			fail_msg("%s: got \"%s\", skipped %u, own %u",
			    rows[i].name, text, conf.skipped, conf.own);
	}
}

static void
every_loopback_is_ours_where_all_addresses_are(void **state)
{
	static const struct sysconf_own own[] = { { { ADDR_IP4, { 0 } }, 53 } };
	static const struct sysconf_not except = { own, 1, false };
	static const char text[] = "nameserver 127.0.0.53\nnameserver ::1\n";
	struct sysconf conf = { 0 };

	(void)state;
	sysconf_resolv(&conf, &except, text, strlen(text));
	assert_int_equal(conf.own, 1);
	assert_int_equal(conf.n, 1);
}

static void
servers_of_this_host_can_be_left_out(void **state)
{
	static const struct sysconf_not except = { .local = true };
	static const char text[] =
	    "nameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\n";
	struct sysconf conf = { 0 };

	(void)state;
	sysconf_resolv(&conf, &except, text, strlen(text));
	assert_int_equal(conf.local, 2);
	assert_int_equal(conf.n, 1);
}

static void
servers_are_bounded(void **state)
{
	static const struct sysconf_not none;
	struct sysconf conf = { 0 };
	char line[64];

	(void)state;
	for (int i = 0; i < 20; i++) {
		(void)snprintf(line, sizeof(line), "DNS=192.0.2.%d", i);
		sysconf_networkd(&conf, &none, line, strlen(line));
	}
	assert_int_equal(conf.n, UPSTREAMS_MAX);
	assert_int_equal(conf.more, 20 - UPSTREAMS_MAX);
}

static void
order_counts(void **state)
{
	static const struct sysconf_not none;
	struct sysconf a = { 0 }, b = { 0 };

	(void)state;
	sysconf_networkd(&a, &none, "DNS=192.0.2.1 192.0.2.2", 23);
	sysconf_networkd(&b, &none, "DNS=192.0.2.1", 13);
	assert_false(sysconf_equal(&a, &b));
	sysconf_networkd(&b, &none, "DNS=192.0.2.2", 13);
	assert_true(sysconf_equal(&a, &b));
	memset(&b, 0, sizeof(b));
	sysconf_networkd(&b, &none, "DNS=192.0.2.2 192.0.2.1", 23);
	assert_false(sysconf_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_found),
		cmocka_unit_test(
		    every_loopback_is_ours_where_all_addresses_are),
		cmocka_unit_test(servers_of_this_host_can_be_left_out),
		cmocka_unit_test(servers_are_bounded),
		cmocka_unit_test(order_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
