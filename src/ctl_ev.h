#ifndef CTL_EV_H
#define CTL_EV_H

#include "src/core/filter.h"
#include "src/ctl.h"
#include "src/json.h"

struct event_base;

/* The control socket: clients, lines, lists and streams. A client that sends
 * nonsense gets an error, one that sends too much or does not read is cut
 * off; none of them holds up the loop. */
struct ctl_ev;

/* Listens on a Unix socket at path, mode 0660 and the group of the settings
 * where it exists. A socket that a daemon left behind is replaced; 0,
 * -EADDRINUSE (a daemon answers there) or -errno. env is borrowed. */
int ctl_ev_new(struct ctl_ev **ret, struct event_base *base, const char *path,
    const struct ctl_env *env);

/* Whether work for a client runs off the loop: the loop has to go on until it
 * is done. Accepts NULL. */
bool ctl_ev_is_busy(const struct ctl_ev *ce);

/* The daemon ends: what it is busy with ends now where it need not be waited
 * for. Accepts NULL. */
void ctl_ev_leave(struct ctl_ev *ce);

/* Cuts all clients off and removes the socket; not while busy. Accepts NULL. */
void ctl_ev_free(struct ctl_ev *ce);

/* Something that those who watch may want to see. */
struct ctl_event {
	const char *name;      /* its kind: the key "event" */
	struct filter_row row; /* what their filters look at */
	/* in place of that, where one row does not say it all; may be NULL */
	bool (*has)(const struct filter *filter, const void *of);
	/* its object, called if anybody wants it: a new reference, or NULL
	 * when there is no memory */
	json_t *(*make)(const void *of, const struct json_time *at);
	const void *of;
};

void ctl_ev_publish(
    struct ctl_ev *ce, const struct ctl_event *event, mono_t now);

/* Tells all who watch that a flow was judged. */
void ctl_ev_judged(struct ctl_ev *ce, const struct flow *flow, mono_t now);

/* … and that a query was answered. */
struct record;
void ctl_ev_queried(struct ctl_ev *ce, const struct record *record, mono_t now);

#endif
