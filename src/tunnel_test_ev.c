#include "src/tunnel_test_ev.h"

#include <stdio.h>
#include <stdlib.h>

#include "port17/leg_ev.h"
#include "src/ctlmsg.h"
#include "src/json.h"
#include "src/resolver_ev.h"

struct tunnel_test {
	struct list node;
	char name[TUNNEL_NAME_SIZE];
	struct tunnel_test_opts opts;
	struct target target;
	bool wants_steps;
	json_t *steps; /* ms and text of each */
	mono_t began;
	struct dial *dial; /* NULL: a name is looked up */
};

static void
test_step(void *arg, const char *text)
{
	struct tunnel_test *test = arg;
	uint64_t us = mono_since(mono_now(), test->began) / 1000;
	json_t *step = json_pack(
	    "{s:f, s:o}", "ms", (double)us / 1e3, "text", json_text(text));

	if (test->wants_steps)
		test->opts.step(test->opts.arg,
		    ctlmsg_result(json_pack("{s:O}", "step", step)));
	json_array_append_new(test->steps, step);
}

static void
test_done(void *arg, const struct dial_result *result)
{
	struct tunnel_test test = *(struct tunnel_test *)arg;

	list_remove(&((struct tunnel_test *)arg)->node);
	free(arg);
	leg_reset(result->leg);
	test.opts.done(test.opts.arg,
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

static void
dial(struct tunnel_test *test_take)
{
	struct dialer *dialer = test_take->opts.dialer;
	struct dial_result none = { .outcome = OUTCOME_NO_ROOM, .why = "" };
	struct dial_opts opts = {
		.target = test_take->target,
		.identity = { .words = { .exe = "/usr/bin/reroutectl",
				  .user = "root",
				  .unit = "" } },
		.test = true,
		.done = test_done,
		.step = test_step,
		.arg = test_take,
	};

	opts.tunnel = tunnel_set_find(dialer_tunnels(dialer), test_take->name);
	if (opts.tunnel != NULL)
		test_take->dial = dial_start(dialer, &opts);
	if (test_take->dial == NULL)
		test_done(test_take, &none);
}

static void
looked_up(void *arg, const struct addrs *addrs)
{
	static const struct addr none = { .family = ADDR_NONE };
	const struct addr *addr = addrs->n > 0 ? &addrs->v[0] : &none;
	struct tunnel_test *test = arg;
	char host[TARGET_HOST_SIZE], text[TARGET_HOST_SIZE + 64];
	char where[ADDR_STRLEN];

	(void)target_host(&test->target, host);
	if (addr->family == ADDR_NONE)
		(void)snprintf(text, sizeof(text), "nobody here knows %s",
		    host); /* fits */
	else
		(void)snprintf(text, sizeof(text), "%s, resolved here: %s",
		    host, addr_format(addr, where)); /* fits */
	test_step(test, text);
	test->target.addr = *addr;
	dial(test);
}

/* Only a direct way asks for it; and with another dns than local nobody may be
 * asked here. */
static bool
needs_address(const struct tunnel_test *test)
{
	const struct tunnel_set *set = dialer_tunnels(test->opts.dialer);
	const struct tunnel *tunnel = tunnel_set_find(set, test->name);
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	size_t n;

	if (tunnel == NULL || tunnel->dns != TUNNEL_DNS_LOCAL ||
	    test->target.addr.family != ADDR_NONE)
		return false;
	n = tunnel_set_members(set, tunnel, members);
	for (size_t i = 0; i < n; i++)
		if (members[i]->kind == TUNNEL_DIRECT)
			return true;
	return false;
}

void
tunnel_test_want_steps(struct tunnel_test *test)
{
	test->wants_steps = true;
}

void
tunnel_test_run(
    struct tunnel_test *test_take, const struct tunnel_test_opts *opts)
{
	test_take->opts = *opts;
	test_take->steps = json_array();
	test_take->began = mono_now();
	list_append(opts->tests, &test_take->node);
	if (!needs_address(test_take)) {
		dial(test_take);
		return;
	}
	test_step(test_take, "the name is looked up here");
	resolver_ev_look_up(
	    opts->resolver, &test_take->target.name, looked_up, test_take);
}

void
tunnel_tests_end(struct list *tests)
{
	struct list *node, *tmp;

	list_for_each_safe (node, tmp, tests) {
		struct tunnel_test *test =
		    container_of(node, struct tunnel_test, node);
		struct tunnel_test_opts opts = test->opts;

		if (test->dial == NULL)
			continue;
		dial_cancel(test->dial);
		list_remove(&test->node);
		json_decref(test->steps);
		free(test);
		opts.done(
		    opts.arg, ctlmsg_error(CTLMSG_FAILED, "the daemon ends"));
	}
}
