#include "src/policy_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/core/hits.h"
#include "src/core/text.h"
#include "src/deadline_ev.h"
#include "src/load_warn.h"
#include "src/policy_texts.h"
#include "src/state.h"

struct change *
change_new(enum change_kind kind)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		return NULL;
	list_init(&change->node);
	change->kind = kind;
	change->faults = faults_new();
	if (kind == CHANGE_RELOAD || kind == CHANGE_ADD || kind == CHANGE_TRY)
		change->warnings = faults_new(); /* NULL: none are told */
	if (change->faults == NULL) {
		change_free(change);
		return NULL;
	}
	return change;
}

void
change_free(struct change *change)
{
	if (change == NULL)
		return;
	free(change->text);
	free(change->name);
	faults_free(change->faults);
	faults_free(change->warnings);
	free(change);
}

static void
log_faults(const struct faults *faults)
{
	const struct fault *fault;
	char place[FAULT_PLACE_SIZE];

	for (size_t i = 0; (fault = faults_get(faults, i)) != NULL; i++)
		log_error("policy", "%s%s: %s%s%s", fault->file,
		    fault_at(fault, place), fault->what,
		    fault->expected != NULL ? "; expected " : "",
		    fault->expected != NULL ? fault->expected : "");
}

/* Who asked from the command line is told there. */
static void
log_warnings(const struct change *change)
{
	const struct fault *warning;
	char place[FAULT_PLACE_SIZE];

	if (change->done != NULL || change->warnings == NULL)
		return;
	for (size_t i = 0; (warning = faults_get(change->warnings, i)) != NULL;
	     i++)
		log_warning("policy", "%s%s: %s", warning->file,
		    fault_at(warning, place), warning->what);
}

static void
log_failure(const struct change *change)
{
	if (change->kind == CHANGE_RELOAD && change->result == -EBUSY) {
		log_warning("policy",
		    "not reloaded while a set of rules is tried: done when "
		    "that ends");
		return;
	}
	/* that it can't be read is said already */
	if (change->kind == CHANGE_READ)
		return;
	/* who asked from the command line is told there */
	if (change->done != NULL && change->kind != CHANGE_RELOAD)
		return;
	log_faults(change->faults);
	log_error("policy", "the old rules stay in force faults=%zu: %s",
	    faults_count(change->faults), strerror(-change->result));
}

/* For what has happened all the same; so is tried what ends by the clock. */
static bool
had_no_room(const struct change *change)
{
	int r = change->result;

	return (change->kind == CHANGE_RELOAD || change->kind == CHANGE_LISTS ||
		   change->kind == CHANGE_WORLD) &&
	       (r == -EAGAIN || r == -ENOMEM || r == -EMFILE || r == -ENFILE);
}

bool
change_note_late(const struct change *change, unsigned int *late)
{
	unsigned int bit = 1u << change->kind, before = *late;

	if (!had_no_room(change))
		*late &= ~bit;
	else if (change->done == NULL)
		*late |= bit;
	return change->done != NULL || (*late & before & bit) == 0;
}

void
change_log(const struct change *change)
{
	const struct review_result *r = &change->review;

	if (change->kind == CHANGE_SAVE)
		return; /* that it could not be is said already */
	if (change->result < 0) {
		log_failure(change);
	} else {
		log_info("policy",
		    "loaded rules=%zu flows=%llu changed=%llu ended=%llu "
		    "marks=%llu",
		    change->n_rules, (unsigned long long)r->flows,
		    (unsigned long long)r->changed,
		    (unsigned long long)r->ended, (unsigned long long)r->marks);
		log_warnings(change);
	}
	if (change->save_error != 0)
		log_warning("policy",
		    "rules from the command line can't be saved, after a "
		    "restart they are as they were saved last: %s",
		    strerror(-change->save_error));
}

void
change_error(const struct change *change, char *buf, size_t size)
{
	const struct fault *fault = faults_get(change->faults, 0);
	char place[FAULT_PLACE_SIZE];

	buf[0] = '\0';
	if (change->result == 0)
		return;
	if (fault != NULL)
		(void)snprintf(buf, size, "%s%s: %s", fault->file,
		    fault_at(fault, place), fault->what); /* may be cut */
	else
		(void)snprintf(
		    buf, size, "%s", strerror(-change->result)); /* likewise */
}

void
policy_log_unsaved(int error)
{
	log_warning("policy",
	    "users and groups that rules name can't be saved: one that is not "
	    "there after a restart is nobody: %s",
	    strerror(-error));
}

void
policy_missing_text(
    const struct policy_account *account, char buf[MISSING_SIZE])
{
	char word[WORD_QUOTE_SIZE], number[64];
	const char *what =
	    account->unsure ? "can't be looked up" : "is not there";

	word_quote(account->name, strlen(account->name), word);
	(void)snprintf(number, sizeof(number),
	    "what denies it goes by its number %u still",
	    account->id); /* fits */
	if (account->state == POLICY_ACCOUNT_GONE && !account->unsure)
		what = "is gone";
	(void)snprintf(buf, MISSING_SIZE, "%s %s, which %s: %s",
	    account->group ? "group" : "user", word, what,
	    account->state == POLICY_ACCOUNT_GONE ? number
						  : "nobody is it"); /* fits */
}

/* So many are told one by one. */
#define MISSING_MAX 16

void
policy_log_missing(const struct policy *policy)
{
	const struct policy_account *account;
	char text[MISSING_SIZE];
	size_t n = 0;

	for (size_t i = 0; (account = policy_account_get(policy, i)) != NULL;
	     i++) {
		if (account->state == POLICY_ACCOUNT_THERE || ++n > MISSING_MAX)
			continue;
		policy_missing_text(account, text);
		log_warning("policy", "rules name the %s", text);
	}
	if (n > MISSING_MAX)
		log_warning("policy",
		    "%zu more users and groups that rules name are not there",
		    n - MISSING_MAX);
}

void
policy_log_held(const struct policy *policy, const struct runtime *before)
{
	size_t n = policy_n_runtime(policy);

	for (size_t i = 0; i < n; i++) {
		const struct policy_rule *rule =
		    policy_rule_get(policy, (uint32_t)i + 1);
		const struct runtime_rule *was =
		    runtime_find(before, rule->line);
		bool held = was != NULL && was->held;

		if (rule->fault != NULL && !held)
			log_error("policy",
			    "rule %u from the command line has a fault now: "
			    "%s; it denies all that it may mean, and accepts "
			    "nothing, until that is mended",
			    rule->line, rule->fault);
		else if (rule->fault == NULL && held)
			log_info("policy",
			    "rule %u from the command line has no fault any "
			    "more",
			    rule->line);
	}
}

/* Rules are looked at by the new settings, or by the old ones where those have
 * faults: to find all faults at once. */
static int
read_all(struct policy_job *job)
{
	int settings =
	    load_conf(&job->fresh_conf, job->config, job->faults, NULL);
	int rules =
	    load_sources(&job->fresh, job->dir, job->may_miss, job->faults);

	job->sources = &job->fresh;
	job->loose = load_find_loose(job->config, job->dir);
	if (job->warnings != NULL)
		load_warn_rules(job->warnings, job->dir);
	if (settings == 0)
		job->conf = job->fresh_conf;
	return settings < 0 && rules != -ENOMEM ? settings : rules;
}

/* Those that the settings have now; what has not changed stays. */
static int
load_lists(struct policy_job *job)
{
	job->loaded = (struct list_job){
		.conf = conf_ref(job->fresh_conf),
		.before = list_table_ref(job->lists),
		.state = job->folder,
	};
	list_job_run(&job->loaded);
	return job->loaded.table != NULL ? 0 : -ENOMEM;
}

/* Users and groups of which the rules give a number; a reload forgets those
 * that no rule names. A trial does not: the rules before it come back. */
static void
remember(struct policy_job *job)
{
	int r = accounts_make(
	    &job->accounts, job->policy, job->forget ? NULL : job->remembered);

	if (r == 0 && !accounts_equal(&job->accounts, job->remembered)) {
		r = state_save_accounts(&job->accounts, job->accounts_path);
		job->accounts_new = r == 0;
	}
	job->accounts_error = r;
}

/* What could not be read before, as far as that goes now. */
static int
read_saved(struct policy_job *job)
{
	struct runtime found;
	int r = state_load_runtime(&found, job->saved);

	job->unread = r;
	if (r < 0)
		return r == -ENOMEM || job->or_nothing ? r : 0;
	(void)runtime_expire(&found, deadline_wall_ms()); /* how many or not */
	r = runtime_merge(&job->runtime, &found, job->behind);
	runtime_done(&found);
	return r;
}

bool
policy_job_saves(const struct policy_job *job)
{
	return job->state != NULL || (job->saved != NULL && job->unread >= 0);
}

/* Not in place of a file of which nobody knows what it holds. */
static int
save_rules(const struct policy_job *job)
{
	if (job->saved != NULL && job->unread < 0)
		return job->unread;
	return state_save_runtime(
	    &job->runtime, job->saved != NULL ? job->saved : job->state);
}

/* Which of them the policy could not take as they are. */
static void
settle_held(struct runtime *runtime, const struct policy *policy)
{
	for (size_t i = 0; i < runtime->n; i++)
		runtime->v[i].held =
		    policy_rule_get(policy, (uint32_t)i + 1)->fault != NULL;
}

static void
save(struct policy_job *job)
{
	settle_held(&job->runtime, job->policy);
	if (policy_job_saves(job))
		job->save_error = save_rules(job);
	remember(job);
}

void
policy_job_run(struct policy_job *job)
{
	const struct list_table *lists = job->lists;
	int read = 0;

	if (job->alone) {
		job->policy = policy_ref(job->before);
		save(job);
		return;
	}
	job->result = job->saved != NULL ? read_saved(job) : 0;
	if (job->result < 0)
		return;
	if (job->read)
		read = read_all(job);
	if (job->read && read == 0)
		read = load_lists(job);
	job->result = read;
	if (read == -ENOMEM)
		return;
	if (job->loaded.table != NULL)
		lists = job->loaded.table;
	job->result = load_compile(&job->policy,
	    &(struct load){ .conf = job->conf,
		.sources = job->sources,
		.runtime = &job->runtime,
		.lists = lists,
		.before = job->before,
		.remembered = job->remembered,
		.settled = job->settled,
		.forget = job->forget,
		.given = job->given,
		.in_force = true },
	    job->faults, job->warnings);
	if (job->result < 0)
		return;
	job->hits = hits_new(job->policy, job->before);
	if (read < 0 || job->hits == NULL) {
		job->result = read < 0 ? read : -ENOMEM;
		return;
	}
	save(job);
}

void
policy_job_done(struct policy_job *job)
{
	policy_unref(job->policy);
	policy_unref(job->before);
	hits_free(job->hits);
	sources_done(&job->fresh);
	free(job->loose);
	conf_unref(job->fresh_conf);
	list_table_unref(job->lists);
	list_job_done(&job->loaded);
	runtime_done(&job->runtime);
	accounts_done(&job->accounts);
	memset(job, 0, sizeof(*job));
}

static void
load_state(struct policy_texts *texts, const char *state)
{
	int r = state_load_runtime(&texts->runtime, state);

	texts->unread = r;
	if (r < 0)
		log_error("policy",
		    "%s: the rules from the command line can't be read, which "
		    "is tried again: %s",
		    state, strerror(-r));
	else if (r > 0)
		log_error("policy",
		    "%s: rules from the command line can't be read, %d of "
		    "them: the lines stay there, and a reload reads them again",
		    state, r);
	(void)runtime_expire(
	    &texts->runtime, deadline_wall_ms()); /* how many or not */
}

static void
load_remembered(struct accounts *accounts, const char *path)
{
	int r = state_load_accounts(accounts, path);

	if (r != 0)
		log_warning("policy",
		    "%s: some users and groups that rules name can't be read: "
		    "%s",
		    path, r < 0 ? strerror(-r) : "lines that can't be read");
}

/* A daemon after this one is to know them, and those of rules that could not be
 * taken. 0 or -errno. */
static int
save_remembered(
    const struct policy *policy, struct policy_texts *texts, const char *path)
{
	struct accounts *accounts = &texts->remembered, now = { NULL, 0 };
	int r =
	    accounts_make(&now, policy, texts->unread != 0 ? accounts : NULL);

	if (r == 0 && accounts_equal(&now, accounts)) {
		accounts_done(&now);
		return 0;
	}
	if (r == 0)
		r = state_save_accounts(&now, path);
	if (r < 0) { /* the next change tries again */
		accounts_done(&now);
		policy_log_unsaved(r);
		return r;
	}
	accounts_done(accounts);
	*accounts = now;
	return 0;
}

int
policy_job_first(const struct policy **ret, const struct conf *conf,
    const struct list_table *lists, const struct policy_places *places,
    struct policy_texts *ret_texts)
{
	struct load load = { .conf = conf,
		.sources = &ret_texts->sources,
		.runtime = &ret_texts->runtime,
		.lists = lists,
		.remembered = &ret_texts->remembered,
		.settled = true };
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	const struct runtime none = { .v = NULL };
	int r = -ENOMEM, compiled;

	if (faults == NULL)
		return r;
	load_state(ret_texts, places->state);
	load_remembered(&ret_texts->remembered, places->accounts);
	r = load_sources(
	    &ret_texts->sources, places->dir, places->dir == NULL, faults);
	for (size_t i = 0; i < ret_texts->runtime.n; i++)
		ret_texts->runtime.v[i].held = true;
	if (r == 0 || r == -EINVAL) {
		compiled = load_compile(&policy, &load, faults, NULL);
		if (compiled == 0 && r < 0)
			policy_unref(policy);
		else if (compiled < 0)
			r = compiled;
	}
	if (r == 0) {
		policy_log_missing(policy);
		policy_log_held(policy, &none);
		ret_texts->loose = load_find_loose(places->config, places->dir);
		if (ret_texts->loose != NULL)
			log_warning("policy", "%s", ret_texts->loose);
		settle_held(&ret_texts->runtime, policy);
		ret_texts->accounts_error =
		    save_remembered(policy, ret_texts, places->accounts);
		*ret = policy;
	} else {
		load_print_faults(faults);
	}
	faults_free(faults);
	return r;
}
