#include "src/port17_own.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "port17/session_ev.h"
#include "port17/udp_ev.h"
#include "src/base/log.h"
#include "src/base/mono.h"
#include "src/linux/netdev.h"

/* Flows whose tunnel is another one by now, though the rule is the same: they
 * are ended, and begin anew; others go on by a device that was made anew. There
 * may be tens of thousands of flows, each of which is looked at in a
 * microsecond; packets and names wait for so many. */
#define SLICE_NS (MONO_MS / 2)

static bool
is_over(struct port17_ev *p17, const struct claim *claim,
    const struct tunnel *via, bool udp)
{
	const struct tunnel_set *set = dialer_tunnels(p17->dialer);
	const struct tunnel_use use = { claim->set, claim->tunnel, via, udp };

	return claim->set != set && !tunnel_set_keeps(set, &use);
}

/* True when all were seen, from the youngest on; else *next is where it goes
 * on. One that is gone by then has left others that were seen already. */
static bool
some_sessions(struct port17_ev *p17, mono_t end)
{
	const struct session *session =
	    sessions_find(p17->sessions, &p17->changed_next);

	if (session == NULL)
		session = sessions_older(p17->sessions, NULL);
	while (session != NULL && mono_before(mono_now(), end)) {
		struct flow_key key = session->key;
		bool over = is_over(p17, &session->claim, session->via, false);

		if (!over && sessions_rebind(session))
			p17->n_rebound++;
		session = sessions_older(p17->sessions, session);
		if (over)
			sessions_abort(p17->sessions, &key, CLOSED_POLICY);
	}
	if (session != NULL)
		p17->changed_next = session->key;
	return session == NULL;
}

static bool
some_datagrams(struct port17_ev *p17, mono_t end)
{
	const struct udp_flow *flow = udp_find(p17->udp, &p17->changed_next);

	if (flow == NULL)
		flow = udp_older(p17->udp, NULL);
	while (flow != NULL && mono_before(mono_now(), end)) {
		struct flow_key key = flow->nat.key;
		bool over = is_over(p17, &flow->claim, flow->via, true);

		flow = udp_older(p17->udp, flow);
		if (over)
			udp_abort(p17->udp, &key, CLOSED_POLICY);
	}
	if (flow != NULL)
		p17->changed_next = flow->nat.key;
	return flow == NULL;
}

static void
changed_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = { 0, 0 };
	struct port17_ev *p17 = arg;
	mono_t end = mono_add(mono_now(), SLICE_NS);

	(void)fd;
	(void)what;
	if (!p17->changed_udp)
		p17->changed_udp = some_sessions(p17, end);
	if (!p17->changed_udp || !some_datagrams(p17, end)) {
		(void)event_add(p17->changed, &at_once); /* it has been */
		return;
	}
	if (p17->n_rebound > 0)
		log_info("port17",
		    "a device was made anew, connections go on by it count=%zu",
		    p17->n_rebound);
	p17->n_rebound = 0;
}

static void
netdev_cb(evutil_socket_t fd, short what, void *arg)
{
	struct port17_ev *p17 = arg;

	(void)fd;
	(void)what;
	if (netdev_came_up(p17->netdev) &&
	    sessions_older(p17->sessions, NULL) != NULL)
		port17_changed(p17);
}

/* Without it connections through a device that was made anew end by silence. */
static void
watch_devices(struct port17_ev *p17)
{
	int fd = netdev_open();

	if (fd >= 0)
		p17->netdev_readable = event_new(
		    p17->opts.base, fd, EV_READ | EV_PERSIST, netdev_cb, p17);
	if (p17->netdev_readable != NULL &&
	    event_add(p17->netdev_readable, NULL) == 0) {
		p17->netdev = fd;
		return;
	}
	log_warning("port17", "devices can't be watched: %s",
	    strerror(fd < 0 ? -fd : ENOMEM));
	if (p17->netdev_readable != NULL)
		event_free(p17->netdev_readable);
	p17->netdev_readable = NULL;
	if (fd >= 0)
		(void)close(fd); /* nothing was read */
}

int
port17_changed_start(struct port17_ev *p17)
{
	watch_devices(p17);
	p17->changed = event_new(p17->opts.base, -1, 0, changed_cb, p17);
	return p17->changed != NULL ? 0 : -ENOMEM;
}

void
port17_changed_stop(struct port17_ev *p17)
{
	if (p17->changed != NULL)
		event_free(p17->changed);
	if (p17->netdev_readable == NULL)
		return;
	event_free(p17->netdev_readable);
	(void)close(p17->netdev); /* it was only read */
}

void
port17_changed(struct port17_ev *p17)
{
	static const struct timeval at_once = { 0, 0 };

	memset(&p17->changed_next, 0, sizeof(p17->changed_next));
	p17->changed_udp = false;
	(void)event_add(
	    p17->changed, &at_once); /* else they end by themselves */
}
