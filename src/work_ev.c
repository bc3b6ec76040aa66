#include "src/work_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/base/thread.h"

struct work {
	work_fn *run, *done;
	void *arg;
	pthread_t thread;
	int fd; /* eventfd: readable when run() has returned */
	struct event *finished;
};

static void *
thread_main(void *arg)
{
	struct work *work = arg;
	uint64_t one = 1;

	work->run(work->arg);
	/* an eventfd takes 8 bytes as long as its count is below 2^64 - 1 */
	if (write(work->fd, &one, sizeof(one)) != sizeof(one))
		abort();
	return NULL;
}

static void
work_free(struct work *work)
{
	if (work->finished != NULL)
		event_free(work->finished);
	if (work->fd >= 0)
		close(work->fd);
	free(work);
}

static void
finished_cb(evutil_socket_t fd, short what, void *arg)
{
	struct work *work = arg;
	work_fn *done = work->done;
	void *done_arg = work->arg;

	(void)fd;
	(void)what;
	pthread_join(work->thread, NULL);
	work_free(work);
	done(done_arg);
}

int
work_start(struct event_base *base, work_fn *run, work_fn *done, void *arg)
{
	struct work *work = calloc(1, sizeof(*work));
	int r = -ENOMEM;

	if (work == NULL)
		return -ENOMEM;
	work->run = run;
	work->done = done;
	work->arg = arg;
	work->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (work->fd < 0) {
		r = -errno;
		goto fail;
	}
	work->finished = event_new(base, work->fd, EV_READ, finished_cb, work);
	if (work->finished == NULL || event_add(work->finished, NULL) < 0)
		goto fail;
	r = thread_start(&work->thread, thread_main, work);
	if (r == 0)
		return 0;
fail:
	work_free(work);
	return r;
}

static void *
close_main(void *arg)
{
	(void)close((int)(intptr_t)arg); /* only events to be read */
	return NULL;
}

void
work_close(int fd)
{
	pthread_t thread;

	if (thread_start(&thread, close_main, (void *)(intptr_t)fd) == 0)
		(void)pthread_detach(thread); /* it is one */
	else
		(void)close(fd); /* only events to be read */
}
