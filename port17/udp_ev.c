#include "port17/udp_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "port17/dgram.h"
#include "port17/listen_ev.h"
#include "port17/udp_way_ev.h"
#include "src/linux/ct.h"

#define SWEEP_MS 1000
/* After so long without a word of the program's its port may be another flow's:
 * conntrack, whose time-outs others set, to a second at least, is asked again.
 */
#define DOUBT_NS (100 * MONO_MS)
/* The smallest that fill a buffer of the entry's. */
#define WAITING_MAX 16384

struct entry {
	struct udp *udp;
	struct udp_sock sock;
	struct addr addr;
	uint32_t overflows; /* as the kernel said last */
};

struct udp {
	struct udp_opts opts;
	struct entry entries[2];
	struct udpnat nat;
	struct udp_ways ways;
	struct list all;
	struct assocs *assocs;
	struct pacer *pacer;
	struct event *sweep;
	struct udp_counters counters;
	uint64_t doubts;
	struct shares kept; /* bytes that wait for a way */
	/* of one wake-up: `out` is empty at its end, and before a flow ends */
	struct dgrams *in;
	struct dgram_out *out;
};

static void
flush(struct udp *udp)
{
	udp->counters.dropped += dgram_out_flush(udp->out);
}

/* Ends --------------------------------------------------------------------- */

static void
flow_end(struct udp *udp, struct udp_flow *flow, enum closed closed)
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
	dgram_kept_done(&flow->kept);
	udpnat_remove(&udp->nat, &flow->nat);
	list_remove(&flow->all);
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

static void
flow_refuse(struct udp *udp, struct udp_flow *flow, enum closed closed)
{
	struct flow_key key = flow->nat.key;
	struct flow_key seen = seen_by(
	    &udp->entries[flow->entry], &flow->nat.peer, flow->nat.port);

	flow_end(udp, flow, closed);
	udp->opts.refuse(udp->opts.arg, &seen, &key);
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
		flow_end(udp, flow, closed);
}

/* Whether its port is still its own: conntrack may have forgotten it, and have
 * given it to something else. sure: not asked without a doubt. */
static bool
is_still(struct udp *udp, struct udp_flow *flow, bool sure)
{
	struct flow_key key, seen;

	if (sure && flow->sure == udp->doubts)
		return true;
	seen = seen_by(
	    &udp->entries[flow->entry], &flow->nat.peer, flow->nat.port);
	if (ct_original(udp->opts.ct, &seen, &key, NULL) < 0 ||
	    memcmp(&key, &flow->nat.key, sizeof(key)) != 0)
		return false;
	flow->sure = udp->doubts;
	return true;
}

/* All that waits, and little of a millisecond. */
static void
drop_waiting(struct udp *udp)
{
	for (size_t i = 0; i < 2; i++) {
		int fd = udp->entries[i].sock.fd;

		for (size_t n = 0; fd >= 0 && n < WAITING_MAX &&
				   recv(fd, NULL, 0, MSG_DONTWAIT) >= 0;
		     n++)
			udp->counters.dropped++;
	}
}

void
udp_doubt(struct udp *udp, const struct flow_key *key)
{
	struct udp_flow *flow = find(udp, key);

	/* else the one that spoke last stands for all */
	if (flow == NULL && udp_count(udp) > 0)
		flow =
		    container_of(udp->nat.lru.next, struct udp_flow, nat.lru);
	if (flow != NULL && !is_still(udp, flow, false))
		drop_waiting(udp);
	udp->doubts++;
}

/* To the program ----------------------------------------------------------- */

static unsigned int
count(size_t len, size_t segment)
{
	return segment > 0 && segment < len
		   ? (unsigned int)((len + segment - 1) / segment)
		   : 1;
}

/* From the endpoint, which the kernel turns into the far end. */
static void
add_reply(struct udp *udp, struct udp_flow *flow, const struct dgram_in *in,
    mono_t now)
{
	struct entry *entry = &udp->entries[flow->entry];
	struct sock_addr peer;
	struct dgram_to to = { .fd = entry->sock.fd,
		.single = &entry->sock.single,
		.way = flow,
		.to = &peer };

	if (!is_still(udp, flow, true)) {
		udp->counters.dropped += count(in->len, in->segment);
		return;
	}
	(void)sock_addr_ip(&peer, &flow->nat.peer, flow->nat.port, "");
	dgram_out_add(udp->out, &to, in);
	udp->counters.sent += count(in->len, in->segment);
	flow->down += in->len;
	udpnat_touch(&udp->nat, &flow->nat, true, now);
}

static void
direct_take(void *arg, const struct dgram *dgram, mono_t now)
{
	struct udp_flow *flow = arg;
	struct dgram_in in = { .bytes = dgram->bytes.iov_base,
		.len = dgram->bytes.iov_len,
		.segment = dgram->segment };

	add_reply(flow->udp, flow, &in, now);
}

static void
direct_taken(void *arg)
{
	const struct udp_flow *flow = arg;

	flush(flow->udp);
}

static void
direct_cb(evutil_socket_t fd, short what, void *arg)
{
	struct udp_flow *flow = arg;
	const struct udp_reader reader = { flow->udp->in, direct_take,
		direct_taken, flow };

	(void)fd;
	(void)what;
	if (udp_sock_read(&flow->sock, &reader) == -ECONNREFUSED)
		flow_refuse(flow->udp, flow, CLOSED_FAR_RESET);
}

/* Flows -------------------------------------------------------------------- */

/* Only while there is something to be swept. */
static void
sweep_soon(struct udp *udp)
{
	static const struct timeval soon = { SWEEP_MS / 1000, 0 };

	/* without it the oldest goes when there are too many */
	(void)event_add(udp->sweep, &soon);
}

/* A peer that was not seen before, or not for long. NULL: not to be carried,
 * and that was said. */
static struct udp_flow *
flow_new(struct udp *udp, struct entry *entry, const struct flow_key *seen)
{
	struct udpnat_entry *oldest;
	struct udp_flow *flow;
	mono_t now = mono_now();
	struct flow_key key;
	struct claim claim;

	if (ct_original(udp->opts.ct, seen, &key, NULL) < 0 ||
	    (addr_equal(&key.remote, &entry->addr) &&
		key.rport == PORT17_PORT)) {
		udp->opts.stray(udp->opts.arg, seen);
		return NULL;
	}
	if (!udp->opts.claim(udp->opts.arg, &key, &claim)) {
		udp->opts.refuse(udp->opts.arg, seen, &key);
		return NULL;
	}
	/* it came from another port before, in an earlier life */
	udp_abort(udp, &key, CLOSED_IDLE);
	oldest = udpnat_crowded(&udp->nat);
	if (oldest != NULL)
		flow_end(udp, container_of(oldest, struct udp_flow, nat),
		    CLOSED_NO_ROOM);
	flow = calloc(1, sizeof(*flow));
	if (flow == NULL) {
		claim_done(&claim);
		return NULL;
	}
	flow->udp = udp;
	flow->sock.fd = -1;
	flow->claim = claim;
	flow->began = flow->heard = now;
	flow->sure = udp->doubts;
	flow->entry = (unsigned int)(entry - udp->entries);
	flow->nat.peer = seen->remote;
	flow->nat.port = seen->rport;
	flow->nat.key = key;
	list_init(&flow->user);
	dgram_kept_init(&flow->kept, &udp->kept, claim.process);
	if (udpnat_count(&udp->nat) == 0)
		sweep_soon(udp);
	udpnat_add(&udp->nat, &flow->nat, now);
	list_prepend(&udp->all, &flow->all);
	shake_fail(&udp->ways.error, OUTCOME_UNSUPPORTED, "");
	if (udp_way_open(&udp->ways, flow, now) == 0)
		return flow;
	flow_refuse(udp, flow, CLOSED_DIAL);
	return NULL;
}

/* Its way is there, and not only on its way. */
static bool
has_way(const struct udp_flow *flow)
{
	return flow->assoc != NULL ? assoc_is_up(flow->assoc) : !flow->making;
}

/* Other ways ----------------------------------------------------------------
 */

static struct dgram_to
own_way(struct udp_flow *flow)
{
	return (struct dgram_to){
		.fd = flow->sock.fd,
		.single = &flow->sock.single,
		.error = &flow->sock.error,
		.way = flow,
	};
}

static void
send_kept(struct udp_flow *flow)
{
	struct dgram_in head = { .head = flow->head,
		.head_len = flow->head_len };
	struct dgram_to to = own_way(flow);

	if (flow->assoc != NULL)
		assoc_send_kept(flow->assoc, &flow->kept, &head);
	else
		dgram_kept_send(&flow->kept, &head, flow->udp->out, &to);
}

/* What was sent is lost, as on any link; what still waits, and what comes next,
 * has another way, if there is one. Why this one failed is in ways.error.
 * NULL: it is refused. */
static struct udp_flow *
go_elsewhere(struct udp *udp, struct udp_flow *flow)
{
	udp_way_leave(&udp->ways, flow);
	if (udp_way_open(&udp->ways, flow, mono_now()) < 0) {
		flow_refuse(udp, flow, CLOSED_DIAL);
		return NULL;
	}
	if (has_way(flow))
		send_kept(flow);
	return flow;
}

/* The same, unless the last datagram showed that it has none any more. */
static struct udp_flow *
with_way(struct udp *udp, struct udp_flow *flow)
{
	if (flow->sock.error == 0)
		return flow;
	flush(udp); /* what waits for that socket fails, too */
	udp_way_lost(&udp->ways, flow);
	return go_elsewhere(udp, flow);
}

/* From the program --------------------------------------------------------- */

static struct udp_flow *
flow_of(struct udp *udp, struct entry *entry, const struct sock_addr *from,
    mono_t now)
{
	uint16_t port;
	struct addr peer = sock_addr_get(from, &port);
	struct udpnat_entry *nat = udpnat_find(&udp->nat, &peer, port);
	struct flow_key seen = seen_by(entry, &peer, port);
	struct udp_flow *flow = NULL;

	if (nat != NULL)
		flow = container_of(nat, struct udp_flow, nat);
	if (flow != NULL &&
	    is_still(udp, flow, mono_since(now, flow->heard) < DOUBT_NS))
		return with_way(udp, flow);
	flush(udp); /* something may wait of one that ends */
	if (flow != NULL)
		flow_end(udp, flow, CLOSED_IDLE);
	return flow_new(udp, entry, &seen);
}

static void
note_overflow(struct entry *entry, const struct dgram *dgram)
{
	if (!dgram->lost_known)
		return;
	entry->udp->counters.overflows += dgram->lost - entry->overflows;
	entry->overflows = dgram->lost;
}

static void
entry_take(void *arg, const struct dgram *dgram, mono_t now)
{
	struct entry *entry = arg;
	struct udp *udp = entry->udp;
	struct udp_flow *flow = flow_of(udp, entry, dgram->from, now);
	struct dgram_in in = { .bytes = dgram->bytes.iov_base,
		.len = dgram->bytes.iov_len,
		.segment = dgram->segment };
	unsigned int n = count(in.len, in.segment);

	note_overflow(entry, dgram);
	udp->counters.received += n;
	if (flow == NULL) {
		udp->counters.dropped += n;
		return;
	}
	flow->up += in.len;
	flow->heard = now;
	udpnat_touch(&udp->nat, &flow->nat, false, now);
	if (!has_way(flow)) {
		udp->counters.dropped += dgram_kept_add(&flow->kept, &in);
	} else if (flow->assoc != NULL) {
		in.head = flow->head;
		in.head_len = flow->head_len;
		udp->counters.dropped += assoc_send(flow->assoc, &in);
	} else {
		struct dgram_to to = own_way(flow);

		dgram_out_add(udp->out, &to, &in);
	}
}

static void
entry_taken(void *arg)
{
	const struct entry *entry = arg;

	flush(entry->udp);
}

static void
entry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct entry *entry = arg;
	const struct udp_reader reader = { entry->udp->in, entry_take,
		entry_taken, entry };

	(void)fd;
	(void)what;
	(void)udp_sock_read(&entry->sock, &reader); /* of no flow's */
}

/* Through SOCKS ------------------------------------------------------------ */

static void
assoc_received(void *arg, struct assoc *assoc, const struct target *from,
    const void *bytes, size_t len)
{
	static const struct addr any = { .family = ADDR_NONE };
	struct udp *udp = arg;
	struct dgram_in in = { .bytes = bytes, .len = len };
	struct udpnat_entry *nat =
	    udpnat_find_far(&udp->nat, assoc, &from->addr, from->port);

	if (nat == NULL) /* it is a name's alone, whoever answers for it */
		nat = udpnat_find_far(&udp->nat, assoc, &any, from->port);
	if (nat == NULL) {
		udp->counters.dropped++; /* nobody asked there */
		return;
	}
	add_reply(
	    udp, container_of(nat, struct udp_flow, nat), &in, mono_now());
}

static void
assoc_received_all(void *arg)
{
	flush(arg);
}

static void
assoc_up(void *arg, struct assoc *assoc, struct list *users)
{
	struct list *node;

	(void)arg;
	(void)assoc;
	list_for_each (node, users)
		send_kept(container_of(node, struct udp_flow, user));
}

/* A socket that was being made. */
static void
socket_made(struct udp_flow *flow, int error)
{
	if (error < 0)
		(void)go_elsewhere(flow->udp, flow);
	else
		send_kept(flow);
}

static void
assoc_gone(void *arg, struct assoc *assoc, struct list *users,
    const struct shake_error *error)
{
	struct udp *udp = arg;

	if (error->outcome == OUTCOME_UNSUPPORTED ||
	    error->outcome == OUTCOME_DENIED)
		dialer_no_udp(udp->opts.dialer, assoc_via(assoc), mono_now());
	while (!list_empty(users)) {
		struct udp_flow *flow =
		    container_of(users->next, struct udp_flow, user);

		udp->ways.error = *error;
		if (error->outcome == OUTCOME_CONNECTED)
			flow_end(udp, flow, CLOSED_FAR_RESET);
		else
			(void)go_elsewhere(udp, flow);
	}
}

struct udp_ways *
udp_ways(struct udp *udp)
{
	return &udp->ways;
}

/* All of it ---------------------------------------------------------------- */

static void
sweep_cb(evutil_socket_t fd, short what, void *arg)
{
	struct udp *udp = arg;
	struct udpnat_entry *nat;
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	for (int i = 0; i < 1000; i++) {
		nat = udpnat_expired(&udp->nat, now);
		if (nat == NULL)
			break;
		flow_end(
		    udp, container_of(nat, struct udp_flow, nat), CLOSED_IDLE);
	}
	if (udpnat_count(&udp->nat) > 0)
		sweep_soon(udp);
}

static int
open_entries(struct udp *udp)
{
	static const char *const where[2] = { PORT17_IP4, PORT17_IP6 };

	for (size_t i = 0; i < 2; i++) {
		struct entry *entry = &udp->entries[i];
		struct udp_sock_opts opts = {
			.base = udp->opts.base,
			.cb = entry_cb,
			.arg = entry,
			.pacer = udp->pacer,
		};
		int r;

		entry->udp = udp;
		(void)addr_parse(&entry->addr, where[i], strlen(where[i]));
		r = udp_sock_bind(
		    &entry->sock, &entry->addr, PORT17_PORT, &opts);
		/* a host without IPv6 has none */
		if (r < 0 &&
		    !(i == 1 && (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)))
			return r;
	}
	return 0;
}

static int
open_all(struct udp *udp)
{
	struct assocs_opts assocs = {
		.base = udp->opts.base,
		.dialer = udp->opts.dialer,
		.own = udp->opts.own,
		.max = udp->opts.max,
		.received = assoc_received,
		.received_all = assoc_received_all,
		.gone = assoc_gone,
		.up = assoc_up,
		.arg = udp,
	};
	int r = udpnat_init(&udp->nat, udp->opts.max);

	if (r == 0)
		r = shares_init(&udp->kept, DGRAM_KEPT_ALL_MAX);
	if (r == 0)
		r = pacer_new(&udp->pacer, udp->opts.base);
	if (r < 0)
		return r;
	assocs.pacer = udp->pacer;
	assocs.in = udp->in = dgrams_new();
	assocs.out = udp->out = dgram_out_new();
	udp->sweep = event_new(udp->opts.base, -1, 0, sweep_cb, udp);
	if (udp->in == NULL || udp->out == NULL || udp->sweep == NULL)
		return -ENOMEM;
	r = assocs_new(&udp->assocs, &assocs);
	if (r < 0)
		return r;
	udp->ways = (struct udp_ways){ .base = udp->opts.base,
		.dialer = udp->opts.dialer,
		.own = udp->opts.own,
		.assocs = udp->assocs,
		.nat = &udp->nat,
		.pacer = udp->pacer,
		.direct = direct_cb,
		.made = socket_made };
	return open_entries(udp);
}

int
udp_new(struct udp **ret, const struct udp_opts *opts)
{
	struct udp *udp = calloc(1, sizeof(*udp));
	int r;

	if (udp == NULL)
		return -ENOMEM;
	udp->opts = *opts;
	udp->entries[0].sock.fd = udp->entries[1].sock.fd = -1;
	list_init(&udp->all);
	r = open_all(udp);
	if (r < 0) {
		udp_free(udp);
		return r;
	}
	*ret = udp;
	return 0;
}

void
udp_free(struct udp *udp)
{
	if (udp == NULL)
		return;
	while (!list_empty(&udp->all))
		flow_end(udp, container_of(udp->all.next, struct udp_flow, all),
		    CLOSED_STOPPED);
	assocs_free(udp->assocs);
	udpnat_done(&udp->nat);
	shares_done(&udp->kept);
	if (udp->sweep != NULL)
		event_free(udp->sweep);
	for (size_t i = 0; i < 2; i++)
		udp_sock_close(&udp->entries[i].sock);
	pacer_free(udp->pacer);
	dgrams_free(udp->in);
	dgram_out_free(udp->out);
	free(udp);
}

const struct udp_counters *
udp_counters(const struct udp *udp)
{
	return &udp->counters;
}

const struct udp_flow *
udp_older(const struct udp *udp, const struct udp_flow *after)
{
	const struct list *next =
	    after != NULL ? after->all.next : udp->all.next;

	return next != &udp->all ? container_of(next, struct udp_flow, all)
				 : NULL;
}

size_t
udp_count(const struct udp *udp)
{
	return udpnat_count(&udp->nat);
}

size_t
udp_resting(
    const struct udp *udp, const char *via, mono_t now, struct assoc_rest *ret)
{
	return assocs_resting(udp->assocs, via, now, ret);
}
