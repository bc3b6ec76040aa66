/* Makes processes that send one packet and end at once.
 *
 *	short KIND ADDRESS PORT N PARALLEL [exec PROGRAM]
 *
 * KIND: udp (unconnected), udpc (connected), mapped (IPv4 through an IPv6
 * socket), tcp (non-blocking connect), tcpw (connects and writes), tcpu and
 * tcpup (connect through io_uring, by a thread of the kernel's), ping, uring
 *and uringp (the same for a datagram). The family is the address's. one KIND
 *ADDRESS PORT is a single one, that sends by itself or, by $SHORT_BY, in
 *another way: vfork (a child that has our memory), files (a child that has our
 *descriptors), thread (one that runs this program anew, by $SHORT_EXEC). exec:
 *each child runs PROGRAM, which is this one too, by another path. $SHORT_BIND
 *is the local port to take, with others if there is $SHORT_SHARE; $SHORT_SEND
 *the bytes to send, in hex; $SHORT_PID the number from which on processes take
 *theirs, over and over again. Prints a line "LOCAL-PORT PID" for each; for ping
 *the port is the identifier. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/netns/uring.h"

/* Somebody else may have a number that is to be taken again. */
#define PIDS_MAX 100000

struct sent {
	uint16_t port;
	pid_t pid;
};

static void
die(const char *what)
{
	fprintf(stderr, "short: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* The destination; an IPv4 one as IPv6 for `mapped`. */
static socklen_t
parse(const char *kind, const char *address, const char *port,
    struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	char mapped[64];

	memset(ret, 0, sizeof(*ret));
	if (strcmp(kind, "mapped") == 0) {
		(void)snprintf(mapped, sizeof(mapped), "::ffff:%s", address);
		address = mapped;
	}
	if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)atoi(port));
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, address, &six->sin6_addr) != 1)
		die(address);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)atoi(port));
	return sizeof(*six);
}

static uint16_t
local_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		die("getsockname");
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

static void
take_port(int fd, int family)
{
	const char *port = getenv("SHORT_BIND");
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	int r;

	if (port == NULL)
		return;
	if (getenv("SHORT_SHARE") != NULL &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) <
		0)
		die("SO_REUSEADDR");
	four.sin_port = six.sin6_port = htons((uint16_t)atoi(port));
	r = family == AF_INET ? bind(fd, (struct sockaddr *)&four, sizeof(four))
			      : bind(fd, (struct sockaddr *)&six, sizeof(six));
	if (r < 0)
		die("bind");
}

/* What is sent: the name of the program as a rule. */
static size_t
payload(char *ret, size_t size)
{
	const char *hex = getenv("SHORT_SEND");
	size_t n = 0;

	if (hex == NULL)
		return (size_t)snprintf(
		    ret, size, "%s", program_invocation_short_name);
	for (unsigned int byte;
	     n < size && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		ret[n] = (char)byte;
	return n;
}

static int
open_socket(const char *kind, int family)
{
	int type = SOCK_DGRAM, proto = 0, fd;

	if (strcmp(kind, "tcp") == 0)
		type = SOCK_STREAM | SOCK_NONBLOCK;
	else if (strncmp(kind, "tcp", 3) == 0)
		type = SOCK_STREAM;
	if (strcmp(kind, "ping") == 0)
		proto = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	fd = socket(family, type, proto);
	if (fd < 0)
		die("socket");
	take_port(fd, family);
	return fd;
}

/* Sends one packet; returns the local port. */
static uint16_t
send_one(const char *kind, const char *address, const char *port)
{
	struct sockaddr_storage to;
	socklen_t len = parse(kind, address, port, &to);
	int fd = open_socket(kind, to.ss_family);
	struct icmphdr echo = {
		.type = to.ss_family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST
	};
	char text[512];
	size_t text_len = payload(text, sizeof(text));
	ssize_t n = 0;

	if (strncmp(kind, "tcpu", 4) == 0) {
		n = uring_connect(fd, (struct sockaddr *)&to, len,
		    strcmp(kind, "tcpup") == 0);
		errno = n < 0 ? (int)-n : 0;
	} else if (strncmp(kind, "tcp", 3) == 0 || strcmp(kind, "udpc") == 0) {
		if (connect(fd, (struct sockaddr *)&to, len) < 0 &&
		    errno != EINPROGRESS)
			die("connect");
		if (strcmp(kind, "tcp") != 0)
			n = send(fd, text, text_len, 0);
	} else if (strcmp(kind, "ping") == 0) {
		n = sendto(
		    fd, &echo, sizeof(echo), 0, (struct sockaddr *)&to, len);
	} else if (strncmp(kind, "uring", 5) == 0) {
		struct iovec iov = { text, text_len };
		struct msghdr msg = { .msg_name = &to,
			.msg_namelen = len,
			.msg_iov = &iov,
			.msg_iovlen = 1 };

		n = uring_send(fd, &msg, strcmp(kind, "uringp") == 0);
		errno = n < 0 ? (int)-n : 0;
	} else {
		n = sendto(fd, text, text_len, 0, (struct sockaddr *)&to, len);
	}
	if (n < 0)
		die("send");
	return local_port(fd);
}

static void
child(char **argv, struct sent *sent)
{
	sent->pid = getpid();
	if (argv[6] != NULL && strcmp(argv[6], "exec") == 0) {
		execl(argv[7], argv[7], "one", argv[1], argv[2], argv[3],
		    (char *)NULL);
		die("exec");
	}
	sent->port = send_one(argv[1], argv[2], argv[3]);
	_exit(0);
}

/* Who runs another program takes the place of the first thread. */
static void *
exec_thread(void *arg)
{
	char **argv = arg;
	const char *path = getenv("SHORT_EXEC");

	(void)unsetenv("SHORT_BY");
	(void)execv(path != NULL ? path : argv[0], argv);
	die("exec");
	return NULL;
}

static int one(char **argv);

static int
child_one(void *arg)
{
	_exit(one(arg));
}

/* In a child, or in a thread: the status of that. -1: no such way is wanted. */
static int
by_other(char **argv)
{
	static _Alignas(16) char stack[256 << 10];
	const char *by = getenv("SHORT_BY");
	pthread_t thread;
	int flags = CLONE_FILES | SIGCHLD, pid, status;

	if (by == NULL)
		return -1;
	if (strcmp(by, "thread") == 0) {
		if (pthread_create(&thread, NULL, exec_thread, argv) != 0)
			die("thread");
		for (;;)
			(void)pause(); /* until the exec */
	}
	if (strcmp(by, "vfork") == 0)
		flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
	pid = clone(child_one, stack + sizeof(stack), flags, argv);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("child");
	return status != 0;
}

static int
one(char **argv)
{
	uint16_t port = send_one(argv[2], argv[3], argv[4]);
	char line[32];
	int n = snprintf(line, sizeof(line), "%u %d\n", port, (int)getpid());

	return write(STDOUT_FILENO, line, (size_t)n) == n ? 0 : 1;
}

/* A child, with one of the numbers that others before it had. */
static pid_t
born(size_t i, size_t parallel)
{
	const char *from = getenv("SHORT_PID");
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t number, pid;

	if (from == NULL)
		return fork();
	args.set_tid = (uintptr_t)&number;
	args.set_tid_size = 1;
	for (size_t tries = 0; tries < PIDS_MAX; tries++) {
		number = atoi(from) + (pid_t)((i + tries) % (2 * parallel));
		pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (pid >= 0 || errno != EEXIST)
			return pid;
	}
	return -1;
}

int
main(int argc, char **argv)
{
	size_t n, running = 0, parallel;
	struct sent *sent;
	int status, bad = 0;

	if (argc == 5 && strcmp(argv[1], "one") == 0) {
		status = by_other(argv);
		return status >= 0 ? status : one(argv);
	}
	if (argc != 6 && argc != 8)
		die("usage");
	n = strtoul(argv[4], NULL, 10);
	parallel = strtoul(argv[5], NULL, 10);
	sent = mmap(NULL, n * sizeof(*sent), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sent == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < n || running > 0;) {
		if (i < n && running < parallel) {
			pid_t pid = born(i, parallel);

			if (pid < 0)
				die("fork");
			if (pid == 0)
				child(argv, &sent[i]);
			running++;
			i++;
			continue;
		}
		if (wait(&status) < 0)
			die("wait");
		bad += status != 0;
		running--;
	}
	for (size_t i = 0; argc == 6 && i < n; i++)
		printf("%u %d\n", sent[i].port, (int)sent[i].pid);
	return bad != 0;
}
