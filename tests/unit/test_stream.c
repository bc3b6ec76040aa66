#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/stream.h"
#include "dns/wire.h"

static const mono_t now = { 5 * MONO_S };
static const mono_t deadline = { 9 * MONO_S };

/* A query for <letter>.test, A; its length. With an OPT at its end or not. */
static size_t
query(uint8_t *buf, uint16_t id, char letter, bool opt)
{
	static const uint8_t header[] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	static const uint8_t question[] = { 1, 'x', 4, 't', 'e', 's', 't', 0, 0,
		1, 0, 1 };
	static const uint8_t edns[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0 };
	size_t len = sizeof(header) + sizeof(question);

	memcpy(buf, header, sizeof(header));
	memcpy(buf + sizeof(header), question, sizeof(question));
	wire_put16(buf, id);
	buf[13] = (uint8_t)letter;
	if (!opt)
		return len;
	buf[11] = 1;
	memcpy(buf + len, edns, sizeof(edns));
	return len + sizeof(edns);
}

static void
add(struct stream *s, char letter)
{
	uint8_t msg[64];
	size_t len = query(msg, (uint16_t)(0x1000 + letter), letter, false);

	assert_int_equal(
	    stream_add(s, msg, len, deadline, (void *)(intptr_t)letter), 0);
}

/* The id that the frame at *at has, which *at is moved behind. */
static uint16_t
sent_id(const uint8_t *frames, size_t *at, char letter)
{
	size_t len = wire_u16(frames + *at);
	uint16_t id = wire_u16(frames + *at + 2);

	assert_int_equal(frames[*at + 2 + 13], letter);
	*at += len + 2;
	return id;
}

static void
feed(struct stream *s, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t room = 0;
		uint8_t *to = stream_room(s, &room);

		assert_non_null(to);
		assert_true(room > 0);
		room = room < len ? room : len;
		memcpy(to, bytes, room);
		stream_got(s, room);
		bytes += room;
		len -= room;
	}
}

/* A frame that answers. */
static size_t
answer(uint8_t *buf, uint16_t id, char letter)
{
	size_t len = query(buf + 2, id, letter, false);

	wire_put16(buf, (unsigned int)len);
	wire_put16(buf + 4, 0x8180);
	return len + 2;
}

/* What the next message answers: the asker's letter, '-' for nobody, '.' where
 * there is no message. */
static char
next(struct stream *s)
{
	struct stream_query *q;
	uint8_t *msg;
	size_t len;
	uint16_t id;
	char letter;

	if (!stream_next(s, &msg, &len))
		return '.';
	q = stream_match(s, msg, len);
	if (q == NULL)
		return '-';
	id = wire_u16(msg);
	letter = (char)(intptr_t)stream_take(s, q);
	assert_int_equal(id, 0x1000 + letter);
	return letter;
}

static void
drop_all(struct stream *s)
{
	struct stream_query *q;

	while ((q = stream_any(s)) != NULL)
		(void)stream_take(s, q);
	assert_int_equal(s->n, 0);
	stream_done(s);
}

static void
answers_come_in_any_order(void **state)
{
	uint8_t out[512], in[128];
	struct stream s;
	size_t at = 0, len;
	uint16_t a, b, c;

	(void)state;
	stream_init(&s);
	add(&s, 'a');
	add(&s, 'b');
	add(&s, 'c');
	assert_int_equal(stream_fill(&s, out, sizeof(out), now), 3 * 26);
	assert_int_equal(stream_fill(&s, out, sizeof(out), now), 0);
	a = sent_id(out, &at, 'a');
	b = sent_id(out, &at, 'b');
	c = sent_id(out, &at, 'c');
	assert_true(a != b && b != c && a != c);
	len = answer(in, c, 'c');
	len += answer(in + len, a, 'A'); /* in other letters: as good */
	feed(&s, in, len);
	assert_int_equal(next(&s), 'c');
	assert_int_equal(next(&s), 'a');
	assert_int_equal(next(&s), '.');
	feed(&s, in, answer(in, b, 'b'));
	assert_int_equal(next(&s), 'b');
	assert_int_equal(s.n, 0);
	drop_all(&s);
}

static void
messages_may_come_byte_by_byte(void **state)
{
	uint8_t out[512], in[256];
	struct stream s;
	size_t at = 0, len;

	(void)state;
	stream_init(&s);
	add(&s, 'a');
	add(&s, 'b');
	(void)stream_fill(&s, out, sizeof(out), now);
	len = answer(in, sent_id(out, &at, 'a'), 'a');
	len += answer(in + len, sent_id(out, &at, 'b'), 'b');
	for (size_t i = 0; i < len; i++) {
		feed(&s, in + i, 1);
		assert_int_equal(next(&s), i + 1 == len / 2 ? 'a'
					   : i + 1 == len   ? 'b'
							    : '.');
	}
	drop_all(&s);
}

static void
the_largest_message_fits(void **state)
{
	static uint8_t big[65537];
	uint8_t out[512];
	struct stream s;
	size_t at = 0;

	(void)state;
	stream_init(&s);
	add(&s, 'a');
	(void)stream_fill(&s, out, sizeof(out), now);
	(void)answer(big, sent_id(out, &at, 'a'), 'a');
	wire_put16(big, 65535);
	feed(&s, big, 65536);
	assert_int_equal(next(&s), '.');
	feed(&s, big + 65536, 1);
	assert_int_equal(next(&s), 'a');
	drop_all(&s);
}

static void
what_does_not_fit_answers_nobody(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t byte;
	} rows[] = {
		{ "a query", 4, 0x01 },
		{ "another opcode", 4, 0xa9 },
		{ "two questions", 7, 2 },
		{ "no question and no error", 7, 0 },
		{ "another name", 15, 'b' },
		{ "another type", 23, 28 },
		{ "another class", 25, 3 },
		{ "another id", 2, 0xff },
	};
	uint8_t out[512], in[128];

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct stream s;
		size_t at = 0, len;
		uint16_t id;

		stream_init(&s);
		add(&s, 'a');
		(void)stream_fill(&s, out, sizeof(out), now);
		id = sent_id(out, &at, 'a');
		len = answer(in, id, 'a');
		in[rows[i].at] = rows[i].byte;
		feed(&s, in, len);
		row_true(rows[i].name, next(&s) == '-');
		row_true(rows[i].name, s.stats.unasked == 1);
		/* and the wait goes on */
		feed(&s, in, answer(in, id, 'a'));
		row_true(rows[i].name, next(&s) == 'a');
		drop_all(&s);
	}
}

static void
short_messages_answer_nobody(void **state)
{
	uint8_t in[64] = { 0 };
	struct stream s;

	(void)state;
	stream_init(&s);
	for (unsigned int len = 0; len < 12; len++) {
		wire_put16(in, len);
		feed(&s, in, len + 2);
		assert_int_equal(next(&s), '-');
		assert_int_equal(next(&s), '.');
	}
	drop_all(&s);
}

static void
an_error_needs_no_question(void **state)
{
	uint8_t out[64], in[14] = { 0, 12, 0, 0, 0x81, 0x81 };
	struct stream s;
	size_t at = 0;

	(void)state;
	stream_init(&s);
	add(&s, 'a');
	(void)stream_fill(&s, out, sizeof(out), now);
	wire_put16(in + 2, sent_id(out, &at, 'a'));
	feed(&s, in, sizeof(in));
	assert_int_equal(next(&s), 'a');
	drop_all(&s);
}

static void
a_late_answer_meets_no_later_query(void **state)
{
	uint8_t out[64], in[64];
	struct stream s;
	size_t at = 0;
	uint16_t first;

	(void)state;
	stream_init(&s);
	add(&s, 'a');
	(void)stream_fill(&s, out, sizeof(out), now);
	first = sent_id(out, &at, 'a');
	(void)stream_take(&s, stream_any(&s)); /* its deadline is over */
	add(&s, 'a');
	(void)stream_fill(&s, out, sizeof(out), now);
	at = 0;
	assert_true(sent_id(out, &at, 'a') != first);
	feed(&s, in, answer(in, first, 'a'));
	assert_int_equal(next(&s), '-');
	drop_all(&s);
}

static void
what_was_sent_goes_out_again_in_order(void **state)
{
	uint8_t out[512], in[64];
	struct list failed;
	struct stream s;
	size_t at = 0;

	(void)state;
	list_init(&failed);
	stream_init(&s);
	add(&s, 'a');
	add(&s, 'b');
	(void)stream_fill(&s, out, sizeof(out), now);
	add(&s, 'c');
	/* half a message is forgotten with its stream */
	feed(&s, in, answer(in, sent_id(out, &at, 'a'), 'a') / 2);
	stream_restart(&s, &failed);
	assert_true(list_empty(&failed));
	assert_int_equal(s.stats.repeated, 2);
	assert_int_equal(stream_fill(&s, out, sizeof(out), now), 3 * 26);
	at = 0;
	(void)sent_id(out, &at, 'b');
	feed(&s, in, answer(in, sent_id(out, &at, 'c'), 'c'));
	assert_int_equal(next(&s), 'c');
	/* it may have hung up on this one */
	(void)sent_id(out, &at, 'a');
	drop_all(&s);
}

static void
silence_twice_is_a_failure(void **state)
{
	uint8_t out[512], in[64];
	struct list failed;
	struct stream s;
	size_t at = 0;

	(void)state;
	list_init(&failed);
	stream_init(&s);
	for (char c = 'a'; c < 'e'; c++)
		add(&s, c);
	(void)stream_fill(&s, out, sizeof(out), now);
	stream_restart(&s, &failed);
	assert_true(list_empty(&failed));
	(void)stream_fill(&s, out, sizeof(out), now);
	(void)sent_id(out, &at, 'b');
	(void)sent_id(out, &at, 'c');
	(void)sent_id(out, &at, 'd');
	/* one answer a stream is enough to go on */
	feed(&s, in, answer(in, sent_id(out, &at, 'a'), 'a'));
	assert_int_equal(next(&s), 'a');
	stream_restart(&s, &failed);
	assert_true(list_empty(&failed));
	(void)stream_fill(&s, out, sizeof(out), now);
	stream_restart(&s, &failed);
	assert_true(list_empty(&failed));
	(void)stream_fill(&s, out, sizeof(out), now);
	add(&s, 'x'); /* was never sent: stays */
	stream_restart(&s, &failed);
	for (const char *c = "dbc"; *c != '\0'; c++) {
		struct stream_query *q =
		    container_of(failed.next, struct stream_query, node);

		assert_false(list_empty(&failed));
		assert_int_equal((intptr_t)stream_take(&s, q), *c);
	}
	assert_true(list_empty(&failed));
	assert_int_equal(s.n, 1);
	drop_all(&s);
}

static void
queries_are_bounded(void **state)
{
	static uint8_t out[STREAM_QUERIES_MAX * 26];
	static bool seen[65536];
	uint8_t msg[64];
	struct stream s;
	size_t len = query(msg, 7, 'a', false), at = 0;

	(void)state;
	stream_init(&s);
	for (size_t i = 0; i < STREAM_QUERIES_MAX; i++)
		assert_int_equal(stream_add(&s, msg, len, deadline, NULL), 0);
	assert_int_equal(stream_add(&s, msg, len, deadline, NULL), -ENOBUFS);
	assert_int_equal(stream_fill(&s, out, sizeof(out), now), sizeof(out));
	while (at < sizeof(out)) {
		uint16_t id = sent_id(out, &at, 'a');

		assert_false(seen[id]);
		seen[id] = true;
	}
	drop_all(&s);
}

static void
only_queries_of_one_question_are_taken(void **state)
{
	static const struct {
		const char *name;
		size_t at, cut;
		uint8_t byte;
	} rows[] = {
		{ "an answer", 2, 0, 0x80 },
		{ "no question", 5, 0, 0 },
		{ "two questions", 5, 0, 2 },
		{ "cut in the question", 0, 1, 0 },
		{ "cut in the header", 0, 20, 0 },
		{ "compressed", 12, 0, 0xc0 },
	};
	struct stream s;
	uint8_t msg[64];

	(void)state;
	stream_init(&s);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		size_t len = query(msg, 7, 'a', false) - rows[i].cut;

		msg[rows[i].at] = rows[i].byte;
		row_true(rows[i].name,
		    stream_add(&s, msg, len, deadline, NULL) == -EINVAL);
	}
	drop_all(&s);
}

static void
queries_with_an_opt_are_padded(void **state)
{
	uint8_t msg[64], out[512];
	struct stream s;
	size_t len = query(msg, 7, 'a', true);

	(void)state;
	stream_init(&s);
	assert_int_equal(stream_add(&s, msg, len, deadline, NULL), 0);
	assert_int_equal(stream_fill(&s, out, sizeof(out), now), 130);
	assert_int_equal(wire_u16(out), 128);
	/* OPT of 128 - 35 bytes: option 12 of all the rest */
	assert_int_equal(wire_u16(out + 2 + len - 2), 128 - len);
	assert_int_equal(wire_u16(out + 2 + len), 12);
	assert_int_equal(wire_u16(out + 2 + len + 2), 128 - len - 4);
	for (size_t i = 2 + len + 4; i < 130; i++)
		assert_int_equal(out[i], 0);
	/* without one: as it is */
	len = query(msg, 7, 'a', false);
	assert_int_equal(stream_add(&s, msg, len, deadline, NULL), 0);
	assert_int_equal(stream_fill(&s, out, sizeof(out), now), len + 2);
	drop_all(&s);
}

static void
frames_are_sent_whole(void **state)
{
	uint8_t out[60];
	struct stream s;

	(void)state;
	stream_init(&s);
	for (char c = 'a'; c < 'd'; c++)
		add(&s, c);
	assert_int_equal(stream_fill(&s, out, 25, now), 0);
	assert_int_equal(stream_fill(&s, out, sizeof(out), now), 52);
	assert_int_equal(stream_fill(&s, out, sizeof(out), now), 26);
	drop_all(&s);
}

static void
deadlines_end_the_first_first(void **state)
{
	uint8_t msg[64];
	struct stream s;
	size_t len = query(msg, 7, 'a', false);
	mono_t due;

	(void)state;
	stream_init(&s);
	assert_false(stream_next_due(&s, &due));
	for (uint64_t i = 3; i > 0; i--)
		assert_int_equal(
		    stream_add(&s, msg, len, (mono_t){ i * MONO_S },
			(void *)(intptr_t)i),
		    0);
	assert_true(stream_next_due(&s, &due));
	assert_int_equal(due.ns, MONO_S);
	assert_null(stream_overdue(&s, (mono_t){ MONO_S - 1 }));
	for (intptr_t i = 1; i < 4; i++) {
		struct stream_query *q =
		    stream_overdue(&s, (mono_t){ 3 * MONO_S });

		assert_non_null(q);
		assert_int_equal((intptr_t)stream_take(&s, q), i);
	}
	assert_null(stream_overdue(&s, (mono_t){ 9 * MONO_S }));
	drop_all(&s);
}

static void
much_junk_is_noticed(void **state)
{
	uint8_t in[64];
	struct stream s;
	unsigned int n = 0;

	(void)state;
	stream_init(&s);
	while (!stream_is_junk(&s) && n++ < 1000) {
		feed(&s, in, answer(in, 0, 'a'));
		assert_int_equal(next(&s), '-');
	}
	assert_true(n > 100 && n < 1000);
	drop_all(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_in_any_order),
		cmocka_unit_test(messages_may_come_byte_by_byte),
		cmocka_unit_test(the_largest_message_fits),
		cmocka_unit_test(what_does_not_fit_answers_nobody),
		cmocka_unit_test(short_messages_answer_nobody),
		cmocka_unit_test(an_error_needs_no_question),
		cmocka_unit_test(a_late_answer_meets_no_later_query),
		cmocka_unit_test(what_was_sent_goes_out_again_in_order),
		cmocka_unit_test(silence_twice_is_a_failure),
		cmocka_unit_test(queries_are_bounded),
		cmocka_unit_test(only_queries_of_one_question_are_taken),
		cmocka_unit_test(queries_with_an_opt_are_padded),
		cmocka_unit_test(frames_are_sent_whole),
		cmocka_unit_test(deadlines_end_the_first_first),
		cmocka_unit_test(much_junk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
