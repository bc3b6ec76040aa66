#include "src/rerouted_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/qlog.h"
#include "src/base/log.h"
#include "src/core/judge.h"
#include "src/ctl_ev.h"
#include "src/far_dns_ev.h"
#include "src/names_ev.h"
#include "src/port17_ev.h"
#include "src/query_log.h"
#include "src/resolver_ev.h"

/* The resolver among the other parts: neither it nor Port17 knows the other. */

static void
queried(void *arg, const struct record *record)
{
	struct rerouted *rr = arg;

	query_log(record);
	/* each query that a rule decided anew, as each flow */
	if (record->learnt && record->policy == judge_policy(rr->judge))
		judge_count(rr->judge, record->decision.rule, record->time);
	qlog_add(rr->qlog, record);
	if (rr->ctl != NULL)
		ctl_ev_queried(rr->ctl, record, record->time);
	if (record->learnt)
		names_ev_touch(rr->names_ev);
}

static enum resolve_way
name_for_tunnel(void *arg, const char *tunnel,
    const struct resolve_stand_in *query, struct addr *ret)
{
	struct rerouted *rr = arg;
	const struct key *key = query->key;
	struct port17_ask ask = {
		.tunnel = tunnel,
		.name = &key->name,
		/* of ANY, one of the types will do (RFC 8482) */
		.family = key->type == TYPE_A || key->type == TYPE_ANY
			      ? ADDR_IP4
			  : key->type == TYPE_AAAA ? ADDR_IP6
						   : ADDR_NONE,
		.may_add = asker_may_name(query->asker, query->now),
		.now = query->now,
	};

	switch (port17_ev_name(rr->port17, &ask, ret)) {
	case PORT17_NAME_ADDED:
		asker_named(query->asker);
		return RESOLVE_WAY_STAND_IN;
	case PORT17_NAME_LIMITED:
		return RESOLVE_WAY_LIMITED;
	case PORT17_NAME_FULL:
		return RESOLVE_WAY_FULL;
	case PORT17_NAME_HERE:
		return RESOLVE_WAY_USUAL;
	case PORT17_NAME_THROUGH:
		return RESOLVE_WAY_TUNNEL;
	case PORT17_NAME_FAKE:
		return RESOLVE_WAY_STAND_IN;
	case PORT17_NAME_NONE:
		return RESOLVE_WAY_NONE;
	}
	abort();
}

static bool
stands_for(
    void *arg, const struct addr *addr, mono_t now, const struct name **ret)
{
	struct rerouted *rr = arg;

	return port17_ev_stands_for(rr->port17, addr, now, ret);
}

static int
ask_by_tunnel(
    void *arg, struct attempt *attempt, const uint8_t *msg, size_t len)
{
	struct rerouted *rr = arg;

	return far_dns_send(rr->far_dns, attempt, msg, len);
}

static void
reset_by_tunnel(void *arg)
{
	struct rerouted *rr = arg;

	if (rr->far_dns != NULL) /* not made yet */
		far_dns_reset(rr->far_dns);
}

static const char *
why_by_tunnel(void *arg, const struct upstream *upstream)
{
	const struct rerouted *rr = arg;

	return far_dns_why(rr->far_dns, upstream);
}

int
rerouted_resolver_prepare(struct rerouted *rr)
{
	struct resolver_opts opts = {
		.base = rr->base,
		.judge = rr->judge,
		.attr = rr->attr,
		.diag = rr->diag,
		.procfs = rr->procfs,
		.names = rr->names,
		.queried = queried,
		.stand_in = name_for_tunnel,
		.stands_for = stands_for,
		.arg = rr,
		.by_tunnel = { ask_by_tunnel, reset_by_tunnel, why_by_tunnel,
		    rr },
	};
	int r;

	rr->qlog = qlog_new((size_t)rr->conf->history);
	if (rr->qlog == NULL)
		return -ENOMEM;
	r = resolver_ev_new(&rr->resolver, &opts, rr->conf);

	if (r < 0)
		log_error(
		    "dns", "the resolver can't be started: %s", strerror(-r));
	return r;
}

void
rerouted_look_up(void *arg, const struct name *name,
    void (*done)(void *arg, const struct addrs *addrs), void *done_arg)
{
	struct rerouted *rr = arg;

	resolver_ev_look_up(rr->resolver, name, done, done_arg);
}

int
rerouted_far_dns_prepare(struct rerouted *rr)
{
	struct far_dns_opts opts = {
		.base = rr->base,
		.dialer = port17_ev_dialer(rr->port17),
		.resolve = resolver_ev_resolve(rr->resolver),
	};

	rr->far_dns = far_dns_new(&opts);
	return rr->far_dns != NULL ? 0 : -ENOMEM;
}
