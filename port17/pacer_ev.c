#include "port17/pacer_ev.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct pacer {
	int fd;
	struct event *due;
	struct list waiting;
	uint64_t used;	       /* ns, since those that waited had their turn */
	mono_t read;	       /* when that was counted last */
	struct paced *current; /* whose callback runs, and is still there */
};

/* Armed again it raises an edge again: it needs not be read. */
static void
arm(struct pacer *pacer)
{
	static const struct itimerspec once = { .it_value = { 0, PACE_NS } };

	(void)timerfd_settime(pacer->fd, 0, &once, NULL); /* it is valid */
}

static void
due_cb(evutil_socket_t fd, short what, void *arg)
{
	struct pacer *pacer = arg;
	struct list now;

	(void)fd;
	(void)what;
	list_init(&now);
	list_move(&now, &pacer->waiting);
	pacer->used = 0;
	while (!list_empty(&now) && pacer->used < PACE_SLICE_NS) {
		struct paced *paced =
		    container_of(now.next, struct paced, node);
		struct event *readable = paced->readable;

		list_remove(&paced->node);
		pacer->current = paced;
		event_get_callback(readable)(event_get_fd(readable), EV_READ,
		    event_get_callback_arg(readable));
		if (pacer->current == paced && list_empty(&paced->node)) {
			paced->off = false;
			(void)event_add(readable, NULL);
		}
	}
	pacer->current = NULL;
	if (list_empty(&now))
		return;
	list_move(&now, &pacer->waiting); /* those that had none come first */
	list_move(&pacer->waiting, &now);
	arm(pacer);
}

static void
wait_for_turn(struct paced *paced)
{
	struct pacer *pacer = paced->pacer;

	if (!paced->off)
		(void)event_del(paced->readable); /* it was added */
	paced->off = true;
	if (list_empty(&pacer->waiting))
		arm(pacer);
	list_append(&pacer->waiting, &paced->node);
}

void
pacer_enter(struct pacer *pacer, struct paced *paced, struct event *readable)
{
	*paced = (struct paced){ .pacer = pacer, .readable = readable };
	list_init(&paced->node);
}

bool
pacer_may(struct paced *paced, mono_t now)
{
	struct pacer *pacer = paced->pacer;

	if (pacer == NULL || pacer->used < PACE_SLICE_NS)
		return true;
	/* so much went to others since */
	if (mono_since(now, pacer->read) >= PACE_SLICE_NS) {
		pacer->used = 0;
		return true;
	}
	wait_for_turn(paced);
	return false;
}

void
pacer_read(struct paced *paced, unsigned int n, mono_t now)
{
	struct pacer *pacer = paced->pacer;

	if (pacer == NULL)
		return;
	pacer->read = mono_now();
	pacer->used += mono_since(pacer->read, now);
	if (pace_wait(&paced->pace, n, now))
		wait_for_turn(paced);
}

void
pacer_leave(struct paced *paced)
{
	if (paced->pacer == NULL)
		return;
	list_remove(&paced->node);
	if (paced->pacer->current == paced)
		paced->pacer->current = NULL;
}

int
pacer_new(struct pacer **ret, struct event_base *base)
{
	struct pacer *pacer = calloc(1, sizeof(*pacer));
	int r = -ENOMEM;

	if (pacer == NULL)
		return -ENOMEM;
	list_init(&pacer->waiting);
	pacer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (pacer->fd < 0)
		r = -errno;
	else
		pacer->due = event_new(base, pacer->fd,
		    EV_READ | EV_ET | EV_PERSIST, due_cb, pacer);
	if (pacer->due == NULL || event_add(pacer->due, NULL) < 0) {
		pacer_free(pacer);
		return r;
	}
	*ret = pacer;
	return 0;
}

void
pacer_free(struct pacer *pacer)
{
	if (pacer == NULL)
		return;
	if (pacer->due != NULL)
		event_free(pacer->due);
	if (pacer->fd >= 0)
		(void)close(pacer->fd); /* a timer */
	free(pacer);
}
