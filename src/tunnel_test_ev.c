#include "src/tunnel_test_ev.h"

#include <stdio.h>
#include <stdlib.h>

#include "port17/leg_ev.h"
#include "src/ctlmsg.h"
#include "src/json.h"

struct tunnel_test {
	char name[TUNNEL_NAME_SIZE];
	struct target target;
	json_t *steps; /* ms and text of each */
	mono_t began;
	void (*done)(void *arg, char *line_take);
	void *arg;
};

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
	struct tunnel_test test = *(struct tunnel_test *)arg;

	free(arg);
	leg_reset(result->leg);
	test.done(test.arg,
	    ctlmsg_result(json_pack("{s:s, s:b, s:s, s:s, s:o, s:o, s:I, s:o}",
		"tunnel", test.name, "ok", result->outcome == OUTCOME_CONNECTED,
		"outcome", outcome_name(result->outcome), "text",
		outcome_text(result->outcome), "why", json_text(result->why),
		"via", json_text(result->via != NULL ? result->via->name : ""),
		"ms", (json_int_t)result->ms, "steps", test.steps)));
}

struct tunnel_test *
tunnel_test_new(const char *tunnel, const struct target *target)
{
	struct tunnel_test *test = calloc(1, sizeof(*test));

	if (test == NULL)
		return NULL;
	(void)snprintf(
	    test->name, sizeof(test->name), "%s", tunnel); /* one of them */
	test->target = *target;
	return test;
}

void
tunnel_test_run(struct tunnel_test *test_take, struct dialer *dialer,
    void (*done)(void *arg, char *line_take), void *arg)
{
	struct dial_result none = { .outcome = OUTCOME_NO_ROOM, .why = "" };
	struct dial_opts dial = {
		.target = test_take->target,
		.identity = { .words = { "/usr/bin/reroutectl", "root", "" } },
		.test = true,
		.done = test_done,
		.step = test_step,
		.arg = test_take,
	};

	test_take->done = done;
	test_take->arg = arg;
	test_take->steps = json_array();
	test_take->began = mono_now();
	dial.tunnel = tunnel_set_find(dialer_tunnels(dialer), test_take->name);
	if (dial.tunnel == NULL || dial_start(dialer, &dial) == NULL)
		test_done(test_take, &none);
}
