#ifndef CTL_CLIENT_EV_H
#define CTL_CLIENT_EV_H

#include <stddef.h>

#include "src/base/list.h"
#include "src/ctl_ev.h"

/* Those who are connected to the control socket: the lines that they say, what
 * runs for them, the lists and events that are written to them. */
struct ctl_clients {
	struct event_base *base;
	const struct ctl_env *env;
	struct list clients;
	struct list tests; /* of tunnels, that run */
	size_t n;
	size_t n_jobs; /* that run for one of them, who may be gone */
	bool leaving;  /* nothing more is begun */
};

/* Takes fd, but where there is no memory for it: -ENOMEM. */
int ctl_clients_add(struct ctl_clients *all, int fd, bool trusted);

/* Tells those who watch for such an event. */
void ctl_clients_tell(
    struct ctl_clients *all, const struct ctl_event *event, mono_t now);

/* The daemon ends: what runs for them and need not be waited for ends now. */
void ctl_clients_leave(struct ctl_clients *all);

/* Cuts all of them off; not while a job runs. */
void ctl_clients_done(struct ctl_clients *all);

#endif
