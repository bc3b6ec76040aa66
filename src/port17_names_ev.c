#include "src/port17_own.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "port17/dialer_ev.h"

/* Between two look-ups of proxies that have a name; and while one of them is
 * not known. */
#define RESOLVE_S 60
#define RESOLVE_SOON_S 5

/* One look-up: outlives the settings that it was begun for. */
struct port17_look_up {
	struct port17_ev *p17;
	char tunnel[TUNNEL_NAME_SIZE], host[TUNNEL_HOST_SIZE];
};

/* The tunnels may be others by now. */
static void
looked_up(void *arg, const struct addrs *addrs)
{
	struct port17_look_up *l = arg;
	struct dialer *dialer = l->p17->dialer;
	const struct tunnel *tunnel =
	    tunnel_set_find(dialer_tunnels(dialer), l->tunnel);

	if (tunnel != NULL && strcmp(tunnel->host, l->host) == 0)
		dialer_resolved(dialer, l->tunnel, addrs);
	free(l);
}

static void
look_up(struct port17_ev *p17, const struct tunnel *tunnel)
{
	struct port17_look_up *l = calloc(1, sizeof(*l));
	struct name name;

	if (l == NULL ||
	    name_parse(&name, tunnel->host, strlen(tunnel->host)) < 0) {
		free(l);
		return; /* it stays as it is */
	}
	l->p17 = p17;
	memcpy(l->tunnel, tunnel->name, sizeof(l->tunnel));
	memcpy(l->host, tunnel->host, sizeof(l->host));
	p17->opts.look_up(p17->opts.arg, &name, looked_up, l);
}

/* True where all are known. */
static bool
look_up_all(struct port17_ev *p17)
{
	const struct tunnel_set *set = dialer_tunnels(p17->dialer);
	bool known = true;

	for (size_t i = 0; set != NULL && i < set->n; i++) {
		const struct tunnel_state *state;

		if (set->v[i].host[0] == '\0')
			continue;
		state = dialer_state(p17->dialer, set->v[i].name);
		known = known && state != NULL && state->resolved.n > 0;
		look_up(p17, &set->v[i]);
	}
	return known;
}

static void
resolve_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval again = { RESOLVE_S, 0 },
				    soon = { RESOLVE_SOON_S, 0 };
	struct port17_ev *p17 = arg;

	(void)fd;
	(void)what;
	(void)event_add(p17->resolve, look_up_all(p17) ? &again : &soon);
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
	static const struct timeval now = { 0, 0 };

	/* when the loop runs: the resolver may not have its settings yet */
	(void)event_add(p17->resolve, &now);
}
