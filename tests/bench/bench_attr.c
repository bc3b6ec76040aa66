/* What attribution costs: medians over rounds, in microseconds of wall time
 * (the loop is busy all along). A child makes the sockets, as a client would;
 * they are looked up as the daemon does it. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/diag.h"
#include "src/linux/procfs.h"

#define ROUNDS 400
#define BATCH_MAX 64

struct client {
	pid_t pid;
	int ctl;
};

struct bench {
	struct diag *diag;
	struct procfs *procfs;
	double diag_us[ROUNDS], owner_us[ROUNDS];
	uint64_t walks;
	unsigned int wrong;
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static uint16_t
make_socket(int *ret)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	*ret = socket(AF_INET, SOCK_DGRAM, 0);
	if (*ret < 0 || bind(*ret, (struct sockaddr *)&sin, len) != 0 ||
	    getsockname(*ret, (struct sockaddr *)&sin, &len) != 0)
		die("socket");
	return ntohs(sin.sin_port);
}

/* Makes as many sockets as it is told, gives their ports, and closes them. */
static void
client_main(int ctl)
{
	uint16_t ports[BATCH_MAX];
	int fds[BATCH_MAX], n;

	/* what a program would not have: the cache of this one */
	if (dup2(ctl, 3) != 3 || close_range(4, ~0U, 0) != 0)
		die("close_range");
	ctl = 3;
	while (recv(ctl, &n, sizeof(n), 0) == sizeof(n)) {
		for (int i = 0; i < n; i++)
			ports[i] = make_socket(&fds[i]);
		(void)send(ctl, ports, sizeof(ports), 0);
		(void)recv(ctl, &n, sizeof(n), 0); /* looked up */
		for (int i = 0; i < n; i++)
			(void)close(fds[i]);
		(void)send(ctl, &n, sizeof(n), 0);
	}
	_exit(0);
}

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
		(void)close(pair[0]);
		client_main(pair[1]);
	}
	(void)close(pair[1]);
	client.ctl = pair[0];
	return client;
}

static void
client_end(struct client *client)
{
	(void)close(client->ctl);
	(void)kill(client->pid, SIGKILL); /* others hold its other end */
	(void)waitpid(client->pid, NULL, 0);
}

static double
us(mono_t from, mono_t to, int n)
{
	return (double)mono_since(to, from) / 1000 / n;
}

static void
look_up(struct bench *b, const struct client *client, const uint16_t *ports,
    int n, int round)
{
	static const uint8_t lo[4] = { 127, 0, 0, 1 };
	struct flow_key key = { .local = addr_ip4(lo),
		.remote = addr_ip4(lo),
		.rport = 53,
		.proto = IPPROTO_UDP };
	struct socket_facts facts[BATCH_MAX];
	const struct process *proc;
	mono_t start = mono_now(), middle;

	for (int i = 0; i < n; i++) {
		key.lport = ports[i];
		diag_find(b->diag, &key, false, 1, &facts[i]);
	}
	middle = mono_now();
	procfs_round(b->procfs);
	for (int i = 0; i < n; i++) {
		if (procfs_owner(
			b->procfs, facts[i].inode, facts[i].uid, &proc) != 0) {
			b->wrong++;
			continue;
		}
		b->wrong += proc->pid != client->pid;
		process_unref(proc);
	}
	b->diag_us[round] = us(start, middle, n);
	b->owner_us[round] = us(middle, mono_now(), n);
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
	qsort(b->diag_us, ROUNDS, sizeof(double), ascending);
	qsort(b->owner_us, ROUNDS, sizeof(double), ascending);
	(void)printf("%-34s diag %6.2f  owner %8.2f (best %7.2f, p90 %8.2f) us"
		     "  walks %llu wrong %u\n",
	    name, b->diag_us[ROUNDS / 2], b->owner_us[ROUNDS / 2],
	    b->owner_us[0], b->owner_us[ROUNDS * 9 / 10],
	    (unsigned long long)(procfs_walks(b->procfs) - b->walks), b->wrong);
	b->walks = procfs_walks(b->procfs);
	b->wrong = 0;
}

static void
one_round(struct bench *b, struct client *client, int n, int times, int round)
{
	uint16_t ports[BATCH_MAX];

	(void)send(client->ctl, &n, sizeof(n), 0);
	(void)recv(client->ctl, ports, sizeof(ports), 0);
	for (int i = 0; i < times; i++)
		look_up(b, client, ports, n, round);
	(void)send(client->ctl, &n, sizeof(n), 0);
	(void)recv(client->ctl, &n, sizeof(n), 0);
}

static void
bench_one_client(struct bench *b, int n, int times, const char *name)
{
	struct client client = client_start();

	one_round(b, &client, n, times, 0); /* warm */
	for (int i = 0; i < ROUNDS; i++)
		one_round(b, &client, n, times, i);
	report(b, name);
	client_end(&client);
}

static void
bench_many_clients(struct bench *b, int clients)
{
	struct client client[BATCH_MAX];
	char name[64];

	for (int i = 0; i < clients; i++)
		client[i] = client_start();
	for (int i = 0; i < clients; i++)
		one_round(b, &client[i], 1, 1, 0); /* warm */
	for (int i = 0; i < ROUNDS; i++)
		one_round(b, &client[i % clients], 1, 1, i);
	(void)snprintf(name, sizeof(name), "%d clients in turn", clients);
	report(b, name);
	for (int i = 0; i < clients; i++)
		client_end(&client[i]);
}

static void
bench_new_process(struct bench *b)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct client client = client_start();

		one_round(b, &client, 1, 1, i);
		client_end(&client);
	}
	report(b, "a new process for each socket");
}

/* Other processes, asleep, with 14 descriptors each. */
static void
crowd_start(pid_t *pids, int n)
{
	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			for (int j = 0; j < 7; j++)
				if (dup(0) < 0)
					_exit(1);
			(void)socket(AF_INET, SOCK_DGRAM, 0);
			for (;;)
				(void)pause();
		}
	}
}

int
main(int argc, char **argv)
{
	int crowd = argc > 1 ? atoi(argv[1]) : 0;
	pid_t *pids = calloc((size_t)crowd + 1, sizeof(*pids));
	struct bench b = { 0 };

	if (pids == NULL || diag_open(&b.diag) != 0 ||
	    procfs_open(&b.procfs, 512) != 0)
		die("open");
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	crowd_start(pids, crowd);
	bench_one_client(&b, 1, 1, "1 client, sockets one by one");
	bench_one_client(&b, 1, 20, "1 client, the same socket again");
	bench_one_client(&b, 64, 1, "1 client, 64 sockets at once");
	bench_many_clients(&b, 8);
	bench_many_clients(&b, 50);
	bench_new_process(&b);
	for (int i = 0; i < crowd; i++) {
		(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
	free(pids);
	procfs_close(b.procfs);
	diag_close(b.diag);
	return 0;
}
