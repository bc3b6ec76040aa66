/* What attribution alone costs a connection: the daemon's own attr.c with its
 * programs in the kernel, and no daemon around it. To be run in a network
 * namespace of its own with lo up.
 *
 *	bench_who [ROUNDS]
 *
 * Processes send one datagram each to loopback (the program in the kernel says
 * who), and who sent it is asked for as the judge does when the packet comes.
 * Prints, per packet: the program's time in the sender's call, as the kernel
 * counts it; and the time of the look-up, by BPF and by sock_diag with /proc.
 * Medians over the rounds, in microseconds; and how many were named wrongly. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "src/attr.h"
#include "src/base/mono.h"
#include "src/linux/diag.h"
#include "src/linux/procfs.h"

#define ROUNDS_MAX 2000
#define BATCH_MAX 64
#define PORT 9 /* discard */

struct sent {
	uint16_t port;
	pid_t pid;
};

struct bench {
	struct stats stats;
	struct diag *diag;
	struct procfs *procfs;
	struct attr *attr;
	bool bpf;
	int rounds;
	double us[ROUNDS_MAX];
	unsigned int unknown, wrong;
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* A packet as it would come from the queue. */
struct seen {
	uint8_t bytes[sizeof(struct iphdr) + sizeof(struct udphdr) + 1];
	struct packet pkt;
};

static void
see(struct seen *ret, uint16_t port)
{
	struct iphdr ip = { .version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(sizeof(ret->bytes)),
		.saddr = htonl(INADDR_LOOPBACK),
		.daddr = htonl(INADDR_LOOPBACK) };
	struct udphdr udp = { .source = htons(port),
		.dest = htons(PORT),
		.len = htons(sizeof(udp) + 1) };

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->bytes, &ip, sizeof(ip));
	memcpy(ret->bytes + sizeof(ip), &udp, sizeof(udp));
	if (packet_parse(&ret->pkt, ret->bytes, sizeof(ret->bytes),
		sizeof(ret->bytes)) != 0)
		die("packet");
	ret->pkt.ifindex = 1;
	ret->pkt.loopback = true;
	ret->pkt.has_uid = true;
	ret->pkt.uid = geteuid();
	ret->pkt.gid = getegid();
}

/* Clients ------------------------------------------------------------------ */

/* From a new socket, which *ret_fd is. */
static struct sent
send_one(int *ret_fd)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    sendto(fd, "x", 1, 0, (const void *)&to, sizeof(to)) != 1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		_exit(1);
	*ret_fd = fd;
	return (struct sent){ ntohs(at.sin_port), getpid() };
}

/* What a client is told by one letter: to send, to close the socket, to let a
 * child send, or a child's child, to end that child. The answer is a struct
 * sent. */
enum word {
	WORD_SEND = 's',
	WORD_CLOSE = 'c',
	WORD_CHILD = 'f',
	WORD_GRANDCHILD = 'g',
	WORD_END = 'e',
};

static void
child_main(int ctl, bool lets_child)
{
	struct sent sent;
	int fd;

	if (lets_child && fork() != 0)
		for (;;)
			(void)pause(); /* always EINTR */
	if (lets_child)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	sent = send_one(&fd);
	(void)send(ctl, &sent, sizeof(sent), 0); /* its parent is waited for */
	for (;;)
		(void)pause(); /* always EINTR */
}

static void
client_main(int ctl)
{
	struct sent sent = { 0 };
	pid_t child = 0;
	int fd = -1;
	char word;

	while (recv(ctl, &word, 1, 0) == 1) {
		if (word == WORD_SEND)
			sent = send_one(&fd);
		if (word == WORD_CLOSE)
			(void)close(fd);
		if (word == WORD_END) {
			(void)kill(child, SIGKILL);
			(void)waitpid(child, NULL, 0);
		}
		if (word != WORD_CHILD && word != WORD_GRANDCHILD) {
			(void)send(ctl, &sent, sizeof(sent), 0);
			continue;
		}
		child = fork();
		if (child == 0)
			child_main(ctl, word == WORD_GRANDCHILD);
	}
	if (child > 0)
		(void)kill(child, SIGKILL);
	_exit(0);
}

struct client {
	pid_t pid;
	int ctl;
};

static struct client
client_start(void)
{
	struct client client;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		die("socketpair");
	client.pid = fork();
	if (client.pid < 0)
		die("fork");
	if (client.pid == 0) {
		if (dup2(pair[1], 3) != 3 || close_range(4, ~0U, 0) != 0)
			_exit(1);
		client_main(3);
	}
	(void)close(pair[1]);
	client.ctl = pair[0];
	return client;
}

static void
client_end(struct client *client)
{
	(void)close(client->ctl);	  /* it ends */
	(void)kill(client->pid, SIGKILL); /* others may hold its other end */
	(void)waitpid(client->pid, NULL, 0);
}

static struct sent
client_tell(struct client *client, enum word word)
{
	char c = (char)word;
	struct sent sent;

	if (send(client->ctl, &c, 1, 0) != 1 ||
	    recv(client->ctl, &sent, sizeof(sent), 0) != sizeof(sent))
		die("client");
	return sent;
}

/* Look-ups ----------------------------------------------------------------- */

static void
name_one(struct bench *b, struct seen *seen, pid_t pid)
{
	const struct process *proc = NULL;
	struct socket_facts sock;

	attr_socket(
	    b->attr, &seen->pkt, seen->bytes, sizeof(seen->bytes), &sock);
	if (sock.status != SOCKET_FOUND || (sock.by == BY_BPF) != b->bpf ||
	    attr_process(b->attr, &sock, &proc) != 0) {
		b->unknown++;
		return;
	}
	b->wrong += proc->pid != pid;
	process_unref(proc);
}

static void
name_all(struct bench *b, const struct sent *sent, int n, int round)
{
	static struct seen seen[BATCH_MAX];
	mono_t begin;

	for (int i = 0; i < n; i++)
		see(&seen[i], sent[i].port);
	begin = mono_now();
	attr_round(b->attr, begin);
	for (int i = 0; i < n; i++)
		name_one(b, &seen[i], sent[i].pid);
	b->us[round] = (double)mono_since(mono_now(), begin) / 1000 / n;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
report(struct bench *b, const char *name)
{
	qsort(b->us, (size_t)b->rounds, sizeof(double), ascending);
	(void)printf("%-10s %-38s %8.2f us (best %7.2f, p90 %8.2f)  "
		     "unknown %u wrong %u\n",
	    b->bpf ? "bpf" : "sock_diag", name, b->us[b->rounds / 2], b->us[0],
	    b->us[b->rounds * 9 / 10], b->unknown, b->wrong);
	b->unknown = b->wrong = 0;
}

/* n processes that stay, each with a new socket in each round. */
static void
bench_clients(struct bench *b, int n, const char *name)
{
	struct client clients[BATCH_MAX];
	struct sent sent[BATCH_MAX];

	for (int i = 0; i < n; i++)
		clients[i] = client_start();
	for (int round = -1; round < b->rounds; round++) {
		for (int i = 0; i < n; i++)
			sent[i] = client_tell(&clients[i], WORD_SEND);
		name_all(b, sent, n, round < 0 ? 0 : round); /* -1: warm */
		for (int i = 0; i < n; i++)
			(void)client_tell(&clients[i], WORD_CLOSE);
	}
	report(b, name);
	for (int i = 0; i < n; i++)
		client_end(&clients[i]);
}

/* Not children of this process: after a fork each page that it writes to would
 * be copied, in the time that is measured. */
static void
bench_new(struct bench *b, enum word word, bool gone, const char *name)
{
	struct client client = client_start();

	for (int round = 0; round < b->rounds; round++) {
		struct sent sent = client_tell(&client, word);

		if (gone)
			(void)client_tell(&client, WORD_END);
		name_all(b, &sent, 1, round);
		if (!gone)
			(void)client_tell(&client, WORD_END);
	}
	report(b, name);
	client_end(&client);
}

/* In the kernel ------------------------------------------------------------ */

/* The programs that were loaded after `since`: this process's. */
static uint32_t
last_program(void)
{
	uint32_t id = 0, last = 0;

	while (bpf_prog_get_next_id(id, &id) == 0)
		last = id;
	return last;
}

static void
report_programs(uint32_t since)
{
	uint32_t id = since;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
		    info.run_cnt > 0)
			(void)printf("kernel     %-38s %8.2f us a run, "
				     "%llu runs\n",
			    info.name,
			    (double)info.run_time_ns / 1000 /
				(double)info.run_cnt,
			    (unsigned long long)info.run_cnt);
		(void)close(fd);
	}
}

static void
bench(int rounds, bool bpf)
{
	struct bench b = { .bpf = bpf, .rounds = rounds };
	struct attr_opts opts = {
		.stats = &b.stats, .bpf = bpf, .queue = 4096
	};
	uint32_t since = last_program();
	struct attr_status status;
	int counting = bpf ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;

	if (diag_open(&b.diag) != 0 || procfs_open(&b.procfs, 512) != 0)
		die("open");
	opts.diag = b.diag;
	opts.procfs = b.procfs;
	if (attr_new(&b.attr, &opts) != 0)
		die("attr_new");
	attr_status(b.attr, &status);
	if (status.bpf == bpf) {
		bench_clients(&b, 1, "one process, a new socket each time");
		bench_clients(&b, 64, "64 processes at once");
		bench_new(&b, WORD_CHILD, false, "a new process each time");
		bench_new(&b, WORD_CHILD, true, "… that is gone by then");
		bench_new(&b, WORD_GRANDCHILD, false, "… of a new parent");
		if (counting >= 0)
			report_programs(since);
	} else {
		(void)printf("no BPF: %s\n", status.bpf_why);
	}
	attr_free(b.attr);
	procfs_close(b.procfs);
	diag_close(b.diag);
	if (counting >= 0)
		(void)close(counting); /* and it is off */
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 400;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	bench(rounds, true);
	bench(rounds, false);
	return 0;
}
