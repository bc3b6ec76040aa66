#ifndef LIST_EV_H
#define LIST_EV_H

#include <jansson.h>
#include <stdbool.h>

#include "src/core/conf.h"
#include "src/core/list_table.h"

struct event_base;

/* The lists of the settings as they are now: loaded before the first packet,
 * and again, off the loop, when their files or the settings change. One that
 * can't be loaded stays as it was. */
struct list_ev;

/* All borrowed. */
struct list_opts {
	struct event_base *base;
	const struct conf *conf; /* to begin with */
	const char *state; /* the folder that compiled lists are kept in */
	/* there is another table; list_ev_applied() is to be called when
	 * nothing asks the old one any more */
	void (*changed)(void *arg, const struct list_table *table);
	void *arg;
};

/* Loads all lists; what can't be loaded is logged. 0 or -errno. */
int list_ev_new(struct list_ev **ret, const struct list_opts *opts);
void list_ev_free(struct list_ev *le); /* not while busy; accepts NULL */
bool list_ev_is_busy(const struct list_ev *le); /* accepts NULL */

/* Borrowed; another one after each change. */
const struct list_table *list_ev_table(const struct list_ev *le);

/* The settings in force now, and what was loaded for them elsewhere: its table
 * is what is asked already, and changed() is not called for it. Takes the
 * results out of the job. */
struct list_job;
void list_ev_adopt(
    struct list_ev *le, const struct conf *conf, struct list_job *loaded);

/* Looks at all files; done() (NULL for none) is called once what changed is in
 * force, or could not be loaded. error: 0, or -errno where nothing was looked
 * at for now. */
typedef void list_done_fn(void *arg, struct list_ev *le, int error);
void list_ev_reload(struct list_ev *le, list_done_fn *done, void *arg);

/* The last table that changed() gave is what is asked now, or, with -errno, is
 * not yet. Accepts NULL. */
void list_ev_applied(struct list_ev *le, int error);

/* One object a list: name, state (loaded, stale: the files can't be read,
 * empty: nor is there an older form), error, names, addresses, hits, loaded
 * (seconds since 1970), bytes, and what list_report.h has. A new reference;
 * NULL when there is no memory. */
json_t *list_ev_status(const struct list_ev *le);

#endif
