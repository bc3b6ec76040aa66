/* The bare loop that the judge is measured against: binds the four queues,
 * reads a packet, accepts it with mark 1710. No look-up, no rules, no log. With
 * the word `epoll` it waits as a daemon does that has other things to wait for,
 * and reads then. */

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define COPY_RANGE 128
#define MARK 1710

static char buffer[65536];

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
send_message(struct mnl_socket *nl, struct nlmsghdr *nlh)
{
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("send");
}

static void
bind_queue(struct mnl_socket *nl, uint16_t queue)
{
	struct nlmsghdr *nlh = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue);

	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	send_message(nl, nlh);
	nlh = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, COPY_RANGE);
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(nlh, NFQA_CFG_QUEUE_MAXLEN, htonl(8192));
	send_message(nl, nlh);
}

static int
attribute_cb(const struct nlattr *attr, void *arg)
{
	const struct nfqnl_msg_packet_hdr **ret = arg;

	if (mnl_attr_get_type(attr) == NFQA_PACKET_HDR)
		*ret = mnl_attr_get_payload(attr);
	return MNL_CB_OK;
}

static int
packet_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct mnl_socket *nl = arg;
	const struct nfgenmsg *gen = mnl_nlmsg_get_payload(nlh);
	const struct nfqnl_msg_packet_hdr *packet = NULL;
	char verdict[256];
	struct nlmsghdr *out;

	if (mnl_attr_parse(nlh, sizeof(*gen), attribute_cb, &packet) < 0 ||
	    packet == NULL)
		return MNL_CB_OK;
	out = nfq_nlmsg_put(verdict, NFQNL_MSG_VERDICT, ntohs(gen->res_id));
	nfq_nlmsg_verdict_put(out, (int)ntohl(packet->packet_id), NF_ACCEPT);
	nfq_nlmsg_verdict_put_mark(out, MARK);
	send_message(nl, out);
	return MNL_CB_OK;
}

/* Nothing where there is no `poll`: then recv waits. */
static void
wait_readable(int poll)
{
	struct epoll_event event;

	if (poll >= 0 && epoll_wait(poll, &event, 1, -1) < 0)
		die("epoll_wait");
}

static int
poll_open(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int poll = epoll_create1(EPOLL_CLOEXEC);

	if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
	return poll;
}

int
main(int argc, char **argv)
{
	static const uint16_t queues[] = { 17040, 17060, 17140, 17160 };
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	int size = 8 << 20, poll = -1;
	ssize_t n;

	if (nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	if (setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		sizeof(size)) < 0)
		die("SO_RCVBUFFORCE");
	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++)
		bind_queue(nl, queues[i]);
	if (argc > 1 && strcmp(argv[1], "epoll") == 0)
		poll = poll_open(mnl_socket_get_fd(nl));
	puts("ready");
	fflush(stdout);
	for (;;) {
		wait_readable(poll);
		n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
		if (n <= 0)
			die("recv");
		mnl_cb_run(buffer, (size_t)n, 0, mnl_socket_get_portid(nl),
		    packet_cb, nl);
	}
}
