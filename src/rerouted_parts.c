#include "src/rerouted_own.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "dns/qlog.h"
#include "src/attr.h"
#include "src/base/log.h"
#include "src/bytes_ev.h"
#include "src/core/history.h"
#include "src/core/judge.h"
#include "src/core/policy.h"
#include "src/core/tally.h"
#include "src/ctl_ev.h"
#include "src/ctl_tunnel.h"
#include "src/fw_ev.h"
#include "src/guard_ev.h"
#include "src/judge_ev.h"
#include "src/linux/diag.h"
#include "src/linux/ending.h"
#include "src/linux/nfq.h"
#include "src/linux/procfs.h"
#include "src/list_ev.h"
#include "src/names_ev.h"
#include "src/netns_ev.h"
#include "src/policy_ev.h"
#include "src/port17_ev.h"
#include "src/port17_past.h"
#include "src/privileges_ev.h"
#include "src/resolver_ev.h"
#include "src/far_dns_ev.h"
#include "src/watch_ev.h"

/* At the end files that don't come are not waited for. */
#define LEAVE_S 1

static enum port17_route
packet_rerouted(void *arg, const struct packet *pkt,
    const struct nfq_packet *raw, const struct socket_facts *sock,
    struct verdict *verdict)
{
	struct rerouted *rr = arg;

	return port17_ev_route(rr->port17, pkt, raw, sock, verdict);
}

static void
sent_straight(void *arg, const struct flow_key *key)
{
	struct rerouted *rr = arg;

	port17_ev_straight(rr->port17, key);
}

static void
socket_closed(void *arg, const struct flow_key *key, bool taken)
{
	struct rerouted *rr = arg;

	port17_ev_closed(rr->port17, key, taken);
}

static int
tell_blocked(
    void *arg, const struct flow_key *key, uint32_t tcp_seq, bool caller)
{
	struct rerouted *rr = arg;

	return caller ? port17_ev_tell_caller(rr->port17, key, tcp_seq)
		      : port17_ev_tell(rr->port17, key, tcp_seq);
}

static bool
socket_is_own(void *arg, uint64_t inode)
{
	const struct rerouted *rr = arg;

	return port17_ev_is_own(rr->port17, inode) ||
	       resolver_ev_is_own(rr->resolver, inode);
}

const char *
rerouted_state(const struct rerouted *rr)
{
	return rr->opts->state != NULL ? rr->opts->state
				       : REROUTED_STATE_DEFAULT;
}

static const char *
control_path(const struct rerouted *rr)
{
	return rr->opts->control != NULL ? rr->opts->control
					 : REROUTED_CONTROL_DEFAULT;
}

static int
privileges_prepare(struct rerouted *rr)
{
	struct privileges_opts opts = {
		.base = rr->base,
		.conf = rr->conf,
		.stats = &rr->stats,
		.state = rerouted_state(rr),
		.control = control_path(rr),
	};

	fw_load_modules(rr->conf);
	return privileges_ev_new(&rr->privileges, &opts);
}

/* One that was killed has them for some milliseconds more, and more of what we
 * need after that: it is waited for until it is gone. So long; and so long one
 * that does not look like it, since between two signs of it there is none. */
#define ENDING_WAIT_NS MONO_S
#define ALIVE_WAIT_NS (100 * MONO_MS)

static int
queues_open(struct rerouted *rr, const struct nfq_opts *opts, uint32_t *owner)
{
	static const struct timespec pause = { .tv_nsec = 2 * MONO_MS };
	mono_t begin = mono_now();

	for (;;) {
		int r = nfq_open(&rr->nfq, opts, &rr->stats, owner);
		uint64_t waited = mono_since(mono_now(), begin);

		if (r != -EBUSY || waited > ENDING_WAIT_NS ||
		    (waited > ALIVE_WAIT_NS &&
			ending_of((pid_t)*owner) == ENDING_NOT))
			return r;
		(void)nanosleep(&pause, NULL);
		while (ending_of((pid_t)*owner) == ENDING_SOON &&
		       mono_since(mono_now(), begin) <= ENDING_WAIT_NS)
			(void)nanosleep(&pause, NULL);
	}
}

static int
queues_prepare(struct rerouted *rr)
{
	struct nfq_opts opts = {
		.queue_length = (uint32_t)rr->conf->queue_length,
		.receive_buffer = (uint32_t)rr->conf->receive_buffer,
	};
	uint32_t owner = 0;
	int r = queues_open(rr, &opts, &owner);

	if (r == -EBUSY)
		log_error("judge",
		    "another program holds the queues pid=%u: nothing was "
		    "changed",
		    owner);
	else if (r == -EPERM)
		log_error("judge",
		    "the queues can't be bound: run as root, or with "
		    "CAP_NET_ADMIN");
	else if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		log_error("judge",
		    "the queues can't be bound: %s (ulimit -n, LimitNOFILE=)",
		    strerror(-r));
	else if (r < 0)
		log_error("judge",
		    "the queues can't be bound, the kernel needs "
		    "NETFILTER_NETLINK_QUEUE (modprobe nfnetlink_queue): %s",
		    strerror(-r));
	return r;
}

static int
judge_prepare(struct rerouted *rr)
{
	int r;

	rr->judge = judge_new((size_t)rr->conf->flows_max, &rr->stats);
	rr->tally = tally_new((size_t)rr->conf->processes_max, &rr->stats);
	rr->history = history_new((size_t)rr->conf->history);
	rr->names = names_new(NAMES_MAX, &rr->stats);
	if (rr->judge == NULL || rr->tally == NULL || rr->history == NULL ||
	    rr->names == NULL)
		return -ENOMEM;
	judge_set_names(rr->judge, rr->names);
	r = diag_open(&rr->diag);
	if (r == 0) {
		r = rerouted_rules_prepare(rr);
		if (r < 0)
			return r;
	} else {
		log_error(
		    "judge", "sockets can't be looked up: %s", strerror(-r));
		return r;
	}
	r = procfs_open(&rr->procfs, (size_t)rr->conf->processes_max);
	if (r < 0)
		log_error("judge", "/proc can't be read: %s", strerror(-r));
	return r;
}

static int
bytes_prepare(struct rerouted *rr)
{
	struct bytes_opts opts = { rr->base, rr->judge, rr->tally, &rr->stats };

	return bytes_ev_new(&rr->bytes_ev, &opts);
}

static void
firewall_seal(void *arg, bool ip4, bool ip6)
{
	const struct rerouted *rr = arg;

	attr_seal(rr->attr, ip4, ip6);
}

static int
attr_prepare(struct rerouted *rr)
{
	struct attr_opts opts = { .diag = rr->diag,
		.procfs = rr->procfs,
		.stats = &rr->stats,
		.bpf = rr->conf->bpf != 0,
		.queue = (uint64_t)rr->conf->queue_length };

	int r = attr_new(&rr->attr, &opts);

	if (r == 0)
		rr->fw.seal = firewall_seal;
	return r;
}

static int
control_prepare(struct rerouted *rr)
{
	const char *path = control_path(rr);
	int r;

	rr->env.conf = rr->conf;
	rr->env.fw = &rr->fw;
	rr->env.judge = rr->judge;
	rr->env.procfs = rr->procfs;
	rr->env.attr = rr->attr;
	rr->env.stats = &rr->stats;
	rr->env.tally = rr->tally;
	rr->env.history = rr->history;
	rr->env.bytes_ev = rr->bytes_ev;
	rr->env.resolver = rr->resolver;
	rr->env.qlog = rr->qlog;
	rr->env.policy_ev = rr->policy_ev;
	rr->env.list_ev = rr->list_ev;
	rr->env.started = mono_now();
	rr->env.rules_dir =
	    rr->opts->rules != NULL ? rr->opts->rules : LOAD_RULES_DEFAULT;
	r = ctl_ev_new(&rr->ctl, rr->base, path, &rr->env);
	if (r == -EADDRINUSE)
		log_error("control", "another daemon answers on %s", path);
	else if (r < 0)
		log_error("control", "%s: %s", path, strerror(-r));
	if (r == 0)
		privileges_ev_socket_made(rr->privileges);
	return r;
}

static json_t *
make_tunnel_end(const void *of, const struct json_time *at)
{
	return ctl_tunnel_end(of, at);
}

static void
tunnel_ended(void *arg, const struct port17_past *past)
{
	struct rerouted *rr = arg;
	struct ctl_event event = { .name = "tunnel",
		.row = { past->process, NULL, action_name(ACTION_REROUTE),
		    past->ended, &past->key },
		.make = make_tunnel_end,
		.of = past };

	if (rr->ctl != NULL)
		ctl_ev_publish(rr->ctl, &event, past->ended);
}

static int
port17_prepare(struct rerouted *rr)
{
	struct port17_ev_opts opts = {
		.base = rr->base,
		.judge = rr->judge,
		.nfq = rr->nfq,
		.attr = rr->attr,
		.diag = rr->diag,
		.procfs = rr->procfs,
		.stats = &rr->stats,
		.flows_max = (size_t)rr->conf->flows_max,
		.queue_length = (size_t)rr->conf->queue_length,
		.maker = netns_ev_maker(rr->netns),
		.state = rerouted_state(rr),
		.look_up = rerouted_look_up,
		.ended = tunnel_ended,
		.arg = rr,
	};
	int r = port17_ev_new(&rr->port17, &opts);

	rr->env.port17 = rr->port17;
	if (r == 0)
		r = port17_ev_set_conf(rr->port17, rr->conf);
	if (r == 0)
		r = rerouted_far_dns_prepare(rr);
	if (r < 0)
		log_error("port17",
		    "the entry for tunnels can't be prepared: %s",
		    strerror(-r));
	return r;
}

static int
judge_ev_prepare(struct rerouted *rr)
{
	struct judge_ev_opts opts = {
		.base = rr->base,
		.judge = rr->judge,
		.nfq = rr->nfq,
		.diag = rr->diag,
		.procfs = rr->procfs,
		.attr = rr->attr,
		.stats = &rr->stats,
		.judged = rerouted_flow_judged,
		.broken = rerouted_queues_broken,
		.route = packet_rerouted,
		.straight = sent_straight,
		.closed = socket_closed,
		.tell = tell_blocked,
		.is_own = socket_is_own,
		.arg = rr,
	};

	return judge_ev_new(&rr->judge_ev, &opts);
}

/* Whoever met it: not every part says so. */
static void
tell_lack(int r)
{
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		log_error("rerouted",
		    "the start failed: %s (ulimit -n, LimitNOFILE=, "
		    "MemoryMax=)",
		    strerror(-r));
}

/* One descriptor a cached process, and some for sockets. */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(
	    RLIMIT_NOFILE, &limit); /* the cache makes do with less */
}

int
rerouted_new(struct rerouted **ret, const struct rerouted_opts *opts,
    const struct conf *conf)
{
	struct rerouted *rr = calloc(1, sizeof(*rr));
	int r;

	if (rr == NULL)
		return -ENOMEM;
	raise_descriptors();
	rr->opts = opts;
	rr->conf = conf_ref(conf);
	fw_ev_init(&rr->fw, rr->conf, rerouted_firewall_done, rr);
	r = rerouted_loop_prepare(rr);
	if (r == 0)
		r = privileges_prepare(rr);
	if (r == 0)
		r = netns_ev_new(&rr->netns, rr->base, rr->conf);
	if (r == 0)
		r = judge_prepare(rr);
	/* before the control socket: a second daemon stops here */
	if (r == 0)
		r = queues_prepare(rr);
	if (r == 0)
		r = names_ev_new(
		    &rr->names_ev, rr->base, rr->names, rerouted_state(rr));
	if (r == 0)
		r = bytes_prepare(rr);
	if (r == 0)
		r = attr_prepare(rr);
	/* who sends is known from here on: who was not heard, and is gone,
	 * would be nobody */
	if (r == 0)
		r = nfq_start(rr->nfq);
	if (r == 0)
		r = rerouted_resolver_prepare(rr);
	if (r == 0)
		r = control_prepare(rr);
	if (r == 0)
		r = rerouted_watch_prepare(rr);
	if (r == 0)
		r = port17_prepare(rr);
	if (r == 0)
		r = judge_ev_prepare(rr);
	/* all is open; from here on threads are started */
	if (r == 0)
		r = privileges_ev_drop(rr->privileges);
	if (r == 0)
		r = judge_ev_became(rr->judge_ev);
	if (r < 0) {
		tell_lack(r);
		rerouted_free(rr);
		return r;
	}
	port17_ev_begin(rr->port17);
	*ret = rr;
	return 0;
}

/* Threads work on what is to be freed; those of Port17, of the resolver, who
 * asks for users, and who watches files, on what is theirs, and on a file
 * system or server that may not answer. */
static bool
is_busy(const struct rerouted *rr, mono_t began)
{
	return policy_ev_is_busy(rr->policy_ev) ||
	       list_ev_is_busy(rr->list_ev) || names_ev_is_busy(rr->names_ev) ||
	       bytes_ev_is_busy(rr->bytes_ev) || ctl_ev_is_busy(rr->ctl) ||
	       guard_ev_is_busy(rr->guard) ||
	       ((port17_ev_is_busy(rr->port17) ||
		    resolver_ev_is_busy(rr->resolver) ||
		    policy_ev_asks(rr->policy_ev) || watch_ev_any_is_busy()) &&
		   mono_since(mono_now(), began) < LEAVE_S * MONO_S);
}

/* Who asked for what may take long and is of no use any more is told so. */
static void
tell_leaving(struct rerouted *rr)
{
	resolver_ev_leave(rr->resolver);
	ctl_ev_leave(rr->ctl);
}

void
rerouted_free(struct rerouted *rr)
{
	static const struct timeval leave = { LEAVE_S, 0 };
	mono_t began = mono_now();

	if (rr == NULL)
		return;
	if (rr->base != NULL) /* so that the last wait has an end */
		(void)event_base_loopexit(rr->base, &leave);
	while (tell_leaving(rr), is_busy(rr, began))
		if (event_base_loop(rr->base, EVLOOP_ONCE) < 0)
			break;
	watch_ev_free(rr->watch);
	judge_ev_free(rr->judge_ev);
	resolver_ev_free(rr->resolver);
	far_dns_free(rr->far_dns);
	port17_ev_free(rr->port17);
	netns_ev_free(rr->netns);
	ctl_ev_free(rr->ctl);
	bytes_ev_free(rr->bytes_ev);
	guard_ev_free(rr->guard);
	policy_ev_free(rr->policy_ev);
	list_ev_free(rr->list_ev);
	nfq_close(rr->nfq);
	diag_close(rr->diag);
	judge_free(rr->judge);
	names_ev_free(rr->names_ev);
	names_free(rr->names);
	attr_free(rr->attr);
	tally_free(rr->tally);
	history_free(rr->history);
	qlog_free(rr->qlog);
	procfs_close(rr->procfs);
	if (rr->second != NULL)
		event_free(rr->second);
	if (rr->alive != NULL)
		event_free(rr->alive);
	for (size_t i = 0; i < sizeof(rr->signals) / sizeof(rr->signals[0]);
	     i++)
		if (rr->signals[i] != NULL)
			event_free(rr->signals[i]);
	privileges_ev_free(rr->privileges);
	rerouted_spare_close(rr);
	if (rr->base != NULL)
		event_base_free(rr->base);
	conf_unref(rr->conf);
	free(rr);
}
