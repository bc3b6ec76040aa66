#ifndef PRIVILEGES_EV_H
#define PRIVILEGES_EV_H

#include "src/core/stats.h"

struct conf;
struct event_base;

/* What the daemon gives up once it has all that it needs: design.md section
 * 10. */
struct privileges_ev;

/* The user and the group that the daemon becomes, where they are there. */
#define PRIVILEGES_USER "rerouted"

/* All borrowed. */
struct privileges_opts {
	struct event_base *base;
	const struct conf *conf;
	struct stats *stats;
	const char *state;   /* folder: the user's from here on */
	const char *control; /* socket */
};

/* First of all, while there is one thread and nothing is bound: prepares what
 * root alone can. Logs what it can't. 0 or -errno. */
int privileges_ev_new(
    struct privileges_ev **ret, const struct privileges_opts *opts);
void privileges_ev_free(struct privileges_ev *pe); /* accepts NULL */

/* The control socket is there. */
void privileges_ev_socket_made(struct privileges_ev *pe);

/* Gives up the rest, for good: user, capabilities, system calls. There must be
 * one thread. 0 or -errno. */
int privileges_ev_drop(struct privileges_ev *pe);

#endif
