/* Relays that all have much to move: the most bytes that one turn of the loop
 * moves, before all of them are. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port17/leg_ev.h"
#include "port17/relay_ev.h"
#include "src/base/inodes.h"

#define RELAYS 256
#define BUFFER (1 << 20)
/* More than memory takes in the millisecond or two of a turn; with 64 relays in
 * a row it was 54 MiB. */
#define MOST ((size_t)32 << 20)

static struct relay *relays[RELAYS];
static int ends[RELAYS][2]; /* the program's, and the far end's */

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
ended(void *arg, enum closed closed, const struct relay_bytes *bytes)
{
	(void)arg;
	(void)closed;
	(void)bytes;
	fail("a relay ended");
}

static struct leg *
open_leg(struct legs *legs, int *ret_end)
{
	static const int size = BUFFER;
	struct leg *leg;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		fail("socketpair");
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size,
			sizeof(size)) < 0)
			fail("SO_SNDBUFFORCE");
	if (leg_open(&leg, legs, fds[0], false) < 0)
		fail("leg_open");
	*ret_end = fds[1];
	return leg;
}

/* As much as there is room for. */
static size_t
fill(int fd)
{
	static const char zeros[4096];
	size_t all = 0;
	ssize_t n;

	while ((n = send(fd, zeros, sizeof(zeros), 0)) > 0)
		all += (size_t)n;
	return all;
}

static size_t
moved(void)
{
	size_t all = 0;

	for (size_t i = 0; i < RELAYS; i++)
		all += relay_moved(relays[i]).up;
	return all;
}

/* What arrives. */
static void
take(int fd)
{
	char buf[65536];

	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
}

int
main(void)
{
	const struct rlimit files = { 2048, 2048 };
	struct event_base *base = event_base_new();
	struct inodes *own = inodes_new();
	struct relay_bytes bytes;
	struct relay_set *set;
	struct legs *legs;
	size_t all = 0, now = 0, most = 0;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || base == NULL ||
	    own == NULL || legs_new(&legs, base, own, NULL, NULL) < 0 ||
	    relay_set_new(&set, base, ended) < 0)
		fail("start");
	for (size_t i = 0; i < RELAYS; i++) {
		struct relay_opts opts = { .program = NULL };

		opts.program = open_leg(legs, &ends[i][0]);
		opts.far = open_leg(legs, &ends[i][1]);
		all += fill(ends[i][0]);
		if (relay_new(&relays[i], set, &opts) < 0)
			fail("relay_new");
	}
	for (size_t before = 0; before < all; before = now) {
		if (event_base_loop(base, EVLOOP_ONCE) != 0)
			fail("the loop ends");
		now = moved();
		most = now - before > most ? now - before : most;
		for (size_t i = 0; i < RELAYS; i++)
			take(ends[i][1]);
	}
	printf("%zu of %zu\n", most, all);
	for (size_t i = 0; i < RELAYS; i++) {
		relay_abort(relays[i], &bytes);
		(void)close(ends[i][0]);
		(void)close(ends[i][1]);
	}
	relay_set_free(set);
	legs_free(legs);
	inodes_free(own);
	event_base_free(base);
	return most < MOST ? 0 : 1;
}
