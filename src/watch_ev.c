#include "src/watch_ev.h"

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
#include "src/watch_look_ev.h"
#include "src/work_ev.h"

/* Quiet for so long: whoever wrote is done. */
static const struct timeval quiet = { 0, 200000 };
/* A writer that never rests is not waited for longer. */
#define QUIET_MAX_NS (2 * MONO_S)
/* Between two looks for a folder that is gone. */
static const struct timeval retry = { 1, 0 };
/* Between two tries where nothing can be watched: twice as long each time. */
#define BLIND_S_MAX 60

/* Looking at a path blocks for as long as its file system takes: not on the
 * loop. */
struct job {
	struct watch_ev *we; /* NULL: it is gone */
	const char *suffix;
	bool tell;		/* of what has changed, afterwards */
	struct made made;	/* since the one before that tells */
	bool files;		/* of that: not a folder alone */
	bool whole;		/* any of that */
	struct watch_look look; /* once taken, the one before */
	int error;		/* of the look */
};

struct watch_ev {
	struct watch_opts opts;
	struct watch_look want; /* the folders alone */
	struct watch_look look;
	struct event *settled, *missing;
	struct job *job;
	struct made made;
	mono_t first; /* of the changes that wait */
	bool waiting;
	bool files;	      /* what has changed is not a folder alone */
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

/* Looking ------------------------------------------------------------------ */

static void take_event(void *arg, const struct inotify_event *event);

/* The new look in place of the old one, which *look is then: 0, or -ENOMEM with
 * all as it was. */
static int
look_take(struct watch_ev *we, struct watch_look *look)
{
	struct watch_look old = we->look;
	int r = 0;

	if (look->sight != NULL)
		r = sight_read(look->sight, we->opts.base, take_event, we);
	if (r < 0)
		return r;
	we->look = *look;
	*look = old;
	if (watch_look_misses(&we->look))
		(void)event_add(we->missing, &retry); /* given up at worst */
	return 0;
}

/* Takes what watch_look_begin() has made, with its result r; false where there
 * is none now. */
static bool
look_follow(struct watch_ev *we, struct watch_look *look, int r)
{
	unsigned int was = we->blind_s;

	if (r == 0)
		r = look_take(we, look);
	we->blind_s = 0;
	if (r == 0)
		return true;
	if (was == 0)
		log_warning("policy",
		    "%s%s can't be watched, what changes there is taken when "
		    "it can: %s",
		    look->n > 0 ? look->v[0].dir : "?",
		    look->n > 1 ? " and others" : "", strerror(-r));
	we->blind_s = was == 0		       ? 1
		      : was >= BLIND_S_MAX / 2 ? BLIND_S_MAX
					       : 2 * was;
	(void)event_add(we->missing,
	    &(struct timeval){ we->blind_s, 0 }); /* given up at worst */
	return false;
}

static void
job_run(void *arg)
{
	struct job *job = arg;

	job->whole = made_is_whole(&job->made);
	job->error = watch_look_begin(&job->look, job->suffix);
}

static void
job_free(struct job *job)
{
	watch_look_end(&job->look);
	made_clear(&job->made);
	free(job);
}

static void start_look(struct watch_ev *we, bool tell);

/* The files are read afterwards, so that nothing is missed. */
static void
tell(struct watch_ev *we, const struct job *job)
{
	const char *dir;
	size_t at = 0;

	while (
	    (dir = watch_look_next(&we->look, &job->look, false, &at)) != NULL)
		log_warning(
		    "policy", "a folder that is watched is gone: %s", dir);
	if (watch_look_any(&we->look) || job->files)
		we->opts.changed(we->opts.arg);
}

static void
job_done(void *arg)
{
	struct job *job = arg;
	struct watch_ev *we = job->we;
	bool was_blind, found, again;
	size_t at = 0;

	n_jobs--;
	if (we == NULL) {
		job_free(job);
		return;
	}
	we->job = NULL;
	was_blind = we->blind_s > 0;
	/* what could not be watched may have changed meanwhile */
	found = look_follow(we, &job->look, job->error) &&
		(was_blind ? watch_look_any(&we->look)
			   : watch_look_next(
				 &we->look, &job->look, true, &at) != NULL);
	again = we->again;
	we->again = false;
	if (again) {
		made_move(&we->made, &job->made);
		we->made.sure = we->made.sure || found;
		we->files = we->files || job->files;
		start_look(we, job->tell || found);
	} else if (job->tell && job->whole) {
		tell(we, job);
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
		*job = (struct job){
			.we = we, .suffix = we->opts.suffix, .tell = tell_of
		};
		we->job = job;
	}
	if (job != NULL && tell_of)
		take_changes(we, job);
	if (job != NULL && watch_look_copy(&job->look, &we->want) == 0 &&
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
	if (watch_look_misses(&we->look) || we->blind_s > 0)
		start_look(we, false);
}

/* Events ------------------------------------------------------------------- */

/* Whether a file of the folder is another one now, or is gone. */
static bool
is_changed(
    struct watch_ev *we, const char *folder, const struct inotify_event *event)
{
	char *path;

	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		made_note(&we->made, NULL, event);
		return true;
	}
	if (folder == NULL || event->len == 0 ||
	    !watch_look_is_ours(we->opts.suffix, event->name))
		return false;
	path = file_path(folder, event->name);
	made_note(&we->made, path, event);
	free(path);
	return true;
}

/* The folder itself went, or another one stands in its place; or the file that
 * a link in it leads to is another one. */
static bool
leads_elsewhere(
    struct watch_ev *we, const char *folder, const struct inotify_event *event)
{
	const char *path = NULL;

	if ((folder == NULL || (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF |
						  IN_IGNORED)) == 0) &&
	    !sight_is_touched(we->look.sight, event, &path))
		return false;
	made_note(&we->made, path, event);
	return true;
}

static void
take_event(void *arg, const struct inotify_event *event)
{
	struct watch_ev *we = arg;
	const char *folder = watch_look_folder(&we->look, event);
	bool files = is_changed(we, folder, event);

	we->files = we->files || files;
	if (files || leads_elsewhere(we, folder, event))
		note_change(we);
}

int
watch_ev_new(struct watch_ev **ret, const struct watch_opts *opts)
{
	struct watch_ev *we = calloc(1, sizeof(*we));
	struct watch_look look = { .n = 0 };
	int r;

	if (we == NULL)
		return -ENOMEM;
	we->opts = *opts;
	we->opts.dirs = NULL; /* see `want' */
	we->settled = event_new(opts->base, -1, 0, settled_cb, we);
	we->missing = event_new(opts->base, -1, 0, missing_cb, we);
	if (watch_look_new(&we->want, opts->dirs, opts->n_dirs) < 0 ||
	    watch_look_copy(&look, &we->want) < 0 || we->settled == NULL ||
	    we->missing == NULL) {
		watch_look_end(&look);
		watch_ev_free(we);
		return -ENOMEM;
	}
	r = watch_look_begin(&look, opts->suffix);
	(void)look_follow(we, &look, r); /* then it is tried again */
	watch_look_end(&look);		 /* what was not taken */
	*ret = we;
	return 0;
}

int
watch_ev_set(struct watch_ev *we, const char *const *dirs, size_t n_dirs)
{
	struct watch_look want;

	if (watch_look_is_of(&we->want, dirs, n_dirs))
		return 0;
	if (watch_look_new(&want, dirs, n_dirs) < 0)
		return -ENOMEM;
	watch_look_end(&we->want);
	we->want = want;
	we->made.sure = true;
	start_look(we, true);
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
	watch_look_end(&we->look);
	watch_look_end(&we->want);
	made_clear(&we->made);
	free(we);
}

bool
watch_ev_any_is_busy(void)
{
	return n_jobs > 0;
}
