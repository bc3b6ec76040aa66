#include "port17/udp_way_ev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "port17/sock.h"
#include "port17/socks.h"

static struct udp_sock_opts
opts_of(const struct udp_ways *ways, struct udp_flow *flow)
{
	return (struct udp_sock_opts){ .base = ways->base,
		.pacer = ways->pacer,
		.own = ways->own,
		.cb = ways->direct,
		.arg = flow };
}

static void
far_end(const struct udp_flow *flow, struct sock_addr *ret)
{
	(void)sock_addr_ip(ret, &flow->nat.key.remote, flow->nat.key.rport, "");
}

static enum outcome
open_outcome(const struct tunnel *via, int error)
{
	return sock_lacks_way(via, -error) ? OUTCOME_TUNNEL_DOWN
					   : outcome_of_errno(-error);
}

/* As if it had been dialled. Whether another member may do better. */
static bool
note_failed(struct udp_ways *ways, const struct udp_flow *flow,
    enum outcome outcome, const char *why)
{
	struct tunnel_state *state =
	    dialer_state(ways->dialer, flow->via->name);

	shake_fail(&ways->error, outcome, why);
	if (state != NULL && outcome_is_tunnel_fault(outcome))
		tunnel_state_end(state, false, outcome, why);
	return outcome_try_next(outcome);
}

static bool
note_not_made(struct udp_ways *ways, const struct udp_flow *flow, int error)
{
	char why[SOCK_WHY_SIZE];

	return note_failed(ways, flow, outcome_of_unmade(-error),
	    sock_not_made(flow->via, error, why));
}

static bool
note_not_opened(struct udp_ways *ways, const struct udp_flow *flow, int error)
{
	return note_failed(
	    ways, flow, open_outcome(flow->via, error), strerror(-error));
}

static void
socket_made(struct sock_order *order, int fd_take)
{
	struct udp_flow *flow = container_of(order, struct udp_flow, order);
	struct udp_ways *ways = udp_ways(flow->udp);
	struct udp_sock_opts opts = opts_of(ways, flow);
	struct sock_addr to;
	int r = fd_take;
	bool next = false;

	flow->making = false;
	if (fd_take < 0) {
		next = note_not_made(ways, flow, fd_take);
	} else {
		far_end(flow, &to);
		r = udp_sock_connect_made(
		    &flow->sock, flow->via, fd_take, &to, &opts);
		next = r < 0 && note_not_opened(ways, flow, r);
	}
	if (r < 0 && !next)
		flow->tried = UINT32_MAX;
	ways->made(flow, r < 0 ? r : 0);
}

/* By its own time: what makes sockets answers, or has ended. */
static int
ask_for_socket(struct udp_ways *ways, struct udp_flow *flow)
{
	struct sock_addr to;
	int r;

	far_end(flow, &to);
	flow->order.made = socket_made;
	r = sock_ask(dialer_maker(ways->dialer), &flow->order, flow->via, &to,
	    SOCK_DGRAM);
	flow->making = r == 0;
	return r;
}

/* 0 or -errno; *ret_next: whether another member may do better. */
static int
open_direct(struct udp_ways *ways, struct udp_flow *flow, bool *ret_next)
{
	struct udp_sock_opts opts = opts_of(ways, flow);
	struct sock_addr to;
	int r;

	if (flow->via->netns[0] != '\0') {
		r = ask_for_socket(ways, flow);
		if (r < 0)
			*ret_next = note_not_made(ways, flow, r);
		return r;
	}
	far_end(flow, &to);
	r = udp_sock_connect(&flow->sock, flow->via, &to, &opts);
	if (r < 0)
		*ret_next = note_not_opened(ways, flow, r);
	return r;
}

static struct target
target_of(const struct udp_flow *flow)
{
	return (struct target){ .addr = flow->nat.key.remote,
		.port = flow->nat.key.rport,
		.by_name = flow->claim.by_name,
		/* answers come from addresses: only where it stands for a name
		 * alone is that sent */
		.name = flow->claim.by_name ? claim_name(&flow->claim)
					    : (struct name){ .len = 0 } };
}

static int
open_shared(struct udp_ways *ways, struct udp_flow *flow)
{
	static const struct addr any = { .family = ADDR_NONE };
	const struct assoc_want want = { &flow->claim, flow->via,
		&flow->nat.key };
	uint8_t head[SOCKS_UDP_MAX];
	struct target to = target_of(flow);

	flow->head_len = socks_udp_header(head, &to);
	if (flow->head_len == 0) {
		shake_fail(&ways->error, OUTCOME_UNSUPPORTED,
		    "it can't be told such a name");
		return -EINVAL;
	}
	flow->head = malloc(flow->head_len);
	if (flow->head == NULL) {
		shake_fail(&ways->error, OUTCOME_NO_ROOM, "");
		return -ENOMEM;
	}
	memcpy(flow->head, head, flow->head_len);
	flow->assoc = assoc_use(ways->assocs, &want, &flow->user, &ways->error);
	if (flow->assoc == NULL)
		return -ENOBUFS;
	if (assoc_leads_to(flow->assoc, &flow->nat.key.remote)) {
		shake_fail(&ways->error, OUTCOME_PROTOCOL, ASSOC_LIE);
		return -EPROTO;
	}
	udpnat_set_way(
	    ways->nat, &flow->nat, flow->assoc, to.by_name ? &any : &to.addr);
	return 0;
}

/* Which member carries it: the first that may and is well. */
static const struct tunnel *
pick_member(struct udp_ways *ways, struct udp_flow *flow, mono_t now)
{
	const struct claim *claim = &flow->claim;
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	const struct health *health[TUNNEL_MEMBERS_MAX];
	size_t n = tunnel_set_members(claim->set, claim->tunnel, members), i;
	uint32_t tried = flow->tried;

	if (!tunnel_carries_udp(claim->tunnel))
		return NULL; /* of a list, whatever its members do */
	for (i = 0; i < n; i++) {
		struct tunnel_state *state =
		    dialer_state(ways->dialer, members[i]->name);

		if (state == NULL)
			return NULL;
		health[i] = &state->health;
		/* where only the name is known, and nobody there resolves it,
		 * the address would be one that stands for it */
		if (!dialer_carries_udp(ways->dialer, members[i], now) ||
		    (claim->by_name && members[i]->kind == TUNNEL_DIRECT))
			tried |= UINT32_C(1) << i;
	}
	i = health_pick(health, n, tried, now);
	if (i == n)
		return NULL;
	flow->tried |= UINT32_C(1) << i;
	return members[i];
}

int
udp_way_open(struct udp_ways *ways, struct udp_flow *flow, mono_t now)
{
	for (;;) {
		struct tunnel_state *state;
		bool next = true;
		int r;

		flow->via = pick_member(ways, flow, now);
		if (flow->via == NULL)
			return -EOPNOTSUPP;
		state = dialer_state(ways->dialer, flow->via->name);
		if (state != NULL)
			state->flows++;
		r = flow->via->kind == TUNNEL_DIRECT
			? open_direct(ways, flow, &next)
			: open_shared(ways, flow);
		if (r == 0 || !next)
			return r;
		udp_way_leave(ways, flow);
	}
}

void
udp_way_lost(struct udp_ways *ways, struct udp_flow *flow)
{
	/* the same member may do better with a new one */
	(void)note_not_opened(ways, flow, -flow->sock.error);
	flow->tried = 0;
}

void
udp_way_leave(struct udp_ways *ways, struct udp_flow *flow)
{
	struct tunnel_state *state =
	    flow->via != NULL ? dialer_state(ways->dialer, flow->via->name)
			      : NULL;

	if (state != NULL)
		state->flows--;
	udpnat_set_way(ways->nat, &flow->nat, NULL, NULL);
	udp_sock_close(&flow->sock);
	if (flow->making) {
		const struct sock_maker *maker = dialer_maker(ways->dialer);

		maker->cancel(maker->arg, &flow->order);
	}
	flow->making = false;
	if (flow->assoc != NULL)
		assoc_leave(flow->assoc, &flow->user);
	flow->assoc = NULL;
	free(flow->head);
	flow->head = NULL;
	flow->head_len = 0;
	flow->via = NULL;
}
