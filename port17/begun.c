#include "port17/begun.h"

#include <string.h>

bool
begun_add(struct begun *begun, const struct flow_key *key)
{
	if (begun->n == BEGUN_MAX)
		return false;
	begun->flows[begun->n++].key = *key;
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

void
begun_came(struct begun *begun, const struct flow_key *key)
{
	for (size_t i = 0; i < begun->n_asked; i++) {
		if (memcmp(&begun->flows[i].key, key, sizeof(*key)) != 0)
			continue;
		begun->flows[i] = begun->flows[--begun->n_asked];
		begun->flows[begun->n_asked] = begun->flows[--begun->n];
		return;
	}
}

void
begun_clear(struct begun *begun)
{
	size_t left = begun->n - begun->n_asked;

	memmove(begun->flows, begun->flows + begun->n_asked,
	    left * sizeof(begun->flows[0]));
	begun->n = left;
	begun->n_asked = 0;
}
