#include "tests/unit/unit.h"

#include <errno.h>

#include "src/core/packet.h"
#include "tests/unit/wire.h"

static void
finish_lengths(struct wire *w)
{
	if (w->bytes[0] >> 4 == 4) {
		w->bytes[2] = (uint8_t)(w->len >> 8);
		w->bytes[3] = (uint8_t)w->len;
	} else {
		w->bytes[4] = (uint8_t)((w->len - 40) >> 8);
		w->bytes[5] = (uint8_t)(w->len - 40);
	}
}

static int
parse(struct packet *ret, struct wire *w)
{
	finish_lengths(w);
	return packet_parse(ret, w->bytes, w->len, w->len);
}

static void
ports_and_addresses_of_each_protocol(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t proto;
	} rows[] = {
		{ "10.9.0.1", "192.0.2.7", IPPROTO_TCP },
		{ "fd09::1", "2001:db8::7", IPPROTO_TCP },
		{ "10.9.0.1", "192.0.2.7", IPPROTO_UDP },
		{ "fd09::1", "2001:db8::7", IPPROTO_UDP },
		{ "10.9.0.1", "192.0.2.7", IPPROTO_UDPLITE },
		{ "10.9.0.1", "192.0.2.7", IPPROTO_SCTP },
		{ "fd09::1", "2001:db8::7", IPPROTO_DCCP },
	};
	struct packet pkt;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct wire w = { .len = 0 };
		struct addr src = wire_addr(rows[i].src);

		wire_ip(&w, rows[i].src, rows[i].dst, rows[i].proto, 0);
		if (rows[i].proto == IPPROTO_UDP)
			wire_udp(&w, 40000, 443, 8);
		else
			wire_tcp(&w, 40000, 443, 0, PACKET_TCP_SYN);
		if (rows[i].proto == IPPROTO_UDPLITE)
			w.bytes[w.len - 16] = w.bytes[w.len - 15] = 0;
		assert_int_equal(parse(&pkt, &w), 0);
		assert_true(pkt.tuple.has_ports);
		assert_int_equal(pkt.tuple.proto, rows[i].proto);
		assert_int_equal(pkt.tuple.sport, 40000);
		assert_int_equal(pkt.tuple.dport, 443);
		assert_true(addr_equal(&pkt.tuple.src, &src));
		assert_false(pkt.icmp_error);
	}
}

static void
tcp_flags_and_sequence(void **state)
{
	struct wire w = { .len = 0 };
	struct packet pkt;

	(void)state;
	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_TCP, 20);
	wire_tcp(&w, 1, 2, 0xdeadbeef, PACKET_TCP_SYN);
	assert_int_equal(parse(&pkt, &w), 0);
	assert_int_equal(pkt.tcp_seq, 0xdeadbeef);
	assert_true(packet_is_syn(&pkt));
	w.bytes[33] |= PACKET_TCP_ACK;
	assert_int_equal(parse(&pkt, &w), 0);
	assert_false(packet_is_syn(&pkt));
}

static void
an_unknown_protocol_is_a_packet_without_ports(void **state)
{
	struct wire w = { .len = 0 };
	struct packet pkt;

	(void)state;
	wire_ip(&w, "10.9.0.1", "192.0.2.7", 253, 4);
	wire_u32(&w, 0);
	assert_int_equal(parse(&pkt, &w), 0);
	assert_int_equal(pkt.tuple.proto, 253);
	assert_false(pkt.tuple.has_ports);
}

static void
extension_headers_are_stepped_over(void **state)
{
	/* the length of AH counts words of four bytes, less two of them */
	static const struct {
		uint8_t proto, len, size;
	} chain[] = {
		{ IPPROTO_HOPOPTS, 0, 8 },
		{ IPPROTO_ROUTING, 1, 16 },
		{ IPPROTO_AH, 4, 24 },
		{ IPPROTO_DSTOPTS, 0, 8 },
	};
	struct wire w = { .len = 0 };
	struct packet pkt;

	(void)state;
	wire_ip(&w, "fd09::1", "2001:db8::7", chain[0].proto, 0);
	for (size_t i = 0; i < N_ROWS(chain); i++) {
		wire_u8(&w,
		    i + 1 < N_ROWS(chain) ? chain[i + 1].proto : IPPROTO_UDP);
		wire_u8(&w, chain[i].len);
		for (size_t n = 2; n < chain[i].size; n++)
			wire_u8(&w, 0);
	}
	wire_udp(&w, 5, 6, 8);
	assert_int_equal(parse(&pkt, &w), 0);
	assert_int_equal(pkt.tuple.proto, IPPROTO_UDP);
	assert_int_equal(pkt.tuple.dport, 6);
}

/* What the kernel hands to a protocol of that number is judged as that. */
static void
what_conntrack_does_not_step_over_is_a_protocol(void **state)
{
	enum {
		HIP = 139,
		SHIM6 = 140
	};
	static const uint8_t protos[] = { IPPROTO_MH, HIP, SHIM6 };
	struct packet pkt;

	(void)state;
	for (size_t i = 0; i < N_ROWS(protos); i++) {
		struct wire w = { .len = 0 };

		wire_ip(&w, "fd09::1", "2001:db8::7", protos[i], 0);
		wire_u32(&w, (uint32_t)IPPROTO_UDP << 24);
		wire_u32(&w, 0);
		wire_udp(&w, 5, 6, 8);
		assert_int_equal(parse(&pkt, &w), 0);
		assert_int_equal(pkt.tuple.proto, protos[i]);
		assert_false(pkt.tuple.has_ports);
	}
}

static bool
is_routed(struct wire *w)
{
	struct packet pkt;

	wire_udp(w, 5, 6, 8);
	assert_int_equal(parse(&pkt, w), 0);
	assert_int_equal(pkt.tuple.dport, 6);
	return pkt.source_routed;
}

static void
a_way_that_the_sender_chose_is_seen(void **state)
{
	static const struct {
		uint8_t options[8];
		bool routed;
	} rows[] = {
		{ { 131, 7, 4, 10, 9, 0, 9, 0 }, true },
		{ { 1, 137, 7, 4, 10, 9, 0, 9 }, true },
		{ { 148, 4, 0, 0, 131, 3, 4, 0 }, true },
		{ { 7, 7, 4, 10, 9, 0, 9, 0 }, false },	  /* it is noted */
		{ { 0, 131, 7, 4, 10, 9, 0, 9 }, false }, /* past the end */
		{ { 148, 0, 0, 0, 0, 0, 0, 131 }, false },
		{ { 148, 7, 131, 131, 131, 131, 131, 1 }, false },
		{ { 148, 99, 131, 131, 131, 131, 131, 1 }, false },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct wire w = { .len = 0 };

		wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_UDP, 8);
		w.bytes[0] = 0x47;
		wire_put(&w, rows[i].options, sizeof(rows[i].options));
		assert_int_equal(is_routed(&w), rows[i].routed);
	}
	for (unsigned int proto = 0; proto < 256; proto++) {
		struct wire w = { .len = 0 };

		if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_DSTOPTS &&
		    proto != IPPROTO_ROUTING)
			continue;
		wire_ip(&w, "fd09::1", "2001:db8::7", (uint8_t)proto, 0);
		wire_u32(&w, IPPROTO_UDP << 24);
		wire_u32(&w, 0);
		assert_int_equal(is_routed(&w), proto == IPPROTO_ROUTING);
	}
}

static void
an_absurd_chain_of_headers_is_refused(void **state)
{
	struct wire w = { .len = 0 };
	struct packet pkt;

	(void)state;
	wire_ip(&w, "fd09::1", "2001:db8::7", IPPROTO_DSTOPTS, 0);
	for (int i = 0; i < 40; i++) {
		wire_u8(&w, IPPROTO_DSTOPTS);
		for (int n = 0; n < 7; n++)
			wire_u8(&w, 0);
	}
	wire_udp(&w, 5, 6, 8);
	assert_int_equal(parse(&pkt, &w), -EBADMSG);
}

static void
fragments_have_no_ports_to_judge(void **state)
{
	static const unsigned int ip4_bits[] = { 0x2000, 0x0001, 0x3fff };
	struct wire w = { .len = 0 };
	struct packet pkt;

	(void)state;
	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_UDP, 8);
	wire_udp(&w, 5, 6, 8);
	for (size_t i = 0; i < N_ROWS(ip4_bits); i++) {
		w.bytes[6] = (uint8_t)(ip4_bits[i] >> 8);
		w.bytes[7] = (uint8_t)ip4_bits[i];
		assert_int_equal(parse(&pkt, &w), -ENOMSG);
	}
	w.bytes[6] = 0x40; /* don't fragment is no fragment */
	w.bytes[7] = 0;
	assert_int_equal(parse(&pkt, &w), 0);
	w.len = 0;
	wire_ip(&w, "fd09::1", "2001:db8::7", IPPROTO_FRAGMENT, 16);
	wire_u16(&w, IPPROTO_UDP << 8);
	wire_u16(&w, 0x0001); /* more to come */
	wire_u32(&w, 7);
	wire_udp(&w, 5, 6, 8);
	assert_int_equal(parse(&pkt, &w), -ENOMSG);
	w.bytes[43] = 0; /* RFC 6946: an atomic fragment is a whole packet */
	assert_int_equal(parse(&pkt, &w), 0);
	assert_int_equal(pkt.tuple.dport, 6);
}

static void
every_truncation_is_refused(void **state)
{
	struct wire w4 = { .len = 0 }, w6 = { .len = 0 };
	struct packet pkt = { .hop_limit = 77 };

	(void)state;
	wire_ip(&w4, "10.9.0.1", "192.0.2.7", IPPROTO_TCP, 20);
	wire_tcp(&w4, 1, 2, 3, PACKET_TCP_SYN);
	wire_ip(&w6, "fd09::1", "2001:db8::7", IPPROTO_TCP, 20);
	wire_tcp(&w6, 1, 2, 3, PACKET_TCP_SYN);
	for (size_t n = 0; n < w4.len; n++)
		assert_int_equal(packet_parse(&pkt, w4.bytes, n, n), -EBADMSG);
	for (size_t n = 0; n < w6.len; n++)
		assert_int_equal(packet_parse(&pkt, w6.bytes, n, n), -EBADMSG);
	assert_int_equal(pkt.hop_limit, 77); /* untouched on failure */
}

static void
a_small_copy_of_a_large_packet_is_enough(void **state)
{
	struct wire w = { .len = 0 };
	struct packet pkt;

	(void)state;
	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_TCP, 40000);
	wire_tcp(&w, 1, 2, 3, PACKET_TCP_ACK);
	assert_int_equal(packet_parse(&pkt, w.bytes, w.len, 40020), 0);
	w.bytes[2] = w.bytes[3] = 0; /* BIG TCP: the length is outside */
	assert_int_equal(packet_parse(&pkt, w.bytes, w.len, 200000), 0);
	assert_int_equal(packet_parse(&pkt, w.bytes, w.len, 10), -EBADMSG);
}

static void
contradicting_lengths_are_refused(void **state)
{
	struct wire w = { .len = 0 };
	struct packet pkt;

	(void)state;
	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_UDP, 8);
	wire_udp(&w, 5, 6, 9); /* a byte more than there is */
	assert_int_equal(parse(&pkt, &w), -EBADMSG);
	w.bytes[25] = 7; /* less than its header */
	assert_int_equal(parse(&pkt, &w), -EBADMSG);
	w.bytes[25] = 8;
	assert_int_equal(parse(&pkt, &w), 0);
	w.bytes[0] = 0x44; /* header of 16 bytes */
	assert_int_equal(parse(&pkt, &w), -EBADMSG);
	w.bytes[0] = 0x55; /* version 5 */
	assert_int_equal(parse(&pkt, &w), -EBADMSG);
	w.len = 0;
	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_TCP, 20);
	wire_tcp(&w, 1, 2, 3, 0);
	w.bytes[32] = 0xf0; /* TCP header longer than the packet */
	assert_int_equal(parse(&pkt, &w), -EBADMSG);
	w.bytes[32] = 0x40; /* and shorter than its least */
	assert_int_equal(parse(&pkt, &w), -EBADMSG);
}

static void
udp_without_a_length_is_refused_where_it_has_room_for_one(void **state)
{
	static const struct {
		uint8_t proto;
		size_t total; /* behind the IP header */
		int result;
	} rows[] = {
		{ IPPROTO_UDP, 8, -EBADMSG },
		{ IPPROTO_UDP, UINT16_MAX, -EBADMSG },
		{ IPPROTO_UDP, UINT16_MAX + 1, 0 },
		{ IPPROTO_UDPLITE, 8, 0 },
	};
	struct packet pkt;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct wire w = { .len = 0 };

		wire_ip(&w, "fd09::1", "2001:db8::7", rows[i].proto, 0);
		wire_u16(&w, 40000);
		wire_u16(&w, 53);
		wire_u32(&w, 0); /* length, checksum */
		assert_int_equal(
		    packet_parse(&pkt, w.bytes, w.len, 40 + rows[i].total),
		    rows[i].result);
	}
}

static void
pings_are_known_by_their_identifier(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t proto, type;
		bool asks;
	} rows[] = {
		{ "10.9.0.1", "192.0.2.7", IPPROTO_ICMP, 8, true },
		{ "10.9.0.1", "192.0.2.7", IPPROTO_ICMP, 0, false },
		{ "fd09::1", "2001:db8::7", IPPROTO_ICMPV6, 128, true },
		{ "fd09::1", "2001:db8::7", IPPROTO_ICMPV6, 129, false },
	};
	struct packet pkt;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct wire w = { .len = 0 };

		wire_ip(&w, rows[i].src, rows[i].dst, rows[i].proto, 8);
		wire_u8(&w, rows[i].type);
		wire_u8(&w, 0);
		wire_u16(&w, 0);
		wire_u16(&w, 4711);
		wire_u16(&w, 1);
		assert_int_equal(parse(&pkt, &w), 0);
		assert_int_equal(pkt.tuple.sport, rows[i].asks ? 4711 : 0);
		assert_int_equal(pkt.tuple.dport, rows[i].asks ? 0 : 4711);
		assert_false(pkt.tuple.has_ports);
		assert_false(pkt.icmp_error);
	}
}

static void
icmp_errors_show_the_packet_they_speak_of(void **state)
{
	struct wire w = { .len = 0 };
	struct packet pkt;

	(void)state;
	wire_ip(&w, "192.0.2.1", "10.9.0.1", IPPROTO_ICMP, 0);
	wire_u32(&w, 0x03030000); /* port unreachable */
	wire_u32(&w, 0);
	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_UDP, 1400);
	wire_udp(&w, 40000, 53, 1400);
	assert_int_equal(parse(&pkt, &w), 0);
	assert_true(pkt.icmp_error);
	assert_int_equal(pkt.inner.proto, IPPROTO_UDP);
	assert_int_equal(pkt.inner.sport, 40000);
	assert_int_equal(pkt.inner.dport, 53);
	w.len -= 5; /* the ports are cut */
	assert_int_equal(parse(&pkt, &w), -EBADMSG);
}

static void
icmp_of_the_other_family_is_refused(void **state)
{
	struct wire w = { .len = 0 };
	struct packet pkt;

	(void)state;
	wire_ip(&w, "10.9.0.1", "192.0.2.7", IPPROTO_ICMPV6, 8);
	wire_u32(&w, 0x80000000);
	wire_u32(&w, 0);
	assert_int_equal(parse(&pkt, &w), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_and_addresses_of_each_protocol),
		cmocka_unit_test(tcp_flags_and_sequence),
		cmocka_unit_test(an_unknown_protocol_is_a_packet_without_ports),
		cmocka_unit_test(extension_headers_are_stepped_over),
		cmocka_unit_test(
		    what_conntrack_does_not_step_over_is_a_protocol),
		cmocka_unit_test(a_way_that_the_sender_chose_is_seen),
		cmocka_unit_test(an_absurd_chain_of_headers_is_refused),
		cmocka_unit_test(fragments_have_no_ports_to_judge),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_small_copy_of_a_large_packet_is_enough),
		cmocka_unit_test(contradicting_lengths_are_refused),
		cmocka_unit_test(
		    udp_without_a_length_is_refused_where_it_has_room_for_one),
		cmocka_unit_test(pings_are_known_by_their_identifier),
		cmocka_unit_test(icmp_errors_show_the_packet_they_speak_of),
		cmocka_unit_test(icmp_of_the_other_family_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
