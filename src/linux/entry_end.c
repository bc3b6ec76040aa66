#include "src/linux/entry_end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "src/base/grow.h"
#include "src/core/mark.h"

/* An answer of the kernel's comes at once. */
#define WAIT_S 1

/* What was on its way may be there only now; nothing new comes after it. */
#define ROUNDS 4

/* Those of TIME_WAIT and the like have nobody who could say more. */
#define STATES                                                                 \
	(1U << TCP_ESTABLISHED | 1U << TCP_SYN_RECV | 1U << TCP_FIN_WAIT1 |    \
	    1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT | 1U << TCP_LAST_ACK |  \
	    1U << TCP_CLOSING)

struct request {
	struct nlmsghdr nlh;
	struct inet_diag_req_v2 req;
};

struct entry_sockets {
	struct inet_diag_sockid *v;
	size_t n, room;
	uint32_t seq; /* of the last question */
};

/* NULL and errno. */
static struct mnl_socket *
open_diag(void)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	struct mnl_socket *nl =
	    mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);

	if (nl == NULL || (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
			      setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET,
				  SO_RCVTIMEO, &wait, sizeof(wait)) == 0))
		return nl;
	(void)mnl_socket_close(nl); /* nothing was asked */
	errno = EIO;
	return NULL;
}

static void
request_init(struct request *r, enum chains_family family, int type, int flags)
{
	memset(r, 0, sizeof(*r));
	r->nlh.nlmsg_len = sizeof(*r);
	r->nlh.nlmsg_type = (uint16_t)type;
	r->nlh.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r->req.sdiag_family = family == CHAINS_IP4 ? AF_INET : AF_INET6;
	r->req.sdiag_protocol = IPPROTO_TCP;
	r->req.idiag_states = STATES;
	r->req.id.idiag_sport = htons(PORT17_PORT);
}

/* The port is somebody else's at another address. */
static bool
is_at_entry(const struct inet_diag_msg *msg)
{
	static const uint8_t four[4] = { 127, 0, 0, 17 };

	if (msg->id.idiag_sport != htons(PORT17_PORT))
		return false;
	return msg->idiag_family == AF_INET
		   ? memcmp(msg->id.idiag_src, four, sizeof(four)) == 0
		   : memcmp(msg->id.idiag_src, &in6addr_loopback,
			 sizeof(in6addr_loopback)) == 0;
}

static int
take_socket(const struct nlmsghdr *nlh, void *arg)
{
	struct entry_sockets *sockets = arg;
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg) || !is_at_entry(msg))
		return MNL_CB_OK;
	if (sockets->n == sockets->room &&
	    grow(&sockets->v, &sockets->room, sizeof(sockets->v[0])) < 0) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	sockets->v[sockets->n++] = msg->id;
	return MNL_CB_OK;
}

/* 0 or -errno. */
static int
list_sockets(
    struct mnl_socket *nl, enum chains_family family, struct entry_sockets *ret)
{
	unsigned int port = mnl_socket_get_portid(nl);
	struct request request;
	uint8_t buf[32768];
	int r = MNL_CB_OK;

	ret->n = 0;
	request_init(&request, family, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	request.nlh.nlmsg_seq = ++ret->seq;
	if (mnl_socket_sendto(nl, &request, sizeof(request)) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? MNL_CB_ERROR
			  : mnl_cb_run(buf, (size_t)n, ret->seq, port,
				take_socket, ret);
	}
	return r < 0 ? -errno : 0;
}

/* 0 or -errno; a socket that is gone meanwhile is no matter. */
static int
destroy(struct mnl_socket *nl, enum chains_family family,
    struct entry_sockets *sockets, const struct inet_diag_sockid *id)
{
	unsigned int port = mnl_socket_get_portid(nl);
	struct request request;
	uint8_t buf[4096];
	ssize_t n;

	request_init(&request, family, SOCK_DESTROY, NLM_F_ACK);
	request.nlh.nlmsg_seq = ++sockets->seq;
	request.req.id = *id;
	if (mnl_socket_sendto(nl, &request, sizeof(request)) < 0)
		return -errno;
	do
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	while (n < 0 && errno == EINTR);
	if (n >= 0 &&
	    mnl_cb_run(buf, (size_t)n, sockets->seq, port, NULL, NULL) >= 0)
		return 0;
	return errno == ENOENT || errno == ESTALE ? 0 : -errno;
}

int
entry_end(enum chains_family family)
{
	struct entry_sockets sockets = { 0 };
	struct mnl_socket *nl = open_diag();
	int r = 0, error = 0;

	if (nl == NULL)
		return -errno;
	for (int round = 0; r == 0 && round < ROUNDS; round++) {
		r = list_sockets(nl, family, &sockets);
		if (sockets.n == 0)
			break;
		error = 0;
		for (size_t i = 0; i < sockets.n; i++) {
			int one = destroy(nl, family, &sockets, &sockets.v[i]);

			error = error == 0 ? one : error;
		}
	}
	free(sockets.v);
	(void)mnl_socket_close(nl); /* nothing waits in it */
	return r < 0 ? r : error;
}
