/* src/linux/nfq and ct by hand, for the namespace tests:
 *   queuectl serve MARK [LENGTH]  answers every packet with MARK; prints
 *       "ready", each packet, and the counters when told to end
 *   queuectl hold LENGTH          binds and never reads
 *   queuectl counters QUEUE       what the kernel counts
 *   queuectl clear FIRST LAST     connection marks to 0; prints how many
 *   queuectl original PROTO ADDR PORT PEER PORT   the entry whose answers go
 *       so: its first packet's tuple and its mark
 * Exit status: 0 done, 1 failed (text on stderr), 2 wrong usage. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "src/base/addr.h"
#include "src/linux/ct.h"
#include "src/linux/nfq.h"

struct server {
	struct nfq *nfq;
	uint32_t mark;
};

static int
fail(int r)
{
	fprintf(stderr, "%s\n", strerrorname_np(-r));
	return 1;
}

static void
serve_packet(void *arg, const struct nfq_packet *p)
{
	struct server *server = arg;

	printf("packet queue=%u in=%d ifindex=%u uid=%d len=%zu total=%zu "
	       "version=%u\n",
	    p->queue, p->in, p->ifindex, p->has_uid ? (int)p->uid : -1, p->len,
	    p->total, p->len > 0 ? p->payload[0] >> 4 : 0u);
	nfq_verdict(server->nfq, p->queue, p->id, server->mark);
}

static void
print_stats(const struct stats *stats)
{
	for (size_t i = 0; i < stats_n_rows; i++)
		printf("%s=%llu\n", stats_rows[i].name,
		    (unsigned long long)stats_get(stats, &stats_rows[i]));
}

static int
serve(uint32_t mark, uint32_t length, bool read)
{
	struct nfq_opts opts = { length, 8 << 20 };
	struct server server = { .mark = mark };
	struct stats stats = { 0 };
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	uint32_t owner;
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fds[0].fd = signalfd(-1, &set, SFD_CLOEXEC);
	r = nfq_open(&server.nfq, &opts, &stats, &owner);
	if (r == 0)
		r = nfq_start(server.nfq);
	if (r == -EBUSY)
		fprintf(stderr, "owner %u\n", owner);
	if (r < 0)
		return fail(r);
	fds[1].fd = nfq_fd(server.nfq);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (r == 0 && poll(fds, read ? 2 : 1, -1) > 0) {
		if (fds[0].revents != 0)
			break;
		r = nfq_receive(server.nfq, serve_packet, &server);
	}
	print_stats(&stats);
	nfq_close(server.nfq);
	close(fds[0].fd);
	return r < 0 ? fail(r) : 0;
}

static int
counters(uint16_t queue)
{
	struct nfq_counters c;
	int r = nfq_counters(queue, &c);

	if (r < 0)
		return fail(r);
	printf("waiting=%u dropped_full=%u dropped_user=%u\n", c.waiting,
	    c.dropped_full, c.dropped_user);
	return 0;
}

static int
clear(uint32_t first, uint32_t last)
{
	uint64_t n;
	int r = ct_clear_marks(first, last, &n);

	if (r < 0)
		return fail(r);
	printf("%llu\n", (unsigned long long)n);
	return 0;
}

static bool
read_end(char **words, struct addr *addr, uint16_t *port)
{
	*port = (uint16_t)strtoul(words[1], NULL, 0);
	return addr_parse(addr, words[0], strlen(words[0])) == 0;
}

static int
original(char **words)
{
	struct flow_key seen = { .proto =
				     strcmp(words[0], "tcp") == 0 ? 6 : 17 };
	char local[ADDR_STRLEN], remote[ADDR_STRLEN];
	struct flow_key orig;
	struct ct *ct = NULL;
	uint32_t mark;
	int r;

	if (!read_end(words + 1, &seen.local, &seen.lport) ||
	    !read_end(words + 3, &seen.remote, &seen.rport))
		return 2;
	r = ct_open(&ct);
	if (r == 0)
		r = ct_original(ct, &seen, &orig, &mark);
	ct_close(ct);
	if (r < 0)
		return fail(r);
	printf("%s %u %s %u mark=%u\n", addr_format(&orig.local, local),
	    orig.lport, addr_format(&orig.remote, remote), orig.rport, mark);
	return 0;
}

static uint32_t
number(const char *s)
{
	return (uint32_t)strtoul(s, NULL, 0);
}

int
main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "serve") == 0)
		return serve(
		    number(argv[2]), argc > 3 ? number(argv[3]) : 1024, true);
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return serve(0, number(argv[2]), false);
	if (argc == 3 && strcmp(argv[1], "counters") == 0)
		return counters((uint16_t)number(argv[2]));
	if (argc == 4 && strcmp(argv[1], "clear") == 0)
		return clear(number(argv[2]), number(argv[3]));
	if (argc == 7 && strcmp(argv[1], "original") == 0)
		return original(argv + 2);
	return 2;
}
