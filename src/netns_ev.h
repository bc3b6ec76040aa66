#ifndef NETNS_EV_H
#define NETNS_EV_H

#include "port17/sock.h"

struct conf;
struct event_base;

/* Makes sockets in other network namespaces for tunnels: asks the process that
 * may, and waits for it by the loop. */
struct netns_ev;

/* Starts the process where a tunnel of the settings needs it: to be called with
 * one thread, and all privileges. 0 or -errno, which was logged. */
int netns_ev_new(
    struct netns_ev **ret, struct event_base *base, const struct conf *conf);
void netns_ev_free(struct netns_ev *ne); /* nobody waits; accepts NULL */

/* Says so where other settings need a process that is not there. */
void netns_ev_configure(const struct netns_ev *ne, const struct conf *conf);

/* What port17 asks; valid as long as ne. */
const struct sock_maker *netns_ev_maker(const struct netns_ev *ne);

#endif
