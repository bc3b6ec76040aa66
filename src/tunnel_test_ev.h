#ifndef TUNNEL_TEST_EV_H
#define TUNNEL_TEST_EV_H

#include "port17/dial_ev.h"

struct resolver_ev;

/* One dial for people, with what happens at each step; it does not count for
 * the tunnel's health. A name is resolved here where a program's would be, and
 * a way of the tunnel needs its address. */
struct tunnel_test;

/* NULL when there is no memory. */
struct tunnel_test *tunnel_test_new(
    const char *tunnel, const struct target *target);

/* Dials. done() once, later or at once, with the answer for the control socket
 * (taken; NULL: no memory); the test is gone then. */
void tunnel_test_run(struct tunnel_test *test_take, struct dialer *dialer,
    struct resolver_ev *resolver, void (*done)(void *arg, char *line_take),
    void *arg);

#endif
