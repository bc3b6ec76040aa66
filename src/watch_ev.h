#ifndef WATCH_EV_H
#define WATCH_EV_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;

/* Watches folders of files whose names end in a suffix: written, moved in or
 * out, linked, deleted; and all that leads to them, any part of which may
 * become a link to another folder. With a suffix, also files elsewhere that
 * links in a folder lead to. A folder that is not there is looked for every
 * second. One inotify does for all, since a user has not many. */
struct watch_ev;

struct watch_opts {
	struct event_base *base; /* borrowed */
	const char *const *dirs; /* copied; there may be none yet */
	size_t n_dirs;
	const char *suffix; /* borrowed; "": all files */
	/* called a moment after the last of several changes, since editors
	 * write, rename and delete */
	void (*changed)(void *arg);
	void *arg;
};

/* Where the system has no inotify left that is told, and tried again. 0 or
 * -ENOMEM. */
int watch_ev_new(struct watch_ev **ret, const struct watch_opts *opts);

/* These in place of those of before: they are looked at off the loop, and then
 * there is word of a change, since there may have been one. Nothing where they
 * are the same. 0, or -ENOMEM with all as it was. */
int watch_ev_set(struct watch_ev *we, const char *const *dirs, size_t n_dirs);

void watch_ev_free(struct watch_ev *we); /* accepts NULL */

/* Whether a thread looks at a path, for one of them or for one that is gone: on
 * a file system that does not answer it may do so for good. */
bool watch_ev_any_is_busy(void);

#endif
