#include "src/port17_own.h"

#include <errno.h>
#include <stdlib.h>

#include "port17/udp_ev.h"
#include "src/base/log.h"
#include "src/core/fakeip.h"
#include "src/fake_file.h"

static bool
all_resolve_names(const struct tunnel_set *set, const struct tunnel *tunnel)
{
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	size_t n = tunnel_set_members(set, tunnel, members);

	for (size_t i = 0; i < n; i++)
		if (members[i]->kind == TUNNEL_DIRECT)
			return false;
	return true;
}

/* How old a look at what is in use may be. */
#define SWEEP_NS (FAKEIP_KEPT / 4)

/* What a flow goes to is in use, however long ago it began. */
static void
sweep(struct port17_ev *p17, mono_t now)
{
	const struct session *session = NULL;
	const struct udp_flow *flow = NULL;

	if (p17->swept.ns != 0 && mono_since(now, p17->swept) < SWEEP_NS)
		return;
	p17->swept = now;
	while ((session = sessions_older(p17->sessions, session)) != NULL)
		(void)fakeip_name(p17->fakeip, &session->key.remote, now);
	while ((flow = udp_older(p17->udp, flow)) != NULL)
		(void)fakeip_name(p17->fakeip, &flow->nat.key.remote, now);
}

static enum port17_name
add_name(struct port17_ev *p17, const struct port17_ask *ask)
{
	uint32_t number;
	int r;

	if (!ask->may_add)
		return PORT17_NAME_LIMITED;
	if (fakeip_is_full(p17->fakeip))
		sweep(p17, ask->now);
	r = fakeip_add(p17->fakeip, ask->name, ask->now, &number);
	if (r == -ENOSPC) {
		p17->opts.stats->port17_names_full++;
		log_limited(LOG_LEVEL_WARNING, "port17",
		    "a name gets no address: all %zu are in use, or were a "
		    "moment ago",
		    FAKEIP_MAX);
		return PORT17_NAME_FULL;
	}
	if (r < 0)
		return PORT17_NAME_NONE;
	fake_file_add(p17->fake_file, p17->fakeip, number);
	return PORT17_NAME_ADDED;
}

enum port17_name
port17_ev_name(
    struct port17_ev *p17, const struct port17_ask *ask, struct addr *ret)
{
	const struct tunnel_set *set = dialer_tunnels(p17->dialer);
	const struct tunnel *t = tunnel_set_find(set, ask->tunnel);
	enum port17_name added;

	if (t == NULL)
		return PORT17_NAME_NONE; /* nobody knows how */
	if (t->dns == TUNNEL_DNS_LOCAL)
		return PORT17_NAME_HERE;
	if (t->dns == TUNNEL_DNS_TUNNEL)
		return PORT17_NAME_THROUGH;
	/* a direct way has nobody at its far side who would resolve */
	if (!all_resolve_names(set, t))
		return PORT17_NAME_NONE;
	*ret = (struct addr){ .family = ADDR_NONE };
	if (ask->family == ADDR_NONE ||
	    fakeip_find(p17->fakeip, ask->name, ask->family, ask->now, ret))
		return PORT17_NAME_FAKE;
	added = add_name(p17, ask);
	if (added == PORT17_NAME_ADDED &&
	    !fakeip_find(p17->fakeip, ask->name, ask->family, ask->now, ret))
		abort();
	return added;
}

bool
port17_ev_stands_for(struct port17_ev *p17, const struct addr *addr, mono_t now,
    const struct name **ret)
{
	if (p17 == NULL || !p17->fakes)
		return false;
	*ret = fakeip_name(p17->fakeip, addr, now);
	return true;
}

int
port17_ev_unkept(const struct port17_ev *p17)
{
	return fake_file_error(p17->fake_file);
}
