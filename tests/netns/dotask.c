/* Asks a server over TLS as the daemon does, and says what came of it.
 *
 *   dotask [-a CA-FILE] [-n QUERIES] [-w AT-ONCE] [-t TIMEOUT-MS] [-p PAUSE-MS]
 *       [-q NAME] UPSTREAM
 *
 * NAME may begin with "%.": then the queries are for 0.NAME, 1.NAME ... One
 * line is printed: word=number ... why=words */

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dns/tls_ev.h"
#include "dns/wire.h"
#include "src/base/log.h"

static struct {
	const char *name;
	long n, window, asked, ended, answered, errors;
	uint64_t timeout, pause;
	int error; /* the last */
	struct event_base *base;
	struct event *next;
	struct tls_ev *tls;
} g = { .name = "test", .n = 1, .window = 1, .timeout = 5000 };

static size_t
put_query(uint8_t *msg, long i)
{
	static const uint8_t edns[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0 };
	char text[300];
	struct name name;
	size_t at = WIRE_HEADER;

	if (g.name[0] == '%')
		snprintf(text, sizeof(text), "%ld%s", i, g.name + 1);
	else
		snprintf(text, sizeof(text), "%s", g.name);
	if (name_parse(&name, text, strlen(text)) < 0) {
		fprintf(stderr, "dotask: %s is no name\n", text);
		exit(2);
	}
	memset(msg, 0, WIRE_HEADER);
	wire_put16(msg + 2, WIRE_RD);
	msg[5] = 1;
	msg[11] = 1;
	memcpy(msg + at, name.wire, name.len);
	at += name.len;
	wire_put16(msg + at, TYPE_A);
	wire_put16(msg + at + 2, CLASS_IN);
	memcpy(msg + at + 4, edns, sizeof(edns));
	return at + 4 + sizeof(edns);
}

static void
ended(int error)
{
	static const struct timeval none;
	struct timeval pause = { (time_t)(g.pause / 1000),
		(suseconds_t)(g.pause % 1000 * 1000) };

	if (error < 0) {
		g.errors++;
		g.error = error;
	}
	if (++g.ended == g.n)
		event_base_loopbreak(g.base);
	else if (g.pause > 0)
		event_add(g.next, &pause);
	else if (error < 0)
		event_add(g.next, &none);
}

static void
ask(void)
{
	uint8_t msg[512];

	while (g.asked < g.n && g.asked - g.ended < g.window) {
		long i = g.asked++;
		size_t len = put_query(msg, i);
		int r = tls_ev_query(g.tls, msg, len,
		    mono_add(mono_now(), g.timeout * MONO_MS),
		    (void *)(intptr_t)i);

		if (r < 0)
			ended(r);
	}
}

static void
next_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	ask();
}

static void
done(void *arg, void *asker, int error, const uint8_t *msg, size_t len)
{
	uint8_t want[512];

	(void)arg;
	if (error == 0) {
		size_t n = put_query(want, (long)(intptr_t)asker);

		if (len >= n - 11 &&
		    memcmp(msg + 12, want + 12, n - 12 - 11) == 0)
			g.answered++;
	}
	ended(error);
	if (g.pause == 0 && error == 0)
		ask();
}

static void
report(uint64_t ns)
{
	const struct tls_ev_stats *t = tls_ev_stats(g.tls);
	const struct stream_stats *s = tls_ev_stream_stats(g.tls);
	struct rusage usage;
	double cpu;

	getrusage(RUSAGE_SELF, &usage);
	cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	printf("answered=%ld failed=%ld ms=%llu connections=%llu resumed=%llu "
	       "failures=%llu stalls=%llu repeated=%llu unasked=%llu "
	       "cpu_us=%.1f per_s=%.0f error=%s why=%s\n",
	    g.answered, g.errors, (unsigned long long)(ns / MONO_MS),
	    (unsigned long long)t->connections, (unsigned long long)t->resumed,
	    (unsigned long long)t->failures, (unsigned long long)t->stalls,
	    (unsigned long long)s->repeated, (unsigned long long)s->unasked,
	    cpu / (double)g.n, (double)g.n * 1e9 / (double)ns,
	    g.error < 0 ? strerrorname_np(-g.error) : "0", tls_ev_why(g.tls));
}

static void
usage(void)
{
	fputs("usage: dotask [-a CA] [-n N] [-w N] [-t MS] [-p MS] [-q NAME] "
	      "UPSTREAM\n",
	    stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	const char *ca = "";
	struct upstream_spec spec;
	struct tls_ev_opts opts = { .spec = &spec, .done = done };
	char why[TRUST_WHY_SIZE];
	mono_t begin;
	int opt;

	while ((opt = getopt(argc, argv, "a:n:w:t:p:q:")) != -1) {
		switch (opt) {
		case 'a':
			ca = optarg;
			break;
		case 'n':
			g.n = atol(optarg);
			break;
		case 'w':
			g.window = atol(optarg);
			break;
		case 't':
			g.timeout = (uint64_t)atol(optarg);
			break;
		case 'p':
			g.pause = (uint64_t)atol(optarg);
			break;
		case 'q':
			g.name = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc ||
	    upstream_parse(&spec, argv[optind], strlen(argv[optind])) < 0)
		usage();
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	g.base = event_base_new();
	opts.base = g.base;
	opts.trust = trust_new(ca, why);
	if (why[0] != '\0')
		fprintf(stderr, "dotask: %s\n", why);
	g.next = event_new(g.base, -1, 0, next_cb, NULL);
	if (opts.trust == NULL || g.next == NULL ||
	    tls_ev_new(&g.tls, &opts) < 0)
		return 1;
	begin = mono_now();
	ask();
	if (g.ended < g.n)
		event_base_dispatch(g.base);
	report(mono_since(mono_now(), begin));
	g.n = -1;
	tls_ev_free(g.tls);
	trust_unref(opts.trust);
	event_free(g.next);
	event_base_free(g.base);
	return g.errors > 0;
}
