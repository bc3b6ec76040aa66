#include "src/resolver_own.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dns/learn.h"
#include "src/base/log.h"
#include "src/upstreams_ev.h"

static int
on_send(void *arg, struct attempt *attempt, uint8_t *msg, size_t len)
{
	struct resolver_ev *re = arg;

	return upstreams_ev_send(re->upstreams, attempt, msg, len);
}

static void
on_reply(void *arg, const struct client *client, const uint8_t *msg, size_t len)
{
	struct resolver_ev *re = arg;

	if (client->listener == RESOLVER_ASKS)
		resolver_asks_answer(re, client->conn, msg, len);
	else if (re->server != NULL)
		server_ev_reply(re->server, client, msg, len);
}

static void
on_dropped(void *arg, const struct client *client)
{
	struct resolver_ev *re = arg;

	if (client->listener == RESOLVER_ASKS)
		on_reply(arg, client, NULL, 0);
	else if (re->server != NULL)
		server_ev_dropped(re->server, client);
}

/* What was denied is called nothing; where a list led on, its own decision is
 * told, and what it led to has passed. */
static bool
has_names(const struct record *record)
{
	return record->learnt && record->answered &&
	       (record->led || (record->decision.action != ACTION_BLOCK &&
				   record->decision.action != ACTION_DROP));
}

static void
on_done(void *arg, const struct client *client, const struct record *record,
    const struct answer *answer)
{
	struct resolver_ev *re = arg;

	if (client->listener == RESOLVER_ASKS)
		resolver_asks_decided(re, client->conn, record);
	if (answer != NULL && has_names(record) && re->opts.names != NULL)
		learn_names(re->opts.names, re->resolve, record, answer);
	re->opts.queried(re->opts.arg, record);
}

static enum resolve_way
on_stand_in(void *arg, const struct resolve_stand_in *query, struct addr *ret)
{
	struct resolver_ev *re = arg;
	const char *tunnel =
	    policy_tunnel(query->policy, query->decision->tunnel);

	if (re->opts.stand_in == NULL || tunnel == NULL)
		return RESOLVE_WAY_USUAL;
	return re->opts.stand_in(re->opts.arg, tunnel, query, ret);
}

static bool
on_stands_for(
    void *arg, const struct addr *addr, mono_t now, const struct name **ret)
{
	struct resolver_ev *re = arg;

	return re->opts.stands_for != NULL &&
	       re->opts.stands_for(re->opts.arg, addr, now, ret);
}

static uint32_t
on_random(void *arg)
{
	struct resolver_ev *re = arg;
	uint32_t value;

	if (re->n_random < sizeof(value)) {
		/* up to 256 bytes never fail, nor come short (random(4)) */
		for (size_t i = 0; i < sizeof(re->random); i += 256)
			if (getrandom(re->random + i, 256, 0) != 256)
				abort();
		re->n_random = sizeof(re->random);
	}
	re->n_random -= sizeof(value);
	memcpy(&value, re->random + re->n_random, sizeof(value));
	memset(re->random + re->n_random, 0, sizeof(value));
	return value;
}

/* Those over TLS tell it themselves, with the reason. */
static void
on_health(void *arg, const struct upstream *u)
{
	char name[UPSTREAM_TEXT_SIZE];

	(void)arg;
	if (upstream_is_tls(&u->spec))
		return;
	if (u->down)
		log_limited(LOG_LEVEL_WARNING, "dns",
		    "upstream=%s does not answer",
		    upstream_format(&u->spec, name));
	else
		log_limited(LOG_LEVEL_INFO, "dns", "upstream=%s answers again",
		    upstream_format(&u->spec, name));
}

static void
on_timer(void *arg, mono_t when)
{
	struct resolver_ev *re = arg;
	/* up to a whole millisecond: not too early */
	struct timeval tv =
	    mono_timeval(mono_since(when, mono_now()) + MONO_MS);

	if (event_add(re->timer, &tv) < 0)
		log_limited(LOG_LEVEL_WARNING, "dns",
		    "a timer can't be set: no memory");
}

static bool
on_is_here(void *arg, const struct addr *addr)
{
	return resolver_is_here(arg, addr);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_ev *re = arg;

	(void)fd;
	(void)what;
	resolve_due(re->resolve, mono_now());
}

int
resolver_ops_prepare(struct resolver_ev *re)
{
	struct resolve_ops ops = {
		.send = on_send,
		.reply = on_reply,
		.dropped = on_dropped,
		.done = on_done,
		.stand_in = on_stand_in,
		.stands_for = on_stands_for,
		.is_here = on_is_here,
		.here = &re->here,
		.health = on_health,
		.random = on_random,
		.timer = on_timer,
		.arg = re,
	};

	re->resolve = resolve_new(&ops);
	re->timer = event_new(re->opts.base, -1, 0, timer_cb, re);
	return re->resolve != NULL && re->timer != NULL ? 0 : -ENOMEM;
}
