#include "src/policy_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/world_ev.h"
#include "src/core/hits.h"
#include "src/core/list_table.h"
#include "src/deadline_ev.h"
#include "src/file.h"
#include "src/policy_ends_ev.h"
#include "src/state.h"
#include "src/work_ev.h"

#define STATE_NAME "command-line.rules"
#define ACCOUNTS_NAME "accounts"
/* Rules that can't be read, or compiled, may deny what passes meanwhile. */
#define LATE_S 1
/* What could not be saved is there until a restart. */
#define UNSAVED_S 5

struct policy_ev {
	struct policy_opts opts;
	struct review_ev *review;
	struct list queue;
	struct change *change; /* under way; NULL for none */
	struct policy_job job;
	char *state_path, *accounts_path;
	struct world_ev *awaited;	/* what rules name */
	const struct conf *conf;	/* in force; a reference */
	const struct list_table *lists; /* the same, or NULL */
	struct policy_texts texts;
	struct policy_ends *ends;
	struct event *again; /* what could not be read, saved or compiled */
	unsigned int late;   /* a bit for each kind that is tried again */
	bool reload_after;   /* asked for while a set was tried */
	bool first_review;   /* of the start is under way, and no other */
	bool reviewing;	     /* what the change under way made is judged */
	char error[256];     /* what `status` says until a reload succeeds */
	int save_error;	     /* of the last time that they were saved */
};

static void start_next(struct policy_ev *pe);

/* A change and its end ------------------------------------------------------
 */

static bool
is_unsaved(const struct policy_ev *pe)
{
	return pe->texts.unread >= 0 &&
	       (pe->save_error != 0 || pe->texts.accounts_error != 0);
}

static void
look_again(struct policy_ev *pe)
{
	bool late = pe->texts.unread < 0 || pe->late != 0;
	struct timeval tv = { .tv_sec = late ? LATE_S : UNSAVED_S };

	/* a reload tries, too */
	if (late || is_unsaved(pe))
		(void)event_add(pe->again, &tv);
}

static void
settle(struct policy_ev *pe)
{
	struct change *change = pe->change;

	pe->change = NULL;
	if (change_note_late(change, &pe->late))
		change_log(change); /* once, and not at each try */
	if (change->kind == CHANGE_RELOAD && change->result != -EBUSY)
		change_error(change, pe->error, sizeof(pe->error));
	/* by the clock; who asks for an end himself says nothing of that */
	if (change->done == NULL &&
	    (change->kind == CHANGE_EXPIRE || change->kind == CHANGE_BACK))
		policy_ends_over(pe->ends, change->result != 0);
	if (!pe->texts.trying && pe->reload_after) {
		pe->reload_after = false;
		policy_ev_reload(pe);
	}
	if (change->done != NULL)
		change->done(change->arg, change);
	else
		change_free(change);
	policy_ends_look(pe->ends);
	look_again(pe);
	if (pe->change == NULL)
		start_next(pe);
	if (pe->change == NULL && list_empty(&pe->queue))
		pe->opts.idle(pe->opts.arg,
		    (pe->late & 1u << CHANGE_LISTS) != 0 ? -EAGAIN : 0);
}

static void
end(struct policy_ev *pe, int result)
{
	pe->change->result = result;
	settle(pe);
}

static void
reviewed(void *arg, const struct review_result *result)
{
	struct policy_ev *pe = arg;

	if (pe->first_review) {
		pe->first_review = false;
		log_debug("policy", "judged anew marks=%llu",
		    (unsigned long long)result->marks);
		return;
	}
	pe->reviewing = false;
	pe->change->review = *result;
	settle(pe);
}

/* What the change made of files and rules becomes what is in force. */
static void
commit(struct policy_ev *pe)
{
	struct change *change = pe->change;
	struct policy_job *job = &pe->job;

	judge_set_policy(pe->opts.judge, job->policy, job->hits, mono_now());
	job->hits = NULL;
	pe->opts.ruled(pe->opts.arg);
	world_ev_watch(pe->awaited, job->policy);
	pe->texts.accounts_error = job->accounts_error;
	if (job->accounts_error < 0)
		policy_log_unsaved(job->accounts_error);
	change->n_rules = policy_n_rules(job->policy);
	if (change->kind == CHANGE_TRY || change->kind == CHANGE_RELOAD)
		policy_log_missing(job->policy);
	policy_log_held(job->policy, &pe->texts.runtime);
	if (change->kind == CHANGE_READ)
		log_info(
		    "policy", "the rules from the command line have been read");
	policy_texts_commit(&pe->texts, change, job);
	if (change->kind == CHANGE_TRY) {
		policy_ends_try(pe->ends, change->for_ms);
	} else if (change->kind == CHANGE_RELOAD) {
		conf_unref(pe->conf);
		pe->conf = job->fresh_conf;
		job->fresh_conf = NULL;
		list_table_unref(pe->lists);
		pe->lists = list_table_ref(job->loaded.table);
		pe->opts.settings(pe->opts.arg, pe->conf, &job->loaded);
	}
}

static void
compiled(void *arg)
{
	struct policy_ev *pe = arg;
	int result = pe->job.result;

	pe->change->save_error = pe->job.save_error;
	if (result == 0 && policy_job_saves(&pe->job))
		pe->save_error = pe->job.save_error;
	if (result == 0 && pe->job.alone) {
		pe->texts.accounts_error = pe->job.accounts_error;
		policy_texts_commit(&pe->texts, pe->change, &pe->job);
	} else if (result == 0) {
		commit(pe);
	}
	if (result < 0 || pe->job.alone) {
		policy_job_done(&pe->job);
		end(pe, result);
		return;
	}
	policy_job_done(&pe->job);
	pe->first_review = false; /* this one does its work, too */
	pe->reviewing = true;
	review_ev_start(pe->review);
}

static void
run(void *arg)
{
	struct policy_ev *pe = arg;

	policy_job_run(&pe->job);
}

/* Of all changes a reload alone reads files. */
static void
read_files(struct policy_ev *pe)
{
	struct policy_job *job = &pe->job;

	job->read = true;
	job->config = pe->opts.config;
	job->dir = pe->opts.rules;
	job->may_miss = job->dir == NULL && pe->texts.sources.n == 0;
	job->folder = pe->opts.state;
}

static void
keep(struct policy_ev *pe)
{
	policy_texts_keep(&pe->texts);
	pe->reload_after = false; /* it would undo what is to be kept */
	pe->change->n_rules = policy_n_rules(judge_policy(pe->opts.judge));
	settle(pe);
}

static void
start(struct policy_ev *pe, struct change *change)
{
	struct policy_job *job = &pe->job;
	int r;

	pe->change = change;
	memset(job, 0, sizeof(*job));
	job->faults = change->faults;
	job->conf = pe->conf;
	job->accounts_path = pe->accounts_path;
	job->lists = list_table_ref(pe->lists);
	r = policy_texts_change(&pe->texts, change, job, deadline_wall_ms());
	if (r == -EBUSY)
		pe->reload_after = true;
	if (r == 0 && change->kind == CHANGE_RELOAD)
		read_files(pe);
	if (r == 0 && change->kind == CHANGE_KEEP) {
		policy_job_done(&pe->job);
		keep(pe);
		return;
	}
	/* what could not be saved is tried again by a reload */
	if (change->kind == CHANGE_ADD || change->kind == CHANGE_DELETE ||
	    change->kind == CHANGE_EXPIRE ||
	    ((change->kind == CHANGE_RELOAD || change->kind == CHANGE_SAVE) &&
		pe->save_error != 0))
		job->state = pe->state_path;
	job->alone = change->kind == CHANGE_SAVE;
	if (policy_texts_unread(&pe->texts, change, job, pe->save_error))
		job->saved = pe->state_path;
	job->before = policy_ref(judge_policy(pe->opts.judge));
	if (change->kind == CHANGE_ADD)
		job->given = change->id;
	if (r == 0)
		r = work_start(pe->opts.base, run, compiled, pe);
	if (r < 0) {
		policy_job_done(&pe->job);
		end(pe, r);
	}
}

static void
start_next(struct policy_ev *pe)
{
	struct change *change;

	if (pe->change != NULL || list_empty(&pe->queue))
		return;
	change = container_of(pe->queue.next, struct change, node);
	list_remove(&change->node);
	start(pe, change);
}

void
policy_ev_submit(struct policy_ev *pe, struct change *change_take)
{
	list_append(&pe->queue, &change_take->node);
	start_next(pe);
}

static int
end_by_clock(void *arg, enum change_kind kind)
{
	struct change *change = change_new(kind);

	if (change == NULL)
		return -ENOMEM;
	policy_ev_submit(arg, change);
	return 0;
}

/* One of a kind in the queue is enough. */
static void
submit_one(struct policy_ev *pe, enum change_kind kind)
{
	struct change *change;
	struct list *node;

	list_for_each (node, &pe->queue)
		if (container_of(node, struct change, node)->kind == kind)
			return;
	change = change_new(kind);
	if (change == NULL) {
		log_error("policy", "not reloaded: %s", strerror(ENOMEM));
		pe->late |= 1u << kind;
		look_again(pe);
		return;
	}
	policy_ev_submit(pe, change);
}

void
policy_ev_reload(struct policy_ev *pe)
{
	submit_one(pe, CHANGE_RELOAD);
}

static void
again_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct policy_ev *pe = arg;
	unsigned int late = pe->late;

	(void)fd;
	(void)what;
	for (unsigned int kind = 0; late >> kind != 0; kind++)
		if ((late >> kind & 1) != 0)
			submit_one(arg, (enum change_kind)kind);
	if (pe->texts.unread < 0)
		submit_one(arg, CHANGE_READ);
	else if (is_unsaved(pe))
		submit_one(arg, CHANGE_SAVE);
}

/* A user that was waited for has come, or a path leads elsewhere. */
static void
world_changed(void *arg)
{
	submit_one(arg, CHANGE_WORLD);
}

void
policy_ev_lists(struct policy_ev *pe, const struct list_table *lists)
{
	const struct list_table *old = pe->lists;

	pe->lists = list_table_ref(lists);
	list_table_unref(old);
	submit_one(pe, CHANGE_LISTS);
}

void
policy_ev_review(struct policy_ev *pe)
{
	/* that of a reload amid the start begins again: its change waits for it
	 */
	pe->first_review = !pe->reviewing;
	review_ev_start_first(pe->review);
}

const struct conf *
policy_ev_conf(const struct policy_ev *pe)
{
	return pe->conf;
}

bool
policy_ev_is_busy(const struct policy_ev *pe)
{
	return pe != NULL && (pe->change != NULL || !list_empty(&pe->queue) ||
				 review_ev_is_busy(pe->review));
}

bool
policy_ev_asks(const struct policy_ev *pe)
{
	return pe != NULL && world_ev_is_busy(pe->awaited);
}

const char *
policy_ev_error(const struct policy_ev *pe)
{
	return pe->error;
}

int
policy_ev_save_error(const struct policy_ev *pe)
{
	return pe->save_error;
}

const struct policy_texts *
policy_ev_texts(const struct policy_ev *pe)
{
	return &pe->texts;
}

/* Start -------------------------------------------------------------------- */

static int
load_all(struct policy_ev *pe)
{
	const struct policy *policy = NULL;
	struct hits *hits;
	int r = policy_job_first(&policy, pe->conf, pe->lists,
	    &(struct policy_places){ pe->opts.config, pe->opts.rules,
		pe->state_path, pe->accounts_path },
	    &pe->texts);

	if (r < 0)
		return r;
	hits = hits_new(policy, NULL);
	judge_set_policy(pe->opts.judge, policy, hits, mono_now());
	world_ev_watch(pe->awaited, policy);
	policy_unref(policy);
	return hits != NULL ? 0 : -ENOMEM;
}

/* A connection that the new rules ended. */
static void
ended(void *arg, const struct flow *flow, mono_t now)
{
	struct policy_ev *pe = arg;

	pe->opts.judged(pe->opts.arg, flow, now);
}

static bool
waits(void *arg, const struct flow_key *key)
{
	const struct policy_ev *pe = arg;

	return pe->opts.waits != NULL && pe->opts.waits(pe->opts.arg, key);
}

static void
moved(void *arg, const struct flow_key *key)
{
	struct policy_ev *pe = arg;

	if (pe->opts.moved != NULL)
		pe->opts.moved(pe->opts.arg, key);
}

int
policy_ev_new(struct policy_ev **ret, const struct policy_opts *opts)
{
	struct policy_ev *pe = calloc(1, sizeof(*pe));
	struct review_opts review = { opts->base, opts->judge, opts->diag,
		opts->stats, ended, waits, moved, reviewed, pe };
	struct policy_ends_opts ends = { opts->base, &pe->texts, end_by_clock,
		pe };
	int r = -ENOMEM;

	if (pe == NULL)
		return -ENOMEM;
	pe->opts = *opts;
	pe->conf = conf_ref(opts->conf);
	pe->lists = list_table_ref(opts->lists);
	list_init(&pe->queue);
	pe->state_path = file_path(opts->state, STATE_NAME);
	pe->accounts_path = file_path(opts->state, ACCOUNTS_NAME);
	if (pe->state_path != NULL && pe->accounts_path != NULL)
		r = policy_ends_new(&pe->ends, &ends);
	if (r == 0)
		r = world_ev_new(&pe->awaited, opts->base, world_changed, pe);
	if (r == 0) {
		pe->again = evtimer_new(opts->base, again_cb, pe);
		r = pe->again != NULL ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = load_all(pe);
	if (r == 0)
		r = review_ev_new(&pe->review, &review);
	if (r < 0) {
		policy_ev_free(pe);
		return r;
	}
	policy_ends_look(pe->ends);
	look_again(pe);
	*ret = pe;
	return 0;
}

void
policy_ev_free(struct policy_ev *pe)
{
	if (pe == NULL)
		return;
	review_ev_free(pe->review);
	policy_ends_free(pe->ends);
	if (pe->again != NULL)
		event_free(pe->again);
	if (pe->save_error != 0 && pe->texts.unread >= 0) /* once more */
		(void)state_save_runtime(&pe->texts.runtime, pe->state_path);
	policy_texts_done(&pe->texts);
	conf_unref(pe->conf);
	list_table_unref(pe->lists);
	world_ev_free(pe->awaited);
	free(pe->state_path);
	free(pe->accounts_path);
	free(pe);
}
