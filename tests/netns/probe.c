/* One try of a program to reach another, and how it felt:
 *   probe tcp|udp|icmp ADDR PORT [TIMEOUT_MS]
 * prints "ok MS" or "ERRNO MS"; exit status 0 for ok. Without TIMEOUT_MS it
 * waits for $PROBE_MS, or a second. Its packets have $PROBE_MARK, it is bound
 * to the port $PROBE_PORT and the device $PROBE_DEVICE first, and $PROBE_TIMES
 * answers are to come. probe
 * serve PORT[,PORT...] ADDR...   echoes TCP and UDP on each of them, prints
 * "ready", until killed. An answer leaves from the address that was asked: none
 * of them may be a wildcard on a host with several.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A pause is so many of these: while the machine stands still nobody answers,
 * and no more than one of them is over. */
#define PIECE_MS 20

struct end {
	struct sockaddr_storage addr;
	socklen_t len;
};

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static struct end
parse_end(const char *addr, const char *port)
{
	struct end end = { .len = 0 };
	struct sockaddr_in *sin = (struct sockaddr_in *)&end.addr;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&end.addr;

	if (inet_pton(AF_INET, addr, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons((uint16_t)atoi(port));
		end.len = sizeof(*sin);
	} else if (inet_pton(AF_INET6, addr, &sin6->sin6_addr) == 1) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons((uint16_t)atoi(port));
		end.len = sizeof(*sin6);
	} else {
		fprintf(stderr, "probe: bad address %s\n", addr);
		exit(2);
	}
	return end;
}

static int
open_socket(const char *proto, int family)
{
	if (strcmp(proto, "tcp") == 0)
		return socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (strcmp(proto, "udp") == 0)
		return socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	return socket(family, SOCK_DGRAM | SOCK_NONBLOCK,
	    family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static int
number_of(const char *variable, int otherwise)
{
	const char *value = getenv(variable);

	return value != NULL ? atoi(value) : otherwise;
}

/* Its mark, device and port, where it is to have some: 0 or an errno. */
static int
dress(int fd, int family)
{
	uint16_t port = htons((uint16_t)number_of("PROBE_PORT", 0));
	int mark = number_of("PROBE_MARK", 0);
	const char *device = getenv("PROBE_DEVICE");
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6,
		.sin6_port = port };
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = port };
	int r = 0;

	if (mark != 0)
		r = setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	if (r == 0 && device != NULL)
		r = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
		    (socklen_t)strlen(device));
	if (r == 0 && port != 0)
		r = family == AF_INET
			? bind(fd, (struct sockaddr *)&any, sizeof(any))
			: bind(fd, (struct sockaddr *)&any6, sizeof(any6));
	return r < 0 ? errno : 0;
}

/* 0 or an errno; ETIMEDOUT when nothing came. The time is counted in pieces:
 * one in which the machine stood still for all is no longer than the others. */
static int
await(int fd, short events, int timeout)
{
	struct pollfd p = { .fd = fd, .events = events };
	int error = 0, n = 0;
	socklen_t len = sizeof(error);

	for (int left = timeout; n == 0 && left > 0; left -= PIECE_MS)
		n = poll(&p, 1, left < PIECE_MS ? left : PIECE_MS);
	if (n == 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}

static int
exchange(int fd, const char *proto, int family, int timeout)
{
	char bytes[16] = "hello";
	int error;

	if (strcmp(proto, "icmp") == 0) {
		memset(bytes, 0, sizeof(bytes));
		bytes[0] = family == AF_INET ? (char)ICMP_ECHO
					     : (char)ICMP6_ECHO_REQUEST;
	}
	if (send(fd, bytes, 8, 0) < 0)
		return errno;
	error = await(fd, POLLIN, timeout);
	if (error != 0)
		return error;
	return recv(fd, bytes, sizeof(bytes), 0) < 0 ? errno : 0;
}

static int
probe(const char *proto, const struct end *end, int timeout)
{
	int fd = open_socket(proto, end->addr.ss_family);
	double begin = now_ms();
	int error = 0;

	if (fd < 0) {
		perror("probe: socket");
		return 2;
	}
	error = dress(fd, end->addr.ss_family);
	if (error == 0 &&
	    connect(fd, (const struct sockaddr *)&end->addr, end->len) < 0)
		error =
		    errno == EINPROGRESS ? await(fd, POLLOUT, timeout) : errno;
	for (int left = number_of("PROBE_TIMES", 1); error == 0 && left > 0;
	     left--)
		error = exchange(fd, proto, end->addr.ss_family, timeout);
	printf("%s %.2f\n", error == 0 ? "ok" : strerrorname_np(error),
	    now_ms() - begin);
	return error != 0;
}

/* Listeners, UDP sockets and accepted connections. */
#define SERVED_MAX 512

struct server {
	struct pollfd polls[SERVED_MAX];
	enum {
		LISTENER,
		DATAGRAMS,
		STREAM
	} kinds[SERVED_MAX];
	nfds_t n;
};

static void
server_add(struct server *server, int fd, int kind)
{
	if (fd < 0 || server->n == SERVED_MAX) {
		close(fd); /* the client sees its connection end */
		return;
	}
	server->polls[server->n] = (struct pollfd){ fd, POLLIN, 0 };
	server->kinds[server->n++] = kind;
}

static void
server_bind(struct server *server, const char *addr, const char *port)
{
	struct end end = parse_end(addr, port);
	const struct sockaddr *sa = (const struct sockaddr *)&end.addr;
	int tcp = socket(end.addr.ss_family, SOCK_STREAM, 0), one = 1;
	int udp = socket(end.addr.ss_family, SOCK_DGRAM, 0);

	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(tcp, sa, end.len) < 0 || listen(tcp, 4096) < 0 ||
	    bind(udp, sa, end.len) < 0) {
		fprintf(stderr, "probe: serve %s %s: %s\n", addr, port,
		    strerror(errno));
		exit(1);
	}
	server_add(server, tcp, LISTENER);
	server_add(server, udp, DATAGRAMS);
}

/* False when the connection is over. */
static int
server_echo(int fd)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char bytes[2048];
	ssize_t n = recvfrom(
	    fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &len);

	return n > 0 && sendto(fd, bytes, (size_t)n, MSG_NOSIGNAL,
			    len > 0 ? (struct sockaddr *)&from : NULL, len) > 0;
}

static void
server_turn(struct server *server)
{
	for (nfds_t i = server->n; i-- > 0;) {
		int fd = server->polls[i].fd;

		if (server->polls[i].revents == 0)
			continue;
		if (server->kinds[i] == LISTENER) {
			server_add(server, accept(fd, NULL, NULL), STREAM);
		} else if (!server_echo(fd) && server->kinds[i] == STREAM) {
			close(fd);
			server->polls[i] = server->polls[--server->n];
			server->kinds[i] = server->kinds[server->n];
			server->polls[i].revents = 0; /* looked at already */
		}
	}
}

static int
serve(char *ports, char **addrs)
{
	static struct server server;

	for (const char *port = strtok(ports, ","); port != NULL;
	     port = strtok(NULL, ","))
		for (char **addr = addrs; *addr != NULL; addr++)
			server_bind(&server, *addr, port);
	puts("ready");
	fflush(stdout);
	while (poll(server.polls, server.n, -1) > 0)
		server_turn(&server);
	return 1;
}

int
main(int argc, char **argv)
{
	struct end end;

	if (argc < 4) {
		fputs("usage: probe tcp|udp|icmp ADDR PORT [TIMEOUT_MS]\n"
		      "       probe serve PORT[,PORT...] ADDR...\n",
		    stderr);
		return 2;
	}
	if (strcmp(argv[1], "serve") == 0)
		return serve(argv[2], argv + 3);
	end = parse_end(argv[2], argv[3]);
	return probe(argv[1], &end,
	    argc > 4 ? atoi(argv[4]) : number_of("PROBE_MS", 1000));
}
