#include "src/core/fakeip.h"
#include "src/core/judge_own.h"
#include "src/core/names.h"

void
judge_set_fakes(struct judge *judge, struct fakeip *fakeip)
{
	judge->fakeip = fakeip;
}

bool
judge_to_fake(const struct judge *judge, const struct judge_way *way)
{
	return judge->fakeip != NULL && !way->in && !way->loopback &&
	       fakeip_is(way->dst);
}

const struct host_names *
judge_fake_hosts(
    const struct judge *judge, const struct judge_way *way, mono_t now)
{
	const struct name *name = fakeip_name(judge->fakeip, way->dst, now);

	return name != NULL ? host_names_of(name) : NULL;
}

const struct host_names *
judge_called(const struct judge *judge, const struct process *proc,
    const struct addr *addr, mono_t now)
{
	const struct judge_way way = { .dst = addr };

	return judge_to_fake(judge, &way)
		   ? judge_fake_hosts(judge, &way, now)
		   : host_names_ref(judge_hosts(judge, proc, addr, now));
}

struct decision
judge_fake(struct decision d, bool named)
{
	bool carried = d.action == ACTION_REROUTE && named;

	/* a proxy of ours may be there, in a laboratory */
	if (carried || d.action == ACTION_BLOCK || d.action == ACTION_DROP ||
	    d.reason == REASON_SELF)
		return d;
	d.action = ACTION_BLOCK;
	d.reason = REASON_STAND_IN;
	d.tunnel = 0;
	return d;
}
