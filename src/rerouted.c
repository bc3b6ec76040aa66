#include "src/rerouted.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/core/judge.h"
#include "src/core/policy.h"
#include "src/ctl_ev.h"
#include "src/fw_ev.h"
#include "src/guard_ev.h"
#include "src/judge_ev.h"
#include "src/linux/nfq.h"
#include "src/linux/pages.h"
#include "src/notify.h"
#include "src/policy_ev.h"
#include "src/port17_ev.h"
#include "src/rerouted_own.h"
#include "src/resolver_ev.h"

static void
remove_begin(void *arg)
{
	struct rerouted *rr = arg;
	int r = fw_ev_remove(&rr->fw, rr->base);

	if (r < 0) { /* no thread to be had: then the loop has to wait */
		fw_remove(&rr->fw);
		rerouted_firewall_done(rr);
	}
}

/* Whether the daemon ends as if it had crashed: what was closed stays so until
 * it is started again, or --recover is called. */
static bool
leaves_closed(const struct rerouted *rr)
{
	return rr->conf->fail == CONF_FAIL_CLOSED && rr->error != 0 &&
	       (rr->broken || rr->fw.was_in[CHAINS_IP4] ||
		   rr->fw.was_in[CHAINS_IP6]);
}

static void
chains_end(void *arg)
{
	struct rerouted *rr = arg;

	if (!leaves_closed(rr)) {
		remove_begin(rr);
		return;
	}
	log_error("firewall", "the rules stay in place, nothing new passes "
			      "until the daemon is back: rerouted --recover "
			      "takes them out");
	event_base_loopbreak(rr->base);
}

static void
stop_begin(struct rerouted *rr)
{
	if (rr->phase != PHASE_RUNNING) {
		rr->stop = true;
		return;
	}
	rr->phase = PHASE_STOPPING;
	rerouted_spare_close(rr);
	notify_stopping();
	if (rr->guard != NULL)
		guard_ev_stop(rr->guard, chains_end, rr);
	else
		chains_end(rr);
}

void
rerouted_queues_broken(void *arg, int error)
{
	struct rerouted *rr = arg;

	log_error(
	    "judge", "the queues are of no more use: %s", strerror(-error));
	rr->error = error;
	rr->broken = true;
	stop_begin(rr);
}

static void
firewall_put_in(struct rerouted *rr)
{
	int r;

	rr->phase = PHASE_RUNNING;
	if (rr->fw.error != 0) {
		log_error("firewall", "%s", rr->fw.what.text);
		rr->error = rr->fw.error;
		if (leaves_closed(rr))
			chains_end(rr);
		else
			event_base_loopbreak(rr->base);
		return;
	}
	fw_seal(&rr->fw);
	r = guard_ev_new(&rr->guard, rr->base, &rr->fw);
	if (r < 0) {
		log_error("firewall", "the tables can't be watched: %s",
		    strerror(-r));
		rr->error = r;
		stop_begin(rr);
		return;
	}
	rr->env.guard = guard_ev_status(rr->guard);
	policy_ev_review(rr->policy_ev);
	log_info("rerouted", "ready version=%s rules=%zu ip4=%s ip6=%s",
	    PACKAGE_VERSION, policy_n_rules(judge_policy(rr->judge)),
	    rr->fw.in[CHAINS_IP4] ? "yes" : "no",
	    rr->fw.in[CHAINS_IP6] ? "yes" : "no");
	/* the start needs much that is not needed again: the kernel's types
	 * for the programs of bpf, the tables of others */
	pages_give_back();
	notify_ready();
	if (rr->ready != NULL)
		rr->ready(rr->ready_arg);
	if (rr->stop || rr->error != 0)
		stop_begin(rr);
}

void
rerouted_firewall_done(void *arg)
{
	struct rerouted *rr = arg;

	if (rr->phase == PHASE_STARTING) {
		firewall_put_in(rr);
		return;
	}
	if (rr->fw.error != 0) {
		log_error("firewall", "%s", rr->fw.what.text);
		rr->error = rr->fw.error;
	} else if (rr->fw.warn) {
		log_error("firewall",
		    "the rules were taken out without the lock: %s",
		    rr->fw.what.text);
		rr->error = -EBUSY; /* somebody has to look into it */
	}
	event_base_loopbreak(rr->base);
}

static void
signal_cb(evutil_socket_t sig, short what, void *arg)
{
	struct rerouted *rr = arg;

	(void)what;
	if (sig == SIGHUP) {
		notify_reloading();
		policy_ev_reload(rr->policy_ev);
	} else {
		log_info("rerouted", "stopping signal=%s", strsignal((int)sig));
		stop_begin(rr);
	}
}

static void
alive_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_alive();
}

/* All that is looked at once a second: at one moment, so that a machine with
 * nothing to do is woken up once. */
static void
second_cb(evutil_socket_t fd, short what, void *arg)
{
	struct rerouted *rr = arg;

	(void)fd;
	(void)what;
	guard_ev_second(rr->guard);
	if (rr->judge_ev != NULL)
		judge_ev_second(rr->judge_ev);
	if (rr->resolver != NULL)
		resolver_ev_second(rr->resolver);
	if (rr->port17 != NULL)
		port17_ev_second(rr->port17);
}

static int
spare_open(struct rerouted *rr)
{
	for (size_t i = 0; i < REROUTED_SPARE; i++) {
		rr->spare[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (rr->spare[i] < 0)
			return -errno;
	}
	return 0;
}

void
rerouted_spare_close(struct rerouted *rr)
{
	for (size_t i = 0; i < REROUTED_SPARE; i++) {
		if (rr->spare[i] > 0)
			(void)close(rr->spare[i]); /* it was only kept */
		rr->spare[i] = -1;
	}
}

int
rerouted_loop_prepare(struct rerouted *rr)
{
	static const struct timeval second = { 1, 0 };
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	uint64_t us = notify_interval_us();
	struct timeval interval = mono_timeval(us * 1000);
	int r;

	rr->base = event_base_new();
	if (rr->base == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		rr->signals[i] =
		    evsignal_new(rr->base, signals[i], signal_cb, rr);
		if (rr->signals[i] == NULL ||
		    event_add(rr->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	r = spare_open(rr);
	if (r < 0)
		return r;
	rr->second = event_new(rr->base, -1, EV_PERSIST, second_cb, rr);
	if (rr->second == NULL || event_add(rr->second, &second) < 0)
		return -ENOMEM;
	if (us == 0)
		return 0;
	rr->alive = event_new(rr->base, -1, EV_PERSIST, alive_cb, rr);
	if (rr->alive == NULL || event_add(rr->alive, &interval) < 0)
		return -ENOMEM;
	return 0;
}

int
rerouted_run(struct rerouted *rr, void (*ready)(void *arg), void *arg)
{
	int r;

	rr->ready = ready;
	rr->ready_arg = arg;
	rr->phase = PHASE_STARTING;
	r = fw_ev_install(&rr->fw, rr->base);
	if (r < 0) {
		log_error(
		    "firewall", "the rules can't be put in: %s", strerror(-r));
		return r;
	}
	if (event_base_dispatch(rr->base) < 0 && rr->error == 0)
		rr->error = -EIO;
	return rr->error;
}

int
rerouted_recover(void)
{
	struct nfq_counters queue;
	struct conf *conf;
	struct fw_ev fw;

	/* what judges must not be left without its rules, nor put them back */
	if (nfq_counters(NFQ_OUT4, &queue) == 0) {
		log_error("firewall",
		    "a daemon is at work here, nothing was changed: stop it "
		    "first (systemctl stop rerouted, or kill %u)",
		    queue.owner);
		return -EBUSY;
	}
	conf = conf_new();
	if (conf == NULL)
		return -ENOMEM;
	fw_ev_init(&fw, conf, NULL, NULL);
	fw_recover(&fw);
	conf_unref(conf);
	if (fw.error != 0) {
		log_error("firewall", "%s", fw.what.text);
		return fw.error;
	}
	if (fw.warn)
		log_warning("firewall",
		    "the rules were taken out without the lock: %s",
		    fw.what.text);
	log_info("firewall", "everything of ours is out of the tables");
	return 0;
}
