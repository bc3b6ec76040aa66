#include "src/watch_ev.h"

#include <dirent.h>
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
#include "src/file.h"
#include "src/trail.h"

#define FILE_EVENTS                                                            \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
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
	struct trail trail; /* what leads there, and where links in it lead */
	struct event *readable, *settled, *missing;
	mono_t first; /* of the changes that wait */
	bool waiting, links;
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

/* Whether it is the name of a file that matters. */
static bool
is_ours(const struct watch_ev *we, const char *name)
{
	size_t n = strlen(name), m = strlen(we->suffix);

	return name[0] != '.' && n > m &&
	       memcmp(name + n - m, we->suffix, m) == 0;
}

/* Files of other folders that stand in this one by a link. */
static void
follow_links(struct watch_ev *we)
{
	DIR *dir = opendir(we->dir);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char *path;

		if (entry->d_type != DT_LNK || !is_ours(we, entry->d_name))
			continue;
		path = file_path(we->dir, entry->d_name);
		if (path != NULL)
			trail_follow(&we->trail, we->fd, path);
		free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* Anew each time, so that nothing is left of what led there before. True if the
 * folder is watched now. */
static bool
watch(struct watch_ev *we)
{
	trail_clear(&we->trail, we->fd);
	if (we->wd >= 0)
		(void)inotify_rm_watch(we->fd, we->wd); /* may be gone */
	trail_follow(&we->trail, we->fd, we->dir);
	we->wd = inotify_add_watch(
	    we->fd, we->dir, FILE_EVENTS | DIR_EVENTS | IN_MASK_ADD);
	if (we->wd < 0)
		(void)event_add(we->missing, &retry); /* given up at worst */
	else if (we->links)
		follow_links(we);
	return we->wd >= 0;
}

static void
settled_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch_ev *we = arg;

	(void)fd;
	(void)what;
	we->waiting = false;
	(void)watch(we); /* what has come may be a link; or it is looked for */
	we->changed(we->arg);
}

static void
missing_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch_ev *we = arg;

	(void)fd;
	(void)what;
	if (we->wd < 0 && watch(we))
		note_change(we);
}

/* The folder itself went, or another one stands in its place; or the file that
 * a link in it leads to is another one. */
static void
look_again(struct watch_ev *we)
{
	if (watch(we))
		note_change(we);
	else
		log_warning(
		    "policy", "a folder that is watched is gone: %s", we->dir);
}

/* Whether a file of the folder is another one now, or is gone. */
static bool
is_changed(const struct watch_ev *we, const struct inotify_event *event)
{
	bool ret;
	char *path;

	if (event->wd != we->wd || event->len == 0 || !is_ours(we, event->name))
		return false;
	if ((event->mask & IN_CREATE) == 0)
		return true;
	path = file_path(we->dir, event->name);
	ret = path == NULL || trail_is_whole(path, event);
	free(path);
	return ret;
}

static void
take_event(struct watch_ev *we, const struct inotify_event *event)
{
	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		note_change(we);
		return;
	}
	if ((event->wd == we->wd &&
		(event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) !=
		    0) ||
	    trail_is_left(&we->trail, event))
		look_again(we);
	else if (is_changed(we, event))
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
	we->links = suffix[0] != '\0';
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
	trail_clear(&we->trail, -1);
	free(we->dir);
	free(we);
}
