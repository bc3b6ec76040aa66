#include "src/deadline_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "src/base/log.h"

struct deadline_ev {
	int fd;
	struct event *readable;
	void (*due)(void *arg);
	void *arg;
};

uint64_t
deadline_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct deadline_ev *de = arg;
	uint64_t n;

	(void)what;
	/* ECANCELED: the clock was set; the owner looks at it anyway */
	(void)!read(fd, &n, sizeof(n));
	de->due(de->arg);
}

int
deadline_ev_new(struct deadline_ev **ret, struct event_base *base,
    void (*due)(void *arg), void *arg)
{
	struct deadline_ev *de = calloc(1, sizeof(*de));
	int r;

	if (de == NULL)
		return -ENOMEM;
	de->due = due;
	de->arg = arg;
	de->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	r = de->fd < 0 ? -errno : 0;
	if (r == 0) {
		de->readable = event_new(
		    base, de->fd, EV_READ | EV_PERSIST, readable_cb, de);
		if (de->readable == NULL || event_add(de->readable, NULL) < 0)
			r = -ENOMEM;
	}
	if (r < 0) {
		deadline_ev_free(de);
		return r;
	}
	*ret = de;
	return 0;
}

void
deadline_ev_free(struct deadline_ev *de)
{
	if (de == NULL)
		return;
	if (de->readable != NULL)
		event_free(de->readable);
	if (de->fd >= 0)
		(void)close(de->fd); /* nothing is written to it */
	free(de);
}

void
deadline_ev_set(struct deadline_ev *de, uint64_t end_ms)
{
	struct itimerspec spec = { .it_value = { (time_t)(end_ms / 1000),
				       (long)(end_ms % 1000) * 1000000 } };

	if (timerfd_settime(de->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
		&spec, NULL) < 0)
		log_error("policy", "no timer for rules that end: %s",
		    strerror(errno));
}
