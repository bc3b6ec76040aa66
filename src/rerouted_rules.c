#include "src/rerouted_own.h"

#include <errno.h>
#include <string.h>

#include "src/base/log.h"
#include "src/core/history.h"
#include "src/core/judge.h"
#include "src/core/schema.h"
#include "src/core/tally.h"
#include "src/ctl_ev.h"
#include "src/flow_log.h"
#include "src/list_ev.h"
#include "src/netns_ev.h"
#include "src/notify.h"
#include "src/policy_ev.h"
#include "src/port17_ev.h"
#include "src/resolver_ev.h"
#include "src/watch_ev.h"

/* Rules, lists and settings among the other parts: what each hears when they
 * change, and what they hear of flows. */

void
rerouted_flow_judged(void *arg, const struct flow *flow, mono_t now)
{
	struct rerouted *rr = arg;
	const struct name *name = flow_host(flow);
	char host[NAME_TEXT_SIZE];

	flow_log(flow);
	tally_judged(rr->tally, flow,
	    name != NULL ? name_format(name, host) : NULL, now);
	history_add(rr->history, flow);
	ctl_ev_judged(rr->ctl, flow, now);
}

static void
rules_in_force(void *arg)
{
	struct rerouted *rr = arg;

	if (rr->resolver != NULL)
		resolver_ev_follow(rr->resolver);
}

/* After a reload. */
static void
settings_changed(void *arg, const struct conf *conf, struct list_job *loaded)
{
	struct rerouted *rr = arg;

	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];

		if (conf_row_waits(row, rr->conf, conf))
			log_warning("rerouted",
			    "the new value of [%s] %s needs a restart",
			    row->section, row->key);
	}
	netns_ev_configure(rr->netns, conf);
	if (rr->port17 != NULL && port17_ev_set_conf(rr->port17, conf) < 0)
		log_error("port17", "out of memory: the tunnels are as they "
				    "were");
	if (!rr->opts->log_level_set)
		log_set_level(conf->log_level);
	if (!rr->opts->log_format_set)
		log_set_format(conf->log_format);
	if (rr->resolver != NULL)
		resolver_ev_configure(rr->resolver, conf);
	list_ev_adopt(rr->list_ev, conf, loaded);
}

static void
lists_changed(void *arg, const struct list_table *table)
{
	struct rerouted *rr = arg;

	policy_ev_lists(rr->policy_ev, table);
}

static bool
flow_waits(void *arg, const struct flow_key *key)
{
	const struct rerouted *rr = arg;

	return rr->port17 != NULL && port17_ev_holds(rr->port17, key);
}

static void
flow_moved(void *arg, const struct flow_key *key)
{
	struct rerouted *rr = arg;

	if (rr->port17 != NULL)
		port17_ev_moved(rr->port17, key);
}

static void
rules_idle(void *arg, int error)
{
	struct rerouted *rr = arg;

	notify_ready(); /* after notify_reloading() */
	list_ev_applied(rr->list_ev, error);
}

static void
rules_changed(void *arg)
{
	struct rerouted *rr = arg;

	log_info("policy", "the files have changed");
	policy_ev_reload(rr->policy_ev);
}

static int
lists_prepare(struct rerouted *rr)
{
	struct list_opts opts = {
		.base = rr->base,
		.conf = rr->conf,
		.state = rerouted_state(rr),
		.changed = lists_changed,
		.arg = rr,
	};
	int r = list_ev_new(&rr->list_ev, &opts);

	if (r < 0)
		log_error(
		    "lists", "the lists can't be loaded: %s", strerror(-r));
	return r;
}

static int
policy_prepare(struct rerouted *rr)
{
	struct policy_opts opts = {
		.base = rr->base,
		.judge = rr->judge,
		.diag = rr->diag,
		.stats = &rr->stats,
		.conf = rr->conf,
		.config = rr->opts->config,
		.rules = rr->opts->rules,
		.state = rerouted_state(rr),
		.lists = list_ev_table(rr->list_ev),
		.judged = rerouted_flow_judged,
		.ruled = rules_in_force,
		.settings = settings_changed,
		.waits = flow_waits,
		.moved = flow_moved,
		.idle = rules_idle,
		.arg = rr,
	};
	int r = policy_ev_new(&rr->policy_ev, &opts);

	if (r == -EINVAL)
		log_error("policy", "the rules have faults: nothing was "
				    "started");
	else if (r < 0)
		log_error(
		    "policy", "the rules can't be loaded: %s", strerror(-r));
	return r;
}

int
rerouted_rules_prepare(struct rerouted *rr)
{
	int r = lists_prepare(rr);

	return r == 0 ? policy_prepare(rr) : r;
}

int
rerouted_watch_prepare(struct rerouted *rr)
{
	const char *dir = rr->env.rules_dir;
	int r;

	if (!rr->conf->watch)
		return 0;
	r = watch_ev_new(&rr->watch, &(struct watch_opts){ rr->base, &dir, 1,
					 ".rules", rules_changed, rr });
	if (r < 0)
		log_error(
		    "policy", "%s can't be watched: %s", dir, strerror(-r));
	return r;
}
