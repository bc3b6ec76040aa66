#include "port17/backoff.h"

static void
forget(struct backoff *backoff, struct backoff_rest *rest)
{
	*rest = backoff->v[--backoff->n];
}

/* NULL: it did not fail, or long ago. */
static struct backoff_rest *
find(struct backoff *backoff, uint64_t number, mono_t now)
{
	for (size_t i = 0; i < backoff->n; i++) {
		struct backoff_rest *rest = &backoff->v[i];

		if (rest->number != number)
			continue;
		if (mono_before(now, mono_add(rest->until, BACKOFF_LAST_NS)))
			return rest;
		forget(backoff, rest);
		return NULL;
	}
	return NULL;
}

static struct backoff_rest *
add(struct backoff *backoff, uint64_t number)
{
	struct backoff_rest *rest = &backoff->v[0];

	if (backoff->n < BACKOFF_MAX) {
		rest = &backoff->v[backoff->n++];
	} else {
		for (size_t i = 1; i < backoff->n; i++)
			if (mono_before(backoff->v[i].failed, rest->failed))
				rest = &backoff->v[i];
	}
	*rest = (struct backoff_rest){ .number = number };
	return rest;
}

static bool
is_unreachable(enum outcome outcome)
{
	return outcome == OUTCOME_TUNNEL_DOWN || outcome == OUTCOME_TUNNEL_SLOW;
}

bool
backoff_may(
    struct backoff *backoff, uint64_t number, mono_t reached, mono_t now)
{
	struct backoff_rest *rest = find(backoff, number, now);

	if (rest == NULL)
		return true;
	if (is_unreachable(rest->outcome) &&
	    mono_before(rest->failed, reached)) {
		forget(backoff, rest);
		return true;
	}
	if (mono_before(now, rest->until))
		return false;
	rest->until = mono_add(now, rest->ns);
	rest->tried = true;
	return true;
}

void
backoff_failed(struct backoff *backoff, uint64_t number, uint64_t group,
    enum outcome outcome, mono_t now)
{
	struct backoff_rest *rest = find(backoff, number, now);

	if (rest == NULL)
		rest = add(backoff, number);
	else if (mono_before(now, rest->until) && !rest->tried)
		return;
	rest->ns = rest->ns == 0 ? BACKOFF_FIRST_NS : rest->ns * 2;
	if (rest->ns > BACKOFF_LAST_NS)
		rest->ns = BACKOFF_LAST_NS;
	rest->failed = now;
	rest->until = mono_add(now, rest->ns);
	rest->tried = false;
	rest->outcome = outcome;
	rest->group = group;
}

void
backoff_up(struct backoff *backoff, uint64_t number, mono_t now)
{
	struct backoff_rest *rest = find(backoff, number, now);

	if (rest == NULL)
		return;
	rest->until = now;
	rest->tried = false;
	rest->outcome = OUTCOME_CONNECTED;
}

void
backoff_worked(struct backoff *backoff, uint64_t number)
{
	for (size_t i = 0; i < backoff->n; i++) {
		if (backoff->v[i].number != number)
			continue;
		forget(backoff, &backoff->v[i]);
		return;
	}
}

static bool
is_resting(const struct backoff_rest *rest, mono_t now)
{
	return mono_before(now, rest->until);
}

const struct backoff_rest *
backoff_rest(const struct backoff *backoff, uint64_t number, mono_t now)
{
	for (size_t i = 0; i < backoff->n; i++)
		if (backoff->v[i].number == number &&
		    is_resting(&backoff->v[i], now))
			return &backoff->v[i];
	return NULL;
}

size_t
backoff_resting(const struct backoff *backoff, uint64_t group, mono_t now,
    const struct backoff_rest **ret_next)
{
	size_t n = 0;

	*ret_next = NULL;
	for (size_t i = 0; i < backoff->n; i++) {
		const struct backoff_rest *rest = &backoff->v[i];

		if (rest->group != group || !is_resting(rest, now))
			continue;
		n++;
		if (*ret_next == NULL ||
		    mono_before(rest->until, (*ret_next)->until))
			*ret_next = rest;
	}
	return n;
}
