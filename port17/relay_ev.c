#include "port17/relay_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port17/leg_ev.h"
#include "src/base/list.h"

/* One copy, and the most that is held of a direction. */
#define BUFFER_SIZE 65536
/* The kernel's limit for those without privilege; where it gives less, less is
 * moved at once. */
#define PIPE_SIZE (1 << 20)
/* /proc/sys/fs/pipe-user-pages-soft allows 64 MiB. */
#define PIPES_MAX 64
/* One direction, one wake-up: some 0.2 ms, so that DNS breathes. */
#define BUDGET (512 * 1024)
/* So many full buffers in a row are bulk. */
#define BULK 2
/* A splice that moves less costs more than a copy; so many in a row. */
#define SMALL 8192
#define SMALL_TRIES 8
/* One direction has ended, and the other says nothing. */
#define HALF_IDLE_S 3600

struct pipe {
	struct list node; /* in the pool */
	int in, out;
	size_t size;
};

struct half {
	struct leg *from, *to;
	uint64_t bytes;
	uint8_t *held; /* read, and not written yet */
	uint32_t held_at, held_len;
	struct pipe *pipe;
	size_t piped;	     /* in the pipe */
	uint8_t full, small; /* in a row */
	bool eof, done;
};

struct relay {
	struct relay_set *set;
	struct half up, down;
	struct list ready;  /* in the set, where more is to be moved */
	struct event *idle; /* half-closed; NULL: not */
	enum closed closed; /* who ended first */
	relay_ended_fn *ended;
	void *arg;
};

struct relay_set {
	struct event_base *base;
	struct event *turn;
	struct list ready;
	struct list pipes; /* free ones */
	size_t n_pipes, n_used;
	uint8_t buffer[BUFFER_SIZE];
};

/* Pipes -------------------------------------------------------------------- */

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
	size = fcntl(pipe->in, F_SETPIPE_SZ, PIPE_SIZE);
	if (size <= 0)
		size = fcntl(pipe->in, F_GETPIPE_SZ);
	pipe->size = size > 0 ? (size_t)size : 4096;
	return pipe;
}

static void
pipe_free(struct pipe *pipe)
{
	(void)close(pipe->in); /* nothing can be done about an error */
	(void)close(pipe->out);
	free(pipe);
}

static struct pipe *
pipe_get(struct relay_set *set)
{
	struct pipe *pipe;

	if (!list_empty(&set->pipes)) {
		pipe = container_of(set->pipes.next, struct pipe, node);
		list_remove(&pipe->node);
	} else {
		pipe = set->n_pipes < PIPES_MAX ? pipe_new() : NULL;
		if (pipe == NULL)
			return NULL;
		set->n_pipes++;
	}
	set->n_used++;
	return pipe;
}

/* One with something left in it is of no use to another flow. */
static void
pipe_put(struct relay_set *set, struct pipe *pipe, bool empty)
{
	set->n_used--;
	if (empty) {
		list_prepend(&set->pipes, &pipe->node);
		return;
	}
	set->n_pipes--;
	pipe_free(pipe);
}

/* One direction ------------------------------------------------------------
 * Each step: 1 went on, 0 has to wait, -errno broke. */

static int
write_held(struct half *half)
{
	while (half->held_at < half->held_len) {
		ssize_t n = leg_write(half->to, half->held + half->held_at,
		    half->held_len - half->held_at);

		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return (int)n;
		half->held_at += (uint32_t)n;
	}
	free(half->held);
	half->held = NULL;
	return 1;
}

static int
hold(struct half *half, const void *bytes, size_t len)
{
	half->held = malloc(len);
	if (half->held == NULL)
		return -ENOMEM;
	memcpy(half->held, bytes, len);
	half->held_at = 0;
	half->held_len = (uint32_t)len;
	return 0;
}

static int
copy(struct relay_set *set, struct half *half, size_t *budget)
{
	ssize_t n = leg_read(half->from, set->buffer, sizeof(set->buffer)), w;

	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return (int)n;
	if (n == 0) {
		half->eof = true;
		return 1;
	}
	half->bytes += (uint64_t)n;
	*budget -= (size_t)n < *budget ? (size_t)n : *budget;
	half->full = n == sizeof(set->buffer)
			 ? (uint8_t)(half->full + (half->full < BULK))
			 : 0;
	w = leg_write(half->to, set->buffer, (size_t)n);
	if (w < 0 && w != -EAGAIN)
		return (int)w;
	if (w == n)
		return 1;
	if (w < 0)
		w = 0;
	return hold(half, set->buffer + w, (size_t)(n - w)) < 0 ? -ENOMEM : 1;
}

static int
splice_out(struct half *half)
{
	while (half->piped > 0) {
		ssize_t n = splice(half->pipe->out, NULL, half->to->fd, NULL,
		    half->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			half->to->writable = false;
			return 0;
		}
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		half->piped -= (size_t)n;
	}
	return 1;
}

static void
release_pipe(struct relay_set *set, struct half *half)
{
	if (half->pipe != NULL)
		pipe_put(set, half->pipe, half->piped == 0);
	half->pipe = NULL;
	half->piped = 0;
}

static int
splice_in(struct relay_set *set, struct half *half, size_t *budget)
{
	ssize_t n;

	do
		n = splice(half->from->fd, NULL, half->pipe->in, NULL,
		    half->pipe->size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n < 0) { /* the pipe is empty: so is the socket */
		half->from->readable = false;
		release_pipe(set, half);
		return 0;
	}
	if (n == 0) {
		half->eof = true;
		release_pipe(set, half);
		return 1;
	}
	half->bytes += (uint64_t)n;
	*budget -= (size_t)n < *budget ? (size_t)n : *budget;
	half->piped = (size_t)n;
	half->small = n < SMALL ? (uint8_t)(half->small + 1) : 0;
	if (half->small >= SMALL_TRIES) { /* back to copying, after these */
		half->small = 0;
		half->full = 0;
	}
	return 1;
}

static bool
wants_pipe(const struct half *half)
{
	return half->full >= BULK && half->from->ssl == NULL &&
	       half->to->ssl == NULL;
}

/* Reads once, one way or the other. */
static int
take_in(struct relay_set *set, struct half *half, size_t *budget)
{
	if (wants_pipe(half) && half->pipe == NULL)
		half->pipe = pipe_get(set);
	if (wants_pipe(half) && half->pipe != NULL)
		return splice_in(set, half, budget);
	release_pipe(set, half);
	return copy(set, half, budget);
}

/* All that goes now. 1: the budget is spent, and there may be more. */
static int
pump(struct relay_set *set, struct half *half)
{
	size_t budget = BUDGET;
	int r;

	while (!half->done) {
		r = half->held != NULL ? write_held(half) : 1;
		if (r == 1 && half->piped > 0)
			r = splice_out(half);
		if (r <= 0)
			return r;
		if (half->eof) {
			release_pipe(set, half);
			half->done = true;
			/* the other side may be gone already: its own reader
			 * tells */
			(void)leg_finish(half->to);
			return 0;
		}
		if (!half->from->readable)
			return 0;
		if (budget == 0)
			return 1;
		r = take_in(set, half, &budget);
		if (r <= 0)
			return r;
	}
	return 0;
}

/* Relays ------------------------------------------------------------------- */

struct relay_bytes
relay_moved(const struct relay *relay)
{
	return (struct relay_bytes){ relay->up.bytes, relay->down.bytes };
}

static void
half_done(struct relay_set *set, struct half *half)
{
	release_pipe(set, half);
	free(half->held);
}

static void
relay_free(struct relay *relay, bool reset)
{
	list_remove(&relay->ready);
	if (relay->idle != NULL)
		event_free(relay->idle);
	half_done(relay->set, &relay->up);
	half_done(relay->set, &relay->down);
	relay->up.from->hurt = reset;
	relay->up.to->hurt = reset;
	leg_close(relay->up.from);
	leg_close(relay->up.to);
	free(relay);
}

static void
relay_end(struct relay *relay, enum closed closed, bool reset)
{
	struct relay_bytes bytes = relay_moved(relay);
	relay_ended_fn *ended = relay->ended;
	void *arg = relay->arg;

	relay_free(relay, reset);
	ended(arg, closed, &bytes);
}

void
relay_abort(struct relay *relay_take, struct relay_bytes *ret_bytes)
{
	*ret_bytes = relay_moved(relay_take);
	relay_free(relay_take, true);
}

static void
idle_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	relay_end(arg, CLOSED_IDLE, true);
}

static void
watch_half(struct relay *relay)
{
	static const struct timeval idle = { HALF_IDLE_S, 0 };

	if (relay->idle == NULL)
		relay->idle =
		    event_new(relay->set->base, -1, 0, idle_cb, relay);
	if (relay->idle != NULL) /* else keepalive finds out */
		(void)event_add(relay->idle, &idle);
}

/* Who broke it: a leg with an error of its own, else the one that was read. */
static enum closed
broken_by(const struct relay *relay, const struct half *half, int error)
{
	bool program;

	if (error == -ENOMEM || error == -ENOBUFS)
		return CLOSED_NO_ROOM;
	/* a write that fails is the reader's fault */
	program = (half == &relay->up) != (error == -EPIPE);
	return program ? CLOSED_PROGRAM_RESET : CLOSED_FAR_RESET;
}

static void
run(struct relay *relay)
{
	struct half *first = &relay->up, *second = &relay->down;
	bool was_done = first->done || second->done;
	int r = pump(relay->set, first), s = 0;

	if (first->eof && !second->eof && !was_done)
		relay->closed = CLOSED_PROGRAM;
	if (r >= 0) {
		s = pump(relay->set, second);
		if (second->eof && !first->eof && !was_done)
			relay->closed = CLOSED_FAR;
	}
	if (r < 0 || s < 0) {
		/* a side that has said all, and heard all, is not hurt by the
		 * other's end */
		const struct half *half = r < 0 ? first : second;
		int error = r < 0 ? r : s;

		relay_end(relay, broken_by(relay, half, error), true);
		return;
	}
	if (first->done && second->done) {
		relay_end(relay, relay->closed, false);
		return;
	}
	if (first->done || second->done)
		watch_half(relay);
	list_remove(&relay->ready);
	if (r == 1 || s == 1) {
		static const struct timeval soon = { 0, 0 };

		list_append(&relay->set->ready, &relay->ready);
		if (!event_pending(relay->set->turn, EV_TIMEOUT, NULL))
			(void)event_add(relay->set->turn, &soon);
	}
}

static void
leg_changed(void *arg, struct leg *leg)
{
	(void)leg;
	run(arg);
}

/* Those that were waiting when it began; what they leave waits for the
 * next. */
static void
turn_cb(evutil_socket_t fd, short what, void *arg)
{
	struct relay_set *set = arg;
	struct list now;

	(void)fd;
	(void)what;
	list_init(&now);
	while (!list_empty(&set->ready)) {
		struct list *node = set->ready.next;

		list_remove(node);
		list_append(&now, node);
	}
	while (!list_empty(&now)) {
		struct list *node = now.next;

		list_remove(node);
		run(container_of(node, struct relay, ready));
	}
}

int
relay_new(
    struct relay **ret, struct relay_set *set, const struct relay_opts *opts)
{
	static const struct timeval soon = { 0, 0 };
	struct relay *relay = calloc(1, sizeof(*relay));

	if (relay == NULL ||
	    (opts->ahead_len > 0 &&
		hold(&relay->down, opts->ahead, opts->ahead_len) < 0)) {
		free(relay);
		leg_reset(opts->program);
		leg_reset(opts->far);
		return -ENOMEM;
	}
	relay->set = set;
	relay->up.from = relay->down.to = opts->program;
	relay->up.to = relay->down.from = opts->far;
	relay->ended = opts->ended;
	relay->arg = opts->arg;
	opts->program->fn = opts->far->fn = leg_changed;
	opts->program->arg = opts->far->arg = relay;
	/* what came while it was dialled raises no edge any more */
	list_append(&set->ready, &relay->ready);
	(void)event_add(set->turn, &soon);
	*ret = relay;
	return 0;
}

int
relay_set_new(struct relay_set **ret, struct event_base *base)
{
	struct relay_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	set->base = base;
	list_init(&set->ready);
	list_init(&set->pipes);
	set->turn = event_new(base, -1, 0, turn_cb, set);
	if (set->turn == NULL) {
		free(set);
		return -ENOMEM;
	}
	*ret = set;
	return 0;
}

void
relay_set_free(struct relay_set *set)
{
	if (set == NULL)
		return;
	while (!list_empty(&set->pipes)) {
		struct pipe *pipe =
		    container_of(set->pipes.next, struct pipe, node);

		list_remove(&pipe->node);
		pipe_free(pipe);
	}
	event_free(set->turn);
	free(set);
}

size_t
relay_set_pipes(const struct relay_set *set, size_t *ret_used)
{
	*ret_used = set->n_used;
	return set->n_pipes;
}
