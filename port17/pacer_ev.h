#ifndef PORT17_PACER_EV_H
#define PORT17_PACER_EV_H

#include <event2/event.h>

#include "port17/pace.h"
#include "src/base/list.h"

/* Lets sockets of fast senders wait for PACE_NS at a time: finer than the
 * loop's own timers are. And all of them, once they have had PACE_SLICE_NS of
 * the loop together: packets and names have their turn between. */
struct pacer;

/* What a socket has of it: pacer_enter() first. */
struct paced {
	struct list node;
	struct pacer *pacer; /* NULL: none */
	struct pace pace;
	bool off;		/* the event is not added now */
	struct event *readable; /* the socket's, with its callback */
};

/* 0 or -errno. */
int pacer_new(struct pacer **ret, struct event_base *base);
void pacer_free(struct pacer *pacer); /* none waits; NULL too */

/* pacer NULL: it is never let wait. */
void pacer_enter(
    struct pacer *pacer, struct paced *paced, struct event *readable);

/* Before the socket is read. False: it is not its turn, and its callback is
 * called when it is. */
bool pacer_may(struct paced *paced, mono_t now);

/* It was read, from `now` on: n datagrams. Its callback is called when it is
 * due. */
void pacer_read(struct paced *paced, unsigned int n, mono_t now);

/* It waits no more; the event is left alone. Also from within its callback,
 * and of a zeroed one. */
void pacer_leave(struct paced *paced);

#endif
