#include "src/sysconf_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "src/base/log.h"
#include "src/made.h"
#include "src/sight_ev.h"
#include "src/sysfiles.h"
#include "src/work_ev.h"

#define DIR_EVENTS                                                             \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |            \
	    IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
/* Behind a symbolic or a bind mount, where the folder's events are others'. */
#define FILE_EVENTS (IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)

/* Quiet for so long: whoever wrote is done. */
static const struct timeval quiet = { 0, 200000 };
/* Between two readings of files that can't be watched. */
static const struct timeval unwatched = { 2, 0 };

struct look {
	struct sight *sight; /* NULL: none */
	int *folders;	     /* watches of those whose every file matters */
};

/* A look and a reading, in a thread: outlives its sysconf_ev where that is
 * freed. */
struct job {
	struct sysconf_ev *se; /* NULL: nobody waits for it */
	struct sysconf_own owns[SYSCONF_OWNS_MAX];
	size_t n_owns;
	struct made made; /* since the job before */
	bool whole;	  /* any of that */
	struct look look;
	int look_error;
	struct sysconf found;
	const char *path;
};

struct sysconf_ev {
	struct sysconf_opts opts;
	struct sysconf_own owns[SYSCONF_OWNS_MAX];
	struct sysconf servers;
	bool any, told_none, told_blind;
	struct look look;
	struct event *settled;
	struct made made;
	struct job *job;
	bool again; /* something has changed since it began */
};

static void read_again(struct sysconf_ev *se);

/* Following ------------------------------------------------------------------
 */

/* *ret_path: of a file that leads there; NULL for others. */
static bool
is_ours(const struct sysconf_ev *se, const struct inotify_event *event,
    const char **ret_path)
{
	*ret_path = NULL;
	if (event->len == 0 || event->name[0] == '\0')
		return true; /* of a file, or of a folder itself */
	for (size_t i = 0; i < n_sysfiles; i++)
		if (se->look.folders[i] == event->wd)
			return true;
	return sight_is_touched(se->look.sight, event, ret_path);
}

static void
take_event(void *arg, const struct inotify_event *event)
{
	struct sysconf_ev *se = arg;
	const char *path;

	if (!is_ours(se, event, &path))
		return;
	made_note(&se->made, path, event);
	(void)event_add(se->settled, &quiet); /* else the next one */
}

static void
watch_file(struct look *look, size_t i)
{
	const char *path = sysfiles[i].path;
	bool folder = path[strlen(path) - 1] == '/';
	int wd;

	/* also where it is not there: when it comes */
	sight_follow(look->sight, path);
	wd = sight_watch(look->sight, path, folder ? DIR_EVENTS : FILE_EVENTS);
	look->folders[i] = folder ? wd : -1;
}

/* 0 or -errno. May block for as long as file systems do. */
static int
look_begin(struct look *look)
{
	int r;

	*look = (struct look){ .folders = calloc(
				   n_sysfiles, sizeof(look->folders[0])) };
	if (look->folders == NULL)
		return -ENOMEM;
	r = sight_new(&look->sight);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_sysfiles; i++)
		watch_file(look, i);
	return 0;
}

static void
look_end(struct look *look)
{
	sight_free(look->sight);
	free(look->folders);
	*look = (struct look){ .sight = NULL };
}

/* The new look in place of the old one: 0, or -ENOMEM with all as it was. */
static int
look_take(struct sysconf_ev *se, struct look *look)
{
	int r = sight_read(look->sight, se->opts.base, take_event, se);

	if (r < 0)
		return r;
	look_end(&se->look);
	se->look = *look;
	*look = (struct look){ .sight = NULL };
	return 0;
}

/* As look_begin() has it, r; where that is nothing, or a part of it, the files
 * are read again after a while, whether they have changed or not. */
static void
follow(struct sysconf_ev *se, struct look *look, int r)
{
	if (r == 0)
		r = look_take(se, look);
	if (r == 0 && !sight_is_whole(se->look.sight))
		r = -ENOSPC; /* of the user's watches, mostly */
	if (r < 0 && !se->told_blind)
		log_warning("dns",
		    "the system's servers can't be followed, and are read "
		    "again each %d s: %s",
		    (int)unwatched.tv_sec, strerror(-r));
	se->told_blind = r < 0;
	if (r == 0)
		return;
	se->made.sure = true;
	if (!evtimer_pending(se->settled, NULL))
		(void)event_add(se->settled, &unwatched); /* none at worst */
}

/* Reading --------------------------------------------------------------------
 */

static void
tell(const struct sysconf *conf, const char *path)
{
	char text[UPSTREAM_TEXT_SIZE];

	for (size_t i = 0; i < conf->n; i++)
		log_info("dns", "server of the system=%s file=%s",
		    upstream_format(&conf->v[i], text), path);
	if (conf->skipped > 0 || conf->more > 0)
		log_warning("dns",
		    "servers that were left out file=%s no_address=%u "
		    "too_many=%u",
		    path, conf->skipped, conf->more);
}

/* True where there are other servers now. */
static bool
take(struct sysconf_ev *se, const struct sysconf *found, const char *path)
{
	if (path == NULL) {
		if (!se->told_none)
			log_warning("dns",
			    "the system has no servers%s; `upstream' in "
			    "[resolver] names some",
			    se->any ? " any more: those from before are kept "
				      "until the daemon ends"
				    : ", or only this one");
		se->told_none = true;
		return false;
	}
	se->told_none = false;
	if (se->any && sysconf_equal(found, &se->servers))
		return false;
	se->servers = *found;
	se->any = true;
	tell(found, path);
	return true;
}

static void
job_run(void *arg)
{
	struct job *job = arg;

	job->whole = made_is_whole(&job->made);
	/* first, so that nothing is missed */
	job->look_error = look_begin(&job->look);
	job->path = sysfiles_read(&job->found, job->owns, job->n_owns);
}

static void
job_free(struct job *job)
{
	look_end(&job->look);
	made_clear(&job->made);
	free(job);
}

static void
job_done(void *arg)
{
	struct job *job = arg;
	struct sysconf_ev *se = job->se;
	bool changed;

	if (se == NULL) {
		job_free(job);
		return;
	}
	se->job = NULL;
	follow(se, &job->look, job->look_error);
	changed = job->whole && take(se, &job->found, job->path);
	job_free(job);
	if (se->again)
		read_again(se);
	if (changed)
		se->opts.changed(se->opts.arg, &se->servers);
}

static struct job *
job_new(struct sysconf_ev *se)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->se = se;
	made_move(&job->made, &se->made);
	memcpy(job->owns, se->owns, sizeof(job->owns));
	job->n_owns = se->opts.n_owns;
	return job;
}

static void
read_again(struct sysconf_ev *se)
{
	se->again = se->job != NULL;
	if (se->again)
		return;
	se->job = job_new(se);
	if (se->job != NULL &&
	    work_start(se->opts.base, job_run, job_done, se->job) == 0)
		return;
	se->made.sure = true;
	if (se->job != NULL)
		job_free(se->job);
	se->job = NULL;
	(void)event_add(se->settled, &quiet); /* then a bit later */
}

static void
settled_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	read_again(arg);
}

int
sysconf_ev_new(struct sysconf_ev **ret, const struct sysconf_opts *opts)
{
	struct sysconf_ev *se = calloc(1, sizeof(*se));
	struct sysconf found;
	struct look look;
	int r;

	if (se == NULL)
		return -ENOMEM;
	se->opts = *opts;
	if (se->opts.n_owns > SYSCONF_OWNS_MAX)
		se->opts.n_owns = SYSCONF_OWNS_MAX;
	memcpy(se->owns, opts->owns, se->opts.n_owns * sizeof(se->owns[0]));
	se->opts.owns = se->owns;
	se->settled = event_new(opts->base, -1, 0, settled_cb, se);
	if (se->settled == NULL) {
		sysconf_ev_free(se);
		return -ENOMEM;
	}
	r = look_begin(&look);
	follow(se, &look, r);
	look_end(&look); /* what was not taken */
	(void)take(se, &found,
	    sysfiles_read(&found, se->owns, se->opts.n_owns)); /* see any */
	*ret = se;
	return 0;
}

void
sysconf_ev_free(struct sysconf_ev *se)
{
	if (se == NULL)
		return;
	if (se->job != NULL)
		se->job->se = NULL;
	if (se->settled != NULL)
		event_free(se->settled);
	look_end(&se->look);
	made_clear(&se->made);
	free(se);
}

bool
sysconf_ev_is_busy(const struct sysconf_ev *se)
{
	return se != NULL && se->job != NULL;
}

const struct sysconf *
sysconf_ev_servers(const struct sysconf_ev *se)
{
	return &se->servers;
}

bool
sysconf_ev_is_kept(const struct sysconf_ev *se)
{
	return se->any && se->told_none;
}
