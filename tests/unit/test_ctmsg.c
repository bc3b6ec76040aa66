#include "tests/unit/unit.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "src/linux/ct_msg.h"

#define SEQ 7

static struct addr
address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), 0);
	return a;
}

static struct flow_key
key(const char *local, uint16_t lport, const char *remote, uint16_t rport)
{
	struct flow_key k;

	memset(&k, 0, sizeof(k));
	k.local = address(local);
	k.remote = address(remote);
	k.lport = lport;
	k.rport = rport;
	k.proto = IPPROTO_UDP;
	return k;
}

/* The kernel's answer, made of our question: the tuple it holds is moved to
 * another attribute, and a mark is added. */
static size_t
put_entry(uint8_t *buf, const struct flow_key *orig, uint32_t mark)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	struct nlattr *tuple;

	assert_int_equal(ct_msg_get_reply(buf, orig, SEQ), 0);
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	tuple = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg));
	assert_int_equal(mnl_attr_get_type(tuple), CTA_TUPLE_REPLY);
	tuple->nla_type = NLA_F_NESTED | CTA_TUPLE_ORIG;
	if (mark != 0)
		mnl_attr_put_u32(nlh, CTA_MARK, htonl(mark));
	return nlh->nlmsg_len;
}

/* From a copy that ends where the datagram does. */
static int
answer(struct ct_entry *ret, const uint8_t *buf, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	int r;

	memcpy(copy, buf, len);
	r = ct_msg_answer(ret, copy, len, SEQ);
	free(copy);
	return r;
}

static void
entry_is_read(void **state)
{
	static const char *const ends[][2] = {
		{ "10.9.0.1", "192.0.2.1" },
		{ "fd09::1", "2001:db8::7" },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_Alignas(8) uint8_t buf[CT_UPDATE_SIZE];
		struct flow_key want = key(ends[i][0], 4000, ends[i][1], 53);
		struct ct_entry entry;
		size_t len = put_entry(buf, &want, 1717);

		assert_int_equal(answer(&entry, buf, len), 0);
		assert_memory_equal(&entry.orig, &want, sizeof(want));
		assert_int_equal(entry.mark, 1717);
		assert_int_equal(entry.reply.proto, 0);
	}
}

static void
entry_without_mark_has_mark_0(void **state)
{
	_Alignas(8) uint8_t buf[CT_UPDATE_SIZE];
	struct flow_key want = key("10.9.0.1", 1, "192.0.2.1", 2);
	struct ct_entry entry;

	(void)state;
	assert_int_equal(answer(&entry, buf, put_entry(buf, &want, 0)), 0);
	assert_int_equal(entry.mark, 0);
}

/* As the kernel tells it of TCP's. */
static void
put_tcp_flags(uint8_t *buf, uint8_t flags)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	struct nf_ct_tcp_flags seen = { .flags = flags };
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

	mnl_attr_put(
	    nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(seen), &seen);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
}

static void
what_was_met_on_its_way_is_told(void **state)
{
	_Alignas(8) uint8_t buf[CT_UPDATE_SIZE];
	struct flow_key want = key("10.9.0.1", 1, "192.0.2.1", 2);
	struct ct_entry entry;

	(void)state;
	(void)put_entry(buf, &want, 0);
	put_tcp_flags(
	    buf, IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM);
	assert_int_equal(
	    answer(&entry, buf, ((struct nlmsghdr *)buf)->nlmsg_len), 0);
	assert_false(entry.midway);
	(void)put_entry(buf, &want, 0);
	put_tcp_flags(
	    buf, IP_CT_TCP_FLAG_SACK_PERM | IP_CT_TCP_FLAG_BE_LIBERAL);
	assert_int_equal(
	    answer(&entry, buf, ((struct nlmsghdr *)buf)->nlmsg_len), 0);
	assert_true(entry.midway);
}

static void
every_cut_is_refused(void **state)
{
	_Alignas(8) uint8_t buf[CT_UPDATE_SIZE];
	struct flow_key want = key("fd09::1", 1, "2001:db8::7", 2);
	struct ct_entry entry;
	size_t len = put_entry(buf, &want, 1717);

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(answer(&entry, buf, cut), 1);
	/* a message that says it ends there */
	for (size_t cut = NLMSG_HDRLEN; cut < len - 8; cut++) {
		((struct nlmsghdr *)buf)->nlmsg_len = (uint32_t)cut;
		assert_int_equal(answer(&entry, buf, cut), -EBADMSG);
	}
}

static void
error_is_told(void **state)
{
	_Alignas(8) uint8_t buf[CT_UPDATE_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));
	struct ct_entry entry;

	(void)state;
	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_seq = SEQ;
	e->error = -ENOENT;
	assert_int_equal(answer(&entry, buf, nlh->nlmsg_len), -ENOENT);
	e->error = 0; /* not what was asked for */
	assert_int_equal(answer(&entry, buf, nlh->nlmsg_len), -EBADMSG);
	e->error = 5;
	assert_int_equal(answer(&entry, buf, nlh->nlmsg_len), -EBADMSG);
	nlh->nlmsg_seq = SEQ - 1;
	assert_int_equal(answer(&entry, buf, nlh->nlmsg_len), 1);
}

static void
two_families_are_no_question(void **state)
{
	_Alignas(8) uint8_t buf[CT_UPDATE_SIZE];
	struct flow_key k = key("10.9.0.1", 1, "2001:db8::7", 2);

	(void)state;
	assert_int_equal(ct_msg_get_reply(buf, &k, 1), -EAFNOSUPPORT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_is_read),
		cmocka_unit_test(entry_without_mark_has_mark_0),
		cmocka_unit_test(what_was_met_on_its_way_is_told),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(error_is_told),
		cmocka_unit_test(two_families_are_no_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
