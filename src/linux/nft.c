#include "src/linux/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "src/linux/nft_own.h"

/* The kernel answers at once; this is for one that does not. */
#define ANSWER_WAIT_S 2

struct nlmsghdr *
nft_header(void *buf, uint16_t type, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = 1;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

/* What answers a dump comes in several. */
static int
exchange(struct mnl_socket *nl, const void *msg, size_t len, void *buf,
    size_t size, mnl_cb_t cb, void *arg)
{
	const struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
	ssize_t n;
	int r;

	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait,
		sizeof(wait)) < 0 ||
	    mnl_socket_sendto(nl, msg, len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(nl, buf, size);
		if (n < 0)
			return -errno;
		r = mnl_cb_run(
		    buf, (size_t)n, 1, mnl_socket_get_portid(nl), cb, arg);
		if (r < MNL_CB_STOP)
			return -errno;
	} while (r > MNL_CB_STOP);
	return 0;
}

int
nft_ask(const void *msg, size_t len, mnl_cb_t cb, void *arg)
{
	_Alignas(8) uint8_t buf[16384];
	struct mnl_socket *nl =
	    mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int r;

	if (nl == NULL)
		return -errno;
	r = exchange(nl, msg, len, buf, sizeof(buf), cb, arg);
	(void)mnl_socket_close(nl); /* it was only read */
	return r;
}

static int
generation_attr_cb(const struct nlattr *attr, void *arg)
{
	uint32_t *ret = arg;

	if (mnl_attr_get_type(attr) == NFTA_GEN_ID &&
	    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*ret = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static int
generation_cb(const struct nlmsghdr *nlh, void *arg)
{
	(void)mnl_attr_parse(
	    nlh, sizeof(struct nfgenmsg), generation_attr_cb, arg);
	return MNL_CB_STOP;
}

static int
table_cb(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return MNL_CB_STOP;
}

struct tables {
	nft_known_fn *known;
	bool found;
};

static int
name_attr_cb(const struct nlattr *attr, void *arg)
{
	const char **ret = arg;

	if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*ret = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static int
tables_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct tables *tables = arg;
	const char *name = "";

	(void)mnl_attr_parse(nlh, sizeof(*nfg), name_attr_cb, &name);
	if (!tables->known(nfg->nfgen_family, name))
		tables->found = true;
	return MNL_CB_OK;
}

bool
nft_is_missing(int r)
{
	return r == -EINVAL || r == -EOPNOTSUPP || r == -EPROTONOSUPPORT;
}

int
nft_generation(uint32_t *ret)
{
	_Alignas(8) uint8_t buf[256];
	struct nlmsghdr *nlh = nft_header(buf, NFT_MSG_GETGEN, 0);
	uint32_t generation = 0;
	int r = nft_ask(nlh, nlh->nlmsg_len, generation_cb, &generation);

	if (nft_is_missing(r))
		return -ENOPROTOOPT;
	if (r < 0)
		return r;
	*ret = generation;
	return 0;
}

int
nft_has_table(uint8_t family, const char *name)
{
	_Alignas(8) uint8_t buf[256];
	struct nlmsghdr *nlh = nft_header(buf, NFT_MSG_GETTABLE, family);
	int r;

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
	r = nft_ask(nlh, nlh->nlmsg_len, table_cb, NULL);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

int
nft_has_tables(nft_known_fn *known)
{
	_Alignas(8) uint8_t buf[256];
	struct nlmsghdr *nlh = nft_header(buf, NFT_MSG_GETTABLE, AF_UNSPEC);
	struct tables tables = { .known = known };
	int r;

	nlh->nlmsg_flags |= NLM_F_DUMP;
	r = nft_ask(nlh, nlh->nlmsg_len, tables_cb, &tables);
	if (nft_is_missing(r))
		return 0;
	return r < 0 ? r : tables.found;
}
