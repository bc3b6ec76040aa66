#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dns/msg.h"
#include "dns/scrub.h"

/* Answers made to keep who reads them busy: a server, or an authority behind
 * one, may send as many as it is asked for. */

/* CPU time, which other programs do not take: many times what it needs, and a
 * tenth of what it took once. */
#define BUSY_MS_MAX 300

static struct writer_space space;

struct message {
	uint8_t bytes[WIRE_MESSAGE_MAX];
	size_t len;
	unsigned int n; /* records */
	struct key key;
};

static void
put(struct message *m, const void *bytes, size_t len)
{
	assert_true(len <= sizeof(m->bytes) - m->len);
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

static void
put16(struct message *m, unsigned int value)
{
	uint8_t bytes[2];

	wire_put16(bytes, value);
	put(m, bytes, sizeof(bytes));
}

static void
begin(struct message *m, const struct name *name, uint16_t type)
{
	memset(m, 0, sizeof(*m));
	m->key = (struct key){ .name = *name, .type = type, .class = CLASS_IN };
	wire_put16(m->bytes + 2, WIRE_QR);
	wire_put16(m->bytes + 4, 1);
	m->len = WIRE_HEADER;
	put(m, name->wire, name->len);
	put16(m, type);
	put16(m, CLASS_IN);
}

/* The rest of a record, behind its owner and in front of its data. */
static void
record(struct message *m, uint16_t type, size_t rdlen)
{
	put16(m, type);
	put16(m, CLASS_IN);
	put16(m, 0);
	put16(m, 300);
	put16(m, (unsigned int)rdlen);
	m->n++;
}

/* 127 labels, of which the last tells it from others. */
static struct name
long_name(uint8_t last)
{
	struct name name = { .len = NAME_WIRE_MAX };

	for (size_t i = 0; i < 127; i++) {
		name.wire[2 * i] = 1;
		name.wire[2 * i + 1] = i < 126 ? 'a' : last;
	}
	name.wire[NAME_WIRE_MAX - 1] = 0;
	return name;
}

/* Each name is compared with those that were written before. */
static void
like_names(struct message *m)
{
	struct name q = long_name('q'), name = long_name('n');
	size_t at = 0;

	begin(m, &q, TYPE_NS);
	while (m->n < WRITER_RRS_MAX - 1) {
		put16(m, 0xc000 | WIRE_HEADER);
		record(m, TYPE_NS, at == 0 ? name.len : 2);
		if (at != 0) {
			put16(m, 0xc000 | (unsigned int)at);
			continue;
		}
		at = m->len;
		put(m, name.wire, name.len);
	}
}

static struct name
chain_name(size_t i)
{
	char text[40];

	(void)snprintf(text, sizeof(text), "a%zu.example", i);
	return name_of(text);
}

/* So many names, each of which is one for the next. */
static void
chain(struct message *m, size_t n)
{
	struct name next = chain_name(0);

	begin(m, &next, TYPE_A);
	for (size_t i = 1; i < n; i++) {
		put(m, next.wire, next.len);
		next = chain_name(i);
		record(m, TYPE_CNAME, next.len);
		put(m, next.wire, next.len);
	}
}

/* All records are looked at for each name of a chain, and each record's name is
 * 127 pointers. */
static void
long_chain(struct message *m)
{
	size_t last;

	chain(m, 15);
	put(m, "", 1);
	record(m, TYPE_TXT, 127 * 4);
	last = m->len;
	put(m, "\1z\0\0", 4);
	for (size_t i = 1; i < 127; i++) {
		size_t here = m->len;

		put(m, "\1z", 2);
		put16(m, 0xc000 | (unsigned int)last);
		last = here;
	}
	while (m->len + 12 <= sizeof(m->bytes)) {
		put16(m, 0xc000 | (unsigned int)last);
		record(m, TYPE_TXT, 0);
	}
}

static enum scrub_result
read_it(struct message *m)
{
	struct scrub_opts opts = { .ttl_max = 86400, .negative_max = 3600 };
	struct answer answer;

	wire_put16(m->bytes + 6, m->n);
	return scrub(&answer, &space, m->bytes, m->len, &m->key, &opts);
}

static void
names_that_are_alike_take_no_time(void **state)
{
	static struct message m;
	clock_t began;

	(void)state;
	like_names(&m);
	began = clock();
	assert_int_equal(read_it(&m), SCRUB_BROKEN); /* it gets too long */
	assert_true((clock() - began) / (CLOCKS_PER_SEC / 1000) < BUSY_MS_MAX);
}

static void
a_long_chain_is_for_short_answers(void **state)
{
	static struct message m;

	(void)state;
	long_chain(&m);
	assert_int_equal(read_it(&m), SCRUB_BROKEN);
	m.n = 700;
	assert_int_equal(read_it(&m), SCRUB_GOOD);
}

static void
a_chain_of_twenty_is_none_too_long(void **state)
{
	static struct message m;

	(void)state;
	chain(&m, 21);
	assert_int_equal(read_it(&m), SCRUB_GOOD);
	chain(&m, 40);
	assert_int_equal(read_it(&m), SCRUB_BROKEN);
}

/* What is taken out of the answer, which has one record. */
static const struct {
	const char *name, *record;
	uint16_t type;
	struct scrub_opts opts;
	bool kept;
} rebinding[] = {
	{ "private", "r.example. 60 IN A 10.0.0.1", TYPE_A,
	    { .no_private = true }, false },
	{ "private, where it may", "r.example. 60 IN A 10.0.0.1", TYPE_A,
	    { .no_own_host = true, .no_stand_in = true }, true },
	{ "loopback", "r.example. 60 IN A 127.0.0.1", TYPE_A,
	    { .no_own_host = true }, false },
	{ "loopback, where it may", "r.example. 60 IN A 127.0.0.1", TYPE_A,
	    { .no_stand_in = true }, true },
	{ "any", "r.example. 60 IN A 0.0.0.0", TYPE_A, { .no_own_host = true },
	    false },
	{ "any of IPv6", "r.example. 60 IN AAAA ::", TYPE_AAAA,
	    { .no_own_host = true }, false },
	{ "mapped", "r.example. 60 IN AAAA ::ffff:127.0.0.1", TYPE_AAAA,
	    { .no_own_host = true }, false },
	{ "by NAT64", "r.example. 60 IN AAAA 64:ff9b::127.0.0.1", TYPE_AAAA,
	    { .no_own_host = true }, false },
	{ "a hint", "r.example. 60 IN HTTPS 1 . ipv6hint=::1", TYPE_HTTPS,
	    { .no_own_host = true }, false },
	{ "for a name", "r.example. 60 IN A 198.18.1.0", TYPE_A,
	    { .no_stand_in = true }, false },
	{ "for a name, IPv6", "r.example. 60 IN AAAA fd17:1117::100", TYPE_AAAA,
	    { .no_stand_in = true }, false },
	{ "for none", "r.example. 60 IN A 198.18.1.0", TYPE_A,
	    { .no_private = true, .no_own_host = true }, true },
	{ "beside it", "r.example. 60 IN A 198.20.1.0", TYPE_A,
	    { .no_stand_in = true }, true },
};

static void
addresses_that_rebind_are_taken_out(void **state)
{
	struct name name = name_of("r.example");
	static struct message m;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rebinding); i++) {
		struct scrub_opts opts = rebinding[i].opts;
		struct answer answer;
		int n;

		begin(&m, &name, rebinding[i].type);
		n = msg_record(rebinding[i].record, m.bytes + m.len,
		    sizeof(m.bytes) - m.len);
		row_true(rebinding[i].name, n > 0);
		wire_put16(m.bytes + 6, 1);
		opts.ttl_max = 86400;
		opts.negative_max = 3600;
		row_true(rebinding[i].name,
		    scrub(&answer, &space, m.bytes, m.len + (size_t)n, &m.key,
			&opts) == SCRUB_GOOD);
		row_true(
		    rebinding[i].name, answer.n_answer == rebinding[i].kept);
		row_true(rebinding[i].name,
		    (answer.ede == EDE_FILTERED) == !rebinding[i].kept);
	}
}

/* Those past the bound are left out. */
static void
addresses_are_bounded(void **state)
{
	struct scrub_opts opts = { .ttl_max = 86400, .negative_max = 3600 };
	struct name name = name_of("r.example");
	static struct message m;
	struct answer answer;

	(void)state;
	begin(&m, &name, TYPE_A);
	while (m.n < 4000) {
		put16(&m, 0xc000 | WIRE_HEADER);
		record(&m, TYPE_A, 4);
		put16(&m, 0xcb00);
		put16(&m, m.n);
	}
	wire_put16(m.bytes + 6, m.n);
	assert_int_equal(
	    scrub(&answer, &space, m.bytes, m.len, &m.key, &opts), SCRUB_GOOD);
	assert_int_equal(answer.n_answer, 1024);
	/* and that is said */
	assert_true(answer.shortened);
	assert_int_equal(answer.ede, EDE_OTHER);
	assert_string_equal(
	    answer.ede_text, "shortened: it has too many addresses");
	wire_put16(m.bytes + 6, 1024);
	assert_int_equal(
	    scrub(&answer, &space, m.bytes, m.len, &m.key, &opts), SCRUB_GOOD);
	assert_int_equal(answer.n_answer, 1024);
	assert_false(answer.shortened);
	assert_int_equal(answer.ede, EDE_NONE);
}

/* 20 records of 16 addresses each. */
static void
hints_are_bounded(void **state)
{
	struct scrub_opts opts = { .ttl_max = 86400, .negative_max = 3600 };
	struct name name = name_of("r.example");
	static struct message m;
	struct answer answer;

	(void)state;
	begin(&m, &name, TYPE_HTTPS);
	while (m.n < 20) {
		put16(&m, 0xc000 | WIRE_HEADER);
		record(&m, TYPE_HTTPS, 3 + 4 + 64);
		put(&m, "\0\1\0\0\4\0\100", 7);
		for (unsigned int i = 0; i < 16; i++) {
			put16(&m, 0xcb00);
			put16(&m, m.n << 8 | i);
		}
	}
	wire_put16(m.bytes + 6, m.n);
	assert_int_equal(
	    scrub(&answer, &space, m.bytes, m.len, &m.key, &opts), SCRUB_GOOD);
	assert_int_equal(answer.n_answer, 16);
}

/* 3,000 aliases of all that is above a name, which each who waits would have
 * judged: those past the bound are left out, and where its own leads is not. */
static void
aliases_above_are_bounded(void **state)
{
	struct scrub_opts opts = { .ttl_max = 86400, .negative_max = 3600 };
	struct name name = name_of("w.r.example"), to = name_of("t.example");
	static struct message m;
	struct answer answer;
	size_t target;

	(void)state;
	begin(&m, &name, TYPE_A);
	put16(&m, 0xc000 | WIRE_HEADER);
	record(&m, TYPE_CNAME, to.len);
	target = m.len;
	put(&m, to.wire, to.len);
	while (m.n < 3000) {
		put16(&m, 0xc000 | (WIRE_HEADER + 2)); /* r.example */
		record(&m, TYPE_DNAME, 6);
		put(&m, "\3abc", 4);
		put16(&m, 0xc000 | (WIRE_HEADER + 4));
	}
	put16(&m, 0xc000 | (unsigned int)target);
	record(&m, TYPE_A, 4);
	put(&m, "\xcb\0\x71\1", 4);
	wire_put16(m.bytes + 6, m.n);
	assert_int_equal(
	    scrub(&answer, &space, m.bytes, m.len, &m.key, &opts), SCRUB_GOOD);
	assert_false(answer.nodata);
	assert_int_equal(answer.n_answer, 1 + 16 + 1);
}

/* Services without an address lead somewhere, too. */
static void
services_are_bounded(void **state)
{
	struct scrub_opts opts = { .ttl_max = 86400, .negative_max = 3600 };
	struct name name = name_of("r.example");
	static struct message m;
	struct answer answer;

	(void)state;
	begin(&m, &name, TYPE_HTTPS);
	while (m.n < 2000) {
		put16(&m, 0xc000 | WIRE_HEADER);
		record(&m, TYPE_HTTPS, 2 + 4);
		put16(&m, m.n);
		put(&m, "\2ab", 4);
	}
	wire_put16(m.bytes + 6, m.n);
	assert_int_equal(
	    scrub(&answer, &space, m.bytes, m.len, &m.key, &opts), SCRUB_GOOD);
	assert_int_equal(answer.n_answer, 256);
}

/* Names that end alike are written once, and read back as they were. */
static void
names_are_written_short(void **state)
{
	struct name zone = name_of("a.b.example"), got;
	struct writer w;
	size_t off = WIRE_HEADER + zone.len + 4, len;
	static const struct {
		const char *name;
		size_t len;
	} rows[] = {
		{ "a.b.example", 2 },
		{ "c.b.example", 4 },
		{ "b.example", 2 },
		{ "c.b.example", 2 },
		{ "d.c.b.example", 4 },
		{ "a.c.example", 6 },
		{ "a.b.exampla", 13 },
		{ "A.B.EXAMPLA", 2 },
	};

	(void)state;
	writer_begin(&w, &space, &zone, TYPE_A, CLASS_IN);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct name name = name_of(rows[i].name);

		len = w.len;
		writer_name(&w, &name, true);
		row_true(rows[i].name, w.len - len == rows[i].len);
		row_true(rows[i].name,
		    wire_name_read(&got, w.buf, w.len, &off, true) == 0 &&
			off == w.len && name_equal(&got, &name));
	}
	assert_false(w.bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_alike_take_no_time),
		cmocka_unit_test(a_long_chain_is_for_short_answers),
		cmocka_unit_test(a_chain_of_twenty_is_none_too_long),
		cmocka_unit_test(addresses_that_rebind_are_taken_out),
		cmocka_unit_test(addresses_are_bounded),
		cmocka_unit_test(hints_are_bounded),
		cmocka_unit_test(aliases_above_are_bounded),
		cmocka_unit_test(services_are_bounded),
		cmocka_unit_test(names_are_written_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
