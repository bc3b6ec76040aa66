#include "port17/health.h"

enum health_state
health_state(const struct health *health, mono_t now)
{
	if (!health->down)
		return HEALTH_UP;
	return mono_before(now, health->until) ? HEALTH_DOWN : HEALTH_TRIAL;
}

const char *
health_state_name(enum health_state state)
{
	switch (state) {
	case HEALTH_UP:
		return "up";
	case HEALTH_TRIAL:
		return "trial";
	case HEALTH_DOWN:
		return "down";
	}
	__builtin_trap();
}

bool
health_begin(struct health *health, mono_t now)
{
	if (health_state(health, now) == HEALTH_UP)
		return false;
	health->trials++;
	return true;
}

static void
rest(struct health *health, mono_t now)
{
	uint64_t ns = health->rest_ns * 2;

	if (ns == 0)
		ns = HEALTH_REST_FIRST_NS;
	if (ns > HEALTH_REST_LAST_NS)
		ns = HEALTH_REST_LAST_NS;
	health->down = true;
	health->good = 0;
	health->rest_ns = ns;
	health->until = mono_add(now, ns);
}

void
health_end(struct health *health, bool trial, enum outcome outcome, mono_t now)
{
	if (trial)
		health->trials--;
	if (outcome_is_tunnel_fault(outcome)) {
		health->faults++;
		/* what fails while it rests is no news */
		if (!health->down ? health->faults >= HEALTH_FAULTS
				  : !mono_before(now, health->until))
			rest(health, now);
		return;
	}
	if (outcome_try_next(outcome) || outcome == OUTCOME_GONE)
		return; /* says nothing of the tunnel */
	health->faults = 0;
	if (!health->down) {
		health->rest_ns = 0;
	} else if (++health->good >= HEALTH_TRIALS) {
		health->down = false;
		health->good = 0;
	}
}

void
health_forget(struct health *health)
{
	*health = (struct health){ .trials = health->trials };
}

size_t
health_pick(
    const struct health *const *members, size_t n, uint32_t tried, mono_t now)
{
	size_t last = n;

	for (size_t i = 0; i < n; i++) {
		enum health_state state;

		if ((tried >> i & 1) != 0)
			continue;
		state = health_state(members[i], now);
		if (state == HEALTH_UP ||
		    (state == HEALTH_TRIAL && members[i]->trials == 0))
			return i;
		if (last == n)
			last = i;
	}
	return last;
}
