#ifndef REROUTED_H
#define REROUTED_H

#include <stdbool.h>

#include "src/core/conf.h"

/* Where things are: NULL takes the places of design.md section 1. */
struct rerouted_opts {
	const char *config;
	const char *rules;
	const char *state;
	const char *control;
	/* set on the command line: the settings have no say */
	bool log_level_set, log_format_set;
};

#define REROUTED_STATE_DEFAULT "/var/lib/rerouted"
#define REROUTED_CONTROL_DEFAULT "/run/rerouted/control.sock"

/* The one context. */
struct rerouted;

/* Binds the queues and the control socket, and loads the rules. Nothing is
 * judged yet. Logs what is wrong. 0 or -errno. opts is borrowed; conf is
 * shared. */
int rerouted_new(struct rerouted **ret, const struct rerouted_opts *opts,
    const struct conf *conf);
void rerouted_free(struct rerouted *rr); /* accepts NULL */

/* Puts the chains in and works until a signal says stop, then takes them out
 * again. `ready` (NULL for none) is called once all is in place. 0 after an
 * orderly stop, or -errno. */
int rerouted_run(struct rerouted *rr, void (*ready)(void *arg), void *arg);

/* Takes out everything of ours that a dead daemon left: chains and marks, of
 * whatever backend. Logs
 * what it does. 0 or -errno. */
int rerouted_recover(void);

#endif
