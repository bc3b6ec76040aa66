#include "src/watch_ev.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "src/base/log.h"
#include "src/base/mono.h"
#include "src/file.h"
#include "src/made.h"
#include "src/sight_ev.h"
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
/* Between two tries where nothing can be watched: twice as long each time. */
#define BLIND_S_MAX 60

struct look {
	struct sight *sight; /* also of where links in it lead; NULL: none */
	int wd;		     /* -1: the folder is not there */
};

/* Looking at a path blocks for as long as its file system takes: not on the
 * loop. */
struct job {
	struct watch_ev *we; /* NULL: it is gone */
	char *dir;
	const char *suffix;
	bool tell;	  /* of what has changed, afterwards */
	struct made made; /* since the one before that tells */
	bool files;	  /* of that: not the folder alone */
	bool whole;	  /* any of that */
	struct look look;
	int error; /* of the look */
};

struct watch_ev {
	struct watch_opts opts;
	char *dir;
	struct look look;
	struct event *settled, *missing;
	struct job *job;
	struct made made;
	mono_t first; /* of the changes that wait */
	bool waiting;
	bool files;	      /* what has changed is not the folder alone */
	bool again;	      /* to be looked at since the job began */
	unsigned int blind_s; /* the last look failed, what is watched may be
				 gone: when it is tried again; else 0 */
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
			sight_follow(look->sight, path);
		free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* 0 or -errno; that the folder is not there is no error. */
static int
look_begin(struct look *look, const char *dir, const char *suffix)
{
	int r;

	*look = (struct look){ .wd = -1 };
	r = sight_new(&look->sight);
	if (r < 0)
		return r;
	sight_follow(look->sight, dir);
	look->wd = sight_watch(look->sight, dir, FILE_EVENTS | DIR_EVENTS);
	if (look->wd >= 0 && suffix[0] != '\0')
		follow_links(look, dir, suffix);
	return 0;
}

static void
look_end(struct look *look)
{
	sight_free(look->sight);
	*look = (struct look){ .wd = -1 };
}

static void take_event(void *arg, const struct inotify_event *event);

/* The new look in place of the old one: 0, or -ENOMEM with all as it was. */
static int
look_take(struct watch_ev *we, struct look *look)
{
	int r = sight_read(look->sight, we->opts.base, take_event, we);

	if (r < 0)
		return r;
	look_end(&we->look);
	we->look = *look;
	*look = (struct look){ .wd = -1 };
	if (we->look.wd < 0)
		(void)event_add(we->missing, &retry); /* given up at worst */
	return 0;
}

/* Takes what look_begin() has made, with its result r; true where there is none
 * now. */
static bool
look_follow(struct watch_ev *we, struct look *look, int r)
{
	unsigned int was = we->blind_s;

	if (r == 0)
		r = look_take(we, look);
	we->blind_s = 0;
	if (r == 0)
		return false;
	if (was == 0)
		log_warning("policy",
		    "%s can't be watched, what changes there is taken when it "
		    "can: %s",
		    we->dir, strerror(-r));
	we->blind_s = was == 0		       ? 1
		      : was >= BLIND_S_MAX / 2 ? BLIND_S_MAX
					       : 2 * was;
	(void)event_add(we->missing,
	    &(struct timeval){ we->blind_s, 0 }); /* given up at worst */
	return true;
}

static void
job_run(void *arg)
{
	struct job *job = arg;

	job->whole = made_is_whole(&job->made);
	job->error = look_begin(&job->look, job->dir, job->suffix);
}

static void
job_free(struct job *job)
{
	look_end(&job->look);
	made_clear(&job->made);
	free(job->dir);
	free(job);
}

static void start_look(struct watch_ev *we, bool tell);

/* The files are read afterwards, so that nothing is missed. */
static void
tell(struct watch_ev *we, const struct job *job, bool was_there)
{
	bool there = we->look.wd >= 0;

	if (was_there && !there)
		log_warning(
		    "policy", "a folder that is watched is gone: %s", we->dir);
	if (there || job->files)
		we->opts.changed(we->opts.arg);
}

static void
job_done(void *arg)
{
	struct job *job = arg;
	struct watch_ev *we = job->we;
	bool was_there, was_blind, found, again;

	n_jobs--;
	if (we == NULL) {
		job_free(job);
		return;
	}
	we->job = NULL;
	was_there = we->look.wd >= 0;
	was_blind = we->blind_s > 0;
	if (!look_follow(we, &job->look, job->error) && was_blind)
		was_there = false; /* it may have changed meanwhile */
	found = !was_there && we->look.wd >= 0;
	again = we->again;
	we->again = false;
	if (again) {
		made_move(&we->made, &job->made);
		we->made.sure = we->made.sure || found;
		we->files = we->files || job->files;
		start_look(we, job->tell || found);
	} else if (job->tell && job->whole) {
		tell(we, job, was_there);
	} else if (found) {
		we->made.sure = true;
		note_change(we);
	}
	job_free(job);
}

/* What has changed so far is told of by this job. */
static void
take_changes(struct watch_ev *we, struct job *job)
{
	made_move(&job->made, &we->made);
	job->files = we->files;
	we->files = false;
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
		*job = (struct job){ .we = we,
			.dir = strdup(we->dir),
			.suffix = we->opts.suffix,
			.tell = tell_of,
			.look = { .wd = -1 } };
		we->job = job;
	}
	if (job != NULL && tell_of)
		take_changes(we, job);
	if (job != NULL && job->dir != NULL &&
	    work_start(we->opts.base, job_run, job_done, job) == 0) {
		n_jobs++;
		return;
	}
	we->job = NULL;
	we->made.sure = true;
	if (job != NULL) {
		we->files = we->files || job->files;
		job_free(job);
	}
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
	if (we->look.wd < 0 || we->blind_s > 0)
		start_look(we, false);
}

/* Events ------------------------------------------------------------------- */

/* Whether a file of the folder is another one now, or is gone. */
static bool
is_changed(struct watch_ev *we, const struct inotify_event *event)
{
	char *path;

	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		made_note(&we->made, NULL, event);
		return true;
	}
	if (event->wd != we->look.wd || event->len == 0 ||
	    !is_ours(we->opts.suffix, event->name))
		return false;
	path = file_path(we->dir, event->name);
	made_note(&we->made, path, event);
	free(path);
	return true;
}

/* The folder itself went, or another one stands in its place; or the file that
 * a link in it leads to is another one. */
static bool
leads_elsewhere(struct watch_ev *we, const struct inotify_event *event)
{
	const char *path = NULL;

	if ((event->wd != we->look.wd ||
		(event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) ==
		    0) &&
	    !sight_is_touched(we->look.sight, event, &path))
		return false;
	made_note(&we->made, path, event);
	return true;
}

static void
take_event(void *arg, const struct inotify_event *event)
{
	struct watch_ev *we = arg;
	bool files = is_changed(we, event);

	we->files = we->files || files;
	if (files || leads_elsewhere(we, event))
		note_change(we);
}

int
watch_ev_new(struct watch_ev **ret, const struct watch_opts *opts)
{
	struct watch_ev *we = calloc(1, sizeof(*we));
	struct look look = { .wd = -1 };
	int r;

	if (we == NULL)
		return -ENOMEM;
	we->opts = *opts;
	we->look = (struct look){ .wd = -1 };
	we->opts.dir = we->dir = strdup(opts->dir);
	we->settled = event_new(opts->base, -1, 0, settled_cb, we);
	we->missing = event_new(opts->base, -1, 0, missing_cb, we);
	if (we->dir == NULL || we->settled == NULL || we->missing == NULL) {
		watch_ev_free(we);
		return -ENOMEM;
	}
	r = look_begin(&look, we->dir, opts->suffix);
	(void)look_follow(we, &look, r); /* then it is tried again */
	look_end(&look);		 /* what was not taken */
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
	if (we->settled != NULL)
		event_free(we->settled);
	if (we->missing != NULL)
		event_free(we->missing);
	look_end(&we->look);
	made_clear(&we->made);
	free(we->dir);
	free(we);
}

bool
watch_ev_any_is_busy(void)
{
	return n_jobs > 0;
}
