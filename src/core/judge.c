#include "src/core/judge.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/hits.h"
#include "src/core/judge_own.h"
#include "src/core/lists.h"
#include "src/core/policy.h"

struct judge *
judge_new(size_t flows_max, struct stats *stats)
{
	struct judge *judge = calloc(1, sizeof(*judge));

	if (judge == NULL)
		return NULL;
	judge->stats = stats;
	judge->flows = flow_table_new(flows_max);
	judge->kernel = process_new(PROCESS_KERNEL);
	judge->unknown = process_new(PROCESS_UNKNOWN);
	if (judge->flows == NULL || judge->kernel == NULL ||
	    judge->unknown == NULL) {
		judge_free(judge);
		return NULL;
	}
	return judge;
}

void
judge_free(struct judge *judge)
{
	if (judge == NULL)
		return;
	flow_table_free(judge->flows);
	policy_unref(judge->policy);
	hits_free(judge->hits);
	for (size_t i = 0; i < JUDGE_USERS; i++)
		process_unref(judge->users[i]);
	for (size_t i = 0; i < judge->capture.n_servers; i++)
		process_unref(judge->capture.servers[i]);
	process_unref(judge->kernel);
	process_unref(judge->unknown);
	free(judge);
}

void
judge_set_names(struct judge *judge, struct names *names)
{
	judge->names = names;
}

void
judge_set_policy(struct judge *judge, const struct policy *policy,
    struct hits *hits_take, mono_t now)
{
	const struct policy *old = judge->policy;
	struct hits *counted = judge->hits;

	judge->policy = policy_ref(policy);
	policy_unref(old);
	judge->hits = hits_take;
	if (hits_take != NULL)
		hits_carry(hits_take, counted, now);
	hits_free(counted);
}

void
judge_count(struct judge *judge, uint32_t rule, mono_t now)
{
	if (judge->hits != NULL)
		hits_count(judge->hits, rule, now);
}

const struct hits *
judge_hits(const struct judge *judge)
{
	return judge->hits;
}

const struct flow_table *
judge_flows(const struct judge *judge)
{
	return judge->flows;
}

void
judge_closed(struct judge *judge, uint64_t inode, mono_t when)
{
	flow_closed(judge->flows, inode, when);
}

const struct flow *
judge_closed_next(struct judge *judge)
{
	return flow_closed_next(judge->flows);
}

const struct policy *
judge_policy(const struct judge *judge)
{
	return judge->policy;
}

/* Fills the verdict and counts it: each packet passes here once. */
static enum judge_step
decide(struct judge *judge, const struct decision *d, struct verdict *ret)
{
	switch (d->action) {
	case ACTION_ACCEPT:
		judge->stats->accepted++;
		break;
	case ACTION_BLOCK:
		judge->stats->blocked++;
		break;
	case ACTION_DROP:
		judge->stats->dropped++;
		break;
	case ACTION_REROUTE:
		judge->stats->rerouted++;
		break;
	}
	memset(ret, 0, sizeof(*ret));
	ret->decision = *d;
	ret->mark = mark_encode(d);
	return JUDGE_DECIDED;
}

static enum judge_step
decide_once(struct judge *judge, enum action action, enum reason reason,
    struct verdict *ret)
{
	struct decision d = {
		.action = action, .reason = reason, .once = true
	};

	return decide(judge, &d, ret);
}

void
judge_malformed(struct judge *judge, int fault, struct verdict *ret)
{
	bool fragment = fault == -ENOMSG;

	if (fragment)
		judge->stats->fragments++;
	else
		judge->stats->malformed++;
	decide_once(judge, ACTION_DROP,
	    fragment ? REASON_FRAGMENT : REASON_MALFORMED, ret);
}

void
judge_failure(struct judge *judge, struct verdict *ret)
{
	judge->stats->failures++;
	decide_once(judge, ACTION_DROP, REASON_FAILURE, ret);
}

void
judge_orphan(struct judge *judge, struct verdict *ret)
{
	decide_once(judge, ACTION_DROP, REASON_MID_FLOW, ret);
}

/* On loopback the sender's side accepts for one packet, so that the receiver is
 * asked too, whose verdict then covers the flow. */
static void
set_once(struct decision *d, bool once, const struct packet *pkt)
{
	d->once =
	    once || (pkt->loopback && !pkt->in && d->action == ACTION_ACCEPT);
}

/* Whether a connection is to be ended; what it is told with then comes to us
 * like any packet of it. */
static bool
ends_connection(const struct packet *pkt, struct flow *flow)
{
	if (flow->decision.action != ACTION_BLOCK ||
	    pkt->tuple.proto != IPPROTO_TCP || packet_is_syn(pkt))
		return false;
	flow->reset = flow->in && pkt->in;
	return true;
}

/* A flow decided before gives its verdict again. */
static enum judge_step
repeat(struct judge *judge, const struct packet *pkt, struct flow *flow,
    mono_t now, struct verdict *ret)
{
	flow_touch(judge->flows, flow, now);
	flow->packets++;
	judge->stats->flows_repeat++;
	set_once(&flow->decision, flow->once, pkt);
	decide(judge, &flow->decision, ret);
	ret->flow = flow;
	ret->destroy = ends_connection(pkt, flow);
	return JUDGE_DECIDED;
}

void
judge_expect(const struct judge *judge, const struct packet *pkt)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);

	flow_expect(judge->flows, &key);
}

enum judge_step
judge_packet(struct judge *judge, const struct packet *pkt, mono_t now,
    struct verdict *ret)
{
	enum reason reason;
	struct flow_key key;
	struct flow *flow;

	/* 3. what a host needs to be on the network at all */
	if (judge_host(judge, pkt, &reason))
		return decide_once(judge, ACTION_ACCEPT, reason, ret);
	key = flow_key_of(&pkt->tuple, pkt->in);
	flow = flow_find(judge->flows, &key);
	if (flow == NULL || !judge_is_current(judge, flow, now))
		return JUDGE_NEED_SOCKET;
	if (judge_takes_reset(pkt, flow))
		return decide_once(
		    judge, ACTION_ACCEPT, flow->decision.reason, ret);
	if (judge_is_certain(pkt, flow) || judge_is_second_time(pkt, flow))
		return repeat(judge, pkt, flow, now, ret);
	return JUDGE_NEED_SOCKET;
}

bool
judge_answer(struct judge *judge, const struct packet *pkt,
    const struct flow_key *of, mono_t now, struct verdict *ret)
{
	struct flow *flow = flow_find(judge->flows, of);

	if (flow == NULL || flow->in || !flow->loopback ||
	    flow->decision.action != ACTION_ACCEPT ||
	    !judge_is_current(judge, flow, now))
		return false;
	repeat(judge, pkt, flow, now, ret);
	return true;
}

enum judge_step
judge_socket(struct judge *judge, const struct packet *pkt,
    const struct socket_facts *sock, mono_t now, struct verdict *ret)
{
	const struct socket_facts stranger = { .status = SOCKET_NONE,
		.forgotten = sock->forgotten };
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);
	struct socket_facts left = *sock;
	struct flow *flow;

	switch (sock->status) {
	case SOCKET_FAILED:
		judge->stats->sockets_failed++;
		judge_failure(judge, ret);
		return JUDGE_DECIDED;
	case SOCKET_NONE:
		judge->stats->sockets_none++;
		break;
	case SOCKET_FOUND:
		judge->stats->sockets_found++;
		break;
	}
	/* sent by another user than the socket's: sock_diag named a neighbour
	 * on the same port (SO_REUSEADDR), or a raw socket borrowed the ports.
	 * Better unknown than somebody else */
	if (!pkt->in && pkt->has_uid && sock->status == SOCKET_FOUND &&
	    sock->inode != 0 && sock->uid != pkt->uid) {
		judge->stats->unknown_stranger++;
		judge_process(judge, pkt, &stranger, NULL, now, ret);
		return JUDGE_DECIDED;
	}
	flow = flow_find(judge->flows, &key);
	if (flow != NULL && judge_is_current(judge, flow, now) &&
	    judge_is_same_socket(pkt, flow, sock))
		return repeat(judge, pkt, flow, now, ret);
	if (judge_is_late(judge, pkt, flow, sock, now)) {
		judge_orphan(judge, ret);
		return JUDGE_DECIDED;
	}
	if (sock->status == SOCKET_FOUND && sock->inode != 0)
		return JUDGE_NEED_PROCESS;
	if (judge_is_left(judge, pkt, flow, sock)) {
		left.inode = flow->inode;
		left.by = flow->by;
		judge_process(judge, pkt, &left, flow->process, now, ret);
	} else {
		judge_process(judge, pkt, sock, NULL, now, ret);
	}
	return JUDGE_DECIDED;
}

struct decision
judge_ask(const struct judge *judge, const struct subject *subject)
{
	struct decision d;

	/* 4. our own sockets: judged, they would wait for themselves */
	if (subject->process->self)
		return (struct decision){ .action = ACTION_ACCEPT,
			.reason = REASON_SELF };
	/* 5. policy */
	d = policy_decide(judge->policy, subject);
	/* 6. stray queries */
	return judge_capture(judge, subject, &d);
}

const struct host_names *
judge_hosts(const struct judge *judge, const struct process *proc,
    const struct addr *addr, mono_t now)
{
	if (judge->names == NULL)
		return NULL;
	return names_lookup(judge->names, proc, addr, now);
}

/* What the other side is called; what is told of 127.0.0.1 is mostly a name
 * that is blocked. */
static const struct host_names *
find_hosts(const struct judge *judge, const struct packet *pkt,
    const struct process *proc, mono_t now)
{
	if (pkt->loopback)
		return NULL;
	return judge_hosts(
	    judge, proc, pkt->in ? &pkt->tuple.src : &pkt->tuple.dst, now);
}

static struct decision
ask_packet(const struct judge *judge, const struct packet *pkt, bool in,
    const struct process *proc, const struct host_names *hosts)
{
	const struct packet_tuple *t = &pkt->tuple;
	bool turn = in != pkt->in; /* the packet at hand is an answer */
	struct subject subject = {
		.in = in,
		.loopback = pkt->loopback,
		.proto = t->proto,
		.src = turn ? t->dst : t->src,
		.dst = turn ? t->src : t->dst,
		.sport = turn ? t->dport : t->sport,
		.dport = turn ? t->sport : t->dport,
		.has_ports = t->has_ports,
		.n_names = hosts != NULL ? hosts->n : 0,
		.names = hosts != NULL ? hosts->v : NULL,
		.process = proc,
	};

	return judge_ask(judge, &subject);
}

/* Keeps the decision. True if the flow is new, or was decided otherwise. */
static bool
flow_record(struct judge *judge, struct flow *flow, const struct packet *pkt,
    const struct socket_facts *sock, const struct process *proc,
    const struct decision *d)
{
	bool changed = flow->over || flow->process == NULL ||
		       flow->inode != sock->inode ||
		       flow->process->kind != proc->kind ||
		       flow->decision.action != d->action ||
		       flow->decision.rule != d->rule;

	flow->over = false;
	flow->in = judge_begun_outside(judge, pkt, sock); /* by what it was */
	flow->loopback = pkt->loopback;
	flow->has_ports = pkt->tuple.has_ports;
	flow->decision = *d;
	flow_set_socket(judge->flows, flow, sock->inode);
	flow->by = judge_by(sock, proc);
	if (sock->user != 0 || changed)
		flow->user = sock->user;
	flow->tcp_syn = packet_is_syn(pkt);
	if (flow->tcp_syn) {
		changed = changed || flow->tcp_seq != pkt->tcp_seq;
		flow->tcp_seq = pkt->tcp_seq;
	}
	flow_set_process(flow, proc);
	flow_set_policy(flow, judge->policy);
	if (changed) {
		flow->first = flow->last;
		flow->packets = 0;
		flow->counted = false;
	}
	flow->packets++;
	return changed;
}

/* Of a flow that went through a tunnel before any packet may be the first that
 * is seen by a new policy, or after conntrack was flushed. */
static struct judge_way
way_of(const struct judge *judge, const struct packet *pkt, bool in,
    const struct socket_facts *sock)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);
	const struct flow *flow = flow_find(judge->flows, &key);
	bool carried = flow != NULL && sock->inode != 0 &&
		       flow->inode == sock->inode &&
		       flow->decision.action == ACTION_REROUTE;

	return (struct judge_way){
		.in = in,
		.loopback = pkt->loopback,
		.first = carried || (pkt->tuple.proto == IPPROTO_TCP
					    ? judge_opens(pkt, sock)
					    : !pkt->in),
		.proto = pkt->tuple.proto,
		.dst = pkt->in ? &pkt->tuple.src : &pkt->tuple.dst,
	};
}

/* What conntrack keeps outlives the packet: where no socket stands behind it
 * (a knock on a closed port, a program that is gone), the next one that has
 * these ports must be judged itself. A connection that a rule of others
 * (TPROXY) brings to a transparent proxy has a socket, which is not to be found
 * by the packet's ends. */
static bool
is_nobodys(const struct packet *pkt, const struct socket_facts *sock)
{
	return pkt->tuple.has_ports && sock->status == SOCKET_NONE &&
	       !(pkt->in && pkt->has_uid && packet_is_syn(pkt));
}

static void
count_flow(struct judge *judge, const struct verdict *verdict, mono_t now)
{
	const struct decision *d = &verdict->decision;

	if (!verdict->new_flow)
		return;
	judge->stats->flows_new++;
	if (judge->hits != NULL)
		hits_count(judge->hits, d->rule, now);
	if (d->list != 0)
		list_index_hit(policy_list_index(judge->policy, d->list));
}

void
judge_process(struct judge *judge, const struct packet *pkt,
    const struct socket_facts *sock, const struct process *proc, mono_t now,
    struct verdict *ret)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);
	bool evicted, once, begun_in = judge_begun_outside(judge, pkt, sock);
	struct judge_way way = way_of(judge, pkt, begun_in, sock);
	bool fake = judge_to_fake(judge, &way);
	const struct host_names *hosts;
	struct decision d;
	struct flow *flow;

	if (proc == NULL && judge_is_bequest(judge, sock)) {
		judge_orphan(judge, ret);
		/* it would be said again, also when the rules are gone */
		ret->destroy = sock->status == SOCKET_FOUND;
		return;
	}
	if (proc == NULL)
		proc = judge_nobody(judge, pkt, sock);
	judge_count_process(judge->stats, proc, judge_by(sock, proc));
	hosts = fake ? judge_fake_hosts(judge, &way, now)
		     : find_hosts(judge, pkt, proc, now);
	d = judge_route(ask_packet(judge, pkt, begun_in, proc, hosts), &way);
	if (fake)
		d = judge_fake(d, hosts != NULL);
	once =
	    d.once || judge_is_icmp(pkt->tuple.proto) || is_nobodys(pkt, sock);
	set_once(&d, once, pkt);
	decide(judge, &d, ret);
	ret->destroy = d.action == ACTION_BLOCK &&
		       pkt->tuple.proto == IPPROTO_TCP && !packet_is_syn(pkt) &&
		       sock->status == SOCKET_FOUND;
	flow = flow_get(judge->flows, &key, now, &evicted);
	judge->stats->flows_evicted += evicted;
	if (flow == NULL) {
		judge->stats->flows_nomem++; /* judged, but not remembered */
	} else {
		ret->flow = flow;
		ret->new_flow = flow_record(judge, flow, pkt, sock, proc, &d);
		flow->once = once;
		flow->nobodys = is_nobodys(pkt, sock);
		flow->reset = ret->destroy && flow->in;
		flow_set_hosts(flow, hosts);
		count_flow(judge, ret, now);
	}
	if (fake)
		host_names_unref(hosts);
}
