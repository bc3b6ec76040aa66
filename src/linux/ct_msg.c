#include "src/linux/ct_msg.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "src/base/rd.h"
#include "src/linux/nla.h"

/* Errors of the kernel lie above -4096. */
#define MAX_ERRNO 4096

#define CT_TYPE(type) (NFNL_SUBSYS_CTNETLINK << 8 | (type))

/* Attributes by type: of an entry, and of any nest in it. */
struct attrs {
	const struct nlattr *v[CTA_MAX + 1];
};
#define NEST_MAX 12
static_assert(CTA_TUPLE_MAX < NEST_MAX && CTA_IP_MAX < NEST_MAX &&
		  CTA_PROTO_MAX < NEST_MAX && CTA_COUNTERS_MAX < NEST_MAX &&
		  CTA_PROTOINFO_MAX < NEST_MAX &&
		  CTA_PROTOINFO_TCP_MAX < NEST_MAX,
    "there is room");
struct nest {
	const struct nlattr *v[NEST_MAX];
};

/* Up to the first that is none. */
static void
collect(struct rd rd, const struct nlattr **ret, int max)
{
	const struct nlattr *attr;

	while ((attr = nla_next(&rd)) != NULL)
		if (nla_type_of(attr) < max) /* else a newer kernel's */
			ret[nla_type_of(attr)] = attr;
}

static bool
nest(const struct nlattr *attr, struct nest *ret)
{
	struct rd rd;

	memset(ret, 0, sizeof(*ret));
	if (attr == NULL)
		return false;
	rd_init(&rd, mnl_attr_get_payload(attr), attr->nla_len - sizeof(*attr));
	collect(rd, ret->v, NEST_MAX);
	return true;
}

static bool
has_size(const struct nlattr *attr, size_t size)
{
	return attr != NULL && mnl_attr_get_payload_len(attr) == size;
}

static bool
read_addr(const struct nest *ip, int v4, int v6, struct addr *ret)
{
	if (has_size(ip->v[v4], 4))
		*ret = addr_ip4(mnl_attr_get_payload(ip->v[v4]));
	else if (has_size(ip->v[v6], 16))
		*ret = addr_ip6(mnl_attr_get_payload(ip->v[v6]));
	else
		return false;
	return true;
}

static bool
read_tuple(const struct nlattr *attr, struct flow_key *ret)
{
	struct nest tuple, ip, proto;

	memset(ret, 0, sizeof(*ret)); /* hashed with its padding */
	if (!nest(attr, &tuple) || !nest(tuple.v[CTA_TUPLE_IP], &ip) ||
	    !nest(tuple.v[CTA_TUPLE_PROTO], &proto) ||
	    !read_addr(&ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &ret->local) ||
	    !read_addr(&ip, CTA_IP_V4_DST, CTA_IP_V6_DST, &ret->remote) ||
	    !has_size(proto.v[CTA_PROTO_NUM], 1))
		return false;
	ret->proto = mnl_attr_get_u8(proto.v[CTA_PROTO_NUM]);
	if (has_size(proto.v[CTA_PROTO_SRC_PORT], 2) &&
	    has_size(proto.v[CTA_PROTO_DST_PORT], 2)) {
		ret->lport =
		    ntohs(mnl_attr_get_u16(proto.v[CTA_PROTO_SRC_PORT]));
		ret->rport =
		    ntohs(mnl_attr_get_u16(proto.v[CTA_PROTO_DST_PORT]));
	}
	return true;
}

static bool
read_bytes(const struct nlattr *attr, uint64_t *ret)
{
	struct nest counters;

	if (!nest(attr, &counters) ||
	    !has_size(counters.v[CTA_COUNTERS_BYTES], 8))
		return false;
	*ret = be64toh(mnl_attr_get_u64(counters.v[CTA_COUNTERS_BYTES]));
	return true;
}

/* Of what this host sends and gets the kernel gives that flag to an entry that
 * begins with anything but a SYN, and to no other (nf_conntrack_proto_tcp.c,
 * tcp_new()). */
static bool
is_midway(const struct nlattr *attr)
{
	struct nest info, tcp;
	struct nf_ct_tcp_flags seen;
	const struct nlattr *flags;

	if (!nest(attr, &info) || !nest(info.v[CTA_PROTOINFO_TCP], &tcp))
		return false;
	flags = tcp.v[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL];
	if (!has_size(flags, sizeof(seen)))
		return false;
	memcpy(&seen, mnl_attr_get_payload(flags), sizeof(seen));
	return (seen.flags & IP_CT_TCP_FLAG_BE_LIBERAL) != 0;
}

int
ct_msg_parse(struct ct_entry *ret, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct attrs attrs = { .v = { NULL } };
	struct rd rd;

	rd_init(&rd, nfg, mnl_nlmsg_get_payload_len(nlh));
	rd_skip(&rd, sizeof(*nfg));
	if (rd.bad)
		return -EBADMSG;
	collect(rd, attrs.v, CTA_MAX + 1);
	memset(ret, 0, sizeof(*ret));
	if (attrs.v[CTA_TUPLE_ORIG] == NULL)
		return 1;
	if (!read_tuple(attrs.v[CTA_TUPLE_ORIG], &ret->orig))
		return -EBADMSG;
	if (attrs.v[CTA_TUPLE_REPLY] != NULL &&
	    !read_tuple(attrs.v[CTA_TUPLE_REPLY], &ret->reply))
		return -EBADMSG;
	if (has_size(attrs.v[CTA_MARK], 4))
		ret->mark = ntohl(mnl_attr_get_u32(attrs.v[CTA_MARK]));
	if (has_size(attrs.v[CTA_ID], 4))
		ret->id = mnl_attr_get_u32(attrs.v[CTA_ID]);
	ret->counted =
	    read_bytes(attrs.v[CTA_COUNTERS_ORIG], &ret->bytes_orig) &&
	    read_bytes(attrs.v[CTA_COUNTERS_REPLY], &ret->bytes_reply);
	ret->midway = is_midway(attrs.v[CTA_PROTOINFO]);
	ret->family = nfg->nfgen_family;
	ret->tuple = attrs.v[CTA_TUPLE_ORIG];
	ret->zone = attrs.v[CTA_ZONE];
	return 0;
}

int
ct_msg_destroyed(struct ct_entry *ret, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type != CT_TYPE(IPCTNL_MSG_CT_DELETE))
		return 1;
	return ct_msg_parse(ret, nlh);
}

static struct nlmsghdr *
put_header(void *buf, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static struct nlmsghdr *
put_update(void *buf, uint8_t family, uint32_t seq)
{
	struct nlmsghdr *nlh;

	memset(buf, 0, CT_UPDATE_SIZE);
	nlh =
	    put_header(buf, CT_TYPE(IPCTNL_MSG_CT_NEW), NLM_F_REQUEST, family);
	nlh->nlmsg_seq = seq;
	return nlh;
}

int
ct_msg_clear_entry(void *buf, const struct ct_entry *entry, uint32_t seq)
{
	struct nlmsghdr *nlh = put_update(buf, entry->family, seq);

	if (!mnl_attr_put_check(nlh, CT_UPDATE_SIZE,
		CTA_TUPLE_ORIG | NLA_F_NESTED,
		mnl_attr_get_payload_len(entry->tuple),
		mnl_attr_get_payload(entry->tuple)) ||
	    (entry->zone != NULL &&
		!mnl_attr_put_check(nlh, CT_UPDATE_SIZE, CTA_ZONE,
		    mnl_attr_get_payload_len(entry->zone),
		    mnl_attr_get_payload(entry->zone))) ||
	    !mnl_attr_put_u32_check(nlh, CT_UPDATE_SIZE, CTA_MARK, htonl(0)))
		return -EMSGSIZE;
	return 0;
}

/* Those of GRE are its keys: 0 but for PPTP, where they are not known. */
static bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_GRE;
}

static void
put_tuple(struct nlmsghdr *nlh, uint16_t type, const struct flow_key *key)
{
	bool ip4 = key->local.family == ADDR_IP4;
	size_t size = ip4 ? 4 : 16;
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *inner;

	inner = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(
	    nlh, ip4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, size, key->local.bytes);
	mnl_attr_put(
	    nlh, ip4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, size, key->remote.bytes);
	mnl_attr_nest_end(nlh, inner);
	inner = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, key->proto);
	if (has_ports(key->proto)) {
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(key->lport));
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(key->rport));
	}
	mnl_attr_nest_end(nlh, inner);
	mnl_attr_nest_end(nlh, tuple);
}

static uint8_t
family_of(const struct flow_key *key)
{
	return key->local.family == ADDR_IP4 ? AF_INET : AF_INET6;
}

/* The kernel finds an entry by the tuple of either direction. What this host
 * sends has, in both, the addresses that its programs see: NAT of what goes
 * out comes later, and of what came in was undone before. */
int
ct_msg_clear_flow(void *buf, const struct flow_key *key, uint32_t seq)
{
	struct nlmsghdr *nlh = put_update(buf, family_of(key), seq);

	put_tuple(nlh, CTA_TUPLE_ORIG, key);
	if (!mnl_attr_put_u32_check(nlh, CT_UPDATE_SIZE, CTA_MARK, htonl(0)))
		return -EMSGSIZE;
	return 0;
}

static int
put_request(void *buf, uint16_t type, uint16_t tuple,
    const struct flow_key *key, uint32_t seq)
{
	struct nlmsghdr *nlh;

	if (key->local.family == ADDR_NONE ||
	    key->local.family != key->remote.family)
		return -EAFNOSUPPORT;
	memset(buf, 0, CT_UPDATE_SIZE);
	nlh = put_header(buf, CT_TYPE(type), NLM_F_REQUEST, family_of(key));
	nlh->nlmsg_seq = seq;
	put_tuple(nlh, tuple, key);
	return 0;
}

int
ct_msg_delete_flow(void *buf, const struct flow_key *key, uint32_t seq)
{
	return put_request(buf, IPCTNL_MSG_CT_DELETE, CTA_TUPLE_ORIG, key, seq);
}

int
ct_msg_get_flow(void *buf, const struct flow_key *key, uint32_t seq)
{
	return put_request(buf, IPCTNL_MSG_CT_GET, CTA_TUPLE_ORIG, key, seq);
}

int
ct_msg_get_reply(void *buf, const struct flow_key *key, uint32_t seq)
{
	return put_request(buf, IPCTNL_MSG_CT_GET, CTA_TUPLE_REPLY, key, seq);
}

static int
read_answer(struct ct_entry *ret, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	int r;

	/* libmnl rounds the end up, past the datagram's */
	if (nlh->nlmsg_len % 4 != 0)
		return -EBADMSG;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
			return -EBADMSG;
		/* an acknowledgement is no entry, and no error either */
		return e->error < 0 && e->error > -MAX_ERRNO ? e->error
							     : -EBADMSG;
	}
	if (!ct_msg_is_entry(nlh))
		return -EBADMSG;
	r = ct_msg_parse(ret, nlh);
	return r == 1 ? -EBADMSG : r;
}

int
ct_msg_answer(struct ct_entry *ret, const void *bytes, size_t len, uint32_t seq)
{
	const struct nlmsghdr *nlh = bytes;
	int n = len > INT_MAX ? INT_MAX : (int)len;

	for (; nlmsg_is_whole(nlh, n); nlh = mnl_nlmsg_next(nlh, &n))
		if (nlh->nlmsg_seq == seq)
			return read_answer(ret, nlh);
	return 1;
}

struct nlmsghdr *
ct_msg_dump(void *buf)
{
	return put_header(buf, CT_TYPE(IPCTNL_MSG_CT_GET),
	    NLM_F_REQUEST | NLM_F_DUMP, AF_UNSPEC); /* both families */
}

bool
ct_msg_is_entry(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == CT_TYPE(IPCTNL_MSG_CT_NEW);
}
