#ifndef ACCOUNTS_EV_H
#define ACCOUNTS_EV_H

#include <stdbool.h>

struct event_base;
struct policy;

/* Users and groups that rules name. Asks now and then for those that are not
 * there: a server of names may come up after the daemon. Of those that are,
 * when /etc/passwd or /etc/group changes: a number may be another one's. */
struct accounts_ev;

/* 0 or -ENOMEM. found() is called when one of them has come or gone, or
 * has another number. */
int accounts_ev_new(struct accounts_ev **ret, struct event_base *base,
    void (*found)(void *arg), void *arg);
/* While busy it is left to its thread, for the process to end: no server can
 * make the daemon wait for it. Accepts NULL. */
void accounts_ev_free(struct accounts_ev *ae);

/* Those of this policy, from now on. */
void accounts_ev_watch(struct accounts_ev *ae, const struct policy *policy);

bool accounts_ev_is_busy(const struct accounts_ev *ae); /* accepts NULL */

#endif
