#ifndef WATCH_EV_H
#define WATCH_EV_H

#include <stdbool.h>

struct event_base;

/* Watches a folder of files whose names end in a suffix: written, moved in or
 * out, linked, deleted; and all that leads to it, any part of which may become
 * a link to another folder. With a suffix, also files elsewhere that links in
 * the folder lead to. A folder that is not there is looked for every second.
 */
struct watch_ev;

struct watch_opts {
	struct event_base *base; /* borrowed */
	const char *dir;	 /* copied */
	const char *suffix;	 /* borrowed; "": all files */
	/* called a moment after the last of several changes, since editors
	 * write, rename and delete */
	void (*changed)(void *arg);
	void *arg;
};

/* Where the system has no inotify left that is told, and tried again. 0 or
 * -ENOMEM. */
int watch_ev_new(struct watch_ev **ret, const struct watch_opts *opts);
void watch_ev_free(struct watch_ev *we); /* accepts NULL */

/* Whether a thread looks at a path, for one of them or for one that is gone: on
 * a file system that does not answer it may do so for good. */
bool watch_ev_any_is_busy(void);

#endif
