#ifndef TUNNEL_TEST_EV_H
#define TUNNEL_TEST_EV_H

#include "port17/dial_ev.h"
#include "src/base/list.h"

struct resolver_ev;

/* One dial for people, with what happens at each step; it does not count for
 * the tunnel's health. A name is resolved here where a program's would be, and
 * a way of the tunnel needs its address. */
struct tunnel_test;

/* NULL when there is no memory. */
struct tunnel_test *tunnel_test_new(
    const char *tunnel, const struct target *target);

/* Who wants to know each step while it goes on, too. */
void tunnel_test_want_steps(struct tunnel_test *test);

/* All borrowed; `tests` are those that run. Lines are answers for the control
 * socket (taken; NULL: no memory). */
struct tunnel_test_opts {
	struct list *tests;
	struct dialer *dialer;
	struct resolver_ev *resolver;
	void (*step)(void *arg, char *line_take);
	void (*done)(void *arg, char *line_take);
	void *arg;
};

/* Dials. done() once, later or at once, and the test is gone then; step() any
 * number of times before, where that is wanted. */
void tunnel_test_run(
    struct tunnel_test *test_take, const struct tunnel_test_opts *opts);

/* The daemon ends: so does each of them, at once. Those that wait for a name
 * have been answered before, by the resolver's end. */
void tunnel_tests_end(struct list *tests);

#endif
