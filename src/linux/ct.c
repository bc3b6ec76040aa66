#include "src/linux/ct.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define CT_TYPE(type) (NFNL_SUBSYS_CTNETLINK << 8 | (type))

/* A dump that the table's changes cut short is begun again. */
#define DUMP_TRIES 10

/* The kernel answers both kinds of request at once; this is for one that does
 * not. */
#define ANSWER_WAIT_S 2

/* A dump's datagram: the kernel takes 32 KiB at most where it is asked in
 * reads of that size. */
#define DUMP_SIZE 32768

/* Updates per system call. An update is some 150 bytes at most: two tuples of
 * addresses would fit, one is copied. */
#define BATCH_MAX 64
#define UPDATE_SIZE 256

struct clear {
	uint32_t first, last;
	struct mnl_socket *dump, *update;
	uint64_t count;
	int error; /* the first one of an update */
	_Alignas(8) uint8_t batch[BATCH_MAX * UPDATE_SIZE];
	size_t batch_len, batch_last; /* its end, its last message */
	unsigned int batch_n;
	_Alignas(8) uint8_t in[DUMP_SIZE];
};

struct ct_attrs {
	const struct nlattr *tuple, *mark, *zone;
};

static int
open_socket(struct mnl_socket **ret)
{
	const struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
	struct mnl_socket *nl =
	    mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int r;

	if (nl == NULL)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait,
		sizeof(wait)) < 0) {
		r = -errno;
		(void)mnl_socket_close(nl); /* nothing was sent */
		return r;
	}
	*ret = nl;
	return 0;
}

/* Bytes received, -ETIMEDOUT or -errno. */
static ssize_t
receive(struct mnl_socket *nl, void *buf, size_t size)
{
	ssize_t n;

	do
		n = mnl_socket_recvfrom(nl, buf, size);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

/* An entry that is gone meanwhile needs no change. */
static void
count_refused(struct clear *c, int error)
{
	c->count--;
	if (error != -ENOENT && c->error == 0)
		c->error = error;
}

/* Reads the answers to a batch: errors, and whatever it is for message
 * `last`. */
static int
read_answers(struct clear *c, uint32_t last)
{
	_Alignas(8) uint8_t buf[8192];

	for (;;) {
		ssize_t got = receive(c->update, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (const void *)buf;
		int n = (int)got;

		if (got < 0)
			return (int)got;
		for (; mnl_nlmsg_ok(nlh, n); nlh = mnl_nlmsg_next(nlh, &n)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type != NLMSG_ERROR ||
			    mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
				continue;
			if (e->error != 0)
				count_refused(c, e->error);
			if (nlh->nlmsg_seq == last)
				return 0;
		}
	}
}

/* Success is silent but for the last message, which asks for an answer. */
static int
flush_batch(struct clear *c)
{
	struct nlmsghdr *last = (void *)(c->batch + c->batch_last);
	unsigned int n = c->batch_n;
	ssize_t sent;

	if (n == 0)
		return 0;
	last->nlmsg_flags |= NLM_F_ACK;
	sent = mnl_socket_sendto(c->update, c->batch, c->batch_len);
	c->batch_len = 0;
	c->batch_n = 0;
	if (sent < 0)
		return -errno;
	c->count += n;
	return read_answers(c, n);
}

static int
add_update(struct clear *c, uint8_t family, const struct ct_attrs *attrs)
{
	uint8_t *at = c->batch + c->batch_len;
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	memset(at, 0, UPDATE_SIZE);
	nlh = mnl_nlmsg_put_header(at);
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nlh->nlmsg_type = CT_TYPE(IPCTNL_MSG_CT_NEW);
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = ++c->batch_n;
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	if (!mnl_attr_put_check(nlh, UPDATE_SIZE, CTA_TUPLE_ORIG | NLA_F_NESTED,
		mnl_attr_get_payload_len(attrs->tuple),
		mnl_attr_get_payload(attrs->tuple)) ||
	    (attrs->zone != NULL &&
		!mnl_attr_put_check(nlh, UPDATE_SIZE, CTA_ZONE,
		    mnl_attr_get_payload_len(attrs->zone),
		    mnl_attr_get_payload(attrs->zone))) ||
	    !mnl_attr_put_u32_check(nlh, UPDATE_SIZE, CTA_MARK, htonl(0))) {
		c->batch_n--;
		return -EMSGSIZE;
	}
	c->batch_last = c->batch_len;
	c->batch_len += (nlh->nlmsg_len + 3) & ~(size_t)3;
	return c->batch_n == BATCH_MAX ? flush_batch(c) : 0;
}

static int
collect(const struct nlattr *attr, void *arg)
{
	struct ct_attrs *attrs = arg;

	switch (mnl_attr_get_type(attr)) {
	case CTA_TUPLE_ORIG:
		attrs->tuple = attr;
		break;
	case CTA_MARK:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return MNL_CB_ERROR;
		attrs->mark = attr;
		break;
	case CTA_ZONE:
		attrs->zone = attr;
		break;
	}
	return MNL_CB_OK;
}

static int
read_entry(struct clear *c, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct ct_attrs attrs = { .tuple = NULL };
	uint32_t mark;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) ||
	    mnl_attr_parse(nlh, sizeof(*nfg), collect, &attrs) < MNL_CB_STOP)
		return -EBADMSG;
	if (attrs.tuple == NULL || attrs.mark == NULL)
		return 0;
	mark = ntohl(mnl_attr_get_u32(attrs.mark));
	if (mark < c->first || mark > c->last)
		return 0;
	return add_update(c, nfg->nfgen_family, &attrs);
}

/* One datagram of the dump: 1 at its end, 0 to go on, -EINTR when the dump
 * must begin again, -errno. */
static int
read_dump(struct clear *c, size_t len)
{
	const struct nlmsghdr *nlh = (const void *)c->in;
	int n = (int)len;

	for (; mnl_nlmsg_ok(nlh, n); nlh = mnl_nlmsg_next(nlh, &n)) {
		int r = 0;

		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EINTR;
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 1;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
				return -EBADMSG;
			return e->error < 0 ? e->error : -EPROTO;
		}
		if (nlh->nlmsg_type == CT_TYPE(IPCTNL_MSG_CT_NEW))
			r = read_entry(c, nlh);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
dump_once(struct clear *c)
{
	_Alignas(8) uint8_t buf[64] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	int r;

	nlh->nlmsg_type = CT_TYPE(IPCTNL_MSG_CT_GET);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nfg->nfgen_family = AF_UNSPEC; /* both */
	nfg->version = NFNETLINK_V0;
	r = open_socket(&c->dump);
	if (r < 0)
		return r;
	if (mnl_socket_sendto(c->dump, nlh, nlh->nlmsg_len) < 0)
		r = -errno;
	while (r == 0) {
		ssize_t n = receive(c->dump, c->in, sizeof(c->in));

		r = n < 0 ? (int)n : read_dump(c, (size_t)n);
	}
	(void)mnl_socket_close(c->dump); /* what is left of a dump goes too */
	return r < 0 ? r : 0;
}

int
ct_clear_marks(uint32_t first, uint32_t last, uint64_t *ret_count)
{
	struct clear *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->first = first;
	c->last = last;
	r = open_socket(&c->update);
	if (r < 0)
		goto out;
	for (int try = 0; try < DUMP_TRIES; try++) {
		r = dump_once(c);
		if (r == 0 || r == -EINTR || r == -ENOBUFS) {
			int flushed = flush_batch(c);

			r = flushed < 0 ? flushed : r;
		}
		if (r != -EINTR && r != -ENOBUFS)
			break;
	}
	if (r == 0)
		r = c->error;
	if (r == 0)
		*ret_count = c->count;
	(void)mnl_socket_close(c->update); /* all answers were read */
out:
	free(c);
	return r;
}
