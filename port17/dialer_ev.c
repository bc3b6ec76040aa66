#include "port17/dialer_ev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port17/dial_own.h"

/* What a proxy says of UDP changes with its settings alone. */
#define NO_UDP_NS (600 * MONO_S)

int
dialer_new(struct dialer **ret, const struct dialer_opts *opts)
{
	struct dialer *dialer = calloc(1, sizeof(*dialer));

	if (dialer == NULL)
		return -ENOMEM;
	if (shares_init(&dialer->dials, DIALS_MAX) < 0) {
		free(dialer);
		return -ENOMEM;
	}
	dialer->opts = *opts;
	list_init(&dialer->states);
	list_init(&dialer->waiting);
	*ret = dialer;
	return 0;
}

void
dialer_free(struct dialer *dialer)
{
	if (dialer == NULL)
		return;
	while (!list_empty(&dialer->states)) {
		struct state_node *node =
		    container_of(dialer->states.next, struct state_node, node);

		list_remove(&node->node);
		free(node);
	}
	tunnel_set_unref(dialer->set);
	trusts_unref(dialer->trusts);
	shares_done(&dialer->dials);
	free(dialer);
}

static struct tunnel_state *
find_state(const struct dialer *dialer, const char *name)
{
	struct list *node;

	list_for_each (node, &dialer->states) {
		struct state_node *found =
		    container_of(node, struct state_node, node);

		if (strcmp(found->state.name, name) == 0)
			return &found->state;
	}
	return NULL;
}

/* Where another tunnel has the name now, or the same one another user. The
 * proxy's address least of all is the other's: it would be told its password.
 */
static void
forget_others(struct dialer *dialer, const struct tunnel_set *set)
{
	for (size_t i = 0; dialer->set != NULL && i < set->n; i++) {
		const struct tunnel *is = &set->v[i];
		const struct tunnel *was =
		    tunnel_set_find(dialer->set, is->name);
		struct tunnel_state *state = find_state(dialer, is->name);
		bool alike = was != NULL && tunnel_leads_alike(was, is);

		if (state == NULL)
			continue;
		if (!alike)
			state->resolved.n = 0;
		if (alike && strcmp(was->user, is->user) == 0 &&
		    strcmp(was->password, is->password) == 0)
			continue;
		health_forget(&state->health);
		state->no_udp_until = (mono_t){ 0 };
	}
}

int
dialer_set_tunnels(struct dialer *dialer, struct tunnel_set *set)
{
	struct trusts *trusts = trusts_new(set);

	if (trusts == NULL)
		return -ENOMEM;
	forget_others(dialer, set);
	trusts_unref(dialer->trusts);
	dialer->trusts = trusts;
	tunnel_set_unref(dialer->set);
	dialer->set = tunnel_set_ref(set);
	return 0;
}

struct trusts *
dialer_trusts(const struct dialer *dialer)
{
	return dialer->trusts;
}

struct tunnel_set *
dialer_tunnels(const struct dialer *dialer)
{
	return dialer->set;
}

void
dialer_trust(struct dialer *dialer, struct trust *trust,
    struct ssl_ctx_st *context_take, const char *why)
{
	struct list *node = dialer->waiting.next;

	trust->tls = context_take;
	trust->known = true;
	(void)snprintf(trust->why, sizeof(trust->why), "%s", why); /* fits */
	/* one that goes on leaves the list, and others may do so with it */
	while (node != &dialer->waiting) {
		struct dial *dial = container_of(node, struct dial, waits);

		node = node->next;
		if (trusts_of(dial->trusts, dial->via) != trust)
			continue;
		dial_shake_begin(dial);
		node = dialer->waiting.next;
	}
}

struct tunnel_state *
dialer_state(struct dialer *dialer, const char *name)
{
	struct tunnel_state *state = find_state(dialer, name);
	struct state_node *found;

	if (state != NULL)
		return state;
	found = calloc(1, sizeof(*found));
	if (found == NULL)
		return NULL;
	(void)snprintf(
	    found->state.name, sizeof(found->state.name), "%s", name);
	list_append(&dialer->states, &found->node);
	return &found->state;
}

void
tunnel_state_error(struct tunnel_state *state, enum outcome outcome,
    const char *why, mono_t now)
{
	state->error = outcome;
	state->error_at = now;
	(void)snprintf(state->why, sizeof(state->why), "%s", why); /* cut */
}

void
tunnel_state_end(struct tunnel_state *state, bool trial, enum outcome outcome,
    const char *why)
{
	mono_t now = mono_now();

	health_end(&state->health, trial, outcome, now);
	if (outcome == OUTCOME_CONNECTED)
		state->good_at = now;
	if (outcome == OUTCOME_CONNECTED || outcome == OUTCOME_GONE)
		return;
	state->failures++;
	tunnel_state_error(state, outcome, why, now);
}

const struct sock_maker *
dialer_maker(const struct dialer *dialer)
{
	return dialer->opts.maker;
}

bool
dialer_has_room(const struct dialer *dialer, const struct process *process)
{
	struct share_key key = share_key_of(process);

	return shares_have(&dialer->dials, &key, 1);
}

bool
dialer_carries_udp(
    struct dialer *dialer, const struct tunnel *tunnel, mono_t now)
{
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	size_t n = tunnel_set_members(dialer->set, tunnel, members);

	if (!tunnel_carries_udp(tunnel))
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct tunnel_state *state =
		    dialer_state(dialer, members[i]->name);

		if (state != NULL && tunnel_carries_udp(members[i]) &&
		    !mono_before(now, state->no_udp_until))
			return true;
	}
	return false;
}

void
dialer_no_udp(struct dialer *dialer, const struct tunnel *tunnel, mono_t now)
{
	struct tunnel_state *state = dialer_state(dialer, tunnel->name);

	if (state != NULL)
		state->no_udp_until = mono_add(now, NO_UDP_NS);
}

void
dialer_resolved(
    struct dialer *dialer, const char *tunnel, const struct addrs *addrs)
{
	struct tunnel_state *state = dialer_state(dialer, tunnel);
	struct addr was;

	if (state == NULL || addrs->n == 0)
		return;
	was = state->resolved.v[state->reached];
	state->resolved = *addrs;
	state->reached = 0;
	for (size_t i = 0; i < addrs->n; i++)
		if (addr_equal(&addrs->v[i], &was))
			state->reached = i;
}
