#include "src/linux/diagmsg.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>

#include "src/base/rd.h"

static int
parse_error(struct rd *body)
{
	struct nlmsgerr err = { 0 };

	rd_copy(body, &err.error, sizeof(err.error));
	if (body->bad || err.error > 0)
		return -EBADMSG;
	return err.error == 0 ? 1 : err.error;
}

/* Options of the socket; kernels before 5.10 don't say. */
static void
parse_sockopt(struct diagmsg *ret, struct rd *attrs)
{
	while (attrs->len > 0) {
		struct inet_diag_sockopt opt = { 0 };
		struct nlattr head = { 0 };
		struct rd value;
		size_t n;

		rd_copy(attrs, &head, sizeof(head));
		if (attrs->bad || head.nla_len < sizeof(head))
			return;
		n = head.nla_len - sizeof(head);
		rd_init(&value, attrs->p, n);
		rd_skip(attrs, n);
		if (attrs->bad)
			return;
		if ((head.nla_type & NLA_TYPE_MASK) == INET_DIAG_SOCKOPT) {
			rd_copy(&value, &opt, sizeof(opt));
			ret->transparent = opt.transparent;
			return;
		}
		n = NLMSG_ALIGN(n) - n;
		rd_skip(attrs, n < attrs->len ? n : attrs->len);
	}
}

static int
parse_socket(struct diagmsg *ret, struct rd *body)
{
	struct inet_diag_msg msg;

	rd_copy(body, &msg, sizeof(msg));
	if (body->bad)
		return -EBADMSG;
	ret->state = msg.idiag_state;
	ret->connected = msg.id.idiag_dport != 0;
	ret->uid = msg.idiag_uid;
	ret->inode = msg.idiag_inode;
	ret->device = msg.id.idiag_if;
	memcpy(ret->cookie, msg.id.idiag_cookie, sizeof(ret->cookie));
	ret->transparent = false;
	parse_sockopt(ret, body);
	return 0;
}

int
diagmsg_parse(struct diagmsg *ret, const void *bytes, size_t len, uint32_t seq)
{
	struct rd rd, body;

	rd_init(&rd, bytes, len);
	while (rd.len > 0) {
		struct nlmsghdr nlh = { 0 };
		size_t n;

		rd_copy(&rd, &nlh, sizeof(nlh));
		if (rd.bad || nlh.nlmsg_len < sizeof(nlh))
			return -EBADMSG;
		n = nlh.nlmsg_len - sizeof(nlh);
		rd_init(&body, rd.p, n);
		rd_skip(&rd, n);
		if (rd.bad)
			return -EBADMSG;
		if (nlh.nlmsg_seq == seq && nlh.nlmsg_type == NLMSG_ERROR)
			return parse_error(&body);
		if (nlh.nlmsg_seq == seq &&
		    nlh.nlmsg_type == SOCK_DIAG_BY_FAMILY)
			return parse_socket(ret, &body);
		/* the padding may be left out after the last message */
		n = NLMSG_ALIGN(n) - n;
		rd_skip(&rd, n < rd.len ? n : rd.len);
	}
	return -EAGAIN;
}
