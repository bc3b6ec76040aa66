#include "src/judge_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/closing_ev.h"
#include "src/core/mark.h"
#include "src/core/policy.h"
#include "src/judge_own.h"
#include "src/linux/ct.h"
#include "src/linux/diag.h"
#include "src/linux/machine.h"
#include "src/linux/nfq.h"
#include "src/linux/procfs.h"
#include "src/linux/route.h"

/* Conntrack keeps what speaks no longer for less (nf_conntrack_udp_timeout,
 * nf_conntrack_udp_timeout_stream: 30 and 120 s). */
#define DOUBT_NS (600 * MONO_S)

/* A packet does not wait for longer until its process is found: of time in
 * which it is looked for, of which each round is so much at most. A machine
 * that stands still looks for nobody. */
#define WAIT_NS (2 * MONO_S)
#define ROUND_NS (50 * MONO_MS)

/* Where too much was looked for lately it is tried again so much later. */
#define LATER_US 10000

/* Between two pieces of a sweep others are served. */
static const struct timeval sweep_gap = { 0, 10000 };

static void
note_policy(struct judge_ev *je)
{
	if (je->policy == judge_policy(je->opts.judge))
		return;
	je->policy = judge_policy(je->opts.judge);
	attr_tell_apart(je->opts.attr, policy_tells_starts(je->policy));
	je->doubt_end = mono_add(je->now, DOUBT_NS);
}

static void
note_looked(struct judge_ev *je)
{
	uint64_t ns = mono_since(je->now, je->last_look);

	je->looked = mono_add(je->looked, ns < ROUND_NS ? ns : ROUND_NS);
	je->last_look = je->now;
}

/* Where nobody is looked for, time for that has to be earned first. */
static void
look_soon(struct judge_ev *je)
{
	const struct timeval soon = { 0, je->looks_on ? 0 : LATER_US };

	if (je->looks_on || !event_pending(je->looking, EV_TIMEOUT, NULL))
		(void)event_add(je->looking, &soon); /* or with the next */
}

/* False when there is no room for more of them, or of that user. */
static bool
hold(struct judge_ev *je, const struct packet *pkt,
    const struct nfq_packet *raw, const struct socket_facts *sock, bool behind)
{
	struct waiting_packet packet = { .pkt = *pkt,
		.sock = *sock,
		.raw = *raw,
		.since = je->looked,
		.behind = behind };

	if (!waiting_put(&je->waiting, &packet))
		return false;
	je->opts.stats->processes_awaited++;
	look_soon(je);
	return true;
}

/* Behind the last packet that a connection sends the next one may have begun
 * already, with the same ends: that is not ended by it. */
static void
destroy_socket(struct judge_ev *je, const struct packet *pkt)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);
	bool may_be_next =
	    pkt->tuple.proto == IPPROTO_TCP && !pkt->in && !packet_is_syn(pkt);
	int r = may_be_next
		    ? diag_destroy_connected(je->opts.diag, &key, pkt->ifindex)
		    : diag_destroy(je->opts.diag, &key, pkt->ifindex);

	if (r == 0)
		je->opts.stats->sockets_destroyed++;
	else if (r != -ENOENT && r != -ENOTCONN)
		log_limited(LOG_LEVEL_WARNING, "judge",
		    "a blocked connection could not be ended, it will hang: "
		    "%s",
		    strerror(-r));
}

/* False where the verdict comes later. */
static bool
judge_one(struct judge_ev *je, const struct packet *pkt,
    const struct nfq_packet *raw, struct socket_facts *sock,
    struct verdict *ret)
{
	judge_ev_note_straight(je, pkt);
	if (judge_ev_is_orphan(je, pkt)) {
		judge_orphan(je->opts.judge, ret);
		return true;
	}
	if (judge_packet(je->opts.judge, pkt, je->now, ret) == JUDGE_DECIDED)
		return true;
	if (judge_ev_is_moved_answer(je, pkt, ret))
		return true;
	judge_ev_find_socket(je, pkt, raw, sock);
	/* what bpf says of a packet is known until the next one only */
	if (sock->by != BY_BPF && sock->inode != 0 &&
	    waiting_has(&je->waiting, sock->inode)) {
		if (hold(je, pkt, raw, sock, true))
			return false;
		judge_ev_refuse_unfound(je, -EAGAIN, ret);
		return true;
	}
	if (judge_socket(je->opts.judge, pkt, sock, je->now, ret) ==
		JUDGE_NEED_PROCESS &&
	    judge_ev_find_process(je, pkt, sock, ret) < 0) {
		if (hold(je, pkt, raw, sock, false))
			return false;
		judge_ev_refuse_unfound(je, -EAGAIN, ret);
	}
	return true;
}

/* Routing, and rules behind ours, may go by a mark that the packet had from
 * others: where it is accepted it goes on with that one. C17 saves that of what
 * goes out as it would save ours. What is to be judged again all the same
 * (once, and on loopback) gets ours; so does all that is denied or rerouted. */
static uint32_t
mark_of(const struct verdict *verdict, const struct packet *pkt, uint32_t had)
{
	const struct packet_tuple *t = &pkt->tuple;
	bool ping =
	    verdict->mark == MARK_ACCEPT && !pkt->in && !pkt->loopback &&
	    ((t->proto == IPPROTO_ICMP && pkt->icmp_type == ICMP_ECHO) ||
		(t->proto == IPPROTO_ICMPV6 &&
		    pkt->icmp_type == ICMP6_ECHO_REQUEST));

	if (mark_is_foreign(had) && (verdict->mark == MARK_ACCEPT_FLOW || ping))
		return had;
	return verdict->mark;
}

/* NAT is decided on a flow's first packet: one that was up before the policy
 * would go on as it was with any mark, or nowhere. Without its entry the next
 * packet begins it anew. True where it had one that leads past us; the first
 * packet of a flow has none yet. */
static bool
begins_anew(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, const struct verdict *verdict)
{
	struct flow_key key, reply;

	if (!verdict->new_flow || pkt->in || je->ct == NULL || sock->begins ||
	    (verdict->mark != MARK_NAMESERVER &&
		verdict->mark != MARK_PORT17) ||
	    !mono_before(je->now, je->doubt_end))
		return false;
	key = flow_key_of(&pkt->tuple, false);
	if (ct_reply(je->ct, &key, &reply, NULL) < 0 ||
	    !addr_equal(&reply.local, &key.remote) || reply.lport != key.rport)
		return false;
	(void)ct_delete_flow(je->ct, &key); /* dropped until it is gone */
	(void)ct_flush(je->ct);
	return true;
}

/* What is saved of it is for who has the socket, not for who may have the port
 * before he answers. And where conntrack has forgotten what a program here
 * began, so that the far end begins there, for that program alone: it is no
 * answer of whoever else has the socket by then. Of one that nobody knows the
 * socket has to do, or it could never answer. */
static void
note_heard(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, const struct verdict *verdict)
{
	const struct flow *flow = verdict->flow;

	if (pkt->in && pkt->tuple.proto == IPPROTO_UDP && flow != NULL &&
	    verdict->mark == MARK_ACCEPT_FLOW && sock->inode != 0)
		attr_heard(je->opts.attr, &flow->key,
		    flow->in || flow->process->kind != PROCESS_PROGRAM
			? sock->inode
			: 0,
		    judge_ev_answerer(je, flow));
}

/* The verdict, if it is given now. */
static void
give(struct judge_ev *je, const struct nfq_packet *raw,
    const struct packet *pkt, const struct socket_facts *sock,
    struct verdict *verdict)
{
	enum port17_route route = PORT17_GO;
	uint32_t mark;

	if (verdict->decision.reason == REASON_CAPTURE && verdict->new_flow)
		judge_ev_refuse_bound(je, pkt, sock, verdict);
	if (begins_anew(je, pkt, sock, verdict))
		route = PORT17_DROP;
	else if (verdict->decision.action == ACTION_REROUTE)
		route = je->opts.route(je->opts.arg, pkt, raw, sock, verdict);
	note_heard(je, pkt, sock, verdict);
	if (route == PORT17_HELD)
		return;
	mark =
	    route == PORT17_DROP ? MARK_DROP : mark_of(verdict, pkt, raw->mark);
	nfq_verdict(je->opts.nfq, raw->queue, raw->id, mark);
	judge_ev_note_others(je, pkt, sock, verdict, mark);
}

static void
conclude(struct judge_ev *je, const struct nfq_packet *raw,
    const struct packet *pkt, const struct socket_facts *sock,
    struct verdict *verdict)
{
	give(je, raw, pkt, sock, verdict);
	if (verdict->destroy || (verdict->decision.action == ACTION_BLOCK &&
				    judge_ev_refused(je, pkt, sock)))
		destroy_socket(je, pkt);
	nfq_flush_alone(je->opts.nfq); /* it goes on while that is written */
	if (verdict->new_flow && verdict->flow != NULL)
		je->opts.judged(je->opts.arg, verdict->flow, je->now);
}

static void
packet_cb(void *arg, const struct nfq_packet *raw)
{
	struct judge_ev *je = arg;
	struct socket_facts sock = { .status = SOCKET_NONE };
	struct verdict verdict;
	struct packet pkt;

	if (!judge_ev_read(je, raw, &pkt))
		return;
	judge_expect(je->opts.judge, &pkt);
	attr_hear(je->opts.attr);
	attr_sender(je->opts.attr, &pkt);
	pkt.on_link = judge_wants_link(&pkt) &&
		      route_is_on_link(&pkt.tuple.dst, pkt.ifindex);
	if (judge_one(je, &pkt, raw, &sock, &verdict))
		conclude(je, raw, &pkt, &sock, &verdict);
}

/* False while it still waits. */
static bool
look_on(void *arg, struct waiting_packet *packet)
{
	struct judge_ev *je = arg;
	struct verdict verdict;
	bool need = true;

	if (packet->behind)
		need = judge_socket(je->opts.judge, &packet->pkt, &packet->sock,
			   je->now, &verdict) == JUDGE_NEED_PROCESS;
	packet->behind = false;
	if (need && judge_ev_find_process(
			je, &packet->pkt, &packet->sock, &verdict) < 0) {
		if (mono_since(je->looked, packet->since) < WAIT_NS)
			return false;
		judge_ev_refuse_unfound(je, -EAGAIN, &verdict);
	}
	conclude(je, &packet->raw, &packet->pkt, &packet->sock, &verdict);
	return true;
}

/* In pieces, so that others are served meanwhile. */
static void
looking_cb(evutil_socket_t fd, short what, void *arg)
{
	struct judge_ev *je = arg;

	(void)fd;
	(void)what;
	je->now = mono_now();
	note_looked(je);
	je->looks_on = false;
	note_policy(je);
	attr_round(je->opts.attr, je->now);
	waiting_each(&je->waiting, look_on, je);
	nfq_flush(je->opts.nfq);
	if (je->waiting.n > 0)
		look_soon(je);
}

static void
sweep_soon(struct judge_ev *je)
{
	if (procfs_is_sweeping(je->opts.procfs) &&
	    !event_pending(je->sweeping, EV_TIMEOUT, NULL))
		(void)event_add(je->sweeping, &sweep_gap); /* or the next */
}

static void
sweeping_cb(evutil_socket_t fd, short what, void *arg)
{
	struct judge_ev *je = arg;

	(void)fd;
	(void)what;
	if (procfs_sweep(je->opts.procfs))
		sweep_soon(je);
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct judge_ev *je = arg;
	int r;

	(void)fd;
	(void)what;
	je->now = mono_now();
	je->looks_on = false;
	note_policy(je);
	attr_round(je->opts.attr, je->now);
	r = nfq_receive(je->opts.nfq, packet_cb, je);
	sweep_soon(je);
	if (r < 0) {
		event_del(je->readable);
		je->opts.broken(je->opts.arg, r);
	}
}

/* So much waits that there would be no room: as a rule it is taken when
 * packets come. */
static void
heard_cb(evutil_socket_t fd, short what, void *arg)
{
	struct judge_ev *je = arg;

	(void)fd;
	(void)what;
	attr_drain(je->opts.attr);
}

/* Whether NAT leads it to this daemon. */
static bool
is_led_here(const struct judge_ev *je, const struct flow_key *key)
{
	const struct flow *flow = flow_find(judge_flows(je->opts.judge), key);
	enum mark mark =
	    flow != NULL ? mark_encode(&flow->decision) : MARK_NONE;

	return mark == MARK_NAMESERVER || mark == MARK_PORT17;
}

/* NAT is decided with the first packet: the whole entry has to go. Where it
 * leads nowhere, and the same program goes on, what is decided again is all
 * that has to: without the entry an answer on its way would be the first packet
 * of another one, that begins outside. */
static void
taken_cb(void *arg, const struct flow_key *key, bool passed)
{
	struct judge_ev *je = arg;

	/* nor does it say anything that the entry is not there */
	if (memcmp(&je->led.key, key, sizeof(*key)) == 0)
		je->led.waits = false;
	if (!passed) {
		judge_ev_note_handed(je, key);
		je->opts.closed(je->opts.arg, key, true);
	}
	if (je->ct == NULL)
		return;
	if (passed && is_led_here(je, key)) {
		closing_ev_later(je->closing, key);
		return;
	}
	if (passed)
		(void)ct_clear_flow(je->ct, key); /* else it stays as it is */
	else
		(void)ct_delete_flow(je->ct, key); /* dropped until then */
	(void)ct_flush(je->ct);
}

static int
watch_attr(struct judge_ev *je)
{
	const struct closing_opts closing = { .base = je->opts.base,
		.judge = je->opts.judge,
		.attr = je->opts.attr,
		.diag = je->opts.diag,
		.ct = je->ct,
		.stats = je->opts.stats,
		.closed = je->opts.closed,
		.arg = je->opts.arg };
	int fds[ATTR_FDS];

	attr_watch(je->opts.attr, taken_cb, je);
	if (closing_ev_new(&je->closing, &closing) < 0)
		return -ENOMEM;
	attr_fds(je->opts.attr, fds);
	for (size_t i = 0; i < ATTR_FDS; i++) {
		if (fds[i] < 0)
			continue;
		je->heard[i] = event_new(
		    je->opts.base, fds[i], EV_READ | EV_PERSIST, heard_cb, je);
		if (je->heard[i] == NULL || event_add(je->heard[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

int
judge_ev_new(struct judge_ev **ret, const struct judge_ev_opts *opts)
{
	struct judge_ev *je = calloc(1, sizeof(*je));
	int r;

	if (je == NULL)
		return -ENOMEM;
	je->opts = *opts;
	je->lo = if_nametoindex("lo");
	je->began_as = geteuid();
	judge_ev_refused_init(je);
	(void)ct_open(&je->ct);			      /* judges without it */
	(void)machine_flows_dropped(&je->ct_dropped); /* else from 0 on */
	je->readable = event_new(opts->base, nfq_fd(opts->nfq),
	    EV_READ | EV_PERSIST, readable_cb, je);
	je->looking = evtimer_new(opts->base, looking_cb, je);
	je->sweeping = evtimer_new(opts->base, sweeping_cb, je);
	if (je->readable == NULL || je->looking == NULL ||
	    je->sweeping == NULL || event_add(je->readable, NULL) < 0 ||
	    watch_attr(je) < 0) {
		judge_ev_free(je);
		return -ENOMEM;
	}
	r = procfs_self(opts->procfs, &je->self);
	if (r < 0) {
		judge_ev_free(je);
		return r;
	}
	*ret = je;
	return 0;
}

/* What conntrack has no room for is never judged. */
static void
look_for_room(struct judge_ev *je)
{
	uint64_t was = je->ct_dropped;

	if (machine_flows_dropped(&je->ct_dropped) < 0 ||
	    je->ct_dropped <= was || !machine_flows_full())
		return;
	je->opts.stats->conntrack_full += je->ct_dropped - was;
	log_limited(LOG_LEVEL_WARNING, "judge",
	    "conntrack is full: the kernel drops what begins "
	    "(net.netfilter.nf_conntrack_max is how much it holds)");
}

void
judge_ev_second(struct judge_ev *je)
{
	look_for_room(je);
	attr_drain(je->opts.attr);
	sweep_soon(je); /* others ask for processes, too */
}

void
judge_ev_free(struct judge_ev *je)
{
	if (je == NULL)
		return;
	if (je->readable != NULL)
		event_free(je->readable);
	if (je->looking != NULL)
		event_free(je->looking);
	if (je->sweeping != NULL)
		event_free(je->sweeping);
	closing_ev_free(je->closing);
	attr_watch(je->opts.attr, NULL, NULL);
	for (size_t i = 0; i < ATTR_FDS; i++)
		if (je->heard[i] != NULL)
			event_free(je->heard[i]);
	judge_ev_forget_handed(je);
	process_unref(je->self);
	ct_close(je->ct);
	free(je);
}
