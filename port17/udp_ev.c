#include "port17/udp_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port17/inodes.h"
#include "port17/listen_ev.h"
#include "port17/sock.h"
#include "src/linux/ct.h"

#ifndef SOL_UDP
#define SOL_UDP 17
#endif

/* One system call; a wake-up takes a few of them. */
#define BATCH 32
#define ROUNDS 4
#define DATAGRAM_MAX 65536
/* The default would be full after a few large ones. */
#define RECEIVE_BUFFER (4 << 20)
#define SWEEP_MS 1000

struct entry {
	struct udp *udp;
	struct event *readable;
	int fd;
	struct addr addr;
	uint32_t overflows; /* as the kernel said last */
};

/* A direct flow's own. */
struct udp_socket {
	struct udp *udp;
	struct udp_flow *flow;
	int fd;
	uint64_t inode;
	struct event *readable;
};

struct control {
	_Alignas(struct cmsghdr) uint8_t
	    bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t))];
};

struct udp {
	struct udp_opts opts;
	struct entry entries[2];
	struct udpnat nat;
	struct list all;
	struct assocs *assocs;
	struct event *sweep;
	struct udp_counters counters;
	/* of one wake-up */
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sock_addr from[BATCH];
	struct control controls[BATCH];
	uint8_t (*buffers)[DATAGRAM_MAX];
};

/* Ends --------------------------------------------------------------------- */

static void
socket_free(struct udp *udp, struct udp_socket *socket)
{
	if (socket == NULL)
		return;
	if (socket->readable != NULL)
		event_free(socket->readable);
	if (socket->fd >= 0) {
		inodes_remove(udp->opts.own, socket->inode);
		(void)close(socket->fd); /* datagrams need no goodbye */
	}
	free(socket);
}

static void
flow_end(struct udp *udp, struct udp_flow *flow, enum closed closed)
{
	struct tunnel_state *state =
	    flow->via != NULL ? dialer_state(udp->opts.dialer, flow->via->name)
			      : NULL;

	if (state != NULL) {
		state->flows--;
		state->up += flow->up;
		state->down += flow->down;
	}
	udp->opts.ended(udp->opts.arg, flow, closed);
	udpnat_remove(&udp->nat, &flow->nat);
	list_remove(&flow->all);
	socket_free(udp, flow->socket);
	if (flow->assoc != NULL)
		assoc_leave(flow->assoc);
	claim_done(&flow->claim);
	free(flow);
}

static struct flow_key
seen_by(const struct entry *entry, const struct addr *peer, uint16_t port)
{
	struct flow_key seen;

	memset(&seen, 0, sizeof(seen)); /* hashed with its padding */
	seen.proto = IPPROTO_UDP;
	seen.local = entry->addr;
	seen.lport = PORT17_PORT;
	seen.remote = *peer;
	seen.rport = port;
	return seen;
}

static void
flow_refuse(struct udp *udp, struct udp_flow *flow, enum closed closed)
{
	struct flow_key key = flow->key;
	struct flow_key seen = seen_by(
	    &udp->entries[flow->entry], &flow->nat.peer, flow->nat.port);

	flow_end(udp, flow, closed);
	udp->opts.refuse(udp->opts.arg, &seen, &key);
}

const struct udp_flow *
udp_find(const struct udp *udp, const struct flow_key *key)
{
	const struct udp_flow *flow = NULL;

	if (key->proto != IPPROTO_UDP)
		return NULL;
	while ((flow = udp_older(udp, flow)) != NULL)
		if (memcmp(&flow->key, key, sizeof(*key)) == 0)
			return flow;
	return NULL;
}

void
udp_abort(struct udp *udp, const struct flow_key *key)
{
	struct list *node, *next;

	list_for_each_safe (node, next, &udp->all) {
		struct udp_flow *flow =
		    container_of(node, struct udp_flow, all);

		if (memcmp(&flow->key, key, sizeof(*key)) == 0) {
			flow_end(udp, flow, CLOSED_POLICY);
			return;
		}
	}
}

/* To the program ----------------------------------------------------------- */

static void
add_segment_size(struct msghdr *msg, struct control *control, uint16_t size)
{
	struct cmsghdr *cmsg;

	msg->msg_control = control->bytes;
	msg->msg_controllen = CMSG_SPACE(sizeof(size));
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
}

/* From the endpoint, which the kernel turns into the far end. */
static void
send_reply(
    struct udp *udp, struct udp_flow *flow, struct iovec iov, uint16_t segment)
{
	struct sock_addr to;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct control control = { 0 };

	(void)sock_addr_ip(&to, &flow->nat.peer, flow->nat.port, "");
	msg.msg_name = &to.space;
	msg.msg_namelen = to.len;
	if (segment > 0 && segment < iov.iov_len)
		add_segment_size(&msg, &control, segment);
	if (sendmsg(udp->entries[flow->entry].fd, &msg,
		MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		udp->counters.dropped++;
		return;
	}
	udp->counters.sent++;
	flow->down += iov.iov_len;
	udpnat_touch(&udp->nat, &flow->nat, true, mono_now());
}

/* Receiving ---------------------------------------------------------------- */

static int
receive(struct udp *udp, int fd)
{
	int n;

	for (size_t i = 0; i < BATCH; i++) {
		udp->iov[i] = (struct iovec){ udp->buffers[i], DATAGRAM_MAX };
		udp->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &udp->from[i].space,
			.msg_namelen = sizeof(udp->from[i].space),
			.msg_iov = &udp->iov[i],
			.msg_iovlen = 1,
			.msg_control = udp->controls[i].bytes,
			.msg_controllen = sizeof(udp->controls[i].bytes),
		};
	}
	do
		n = recvmmsg(fd, udp->msgs, BATCH, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		udp->iov[i].iov_len = udp->msgs[i].msg_len;
		udp->from[i].len = udp->msgs[i].msg_hdr.msg_namelen;
	}
	return n;
}

/* The size of the datagrams that lie in it one after the other, 0 for one. */
static uint16_t
segment_of(struct entry *entry, struct mmsghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg->msg_hdr);
	uint16_t segment = 0;

	for (; cmsg != NULL; cmsg = CMSG_NXTHDR(&msg->msg_hdr, cmsg)) {
		if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO) {
			int size;

			memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
			segment = (uint16_t)size;
		}
		if (entry != NULL && cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SO_RXQ_OVFL) {
			uint32_t lost;

			memcpy(&lost, CMSG_DATA(cmsg), sizeof(lost));
			entry->udp->counters.overflows +=
			    lost - entry->overflows;
			entry->overflows = lost;
		}
	}
	return segment;
}

static void
socket_cb(evutil_socket_t fd, short what, void *arg)
{
	struct udp_socket *socket = arg;
	struct udp *udp = socket->udp;

	(void)what;
	for (int round = 0; round < ROUNDS; round++) {
		int n = receive(udp, fd);

		for (int i = 0; i < n; i++)
			send_reply(udp, socket->flow, udp->iov[i],
			    segment_of(NULL, &udp->msgs[i]));
		if (n == -ECONNREFUSED) {
			flow_refuse(udp, socket->flow, CLOSED_FAR_RESET);
			return;
		}
		if (n < BATCH)
			return;
	}
}

/* Flows -------------------------------------------------------------------- */

static int
open_socket(struct udp *udp, struct udp_flow *flow)
{
	static const int size = RECEIVE_BUFFER, on = 1;
	struct udp_socket *socket = calloc(1, sizeof(*socket));
	struct sock_addr to;
	struct stat st;

	if (socket == NULL)
		return -ENOMEM;
	flow->socket = socket;
	socket->udp = udp;
	socket->flow = flow;
	(void)sock_addr_ip(&to, &flow->key.remote, flow->key.rport, "");
	socket->fd = sock_connect(flow->via, &to, SOCK_DGRAM);
	if (socket->fd < 0)
		return socket->fd;
	(void)setsockopt(
	    socket->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(socket->fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
	if (fstat(socket->fd, &st) == 0) {
		socket->inode = st.st_ino;
		(void)inodes_add(udp->opts.own, socket->inode);
	}
	socket->readable = event_new(udp->opts.base, socket->fd,
	    EV_READ | EV_PERSIST, socket_cb, socket);
	return socket->readable != NULL &&
		       event_add(socket->readable, NULL) == 0
		   ? 0
		   : -ENOMEM;
}

/* Which member carries it: the first that may and is well. */
static const struct tunnel *
pick_member(struct udp *udp, struct udp_flow *flow, mono_t now)
{
	const struct claim *claim = &flow->claim;
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	const struct health *health[TUNNEL_MEMBERS_MAX];
	size_t n = tunnel_set_members(claim->set, claim->tunnel, members), i;
	uint32_t tried = flow->tried;

	for (i = 0; i < n; i++) {
		struct tunnel_state *state =
		    dialer_state(udp->opts.dialer, members[i]->name);

		if (state == NULL)
			return NULL;
		health[i] = &state->health;
		if (!dialer_carries_udp(udp->opts.dialer, members[i], now))
			tried |= UINT32_C(1) << i;
	}
	i = health_pick(health, n, tried, now);
	if (i == n)
		return NULL;
	flow->tried |= UINT32_C(1) << i;
	return members[i];
}

static int
open_way(struct udp *udp, struct udp_flow *flow, mono_t now)
{
	struct tunnel_state *state;
	int r = 0;

	flow->via = pick_member(udp, flow, now);
	if (flow->via == NULL)
		return -EOPNOTSUPP;
	state = dialer_state(udp->opts.dialer, flow->via->name);
	if (state != NULL)
		state->flows++;
	if (flow->via->kind == TUNNEL_DIRECT)
		r = open_socket(udp, flow);
	else
		flow->assoc =
		    assoc_use(udp->assocs, &flow->claim, flow->via, &flow->key);
	return flow->via->kind != TUNNEL_DIRECT && flow->assoc == NULL
		   ? -ENOBUFS
		   : r;
}

/* A peer that was not seen before, or not for long. NULL: not to be carried,
 * and that was said. */
static struct udp_flow *
flow_new(struct udp *udp, struct entry *entry, const struct flow_key *seen)
{
	struct udpnat_entry *oldest = udpnat_crowded(&udp->nat);
	struct udp_flow *flow;
	mono_t now = mono_now();
	struct flow_key key;
	struct claim claim;

	if (ct_original(udp->opts.ct, seen, &key, NULL) < 0 ||
	    (addr_equal(&key.remote, &entry->addr) &&
		key.rport == PORT17_PORT)) {
		udp->opts.stray(udp->opts.arg, seen);
		return NULL;
	}
	if (!udp->opts.claim(udp->opts.arg, &key, &claim)) {
		udp->opts.refuse(udp->opts.arg, seen, &key);
		return NULL;
	}
	if (oldest != NULL)
		flow_end(udp, container_of(oldest, struct udp_flow, nat),
		    CLOSED_NO_ROOM);
	flow = calloc(1, sizeof(*flow));
	if (flow == NULL) {
		claim_done(&claim);
		return NULL;
	}
	flow->key = key;
	flow->claim = claim;
	flow->began = now;
	flow->entry = (unsigned int)(entry - udp->entries);
	flow->nat.peer = seen->remote;
	flow->nat.port = seen->rport;
	flow->nat.rport = key.rport;
	udpnat_add(&udp->nat, &flow->nat, now);
	list_prepend(&udp->all, &flow->all);
	if (open_way(udp, flow, now) == 0)
		return flow;
	flow_refuse(udp, flow, CLOSED_DIAL);
	return NULL;
}

/* From the program --------------------------------------------------------- */

static struct target
target_of(const struct udp_flow *flow)
{
	return (struct target){ .addr = flow->key.remote,
		.port = flow->key.rport,
		.by_name = flow->claim.by_name,
		/* answers come from addresses: only where it stands for a name
		 * alone is that sent */
		.name = flow->claim.by_name ? flow->claim.name
					    : (struct name){ .len = 0 } };
}

static void
send_by_assoc(struct udp *udp, struct udp_flow *flow, const struct iovec *iov,
    uint16_t segment)
{
	struct target to = target_of(flow);
	size_t step = segment > 0 ? segment : iov->iov_len;
	size_t at = 0;

	do {
		size_t left = iov->iov_len - at;

		if (assoc_send(flow->assoc, &to, (char *)iov->iov_base + at,
			left < step ? left : step) < 0)
			udp->counters.dropped++;
		at += step;
	} while (at < iov->iov_len);
}

/* Those of the wake-up that go out by one socket, in one call. */
struct run {
	struct udp_flow *flow;
	unsigned int n;
	struct mmsghdr msgs[BATCH];
	struct control controls[BATCH];
};

static void
run_flush(struct udp *udp, struct run *run)
{
	unsigned int at = 0;

	while (at < run->n) {
		int n = sendmmsg(run->flow->socket->fd, run->msgs + at,
		    run->n - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) { /* the first of them: the next may go */
			udp->counters.dropped++;
			n = 1;
		}
		at += (unsigned int)n;
	}
	run->n = 0;
}

static void
run_add(struct udp *udp, struct run *run, struct udp_flow *flow,
    struct iovec *iov, uint16_t segment)
{
	struct msghdr *msg;

	if (run->n > 0 && (run->flow != flow || run->n == BATCH))
		run_flush(udp, run);
	run->flow = flow;
	msg = &run->msgs[run->n].msg_hdr;
	*msg = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 1 };
	if (segment > 0 && segment < iov->iov_len)
		add_segment_size(msg, &run->controls[run->n], segment);
	run->n++;
}

static struct udp_flow *
flow_of(struct udp *udp, struct entry *entry, const struct sock_addr *from)
{
	uint16_t port;
	struct addr peer = sock_addr_get(from, &port);
	struct udpnat_entry *nat = udpnat_find(&udp->nat, &peer, port);
	struct flow_key seen;

	if (nat != NULL)
		return container_of(nat, struct udp_flow, nat);
	seen = seen_by(entry, &peer, port);
	return flow_new(udp, entry, &seen);
}

static void
forward(struct entry *entry, struct run *run, int i)
{
	struct udp *udp = entry->udp;
	uint16_t segment = segment_of(entry, &udp->msgs[i]);
	struct udp_flow *flow;

	udp->counters.received++;
	flow = flow_of(udp, entry, &udp->from[i]);
	if (flow == NULL) {
		udp->counters.dropped++;
		return;
	}
	flow->up += udp->iov[i].iov_len;
	udpnat_touch(&udp->nat, &flow->nat, false, mono_now());
	if (flow->assoc != NULL)
		send_by_assoc(udp, flow, &udp->iov[i], segment);
	else
		run_add(udp, run, flow, &udp->iov[i], segment);
}

static void
entry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct entry *entry = arg;
	struct udp *udp = entry->udp;
	struct run run = { .n = 0 };

	(void)what;
	for (int round = 0; round < ROUNDS; round++) {
		int n = receive(udp, fd);

		for (int i = 0; i < n; i++) {
			struct udp_flow *last = run.n > 0 ? run.flow : NULL;

			/* making room may end the flow that waits */
			if (last != NULL && udpnat_crowded(&udp->nat) != NULL)
				run_flush(udp, &run);
			forward(entry, &run, i);
		}
		run_flush(udp, &run);
		if (n < BATCH)
			return;
	}
}

/* Through SOCKS ------------------------------------------------------------ */

static bool
is_from(const struct udp_flow *flow, const struct target *from)
{
	if (flow->key.rport != from->port)
		return false;
	return flow->claim.by_name ||
	       addr_equal(&flow->key.remote, &from->addr);
}

static void
assoc_received(void *arg, struct assoc *assoc, const struct target *from,
    const void *bytes, size_t len)
{
	struct udp *udp = arg;
	struct iovec iov = { (void *)bytes, len }; /* it is not written to */
	struct list *node;

	list_for_each (node, &udp->all) {
		struct udp_flow *flow =
		    container_of(node, struct udp_flow, all);

		if (flow->assoc != assoc || !is_from(flow, from))
			continue;
		send_reply(udp, flow, iov, 0);
		return;
	}
	udp->counters.dropped++; /* nobody asked there */
}

/* What was sent is lost, as on any link; what comes next has another way, if
 * there is one. */
static void
go_elsewhere(struct udp *udp, struct udp_flow *flow)
{
	struct tunnel_state *state =
	    dialer_state(udp->opts.dialer, flow->via->name);

	if (state != NULL)
		state->flows--;
	assoc_leave(flow->assoc);
	flow->assoc = NULL;
	flow->via = NULL;
	if (open_way(udp, flow, mono_now()) < 0)
		flow_refuse(udp, flow, CLOSED_DIAL);
}

static void
assoc_gone(void *arg, struct assoc *assoc, enum outcome outcome)
{
	struct udp *udp = arg;
	struct list *node, *next;

	if (outcome == OUTCOME_UNSUPPORTED || outcome == OUTCOME_DENIED)
		dialer_no_udp(udp->opts.dialer, assoc_via(assoc), mono_now());
	list_for_each_safe (node, next, &udp->all) {
		struct udp_flow *flow =
		    container_of(node, struct udp_flow, all);

		if (flow->assoc != assoc)
			continue;
		if (outcome == OUTCOME_CONNECTED)
			flow_end(udp, flow, CLOSED_FAR_RESET);
		else
			go_elsewhere(udp, flow);
	}
}

/* All of it ---------------------------------------------------------------- */

static void
sweep_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval again = { SWEEP_MS / 1000, 0 };
	struct udp *udp = arg;
	struct udpnat_entry *nat;
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	for (int i = 0; i < 1000; i++) {
		nat = udpnat_expired(&udp->nat, now);
		if (nat == NULL)
			break;
		flow_end(
		    udp, container_of(nat, struct udp_flow, nat), CLOSED_IDLE);
	}
	(void)event_add(udp->sweep, &again);
}

static int
open_entry(struct entry *entry, const char *where)
{
	static const int on = 1, size = RECEIVE_BUFFER;
	struct sock_addr at;
	int fd, family;

	(void)addr_parse(&entry->addr, where, strlen(where));
	(void)sock_addr_ip(&at, &entry->addr, PORT17_PORT, "");
	family = at.sa.sa_family;
	fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	entry->fd = fd;
	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	(void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
	if (bind(fd, &at.sa, at.len) < 0)
		return -errno;
	entry->readable = event_new(
	    entry->udp->opts.base, fd, EV_READ | EV_PERSIST, entry_cb, entry);
	return entry->readable != NULL && event_add(entry->readable, NULL) == 0
		   ? 0
		   : -ENOMEM;
}

static int
open_entries(struct udp *udp)
{
	static const char *const where[2] = { PORT17_IP4, PORT17_IP6 };

	for (size_t i = 0; i < 2; i++) {
		int r;

		udp->entries[i].udp = udp;
		r = open_entry(&udp->entries[i], where[i]);
		/* a host without IPv6 has none */
		if (r < 0 &&
		    !(i == 1 && (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)))
			return r;
	}
	return 0;
}

int
udp_new(struct udp **ret, const struct udp_opts *opts)
{
	static const struct timeval soon = { SWEEP_MS / 1000, 0 };
	struct udp *udp = calloc(1, sizeof(*udp));
	struct assocs_opts assocs = {
		.base = opts->base,
		.dialer = opts->dialer,
		.own = opts->own,
		.max = opts->max,
		.received = assoc_received,
		.gone = assoc_gone,
		.arg = udp,
	};
	int r = -ENOMEM;

	if (udp == NULL)
		return -ENOMEM;
	udp->opts = *opts;
	udp->entries[0].fd = udp->entries[1].fd = -1;
	list_init(&udp->all);
	udp->buffers = malloc(BATCH * sizeof(*udp->buffers));
	udp->sweep = event_new(opts->base, -1, 0, sweep_cb, udp);
	if (udpnat_init(&udp->nat, opts->max) == 0 && udp->buffers != NULL &&
	    udp->sweep != NULL && event_add(udp->sweep, &soon) == 0)
		r = assocs_new(&udp->assocs, &assocs);
	if (r == 0)
		r = open_entries(udp);
	if (r < 0) {
		udp_free(udp);
		return r;
	}
	*ret = udp;
	return 0;
}

void
udp_free(struct udp *udp)
{
	if (udp == NULL)
		return;
	while (!list_empty(&udp->all))
		flow_end(udp, container_of(udp->all.next, struct udp_flow, all),
		    CLOSED_STOPPED);
	assocs_free(udp->assocs);
	udpnat_done(&udp->nat);
	if (udp->sweep != NULL)
		event_free(udp->sweep);
	for (size_t i = 0; i < 2; i++) {
		if (udp->entries[i].readable != NULL)
			event_free(udp->entries[i].readable);
		if (udp->entries[i].fd >= 0)
			(void)close(udp->entries[i].fd); /* all has left */
	}
	free(udp->buffers);
	free(udp);
}

const struct udp_counters *
udp_counters(const struct udp *udp)
{
	return &udp->counters;
}

const struct udp_flow *
udp_older(const struct udp *udp, const struct udp_flow *after)
{
	const struct list *next =
	    after != NULL ? after->all.next : udp->all.next;

	return next != &udp->all ? container_of(next, struct udp_flow, all)
				 : NULL;
}

size_t
udp_count(const struct udp *udp)
{
	return udp->nat.map.count;
}
