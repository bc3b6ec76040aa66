#ifndef CTL_WATCHER_EV_H
#define CTL_WATCHER_EV_H

#include "src/ctl_ev.h"

struct evbuffer;

/* What one who watches wants to see, and how far it is behind: what comes
 * faster than it reads it misses, and is told how much. */
struct ctl_watcher {
	struct filter *filter;	/* NULL: it watches nothing */
	struct evbuffer *later; /* for after a list; NULL for none */
	uint64_t missed;	/* since it was too far behind */
};

void ctl_watcher_done(struct ctl_watcher *w);

/* It watches for what the filter lets through from now on. */
void ctl_watcher_begin(struct ctl_watcher *w, struct filter *filter_take);

bool ctl_watcher_wants(
    const struct ctl_watcher *w, const struct ctl_event *event);

/* Puts the line of an event into out; where a list is being written there,
 * which it must not come into the middle of, aside until ctl_watcher_go_on().
 * 0, -ENOMEM, or -ENOBUFS for the first one that it misses. */
int ctl_watcher_tell(struct ctl_watcher *w, struct evbuffer *out, bool in_list,
    const char *line);

/* The list is written. 0 or -ENOMEM. */
int ctl_watcher_go_on(struct ctl_watcher *w, struct evbuffer *out);

/* The line that tells what it missed until now, to be freed; it misses nothing
 * more. NULL where there is no memory. */
char *ctl_watcher_missed(struct ctl_watcher *w);

#endif
