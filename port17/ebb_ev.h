#ifndef PORT17_EBB_EV_H
#define PORT17_EBB_EV_H

#include <stddef.h>

#include "src/base/list.h"

struct event_base;
struct leg;

/* Legs that outlive their relays, until what was written to them has arrived:
 * closing with a reset takes back what has not. */
struct ebbs {
	struct event_base *base;
	struct list all;
	size_t n;
};

void ebbs_init(struct ebbs *ebbs, struct event_base *base);
void ebbs_done(struct ebbs *ebbs); /* closes those that wait */

/* Closes it when that has arrived, or has not for ten seconds; at once where
 * there is no room for one more to wait. */
void ebbs_close(struct ebbs *ebbs, struct leg *leg_take);

#endif
