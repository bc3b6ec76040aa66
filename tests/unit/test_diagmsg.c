#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>

#include "src/linux/diagmsg.h"

#define SEQ 7

static size_t
put(uint8_t *buf, uint16_t type, uint32_t seq, const void *body, size_t len)
{
	struct nlmsghdr nlh = { .nlmsg_len = (uint32_t)(sizeof(nlh) + len),
		.nlmsg_type = type,
		.nlmsg_seq = seq };

	memcpy(buf, &nlh, sizeof(nlh));
	memcpy(buf + sizeof(nlh), body, len);
	return NLMSG_ALIGN(sizeof(nlh) + len);
}

static size_t
put_socket(uint8_t *buf, uint32_t seq, uint32_t inode)
{
	struct inet_diag_msg msg = {
		.idiag_state = 10, .idiag_uid = 1000, .idiag_inode = inode
	};

	msg.id.idiag_cookie[0] = 3;
	msg.id.idiag_dport = inode == 4242 ? 1 : 0;
	return put(buf, SOCK_DIAG_BY_FAMILY, seq, &msg, sizeof(msg));
}

static size_t
put_error(uint8_t *buf, uint32_t seq, int error)
{
	struct nlmsgerr err = { .error = error };

	return put(buf, NLMSG_ERROR, seq, &err, sizeof(err));
}

/* From a copy that ends where the datagram does. */
static int
parse(struct diagmsg *ret, const uint8_t *buf, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	int r;

	memcpy(copy, buf, len);
	r = diagmsg_parse(ret, copy, len, SEQ);
	free(copy);
	return r;
}

static void
answer_is_read(void **state)
{
	uint8_t buf[512] = { 0 };
	size_t len = put_socket(buf, SEQ, 4242);
	struct diagmsg msg;

	(void)state;
	assert_int_equal(parse(&msg, buf, len), 0);
	assert_int_equal(msg.inode, 4242);
	assert_int_equal(msg.uid, 1000);
	assert_int_equal(msg.state, 10);
	assert_int_equal(msg.cookie[0], 3);
	assert_true(msg.connected);
}

static void
stale_answers_are_skipped(void **state)
{
	uint8_t buf[512] = { 0 };
	size_t len = put_socket(buf, SEQ - 1, 1);
	struct diagmsg msg = { .inode = 5 };

	(void)state;
	assert_int_equal(parse(&msg, buf, len), -EAGAIN);
	assert_int_equal(parse(&msg, buf, 0), -EAGAIN);
	assert_int_equal(msg.inode, 5);
	len += put_error(buf + len, SEQ - 1, -ENOENT);
	len += put_socket(buf + len, SEQ, 2);
	assert_int_equal(parse(&msg, buf, len), 0);
	assert_int_equal(msg.inode, 2);
}

static void
errors_are_the_kernels_own(void **state)
{
	uint8_t buf[512] = { 0 };
	struct diagmsg msg;

	(void)state;
	assert_int_equal(
	    parse(&msg, buf, put_error(buf, SEQ, -ENOENT)), -ENOENT);
	assert_int_equal(parse(&msg, buf, put_error(buf, SEQ, 0)), 1);
	assert_int_equal(parse(&msg, buf, put_error(buf, SEQ, 2)), -EBADMSG);
}

/* Behind the socket stand attributes, of which one has its options. */
static void
transparent_is_read(void **state)
{
	struct {
		struct inet_diag_msg msg;
		struct nlattr other;
		uint8_t tos, pad[3];
		struct nlattr opt;
		struct inet_diag_sockopt v;
	} b = { .msg = { .idiag_state = 1 },
		.other = { .nla_len = 5, .nla_type = INET_DIAG_TOS },
		.opt = { .nla_len = 4 + sizeof(b.v),
		    .nla_type = INET_DIAG_SOCKOPT } };
	uint8_t buf[512] = { 0 };
	struct diagmsg msg;
	size_t n = offsetof(__typeof__(b), v) + sizeof(b.v);

	(void)state;
	b.v.freebind = 1;
	put(buf, SOCK_DIAG_BY_FAMILY, SEQ, &b, n);
	assert_int_equal(parse(&msg, buf, 16 + n), 0);
	assert_false(msg.transparent);
	b.v.transparent = 1;
	put(buf, SOCK_DIAG_BY_FAMILY, SEQ, &b, n);
	assert_int_equal(parse(&msg, buf, 16 + n), 0);
	assert_true(msg.transparent);
	/* cut short, or absurd: not said */
	put(buf, SOCK_DIAG_BY_FAMILY, SEQ, &b, n - 1);
	assert_int_equal(parse(&msg, buf, 16 + n - 1), 0);
	assert_false(msg.transparent);
	b.other.nla_len = 1;
	put(buf, SOCK_DIAG_BY_FAMILY, SEQ, &b, n);
	assert_int_equal(parse(&msg, buf, 16 + n), 0);
	assert_false(msg.transparent);
}

static void
truncated_answers_are_refused(void **state)
{
	uint8_t buf[512] = { 0 };
	size_t len = put_socket(buf, SEQ, 1);
	struct diagmsg msg = { .inode = 5 };

	(void)state;
	for (size_t n = 1; n < len; n++)
		if (parse(&msg, buf, n) != -EBADMSG)
			fail_msg("%zu bytes", n);
	assert_int_equal(
	    parse(&msg, buf, put(buf, NLMSG_ERROR, SEQ, "", 1)), -EBADMSG);
	assert_int_equal(
	    parse(&msg, buf, put(buf, SOCK_DIAG_BY_FAMILY, SEQ, "abc", 3)),
	    -EBADMSG);
	memset(buf, 0, sizeof(buf)); /* a length of 0 is no way on */
	assert_int_equal(parse(&msg, buf, sizeof(buf)), -EBADMSG);
	assert_int_equal(msg.inode, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_is_read),
		cmocka_unit_test(stale_answers_are_skipped),
		cmocka_unit_test(errors_are_the_kernels_own),
		cmocka_unit_test(transparent_is_read),
		cmocka_unit_test(truncated_answers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
