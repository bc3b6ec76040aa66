#include "src/port17_own.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "port17/dialer_ev.h"
#include "src/work_ev.h"

/* Between two look-ups of proxies that have a name. */
#define RESOLVE_S 60

struct resolve {
	struct port17_ev *p17;
	struct dialer *dialer; /* the thread's own */
};

static void
resolve_run(void *arg)
{
	struct resolve *resolve = arg;

	dialer_resolve(resolve->dialer);
}

static void
resolve_done(void *arg)
{
	struct resolve *resolve = arg;
	struct port17_ev *p17 = resolve->p17;
	const struct tunnel_set *set = dialer_tunnels(resolve->dialer);

	for (size_t i = 0; i < set->n; i++) {
		const struct tunnel_state *state =
		    dialer_state(resolve->dialer, set->v[i].name);

		if (state != NULL)
			dialer_resolved(p17->dialer, state->name,
			    &state->resolved, state->resolved_at);
	}
	dialer_free(resolve->dialer);
	free(resolve);
	p17->resolving = false;
}

static bool
has_names(const struct tunnel_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].host[0] != '\0')
			return true;
	return false;
}

static void
resolve_begin(struct port17_ev *p17)
{
	const struct dialer_opts opts = { .base = NULL };
	struct tunnel_set *set = dialer_tunnels(p17->dialer);
	struct resolve *resolve;

	if (p17->resolving || set == NULL || !has_names(set))
		return;
	resolve = calloc(1, sizeof(*resolve));
	set = tunnel_set_copy(set);
	if (resolve == NULL || set == NULL ||
	    dialer_new(&resolve->dialer, &opts) < 0) {
		tunnel_set_unref(set);
		free(resolve);
		return;
	}
	resolve->p17 = p17;
	dialer_set_tunnels(resolve->dialer, set);
	tunnel_set_unref(set);
	p17->resolving = true;
	if (work_start(p17->opts.base, resolve_run, resolve_done, resolve) < 0)
		resolve_done(resolve);
}

static void
resolve_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval again = { RESOLVE_S, 0 };
	struct port17_ev *p17 = arg;

	(void)fd;
	(void)what;
	resolve_begin(p17);
	(void)event_add(p17->resolve, &again);
}

int
port17_names_start(struct port17_ev *p17)
{
	p17->resolve = event_new(p17->opts.base, -1, 0, resolve_cb, p17);
	return p17->resolve != NULL ? 0 : -ENOMEM;
}

void
port17_names_changed(struct port17_ev *p17)
{
	static const struct timeval soon = { 0, 0 };

	/* when the loop runs: the resolver may be this daemon */
	(void)event_add(p17->resolve, &soon);
}
