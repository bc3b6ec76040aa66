#ifndef NAMES_EV_H
#define NAMES_EV_H

#include <stdbool.h>

struct event_base;
struct names;

/* Keeps the names that were learnt in the state folder, so that a restart knows
 * what connections go to. */
struct names_ev;

/* Takes back what is kept there, and logs where that is no good. All borrowed.
 * 0 or -errno. */
int names_ev_new(struct names_ev **ret, struct event_base *base,
    struct names *names, const char *state);

/* Writes them down first. Not while busy; accepts NULL. */
void names_ev_free(struct names_ev *ne);

/* Something was learnt: it is written down within a minute, off the loop.
 * Accepts NULL. */
void names_ev_touch(struct names_ev *ne);

bool names_ev_is_busy(const struct names_ev *ne); /* accepts NULL */

#endif
