#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/netline.h"

#define REST " 00000000:00000000 00:00000000 00000000  1000        0 4242 2 0 0"
#define ANY4 "00000000:0000"
#define ANY6 "00000000000000000000000000000000:0000"

static struct addr
at(const char *s)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, s, strlen(s)), 0);
	return a;
}

/* Parses from a copy that ends where the line does. */
static int
parse(struct netline *ret, enum netline_table table, const char *s)
{
	size_t len = strlen(s);
	char *copy = malloc(len > 0 ? len : 1);
	int r;

	memcpy(copy, s, len);
	r = netline_parse(ret, table, copy, len);
	free(copy);
	return r;
}

static void
reads_a_line_of_udp(void **state)
{
	struct netline l;
	struct addr want = at("127.0.0.1");

	(void)state;
	assert_int_equal(
	    parse(&l, NETLINE_UDP, "  12: 0100007F:1F90 " ANY4 " 07" REST), 0);
	assert_true(addr_equal(&l.local, &want));
	assert_true(addr_is_any(&l.remote));
	assert_int_equal(l.lport, 8080);
	assert_int_equal(l.rport, 0);
	assert_int_equal(l.state, 7);
	assert_int_equal(l.uid, 1000);
	assert_int_equal(l.inode, 4242);
}

static void
reads_addresses_of_ipv6(void **state)
{
	struct netline l;
	struct addr want = at("2001:db8::1"), mapped = at("10.9.0.1");

	(void)state;
	assert_int_equal(parse(&l, NETLINE_TCP,
			     "0: B80D0120000000000000000001000000:0016 "
			     "0000000000000000FFFF00000100090A:01BB 01" REST),
	    0);
	assert_true(addr_equal(&l.local, &want));
	assert_true(addr_equal(&l.remote, &mapped));
	assert_int_equal(l.rport, 443);
}

static void
refuses_other_lines(void **state)
{
	static const char *const bad[] = { "", " ",
		"  sl  local_address rem_address   st tx_queue rx_queue",
		"0: 0100007F:1F90", "0: 0100007F:1F90 " ANY4,
		"0: 0100007F:1F90 " ANY4 " 07",
		"0: 0100007f:1F90 " ANY4 " 07" REST, /* not as the kernel */
		"0: 0100007F01F90 " ANY4 " 07" REST,
		"0: 0100007F:1F9 " ANY4 " 07" REST,
		"0: 0100007:1F90 " ANY4 " 07" REST,
		"0: 0100007F:1F90 " ANY4 " 007" REST,
		"0 0100007F:1F90 " ANY4 " 07" REST,
		"0: 0100007F:1F90 " ANY4 " 07 0:0 0:0 0 -1 0 4242",
		"0: 0100007F:1F90 " ANY4 " 07 0:0 0:0 0 1 0 x" };
	struct netline l = { .inode = 7 };

	(void)state;
	for (size_t i = 0; i < N_ROWS(bad); i++)
		if (parse(&l, NETLINE_UDP, bad[i]) != -EBADMSG)
			fail_msg("%s", bad[i]);
	assert_int_equal(l.inode, 7);
}

struct score_case {
	const char *name;
	enum netline_table table;
	const char *local, *remote; /* of the flow */
	uint16_t lport, rport;
	uint8_t proto;
	bool in;
	const char *better, *worse; /* worse NULL: better fits not at all */
};

#define LO4 "0100007F:0035"
#define MAP "0000000000000000FFFF00000100007F:0035"
#define R4 "0200007F:1000"

static const struct score_case score_cases[] = {
	{ "connected before unconnected", NETLINE_UDP, "127.0.0.1", "127.0.0.2",
	    53, 4096, IPPROTO_UDP, false, "0: " LO4 " " R4 " 01",
	    "0: " LO4 " " ANY4 " 07" },
	{ "bound before any", NETLINE_UDP, "127.0.0.1", "127.0.0.2", 53, 4096,
	    IPPROTO_UDP, true, "0: " LO4 " " ANY4 " 07",
	    "0: 00000000:0035 " ANY4 " 07" },
	{ "own family before both", NETLINE_UDP, "127.0.0.1", "127.0.0.2", 53,
	    4096, IPPROTO_UDP, true, "0: 00000000:0035 " ANY4 " 07",
	    "0: 00000000000000000000000000000000:0035 " ANY6 " 07" },
	{ "mapped is IPv4", NETLINE_UDP, "127.0.0.1", "127.0.0.2", 53, 4096,
	    IPPROTO_UDP, false, "0: " MAP " " ANY6 " 07",
	    "0: 00000000:0035 " ANY4 " 07" },
	{ "other port", NETLINE_UDP, "127.0.0.1", "127.0.0.2", 54, 4096,
	    IPPROTO_UDP, false, "0: " LO4 " " ANY4 " 07", NULL },
	{ "connected elsewhere", NETLINE_UDP, "127.0.0.1", "127.0.0.3", 53,
	    4096, IPPROTO_UDP, false, "0: " LO4 " " R4 " 01", NULL },
	{ "any of IPv4 takes no IPv6", NETLINE_UDP, "::1", "::2", 53, 4096,
	    IPPROTO_UDP, true, "0: 00000000:0035 " ANY4 " 07", NULL },
	{ "connection before listener", NETLINE_TCP, "127.0.0.1", "127.0.0.2",
	    53, 4096, IPPROTO_TCP, true, "0: " LO4 " " R4 " 01",
	    "0: " LO4 " " ANY4 " 0A" },
	{ "listener is for what comes in", NETLINE_TCP, "127.0.0.1",
	    "127.0.0.2", 53, 4096, IPPROTO_TCP, false, "0: " LO4 " " ANY4 " 0A",
	    NULL },
	{ "bound TCP does not listen", NETLINE_TCP, "127.0.0.1", "127.0.0.2",
	    53, 4096, IPPROTO_TCP, true, "0: " LO4 " " ANY4 " 07", NULL },
	{ "ping by identifier", NETLINE_ICMP, "127.0.0.1", "127.0.0.2", 53, 53,
	    IPPROTO_ICMP, false, "0: 0200007F:0000 " ANY4 " 07", NULL },
	{ "ping of another identifier", NETLINE_ICMP, "127.0.0.1", "127.0.0.2",
	    54, 54, IPPROTO_ICMP, false, "0: 00000000:0035 " ANY4 " 07", NULL },
	{ "raw connected before any", NETLINE_RAW, "127.0.0.1", "127.0.0.2", 0,
	    0, 53, false, "0: 00000000:0035 0200007F:0000 01",
	    "0: 00000000:0035 " ANY4 " 07" },
	{ "raw of the protocol before raw of all", NETLINE_RAW, "127.0.0.1",
	    "127.0.0.2", 0, 0, 53, false, "0: 00000000:0035 " ANY4 " 07",
	    "0: 00000000:00FF " ANY4 " 07" },
	{ "raw of all receives nothing", NETLINE_RAW, "127.0.0.1", "127.0.0.2",
	    0, 0, 53, true, "0: 00000000:00FF " ANY4 " 07", NULL },
	{ "raw of another protocol", NETLINE_RAW, "127.0.0.1", "127.0.0.2", 0,
	    0, 54, false, "0: 00000000:0035 " ANY4 " 07", NULL },
	{ "raw connected elsewhere", NETLINE_RAW, "127.0.0.1", "127.0.0.3", 0,
	    0, 53, false, "0: 00000000:0035 0200007F:0000 01", NULL },
};

static unsigned int
score(const struct score_case *c, const char *head)
{
	struct flow_key key = { .local = at(c->local),
		.remote = at(c->remote),
		.lport = c->lport,
		.rport = c->rport,
		.proto = c->proto };
	struct netline l;
	char line[256];

	(void)snprintf(line, sizeof(line), "%s%s", head, REST);
	if (parse(&l, c->table, line) != 0)
		fail_msg("%s: %s", c->name, line);
	return netline_score(&l, c->table, &key, c->in);
}

static void
the_best_socket_wins(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(score_cases); i++) {
		const struct score_case *c = &score_cases[i];
		unsigned int better = score(c, c->better);

		if (c->worse == NULL && better != 0)
			fail_msg("%s: fits", c->name);
		if (c->worse != NULL &&
		    (score(c, c->worse) == 0 || score(c, c->worse) >= better))
			fail_msg(
			    "%s: %u, %u", c->name, better, score(c, c->worse));
	}
}

static void
reads_sctp(void **state)
{
	static const char assoc[] =
	    "       0        0 2   1   3  7       5        0        0     1001 "
	    "99887 5000  38412 *10.0.0.1 192.168.0.1 <-> *10.0.0.2 "
	    "2001:0db8:0000:0000:0000:0000:0000:0002 \t    7500    10    10";
	static const char ep[] =
	    "       0        0 2   10  29   5000     1001 99888 0.0.0.0 ";
	struct flow_key key = { .local = at("192.168.0.1"),
		.remote = at("2001:db8::2"),
		.lport = 5000,
		.rport = 38412,
		.proto = IPPROTO_SCTP };
	struct netline l;

	(void)state;
	assert_int_equal(
	    netline_parse(&l, NETLINE_SCTP_ASSOCS, assoc, sizeof(assoc) - 1),
	    0);
	assert_int_equal(l.inode, 99887);
	assert_int_equal(l.uid, 1001);
	assert_int_not_equal(
	    netline_score(&l, NETLINE_SCTP_ASSOCS, &key, false), 0);
	key.remote = at("10.0.0.3");
	assert_int_equal(
	    netline_score(&l, NETLINE_SCTP_ASSOCS, &key, false), 0);
	key.remote = at("10.0.0.2");
	key.rport = 1;
	assert_int_equal(
	    netline_score(&l, NETLINE_SCTP_ASSOCS, &key, false), 0);
	assert_int_equal(
	    netline_parse(&l, NETLINE_SCTP_EPS, ep, sizeof(ep) - 1), 0);
	assert_int_equal(l.inode, 99888);
	assert_int_not_equal(
	    netline_score(&l, NETLINE_SCTP_EPS, &key, true), 0);
	assert_int_equal(netline_parse(&l, NETLINE_SCTP_ASSOCS,
			     " ASSOC     SOCK   STY SST", 25),
	    -EBADMSG);
	assert_int_equal(netline_parse(&l, NETLINE_SCTP_EPS, ep, 40), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_line_of_udp),
		cmocka_unit_test(reads_addresses_of_ipv6),
		cmocka_unit_test(refuses_other_lines),
		cmocka_unit_test(the_best_socket_wins),
		cmocka_unit_test(reads_sctp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
