#include "src/policy_ends_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "src/base/mono.h"
#include "src/deadline_ev.h"

/* Until what could not be ended is tried again. */
#define RETRY_MS 10000

struct policy_ends {
	struct policy_ends_opts opts;
	struct deadline_ev *deadline; /* the next end of any */
	struct event *try_over;	      /* whatever the wall clock says */
	uint64_t retry_ms;	      /* not before; 0: at once */
	bool ending;		      /* a change that ends things is queued */
};

static uint64_t
next_end(const struct policy_ends *ends)
{
	uint64_t end = policy_texts_next_end(ends->opts.texts);

	return end != 0 && end < ends->retry_ms ? ends->retry_ms : end;
}

void
policy_ends_over(struct policy_ends *ends, bool failed)
{
	ends->ending = false;
	ends->retry_ms = failed ? deadline_wall_ms() + RETRY_MS : 0;
}

static void
end_now(struct policy_ends *ends, uint64_t now)
{
	const struct policy_texts *texts = ends->opts.texts;

	ends->ending = true;
	if (ends->opts.end(ends->opts.arg,
		texts->trying && texts->try_end_ms <= now ? CHANGE_BACK
							  : CHANGE_EXPIRE) < 0)
		policy_ends_over(ends, true);
}

void
policy_ends_look(struct policy_ends *ends)
{
	uint64_t now = deadline_wall_ms(), end = next_end(ends);

	if (ends->ending)
		return;
	if (end != 0 && end <= now) {
		end_now(ends, now);
		if (ends->ending)
			return;
		end = next_end(ends);
	}
	deadline_ev_set(ends->deadline, end);
}

static void
due(void *arg)
{
	policy_ends_look(arg);
}

/* A trial is there for who has locked himself out: it goes back when its time
 * has passed, also where the wall clock was put back meanwhile. */
static void
try_over_cb(evutil_socket_t fd, short what, void *arg)
{
	struct policy_ends *ends = arg;
	uint64_t now = deadline_wall_ms();

	(void)fd;
	(void)what;
	if (ends->opts.texts->try_end_ms > now)
		ends->opts.texts->try_end_ms = now;
	policy_ends_look(ends);
}

void
policy_ends_try(struct policy_ends *ends, uint64_t for_ms)
{
	struct timeval tv = mono_timeval(for_ms * MONO_MS);

	(void)event_add(ends->try_over, &tv); /* the deadline is there, too */
}

int
policy_ends_new(struct policy_ends **ret, const struct policy_ends_opts *opts)
{
	struct policy_ends *ends = calloc(1, sizeof(*ends));
	int r = -ENOMEM;

	if (ends == NULL)
		return -ENOMEM;
	ends->opts = *opts;
	ends->try_over = evtimer_new(opts->base, try_over_cb, ends);
	if (ends->try_over != NULL)
		r = deadline_ev_new(&ends->deadline, opts->base, due, ends);
	if (r < 0) {
		policy_ends_free(ends);
		return r;
	}
	*ret = ends;
	return 0;
}

void
policy_ends_free(struct policy_ends *ends)
{
	if (ends == NULL)
		return;
	deadline_ev_free(ends->deadline);
	if (ends->try_over != NULL)
		event_free(ends->try_over);
	free(ends);
}
