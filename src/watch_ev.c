#include "src/watch_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/mono.h"

#define FILE_EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
#define DIR_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* Quiet for so long: whoever wrote is done. */
static const struct timeval quiet = { 0, 200000 };
/* A writer that never rests is not waited for longer. */
#define QUIET_MAX_NS (2 * MONO_S)
/* Between two looks for a folder that is gone. */
static const struct timeval retry = { 1, 0 };

struct watch_ev {
	int fd, wd; /* wd is -1 while the folder is not there */
	char *dir;
	const char *suffix;
	struct event *readable, *settled, *missing;
	mono_t first; /* of the changes that wait */
	bool waiting;
	void (*changed)(void *arg);
	void *arg;
};

static void
note_change(struct watch_ev *we)
{
	mono_t now = mono_now();

	if (!we->waiting)
		we->first = now;
	if (we->waiting && mono_since(now, we->first) > QUIET_MAX_NS)
		return; /* the timer runs */
	we->waiting = event_add(we->settled, &quiet) == 0;
}

static void
settled_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch_ev *we = arg;

	(void)fd;
	(void)what;
	we->waiting = false;
	we->changed(we->arg);
}

/* True if the folder is watched now. */
static bool
watch(struct watch_ev *we)
{
	we->wd = inotify_add_watch(we->fd, we->dir, FILE_EVENTS | DIR_EVENTS);
	if (we->wd < 0)
		(void)event_add(we->missing, &retry); /* given up at worst */
	return we->wd >= 0;
}

static void
missing_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch_ev *we = arg;

	(void)fd;
	(void)what;
	if (watch(we))
		note_change(we);
}

/* The folder itself went, or another one stands in its place. */
static void
folder_gone(struct watch_ev *we)
{
	if (we->wd >= 0)
		(void)inotify_rm_watch(we->fd, we->wd); /* may be gone */
	if (watch(we))
		note_change(we);
	else
		log_warning(
		    "policy", "the folder of rules is gone: %s", we->dir);
}

static bool
is_ours(const struct watch_ev *we, const struct inotify_event *event)
{
	size_t n, m = strlen(we->suffix);

	if (event->len == 0)
		return false;
	n = strnlen(event->name, event->len);
	return event->name[0] != '.' && n > m &&
	       memcmp(event->name + n - m, we->suffix, m) == 0;
}

static void
take_event(struct watch_ev *we, const struct inotify_event *event)
{
	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		note_change(we);
		return;
	}
	if (event->wd != we->wd)
		return; /* of a folder that is not watched any more */
	if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0)
		folder_gone(we);
	else if (is_ours(we, event))
		note_change(we);
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct inotify_event) char
	    buf[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t off = 0;

	(void)what;
	/* the kernel gives whole events; EAGAIN and EINTR: none this time */
	while (n > 0 && off < (size_t)n) {
		const struct inotify_event *event = (const void *)(buf + off);

		off += sizeof(*event) + event->len;
		take_event(arg, event);
	}
}

int
watch_ev_new(struct watch_ev **ret, struct event_base *base, const char *dir,
    const char *suffix, void (*changed)(void *arg), void *arg)
{
	struct watch_ev *we = calloc(1, sizeof(*we));
	int r = -ENOMEM;

	if (we == NULL)
		return -ENOMEM;
	we->suffix = suffix;
	we->changed = changed;
	we->arg = arg;
	we->wd = -1;
	we->dir = strdup(dir);
	we->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (we->fd < 0) {
		r = -errno;
		goto fail;
	}
	we->readable =
	    event_new(base, we->fd, EV_READ | EV_PERSIST, readable_cb, we);
	we->settled = event_new(base, -1, 0, settled_cb, we);
	we->missing = event_new(base, -1, 0, missing_cb, we);
	if (we->dir == NULL || we->readable == NULL || we->settled == NULL ||
	    we->missing == NULL || event_add(we->readable, NULL) < 0)
		goto fail;
	(void)watch(we); /* else it is looked for */
	*ret = we;
	return 0;
fail:
	watch_ev_free(we);
	return r;
}

void
watch_ev_free(struct watch_ev *we)
{
	struct event *events[] = { we != NULL ? we->readable : NULL,
		we != NULL ? we->settled : NULL,
		we != NULL ? we->missing : NULL };

	if (we == NULL)
		return;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (we->fd >= 0)
		(void)close(we->fd); /* only events to be read */
	free(we->dir);
	free(we);
}
