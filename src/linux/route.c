#include "src/linux/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

/* The kernel answers within sendto(); waiting is for the unforeseen. */
#define WAIT_MS 100

/* Nets of one link are no larger: 10/8, and what a provider gets of IPv6. What
 * VPNs route through their device in place of a default route (0/1, 128/1,
 * 2000::/3) is. */
#define NET_MIN_IP4 8
#define NET_MIN_IP6 32

struct answer {
	bool here; /* an address of this host's */
	bool found, by_router;
	uint8_t net; /* bits of the route that matched */
};

static int
attr_cb(const struct nlattr *attr, void *arg)
{
	struct answer *answer = arg;

	switch (mnl_attr_get_type(attr)) {
	case RTA_GATEWAY:
	case RTA_VIA:
	case RTA_MULTIPATH:
	case RTA_NH_ID:
		answer->by_router = true;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int
route_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct answer *answer = arg;

	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return MNL_CB_STOP;
	answer->here =
	    rtm->rtm_type == RTN_LOCAL || rtm->rtm_type == RTN_ANYCAST;
	answer->found = rtm->rtm_type == RTN_UNICAST;
	answer->net = rtm->rtm_dst_len;
	(void)mnl_attr_parse(nlh, sizeof(*rtm), attr_cb, answer);
	return MNL_CB_STOP;
}

static struct nlmsghdr *
question(void *buf, const struct addr *addr, uint32_t ifindex)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = 1;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = addr->family == ADDR_IP4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = (uint8_t)(addr_len(addr) * 8);
	rtm->rtm_flags = RTM_F_FIB_MATCH;
	mnl_attr_put(nlh, RTA_DST, addr_len(addr), addr->bytes);
	if (ifindex != 0)
		mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	return nlh;
}

/* What the kernel says of a route that leads nowhere is an answer, too: of
 * several kinds, while what it can't say is of these. */
static int
read_answer(const void *buf, size_t len, uint32_t port, struct answer *ret)
{
	int r = mnl_cb_run(buf, len, 1, port, route_cb, ret);

	if (r < 0 && (errno == ENOMEM || errno == ENOBUFS || errno == EBADMSG ||
			 errno == ESRCH || errno == EPROTO))
		return -errno;
	return 0;
}

static int
send_to(struct mnl_socket *nl, const struct nlmsghdr *nlh)
{
	const struct timeval wait = { .tv_usec = WAIT_MS * 1000 };

	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait,
		sizeof(wait)) < 0 ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return 0;
}

static int
ask(struct mnl_socket *nl, const struct nlmsghdr *nlh, struct answer *ret)
{
	_Alignas(8) uint8_t buf[4096];
	ssize_t n;
	int r = send_to(nl, nlh);

	if (r < 0)
		return r;
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	return read_answer(buf, (size_t)n, mnl_socket_get_portid(nl), ret);
}

/* ifindex: 0 for any. 0 or -errno. */
static int
ask_kernel(const struct addr *addr, uint32_t ifindex, struct answer *ret)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	_Alignas(8) uint8_t buf[128];
	int r;

	if (nl == NULL)
		return -errno;
	r = ask(nl, question(buf, addr, ifindex), ret);
	(void)mnl_socket_close(nl); /* it was only read */
	return r;
}

bool
route_is_on_link(const struct addr *addr, uint32_t ifindex)
{
	struct answer answer = { .found = false };

	return ask_kernel(addr, ifindex, &answer) == 0 && answer.found &&
	       !answer.by_router &&
	       answer.net >=
		   (addr->family == ADDR_IP4 ? NET_MIN_IP4 : NET_MIN_IP6);
}

int
route_is_here(const struct addr *addr)
{
	struct answer answer = { .found = false };
	int r = ask_kernel(addr, 0, &answer);

	return r < 0 ? r : answer.here;
}

static int
user_attr_cb(const struct nlattr *attr, void *arg)
{
	bool *by_user = arg;

	*by_user |= mnl_attr_get_type(attr) == FRA_UID_RANGE;
	return MNL_CB_OK;
}

static int
rule_cb(const struct nlmsghdr *nlh, void *arg)
{
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct fib_rule_hdr))
		return MNL_CB_STOP;
	(void)mnl_attr_parse(
	    nlh, sizeof(struct fib_rule_hdr), user_attr_cb, arg);
	return MNL_CB_OK;
}

bool
route_goes_by_user(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	_Alignas(8) uint8_t buf[8192];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *rule =
	    mnl_nlmsg_put_extra_header(nlh, sizeof(*rule));
	bool by_user = false;
	int r = MNL_CB_OK;

	if (nl == NULL)
		return false;
	nlh->nlmsg_type = RTM_GETRULE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	rule->family = AF_INET;
	if (send_to(nl, nlh) < 0)
		r = MNL_CB_ERROR;
	while (r > MNL_CB_STOP && !by_user) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		r = n < 0 ? MNL_CB_ERROR
			  : mnl_cb_run(buf, (size_t)n, 1,
				mnl_socket_get_portid(nl), rule_cb, &by_user);
	}
	(void)mnl_socket_close(nl); /* it was only read */
	return by_user;
}
