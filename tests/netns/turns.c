/* Relays that all have much to move: the most bytes that one turn of the loop
 * moves, before all of them are. One whose bytes came one by one, all of them,
 * or between larger pieces. And sockets with many datagrams each: the most that
 * one turn reads. */
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port17/dgram.h"
#include "port17/leg_ev.h"
#include "port17/pacer_ev.h"
#include "port17/relay_ev.h"
#include "port17/udp_sock_ev.h"
#include "src/base/inodes.h"

#define RELAYS 256
#define BUFFER (1 << 20)
/* More than memory takes in the millisecond or two of a turn; with 64 relays in
 * a row it was 54 MiB. */
#define MOST ((size_t)32 << 20)

/* Bytes that take some 0.1 us each to read; without a limit of time one turn
 * moved all of them, in 30 ms and more. */
#define CRUMBS 300000
#define CRUMBS_ROOM (1 << 29)
#define CRUMBS_MOST ((size_t)192 << 10)
/* One piece, and so many bytes one by one; where one read may take 64 KiB of
 * them, that and the piece is one turn's. */
#define SLICE ((size_t)16 << 10)
#define SLICE_CRUMBS ((size_t)72 << 10)
#define MIXED ((size_t)4 * (SLICE + SLICE_CRUMBS))
#define MIXED_MOST ((size_t)72 << 10)

#define SOCKETS 256
#define DATAGRAMS 128
/* More than are read in that time; without turns it was all of them. */
#define DATAGRAMS_MOST 8192

static struct relay *relays[RELAYS];
static int ends[RELAYS][2]; /* the program's, and the far end's */

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
ended(void *arg, enum closed closed, const struct relay_bytes *bytes)
{
	(void)arg;
	(void)closed;
	(void)bytes;
	fail("a relay ended");
}

static struct leg *
open_leg(struct legs *legs, int *ret_end)
{
	static const int size = BUFFER;
	struct leg *leg;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		fail("socketpair");
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size,
			sizeof(size)) < 0)
			fail("SO_SNDBUFFORCE");
	if (leg_open(&leg, legs, fds[0], false) < 0)
		fail("leg_open");
	*ret_end = fds[1];
	return leg;
}

/* As much as there is room for. */
static size_t
fill(int fd)
{
	static const char zeros[4096];
	size_t all = 0;
	ssize_t n;

	while ((n = send(fd, zeros, sizeof(zeros), 0)) > 0)
		all += (size_t)n;
	return all;
}

static size_t
moved(void)
{
	size_t all = 0;

	for (size_t i = 0; i < RELAYS; i++)
		all += relay_moved(relays[i]).up;
	return all;
}

/* What arrives. */
static void
take(int fd)
{
	char buf[65536];

	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
}

static bool
relays_take_turns(struct event_base *base)
{
	struct inodes *own = inodes_new();
	struct relay_bytes bytes;
	struct relay_set *set;
	struct legs *legs;
	size_t all = 0, now = 0, most = 0;

	if (own == NULL || legs_new(&legs, base, own, NULL, NULL) < 0 ||
	    relay_set_new(&set, base, ended) < 0)
		fail("start");
	for (size_t i = 0; i < RELAYS; i++) {
		struct relay_opts opts = { .program = NULL };

		opts.program = open_leg(legs, &ends[i][0]);
		opts.far = open_leg(legs, &ends[i][1]);
		all += fill(ends[i][0]);
		if (relay_new(&relays[i], set, &opts) < 0)
			fail("relay_new");
	}
	for (size_t before = 0; before < all; before = now) {
		if (event_base_loop(base, EVLOOP_ONCE) != 0)
			fail("the loop ends");
		now = moved();
		most = now - before > most ? now - before : most;
		for (size_t i = 0; i < RELAYS; i++)
			take(ends[i][1]);
	}
	printf("%zu of %zu\n", most, all);
	for (size_t i = 0; i < RELAYS; i++) {
		relay_abort(relays[i], &bytes);
		(void)close(ends[i][0]);
		(void)close(ends[i][1]);
	}
	relay_set_free(set);
	legs_free(legs);
	inodes_free(own);
	return most < MOST;
}

/* The one that reads has room for all of them as they are. */
static void
connect_pair(int ret[2])
{
	static const int room = CRUMBS_ROOM, on = 1;
	static const struct timeval patience = { .tv_sec = 10 };
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ret[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || ret[0] < 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_RCVBUFFORCE, &room,
		sizeof(room)) < 0 ||
	    bind(listener, (struct sockaddr *)&at, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) < 0 ||
	    setsockopt(ret[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    setsockopt(ret[0], SOL_SOCKET, SO_SNDTIMEO, &patience,
		sizeof(patience)) < 0 ||
	    connect(ret[0], (struct sockaddr *)&at, len) < 0)
		fail("connect");
	ret[1] = accept(listener, NULL, NULL);
	if (ret[1] < 0 || evutil_make_socket_nonblocking(ret[1]) < 0)
		fail("accept");
	(void)close(listener);
}

/* Each lies apart: another socket has a byte between each two. */
static size_t
send_crumbs(int to, const int other[2], size_t n)
{
	size_t all = 0;
	char byte;

	while (all < n && send(to, "x", 1, 0) == 1) {
		all++;
		if (send(other[0], "y", 1, 0) == 1)
			(void)recv(other[1], &byte, 1, 0);
	}
	return all;
}

static size_t
send_all(int to, const int other[2], bool mixed)
{
	static const char slice[SLICE];
	size_t all = 0;

	if (!mixed)
		return send_crumbs(to, other, CRUMBS);
	while (all < MIXED) {
		ssize_t n = send(to, slice, sizeof(slice), 0);

		if (n != (ssize_t)sizeof(slice))
			fail("send");
		all += SLICE + send_crumbs(to, other, SLICE_CRUMBS);
	}
	return all;
}

static bool
crumbs_take_turns(struct event_base *base, bool mixed)
{
	struct inodes *own = inodes_new();
	struct relay_opts opts = { .program = NULL };
	size_t all = 0, now = 0, most = 0;
	struct relay_bytes bytes;
	struct relay_set *set;
	struct relay *relay;
	struct legs *legs;
	int pair[2], other[2], far;

	if (own == NULL || legs_new(&legs, base, own, NULL, NULL) < 0 ||
	    relay_set_new(&set, base, ended) < 0)
		fail("start");
	connect_pair(pair);
	connect_pair(other);
	all = send_all(pair[0], other, mixed);
	if (leg_open(&opts.program, legs, pair[1], false) < 0)
		fail("leg_open");
	opts.far = open_leg(legs, &far);
	if (relay_new(&relay, set, &opts) < 0)
		fail("relay_new");
	for (size_t before = 0; before < all; before = now) {
		if (event_base_loop(base, EVLOOP_ONCE) != 0)
			fail("the loop ends");
		now = relay_moved(relay).up;
		most = now - before > most ? now - before : most;
		take(far);
	}
	printf(
	    "%zu of %zu single bytes%s\n", most, all, mixed ? " and more" : "");
	relay_abort(relay, &bytes);
	(void)close(pair[0]);
	(void)close(other[0]);
	(void)close(other[1]);
	(void)close(far);
	relay_set_free(set);
	legs_free(legs);
	inodes_free(own);
	return mixed ? all == MIXED && most < MIXED_MOST
		     : all == CRUMBS && most < CRUMBS_MOST;
}

static struct udp_sock socks[SOCKETS];
static struct dgrams *in;
static size_t n_read;

static void
taken(void *arg)
{
	(void)arg;
}

static void
take_one(void *arg, const struct dgram *dgram, mono_t now)
{
	(void)arg;
	(void)dgram;
	(void)now;
	n_read++;
}

static void
socket_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct udp_reader reader = { in, take_one, taken, NULL };

	(void)fd;
	(void)what;
	(void)udp_sock_read(arg, &reader);
}

static void
open_sock(struct event_base *base, struct pacer *pacer, struct udp_sock *sock)
{
	const struct udp_sock_opts opts = {
		.base = base, .cb = socket_cb, .arg = sock, .pacer = pacer
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	struct addr here;

	(void)addr_parse(&here, "127.0.0.1", 9);
	if (fd < 0 || udp_sock_bind(sock, &here, 0, &opts) < 0 ||
	    getsockname(sock->fd, (struct sockaddr *)&at, &len) < 0)
		fail("udp_sock_bind");
	for (size_t i = 0; i < DATAGRAMS; i++)
		if (sendto(fd, "x", 1, 0, (struct sockaddr *)&at, len) != 1)
			fail("sendto");
	(void)close(fd);
}

static bool
sockets_take_turns(struct event_base *base)
{
	size_t all = (size_t)SOCKETS * DATAGRAMS, most = 0;
	struct pacer *pacer;

	in = dgrams_new();
	if (in == NULL || pacer_new(&pacer, base) < 0)
		fail("pacer_new");
	for (size_t i = 0; i < SOCKETS; i++)
		open_sock(base, pacer, &socks[i]);
	for (size_t before = 0; before < all; before = n_read) {
		if (event_base_loop(base, EVLOOP_ONCE) != 0)
			fail("the loop ends");
		most = n_read - before > most ? n_read - before : most;
	}
	printf("%zu of %zu datagrams\n", most, all);
	for (size_t i = 0; i < SOCKETS; i++)
		udp_sock_close(&socks[i]);
	pacer_free(pacer);
	dgrams_free(in);
	return most < DATAGRAMS_MOST;
}

int
main(void)
{
	const struct rlimit files = { 2048, 2048 };
	struct event_base *base = event_base_new();
	bool good;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || base == NULL)
		fail("start");
	good = relays_take_turns(base);
	good = crumbs_take_turns(base, false) && good;
	good = crumbs_take_turns(base, true) && good;
	good = sockets_take_turns(base) && good;
	event_base_free(base);
	return good ? 0 : 1;
}
