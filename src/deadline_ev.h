#ifndef DEADLINE_EV_H
#define DEADLINE_EV_H

#include <stdint.h>

struct event_base;

/* Milliseconds since 1970. */
uint64_t deadline_wall_ms(void);

/* A timer by the wall clock: it goes on while the machine sleeps, and sees when
 * the clock is set. */
struct deadline_ev;

/* due() is called when the time has come, and when the clock was set. 0 or
 * -errno. */
int deadline_ev_new(struct deadline_ev **ret, struct event_base *base,
    void (*due)(void *arg), void *arg);
void deadline_ev_free(struct deadline_ev *de); /* accepts NULL */

/* In place of what was set before; 0 for never. */
void deadline_ev_set(struct deadline_ev *de, uint64_t end_ms);

#endif
