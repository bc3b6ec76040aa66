#ifndef REROUTED_OWN_H
#define REROUTED_OWN_H

#include "src/rerouted.h"

#include "src/core/stats.h"
#include "src/ctl.h"
#include "src/fw_ev.h"

/* The one context, shared by what starts and joins its parts
 * (rerouted_parts.c, rerouted_names.c, rerouted_rules.c) and what runs and ends
 * it (rerouted.c). */

enum phase {
	PHASE_STARTING, /* chains are being put in */
	PHASE_RUNNING,
	PHASE_STOPPING, /* chains are being taken out */
};

/* Descriptors that are kept for the end: the tables are put back as they were
 * also where no other is left. */
#define REROUTED_SPARE 8

struct rerouted {
	const struct rerouted_opts *opts;
	const struct conf *conf; /* a reference */
	struct stats stats;
	struct event_base *base;
	struct event *signals[3];
	struct event *second; /* the one timer of an idle daemon */
	struct event *alive;  /* the watchdog's */
	struct privileges_ev *privileges;
	struct netns_ev *netns;
	struct names *names;
	struct names_ev *names_ev;
	struct judge *judge;
	struct tally *tally;
	struct history *history;
	struct bytes_ev *bytes_ev;
	struct nfq *nfq;
	struct diag *diag;
	struct procfs *procfs;
	struct attr *attr;
	struct judge_ev *judge_ev;
	struct resolver_ev *resolver;
	struct qlog *qlog;
	struct port17_ev *port17;
	struct far_dns *far_dns; /* between those two */
	struct ctl_env env;
	struct ctl_ev *ctl;
	struct fw_ev fw;
	struct guard_ev *guard;
	struct list_ev *list_ev;
	struct policy_ev *policy_ev;
	struct watch_ev *watch; /* NULL: the rules are not watched */
	enum phase phase;
	int spare[REROUTED_SPARE];
	bool stop;   /* a signal came while the chains were being put in */
	bool broken; /* the queues are of no more use */
	int error;   /* what rerouted_run() returns */
	void (*ready)(void *arg);
	void *ready_arg;
};

/* Signals, the watchdog's timer, the loop itself and the spare descriptors: 0
 * or -errno. */
int rerouted_loop_prepare(struct rerouted *rr);
void rerouted_spare_close(struct rerouted *rr);

/* The folder of what has to outlive the daemon. */
const char *rerouted_state(const struct rerouted *rr);

/* Lists, then rules, in force; and, where it is set, the watch for their files:
 * 0 or -errno, which is said. */
int rerouted_rules_prepare(struct rerouted *rr);
int rerouted_watch_prepare(struct rerouted *rr);
/* As judge_ev_opts.judged: one flow was decided. */
void rerouted_flow_judged(void *arg, const struct flow *flow, mono_t now);

/* The resolver; and, once Port17 is there, the way from one to the other: 0 or
 * -errno. */
int rerouted_resolver_prepare(struct rerouted *rr);
int rerouted_far_dns_prepare(struct rerouted *rr);
/* As port17_ev_opts.look_up. */
void rerouted_look_up(void *arg, const struct name *name,
    void (*done)(void *arg, const struct addrs *addrs), void *done_arg);

/* What the parts call: chains are in, or out; the queues are of no more use. */
void rerouted_firewall_done(void *arg);
void rerouted_queues_broken(void *arg, int error);

#endif
