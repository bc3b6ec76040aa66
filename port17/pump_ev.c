#include "port17/pump_ev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port17/leg_ev.h"
#include "port17/sock.h"
#include "src/base/list.h"
#include "src/base/mono.h"

/* One copy, and the most that is held of a direction. */
#define BUFFER_SIZE 65536
/* The kernel's limit for those without privilege; where it gives less, less is
 * moved at once. */
#define PIPE_SIZE (1 << 20)
/* /proc/sys/fs/pipe-user-pages-soft allows 64 MiB. */
#define PIPES_MAX 64
/* One direction, one wake-up: some 0.2 ms, so that DNS breathes; and no longer
 * than the slice where that is slow, as bytes are that came in a segment each:
 * 64 KiB of those are read in 6 to 20 ms. */
#define BUDGET (512 * 1024)
#define SLICE_NS (MONO_MS / 2)
/* What is read at once, and the next right behind it where that took no longer:
 * in segments of a byte it takes one or two milliseconds. */
#define SIP_SIZE 4096
#define SIP_NS (15 * MONO_MS / 1000)
/* So many full buffers in a row are bulk. */
#define BULK 2
/* A splice that moves less costs more than a copy; so many in a row. */
#define SMALL 8192
#define SMALL_TRIES 8

struct pipe {
	struct list node; /* in the pool */
	int in, out;
	size_t size;
};

struct pumps {
	struct list pipes; /* free ones */
	size_t n_pipes;
	uint8_t buffer[BUFFER_SIZE];
};

/* Pipes -------------------------------------------------------------------- */

static void
pipe_free(struct pipe *pipe)
{
	(void)close(pipe->in); /* nothing can be done about an error */
	(void)close(pipe->out);
	free(pipe);
}

static struct pipe *
pipe_new(void)
{
	struct pipe *pipe = calloc(1, sizeof(*pipe));
	int fds[2], size;

	if (pipe == NULL || pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(pipe);
		return NULL;
	}
	pipe->out = fds[0];
	pipe->in = fds[1];
	if (!sock_may_keep(fds[1])) {
		pipe_free(pipe);
		return NULL;
	}
	size = fcntl(pipe->in, F_SETPIPE_SZ, PIPE_SIZE);
	if (size <= 0)
		size = fcntl(pipe->in, F_GETPIPE_SZ);
	pipe->size = size > 0 ? (size_t)size : 4096;
	return pipe;
}

static struct pipe *
pipe_get(struct pumps *pumps)
{
	struct pipe *pipe;

	if (!list_empty(&pumps->pipes)) {
		pipe = container_of(pumps->pipes.next, struct pipe, node);
		list_remove(&pipe->node);
	} else {
		pipe = pumps->n_pipes < PIPES_MAX ? pipe_new() : NULL;
		if (pipe == NULL)
			return NULL;
		pumps->n_pipes++;
	}
	return pipe;
}

/* One with something left in it is of no use to another flow. */
static void
pipe_put(struct pumps *pumps, struct pipe *pipe, bool empty)
{
	if (empty) {
		list_prepend(&pumps->pipes, &pipe->node);
		return;
	}
	pumps->n_pipes--;
	pipe_free(pipe);
}

/* One direction ------------------------------------------------------------
 * Each step: 1 went on, 0 has to wait, -errno broke. */

static int
broke(struct pump *pump, const struct leg *leg, int error)
{
	pump->broke_from = leg == pump->from;
	pump->broke_to = leg == pump->to;
	return error;
}

static int
write_held(struct pump *pump)
{
	while (pump->held_at < pump->held_len) {
		ssize_t n = leg_write(pump->to, pump->held + pump->held_at,
		    pump->held_len - pump->held_at);

		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return broke(pump, pump->to, (int)n);
		pump->held_at += (uint32_t)n;
	}
	free(pump->held);
	pump->held = NULL;
	return 1;
}

int
pump_hold(struct pump *pump, const void *bytes, size_t len)
{
	pump->held = malloc(len);
	if (pump->held == NULL)
		return -ENOMEM;
	memcpy(pump->held, bytes, len);
	pump->held_at = 0;
	pump->held_len = (uint32_t)len;
	return 0;
}

/* What is read next leaves it out. */
static int
pass_urgent(struct pump *pump)
{
	uint8_t byte;
	ssize_t n;

	if (!leg_peek_urgent(pump->from, &byte))
		return 1;
	n = leg_write_urgent(pump->to, byte);
	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return broke(pump, pump->to, (int)n);
	pump->from->got++;
	pump->bytes++;
	return 1;
}

/* Sip by sip, while each is full and fast; what lies ahead shows with the next
 * one only. An error is told behind the bytes that came before it. As
 * leg_read(). */
static ssize_t
read_sips(struct pumps *pumps, struct pump *pump, mono_t now)
{
	mono_t begin;
	size_t len = 0;
	ssize_t n;

	do {
		n = leg_read(pump->from, pumps->buffer + len, SIP_SIZE);
		len += n > 0 ? (size_t)n : 0;
		if (n != SIP_SIZE || len == sizeof(pumps->buffer) ||
		    pump->from->urgent)
			break;
		begin = now;
		now = mono_now();
	} while (mono_since(now, begin) < SIP_NS);
	if (n == 0)
		pump->eof = true;
	if (n < 0 && n != -EAGAIN && len > 0)
		pump->error = (int)n;
	return len > 0 ? (ssize_t)len : n;
}

static int
copy(struct pumps *pumps, struct pump *pump, size_t *budget, mono_t now)
{
	ssize_t n, w;
	int r = pump->from->urgent ? pass_urgent(pump) : 1;

	if (r <= 0)
		return r;
	n = read_sips(pumps, pump, now);
	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return broke(pump, pump->from, (int)n);
	if (n == 0)
		return 1;
	pump->bytes += (uint64_t)n;
	*budget -= (size_t)n < *budget ? (size_t)n : *budget;
	pump->full = n == sizeof(pumps->buffer)
			 ? (uint8_t)(pump->full + (pump->full < BULK))
			 : 0;
	w = leg_write(pump->to, pumps->buffer, (size_t)n);
	if (w < 0 && w != -EAGAIN)
		return broke(pump, pump->to, (int)w);
	if (w == n)
		return 1;
	if (w < 0)
		w = 0;
	return pump_hold(pump, pumps->buffer + w, (size_t)(n - w)) < 0 ? -ENOMEM
								       : 1;
}

static int
splice_out(struct pump *pump)
{
	while (pump->piped > 0) {
		ssize_t n = splice(pump->pipe->out, NULL, pump->to->fd, NULL,
		    pump->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			pump->to->writable = false;
			return 0;
		}
		if (n <= 0)
			return broke(pump, pump->to, n < 0 ? -errno : -EPIPE);
		pump->piped -= (uint32_t)n;
	}
	return 1;
}

static void
release_pipe(struct pumps *pumps, struct pump *pump)
{
	if (pump->pipe != NULL)
		pipe_put(pumps, pump->pipe, pump->piped == 0);
	pump->pipe = NULL;
	pump->piped = 0;
}

static int
splice_in(struct pumps *pumps, struct pump *pump, size_t *budget, mono_t now)
{
	ssize_t n;

	do
		n = splice(pump->from->fd, NULL, pump->pipe->in, NULL,
		    pump->pipe->size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return broke(pump, pump->from, -errno);
	if (n < 0) { /* the pipe is empty: so is the socket */
		pump->from->readable = false;
		release_pipe(pumps, pump);
		return 0;
	}
	if (n == 0) { /* the end, or one that has come behind an urgent byte */
		release_pipe(pumps, pump);
		pump->from->urgent = true;
		return copy(pumps, pump, budget, now);
	}
	pump->from->got += (uint64_t)n;
	pump->bytes += (uint64_t)n;
	*budget -= (size_t)n < *budget ? (size_t)n : *budget;
	pump->piped = (uint32_t)n;
	pump->small = n < SMALL ? (uint8_t)(pump->small + 1) : 0;
	if (pump->small >= SMALL_TRIES) { /* back to copying, after these */
		pump->small = 0;
		pump->full = 0;
	}
	return 1;
}

static bool
wants_pipe(const struct pump *pump)
{
	return pump->full >= BULK && !pump->from->urgent &&
	       pump->from->ssl == NULL && pump->to->ssl == NULL;
}

/* One way or the other. */
static int
read_once(struct pumps *pumps, struct pump *pump, size_t *budget, mono_t now)
{
	if (pump->error < 0)
		return broke(pump, pump->from, pump->error);
	if (wants_pipe(pump) && pump->pipe == NULL)
		pump->pipe = pipe_get(pumps);
	if (wants_pipe(pump) && pump->pipe != NULL)
		return splice_in(pumps, pump, budget, now);
	release_pipe(pumps, pump);
	return copy(pumps, pump, budget, now);
}

/* False: it has to wait. The other side may be gone already: its own reader
 * tells. */
static bool
pass_end(const struct pump *pump)
{
	return pump->cut || (pump->last && pump->to->ssl == NULL) ||
	       leg_finish(pump->to) != -EAGAIN;
}

int
pump_run(struct pumps *pumps, struct pump *pump)
{
	mono_t begin = mono_now(), now = begin;
	size_t budget = BUDGET;
	int r;

	while (!pump->done) {
		r = pump->held != NULL ? write_held(pump) : 1;
		if (r == 1 && pump->piped > 0)
			r = splice_out(pump);
		if (r <= 0)
			return r;
		if (pump->eof) {
			release_pipe(pumps, pump);
			pump->done = pass_end(pump);
			return 0;
		}
		if (!pump->from->readable)
			return 0;
		if (budget < BUDGET)
			now = mono_now();
		if (budget == 0 || mono_since(now, begin) > SLICE_NS)
			return 1;
		r = read_once(pumps, pump, &budget, now);
		if (r <= 0)
			return r;
	}
	return 0;
}

bool
pump_is_over(const struct pump *pump)
{
	return pump->eof && pump->held == NULL && pump->piped == 0;
}

void
pump_done(struct pumps *pumps, struct pump *pump)
{
	release_pipe(pumps, pump);
	free(pump->held);
	pump->held = NULL;
}

/* All of them -------------------------------------------------------------- */

struct pumps *
pumps_new(void)
{
	struct pumps *pumps = calloc(1, sizeof(*pumps));

	if (pumps != NULL)
		list_init(&pumps->pipes);
	return pumps;
}

void
pumps_free(struct pumps *pumps)
{
	if (pumps == NULL)
		return;
	while (!list_empty(&pumps->pipes)) {
		struct pipe *pipe =
		    container_of(pumps->pipes.next, struct pipe, node);

		list_remove(&pipe->node);
		pipe_free(pipe);
	}
	free(pumps);
}
