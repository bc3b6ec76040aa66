#include "src/policy_texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
policy_texts_done(struct policy_texts *texts)
{
	sources_done(&texts->sources);
	sources_done(&texts->tried);
	free(texts->loose);
	runtime_done(&texts->runtime);
	accounts_done(&texts->remembered);
}

/* The rules from the command line as they are to be. */
static int
change_runtime(struct change *change, struct runtime *runtime, uint64_t now)
{
	const struct runtime_rule *rule;

	switch (change->kind) {
	case CHANGE_ADD:
		change->end_ms = change->for_ms != 0 ? now + change->for_ms : 0;
		return runtime_add(
		    runtime, change->text, change->end_ms, &change->id);
	case CHANGE_DELETE:
		rule = runtime_find(runtime, change->id);
		if (rule == NULL)
			return -ENOENT;
		change->text = strdup(rule->text);
		(void)runtime_delete(runtime, change->id); /* it is there */
		return change->text != NULL ? 0 : -ENOMEM;
	case CHANGE_EXPIRE:
		(void)runtime_expire(runtime, now); /* all, or none in time */
		return 0;
	case CHANGE_TRY:
	case CHANGE_RELOAD:
	case CHANGE_KEEP:
	case CHANGE_BACK:
	case CHANGE_LISTS:
	case CHANGE_WORLD:
	case CHANGE_READ:
	case CHANGE_SAVE:
		return 0;
	}
	abort();
}

/* The files as they are to be. */
static int
change_sources(const struct policy_texts *texts, struct change *change,
    struct policy_job *job, uint64_t now)
{
	job->sources = texts->trying ? &texts->tried : &texts->sources;
	switch (change->kind) {
	case CHANGE_RELOAD:
		return texts->trying ? -EBUSY : 0;
	case CHANGE_TRY:
		change->end_ms = now + change->for_ms;
		job->sources = &job->fresh;
		return sources_add(&job->fresh, change->name, change->text,
		    strlen(change->text));
	case CHANGE_BACK:
		job->sources = &texts->sources;
		return texts->trying ? 0 : -ENOENT;
	case CHANGE_KEEP:
		return texts->trying ? 0 : -ENOENT;
	case CHANGE_ADD:
	case CHANGE_DELETE:
	case CHANGE_EXPIRE:
	case CHANGE_LISTS:
	case CHANGE_WORLD:
	case CHANGE_READ:
	case CHANGE_SAVE:
		return 0;
	}
	abort();
}

/* What is given, read or tried now has to be good; what was good before is kept
 * as far as it still is. */
static void
hold_runtime(struct runtime *runtime, enum change_kind kind)
{
	bool all = kind != CHANGE_RELOAD && kind != CHANGE_TRY;

	for (size_t i = 0; i < runtime->n; i++)
		runtime->v[i].held = runtime->v[i].held || all;
}

int
policy_texts_change(const struct policy_texts *texts, struct change *change,
    struct policy_job *job, uint64_t now)
{
	int r = runtime_copy(&job->runtime, &texts->runtime);

	/* these texts were good before */
	job->settled =
	    change->kind != CHANGE_RELOAD && change->kind != CHANGE_TRY;
	job->forget = change->kind == CHANGE_RELOAD && texts->unread == 0;
	job->warnings = change->warnings;
	job->remembered = &texts->remembered;
	if (r == 0)
		hold_runtime(&job->runtime, change->kind);
	if (r == 0)
		r = change_sources(texts, change, job, now);
	if (r == 0)
		r = change_runtime(change, &job->runtime, now);
	return r;
}

bool
policy_texts_unread(const struct policy_texts *texts,
    const struct change *change, struct policy_job *job, int save_error)
{
	enum change_kind kind = change->kind;

	job->behind = texts->unread < 0;
	job->or_nothing = kind == CHANGE_READ;
	return job->behind ? kind == CHANGE_RELOAD || kind == CHANGE_READ ||
				 job->state != NULL
			   : texts->unread > 0 && kind == CHANGE_RELOAD &&
				 save_error == 0;
}

void
policy_texts_commit(struct policy_texts *texts, const struct change *change,
    struct policy_job *job)
{
	struct sources *into =
	    change->kind == CHANGE_TRY ? &texts->tried : &texts->sources;

	runtime_done(&texts->runtime);
	texts->runtime = job->runtime;
	memset(&job->runtime, 0, sizeof(job->runtime));
	if (change->kind == CHANGE_TRY || change->kind == CHANGE_RELOAD) {
		sources_done(into);
		*into = job->fresh;
		memset(&job->fresh, 0, sizeof(job->fresh));
	}
	if (change->kind == CHANGE_RELOAD) {
		texts->kept = false;
		free(texts->loose);
		texts->loose = job->loose;
		job->loose = NULL;
	}
	if (job->saved != NULL)
		texts->unread = job->unread;
	if (job->accounts_new) {
		accounts_done(&texts->remembered);
		texts->remembered = job->accounts;
		memset(&job->accounts, 0, sizeof(job->accounts));
	}
	if (change->kind == CHANGE_TRY) {
		texts->trying = true;
		texts->try_end_ms = change->end_ms;
	} else if (change->kind == CHANGE_BACK) {
		sources_done(&texts->tried);
		texts->trying = false;
	}
}

void
policy_texts_keep(struct policy_texts *texts)
{
	sources_done(&texts->sources);
	texts->sources = texts->tried;
	memset(&texts->tried, 0, sizeof(texts->tried));
	texts->trying = false;
	texts->kept = true;
}

const char *
policy_texts_tried(const struct policy_texts *texts, uint64_t *ret_end_ms)
{
	if (!texts->trying)
		return NULL;
	*ret_end_ms = texts->try_end_ms;
	return texts->tried.v[0].file;
}

const char *
policy_texts_kept(const struct policy_texts *texts)
{
	return texts->kept && !texts->trying ? texts->sources.v[0].file : NULL;
}

uint64_t
policy_texts_next_end(const struct policy_texts *texts)
{
	uint64_t end = runtime_next_end(&texts->runtime);

	return texts->trying && (end == 0 || texts->try_end_ms < end)
		   ? texts->try_end_ms
		   : end;
}
