/* One try of a program to reach another, and how it felt:
 *   probe tcp|udp|icmp ADDR PORT [TIMEOUT_MS]
 * prints "ok MS" or "ERRNO MS"; exit status 0 for ok.
 *   probe serve ADDR PORT     echoes TCP and UDP, prints "ready", until killed
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

/* 0 or an errno; ETIMEDOUT when nothing came. */
static int
await(int fd, short events, int timeout)
{
	struct pollfd p = { .fd = fd, .events = events };
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&p, 1, timeout) == 0)
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
	if (connect(fd, (const struct sockaddr *)&end->addr, end->len) < 0)
		error =
		    errno == EINPROGRESS ? await(fd, POLLOUT, timeout) : errno;
	if (error == 0)
		error = exchange(fd, proto, end->addr.ss_family, timeout);
	printf("%s %.2f\n", error == 0 ? "ok" : strerrorname_np(error),
	    now_ms() - begin);
	return error != 0;
}

static void
echo_tcp(int fd)
{
	char bytes[256];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		if (send(fd, bytes, (size_t)n, MSG_NOSIGNAL) < 0)
			break;
	close(fd);
}

static int
serve(const struct end *end)
{
	const struct sockaddr *addr = (const struct sockaddr *)&end->addr;
	int tcp = socket(end->addr.ss_family, SOCK_STREAM, 0), one = 1;
	int udp = socket(end->addr.ss_family, SOCK_DGRAM, 0);
	struct pollfd p[2] = { { tcp, POLLIN, 0 }, { udp, POLLIN, 0 } };

	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(tcp, addr, end->len) < 0 || listen(tcp, 64) < 0 ||
	    bind(udp, addr, end->len) < 0) {
		perror("probe: serve");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (poll(p, 2, -1) > 0) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		char bytes[256];
		ssize_t n;
		int fd;

		if ((p[0].revents & POLLIN) != 0 &&
		    (fd = accept(tcp, NULL, NULL)) >= 0) {
			if (fork() == 0) {
				echo_tcp(fd);
				_exit(0);
			}
			close(fd);
		}
		if ((p[1].revents & POLLIN) == 0)
			continue;
		n = recvfrom(udp, bytes, sizeof(bytes), 0,
		    (struct sockaddr *)&from, &len);
		if (n > 0)
			sendto(udp, bytes, (size_t)n, 0,
			    (struct sockaddr *)&from, len);
	}
	return 1;
}

int
main(int argc, char **argv)
{
	struct end end;

	if (argc < 4) {
		fputs("usage: probe tcp|udp|icmp ADDR PORT [TIMEOUT_MS]\n"
		      "       probe serve ADDR PORT\n",
		    stderr);
		return 2;
	}
	end = parse_end(argv[2], argv[3]);
	if (strcmp(argv[1], "serve") == 0)
		return serve(&end);
	return probe(argv[1], &end, argc > 4 ? atoi(argv[4]) : 1000);
}
