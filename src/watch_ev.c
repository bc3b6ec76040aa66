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
#include "src/work_ev.h"

#define FILE_EVENTS                                                            \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
#define DIR_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* Quiet for so long: whoever wrote is done. */
static const struct timeval quiet = { 0, 200000 };
/* A writer that never rests is not waited for longer. */
#define QUIET_MAX_NS (2 * MONO_S)
/* Between two looks for a folder that is gone. */
static const struct timeval retry = { 1, 0 };

/* What is watched: made anew each time, so that nothing is left of what led
 * there before. */
struct look {
	int fd, wd;	    /* -1: none; wd: the folder is not there */
	struct trail trail; /* what leads there, and where links in it lead */
};

/* Looking at a path blocks for as long as its file system takes: not on the
 * loop. */
struct job {
	struct event_base *base;
	struct watch_ev *we; /* NULL: it is gone */
	char *dir;
	const char *suffix;
	bool tell; /* of what has changed, afterwards */
	struct look look;
};

struct watch_ev {
	struct event_base *base;
	char *dir;
	const char *suffix;
	struct look look;
	struct event *readable, *settled, *missing;
	struct job *job;
	mono_t first; /* of the changes that wait */
	bool waiting;
	bool files; /* what has changed is not the folder alone */
	bool again; /* to be looked at since the job began */
	bool blind; /* the last look failed: what is watched may be gone */
	void (*changed)(void *arg);
	void *arg;
};

/* Jobs of all of them, also of those that are gone. */
static unsigned int n_jobs;

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
is_ours(const char *suffix, const char *name)
{
	size_t n = strlen(name), m = strlen(suffix);

	return name[0] != '.' && n > m && memcmp(name + n - m, suffix, m) == 0;
}

/* Looking ------------------------------------------------------------------ */

/* Files of other folders that stand in this one by a link. */
static void
follow_links(struct look *look, const char *folder, const char *suffix)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char *path;

		if ((entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) ||
		    !is_ours(suffix, entry->d_name))
			continue;
		path = file_path(folder, entry->d_name);
		if (path != NULL)
			trail_follow(&look->trail, look->fd, path);
		free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* 0 or -errno; that the folder is not there is no error. */
static int
look_begin(struct look *look, const char *dir, const char *suffix)
{
	*look = (struct look){ .wd = -1 };
	look->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (look->fd < 0)
		return -errno;
	trail_follow(&look->trail, look->fd, dir);
	look->wd = inotify_add_watch(
	    look->fd, dir, FILE_EVENTS | DIR_EVENTS | IN_MASK_ADD);
	if (look->wd >= 0 && suffix[0] != '\0')
		follow_links(look, dir, suffix);
	return 0;
}

static void
look_end(struct look *look)
{
	if (look->fd >= 0)
		(void)close(look->fd); /* only events to be read */
	trail_clear(&look->trail, -1);
	look->fd = look->wd = -1;
}

static void readable_cb(evutil_socket_t fd, short what, void *arg);

/* Takes the new look over, and leaves the old one to the caller; or, on an
 * error, the new one. 0 or -ENOMEM. */
static int
look_through(struct watch_ev *we, struct look *look)
{
	struct look old;
	struct event *readable = event_new(
	    we->base, look->fd, EV_READ | EV_PERSIST, readable_cb, we);

	if (readable == NULL || event_add(readable, NULL) < 0) {
		if (readable != NULL)
			event_free(readable);
		return -ENOMEM;
	}
	if (we->readable != NULL)
		event_free(we->readable);
	we->readable = readable;
	old = we->look;
	we->look = *look;
	*look = old;
	if (we->look.wd < 0)
		(void)event_add(we->missing, &retry); /* given up at worst */
	return 0;
}

static void
job_run(void *arg)
{
	struct job *job = arg;

	(void)look_begin(&job->look, job->dir, job->suffix); /* fd is -1 */
}

static void
job_free(struct job *job)
{
	look_end(&job->look);
	free(job->dir);
	free(job);
}

static void
job_end(struct job *job)
{
	if (job->look.fd >= 0)
		work_close(job->base, job->look.fd);
	job->look.fd = -1;
	job_free(job);
}

static void start_look(struct watch_ev *we, bool tell);

/* The files are read afterwards, so that nothing is missed. */
static void
tell(struct watch_ev *we, bool was_there)
{
	bool there = we->look.wd >= 0, files = we->files;

	we->files = false;
	if (was_there && !there)
		log_warning(
		    "policy", "a folder that is watched is gone: %s", we->dir);
	if (there || files)
		we->changed(we->arg);
}

static void
job_done(void *arg)
{
	struct job *job = arg;
	struct watch_ev *we = job->we;
	bool was_there, again;

	n_jobs--;
	if (we == NULL) {
		job_end(job);
		return;
	}
	we->job = NULL;
	was_there = we->look.wd >= 0;
	we->blind = job->look.fd < 0 || look_through(we, &job->look) < 0;
	if (we->blind) {
		log_limited(LOG_LEVEL_WARNING, "policy",
		    "changes of a folder may be missed: %s", we->dir);
		(void)event_add(we->missing, &retry); /* given up at worst */
	}
	again = we->again;
	we->again = false;
	if (again)
		start_look(we, job->tell);
	else if (job->tell)
		tell(we, was_there);
	else if (!was_there && we->look.wd >= 0)
		note_change(we);
	job_end(job);
}

static void
start_look(struct watch_ev *we, bool tell_of)
{
	struct job *job;

	if (we->job != NULL) {
		we->again = true;
		we->job->tell = we->job->tell || tell_of;
		return;
	}
	job = calloc(1, sizeof(*job));
	if (job != NULL) {
		*job = (struct job){ .base = we->base,
			.we = we,
			.dir = strdup(we->dir),
			.suffix = we->suffix,
			.tell = tell_of,
			.look = { .fd = -1, .wd = -1 } };
		we->job = job;
	}
	if (job != NULL && job->dir != NULL &&
	    work_start(we->base, job_run, job_done, job) == 0) {
		n_jobs++;
		return;
	}
	we->job = NULL;
	if (job != NULL)
		job_free(job);
	note_change(we); /* no thread is to be had: a bit later */
}

static void
settled_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch_ev *we = arg;

	(void)fd;
	(void)what;
	we->waiting = false;
	start_look(we, true);
}

static void
missing_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch_ev *we = arg;

	(void)fd;
	(void)what;
	if (we->look.wd < 0 || we->blind)
		start_look(we, we->blind);
}

/* Events ------------------------------------------------------------------- */

/* Whether a file of the folder is another one now, or is gone. */
static bool
is_changed(const struct watch_ev *we, const struct inotify_event *event)
{
	bool ret;
	char *path;

	if (event->wd != we->look.wd || event->len == 0 ||
	    !is_ours(we->suffix, event->name))
		return false;
	if ((event->mask & IN_CREATE) == 0)
		return true;
	path = file_path(we->dir, event->name);
	ret = path == NULL || trail_is_whole(path, event);
	free(path);
	return ret;
}

/* The folder itself went, or another one stands in its place; or the file that
 * a link in it leads to is another one. */
static bool
leads_elsewhere(const struct watch_ev *we, const struct inotify_event *event)
{
	return (event->wd == we->look.wd &&
		   (event->mask &
		       (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0) ||
	       trail_is_left(&we->look.trail, event);
}

static void
take_event(struct watch_ev *we, const struct inotify_event *event)
{
	bool files =
	    (event->mask & IN_Q_OVERFLOW) != 0 || is_changed(we, event);

	we->files = we->files || files;
	if (files || leads_elsewhere(we, event))
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
	struct look look = { .fd = -1, .wd = -1 };
	int r = -ENOMEM;

	if (we == NULL)
		return -ENOMEM;
	we->base = base;
	we->suffix = suffix;
	we->changed = changed;
	we->arg = arg;
	we->look = (struct look){ .fd = -1, .wd = -1 };
	we->dir = strdup(dir);
	we->settled = event_new(base, -1, 0, settled_cb, we);
	we->missing = event_new(base, -1, 0, missing_cb, we);
	if (we->dir != NULL && we->settled != NULL && we->missing != NULL)
		r = look_begin(&look, dir, suffix);
	if (r == 0)
		r = look_through(we, &look);
	if (r < 0) {
		look_end(&look);
		watch_ev_free(we);
		return r;
	}
	*ret = we;
	return 0;
}

void
watch_ev_free(struct watch_ev *we)
{
	if (we == NULL)
		return;
	if (we->job != NULL)
		we->job->we = NULL;
	if (we->readable != NULL)
		event_free(we->readable);
	if (we->settled != NULL)
		event_free(we->settled);
	if (we->missing != NULL)
		event_free(we->missing);
	look_end(&we->look);
	free(we->dir);
	free(we);
}

bool
watch_ev_any_is_busy(void)
{
	return n_jobs > 0;
}
