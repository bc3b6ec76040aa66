#include "src/hosts_ev.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/log.h"
#include "src/base/sip.h"
#include "src/resolver_conf.h"
#include "src/work_ev.h"

#define FILE_MAX ((size_t)8 << 20)
/* Read in less than a millisecond. */
#define SHORT_MAX ((size_t)32 << 10)

/* What a file said: nothing where it is not there. */
struct said {
	bool any;
	uint64_t sum; /* of the text */
};

/* A reading: outlives its hosts_ev where that is freed. */
struct job {
	struct hosts_ev *he; /* NULL: nobody waits for it */
	char *path;
	uint64_t stamp;
	struct said before, now;
	struct hosts *hosts;
	int error;
};

struct hosts_ev {
	struct hosts_opts opts;
	char *path;	/* NULL: none yet */
	uint64_t stamp; /* of the file when it was read */
	struct said said;
	int error;	 /* why it could not be read the last time */
	struct job *job; /* of a thread */
};

/* "none" is no path. */
static bool
is_path(const char *path)
{
	return path[0] == '/';
}

static uint64_t
stamp_of(const char *path)
{
	return is_path(path) ? resolver_conf_stamp(path) : 0;
}

static void
job_free(struct job *job)
{
	if (job == NULL)
		return;
	hosts_free(job->hosts);
	free(job->path);
	free(job);
}

static struct job *
job_new(struct hosts_ev *he)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->he = he;
	job->before = he->said;
	job->path = strdup(he->path);
	if (job->path == NULL) {
		free(job);
		return NULL;
	}
	/* first, so that no change is missed */
	job->stamp = stamp_of(job->path);
	return job;
}

static bool
is_other(const struct job *job)
{
	return job->now.any != job->before.any ||
	       job->now.sum != job->before.sum;
}

static void
job_run(void *arg)
{
	static const uint64_t key[2] = { 0, 0 }; /* nobody's to choose */
	struct job *job = arg;
	size_t len = 0;
	char *text = NULL;
	struct sip sip;

	errno = ENOENT;
	if (is_path(job->path))
		text = resolver_conf_read(job->path, FILE_MAX, &len);
	if (text == NULL) {
		job->error = errno;
		return;
	}
	sip_init(&sip, key);
	sip_bytes(&sip, text, len);
	job->now = (struct said){ true, sip_end(&sip) };
	if (is_other(job)) {
		job->hosts = hosts_read(text, len);
		if (job->hosts == NULL)
			job->error = ENOMEM;
	}
	free(text);
}

/* What it says is not known: it may be there. One that is too long, and what is
 * no file, says nothing. */
static bool
has_failed(const struct job *job)
{
	switch (job->error) {
	case 0:
	case ENOENT:
	case ENOTDIR:
	case EFBIG:
	case EINVAL:
		return false;
	default:
		return true;
	}
}

static void
tell(const struct hosts_ev *he, const struct job *job)
{
	if (job->hosts != NULL)
		log_debug("dns", "hosts read file=%s names=%zu faults=%zu",
		    job->path, hosts_count(job->hosts),
		    hosts_faults(job->hosts));
	else if (job->error != 0 && job->error != ENOENT &&
		 job->error != he->error)
		log_warning("dns", "hosts file=%s can't be read%s: %s",
		    job->path, has_failed(job) ? ", the names before stay" : "",
		    strerror(job->error));
}

/* Takes the job. What can't be read is read again the next time: a file that is
 * damaged, or no descriptor for it, must not open what its names block. */
static void
take(struct hosts_ev *he, struct job *job)
{
	struct hosts *hosts = job->hosts;

	tell(he, job);
	he->error = job->error;
	if (!has_failed(job)) {
		he->stamp = job->stamp;
		he->said = job->now;
		if (is_other(job)) {
			job->hosts = NULL;
			he->opts.changed(he->opts.arg, hosts);
		}
	}
	job_free(job);
}

static void
job_done(void *arg)
{
	struct job *job = arg;
	struct hosts_ev *he = job->he;

	if (he == NULL) {
		job_free(job);
		return;
	}
	he->job = NULL;
	if (strcmp(job->path, he->path) == 0) {
		take(he, job);
		return;
	}
	job_free(job); /* another file is followed meanwhile */
	hosts_ev_look(he);
}

static bool
is_long(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (uint64_t)st.st_size > SHORT_MAX;
}

/* in_thread: where it is long. No memory, or no thread: the next time. */
static void
start(struct hosts_ev *he, bool in_thread)
{
	struct job *job = he->job == NULL ? job_new(he) : NULL;

	if (job == NULL)
		return;
	if (!in_thread || !is_long(he->path)) {
		job_run(job);
		take(he, job);
		return;
	}
	he->job = job;
	if (work_start(he->opts.base, job_run, job_done, job) < 0) {
		he->job = NULL;
		job_free(job);
	}
}

struct hosts_ev *
hosts_ev_new(const struct hosts_opts *opts)
{
	struct hosts_ev *he = calloc(1, sizeof(*he));

	if (he != NULL)
		he->opts = *opts;
	return he;
}

void
hosts_ev_free(struct hosts_ev *he)
{
	if (he == NULL)
		return;
	if (he->job != NULL)
		he->job->he = NULL;
	free(he->path);
	free(he);
}

bool
hosts_ev_is_busy(const struct hosts_ev *he)
{
	return he != NULL && he->job != NULL;
}

void
hosts_ev_follow(struct hosts_ev *he, const char *path)
{
	bool first = he->path == NULL;
	char *own = strdup(path); /* the settings may go */

	if (own == NULL)
		return; /* the one before is followed still */
	if (he->path != NULL && strcmp(he->path, own) != 0)
		he->error = 0;
	free(he->path);
	he->path = own;
	start(he, !first);
}

void
hosts_ev_look(struct hosts_ev *he)
{
	if (he->path != NULL && stamp_of(he->path) != he->stamp)
		start(he, true);
}
