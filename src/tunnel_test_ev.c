#include "src/tunnel_test_ev.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "port17/leg_ev.h"
#include "src/json.h"

static void
test_step(void *arg, const char *text)
{
	struct tunnel_test *test = arg;
	uint64_t us = mono_since(mono_now(), test->began) / 1000;

	json_array_append_new(
	    test->steps, json_pack("{s:f, s:o}", "ms", (double)us / 1e3, "text",
			     json_text(text)));
}

static void
test_done(void *arg, const struct dial_result *result)
{
	struct tunnel_test *test = arg;

	test->outcome = result->outcome;
	test->ms = result->ms;
	(void)snprintf(test->why, sizeof(test->why), "%s", result->why);
	if (result->via != NULL)
		(void)snprintf(
		    test->via, sizeof(test->via), "%s", result->via->name);
	leg_reset(result->leg);
	(void)event_base_loopbreak(test->base);
}

void
tunnel_test_run(struct tunnel_test *test)
{
	struct dialer_opts opts = { .base = event_base_new() };
	struct dial_opts dial = {
		.target = test->target,
		.identity = { .words = { "/usr/bin/reroutectl", "root", "" } },
		.done = test_done,
		.step = test_step,
		.arg = test,
	};
	struct dialer *dialer = NULL;

	test->outcome = OUTCOME_NO_ROOM;
	test->steps = json_array();
	test->base = opts.base;
	test->began = mono_now();
	if (opts.base != NULL && dialer_new(&dialer, &opts) == 0) {
		dialer_set_tunnels(dialer, test->set);
		dialer_resolve(dialer); /* this thread may wait */
		dial.tunnel = tunnel_set_find(test->set, test->name);
		if (dial_start(dialer, &dial) != NULL)
			(void)event_base_dispatch(opts.base);
	}
	dialer_free(dialer);
	if (opts.base != NULL)
		event_base_free(opts.base);
}

void
tunnel_test_free(struct tunnel_test *test)
{
	if (test == NULL)
		return;
	tunnel_set_unref(test->set);
	free(test);
}
