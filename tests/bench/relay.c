/* A bare relay to measure Port17 against, and what drives both:
 *   relay carry ADDR PORT [ADDR PORT]   accepts what DNAT sends there, connects
 *                                to the original destination, itself or by that
 *                                SOCKS proxy, and splices both ways through
 *                                pipes of 1 MB; until killed
 *   relay sink ADDR PORT         reads all there is
 *   relay push ADDR PORT N BYTES N streams of as many bytes each; prints the
 *                                seconds it took
 *   relay idle ADDR PORT N       opens N connections and prints "idle N", until
 *                                killed
 *   relay usink ADDR PORT        counts datagrams and prints that for each that
 *                                is empty; sends back what is under 64 bytes
 *   relay usend ADDR PORT SECONDS SEGMENTS   datagrams of 1200 bytes as fast as
 *                                they go, so many in one call
 *   relay ublast ADDR PORT N     N datagrams of 64 bytes as fast as they go,
 * once the first had its verdict; prints the ns of CPU that each took relay
 * uping ADDR PORT N      N datagrams there and back, one by one; an empty one
 * for N = 0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#define PIPE_SIZE (1 << 20)
#define ORIGINAL_DST 80
#define POOL_MAX 64
#define DATAGRAM 1200

struct half {
	struct side *from, *to;
	int pipe[2]; /* -1: none */
	size_t piped;
	bool eof;
};

struct side {
	int fd;
	struct flow *flow;
};

struct flow {
	struct side sides[2];
	struct half halves[2];
	/* that a proxy is still to be asked: how far that is */
	enum {
		ASKED,
		CONNECTS,
		GREETED,
		WAITS
	} asks;
	struct sockaddr_in to;
};

static int pool[POOL_MAX][2];
static int n_pool;

static struct sockaddr_in
end_of(char **words)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	sin.sin_port = htons((uint16_t)atoi(words[1]));
	if (inet_pton(AF_INET, words[0], &sin.sin_addr) != 1)
		exit(2);
	return sin;
}

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static int
listen_on(char **words)
{
	struct sockaddr_in sin = end_of(words);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0, "bind");
	must(listen(fd, 4096) == 0, "listen");
	return fd;
}

static void
watch(int ep, int fd, void *what)
{
	struct epoll_event event = { EPOLLIN | EPOLLOUT | EPOLLET,
		{ .ptr = what } };

	must(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void
get_pipe(struct half *half)
{
	if (n_pool > 0) {
		n_pool--;
		memcpy(half->pipe, pool[n_pool], sizeof(half->pipe));
		return;
	}
	must(pipe2(half->pipe, O_NONBLOCK) == 0, "pipe2");
	(void)fcntl(half->pipe[0], F_SETPIPE_SZ, PIPE_SIZE);
}

static void
put_pipe(struct half *half)
{
	if (half->pipe[0] < 0)
		return;
	if (half->piped == 0 && n_pool < POOL_MAX) {
		memcpy(pool[n_pool++], half->pipe, sizeof(half->pipe));
	} else {
		close(half->pipe[0]);
		close(half->pipe[1]);
	}
	half->pipe[0] = -1;
}

/* False: broken. */
static bool
pump(struct half *half)
{
	while (!half->eof) {
		ssize_t n;

		if (half->pipe[0] < 0)
			get_pipe(half);
		while (half->piped > 0) {
			n = splice(half->pipe[0], NULL, half->to->fd, NULL,
			    half->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
			if (n < 0 && errno == EAGAIN)
				return true;
			if (n <= 0)
				return false;
			half->piped -= (size_t)n;
		}
		n = splice(half->from->fd, NULL, half->pipe[1], NULL, PIPE_SIZE,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n < 0 && errno == EAGAIN) {
			put_pipe(half);
			return true;
		}
		if (n < 0)
			return false;
		if (n == 0) {
			half->eof = true;
			put_pipe(half);
			(void)shutdown(half->to->fd, SHUT_WR);
			break;
		}
		half->piped = (size_t)n;
	}
	return true;
}

/* An answer of so many bytes in one piece; false: there is none yet, or none.
 */
static bool
is_answered(int fd, size_t len)
{
	uint8_t answer[10];

	return recv(fd, answer, len, 0) == (ssize_t)len && answer[1] == 0;
}

/* What is next to be said to the proxy. */
static void
ask_proxy(struct flow *flow)
{
	uint8_t request[10] = { 5, 1, 0, 1 };
	int fd = flow->sides[1].fd;

	if (flow->asks == CONNECTS) {
		if (send(fd, "\5\1\0", 3, MSG_NOSIGNAL) == 3)
			flow->asks = GREETED;
	} else if (flow->asks == GREETED) {
		memcpy(request + 4, &flow->to.sin_addr, 4);
		memcpy(request + 8, &flow->to.sin_port, 2);
		if (is_answered(fd, 2) &&
		    send(fd, request, 10, MSG_NOSIGNAL) == 10)
			flow->asks = WAITS;
	} else if (is_answered(fd, 10)) {
		flow->asks = ASKED;
	}
}

static void
carry_one(int ep, int fd, const struct sockaddr_in *proxy)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	struct flow *flow = calloc(1, sizeof(*flow));
	int far = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	must(flow != NULL && far >= 0, "socket");
	must(getsockopt(fd, SOL_IP, ORIGINAL_DST, &to, &len) == 0,
	    "SO_ORIGINAL_DST");
	(void)setsockopt(fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(far, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	flow->to = to;
	flow->asks = proxy != NULL ? CONNECTS : ASKED;
	must(connect(far,
		 proxy != NULL ? (const struct sockaddr *)proxy
			       : (struct sockaddr *)&to,
		 len) == 0 ||
		 errno == EINPROGRESS,
	    "connect");
	for (int i = 0; i < 2; i++) {
		flow->sides[i] = (struct side){ i == 0 ? fd : far, flow };
		flow->halves[i].from = &flow->sides[i];
		flow->halves[i].to = &flow->sides[1 - i];
		flow->halves[i].pipe[0] = -1;
	}
	watch(ep, fd, &flow->sides[0]);
	watch(ep, far, &flow->sides[1]);
}

static void
end_flow(struct flow *flow)
{
	for (int i = 0; i < 2; i++) {
		put_pipe(&flow->halves[i]);
		close(flow->sides[i].fd);
	}
	free(flow);
}

/* False: it has ended. */
static bool
go_on(struct flow *flow)
{
	if (flow->asks != ASKED)
		ask_proxy(flow);
	return flow->asks != ASKED ||
	       (pump(&flow->halves[0]) && pump(&flow->halves[1]) &&
		   !(flow->halves[0].eof && flow->halves[1].eof));
}

static void
carry(char **words, bool by_proxy)
{
	struct sockaddr_in proxy;
	int fd = listen_on(words), ep = epoll_create1(0);
	struct epoll_event events[64], event = { EPOLLIN, { .ptr = NULL } };

	if (by_proxy)
		proxy = end_of(words + 2);
	must(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
	for (;;) {
		/* one at a time: a flow that ended may be named again */
		int n = epoll_wait(ep, events, 1, -1);
		struct side *side = events[0].data.ptr;

		if (n <= 0)
			continue;
		if (side == NULL) {
			int one;

			while (
			    (one = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				carry_one(ep, one, by_proxy ? &proxy : NULL);
			continue;
		}
		if (!go_on(side->flow))
			end_flow(side->flow);
	}
}

static void
sink(char **words)
{
	int fd = listen_on(words), ep = epoll_create1(0);
	struct epoll_event event = { EPOLLIN, { .fd = fd } };
	static char buf[1 << 18];

	must(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
	for (;;) {
		if (epoll_wait(ep, &event, 1, -1) <= 0)
			continue;
		if (event.data.fd == fd) {
			int one = accept4(fd, NULL, NULL, SOCK_NONBLOCK);

			event = (struct epoll_event){ EPOLLIN, { .fd = one } };
			if (one >= 0)
				(void)epoll_ctl(ep, EPOLL_CTL_ADD, one, &event);
			continue;
		}
		if (recv(event.data.fd, buf, sizeof(buf), MSG_TRUNC) == 0)
			close(event.data.fd);
	}
}

static int
dial(char **words)
{
	struct sockaddr_in to = end_of(words);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
	return fd;
}

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
push(char **words)
{
	int n = atoi(words[2]), fds[64], ep = epoll_create1(0), open = 0;
	long long each = atoll(words[3]), left[64];
	static char buf[1 << 18];
	double begin;

	if (n < 1 || n > 64)
		exit(2);
	for (int i = 0; i < n; i++) {
		struct epoll_event event = { EPOLLOUT, { .u32 = (uint32_t)i } };

		fds[i] = dial(words);
		left[i] = each;
		(void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
		(void)epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &event);
		open++;
	}
	begin = seconds();
	while (open > 0) {
		struct epoll_event event;
		uint32_t i;
		ssize_t sent;

		if (epoll_wait(ep, &event, 1, -1) <= 0)
			continue;
		i = event.data.u32;
		if (left[i] == 0) { /* the far end has closed, too */
			close(fds[i]);
			open--;
			continue;
		}
		sent = send(fds[i], buf,
		    left[i] < (long long)sizeof(buf) ? (size_t)left[i]
						     : sizeof(buf),
		    MSG_NOSIGNAL);
		must(sent > 0 || errno == EAGAIN, "send");
		left[i] -= sent > 0 ? sent : 0;
		if (left[i] == 0) {
			shutdown(fds[i], SHUT_WR);
			event.events = EPOLLIN;
			(void)epoll_ctl(ep, EPOLL_CTL_MOD, fds[i], &event);
		}
	}
	printf("%.3f\n", seconds() - begin);
}

static void
idle(char **words)
{
	int n = atoi(words[2]);
	char byte = 'x';

	for (int i = 0; i < n; i++)
		must(send(dial(words), &byte, 1, 0) == 1, "send");
	printf("idle %d\n", n);
	fflush(stdout);
	pause();
}

/* Datagrams ---------------------------------------------------------------- */

static int
dgram_socket(char **words, bool server)
{
	struct sockaddr_in sin = end_of(words);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	must((server ? bind : connect)(
		 fd, (struct sockaddr *)&sin, sizeof(sin)) == 0,
	    server ? "bind" : "connect");
	return fd;
}

static void
usink(char **words)
{
	int fd = dgram_socket(words, true), on = 1;
	unsigned long long seen = 0;
	static char buf[65536];

	/* what arrives in segments is taken as such: the sink is not what is
	 * measured */
	(void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(
		    fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

		if (n == 0) {
			printf("%llu\n", seen);
			fflush(stdout);
		} else if (n < 64) {
			(void)sendto(fd, buf, (size_t)n, 0,
			    (struct sockaddr *)&from, len);
		} else {
			seen += (unsigned long long)n / DATAGRAM;
		}
	}
}

static void
usend(char **words)
{
	int fd = dgram_socket(words, false), segment = DATAGRAM;
	int n = atoi(words[3]);
	double end = seconds() + atof(words[2]);
	static char buf[64 * DATAGRAM];
	unsigned long long sent = 0;

	if (n < 1 || n > 50)
		exit(2);
	if (n > 1)
		must(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment,
			 sizeof(segment)) == 0,
		    "UDP_SEGMENT");
	while (seconds() < end)
		if (send(fd, buf, (size_t)(n * DATAGRAM), 0) > 0)
			sent += (unsigned long long)n;
	printf("%llu\n", sent);
}

static double
own_cpu(void)
{
	struct timespec ts;

	must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) == 0, "clock");
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void
ublast(char **words)
{
	int fd = dgram_socket(words, false), n = atoi(words[2]);
	struct mmsghdr msgs[64] = { 0 };
	char buf[64] = { 0 }, word[16] = "ping";
	struct iovec iov = { buf, sizeof(buf) };
	double begin;
	int sent = 0;

	for (size_t i = 0; i < 64; i++) {
		msgs[i].msg_hdr.msg_iov = &iov;
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	/* and its answer, which makes it an established one */
	must(send(fd, word, sizeof(word), 0) > 0, "send");
	must(recv(fd, word, sizeof(word), 0) > 0, "recv");
	begin = own_cpu();
	while (sent < n) {
		int r = sendmmsg(fd, msgs, 64, 0);

		must(r > 0, "sendmmsg");
		sent += r;
	}
	printf("%.0f\n", (own_cpu() - begin) / sent);
}

static void
uping(char **words)
{
	int fd = dgram_socket(words, false), n = atoi(words[2]);
	char word[16] = "ping";
	double begin = seconds();

	if (n == 0)
		must(send(fd, word, 0, 0) == 0, "send");
	for (int i = 0; i < n; i++) {
		must(send(fd, word, sizeof(word), 0) > 0, "send");
		must(recv(fd, word, sizeof(word), 0) > 0, "recv");
	}
	if (n > 0)
		printf("%.3f\n", seconds() - begin);
}

int
main(int argc, char **argv)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if ((argc == 4 || argc == 6) && strcmp(argv[1], "carry") == 0)
		carry(argv + 2, argc == 6);
	else if (argc == 4 && strcmp(argv[1], "sink") == 0)
		sink(argv + 2);
	else if (argc == 6 && strcmp(argv[1], "push") == 0)
		push(argv + 2);
	else if (argc == 5 && strcmp(argv[1], "idle") == 0)
		idle(argv + 2);
	else if (argc == 4 && strcmp(argv[1], "usink") == 0)
		usink(argv + 2);
	else if (argc == 6 && strcmp(argv[1], "usend") == 0)
		usend(argv + 2);
	else if (argc == 5 && strcmp(argv[1], "ublast") == 0)
		ublast(argv + 2);
	else if (argc == 5 && strcmp(argv[1], "uping") == 0)
		uping(argv + 2);
	else
		return 2;
	return 0;
}
