#ifndef LINKS_EV_H
#define LINKS_EV_H

#include <stdbool.h>

struct event_base;
struct policy;

/* Watches where the paths that rules name lead: an upgrade puts another file
 * behind a symbolic link (/etc/alternatives, python3, .../current), and
 * programs come that were not there before. Where not all can be watched, it is
 * looked at every few seconds. */
struct links_ev;

/* 0 or -ENOMEM. moved() is called when one of them leads elsewhere. */
int links_ev_new(struct links_ev **ret, struct event_base *base,
    void (*moved)(void *arg), void *arg);
/* While busy it is left to its thread, for the process to end: a file system
 * may never answer. Accepts NULL. */
void links_ev_free(struct links_ev *le);

/* Those of this policy, from now on. */
void links_ev_watch(struct links_ev *le, const struct policy *policy);

bool links_ev_is_busy(const struct links_ev *le); /* accepts NULL */

#endif
