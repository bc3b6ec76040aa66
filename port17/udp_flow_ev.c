#include "port17/udp_own.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "port17/listen_ev.h"

#define SWEEP_MS 1000
/* After so long without a word of the program's its port may be another flow's:
 * conntrack, whose time-outs others set, to a second at least, is asked again.
 */
#define DOUBT_NS (100 * MONO_MS)

void
udp_flush(struct udp *udp)
{
	udp->counters.dropped += dgram_out_flush(udp->out);
}

/* Ends --------------------------------------------------------------------- */

void
udp_flow_end(struct udp *udp, struct udp_flow *flow, enum closed closed)
{
	struct tunnel_state *state =
	    flow->via != NULL ? dialer_state(udp->opts.dialer, flow->via->name)
			      : NULL;
	const struct udp_end end = { closed, &udp->ways.error };

	if (state != NULL) {
		state->up += flow->up;
		state->down += flow->down;
	}
	udp->opts.ended(udp->opts.arg, flow, &end);
	udp_way_leave(&udp->ways, flow);
	udp->counters.dropped += dgram_kept_done(&flow->kept);
	udpnat_remove(&udp->nat, &flow->nat);
	list_remove(&flow->all);
	list_remove(&flow->closed);
	claim_done(&flow->claim);
	free(flow);
}

static struct flow_key
seen_by(const struct entry *entry, const struct addr *peer, uint16_t port)
{
	struct flow_key seen;

	memset(&seen, 0, sizeof(seen)); /* hashed with its padding */
	seen.proto = IPPROTO_UDP;
	seen.local = entry->addr;
	seen.lport = PORT17_PORT;
	seen.remote = *peer;
	seen.rport = port;
	return seen;
}

void
udp_flow_refuse(struct udp *udp, struct udp_flow *flow, enum closed closed)
{
	struct flow_key key = flow->nat.key;
	struct flow_key seen = udp_flow_seen(flow);
	bool lost = flow->lost;

	udp_flow_end(udp, flow, closed);
	if (!lost) /* else who has its port would hear it */
		udp->opts.refuse(udp->opts.arg, &seen, &key);
}

/* As any host would: whoever sends on is not judged anew for it, and opens no
 * other socket. */
void
udp_flow_unheard(struct udp *udp, struct udp_flow *flow)
{
	struct flow_key seen = udp_flow_seen(flow);

	flow->refused = true;
	if (!flow->lost) /* else who has its port would hear it */
		udp->opts.unheard(udp->opts.arg, &seen);
}

void
udp_flow_too_large(struct udp *udp, const struct udp_flow *flow)
{
	struct flow_key seen = udp_flow_seen(flow);

	if (!flow->lost) /* else who has its port would hear it */
		udp->opts.too_large(udp->opts.arg, &seen);
}

static struct udp_flow *
find(const struct udp *udp, const struct flow_key *key)
{
	struct udpnat_entry *nat = udpnat_find_key(&udp->nat, key);

	return nat != NULL ? container_of(nat, struct udp_flow, nat) : NULL;
}

const struct udp_flow *
udp_find(const struct udp *udp, const struct flow_key *key)
{
	return find(udp, key);
}

void
udp_abort(struct udp *udp, const struct flow_key *key, enum closed closed)
{
	struct udp_flow *flow = find(udp, key);

	if (flow != NULL)
		udp_flow_end(udp, flow, closed);
}

struct flow_key
udp_flow_seen(const struct udp_flow *flow)
{
	return seen_by(
	    &flow->udp->entries[flow->entry], &flow->nat.peer, flow->nat.port);
}

/* Flows -------------------------------------------------------------------- */

void
udp_sweep_soon(struct udp *udp)
{
	static const struct timeval soon = { SWEEP_MS / 1000, 0 };

	/* without it the oldest goes when there are too many */
	(void)event_add(udp->sweep, &soon);
}

/* Whether there is something to carry, that was said else, or counted. sender:
 * of the datagram at hand, or 0; by now another program may have its ends. */
static bool
is_claimed(struct udp *udp, const struct flow_key *seen,
    const struct flow_key *key, uint64_t sender, struct claim *ret)
{
	if (!udp->opts.claim(udp->opts.arg, key, ret)) {
		udp->opts.refuse(udp->opts.arg, seen, key);
		return false;
	}
	if (sender == 0 || sender == udp_who(udp, ret->process))
		return true;
	claim_done(ret);
	udp->counters.dropped++;
	return false;
}

/* NULL: not to be carried, and that was said or counted. */
static struct udp_flow *
flow_new(struct udp *udp, struct entry *entry, const struct flow_key *seen,
    const struct flow_key *key, uint64_t sender)
{
	struct udpnat_entry *oldest;
	struct udp_flow *flow;
	mono_t now = mono_now();
	struct claim claim;

	if (!is_claimed(udp, seen, key, sender, &claim))
		return NULL;
	oldest = udpnat_crowded(&udp->nat);
	if (oldest != NULL)
		udp_flow_end(udp, container_of(oldest, struct udp_flow, nat),
		    CLOSED_NO_ROOM);
	flow = calloc(1, sizeof(*flow));
	if (flow == NULL) {
		claim_done(&claim);
		return NULL;
	}
	flow->udp = udp;
	flow->sock.fd = -1;
	flow->claim = claim;
	flow->who = udp_who(udp, claim.process);
	flow->began = flow->heard = now;
	flow->entry = (unsigned int)(entry - udp->entries);
	flow->nat.peer = seen->remote;
	flow->nat.port = seen->rport;
	flow->nat.key = *key;
	list_init(&flow->user);
	list_init(&flow->closed);
	dgram_kept_init(&flow->kept, &udp->kept, claim.process);
	if (udpnat_count(&udp->nat) == 0)
		udp_sweep_soon(udp);
	udpnat_add(&udp->nat, &flow->nat, now);
	list_prepend(&udp->all, &flow->all);
	shake_fail(&udp->ways.error, OUTCOME_UNSUPPORTED, "");
	if (udp_way_open(&udp->ways, flow, now) == 0)
		return flow;
	udp_flow_refuse(udp, flow, CLOSED_DIAL);
	return NULL;
}

bool
udp_flow_has_way(const struct udp_flow *flow)
{
	return flow->assoc != NULL ? assoc_is_up(flow->assoc) : !flow->making;
}

/* Other ways --------------------------------------------------------------- */

struct dgram_to
udp_flow_own_way(struct udp_flow *flow)
{
	return (struct dgram_to){
		.fd = flow->sock.fd,
		.single = &flow->sock.single,
		.error = &flow->sock.error,
		.way = flow,
	};
}

void
udp_flow_send_kept(struct udp_flow *flow)
{
	struct dgram_in head = { .head = flow->head,
		.head_len = flow->head_len };
	struct dgram_to to = udp_flow_own_way(flow);

	flow->udp->counters.dropped +=
	    flow->assoc != NULL
		? assoc_send_kept(flow->assoc, &flow->kept, &head)
		: dgram_kept_send(&flow->kept, &head, flow->udp->out, &to);
}

struct udp_flow *
udp_flow_go_elsewhere(struct udp *udp, struct udp_flow *flow)
{
	udp_way_leave(&udp->ways, flow);
	if (udp_way_open(&udp->ways, flow, mono_now()) < 0) {
		udp_flow_refuse(udp, flow, CLOSED_DIAL);
		return NULL;
	}
	if (udp_flow_has_way(flow))
		udp_flow_send_kept(flow);
	return flow;
}

/* A far end that says so, or no route for a while: what is sent is lost, and
 * the next one may arrive. A device that went down has none for all it has; and
 * a namespace that was taken away lives on with the socket, while another one
 * may have its name. */
static bool
may_pass(const struct udp_flow *flow)
{
	return (flow->sock.error == ENETUNREACH ||
		   flow->sock.error == EHOSTUNREACH) &&
	       flow->via != NULL && flow->via->device[0] == '\0' &&
	       flow->via->netns[0] == '\0';
}

/* The same, unless the last datagram showed that it has none any more. */
static struct udp_flow *
with_way(struct udp *udp, struct udp_flow *flow)
{
	if (flow->sock.error == ECONNREFUSED && flow->assoc == NULL) {
		udp_flow_unheard(udp, flow);
		flow->sock.error = 0;
	}
	if (may_pass(flow))
		flow->sock.error = 0;
	if (flow->sock.error == 0)
		return flow;
	udp_flush(udp); /* what waits for that socket fails, too */
	udp_way_lost(&udp->ways, flow);
	return udp_flow_go_elsewhere(udp, flow);
}

/* A peer that was not seen before, or not for long: as a rule a new flow. One
 * that is there goes on, with the way that it has, where conntrack was made to
 * forget it and gave it another port: it is the same socket's, or the judge had
 * ended it. NULL: not to be carried, and that was said or counted. */
static struct udp_flow *
flow_from(struct udp *udp, struct entry *entry, const struct flow_key *seen)
{
	struct flow_key key;
	struct udp_flow *flow;
	uint64_t sender;
	int r = udp_original(udp, seen, &key);

	if (r == -ENOENT) { /* of a flow that was ended when it had left */
		udp->counters.dropped++;
		return NULL;
	}
	if (r < 0 || (addr_equal(&key.remote, &entry->addr) &&
			 key.rport == PORT17_PORT)) {
		udp->opts.stray(udp->opts.arg, seen);
		return NULL;
	}
	sender = begun_came(&entry->begun, &key, &seen->remote, seen->rport);
	flow = find(udp, &key);
	if (flow == NULL)
		return flow_new(udp, entry, seen, &key, sender);
	udpnat_come(&udp->nat, &flow->nat, &seen->remote, seen->rport);
	flow->lost = false;
	return with_way(udp, flow);
}

struct udp_flow *
udp_flow_of(struct udp *udp, struct entry *entry, const struct sock_addr *from,
    mono_t now)
{
	uint16_t port;
	struct addr peer = sock_addr_get(from, &port);
	struct udpnat_entry *nat = udpnat_find(&udp->nat, &peer, port);
	struct flow_key seen = seen_by(entry, &peer, port);
	struct udp_flow *flow = NULL;

	if (nat != NULL)
		flow = container_of(nat, struct udp_flow, nat);
	if (flow != NULL && udp_flow_is_still(udp, flow,
				mono_since(now, flow->heard) >= DOUBT_NS)) {
		if (flow->again)
			(void)begun_came(
			    &entry->begun, &flow->nat.key, &peer, port);
		flow->again = false;
		return with_way(udp, flow);
	}
	udp_flush(udp); /* something may wait of one that ends */
	if (flow != NULL)
		udpnat_leave(&udp->nat, &flow->nat, now);
	return flow_from(udp, entry, &seen);
}
