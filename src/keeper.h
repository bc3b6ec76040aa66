#ifndef KEEPER_H
#define KEEPER_H

#include <stdbool.h>

#include "src/linux/caps.h"

struct conf;

/* A small process beside the daemon, for the two things that this one can't do
 * once it has given up what it was, or is stopped: it removes the control
 * socket from a folder that is not the daemon's, and with fail = open it takes
 * the chains out when the daemon is stopped (SIGSTOP): nobody answers the
 * queues then, and they are not bypassed. */
struct keeper_opts {
	const struct conf *conf;
	const char *control;	      /* NULL: the socket is not its matter */
	bool watch;		      /* whether the daemon is stopped */
	const struct caps_user *user; /* NULL: there is none */
};

struct keeper {
	int fd; /* its end says that the daemon is gone; -1: none */
	int pid;
};

/* In a process with one thread. 0 or -errno. opts is borrowed until it
 * returns. */
int keeper_start(struct keeper *ret, const struct keeper_opts *opts);

/* The control socket is there. */
void keeper_socket_made(struct keeper *keeper, const char *control);

/* Ends it, and waits until it has done its work. */
void keeper_stop(struct keeper *keeper);

#endif
