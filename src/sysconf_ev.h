#ifndef SYSCONF_EV_H
#define SYSCONF_EV_H

#include "dns/sysconf.h"

struct event_base;

/* The servers that the network gave this host, followed as they change. */
struct sysconf_ev;

#define SYSCONF_OWNS_MAX 64

struct sysconf_opts {
	struct event_base *base;
	/* where we answer: copied, up to SYSCONF_OWNS_MAX */
	const struct sysconf_own *owns;
	size_t n_owns;
	/* there are others now; conf as sysconf_ev_servers() has it */
	void (*changed)(void *arg, const struct sysconf *conf);
	void *arg;
};

/* Reads the files at once, and again in a thread whenever one of them changes;
 * each few seconds where that can't be watched. 0 or -ENOMEM. */
int sysconf_ev_new(struct sysconf_ev **ret, const struct sysconf_opts *opts);

/* Accepts NULL. A thread may still read for it: what that holds is freed by
 * the loop. */
void sysconf_ev_free(struct sysconf_ev *se);

/* Whether a thread is at work: before the loop ends for good. NULL: no. */
bool sysconf_ev_is_busy(const struct sysconf_ev *se);

/* The last that were found: where there are none any more, those from before.
 * n is 0 as long as there never were any. */
const struct sysconf *sysconf_ev_servers(const struct sysconf_ev *se);
/* Whether they are those from before. */
bool sysconf_ev_is_kept(const struct sysconf_ev *se);

#endif
