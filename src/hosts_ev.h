#ifndef HOSTS_EV_H
#define HOSTS_EV_H

#include <stdbool.h>

#include "dns/hosts.h"

struct event_base;

/* The file of [resolver] hosts, followed as it changes: a short one is read at
 * once, a long one in a thread, so that the loop goes on. */
struct hosts_ev;

struct hosts_opts {
	struct event_base *base;
	/* the file says something else than before; NULL: it is not there */
	void (*changed)(void *arg, struct hosts *hosts_take);
	void *arg;
};

/* NULL when there is no memory. */
struct hosts_ev *hosts_ev_new(const struct hosts_opts *opts);
/* Accepts NULL. A thread may still read for it: what that holds is freed by
 * the loop. */
void hosts_ev_free(struct hosts_ev *he);
/* Whether a thread is at work: before the loop ends for good. NULL: no. */
bool hosts_ev_is_busy(const struct hosts_ev *he);

/* Goes by this file from now on; copied. The first is read at once, however
 * long it is. Without memory the one before is followed still. */
void hosts_ev_follow(struct hosts_ev *he, const char *path);
/* To be called now and then: sees whether the file has changed. */
void hosts_ev_look(struct hosts_ev *he);

#endif
