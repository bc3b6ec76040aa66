#include "tests/unit/unit.h"

#include <string.h>

#include "dns/addresses.h"
#include "dns/learn.h"
#include "dns/msg.h"
#include "dns/scrub.h"
#include "src/core/names.h"

/* What addresses are called after an answer was given. */

static const mono_t now = { 1000 * MONO_S };
static struct writer_space space;

/* The answer to a question, from records as text. */
static struct answer
answer_of(const struct name *qname, uint16_t type, const char *const *records)
{
	static uint8_t msg[2048];
	struct scrub_opts opts = { .ttl_max = 86400, .negative_max = 3600 };
	struct key key = { .name = *qname, .type = type, .class = CLASS_IN };
	size_t len = WIRE_HEADER;
	struct answer answer;
	unsigned int n = 0;

	memset(msg, 0, sizeof(msg));
	wire_put16(msg + 2, WIRE_QR);
	wire_put16(msg + 4, 1);
	memcpy(msg + len, qname->wire, qname->len);
	len += qname->len;
	wire_put16(msg + len, type);
	wire_put16(msg + len + 2, CLASS_IN);
	len += 4;
	for (; records[n] != NULL; n++) {
		int r = msg_record(records[n], msg + len, sizeof(msg) - len);

		if (r < 0)
			fail_msg("%s", records[n]);
		len += (size_t)r;
	}
	wire_put16(msg + 6, n);
	assert_int_equal(
	    scrub(&answer, &space, msg, len, &key, &opts), SCRUB_GOOD);
	return answer;
}

/* All names of an address, the one learnt last first, with a blank behind each.
 */
static void
called(char *buf, size_t size, struct names *names, const char *addr)
{
	const struct host_names *hosts;
	char text[NAME_TEXT_SIZE];
	struct addr a;

	buf[0] = '\0';
	assert_int_equal(addr_parse(&a, addr, strlen(addr)), 0);
	hosts = names_lookup(names, NULL, &a, now);
	for (size_t i = 0; hosts != NULL && i < hosts->n; i++) {
		name_format(hosts->v[i], text);
		assert_true(strlen(buf) + strlen(text) + 2 < size);
		strcat(buf, text);
		strcat(buf, " ");
	}
}

/* What is learnt of an address by an answer. */
static const struct {
	const char *name, *qname;
	uint16_t type;
	const char *records[4], *addr, *called;
} told[] = {
	{ "an address", "a.example", TYPE_A,
	    { "a.example. 300 IN A 192.0.2.1" }, "192.0.2.1", "a.example " },
	{ "by an alias", "w.example", TYPE_A,
	    { "w.example. 300 IN CNAME a.example.",
		"a.example. 300 IN A 192.0.2.1" },
	    "192.0.2.1", "w.example a.example " },
	{ "a hint", "h.example", TYPE_HTTPS,
	    { "h.example. 300 IN HTTPS 1 . ipv4hint=192.0.2.1" }, "192.0.2.1",
	    "h.example " },
	{ "each hint", "h.example", TYPE_HTTPS,
	    { "h.example. 300 IN HTTPS 1 . "
	      "ipv4hint=192.0.2.1,192.0.2.2 "
	      "ipv6hint=2001:db8::1,2001:db8::2" },
	    "2001:db8::2", "h.example " },
	{ "a hint of a target", "h.example", TYPE_HTTPS,
	    { "h.example. 300 IN HTTPS 1 t.example. "
	      "ipv6hint=2001:db8::1" },
	    "2001:db8::1", "h.example " },
	{ "a scheme without a port", "_https.h.example", TYPE_HTTPS,
	    { "_https.h.example. 300 IN HTTPS 1 . "
	      "ipv4hint=192.0.2.1" },
	    "192.0.2.1", "h.example _https.h.example " },
	{ "a scheme of another's", "_acme-challenge.h.example", TYPE_SVCB,
	    { "_acme-challenge.h.example. 300 IN SVCB 1 . "
	      "ipv4hint=192.0.2.1" },
	    "192.0.2.1", "_acme-challenge.h.example " },
	{ "a transport is no scheme", "_25._tcp.h.example", TYPE_SVCB,
	    { "_25._tcp.h.example. 300 IN SVCB 1 . "
	      "ipv4hint=192.0.2.1" },
	    "192.0.2.1", "_25._tcp.h.example " },
	{ "more in front of it", "_a._8443._https.h.example", TYPE_HTTPS,
	    { "_a._8443._https.h.example. 300 IN HTTPS 1 . "
	      "ipv4hint=192.0.2.1" },
	    "192.0.2.1", "_a._8443._https.h.example " },
	{ "an alias into another's service", "w.example", TYPE_HTTPS,
	    { "w.example. 300 IN CNAME _1._https.h.example.",
		"_1._https.h.example. 300 IN HTTPS 1 . "
		"ipv4hint=192.0.2.1" },
	    "192.0.2.1", "w.example _1._https.h.example " },
	{ "a hint by an alias", "w.example", TYPE_HTTPS,
	    { "w.example. 300 IN CNAME h.example.",
		"h.example. 300 IN HTTPS 1 . ipv4hint=192.0.2.1" },
	    "192.0.2.1", "w.example h.example " },
	{ "a service is its host's", "_8443._https.h.example", TYPE_HTTPS,
	    { "_8443._https.h.example. 300 IN HTTPS 1 . "
	      "ipv4hint=192.0.2.1" },
	    "192.0.2.1", "h.example _8443._https.h.example " },
	{ "of SVCB as well", "_dns.h.example", TYPE_SVCB,
	    { "_dns.h.example. 300 IN SVCB 1 . ipv4hint=192.0.2.1" },
	    "192.0.2.1", "h.example _dns.h.example " },
	{ "nobody has no address", "n.example", TYPE_A,
	    { "n.example. 300 IN A 0.0.0.0" }, "0.0.0.0", "" },
};

/* What they call the address then. */
static void
learn(char *buf, size_t size, const struct record *record, uint16_t type,
    const char *const *records, const char *addr)
{
	struct stats stats = { 0 };
	struct names *names = names_new(100, &stats);
	struct answer answer = answer_of(&record->qname, type, records);

	learn_names(names, NULL, record, &answer);
	called(buf, size, names, addr);
	names_free(names);
}

static void
answers_are_learnt(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(told); i++) {
		struct record record = { .time = now, .ttl = 300 };
		char buf[600];

		record.qname = name_of(told[i].qname);
		learn(buf, sizeof(buf), &record, told[i].type, told[i].records,
		    told[i].addr);
		if (strcmp(buf, told[i].called) != 0)
			fail_msg("%s: %s", told[i].name, buf);
	}
}

/* The name that is listed would have the connection denied. */
static void
of_a_lists_alias_its_target_is_learnt(void **state)
{
	static const char *const records[] = { "l.example. 10 IN CNAME "
					       "w.example.",
		"w.example. 300 IN CNAME a.example.",
		"a.example. 300 IN A 192.0.2.1", NULL };
	struct record record = { .time = now,
		.ttl = 10,
		.led = true,
		.qname = name_of("l.example") };
	char buf[600];

	(void)state;
	learn(buf, sizeof(buf), &record, TYPE_A, records, "192.0.2.1");
	assert_string_equal(buf, "w.example a.example ");
}

/* RDATA of HTTPS records: whether it is well-formed, and how many addresses. */
static void
services_are_read(void **state)
{
#define BYTES(b) b, sizeof(b) - 1
#define V4 "\xc0\x00\x02\x01"
#define V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
	static const struct {
		const char *name, *bytes;
		size_t len;
		bool good;
		unsigned int n;
	} rows[] = {
		{ "no priority", BYTES("\0"), false, 0 },
		{ "no target", BYTES("\0\1"), false, 0 },
		{ "nothing more", BYTES("\0\1\0"), true, 0 },
		{ "an alias", BYTES("\0\0\1a\0"), true, 0 },
		{ "a cut target", BYTES("\0\1\2a"), false, 0 },
		{ "a pointer as target", BYTES("\0\1\xc0\x0c"), false, 0 },
		{ "one", BYTES("\0\1\0\0\4\0\4" V4), true, 1 },
		{ "two and one", BYTES("\0\1\0\0\4\0\10" V4 V4 "\0\6\0\20" V6),
		    true, 3 },
		{ "behind others",
		    BYTES("\0\1\0\0\1\0\3\2h2\0\3\0\2\1\xbb"
			  "\0\6\0\20" V6),
		    true, 1 },
		{ "unknown keys", BYTES("\0\1\0\0\4\0\4" V4 "\xff\0\0\1x"),
		    true, 1 },
		{ "a key twice", BYTES("\0\1\0\0\4\0\4" V4 "\0\4\0\4" V4),
		    false, 0 },
		{ "out of order", BYTES("\0\1\0\0\4\0\4" V4 "\0\1\0\3\2h2"),
		    false, 0 },
		{ "an empty hint", BYTES("\0\1\0\0\4\0\0"), false, 0 },
		{ "half an address", BYTES("\0\1\0\0\4\0\6" V4 "\1\1"), false,
		    0 },
		{ "IPv4 in place of IPv6", BYTES("\0\1\0\0\6\0\4" V4), false,
		    0 },
		{ "longer than the record", BYTES("\0\1\0\0\4\0\10" V4), false,
		    0 },
		{ "half a key", BYTES("\0\1\0\0"), false, 0 },
		{ "the last key", BYTES("\0\1\0\xff\xff\0\0"), true, 0 },
	};
#undef BYTES

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct addresses addresses;
		struct addr addr;
		unsigned int n = 0;
		bool good = addresses_read(&addresses, TYPE_HTTPS,
		    (const uint8_t *)rows[i].bytes, rows[i].len);

		row_true(rows[i].name, good == rows[i].good);
		while (good && addresses_next(&addresses, &addr))
			n++;
		row_true(rows[i].name, n == rows[i].n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_learnt),
		cmocka_unit_test(of_a_lists_alias_its_target_is_learnt),
		cmocka_unit_test(services_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
