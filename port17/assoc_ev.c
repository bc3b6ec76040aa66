#include "port17/assoc_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "port17/inodes.h"
#include "port17/leg_ev.h"
#include "port17/sock.h"
#include "port17/socks.h"
#include "src/base/list.h"

/* While it is dialled; what comes after that is as lost as on a full link. */
#define KEPT_MAX 65536
/* Datagrams a wake-up. */
#define BATCH 64
#define RECEIVE_BUFFER (1 << 20)

struct kept {
	struct list node;
	size_t len;
	uint8_t bytes[]; /* header and payload */
};

struct assoc {
	struct list node; /* of assocs */
	struct assocs *assocs;
	unsigned int uses;
	struct claim claim;
	const struct tunnel *via;
	struct addr src; /* of the program's socket */
	uint16_t sport;
	struct dial *dial;
	struct leg *leg;
	int fd; /* -1: not yet */
	uint64_t inode;
	struct event *readable;
	struct list kept;
	size_t kept_bytes;
	bool dying;
};

struct assocs {
	struct assocs_opts opts;
	struct list all;
	size_t n;
	uint8_t buffer[65536];
};

static void
assoc_free(struct assoc *assoc)
{
	struct assocs *assocs = assoc->assocs;

	list_remove(&assoc->node);
	assocs->n--;
	dial_cancel(assoc->dial);
	leg_close(assoc->leg);
	if (assoc->readable != NULL)
		event_free(assoc->readable);
	if (assoc->fd >= 0) {
		inodes_remove(assocs->opts.own, assoc->inode);
		(void)close(assoc->fd); /* datagrams need no goodbye */
	}
	while (!list_empty(&assoc->kept)) {
		struct kept *kept =
		    container_of(assoc->kept.next, struct kept, node);

		list_remove(&kept->node);
		free(kept);
	}
	claim_done(&assoc->claim);
	free(assoc);
}

void
assoc_leave(struct assoc *assoc)
{
	if (--assoc->uses == 0 && !assoc->dying)
		assoc_free(assoc);
}

/* Its users leave it, each for itself. */
static void
assoc_end(struct assoc *assoc, enum outcome outcome)
{
	struct assocs *assocs = assoc->assocs;

	assoc->dying = true;
	list_remove(&assoc->node); /* nobody finds it any more */
	assocs->opts.gone(assocs->opts.arg, assoc, outcome);
	assoc_free(assoc);
}

/* Datagrams ---------------------------------------------------------------- */

static int
keep(struct assoc *assoc, const struct iovec iov[2])
{
	size_t len = iov[0].iov_len + iov[1].iov_len;
	struct kept *kept;

	if (assoc->kept_bytes + len > KEPT_MAX)
		return -ENOBUFS;
	kept = malloc(sizeof(*kept) + len);
	if (kept == NULL)
		return -ENOMEM;
	kept->len = len;
	memcpy(kept->bytes, iov[0].iov_base, iov[0].iov_len);
	memcpy(kept->bytes + iov[0].iov_len, iov[1].iov_base, iov[1].iov_len);
	list_append(&assoc->kept, &kept->node);
	assoc->kept_bytes += len;
	return 0;
}

int
assoc_send(
    struct assoc *assoc, const struct target *to, const void *bytes, size_t len)
{
	uint8_t header[SOCKS_UDP_MAX];
	struct iovec iov[2] = { { header, socks_udp_header(header, to) },
		{ (void *)bytes, len } }; /* it is not written to */
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (iov[0].iov_len + len > 65507)
		return -EMSGSIZE;
	if (assoc->fd < 0)
		return keep(assoc, iov);
	if (sendmsg(assoc->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == EAGAIN ? -ENOBUFS : -errno;
	return 0;
}

static void
send_kept(struct assoc *assoc)
{
	while (!list_empty(&assoc->kept)) {
		struct kept *kept =
		    container_of(assoc->kept.next, struct kept, node);

		(void)send(assoc->fd, kept->bytes, kept->len,
		    MSG_DONTWAIT | MSG_NOSIGNAL); /* lost, as on any link */
		list_remove(&kept->node);
		free(kept);
	}
	assoc->kept_bytes = 0;
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct assoc *assoc = arg;
	struct assocs *assocs = assoc->assocs;

	(void)what;
	for (int i = 0; i < BATCH; i++) {
		struct target from;
		ssize_t n = recv(
		    fd, assocs->buffer, sizeof(assocs->buffer), MSG_DONTWAIT);
		int at;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) { /* an ICMP error: the relay is gone */
			assoc_end(assoc, OUTCOME_CONNECTED);
			return;
		}
		at = socks_udp_parse(assocs->buffer, (size_t)n, &from);
		if (at >= 0)
			assocs->opts.received(assocs->opts.arg, assoc, &from,
			    assocs->buffer + at, (size_t)(n - at));
	}
}

/* Coming up ---------------------------------------------------------------- */

/* The proxy may name no address, or one that is its own affair: then it is
 * where its TCP end is. */
static int
find_relay(const struct assoc *assoc, const struct dial_result *result,
    struct sock_addr *ret)
{
	struct sock_addr peer = { .len = sizeof(peer.space) };
	struct addr addr = result->bound;
	uint16_t port;
	struct addr proxy;

	if (getpeername(assoc->leg->fd, &peer.sa, &peer.len) < 0)
		return -errno;
	proxy = sock_addr_get(&peer, &port);
	if (addr.family == ADDR_NONE || addr_is_any(&addr) ||
	    (addr_is_loopback(&addr) && !addr_is_loopback(&proxy)) ||
	    (addr_is_lan(&addr) && !addr_is_lan(&proxy)))
		addr = proxy;
	return sock_addr_ip(ret, &addr, result->bound_port, assoc->via->zone);
}

static void
leg_changed(void *arg, struct leg *leg)
{
	struct assoc *assoc = arg;
	char byte;
	ssize_t n = leg_read(leg, &byte, 1);

	if (n == -EAGAIN || n > 0)
		return;
	assoc_end(assoc, OUTCOME_CONNECTED);
}

static int
open_relay(struct assoc *assoc, const struct dial_result *result)
{
	static const int size = RECEIVE_BUFFER;
	struct sock_addr to;
	struct stat st;
	int r = find_relay(assoc, result, &to);

	if (r < 0)
		return r;
	assoc->fd = sock_connect(assoc->via, &to, SOCK_DGRAM);
	if (assoc->fd < 0)
		return assoc->fd;
	(void)setsockopt(assoc->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (fstat(assoc->fd, &st) == 0) {
		assoc->inode = st.st_ino;
		(void)inodes_add(assoc->assocs->opts.own, assoc->inode);
	}
	assoc->readable = event_new(assoc->assocs->opts.base, assoc->fd,
	    EV_READ | EV_PERSIST, readable_cb, assoc);
	return assoc->readable != NULL && event_add(assoc->readable, NULL) == 0
		   ? 0
		   : -ENOMEM;
}

static void
dial_done(void *arg, const struct dial_result *result)
{
	struct assoc *assoc = arg;
	int r;

	assoc->dial = NULL;
	if (result->outcome != OUTCOME_CONNECTED) {
		assoc_end(assoc, result->outcome);
		return;
	}
	assoc->leg = result->leg;
	assoc->leg->fn = leg_changed;
	assoc->leg->arg = assoc;
	r = open_relay(assoc, result);
	if (r < 0) {
		assoc_end(assoc, outcome_of_errno(-r));
		return;
	}
	send_kept(assoc);
}

static struct assoc *
assoc_new(struct assocs *assocs, const struct claim *claim,
    const struct tunnel *via, const struct flow_key *key)
{
	struct assoc *assoc = calloc(1, sizeof(*assoc));
	struct dial_opts dial = {
		.tunnel = via, .udp = true, .done = dial_done, .arg = assoc
	};

	if (assoc == NULL)
		return NULL;
	assoc->assocs = assocs;
	assoc->fd = -1;
	assoc->uses = 1;
	assoc->via = via;
	assoc->src = key->local;
	assoc->sport = key->lport;
	assoc->claim = *claim;
	assoc->claim.set = tunnel_set_ref(claim->set);
	assoc->claim.process = process_ref(claim->process);
	list_init(&assoc->kept);
	dial.identity = claim_identity(&assoc->claim, key, 0);
	assoc->dial = dial_start(assocs->opts.dialer, &dial);
	if (assoc->dial == NULL) {
		claim_done(&assoc->claim);
		free(assoc);
		return NULL;
	}
	list_append(&assocs->all, &assoc->node);
	assocs->n++;
	return assoc;
}

struct assoc *
assoc_use(struct assocs *assocs, const struct claim *claim,
    const struct tunnel *via, const struct flow_key *key)
{
	struct list *node;

	list_for_each (node, &assocs->all) {
		struct assoc *assoc = container_of(node, struct assoc, node);

		if (assoc->sport == key->lport && assoc->via == via &&
		    addr_equal(&assoc->src, &key->local) &&
		    assoc->claim.process == claim->process) {
			assoc->uses++;
			return assoc;
		}
	}
	return assocs->n < assocs->opts.max ? assoc_new(assocs, claim, via, key)
					    : NULL;
}

const struct tunnel *
assoc_via(const struct assoc *assoc)
{
	return assoc->via;
}

int
assocs_new(struct assocs **ret, const struct assocs_opts *opts)
{
	struct assocs *assocs = calloc(1, sizeof(*assocs));

	if (assocs == NULL)
		return -ENOMEM;
	assocs->opts = *opts;
	list_init(&assocs->all);
	*ret = assocs;
	return 0;
}

void
assocs_free(struct assocs *assocs)
{
	free(assocs);
}
