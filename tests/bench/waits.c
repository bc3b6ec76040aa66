/* How long programs wait for a resolver and for the verdict on a connection:
 *   waits SECONDS QPS NAMES DNS-ADDR ADDR PORT
 * sends QPS queries a second for one of NAMES names (nI.waits.example) over one
 * socket, and beside that connects to ADDR, again and again. Prints both ways'
 * median, 99th percentile and longest wait in ms, what was lost, and the five
 * slowest with the time when they began. The clock is read in user space: what
 * the scheduler adds is in it. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOWEST 5
#define WAITS_MAX 2000000
#define NS 1000000000LL

struct waits {
	const char *what;
	float *ms;
	size_t n;
	unsigned long lost;
	struct {
		float ms, at;
	} slow[SLOWEST];
};

struct target {
	struct sockaddr_in addr;
	int64_t begin, end;
	struct waits waits;
};

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

static void
waits_init(struct waits *w, const char *what)
{
	memset(w, 0, sizeof(*w));
	w->what = what;
	w->ms = calloc(WAITS_MAX, sizeof(w->ms[0]));
	if (w->ms == NULL)
		abort();
}

static void
note(struct target *t, int64_t began, int64_t ended)
{
	struct waits *w = &t->waits;
	float ms = (float)(ended - began) / 1e6F;
	int at = SLOWEST;

	if (w->n < WAITS_MAX)
		w->ms[w->n++] = ms;
	while (at > 0 && w->slow[at - 1].ms < ms)
		at--;
	if (at == SLOWEST)
		return;
	memmove(w->slow + at + 1, w->slow + at,
	    (size_t)(SLOWEST - 1 - at) * sizeof(w->slow[0]));
	w->slow[at].ms = ms;
	w->slow[at].at = (float)(began - t->begin) / 1e9F;
}

static int
compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static void
print(struct waits *w)
{
	qsort(w->ms, w->n, sizeof(w->ms[0]), compare);
	printf("%-8s n %zu lost %lu median %.2f p99 %.2f longest %.2f ms;",
	    w->what, w->n, w->lost, (double)w->ms[w->n / 2],
	    (double)w->ms[w->n * 99 / 100],
	    (double)(w->n > 0 ? w->ms[w->n - 1] : 0));
	for (int i = 0; i < SLOWEST; i++)
		printf(" %.2f at %.3f s", (double)w->slow[i].ms,
		    (double)w->slow[i].at);
	putchar('\n');
	free(w->ms);
}

static void *
connect_all(void *arg)
{
	static const struct linger reset = { 1, 0 };
	struct target *t = arg;

	while (now_ns() < t->end) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int64_t began = now_ns();

		if (connect(fd, (void *)&t->addr, sizeof(t->addr)) == 0)
			note(t, began, now_ns());
		else
			t->waits.lost++;
		/* no TIME_WAIT: each is a flow of its own */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
		usleep(1000);
	}
	return NULL;
}

static size_t
make_query(uint8_t *buf, uint16_t id, unsigned int n)
{
	static const uint8_t rest[] = "\5waits\7example\0\0\1\0\1";
	char label[16];
	int len = snprintf(label, sizeof(label), "n%u", n);

	memset(buf, 0, 12);
	buf[0] = (uint8_t)(id >> 8);
	buf[1] = (uint8_t)id;
	buf[2] = 1;
	buf[5] = 1;
	buf[12] = (uint8_t)len;
	memcpy(buf + 13, label, (size_t)len);
	memcpy(buf + 13 + len, rest, sizeof(rest) - 1);
	return 13 + (size_t)len + sizeof(rest) - 1;
}

static void
take_answers(int fd, struct target *t, int64_t *sent)
{
	uint8_t buf[512];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 12) {
		uint16_t id = (uint16_t)(buf[0] << 8 | buf[1]);

		if (sent[id] != 0)
			note(t, sent[id], now_ns());
		sent[id] = 0;
	}
}

static void
ask_all(struct target *t, unsigned int qps, unsigned int names)
{
	static int64_t sent[65536];
	int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = 4 << 20;
	int64_t step = NS / qps, next = now_ns();
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint16_t id = 0;
	uint8_t buf[64];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (connect(fd, (void *)&t->addr, sizeof(t->addr)) < 0)
		abort();
	while (now_ns() < t->end) {
		int64_t left = next - now_ns();
		struct timespec ts = { 0, left > 0 ? left : 0 };

		if (left > 0 && ppoll(&pfd, 1, &ts, NULL) > 0)
			take_answers(fd, t, sent);
		for (; next <= now_ns(); next += step, id++) {
			size_t len =
			    make_query(buf, id, (unsigned int)rand() % names);

			if (sent[id] != 0)
				t->waits.lost++;
			sent[id] = now_ns();
			(void)!send(fd, buf, len, 0); /* else it is lost */
		}
	}
	for (int i = 0; i < 100 && poll(&pfd, 1, 10) >= 0; i++)
		take_answers(fd, t, sent);
	for (size_t i = 0; i < 65536; i++)
		t->waits.lost += sent[i] != 0;
	close(fd);
}

static void
target_init(
    struct target *t, const char *what, const char *addr, const char *port)
{
	memset(t, 0, sizeof(*t));
	t->addr.sin_family = AF_INET;
	t->addr.sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET, addr, &t->addr.sin_addr) != 1)
		abort();
	waits_init(&t->waits, what);
}

int
main(int argc, char **argv)
{
	struct target dns, tcp;
	pthread_t thread;

	if (argc < 7) {
		fputs("usage: waits SECONDS QPS NAMES DNS-ADDR ADDR PORT\n",
		    stderr);
		return 2;
	}
	target_init(&dns, "answers", argv[4], "53");
	target_init(&tcp, "connects", argv[5], argv[6]);
	dns.begin = tcp.begin = now_ns();
	dns.end = tcp.end = dns.begin + atoi(argv[1]) * NS;
	if (pthread_create(&thread, NULL, connect_all, &tcp) != 0)
		return 1;
	ask_all(&dns, (unsigned int)atoi(argv[2]), (unsigned int)atoi(argv[3]));
	pthread_join(thread, NULL);
	print(&dns.waits);
	print(&tcp.waits);
	return 0;
}
