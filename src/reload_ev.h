#ifndef RELOAD_EV_H
#define RELOAD_EV_H

#include <stdbool.h>

struct event_base;
struct faults;
struct policy;

/* Reading and compiling the rules again, off the loop. */
struct reload_ev {
	const char *rules; /* the folder; NULL for the default one */
	/* Called on the loop: the new policy (borrowed), or NULL when it has
	 * faults, which are logged; error is then the first one, else "". */
	void (*loaded)(
	    void *arg, const struct policy *policy, const char *error);
	void *arg;

	/* its own */
	bool running, again;
	struct event_base *base;
	struct faults *faults;
	const struct policy *policy;
	int result;
};

/* Starts one; asked again while one runs, another follows it. */
void reload_ev_start(struct reload_ev *reload, struct event_base *base);

#endif
