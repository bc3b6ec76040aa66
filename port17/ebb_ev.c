#include "port17/ebb_ev.h"

#include <event2/event.h>
#include <stdlib.h>

#include "port17/leg_ev.h"

/* What was written before a reset arrives first: it is looked whether it has,
 * less and less often, and not for long; and so many at once. */
#define EBB_FIRST_MS 5
#define EBB_LAST_MS 160
#define EBB_MS 10000
#define EBBS_MAX 1024

/* A leg that outlives its relay, until what was written to it has arrived. */
struct ebb {
	struct list node;
	struct ebbs *ebbs;
	struct leg *leg;
	struct event *timer;
	unsigned int ms, waited_ms;
};

static void
ebb_end(struct ebb *ebb)
{
	list_remove(&ebb->node);
	ebb->ebbs->n--;
	event_free(ebb->timer);
	leg_close(ebb->leg);
	free(ebb);
}

static void
ebb_wait(struct ebb *ebb)
{
	struct timeval tv = { 0, (suseconds_t)(ebb->ms * 1000) };

	ebb->waited_ms += ebb->ms;
	if (ebb->ms < EBB_LAST_MS)
		ebb->ms *= 2;
	(void)event_add(ebb->timer, &tv);
}

static void
ebb_cb(evutil_socket_t fd, short what, void *arg)
{
	struct ebb *ebb = arg;

	(void)fd;
	(void)what;
	if (ebb->waited_ms >= EBB_MS || leg_unsent(ebb->leg) == 0)
		ebb_end(ebb);
	else
		ebb_wait(ebb);
}

/* Nothing of what it says is heard any more. */
static void
ebb_changed(void *arg, struct leg *leg)
{
	if (leg_error(leg) != 0)
		ebb_end(arg);
}

void
ebbs_close(struct ebbs *ebbs, struct leg *leg_take)
{
	struct ebb *ebb = NULL;

	if (leg_unsent(leg_take) > 0 && ebbs->n < EBBS_MAX)
		ebb = calloc(1, sizeof(*ebb));
	if (ebb == NULL) {
		leg_close(leg_take);
		return;
	}
	ebb->ebbs = ebbs;
	ebb->leg = leg_take;
	ebb->ms = EBB_FIRST_MS;
	ebb->timer = event_new(ebbs->base, -1, 0, ebb_cb, ebb);
	if (ebb->timer == NULL) {
		leg_close(leg_take);
		free(ebb);
		return;
	}
	leg_take->fn = ebb_changed;
	leg_take->arg = ebb;
	list_append(&ebbs->all, &ebb->node);
	ebbs->n++;
	ebb_wait(ebb);
}

void
ebbs_init(struct ebbs *ebbs, struct event_base *base)
{
	*ebbs = (struct ebbs){ .base = base };
	list_init(&ebbs->all);
}

void
ebbs_done(struct ebbs *ebbs)
{
	while (!list_empty(&ebbs->all))
		ebb_end(container_of(ebbs->all.next, struct ebb, node));
}
