#include "tests/unit/unit.h"

#include <string.h>

#include "src/waiting.h"

static const uint8_t payload[] = "abc";

static bool
put(struct waiting *waiting, uint32_t uid, uint64_t inode, uint32_t id)
{
	const struct waiting_packet packet = {
		.sock = { .uid = uid, .inode = inode },
		.raw = { .id = id, .payload = payload, .len = sizeof(payload) },
		.behind = waiting_has(waiting, inode),
	};

	return waiting_put(waiting, &packet);
}

/* … for whoever makes as many sockets as he likes that take long to look for.
 */
static void
one_user_leaves_room_for_others(void **state)
{
	static struct waiting waiting;
	size_t his = 0, n = 0;

	(void)state;
	waiting.n = 0;
	for (uint64_t inode = 1; inode <= WAITING_MAX; inode++)
		his += put(&waiting, 1000, inode, (uint32_t)inode);
	assert_int_equal(his, WAITING_SOCKETS);
	while (put(&waiting, 1000, 1, 0)) /* these cost no look-up */
		his++;
	assert_int_equal(his, WAITING_OF_ONE);
	assert_true(put(&waiting, 1001, 1000, 1000));
	for (uint64_t inode = 1; inode <= 2 * WAITING_MAX; inode++)
		n += put(&waiting, (uint32_t)inode, 2000 + inode, 0);
	assert_int_equal(waiting.n, WAITING_MAX);
	assert_int_equal(his + 1 + n, WAITING_MAX);
}

static void
what_is_too_long_does_not_wait(void **state)
{
	static struct waiting waiting;
	static uint8_t bytes[NFQ_COPY_RANGE + 1];
	struct waiting_packet packet = { .raw = { .payload = bytes,
					     .len = sizeof(bytes) } };

	(void)state;
	waiting.n = 0;
	assert_false(waiting_put(&waiting, &packet));
	packet.raw.len--;
	assert_true(waiting_put(&waiting, &packet));
}

struct seen {
	uint32_t ids[8];
	size_t n;
	uint64_t keep; /* packets of that socket go on waiting */
};

static bool
see(void *arg, struct waiting_packet *packet)
{
	struct seen *seen = arg;

	assert_memory_equal(packet->raw.payload, payload, sizeof(payload));
	seen->ids[seen->n++] = packet->raw.id;
	return packet->sock.inode != seen->keep;
}

/* Those behind one that goes on waiting for the same socket do so, too. */
static void
packets_of_a_socket_stay_in_their_order(void **state)
{
	static struct waiting waiting;
	struct seen seen = { .keep = 7 }, all = { .keep = 0 };

	(void)state;
	waiting.n = 0;
	assert_true(put(&waiting, 1, 7, 1));
	assert_true(put(&waiting, 1, 8, 2));
	assert_true(put(&waiting, 1, 7, 3));
	assert_true(put(&waiting, 1, 8, 4));
	assert_true(waiting_has(&waiting, 8));
	waiting_each(&waiting, see, &seen);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.ids[0], 1);
	assert_int_equal(seen.ids[1], 2);
	assert_int_equal(seen.ids[2], 4);
	assert_false(waiting_has(&waiting, 8));
	assert_true(waiting_has(&waiting, 7));
	waiting_each(&waiting, see, &all);
	assert_int_equal(all.n, 2);
	assert_int_equal(all.ids[0], 1);
	assert_int_equal(all.ids[1], 3);
	assert_int_equal(waiting.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_user_leaves_room_for_others),
		cmocka_unit_test(what_is_too_long_does_not_wait),
		cmocka_unit_test(packets_of_a_socket_stay_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
