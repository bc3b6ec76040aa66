#include "port17/udp_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "port17/listen_ev.h"
#include "port17/udp_own.h"

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

	(void)udp_settle(udp); /* an answer is to one that has the port yet */
	if (!udp_flow_is_still(udp, flow, false)) {
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

	flow->refused = false;
	add_reply(flow->udp, flow, &in, now);
}

static void
direct_taken(void *arg)
{
	const struct udp_flow *flow = arg;

	udp_flush(flow->udp);
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
		udp_flow_unheard(flow->udp, flow);
}

/* From the program --------------------------------------------------------- */

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
	struct udp_flow *flow = udp_flow_of(udp, entry, dgram->from, now);
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
	in.head = flow->head;
	in.head_len = flow->head_len;
	if (flow->assoc != NULL && !assoc_takes(&in)) {
		udp->counters.dropped++;
		udp_flow_too_large(udp, flow);
	} else if (!udp_flow_has_way(flow)) {
		udp->counters.dropped += dgram_kept_add(&flow->kept, &in);
	} else if (flow->assoc != NULL) {
		assoc_send(flow->assoc, &in);
	} else {
		struct dgram_to to = udp_flow_own_way(flow);

		dgram_out_add(udp->out, &to, &in);
	}
}

static void
entry_taken(void *arg)
{
	const struct entry *entry = arg;

	udp_flush(entry->udp);
}

static void
entry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct entry *entry = arg;
	const struct udp_reader reader = { entry->udp->in, entry_take,
		entry_taken, entry };

	(void)fd;
	(void)what;
	if (!udp_settle(entry->udp))
		return;
	(void)udp_sock_read(&entry->sock, &reader); /* of no flow's */
	udp_was_read(entry);
}

/* Through SOCKS ------------------------------------------------------------ */

static void
assoc_received(void *arg, struct assoc *assoc, const struct target *from,
    const void *bytes, size_t len)
{
	static const struct addr any = { .family = ADDR_NONE };
	struct udp *udp = arg;
	struct dgram_in in = { .bytes = bytes, .len = len };
	struct udp_flow *flow;
	struct udpnat_entry *nat =
	    udpnat_find_far(&udp->nat, assoc, &from->addr, from->port);

	if (nat == NULL) /* it is a name's alone, whoever answers for it */
		nat = udpnat_find_far(&udp->nat, assoc, &any, from->port);
	if (nat == NULL) {
		udp->counters.dropped++; /* nobody asked there */
		return;
	}
	flow = container_of(nat, struct udp_flow, nat);
	if (!flow->answered)
		assoc_answered(assoc, &nat->key);
	flow->answered = true;
	add_reply(udp, flow, &in, mono_now());
}

static void
assoc_received_all(void *arg)
{
	udp_flush(arg);
}

static void
assoc_up(void *arg, struct assoc *assoc, struct list *users)
{
	struct list *node;

	(void)arg;
	list_for_each (node, users) {
		const struct udp_flow *flow =
		    container_of(node, struct udp_flow, user);

		if (assoc_leads_to(assoc, &flow->nat.key.remote)) {
			assoc_lies(assoc);
			return;
		}
	}
	list_for_each (node, users)
		udp_flow_send_kept(container_of(node, struct udp_flow, user));
}

/* A socket that was being made. */
static void
socket_made(struct udp_flow *flow, int error)
{
	if (error < 0)
		(void)udp_flow_go_elsewhere(flow->udp, flow);
	else
		udp_flow_send_kept(flow);
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
		if (error->outcome == OUTCOME_CONNECTED && !flow->answered)
			assoc_blame(assoc, &flow->nat.key);
		if (error->outcome == OUTCOME_CONNECTED)
			udp_flow_end(udp, flow, CLOSED_FAR_RESET);
		else
			(void)udp_flow_go_elsewhere(udp, flow);
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
	struct udp_flow *flow;
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	for (int i = 0; i < 1000; i++) {
		nat = udpnat_expired(&udp->nat, now);
		if (nat == NULL)
			break;
		flow = container_of(nat, struct udp_flow, nat);
		udp_flow_end(
		    udp, flow, flow->refused ? CLOSED_FAR_RESET : CLOSED_IDLE);
	}
	if (udpnat_count(&udp->nat) > 0)
		udp_sweep_soon(udp);
}

static void
prepare_entries(struct udp *udp)
{
	static const char *const where[2] = { PORT17_IP4, PORT17_IP6 };

	for (size_t i = 0; i < 2; i++) {
		struct entry *entry = &udp->entries[i];

		entry->udp = udp;
		entry->sock.fd = -1;
		entry->error = -ENOTCONN;
		list_init(&entry->closed);
		(void)addr_parse(&entry->addr, where[i], strlen(where[i]));
	}
}

void
udp_open(struct udp *udp)
{
	for (size_t i = 0; i < 2; i++) {
		struct entry *entry = &udp->entries[i];
		struct udp_sock_opts opts = {
			.base = udp->opts.base,
			.cb = entry_cb,
			.arg = entry,
			.pacer = udp->pacer,
		};

		if (entry->error < 0)
			entry->error = udp_sock_bind(
			    &entry->sock, &entry->addr, PORT17_PORT, &opts);
	}
}

int
udp_error(const struct udp *udp, enum addr_family family)
{
	return udp->entries[family == ADDR_IP6].error;
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
	return 0;
}

int
udp_new(struct udp **ret, const struct udp_opts *opts)
{
	struct udp *udp = calloc(1, sizeof(*udp));
	int r;

	if (udp == NULL)
		return -ENOMEM;
	udp->opts = *opts;
	prepare_entries(udp);
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
		udp_flow_end(udp,
		    container_of(udp->all.next, struct udp_flow, all),
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
udp_resting(
    const struct udp *udp, const char *via, mono_t now, struct assoc_rest *ret)
{
	return assocs_resting(udp->assocs, via, now, ret);
}
