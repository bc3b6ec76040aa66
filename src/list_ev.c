#include "src/list_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/list.h"
#include "src/base/log.h"
#include "src/core/list_image.h"
#include "src/json.h"
#include "src/list_job.h"
#include "src/watch_ev.h"
#include "src/work_ev.h"

/* Until the next try where no thread was to be had. */
#define RETRY_S 1

/* Blocks that are mapped for themselves. */
#define MMAP_FROM (256 << 10)

struct waiter {
	struct list node;
	list_done_fn *done;
	void *arg;
	bool served; /* by the job that has run */
};

struct list_ev {
	struct list_opts opts;
	const struct conf *conf;	/* a reference */
	const struct list_table *table; /* a reference */
	struct list_state *states;	/* of each of the table */
	struct list_job job;
	bool busy, again;
	bool late; /* no thread was to be had: tried again */
	struct event *retry;
	bool unapplied; /* changed() was called, and no list_ev_applied() */
	struct list waiters;
	struct watch_ev *watch; /* of all their folders */
};

static void job_start(struct list_ev *le);

static void
files_changed(void *arg)
{
	job_start(arg);
}

/* Watching ----------------------------------------------------------------- */

static int
watch_begin(struct list_ev *le, const struct list_job *job)
{
	const struct watch_opts opts = {
		.base = le->opts.base,
		.dirs = (const char *const *)job->dirs,
		.n_dirs = job->n_dirs,
		.suffix = "",
		.changed = files_changed,
		.arg = le,
	};

	return watch_ev_new(&le->watch, &opts);
}

static void
watch_all(struct list_ev *le, const struct list_job *job)
{
	if (watch_ev_set(
		le->watch, (const char *const *)job->dirs, job->n_dirs) < 0)
		log_warning("lists",
		    "out of memory: the folders of before are watched");
}

/* Loading ------------------------------------------------------------------ */

/* Those whom the last job has served, or those whom none has. */
static void
answer(struct list_ev *le, bool served, int error)
{
	struct list *node, *tmp;

	list_for_each_safe (node, tmp, &le->waiters) {
		struct waiter *waiter = container_of(node, struct waiter, node);

		if (waiter->served != served)
			continue;
		list_remove(node);
		waiter->done(waiter->arg, le, error);
		free(waiter);
	}
}

void
list_ev_applied(struct list_ev *le, int error)
{
	if (le == NULL || !le->unapplied)
		return;
	le->unapplied = error < 0;
	answer(le, true, error);
}

/* What is known of a list of that name. */
static const struct list_state *
state_find(const struct list_ev *le, const char *name)
{
	int at = list_table_find(le->table, name);

	return at >= 0 ? &le->states[at] : NULL;
}

/* The job's table and states become those of le. */
static void
take_over(struct list_ev *le, struct list_job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		const char *name = list_table_name(job->table, i);
		const struct list_state *old = state_find(le, name);
		int at = list_table_find(le->table, name);
		const struct list_index *l = list_table_get(job->table, i);

		if (!job->states[i].changed && old != NULL) {
			job->states[i].wall_ms = old->wall_ms;
			job->states[i].from_state = old->from_state;
		} else if (l != NULL && at >= 0) {
			list_index_carry(
			    l, list_table_get(le->table, (size_t)at));
		}
	}
	list_table_unref(le->table);
	free(le->states);
	le->table = job->table;
	le->states = job->states;
	job->table = NULL;
	job->states = NULL;
}

static void
settle(void *arg)
{
	struct list_ev *le = arg;
	/* of settings that are no more in force: another one follows */
	bool outdated = le->job.conf != le->conf;
	bool changed = le->job.changed && le->job.table != NULL && !outdated;
	struct list *node;

	if (le->job.table == NULL) {
		log_error("lists", "out of memory: the lists are as they were");
	} else if (!outdated) {
		watch_all(le, &le->job);
		take_over(le, &le->job);
	}
	list_job_done(&le->job);
	le->busy = false;
	list_for_each (node, &le->waiters)
		container_of(node, struct waiter, node)->served = !le->again;
	if (changed) {
		le->unapplied = true;
		le->opts.changed(le->opts.arg, le->table);
	} else if (!le->unapplied) {
		answer(le, true, 0);
	}
	if (le->again)
		job_start(le);
}

static void
run(void *arg)
{
	struct list_ev *le = arg;

	list_job_run(&le->job);
}

static void
job_prepare(struct list_ev *le)
{
	le->again = false;
	le->job = (struct list_job){
		.conf = conf_ref(le->conf),
		.before = list_table_ref(le->table),
		.state = le->opts.state,
	};
}

/* No thread: what has changed is to be read all the same, and who waits hears
 * why it was not. */
static void
job_put_off(struct list_ev *le, int error)
{
	static const struct timeval later = { .tv_sec = RETRY_S };

	if (!le->late)
		log_error("lists",
		    "not loaded again, it is tried again and again: %s",
		    strerror(-error));
	le->late = true;
	(void)event_add(le->retry, &later); /* else with the next change */
	answer(le, false, error);
}

static void
job_start(struct list_ev *le)
{
	int r;

	if (le->busy) {
		le->again = true;
		return;
	}
	job_prepare(le);
	le->busy = true;
	r = work_start(le->opts.base, run, settle, le);
	if (r == 0) {
		le->late = false;
		return;
	}
	le->busy = false;
	list_job_done(&le->job);
	job_put_off(le, r);
}

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	job_start(arg);
}

void
list_ev_adopt(
    struct list_ev *le, const struct conf *conf, struct list_job *loaded)
{
	const struct conf *old = le->conf;
	bool missed = le->busy || le->table != loaded->before;

	le->conf = conf_ref(conf);
	conf_unref(old);
	watch_all(le, loaded);
	take_over(le, loaded);
	/* files that changed meanwhile, and were read here */
	if (missed)
		job_start(le);
}

void
list_ev_reload(struct list_ev *le, list_done_fn *done, void *arg)
{
	struct waiter *waiter = done != NULL ? malloc(sizeof(*waiter)) : NULL;

	if (waiter != NULL) {
		*waiter = (struct waiter){ .done = done, .arg = arg };
		list_append(&le->waiters, &waiter->node);
	} else if (done != NULL) {
		done(arg, le, -ENOMEM);
	}
	job_start(le);
}

bool
list_ev_is_busy(const struct list_ev *le)
{
	return le != NULL && le->busy;
}

const struct list_table *
list_ev_table(const struct list_ev *le)
{
	return le->table;
}

int
list_ev_new(struct list_ev **ret, const struct list_opts *opts)
{
	struct list_ev *le = calloc(1, sizeof(*le));
	int r;

	if (le == NULL)
		return -ENOMEM;
	/* what compiling a list took is to go back to the system: by itself the
	 * limit grows with each large block that was freed */
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_FROM); /* 0: as it was */
	le->opts = *opts;
	le->conf = conf_ref(opts->conf);
	list_init(&le->waiters);
	/* not off the loop: nothing may pass before the lists are there */
	job_prepare(le);
	list_job_run(&le->job);
	le->retry = evtimer_new(opts->base, retry_cb, le);
	r = le->job.table != NULL && le->retry != NULL
		? watch_begin(le, &le->job)
		: -ENOMEM;
	if (r < 0) {
		list_job_done(&le->job);
		list_ev_free(le);
		return r;
	}
	take_over(le, &le->job);
	list_job_done(&le->job);
	*ret = le;
	return 0;
}

void
list_ev_free(struct list_ev *le)
{
	struct list *node, *tmp;

	if (le == NULL)
		return;
	list_for_each_safe (node, tmp, &le->waiters) {
		free(container_of(node, struct waiter, node));
	}
	if (le->retry != NULL)
		event_free(le->retry);
	watch_ev_free(le->watch);
	list_table_unref(le->table);
	free(le->states);
	conf_unref(le->conf);
	free(le);
}

/* Status ------------------------------------------------------------------- */

static const char *
state_name(const struct list_state *state, const struct list_index *l)
{
	if (state->result == 0)
		return "loaded";
	return l != NULL ? "stale" : "empty";
}

static json_t *
row(const struct list_ev *le, size_t i)
{
	const struct list_index *l = list_table_get(le->table, i);
	const struct list_state *state = &le->states[i];
	json_t *ret, *report = NULL;
	const uint8_t *meta;
	size_t len, size = 0;

	ret = json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:o}", "name",
	    json_text(list_table_name(le->table, i)), "state",
	    state_name(state, l), "error",
	    state->error[0] != '\0' ? json_text(state->error) : json_null(),
	    "names", (json_int_t)list_n_names(l), "patterns",
	    (json_int_t)list_n_patterns(l), "addresses",
	    (json_int_t)list_n_addrs(l), "hits", (json_int_t)list_index_hits(l),
	    "loaded",
	    state->wall_ms != 0 ? json_real((double)state->wall_ms / 1e3)
				: json_null());
	if (ret == NULL || l == NULL)
		return ret;
	(void)list_index_bytes(l, &size);
	(void)json_object_set_new(
	    ret, "bytes", json_integer((json_int_t)size)); /* else missing */
	meta = list_index_meta(l, &len);
	report = json_loadb((const char *)meta, len, 0, NULL);
	if (json_is_object(report))
		(void)json_object_update_missing(ret, report); /* as above */
	json_decref(report);
	return ret;
}

json_t *
list_ev_status(const struct list_ev *le)
{
	json_t *rows = json_array();

	for (size_t i = 0; rows != NULL && i < list_table_n(le->table); i++)
		if (json_array_append_new(rows, row(le, i)) < 0) {
			json_decref(rows);
			return NULL;
		}
	return rows;
}
