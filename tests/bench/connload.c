/* Makes connections and says how fast: for the benchmarks of the judge.
 *   connload serve ADDR PORT              TCP accepts, UDP echoes, until killed
 *   connload echo ADDR PORT               TCP echoes, until killed
 *   connload tcp|udp|byte ADDR PORT N C [LOCAL]   N connections, C at a time;
 *       the first one leaves from port LOCAL, the next from the one after it
 *   connload tcp-churn|udp-churn ADDR PORT N   each from a new process
 * Prints: rate per second, p50 and p99 in microseconds, errors. A TCP
 * connection is connect() until writable, then a reset; a UDP one is a new
 * socket, a datagram and its echo; "byte" is a TCP one with a byte there and
 * back before the reset, so that who carries it has to carry it to the end. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARALLEL_MAX 1024

struct peer {
	struct sockaddr_storage addr;
	socklen_t len;
	bool tcp;
	bool byte;		 /* one goes there and comes back */
	unsigned int local_port; /* of the next connection; 0 for any */
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void
peer_parse(struct peer *peer, const char *addr, const char *port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&peer->addr;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&peer->addr;
	uint16_t number = htons((uint16_t)atoi(port));

	memset(&peer->addr, 0, sizeof(peer->addr));
	if (inet_pton(AF_INET, addr, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = number;
		peer->len = sizeof(*sin);
	} else if (inet_pton(AF_INET6, addr, &sin6->sin6_addr) == 1) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = number;
		peer->len = sizeof(*sin6);
	} else {
		fprintf(stderr, "connload: bad address %s\n", addr);
		exit(2);
	}
}

static int
open_socket(const struct peer *peer, bool tcp)
{
	int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK;
	int fd = socket(peer->addr.ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

/* Another port for each connection, so that no two have the same ends. */
static void
bind_next(int fd, struct peer *peer)
{
	struct sockaddr_in6 any = { .sin6_family = peer->addr.ss_family };
	int one = 1;

	if (peer->local_port == 0)
		return;
	any.sin6_port = htons((uint16_t)peer->local_port++); /* IPv4 too */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&any, peer->len) < 0)
		die("bind");
}

static int
serve(const struct peer *peer)
{
	struct epoll_event ev = { .events = EPOLLIN }, got;
	int one = 1, ep = epoll_create1(0);
	int tcp = open_socket(peer, true), udp = open_socket(peer, false);
	const struct sockaddr *addr = (const struct sockaddr *)&peer->addr;

	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(tcp, addr, peer->len) < 0 || listen(tcp, 4096) < 0 ||
	    bind(udp, addr, peer->len) < 0)
		die("bind");
	ev.data.fd = tcp;
	epoll_ctl(ep, EPOLL_CTL_ADD, tcp, &ev);
	ev.data.fd = udp;
	epoll_ctl(ep, EPOLL_CTL_ADD, udp, &ev);
	puts("ready");
	fflush(stdout);
	while (epoll_wait(ep, &got, 1, -1) > 0 || errno == EINTR) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		char buf[2048];
		ssize_t n;
		int fd;

		while ((fd = accept(tcp, NULL, NULL)) >= 0)
			close(fd);
		while ((n = recvfrom(udp, buf, sizeof(buf), 0,
			    (struct sockaddr *)&from, &len)) >= 0)
			sendto(udp, buf, (size_t)n, 0, (struct sockaddr *)&from,
			    len);
	}
	return 0;
}

/* Back comes what is sent. */
static int
echo(const struct peer *peer)
{
	struct epoll_event ev = { .events = EPOLLIN }, got;
	int one = 1, ep = epoll_create1(0), tcp = open_socket(peer, true);
	const struct sockaddr *addr = (const struct sockaddr *)&peer->addr;
	char buf[2048];

	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(tcp, addr, peer->len) < 0 || listen(tcp, 4096) < 0)
		die("bind");
	ev.data.fd = tcp;
	epoll_ctl(ep, EPOLL_CTL_ADD, tcp, &ev);
	puts("ready");
	fflush(stdout);
	while (epoll_wait(ep, &got, 1, -1) > 0 || errno == EINTR) {
		ssize_t n;
		int fd;

		if (got.data.fd != tcp) {
			n = recv(got.data.fd, buf, sizeof(buf), 0);
			if (n <= 0 || send(got.data.fd, buf, (size_t)n,
					  MSG_NOSIGNAL) != n)
				close(got.data.fd);
			continue;
		}
		while ((fd = accept4(tcp, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
			ev.data.fd = fd;
			epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
		}
	}
	return 0;
}

struct slot {
	int fd;
	bool sent;
	double start;
};

static void
start_one(struct slot *slot, struct peer *peer, int ep)
{
	struct epoll_event ev = { .events = peer->tcp ? EPOLLOUT : EPOLLIN };

	slot->start = now_us();
	slot->sent = false;
	slot->fd = open_socket(peer, peer->tcp);
	bind_next(slot->fd, peer);
	if (connect(slot->fd, (const struct sockaddr *)&peer->addr, peer->len) <
		0 &&
	    errno != EINPROGRESS)
		die("connect");
	if (!peer->tcp && send(slot->fd, "x", 1, 0) < 0)
		die("send");
	ev.data.ptr = slot;
	epoll_ctl(ep, EPOLL_CTL_ADD, slot->fd, &ev);
}

/* It is connected: the byte goes; true if it does. */
static bool
send_byte(struct slot *slot, int ep)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = slot };

	if (slot->sent || send(slot->fd, "x", 1, MSG_NOSIGNAL) != 1)
		return false;
	slot->sent = true;
	epoll_ctl(ep, EPOLL_CTL_MOD, slot->fd, &ev);
	return true;
}

/* True if it went well. */
static bool
end_one(struct slot *slot, const struct peer *peer)
{
	struct linger reset = { 1, 0 };
	int error = 0;
	socklen_t len = sizeof(error);
	char buf[16];

	getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error == 0 && (!peer->tcp || peer->byte) &&
	    recv(slot->fd, buf, sizeof(buf), 0) <= 0)
		error = errno;
	setsockopt(slot->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(slot->fd);
	return error == 0;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
load(struct peer *peer, size_t n, size_t parallel)
{
	struct slot slots[PARALLEL_MAX];
	struct epoll_event got[64];
	double *took = calloc(n, sizeof(took[0])), begin = now_us(), all;
	size_t started = 0, done = 0, errors = 0;
	int ep = epoll_create1(0);

	for (; started < parallel && started < n; started++)
		start_one(&slots[started], peer, ep);
	while (done < n) {
		int k = epoll_wait(ep, got, 64, 10000);

		if (k <= 0)
			break; /* ten seconds without an answer */
		for (int i = 0; i < k; i++) {
			struct slot *slot = got[i].data.ptr;

			if (peer->byte && send_byte(slot, ep))
				continue;
			errors += !end_one(slot, peer);
			took[done++] = now_us() - slot->start;
			if (started < n) {
				start_one(slot, peer, ep);
				started++;
			}
		}
	}
	all = now_us() - begin;
	errors += n - done;
	if (done == 0)
		return 1;
	qsort(took, done, sizeof(took[0]), compare);
	printf("%.0f %.1f %.1f %zu\n", (double)done / all * 1e6, took[done / 2],
	    took[done * 99 / 100], errors);
	free(took);
	return 0;
}

/* What the process of one connection does: blocks until it is there. */
static bool
connect_once(const struct peer *peer)
{
	int fd = socket(peer->addr.ss_family,
	    (peer->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	struct timeval wait = { 10, 0 };
	char buf[16];

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&peer->addr, peer->len) < 0)
		return false;
	if (peer->tcp)
		return true;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return send(fd, "x", 1, 0) == 1 && recv(fd, buf, sizeof(buf), 0) == 1;
}

static int
churn(const struct peer *peer, size_t n)
{
	double *took = calloc(n, sizeof(took[0])), begin = now_us(), all;
	size_t errors = 0;

	for (size_t i = 0; i < n; i++) {
		double start = now_us();
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(connect_once(peer) ? 0 : 1);
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			die("fork");
		errors += status != 0;
		took[i] = now_us() - start;
	}
	all = now_us() - begin;
	qsort(took, n, sizeof(took[0]), compare);
	printf("%.0f %.1f %.1f %zu\n", (double)n / all * 1e6, took[n / 2],
	    took[n * 99 / 100], errors);
	free(took);
	return 0;
}

int
main(int argc, char **argv)
{
	struct peer peer = { .local_port = 0 };

	if (argc == 4 && strcmp(argv[1], "serve") == 0) {
		peer_parse(&peer, argv[2], argv[3]);
		return serve(&peer);
	}
	if (argc == 4 && strcmp(argv[1], "echo") == 0) {
		peer_parse(&peer, argv[2], argv[3]);
		return echo(&peer);
	}
	if (argc == 5 && strlen(argv[1]) == 9 &&
	    strcmp(argv[1] + 3, "-churn") == 0) {
		peer_parse(&peer, argv[2], argv[3]);
		peer.tcp = strncmp(argv[1], "tcp", 3) == 0;
		return churn(&peer, strtoul(argv[4], NULL, 10));
	}
	if (argc != 6 && argc != 7) {
		fputs("usage: connload serve|echo ADDR PORT\n"
		      "       connload tcp|udp|byte ADDR PORT N PARALLEL "
		      "[LOCAL]\n"
		      "       connload tcp-churn|udp-churn ADDR PORT N\n",
		    stderr);
		return 2;
	}
	peer_parse(&peer, argv[2], argv[3]);
	peer.byte = strcmp(argv[1], "byte") == 0;
	peer.tcp = peer.byte || strcmp(argv[1], "tcp") == 0;
	if (strtoul(argv[5], NULL, 10) > PARALLEL_MAX) {
		fprintf(
		    stderr, "connload: at most %d at a time\n", PARALLEL_MAX);
		return 2;
	}
	if (argc == 7)
		peer.local_port = (unsigned int)atoi(argv[6]);
	return load(
	    &peer, strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
}
