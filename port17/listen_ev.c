#include "port17/listen_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port17/leg_ev.h"
#include "port17/sock.h"
#include "src/core/mark.h"
#include "src/core/packet.h"
#include "src/linux/ct.h"

/* Connections a wake-up: the rest of the loop must breathe. */
#define BATCH 64
#define BACKLOG 4096
/* Without descriptors a listener is readable for ever. */
#define PAUSE_FIRST_MS 10
#define PAUSE_LAST_MS 1000
/* <linux/netfilter_ipv4.h> and ..._ipv6/ip6_tables.h */
#define ORIGINAL_DST 80
/* All headers of a SYN; of more it is not asked. */
#define SYN_SIZE 256

struct entry {
	struct listener *listener;
	struct event *readable, *resume;
	int fd;
	int error; /* 0: it is open; else -errno */
	int family;
	struct addr addr;
	unsigned int pause_ms;
	bool saves_syn;
	int reserve; /* a descriptor to give up where there are none left */
};

struct listener {
	struct listener_opts opts;
	struct entry entries[2];
};

/* What the socket says; the program's port is what it was, unless NAT had to
 * give it another one. 0 or -ENOENT. */
static int
ask_socket(const struct entry *entry, int fd, const struct flow_key *seen,
    struct flow_key *ret)
{
	struct sock_addr dst = { .len = sizeof(dst.space) };
	bool ip4 = entry->family == AF_INET;

	if (getsockopt(fd, ip4 ? IPPROTO_IP : IPPROTO_IPV6, ORIGINAL_DST,
		&dst.space, &dst.len) < 0)
		return -ENOENT;
	*ret = *seen;
	ret->local = seen->remote;
	ret->lport = seen->rport;
	ret->remote = sock_addr_get(&dst, &ret->rport);
	return 0;
}

/* The number of its SYN, which NAT leaves alone, and no program chooses. */
static bool
find_seq(const struct entry *entry, int fd, uint32_t *ret)
{
	uint8_t bytes[SYN_SIZE];
	socklen_t len = sizeof(bytes);
	struct packet pkt;

	if (!entry->saves_syn ||
	    getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, bytes, &len) < 0 ||
	    packet_parse(&pkt, bytes, len, len) < 0 || !packet_is_syn(&pkt))
		return false;
	*ret = pkt.tcp_seq;
	return true;
}

/* One whose SYN was held is known by that. Any other by conntrack, which knows
 * the program's real port; where that has no answer (another zone), by what the
 * socket says. *ret_other: it is not the one that is awaited with these ends,
 * if any is. 0, -ELOOP or -errno. */
static int
find_flow(const struct entry *entry, int fd, const struct flow_key *seen,
    struct flow_key *ret, bool *ret_other)
{
	const struct listener_opts *opts = &entry->listener->opts;
	uint32_t seq;
	int r, said = ask_socket(entry, fd, seen, ret);
	bool has_seq = find_seq(entry, fd, &seq);

	*ret_other = false;
	if (has_seq && said == 0 && opts->awaited(opts->arg, ret, seq))
		return 0;
	r = ct_original(opts->ct, seen, ret, NULL);
	if (r == -ENOENT)
		r = said;
	if (r == -ENOENT)
		return -ELOOP; /* there was no NAT */
	if (r < 0)
		return r;
	if (addr_equal(&ret->remote, &entry->addr) && ret->rport == PORT17_PORT)
		return -ELOOP;
	*ret_other = has_seq && !opts->awaited(opts->arg, ret, seq);
	return 0;
}

static struct flow_key
seen_by(const struct entry *entry, const struct sock_addr *peer)
{
	struct flow_key seen;

	memset(&seen, 0, sizeof(seen)); /* hashed with its padding */
	seen.proto = IPPROTO_TCP;
	seen.local = entry->addr;
	seen.lport = PORT17_PORT;
	seen.remote = sock_addr_get(peer, &seen.rport);
	return seen;
}

/* There is no room: who dialled for it may give up, too. */
static void
refuse_one(struct entry *entry, int fd, const struct sock_addr *peer)
{
	struct listener *listener = entry->listener;
	struct flow_key seen = seen_by(entry, peer), key;
	bool other;

	if (find_flow(entry, fd, &seen, &key, &other) == 0)
		listener->opts.refused(listener->opts.arg, &key);
	(void)close(fd); /* a reset: nothing can be done about an error */
}

/* 0, or the error of memory that ran out: whoever dialled for it may give up.
 */
static int
accept_one(struct entry *entry, int fd, const struct sock_addr *peer)
{
	struct listener *listener = entry->listener;
	struct flow_key seen = seen_by(entry, peer), key;
	struct leg *leg;
	bool other;
	int r;

	r = find_flow(entry, fd, &seen, &key, &other);
	if (r < 0) {
		if (r == -ELOOP)
			listener->opts.stray(listener->opts.arg, &seen);
		(void)close(fd); /* likewise */
		return 0;
	}
	r = leg_open(&leg, listener->opts.legs, fd, false);
	if (r < 0) {
		listener->opts.refused(listener->opts.arg, &key);
		return r;
	}
	leg->exact = true;
	leg->guarded = true;
	listener->opts.accepted(listener->opts.arg, &key, leg, other);
	return 0;
}

/* The one that waits is answered, so that its program is not left hanging. */
static void
pause_accepting(struct entry *entry, int error)
{
	struct timeval tv;

	if (entry->reserve >= 0) {
		struct sock_addr peer = { .len = sizeof(peer.space) };
		int fd;

		(void)close(entry->reserve); /* it was only kept */
		fd = accept4(entry->fd, &peer.sa, &peer.len, SOCK_CLOEXEC);
		if (fd >= 0)
			refuse_one(entry, fd, &peer);
		entry->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	entry->pause_ms =
	    entry->pause_ms == 0 ? PAUSE_FIRST_MS : entry->pause_ms * 2;
	if (entry->pause_ms > PAUSE_LAST_MS)
		entry->pause_ms = PAUSE_LAST_MS;
	tv.tv_sec = entry->pause_ms / 1000;
	tv.tv_usec = (suseconds_t)(entry->pause_ms % 1000 * 1000);
	(void)event_del(entry->readable); /* it was added */
	(void)event_add(entry->resume, &tv);
	entry->listener->opts.full(entry->listener->opts.arg, error);
}

static void
readable_cb(evutil_socket_t listen_fd, short what, void *arg)
{
	struct entry *entry = arg;

	(void)what;
	for (int i = 0; i < BATCH; i++) {
		struct sock_addr peer = { .len = sizeof(peer.space) };
		int fd = accept4(listen_fd, &peer.sa, &peer.len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		int r;

		if (fd >= 0 && !sock_may_keep(fd)) {
			refuse_one(entry, fd, &peer);
			pause_accepting(entry, -EMFILE);
			return;
		}
		if (fd >= 0) {
			r = accept_one(entry, fd, &peer);
			if (r < 0) {
				pause_accepting(entry, r);
				return;
			}
			entry->pause_ms = 0;
			continue;
		}
		switch (errno) {
		case EAGAIN:
			return;
		case EINTR:
		case ECONNABORTED:
			continue;
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			pause_accepting(entry, -errno);
			return;
		default: /* an error of that connection, accept(2) says */
			continue;
		}
	}
}

static void
resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct entry *entry = arg;

	(void)fd;
	(void)what;
	(void)event_add(entry->readable, NULL);
}

static int
open_entry(struct entry *entry, const struct sock_addr *at)
{
	static const int on = 1;
	int fd = socket(
	    entry->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	entry->fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (entry->family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0))
		return -errno;
	/* what is accepted inherits these */
	sock_no_delay(fd);
	sock_keep_alive(fd);
	sock_mark(fd, MARK_PORT17);
	leg_break_at_close(fd, true);
	entry->saves_syn =
	    setsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, &on, sizeof(on)) == 0;
	if (bind(fd, &at->sa, at->len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	entry->readable = event_new(entry->listener->opts.base, fd,
	    EV_READ | EV_PERSIST, readable_cb, entry);
	entry->resume =
	    event_new(entry->listener->opts.base, -1, 0, resume_cb, entry);
	if (entry->readable == NULL || entry->resume == NULL ||
	    event_add(entry->readable, NULL) < 0)
		return -ENOMEM;
	entry->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}

static void
close_entry(struct entry *entry)
{
	if (entry->readable != NULL)
		event_free(entry->readable);
	if (entry->resume != NULL)
		event_free(entry->resume);
	entry->readable = entry->resume = NULL;
	if (entry->fd >= 0)
		(void)close(entry->fd);
	if (entry->reserve >= 0)
		(void)close(entry->reserve);
	entry->fd = entry->reserve = -1;
}

int
listener_new(struct listener **ret, const struct listener_opts *opts)
{
	static const char *const where[2] = { PORT17_IP4, PORT17_IP6 };
	struct listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL)
		return -ENOMEM;
	listener->opts = *opts;
	for (size_t i = 0; i < 2; i++) {
		struct entry *entry = &listener->entries[i];

		entry->listener = listener;
		entry->fd = entry->reserve = -1;
		entry->error = -ENOTCONN;
		entry->family = i == 0 ? AF_INET : AF_INET6;
		(void)addr_parse(&entry->addr, where[i], strlen(where[i]));
	}
	*ret = listener;
	return 0;
}

void
listener_open(struct listener *listener)
{
	for (size_t i = 0; i < 2; i++) {
		struct entry *entry = &listener->entries[i];
		struct sock_addr at;

		if (entry->error == 0)
			continue;
		(void)sock_addr_ip(&at, &entry->addr, PORT17_PORT, "");
		entry->error = open_entry(entry, &at);
		if (entry->error < 0)
			close_entry(entry);
	}
}

int
listener_error(const struct listener *listener, enum addr_family family)
{
	return listener->entries[family == ADDR_IP6].error;
}

void
listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	for (size_t i = 0; i < 2; i++)
		close_entry(&listener->entries[i]);
	free(listener);
}
