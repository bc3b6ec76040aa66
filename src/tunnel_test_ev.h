#ifndef TUNNEL_TEST_EV_H
#define TUNNEL_TEST_EV_H

#include <jansson.h>

#include "port17/dial_ev.h"
#include "port17/shake.h"

struct event_base;

/* One dial for people, with what happened at each step: in a thread of its own,
 * with a loop of its own, since it may have to resolve the proxy's name. */
struct tunnel_test {
	struct tunnel_set *set; /* its own */
	char name[TUNNEL_NAME_SIZE];
	struct target target;
	/* what came of it */
	json_t *steps; /* ms and text of each */
	enum outcome outcome;
	uint32_t ms;
	char why[SHAKE_WHY_SIZE], via[TUNNEL_NAME_SIZE];
	/* while it runs */
	struct event_base *base;
	mono_t began;
};

void tunnel_test_run(struct tunnel_test *test);
void tunnel_test_free(struct tunnel_test *test); /* not steps */

#endif
