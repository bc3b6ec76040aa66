#include "src/list_job.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/mono.h"
#include "src/deadline_ev.h"
#include "src/list_include.h"

/* More folders than that are not watched; and of one list no more, but for
 * those that the settings name: what is found is up to whoever writes lists. */
#define DIRS_MAX ((size_t)512)
#define DIRS_FOUND_MAX ((size_t)128)
/* As many as the kernel follows. */
#define LINKS_MAX 40

/* Folders ------------------------------------------------------------------ */

static void
add_dir(struct list_job *job, const char *dir, size_t len)
{
	char **dirs;

	if (len == 0) /* "/x" */
		len = 1;
	for (size_t i = 0; i < job->n_dirs; i++)
		if (strlen(job->dirs[i]) == len &&
		    memcmp(job->dirs[i], dir, len) == 0)
			return;
	if (job->n_dirs == DIRS_MAX || job->room == 0) {
		job->left_out = true;
		return;
	}
	dirs = reallocarray(job->dirs, job->n_dirs + 1, sizeof(dirs[0]));
	if (dirs == NULL)
		return; /* not watched: as with too many */
	job->dirs = dirs;
	dirs[job->n_dirs] = strndup(dir, len);
	if (dirs[job->n_dirs] == NULL)
		return;
	job->n_dirs++;
	job->room--;
}

/* Where the link leads to, to be freed; NULL where it is none. */
static char *
link_target(const char *path)
{
	char target[PATH_MAX], *ret;
	ssize_t n = readlink(path, target, sizeof(target));
	const char *slash = strrchr(path, '/');

	if (n <= 0 || n == (ssize_t)sizeof(target))
		return NULL;
	if (target[0] == '/' || slash == NULL)
		return strndup(target, (size_t)n);
	return asprintf(&ret, "%.*s/%.*s", (int)(slash - path), path, (int)n,
		   target) >= 0
		   ? ret
		   : NULL;
}

static void
add_dir_of(void *arg, const char *path)
{
	struct list_job *job = arg;
	const char *slash = strrchr(path, '/');

	if (slash != NULL)
		add_dir(job, path, (size_t)(slash - path));
	else
		add_dir(job, ".", 1);
}

/* And those of what it is a link to, which may be one, too. */
static void
add_dirs_of(void *arg, const char *path)
{
	char *at = strdup(path);

	for (unsigned int i = 0; at != NULL && i < LINKS_MAX; i++) {
		char *to = link_target(at);

		add_dir_of(arg, at);
		free(at);
		at = to;
	}
	free(at);
}

/* Where files may come and go: the folders that are named. Those that * and ?
 * find, and those that links lead to, come as the files are looked for: what a
 * link leads to may be gone, and come back. */
static void
add_named_dirs(struct list_job *job, const struct conf_list *list)
{
	job->left_out = false;
	job->room = DIRS_MAX;
	for (size_t i = 0; i < list->sources.n; i++) {
		const char *pattern = list->sources.v[i].s;
		const char *slash = strrchr(pattern, '/');
		const char *special = strpbrk(pattern, "*?[");

		if (special == NULL || slash < special)
			add_dir_of(job, pattern);
	}
	job->room = DIRS_FOUND_MAX;
}

static void
tell_left_out(const struct list_job *job, const struct conf_list *list)
{
	if (job->left_out)
		log_limited(LOG_LEVEL_WARNING, "lists",
		    "list=%s has files in more folders than are watched: "
		    "'reroutectl lists reload' reads what changes in others",
		    list->name);
}

/* Lists -------------------------------------------------------------------- */

static bool
is_same(const struct list_index *l, const struct list_identity *identity)
{
	return l != NULL &&
	       memcmp(list_index_identity(l), identity, sizeof(*identity)) ==
		   0 &&
	       list_includes_are_same(l);
}

static void
log_loaded(const struct conf_list *list, const struct list_index *l,
    const struct list_state *state)
{
	log_info("lists",
	    "loaded list=%s names=%zu patterns=%zu addresses=%zu from=%s ms=%u",
	    list->name, list_n_names(l), list_n_patterns(l), list_n_addrs(l),
	    state->from_state ? "state" : "files", state->ms);
}

/* What is to be used in place of files that can't be. */
static const struct list_index *
fall_back(const struct list_job *job, const struct conf_list *list,
    const struct list_index *before, struct list_state *state)
{
	const struct list_index *l = list_index_ref(before);

	if (l == NULL && list_file_load(&l, list, NULL, job->state) == 0) {
		state->changed = state->from_state = true;
		state->wall_ms = deadline_wall_ms();
	}
	if (l != NULL)
		log_error("lists", "list=%s stays as it was: %s", list->name,
		    state->error);
	else
		log_error(
		    "lists", "list=%s is empty: %s", list->name, state->error);
	return l;
}

static const struct list_index *
before_of(const struct list_job *job, const struct conf_list *list)
{
	int at = list_table_find(job->before, list->name);

	return at >= 0 ? list_table_get(job->before, (size_t)at) : NULL;
}

static int
compile(const struct list_index **ret, struct list_job *job,
    const struct conf_list *list, const struct list_sources *sources,
    struct list_state *state)
{
	const struct list_index *before = list_index_ref(before_of(job, list));
	struct list_kept kept = { .state = job->state,
		.heed = { add_dirs_of, job } };
	int r;

	if (before == NULL) /* where there is none, it has had nothing */
		(void)list_file_load(&before, list, NULL, job->state);
	kept.before = before;
	r = list_file_compile(ret, list, sources, &kept, state->error);
	list_index_unref(before);
	return r;
}

/* From the state folder if that is what the files would make, else from
 * them. */
static int
load(const struct list_index **ret, struct list_job *job,
    const struct conf_list *list, const struct list_sources *sources,
    struct list_state *state)
{
	struct list_identity identity =
	    list_sources_identity(sources, list->format);
	mono_t start = mono_now();
	int r = list_file_load(ret, list, &identity, job->state);

	if (r == 0 && !list_includes_are_same(*ret)) {
		list_index_unref(*ret);
		r = -ESTALE;
	}
	state->from_state = r == 0;
	if (r == -EBADMSG)
		log_warning("lists",
		    "list=%s: the compiled form is damaged or of another "
		    "version, and is made anew",
		    list->name);
	if (r < 0)
		r = compile(ret, job, list, sources, state);
	if (r < 0)
		return r;
	state->changed = true;
	state->ms = (unsigned int)(mono_since(mono_now(), start) / 1000000);
	state->wall_ms = deadline_wall_ms();
	log_loaded(list, *ret, state);
	return 0;
}

static const struct list_index *
load_one(struct list_job *job, const struct conf_list *list,
    struct list_state *state)
{
	const struct list_index *before = before_of(job, list), *l = NULL;
	const struct list_heed heed = { add_dirs_of, job };
	struct list_sources sources;
	struct list_identity identity;

	add_named_dirs(job, list);
	state->result = list_sources_find(&sources, list, &heed, state->error);
	if (state->result < 0)
		return fall_back(job, list, before, state);
	identity = list_sources_identity(&sources, list->format);
	if (is_same(before, &identity))
		l = list_index_ref(before);
	else
		state->result = load(&l, job, list, &sources, state);
	list_sources_done(&sources);
	if (state->result < 0)
		l = fall_back(job, list, before, state);
	else
		state->error[0] = '\0';
	list_includes_each(l, add_dirs_of, job);
	tell_left_out(job, list);
	return l;
}

void
list_job_run(struct list_job *job)
{
	const struct conf *conf = job->conf;

	job->table = list_table_new(conf->n_lists);
	job->states = calloc(conf->n_lists + 1, sizeof(job->states[0]));
	if (job->table == NULL || job->states == NULL) {
		list_table_unref(job->table);
		job->table = NULL;
		return;
	}
	job->n = conf->n_lists;
	job->changed = list_table_n(job->before) != conf->n_lists;
	for (size_t i = 0; i < conf->n_lists; i++) {
		const struct list_index *l =
		    load_one(job, &conf->lists[i], &job->states[i]);

		job->changed |= job->states[i].changed;
		if (list_table_set(job->table, i, conf->lists[i].name, l) < 0) {
			list_table_unref(job->table);
			job->table = NULL;
			return;
		}
	}
}

void
list_job_done(struct list_job *job)
{
	conf_unref(job->conf);
	list_table_unref(job->before);
	list_table_unref(job->table);
	free(job->states);
	for (size_t i = 0; i < job->n_dirs; i++)
		free(job->dirs[i]);
	free(job->dirs);
	memset(job, 0, sizeof(*job));
}
