#ifndef DUMP_EV_H
#define DUMP_EV_H

#include <stdbool.h>

struct ct;
struct event_base;

/* The beginning of a dump of conntrack, in a thread: the kernel goes through
 * its table within the call until a datagram is full, and where little is in a
 * large one that is all of it (262,144 slots: 9 ms). */
struct dump_ev {
	struct event_base *base;
	/* called on the loop: 0 and ct_dump_next() is next, or -errno */
	void (*begun)(void *arg, int error);
	void *arg;
	struct ct *ct; /* not NULL: the thread is at work, and has it */
	int result;
};

/* ct is the thread's until begun() is called. */
void dump_ev_begin(struct dump_ev *dump, struct ct *ct);

/* It has to be waited for. */
bool dump_ev_is_busy(const struct dump_ev *dump);

#endif
