#include "src/linux/nft_fence.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "src/core/mark.h"
#include "src/linux/nft_own.h"

/* Behind security (50) and what a program of bpf may have (52 to 60). */
#define PRIORITY 61

/* All of both families is a quarter of it. */
#define BATCH_SIZE 16384

/* Headers are written where they are known to fit. */
#define ROOM 512

struct batch {
	_Alignas(8) uint8_t bytes[BATCH_SIZE];
	size_t len;
	uint32_t seq;
	struct nlmsghdr *last; /* the message that is answered at the end */
};

/* The ways in and out. */
static const struct {
	const char *name;
	uint32_t hook;
} chains[] = {
	{ "in", NF_INET_LOCAL_IN },
	{ "out", NF_INET_LOCAL_OUT },
};

/* What goes no further. */
static const uint32_t denied[] = { MARK_NONE, MARK_BLOCK, MARK_DROP,
	MARK_BLOCK_FLOW, MARK_DROP_FLOW };

/* What is to be moved by NAT: where it leaves this host it was not. */
static const uint32_t moved[] = { MARK_PORT17, MARK_NAMESERVER };

#define N(array) (sizeof(array) / sizeof((array)[0]))

void
nft_fence_init(struct nft_fence *fence)
{
	*fence = (struct nft_fence){ .nl = NULL };
	(void)pthread_mutex_init(&fence->mutex, NULL); /* can't fail on Linux */
}

static void
take_down(struct nft_fence *fence)
{
	if (fence->nl != NULL)
		(void)mnl_socket_close(fence->nl); /* the tables go with it */
	fence->nl = NULL;
}

void
nft_fence_done(struct nft_fence *fence)
{
	take_down(fence);
	(void)pthread_mutex_destroy(&fence->mutex); /* nobody holds it */
}

/* Messages ----------------------------------------------------------------- */

static void
put_be32(struct nlmsghdr *nlh, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type, htonl(value));
}

static void
batch_add(struct batch *batch, struct nlmsghdr *nlh)
{
	nlh->nlmsg_seq = ++batch->seq;
	batch->len += nlh->nlmsg_len; /* which libmnl keeps aligned */
	batch->last = nlh;
}

/* NULL where the batch is full. */
static struct nlmsghdr *
batch_begin(struct batch *batch, uint16_t type, uint8_t family)
{
	if (batch->len + ROOM > sizeof(batch->bytes))
		return NULL;
	return nft_put_header(batch->bytes + batch->len, type, family);
}

/* The messages between two of these are taken as one, or none is. */
static void
batch_mark(struct batch *batch, uint16_t type)
{
	struct nlmsghdr *last = batch->last;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(batch->bytes + batch->len);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
	batch_add(batch, nlh);
	batch->last = last; /* a mark is not answered */
}

static int
put_table(struct batch *batch, uint8_t family)
{
	struct nlmsghdr *nlh = batch_begin(batch, NFT_MSG_NEWTABLE, family);

	if (nlh == NULL)
		return -EMSGSIZE;
	nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, NFT_FENCE_TABLE);
	put_be32(nlh, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	batch_add(batch, nlh);
	return 0;
}

static int
put_chain(struct batch *batch, uint8_t family, size_t chain)
{
	struct nlmsghdr *nlh = batch_begin(batch, NFT_MSG_NEWCHAIN, family);
	struct nlattr *hook;

	if (nlh == NULL)
		return -EMSGSIZE;
	nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, NFT_FENCE_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chains[chain].name);
	hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	put_be32(nlh, NFTA_HOOK_HOOKNUM, chains[chain].hook);
	put_be32(nlh, NFTA_HOOK_PRIORITY, PRIORITY);
	mnl_attr_nest_end(nlh, hook);
	put_be32(nlh, NFTA_CHAIN_POLICY, NF_ACCEPT);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
	batch_add(batch, nlh);
	return 0;
}

/* Rules: what nft(8) writes as `meta mark N drop` and
 * `meta mark N meta oiftype != loopback drop`. ------------------------------
 */

struct expr {
	struct nlattr *elem, *body;
};

static struct expr
expr_begin(struct nlmsghdr *nlh, const char *name)
{
	struct expr expr;

	expr.elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	expr.body = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	return expr;
}

static void
expr_end(struct nlmsghdr *nlh, const struct expr *expr)
{
	mnl_attr_nest_end(nlh, expr->body);
	mnl_attr_nest_end(nlh, expr->elem);
}

/* What the packet has there is, or is not, this value. */
static void
put_compare(struct nlmsghdr *nlh, uint32_t key, uint32_t op, const void *value,
    size_t len)
{
	struct expr expr = expr_begin(nlh, "meta");
	struct nlattr *nest;

	put_be32(nlh, NFTA_META_KEY, key);
	put_be32(nlh, NFTA_META_DREG, NFT_REG_1);
	expr_end(nlh, &expr);
	expr = expr_begin(nlh, "cmp");
	put_be32(nlh, NFTA_CMP_SREG, NFT_REG_1);
	put_be32(nlh, NFTA_CMP_OP, op);
	nest = mnl_attr_nest_start(nlh, NFTA_CMP_DATA);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(nlh, nest);
	expr_end(nlh, &expr);
}

static void
put_drop(struct nlmsghdr *nlh)
{
	struct expr expr = expr_begin(nlh, "immediate");
	struct nlattr *value, *verdict;

	put_be32(nlh, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	value = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	put_be32(nlh, NFTA_VERDICT_CODE, NF_DROP);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, value);
	expr_end(nlh, &expr);
}

static int
put_rule(struct batch *batch, uint8_t family, size_t chain, uint32_t mark,
    bool leaves)
{
	static const uint16_t loopback = ARPHRD_LOOPBACK;
	struct nlmsghdr *nlh = batch_begin(batch, NFT_MSG_NEWRULE, family);
	struct nlattr *exprs;

	if (nlh == NULL)
		return -EMSGSIZE;
	nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_APPEND;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, NFT_FENCE_TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chains[chain].name);
	exprs = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	put_compare(nlh, NFT_META_MARK, NFT_CMP_EQ, &mark, sizeof(mark));
	if (leaves)
		put_compare(nlh, NFT_META_OIFTYPE, NFT_CMP_NEQ, &loopback,
		    sizeof(loopback));
	put_drop(nlh);
	mnl_attr_nest_end(nlh, exprs);
	batch_add(batch, nlh);
	return 0;
}

static int
put_family(struct batch *batch, uint8_t family)
{
	int r = put_table(batch, family);

	for (size_t c = 0; r == 0 && c < N(chains); c++) {
		r = put_chain(batch, family, c);
		for (size_t i = 0; r == 0 && i < N(denied); i++)
			r = put_rule(batch, family, c, denied[i], false);
		for (size_t i = 0; r == 0 && i < N(moved) &&
				   chains[c].hook == NF_INET_LOCAL_OUT;
		     i++)
			r = put_rule(batch, family, c, moved[i], true);
	}
	return r;
}

/* Asking ------------------------------------------------------------------- */

static struct mnl_socket *
open_socket(void)
{
	const struct timeval wait = { .tv_sec = NFT_ANSWER_WAIT_S };
	struct mnl_socket *nl =
	    mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int error;

	if (nl == NULL)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait,
		sizeof(wait)) == 0)
		return nl;
	error = errno;
	(void)mnl_socket_close(nl); /* it was never used */
	errno = error;
	return NULL;
}

/* Only the last message asks for an answer; what fails before it says so, too.
 */
static int
commit(struct mnl_socket *nl, const struct batch *batch)
{
	_Alignas(8) uint8_t buf[8192];
	unsigned int portid = mnl_socket_get_portid(nl);

	if (mnl_socket_sendto(nl, batch->bytes, batch->len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		int r;

		if (n < 0)
			return -errno;
		r = mnl_cb_run(buf, (size_t)n, 0, portid, NULL, NULL);
		if (r < MNL_CB_STOP)
			return -errno;
		if (r == MNL_CB_STOP)
			return 0;
	}
}

static int
put_up(struct mnl_socket *nl, struct nft_fence *fence)
{
	struct batch batch = { .seq = fence->seq };
	int r = 0;

	batch_mark(&batch, NFNL_MSG_BATCH_BEGIN);
	if (fence->ip4)
		r = put_family(&batch, NFPROTO_IPV4);
	if (r == 0 && fence->ip6)
		r = put_family(&batch, NFPROTO_IPV6);
	if (r < 0)
		return r;
	batch.last->nlmsg_flags |= NLM_F_ACK;
	batch_mark(&batch, NFNL_MSG_BATCH_END);
	fence->seq = batch.seq;
	return commit(nl, &batch);
}

static int
change(struct nft_fence *fence)
{
	struct mnl_socket *nl;
	int r;

	take_down(fence);
	if (!fence->ip4 && !fence->ip6)
		return 0;
	nl = open_socket();
	if (nl == NULL)
		return -errno;
	r = put_up(nl, fence);
	if (r < 0)
		(void)mnl_socket_close(nl); /* nothing is there */
	else
		fence->nl = nl;
	return r;
}

int
nft_fence_set(struct nft_fence *fence, bool ip4, bool ip6)
{
	int r = 0;

	(void)pthread_mutex_lock(&fence->mutex); /* a plain one can't fail */
	if (fence->ip4 != ip4 || fence->ip6 != ip6) {
		fence->ip4 = ip4;
		fence->ip6 = ip6;
		r = change(fence);
	}
	(void)pthread_mutex_unlock(&fence->mutex);
	return r;
}
