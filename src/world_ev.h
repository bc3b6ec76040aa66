#ifndef WORLD_EV_H
#define WORLD_EV_H

#include <stdbool.h>

struct event_base;
struct policy;

/* What names and paths of rules mean on this machine, as it changes: users and
 * groups that come (accounts_ev.h), symbolic links that lead elsewhere
 * (links_ev.h). */
struct world_ev;

/* 0 or -ENOMEM. changed() is called when the rules mean something else. */
int world_ev_new(struct world_ev **ret, struct event_base *base,
    void (*changed)(void *arg), void *arg);
void world_ev_free(struct world_ev *we); /* accepts NULL */

/* That of this policy, from now on. */
void world_ev_watch(struct world_ev *we, const struct policy *policy);

/* A thread asks, which may take for good: it may be freed meanwhile, at the end
 * of the process. */
bool world_ev_is_busy(const struct world_ev *we); /* accepts NULL */

#endif
