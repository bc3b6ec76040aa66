#include "port17/begun.h"

#include <string.h>

bool
begun_add(
    struct begun *begun, const struct flow_key *key, uint64_t who, mono_t now)
{
	struct begun_flow *same = NULL;

	for (size_t i = 0; i < begun->n; i++) {
		struct begun_flow *flow = &begun->flows[i];

		if (memcmp(&flow->key, key, sizeof(*key)) != 0)
			continue;
		if (flow->who != who) {
			flow->who = BEGUN_NOBODYS;
			return false;
		}
		if (i >= begun->n_asked)
			same = flow;
	}
	if (same == NULL && begun->n == BEGUN_MAX)
		return false;
	if (same == NULL)
		same = &begun->flows[begun->n++];
	same->key = *key;
	same->who = who;
	same->at = now;
	return true;
}

const struct flow_key *
begun_ask(const struct begun *begun)
{
	return begun->n_asked < begun->n ? &begun->flows[begun->n_asked].key
					 : NULL;
}

void
begun_answer(struct begun *begun, const struct flow_key *reply)
{
	struct begun_flow *flow = &begun->flows[begun->n_asked++];

	flow->peer = reply != NULL ? reply->remote
				   : (struct addr){ .family = ADDR_NONE };
	flow->port = reply != NULL ? reply->rport : 0;
}

/* Where conntrack does not know the other one any more: that one had its
 * program's own port, as a rule; this one may have any, unless it has its own.
 */
static bool
had_port_of(const struct begun_flow *other, const struct begun_flow *flow)
{
	if (memcmp(&other->key, &flow->key, sizeof(flow->key)) == 0)
		return false; /* it comes again */
	if (other->peer.family != ADDR_NONE)
		return other->port == flow->port &&
		       addr_equal(&other->peer, &flow->peer);
	return flow->port != flow->key.lport ||
	       (other->key.lport == flow->port &&
		   addr_equal(&other->key.local, &flow->peer));
}

bool
begun_share(const struct begun *begun, size_t from)
{
	for (size_t i = from; i < begun->n_asked; i++) {
		const struct begun_flow *flow = &begun->flows[i];

		if (flow->peer.family == ADDR_NONE)
			continue;
		for (size_t k = 0; k < begun->n_asked; k++)
			if (k != i && had_port_of(&begun->flows[k], flow))
				return true;
	}
	return false;
}

/* One that conntrack was asked of. */
static void
take_out(struct begun *begun, size_t i)
{
	begun->flows[i] = begun->flows[--begun->n_asked];
	begun->flows[begun->n_asked] = begun->flows[--begun->n];
}

uint64_t
begun_came(struct begun *begun, const struct flow_key *key,
    const struct addr *peer, uint16_t port)
{
	uint64_t who = 0;

	for (size_t i = 0; i < begun->n; i++) {
		const struct begun_flow *flow = &begun->flows[i];

		if (memcmp(&flow->key, key, sizeof(*key)) != 0)
			continue;
		/* one of the two, where they are not of the same */
		if (who != BEGUN_NOBODYS)
			who = flow->who;
		if (i >= begun->n_asked || flow->port != port ||
		    !addr_equal(&flow->peer, peer))
			continue;
		take_out(begun, i);
		break;
	}
	return who;
}

void
begun_clear(struct begun *begun, mono_t now)
{
	for (size_t i = begun->n_asked; i > 0; i--)
		if (mono_since(now, begun->flows[i - 1].at) >= BEGUN_LATE_NS)
			take_out(begun, i - 1);
}
