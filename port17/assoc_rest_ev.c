#include "port17/assoc_own.h"

#include <stdio.h>
#include <string.h>

/* See assoc_is_young(). */
#define YOUNG_NS (10 * MONO_S)

/* Of all that are alike to the proxy: the same tunnel, and the same user. */
uint64_t
assoc_rest_number(const struct assocs *assocs, const struct assoc_want *want)
{
	struct dial_identity identity =
	    claim_identity(want->claim, want->key, 0);
	struct {
		char name[TUNNEL_NAME_SIZE], user[TUNNEL_WORD_SIZE];
	} alike = { 0 };

	memcpy(alike.name, want->via->name, strlen(want->via->name));
	(void)tunnel_user(want->via, &identity.words, alike.user);
	return map_hash(&assocs->map, &alike, sizeof(alike));
}

static uint64_t
group_of(const struct assocs *assocs, const char *via)
{
	return map_hash(&assocs->map, via, strlen(via));
}

static uint64_t
number_of_far(
    const struct assocs *assocs, uint64_t number, const struct flow_key *key)
{
	struct {
		uint64_t number;
		struct addr addr;
		uint16_t port;
	} far;

	memset(&far, 0, sizeof(far)); /* hashed with its padding */
	far.number = number;
	far.addr = key->remote;
	far.port = key->rport;
	return map_hash(&assocs->map, &far, sizeof(far));
}

bool
assoc_is_young(const struct assoc *assoc, mono_t now)
{
	return mono_before(now, mono_add(assoc->up_at, YOUNG_NS));
}

/* Its dial went well, and was noted so. */
static void
note_short(const struct assoc *assoc, mono_t now)
{
	struct tunnel_state *state =
	    dialer_state(assoc->assocs->opts.dialer, assoc->key.via->name);

	if (state != NULL)
		tunnel_state_error(state, OUTCOME_SHORT_LIVED, "UDP", now);
}

/* It was up, for a moment only: its socket has to wait, and what its users
 * asked (assoc_blame()). */
static void
note_short_lived(struct assoc *assoc, mono_t now)
{
	note_short(assoc, now);
	if (!assoc->heard)
		backoff_failed(&assoc->assocs->fars, assoc->node.hash, 0,
		    OUTCOME_SHORT_LIVED, now);
}

void
assoc_rest_ended(struct assoc *assoc, enum outcome outcome)
{
	struct backoff *backoff = &assoc->assocs->backoff;
	mono_t now = mono_now();

	/* that is remembered of the tunnel, for longer; or is this program's
	 * own affair */
	if (outcome == OUTCOME_UNSUPPORTED || outcome == OUTCOME_DENIED ||
	    outcome == OUTCOME_LOOP)
		return;
	if (outcome == OUTCOME_CONNECTED && !assoc_is_young(assoc, now)) {
		backoff_worked(backoff, assoc->number);
		return;
	}
	if (outcome == OUTCOME_CONNECTED) {
		note_short_lived(assoc, now);
		return;
	}
	backoff_failed(backoff, assoc->number,
	    group_of(assoc->assocs, assoc->key.via->name), outcome, now);
}

void
assoc_blame(struct assoc *assoc, const struct flow_key *key)
{
	struct assocs *assocs = assoc->assocs;
	mono_t now = mono_now();

	if (assoc_is_young(assoc, now))
		backoff_failed(&assocs->fars,
		    number_of_far(assocs, assoc->number, key),
		    group_of(assocs, assoc->key.via->name), OUTCOME_SHORT_LIVED,
		    now);
}

void
assoc_answered(struct assoc *assoc, const struct flow_key *key)
{
	struct assocs *assocs = assoc->assocs;

	backoff_worked(
	    &assocs->fars, number_of_far(assocs, assoc->number, key));
	if (!assoc->heard)
		backoff_worked(&assocs->fars, assoc->node.hash);
	assoc->heard = true;
}

static void
say_rest(
    const struct backoff *backoff, uint64_t number, struct shake_error *ret)
{
	mono_t now = mono_now();
	const struct backoff_rest *rest = backoff_rest(backoff, number, now);
	char why[SHAKE_WHY_SIZE];

	if (rest == NULL)
		return;
	(void)snprintf(why, sizeof(why), "not tried again for %.1f s",
	    (double)mono_since(rest->until, now) / (double)MONO_S); /* fits */
	shake_fail(ret, rest->outcome, why);
}

bool
assoc_rest_socket(
    const struct assocs *assocs, uint64_t hash, struct shake_error *ret_error)
{
	if (backoff_rest(&assocs->fars, hash, mono_now()) == NULL)
		return false;
	say_rest(&assocs->fars, hash, ret_error);
	return true;
}

/* A far end, or a socket, that does not rest. */
static bool
may_try(struct assocs *assocs, uint64_t number, struct shake_error *ret_error)
{
	if (backoff_may(&assocs->fars, number, (mono_t){ 0 }, mono_now()))
		return true;
	say_rest(&assocs->fars, number, ret_error);
	return false;
}

bool
assoc_rest_may_ask(struct assocs *assocs, uint64_t number,
    const struct flow_key *key, struct shake_error *ret_error)
{
	return may_try(assocs, number_of_far(assocs, number, key), ret_error);
}

static bool
may_begin(struct assocs *assocs, uint64_t number, const struct tunnel *via)
{
	const struct tunnel_state *state =
	    dialer_state(assocs->opts.dialer, via->name);

	return state != NULL && backoff_may(&assocs->backoff, number,
				    state->good_at, mono_now());
}

bool
assoc_rest_may_begin(struct assocs *assocs, const struct assoc_want *want,
    uint64_t hash, struct shake_error *ret_error)
{
	uint64_t number = assoc_rest_number(assocs, want);

	if (!may_try(assocs, hash, ret_error))
		return false;
	if (may_begin(assocs, number, want->via))
		return true;
	say_rest(&assocs->backoff, number, ret_error);
	return false;
}

size_t
assocs_resting(const struct assocs *assocs, const char *via, mono_t now,
    struct assoc_rest *ret)
{
	uint64_t group = group_of(assocs, via);
	const struct backoff_rest *rest, *far;
	size_t n = backoff_resting(&assocs->backoff, group, now, &rest);

	n += backoff_resting(&assocs->fars, group, now, &far);
	if (rest == NULL)
		rest = far;
	if (n > 0)
		*ret = (struct assoc_rest){ rest->outcome, rest->until };
	return n;
}
