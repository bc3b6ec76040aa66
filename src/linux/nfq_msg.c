#include "src/linux/nfq_msg.h"

#include <arpa/inet.h>
#include <assert.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>
#include <sys/socket.h>

#include "src/base/rd.h"
#include "src/linux/nla.h"

#define QUEUE_TYPE(type) (NFNL_SUBSYS_QUEUE << 8 | (type))

struct attrs {
	const struct nlattr *of[NFQA_MAX + 1];
};

/* The least length of each attribute that is read here. */
static const uint16_t attr_min[NFQA_MAX + 1] = {
	[NFQA_PACKET_HDR] = sizeof(struct nfqnl_msg_packet_hdr),
	[NFQA_MARK] = sizeof(uint32_t),
	[NFQA_IFINDEX_INDEV] = sizeof(uint32_t),
	[NFQA_IFINDEX_OUTDEV] = sizeof(uint32_t),
	[NFQA_UID] = sizeof(uint32_t),
	[NFQA_GID] = sizeof(uint32_t),
	[NFQA_CAP_LEN] = sizeof(uint32_t),
};

/* Where each attribute is, up to the first that is none. False where one is
 * too short; those before it are kept. */
static bool
collect(struct rd rd, struct attrs *ret)
{
	const struct nlattr *attr;

	while ((attr = nla_next(&rd)) != NULL) {
		int type = nla_type_of(attr);

		if (type > NFQA_MAX)
			continue; /* a newer kernel's */
		if (attr->nla_len - sizeof(*attr) < attr_min[type])
			return false;
		ret->of[type] = attr;
	}
	return true;
}

static const void *
payload_of(const struct nlattr *attr)
{
	return attr + 1;
}

static uint32_t
attr_u32(const struct attrs *attrs, enum nfqnl_attr_type type)
{
	const struct nlattr *attr = attrs->of[type];
	uint32_t value = 0;

	if (attr != NULL)
		memcpy(&value, payload_of(attr), sizeof(value));
	return ntohl(value);
}

/* Everything but queue and id; end: past the last byte of the message. */
static bool
read_packet(
    const struct attrs *attrs, const uint8_t *end, struct nfq_packet *ret)
{
	const struct nfqnl_msg_packet_hdr *hdr =
	    payload_of(attrs->of[NFQA_PACKET_HDR]);
	const struct nlattr *payload = attrs->of[NFQA_PAYLOAD];

	ret->in =
	    hdr->hook == NF_INET_LOCAL_IN || hdr->hook == NF_INET_PRE_ROUTING;
	ret->ifindex =
	    attr_u32(attrs, ret->in ? NFQA_IFINDEX_INDEV : NFQA_IFINDEX_OUTDEV);
	ret->mark = attr_u32(attrs, NFQA_MARK);
	ret->has_uid = attrs->of[NFQA_UID] != NULL;
	ret->uid = attr_u32(attrs, NFQA_UID);
	ret->gid = attr_u32(attrs, NFQA_GID);
	ret->payload = end;
	ret->len = 0;
	if (payload != NULL) {
		ret->payload = payload_of(payload);
		ret->len = payload->nla_len - sizeof(*payload);
	}
	ret->total = ret->len;
	if (attrs->of[NFQA_CAP_LEN] != NULL)
		ret->total = attr_u32(attrs, NFQA_CAP_LEN);
	return ret->total >= ret->len;
}

/* body: what follows the netlink header. cut: the message goes on past the
 * bytes we have. */
static enum nfq_msg
take_packet(struct rd *body, bool cut, struct nfq_packet *ret)
{
	const struct nfgenmsg *nfg =
	    (const void *)rd_bytes(body, sizeof(struct nfgenmsg));
	const struct nfqnl_msg_packet_hdr *hdr;
	struct attrs attrs = { { NULL } };
	struct nfq_packet packet = { 0 };
	bool whole;

	if (nfg == NULL)
		return NFQ_MSG_BAD;
	whole = collect(*body, &attrs);
	if (attrs.of[NFQA_PACKET_HDR] == NULL)
		return NFQ_MSG_BAD;
	hdr = payload_of(attrs.of[NFQA_PACKET_HDR]);
	packet.queue = ntohs(nfg->res_id);
	packet.id = ntohl(hdr->packet_id);
	if (!whole || cut ||
	    !read_packet(&attrs, body->p + body->len, &packet)) {
		ret->queue = packet.queue;
		ret->id = packet.id;
		return NFQ_MSG_UNREADABLE;
	}
	*ret = packet;
	return NFQ_MSG_PACKET;
}

static enum nfq_msg
take_error(struct rd *body, const struct nlmsghdr *nlh, int *ret_error,
    uint32_t *ret_seq)
{
	int error = 0;

	rd_copy(body, &error, sizeof(error));
	if (body->bad || error > 0)
		return NFQ_MSG_BAD;
	*ret_error = error;
	*ret_seq = nlh->nlmsg_seq;
	return NFQ_MSG_ERROR;
}

enum nfq_msg
nfq_msg_take(
    struct rd *rd, struct nfq_packet *ret, int *ret_error, uint32_t *ret_seq)
{
	const struct nlmsghdr *nlh = (const void *)rd->p;
	size_t len, padding;
	struct rd body;
	bool cut;

	rd_skip(rd, sizeof(*nlh));
	if (rd->bad || nlh->nlmsg_len < sizeof(*nlh)) {
		rd->bad = true;
		return NFQ_MSG_BAD;
	}
	len = nlh->nlmsg_len - sizeof(*nlh);
	cut = len > rd->len;
	if (cut)
		len = rd->len;
	rd_init(&body, rd->p, len);
	/* the last message need not be padded */
	padding = nla_padded(len) - len;
	rd_skip(rd, len);
	rd_skip(rd, padding < rd->len ? padding : rd->len);
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return take_error(&body, nlh, ret_error, ret_seq);
	if (nlh->nlmsg_type == QUEUE_TYPE(NFQNL_MSG_PACKET))
		return take_packet(&body, cut, ret);
	return cut ? NFQ_MSG_BAD : NFQ_MSG_OTHER;
}

static struct nlmsghdr *
begin(void *buf, int type, uint16_t queue, uint32_t seq)
{
	struct nlmsghdr *nlh = nfq_nlmsg_put(buf, type, queue);

	nlh->nlmsg_seq = seq;
	if (seq != 0)
		nlh->nlmsg_flags |= NLM_F_ACK;
	return nlh;
}

static size_t
end(const struct nlmsghdr *nlh)
{
	assert(nlh->nlmsg_len <= NFQ_MSG_MAX);
	return nla_padded(nlh->nlmsg_len);
}

size_t
nfq_msg_bind(void *buf, uint16_t queue, uint32_t seq)
{
	struct nlmsghdr *nlh = begin(buf, NFQNL_MSG_CONFIG, queue, seq);

	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	return end(nlh);
}

size_t
nfq_msg_copy_range(void *buf, uint16_t queue, uint32_t seq)
{
	struct nlmsghdr *nlh = begin(buf, NFQNL_MSG_CONFIG, queue, seq);

	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, NFQ_COPY_RANGE);
	return end(nlh);
}

size_t
nfq_msg_flag(void *buf, uint16_t queue, uint32_t flag, uint32_t seq)
{
	struct nlmsghdr *nlh = begin(buf, NFQNL_MSG_CONFIG, queue, seq);

	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(flag));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(flag));
	return end(nlh);
}

size_t
nfq_msg_queue_length(void *buf, uint16_t queue, uint32_t packets, uint32_t seq)
{
	struct nlmsghdr *nlh = begin(buf, NFQNL_MSG_CONFIG, queue, seq);

	nfq_nlmsg_cfg_put_qmaxlen(nlh, packets);
	return end(nlh);
}

struct verdict_msg {
	struct nlmsghdr head;
	struct nfgenmsg gen;
	struct nlattr verdict_attr;
	struct nfqnl_msg_verdict_hdr verdict;
	struct nlattr mark_attr;
	uint32_t mark;
};
static_assert(sizeof(struct verdict_msg) == 16 + 4 + 4 + 8 + 4 + 4 &&
		  sizeof(struct verdict_msg) <= NFQ_MSG_MAX,
    "without holes, and there is room");

size_t
nfq_msg_verdict(void *buf, uint16_t queue, uint32_t id, uint32_t mark)
{
	struct verdict_msg *msg = buf;

	*msg = (struct verdict_msg){
		.head = { .nlmsg_len = sizeof(*msg),
		    .nlmsg_type = QUEUE_TYPE(NFQNL_MSG_VERDICT),
		    .nlmsg_flags = NLM_F_REQUEST },
		.gen = { .nfgen_family = AF_UNSPEC,
		    .version = NFNETLINK_V0,
		    .res_id = htons(queue) },
		.verdict_attr = { .nla_len = sizeof(msg->verdict_attr) +
					     sizeof(msg->verdict),
		    .nla_type = NFQA_VERDICT_HDR },
		.verdict = { .verdict = htonl(NF_ACCEPT), .id = htonl(id) },
		.mark_attr = { .nla_len =
				   sizeof(msg->mark_attr) + sizeof(msg->mark),
		    .nla_type = NFQA_MARK },
		.mark = htonl(mark),
	};
	return sizeof(*msg);
}
