#include "src/port17_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port17/leg_ev.h"
#include "port17/listen_ev.h"
#include "port17/udp_ev.h"
#include "port17/inodes.h"
#include "src/base/log.h"
#include "src/core/fakeip.h"
#include "src/core/names.h"
#include "src/core/policy.h"
#include "src/fake_file.h"
#include "src/linux/ct.h"
#include "src/linux/diag.h"
#include "src/linux/icmp.h"
#include "src/linux/nfq.h"
#include "src/linux/procfs.h"
#include "src/port17_past.h"
#include "src/work_ev.h"

/* Between two look-ups of proxies that have a name. */
#define RESOLVE_S 60

struct port17_ev {
	struct port17_ev_opts opts;
	struct ct *ct;
	struct icmp_sender *icmp; /* NULL: programs are not told why */
	struct inodes *own;
	struct dialer *dialer;
	struct sessions *sessions;
	struct listener *listener;
	struct udp *udp;
	struct port17_pasts *pasts;
	struct fakeip *fakeip;
	struct fake_file *fake_file; /* NULL: they can't be kept */
	struct event *resolve;	     /* now and then */
	bool resolving;
};

/* What the judge knows ----------------------------------------------------- */

static bool
claim_tunnel(struct port17_ev *p17, struct claim *ret,
    const struct policy *policy, const struct decision *d)
{
	struct tunnel_set *set = dialer_tunnels(p17->dialer);
	const char *name = policy_tunnel(policy, d->tunnel);
	const struct policy_rule *rule = policy_rule_get(policy, d->rule);

	ret->tunnel =
	    name != NULL && set != NULL ? tunnel_set_find(set, name) : NULL;
	if (ret->tunnel == NULL)
		return false;
	ret->set = tunnel_set_ref(set);
	if (rule != NULL)
		(void)snprintf(ret->rule, sizeof(ret->rule), "%s:%u",
		    rule->file, rule->line); /* cut */
	return true;
}

/* What is kept of a name ends with its last byte. */
static void
copy_name(struct name *to, const struct name *from)
{
	to->len = from->len;
	memcpy(to->wire, from->wire, from->len);
}

static bool
claim_flow(struct port17_ev *p17, struct claim *ret, const struct flow *flow)
{
	memset(ret, 0, sizeof(*ret));
	if (flow == NULL || flow->decision.action != ACTION_REROUTE ||
	    flow->policy == NULL ||
	    !claim_tunnel(p17, ret, flow->policy, &flow->decision))
		return false;
	ret->process = process_ref(flow->process);
	/* the name that the rule goes by, else the one learnt last */
	if (flow->hosts != NULL) {
		uint8_t n = flow->decision.host;

		copy_name(&ret->name,
		    flow->hosts->v[n > 0 && n <= flow->hosts->n ? n - 1 : 0]);
	}
	return true;
}

/* A flow that the judge has forgotten, or never saw: it began before this
 * daemon did. */
static bool
claim_unseen(
    struct port17_ev *p17, struct claim *ret, const struct flow_key *key)
{
	struct socket_facts sock = { .status = SOCKET_NONE };
	const struct process *process = NULL;
	struct subject subject = {
		.proto = key->proto,
		.src = key->local,
		.dst = key->remote,
		.sport = key->lport,
		.dport = key->rport,
		.has_ports = true,
	};
	struct decision d;

	diag_find(p17->opts.diag, key, false, 0, &sock);
	if (sock.status != SOCKET_FOUND || sock.inode == 0 ||
	    procfs_owner(p17->opts.procfs, sock.inode, sock.uid, &process) < 0)
		return false;
	subject.process = process;
	d = policy_decide(judge_policy(p17->opts.judge), &subject);
	memset(ret, 0, sizeof(*ret));
	if (process->self || d.action != ACTION_REROUTE ||
	    !claim_tunnel(p17, ret, judge_policy(p17->opts.judge), &d)) {
		process_unref(process);
		return false;
	}
	ret->process = process;
	return true;
}

/* An address that stands for a name: only that counts. */
static void
claim_fake(struct port17_ev *p17, struct claim *ret, const struct flow_key *key)
{
	const struct name *name = fakeip_name(p17->fakeip, &key->remote);

	ret->by_name = fakeip_is(&key->remote);
	if (name != NULL)
		ret->name = *name;
}

static bool
claim_key(struct port17_ev *p17, struct claim *ret, const struct flow_key *key)
{
	if (!claim_flow(
		p17, ret, flow_find(judge_flows(p17->opts.judge), key)) &&
	    !claim_unseen(p17, ret, key))
		return false;
	claim_fake(p17, ret, key);
	return true;
}

/* Connections -------------------------------------------------------------- */

static void
accepted(void *arg, const struct flow_key *key, struct leg *leg_take)
{
	struct port17_ev *p17 = arg;
	struct claim claim;

	p17->opts.stats->port17_accepted++;
	if (sessions_join(p17->sessions, key, leg_take))
		return;
	if (claim_key(p17, &claim, key)) {
		sessions_accept(p17->sessions, key, leg_take, &claim);
		return;
	}
	p17->opts.stats->port17_strays++;
	leg_reset(leg_take);
}

static void
stray(void *arg, const struct flow_key *seen)
{
	struct port17_ev *p17 = arg;
	char peer[ADDR_STRLEN];

	p17->opts.stats->port17_strays++;
	log_limited(LOG_LEVEL_WARNING, "port17",
	    "a connection to the endpoint itself was reset: rules lead here, "
	    "programs can't, and no tunnel may (a loop) peer=%s port=%u",
	    addr_format(&seen->remote, peer), seen->rport);
}

static void
full(void *arg, int error)
{
	struct port17_ev *p17 = arg;

	p17->opts.stats->port17_full++;
	log_limited(LOG_LEVEL_WARNING, "port17", "connections have to wait: %s",
	    strerror(-error));
}

/* Held SYNs ---------------------------------------------------------------- */

static void
release(void *arg, const struct session *session, enum outcome outcome)
{
	struct port17_ev *p17 = arg;
	int error = outcome_errno(outcome);
	bool connected = outcome == OUTCOME_CONNECTED;

	if (!connected && outcome != OUTCOME_GONE && p17->icmp != NULL) {
		int r = icmp_tell(
		    p17->icmp, &session->key, session->tcp_seq, error);

		if (r < 0)
			log_limited(LOG_LEVEL_WARNING, "port17",
			    "a program could not be told that its connection "
			    "failed, it will hang: %s",
			    strerror(-r));
	}
	nfq_verdict(p17->opts.nfq, session->hold_queue, session->hold_id,
	    connected ? MARK_PORT17 : MARK_DROP);
	nfq_flush(p17->opts.nfq);
	if (connected)
		p17->opts.stats->port17_honest++;
	else
		p17->opts.stats->port17_refused++;
}

static void
log_end(const struct session *session, const struct session_end *end)
{
	char to[TARGET_STRLEN], exe[160], why[200];
	const struct target target = { .addr = session->key.remote,
		.port = session->key.rport,
		.name = session->claim.name };

	if (end->closed == CLOSED_DIAL)
		log_limited(LOG_LEVEL_INFO, "port17",
		    "no connection tunnel=%s to=%s outcome=%s reason=%s "
		    "exe=%s dial_ms=%u",
		    session->claim.tunnel->name, target_format(&target, to),
		    outcome_name(end->outcome),
		    log_quote(end->why, why, sizeof(why)),
		    log_quote(session->claim.process->exe, exe, sizeof(exe)),
		    session->dial_ms);
	else
		log_debug("port17",
		    "closed tunnel=%s to=%s reason=%s up=%llu down=%llu "
		    "exe=%s",
		    session->claim.tunnel->name, target_format(&target, to),
		    closed_name(end->closed), (unsigned long long)end->bytes.up,
		    (unsigned long long)end->bytes.down,
		    log_quote(session->claim.process->exe, exe, sizeof(exe)));
}

static void
remember(struct port17_ev *p17, struct port17_past *past,
    const struct claim *claim, const struct tunnel *via)
{
	memcpy(past->tunnel, claim->tunnel->name, sizeof(past->tunnel));
	if (via != NULL)
		memcpy(past->via, via->name, sizeof(past->via));
	past->process = process_ref(claim->process);
	past->ended = mono_now();
	if (p17->opts.ended != NULL)
		p17->opts.ended(p17->opts.arg, past);
}

static void
ended(void *arg, const struct session *session, const struct session_end *end)
{
	struct port17_ev *p17 = arg;

	struct port17_past *past = port17_pasts_put(p17->pasts, &session->key);

	log_end(session, end);
	if (past == NULL)
		return;
	past->up = end->bytes.up;
	past->down = end->bytes.down;
	past->dial_ms = session->dial_ms;
	past->closed = end->closed;
	past->outcome = end->outcome;
	(void)snprintf(past->why, sizeof(past->why), "%s", end->why);
	remember(p17, past, &session->claim, session->via);
}

/* Datagrams ---------------------------------------------------------------- */

static bool
udp_claim(void *arg, const struct flow_key *key, struct claim *ret)
{
	return claim_key(arg, ret, key);
}

/* The program is told as if nobody listened; and its next packet is judged
 * anew, by what is known of the tunnel then. */
static void
udp_refuse(void *arg, const struct flow_key *seen, const struct flow_key *key)
{
	struct port17_ev *p17 = arg;
	/* the error quotes the packet as it came to the endpoint: the kernel
	 * turns that back, too */
	struct flow_key quoted = *seen;

	quoted.local = seen->remote;
	quoted.lport = seen->rport;
	quoted.remote = seen->local;
	quoted.rport = seen->lport;
	p17->opts.stats->port17_refused++;
	if (p17->icmp != NULL)
		(void)icmp_tell(p17->icmp, &quoted, 0, ECONNREFUSED);
	judge_forget_key(p17->opts.judge, key);
	if (ct_delete_flow(p17->ct, key) == 0)
		(void)ct_flush(p17->ct); /* else it ends by itself */
}

static void
udp_ended(void *arg, const struct udp_flow *flow, enum closed closed)
{
	struct port17_ev *p17 = arg;
	struct port17_past *past = port17_pasts_put(p17->pasts, &flow->nat.key);
	char to[ADDR_STRLEN];

	if (past != NULL) {
		past->up = flow->up;
		past->down = flow->down;
		past->closed = closed;
		past->outcome = OUTCOME_UNSUPPORTED;
		remember(p17, past, &flow->claim, flow->via);
	}
	log_debug("port17",
	    "closed tunnel=%s proto=udp to=%s port=%u reason=%s up=%llu "
	    "down=%llu",
	    flow->claim.tunnel->name, addr_format(&flow->nat.key.remote, to),
	    flow->nat.key.rport, closed_name(closed),
	    (unsigned long long)flow->up, (unsigned long long)flow->down);
}

/* Verdicts ----------------------------------------------------------------- */

static bool
is_bound(
    struct port17_ev *p17, const struct packet *pkt, const struct flow_key *key)
{
	uint32_t device = 0;

	return diag_device(p17->opts.diag, key, pkt->ifindex, &device) == 0 &&
	       device != 0;
}

/* UDP that conntrack knows already keeps the NAT that it began with, or none:
 * it has to begin again. True where that is so. */
static bool
is_direct_still(struct port17_ev *p17, const struct flow_key *key)
{
	struct flow_key reply;
	uint32_t mark;

	if (ct_reply(p17->ct, key, &reply, &mark) < 0 ||
	    (addr_is_loopback(&reply.local) && reply.lport == PORT17_PORT))
		return false;
	if (ct_delete_flow(p17->ct, key) < 0 || ct_flush(p17->ct) < 0)
		log_limited(LOG_LEVEL_WARNING, "port17",
		    "conntrack keeps a flow that is to be rerouted: it is "
		    "dropped");
	return true;
}

static enum port17_route
route_udp(struct port17_ev *p17, const struct tunnel *tunnel,
    const struct flow_key *key, struct verdict *verdict)
{
	if (tunnel->udp == TUNNEL_UDP_DROP) {
		judge_refuse(
		    p17->opts.judge, ACTION_DROP, REASON_TUNNEL_UDP, verdict);
		return PORT17_GO;
	}
	if (!dialer_carries_udp(p17->dialer, tunnel, mono_now())) {
		judge_refuse(
		    p17->opts.judge, ACTION_BLOCK, REASON_TUNNEL_UDP, verdict);
		return PORT17_GO;
	}
	return is_direct_still(p17, key) ? PORT17_DROP : PORT17_GO;
}

static enum port17_route
route_tcp(struct port17_ev *p17, struct claim *claim, const struct packet *pkt,
    const struct nfq_packet *raw)
{
	struct session_hold hold = {
		.key = flow_key_of(&pkt->tuple, pkt->in),
		.tcp_seq = pkt->tcp_seq,
		.id = raw->id,
		.queue = raw->queue,
	};

	if (!packet_is_syn(pkt) || !claim->tunnel->honest)
		return PORT17_GO;
	if (sessions_hold(p17->sessions, &hold, claim) < 0) {
		/* too many wait: it is connected first, and dialled then */
		p17->opts.stats->port17_not_held++;
		return PORT17_GO;
	}
	memset(claim, 0, sizeof(*claim)); /* taken */
	return PORT17_HELD;
}

enum port17_route
port17_ev_route(struct port17_ev *p17, const struct packet *pkt,
    const struct nfq_packet *raw, struct verdict *verdict)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);
	enum port17_route route;
	struct claim claim;

	if (verdict->flow == NULL)
		return PORT17_DROP; /* it could not be found again */
	if (pkt->tuple.proto == IPPROTO_TCP &&
	    sessions_is_held(p17->sessions, &key) && !verdict->new_flow)
		return PORT17_DROP;
	if (!verdict->new_flow)
		return PORT17_GO;
	if (is_bound(p17, pkt, &key)) {
		judge_refuse(
		    p17->opts.judge, ACTION_BLOCK, REASON_BOUND, verdict);
		/* the error that REJECT sends comes by lo, and does not reach
		 * a socket of another device */
		verdict->destroy = pkt->tuple.proto == IPPROTO_TCP;
		return PORT17_GO;
	}
	if (!claim_flow(p17, &claim, verdict->flow)) {
		judge_refuse(
		    p17->opts.judge, ACTION_BLOCK, REASON_NO_PORT17, verdict);
		return PORT17_GO;
	}
	claim_fake(p17, &claim, &key);
	if (pkt->tuple.proto == IPPROTO_UDP)
		route = route_udp(p17, claim.tunnel, &key, verdict);
	else
		route = route_tcp(p17, &claim, pkt, raw);
	claim_done(&claim);
	return route;
}

/* Proxies that have a name ------------------------------------------------- */

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

bool
port17_ev_is_busy(const struct port17_ev *p17)
{
	return p17 != NULL && p17->resolving;
}

/* Addresses that stand for names ------------------------------------------- */

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

enum port17_name
port17_ev_name(struct port17_ev *p17, const char *tunnel,
    const struct name *name, enum addr_family family, struct addr *ret)
{
	const struct tunnel_set *set = dialer_tunnels(p17->dialer);
	const struct tunnel *t = tunnel_set_find(set, tunnel);
	bool new = false;

	if (t == NULL || t->dns == TUNNEL_DNS_LOCAL)
		return PORT17_NAME_HERE;
	/* a direct way has nobody at its far side who would resolve */
	if (!all_resolve_names(set, t))
		return PORT17_NAME_NONE;
	*ret = (struct addr){ .family = ADDR_NONE };
	if (family == ADDR_NONE)
		return PORT17_NAME_FAKE;
	if (fakeip_get(p17->fakeip, name, family, ret, &new) < 0)
		return PORT17_NAME_NONE;
	if (new)
		fake_file_add(p17->fake_file, p17->fakeip, name);
	return PORT17_NAME_FAKE;
}

/* All of it ---------------------------------------------------------------- */

bool
port17_ev_is_own(const struct port17_ev *p17, uint64_t inode)
{
	return inodes_has(p17->own, inode);
}

void
port17_ev_moved(struct port17_ev *p17, const struct flow_key *key)
{
	if (key->proto == IPPROTO_TCP)
		sessions_abort(p17->sessions, key, CLOSED_POLICY);
	else
		udp_abort(p17->udp, key);
}

const struct sessions *
port17_ev_sessions(const struct port17_ev *p17)
{
	return p17->sessions;
}

const struct udp *
port17_ev_udp(const struct port17_ev *p17)
{
	return p17->udp;
}

const struct port17_pasts *
port17_ev_pasts(const struct port17_ev *p17)
{
	return p17->pasts;
}

struct dialer *
port17_ev_dialer(struct port17_ev *p17)
{
	return p17->dialer;
}

int
port17_ev_set_conf(struct port17_ev *p17, const struct conf *conf)
{
	static const struct timeval soon = { 0, 0 };
	struct tunnel_set *set = tunnel_set_new(conf);

	if (set == NULL)
		return -ENOMEM;
	dialer_set_tunnels(p17->dialer, set);
	tunnel_set_unref(set);
	/* when the loop runs: the resolver may be this daemon */
	(void)event_add(p17->resolve, &soon);
	return 0;
}

static int
open_parts(struct port17_ev *p17)
{
	const struct port17_ev_opts *opts = &p17->opts;
	struct dialer_opts dialer = { opts->base, p17->own };
	struct sessions_opts sessions = {
		.base = opts->base,
		.max = opts->flows_max,
		.release = release,
		.ended = ended,
		.arg = p17,
	};
	struct listener_opts listener = {
		.base = opts->base,
		.accepted = accepted,
		.stray = stray,
		.full = full,
		.arg = p17,
	};
	struct udp_opts udp = {
		.base = opts->base,
		.own = p17->own,
		.max = opts->flows_max,
		.claim = udp_claim,
		.refuse = udp_refuse,
		.ended = udp_ended,
		.stray = stray,
		.arg = p17,
	};
	int r = ct_open(&p17->ct);

	if (r == 0)
		r = dialer_new(&p17->dialer, &dialer);
	if (r < 0)
		return r;
	sessions.dialer = p17->dialer;
	listener.ct = p17->ct;
	r = sessions_new(&p17->sessions, &sessions);
	if (r == 0)
		r = listener_new(&p17->listener, &listener);
	udp.dialer = p17->dialer;
	udp.ct = p17->ct;
	if (r == 0)
		r = udp_new(&p17->udp, &udp);
	return r;
}

int
port17_ev_new(struct port17_ev **ret, const struct port17_ev_opts *opts)
{
	struct port17_ev *p17 = calloc(1, sizeof(*p17));
	int r;

	if (p17 == NULL)
		return -ENOMEM;
	p17->opts = *opts;
	p17->own = inodes_new();
	p17->pasts = port17_pasts_new();
	p17->fakeip = fakeip_new();
	if (p17->fakeip != NULL)
		p17->fake_file = fake_file_open(opts->state, p17->fakeip);
	p17->resolve = event_new(opts->base, -1, 0, resolve_cb, p17);
	r = p17->resolve != NULL && p17->own != NULL && p17->pasts != NULL &&
		    p17->fakeip != NULL
		? open_parts(p17)
		: -ENOMEM;
	if (r < 0) {
		port17_ev_free(p17);
		return r;
	}
	r = icmp_open(&p17->icmp);
	if (r < 0)
		log_warning("port17",
		    "programs can't be told why a connection failed: %s",
		    strerror(-r));
	*ret = p17;
	return 0;
}

void
port17_ev_free(struct port17_ev *p17)
{
	if (p17 == NULL)
		return;
	if (p17->resolve != NULL)
		event_free(p17->resolve);
	listener_free(p17->listener);
	udp_free(p17->udp);
	sessions_free(p17->sessions);
	dialer_free(p17->dialer);
	inodes_free(p17->own);
	port17_pasts_free(p17->pasts);
	fake_file_close(p17->fake_file);
	fakeip_free(p17->fakeip);
	icmp_close(p17->icmp);
	ct_close(p17->ct);
	free(p17);
}
