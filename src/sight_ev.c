#include "src/sight_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "src/trail.h"
#include "src/work_ev.h"

struct sight {
	int fd; /* of inotify */
	struct trail trail;
	struct event *readable; /* NULL: nobody reads it yet */
	void (*take)(void *arg, const struct inotify_event *event);
	void *arg;
};

int
sight_new(struct sight **ret)
{
	struct sight *sight = calloc(1, sizeof(*sight));
	int r;

	if (sight == NULL)
		return -ENOMEM;
	sight->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (sight->fd < 0) {
		r = -errno;
		free(sight);
		return r;
	}
	*ret = sight;
	return 0;
}

void
sight_follow(struct sight *sight, const char *path)
{
	trail_follow(&sight->trail, sight->fd, path);
}

int
sight_watch(struct sight *sight, const char *path, uint32_t events)
{
	/* the trail may have watched it, too */
	return inotify_add_watch(sight->fd, path, events | IN_MASK_ADD);
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct inotify_event) char
	    buf[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	struct sight *sight = arg;
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t off = 0;

	(void)what;
	/* the kernel gives whole events; EAGAIN and EINTR: none this time */
	while (n > 0 && off < (size_t)n) {
		const struct inotify_event *event = (const void *)(buf + off);

		off += sizeof(*event) + event->len;
		sight->take(sight->arg, event);
	}
}

int
sight_read(struct sight *sight, struct event_base *base,
    void (*take)(void *arg, const struct inotify_event *event), void *arg)
{
	sight->take = take;
	sight->arg = arg;
	sight->readable = event_new(
	    base, sight->fd, EV_READ | EV_PERSIST, readable_cb, sight);
	if (sight->readable != NULL && event_add(sight->readable, NULL) == 0)
		return 0;
	if (sight->readable != NULL)
		event_free(sight->readable);
	sight->readable = NULL;
	return -ENOMEM;
}

bool
sight_is_touched(const struct sight *sight, const struct inotify_event *event,
    const char **ret_path)
{
	return trail_is_touched(&sight->trail, event, ret_path);
}

bool
sight_is_whole(const struct sight *sight)
{
	return !sight->trail.part;
}

void
sight_free(struct sight *sight)
{
	if (sight == NULL)
		return;
	if (sight->readable != NULL)
		event_free(sight->readable);
	trail_clear(&sight->trail, -1);
	work_close(sight->fd);
	free(sight);
}
