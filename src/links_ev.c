#include "src/links_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/inotify.h>

#include "src/base/budget.h"
#include "src/base/log.h"
#include "src/base/mono.h"
#include "src/core/policy.h"
#include "src/sight_ev.h"
#include "src/work_ev.h"
#include "src/world.h"

/* A change is looked at at once: what it brings may be running. Where they go
 * on, each look waits twice as long as the one before, since anyone may change
 * what is his own without end. */
#define FIRST_NS (10 * MONO_MS)
#define LAST_NS (2 * MONO_S)
/* Quiet for so long: the next one is a first one. */
#define QUIET_NS (10 * MONO_S)
/* Between looks where not all can be watched; … */
static const struct timeval part = { 5, 0 };
/* … and longer, where there are so many that a look takes more than this share
 * of the time. */
#define PART_SHARE 20

struct links_ev {
	struct event_base *base;
	void (*moved)(void *arg);
	void *arg;
	const struct policy *policy; /* a reference of who only shows it */
	struct sight *sight;	     /* NULL: nothing is watched */
	struct event *timer, *unwatched;
	bool warned;   /* that not all is watched */
	mono_t looked; /* the last time */
	uint64_t wait_ns;
	mono_t began; /* the look at hand, or the last one */
	struct budget budget;
	/* while it is under way: of the thread's */
	bool busy, again;
	const struct policy *looked_at; /* the same */
	struct sight *fresh;
	bool has_moved;
};

/* In a thread. What changes from when it is watched on is seen. */
static void
look(void *arg)
{
	struct links_ev *le = arg;
	const struct policy_path *p;

	le->has_moved = false;
	if (sight_new(&le->fresh) < 0)
		le->fresh = NULL; /* see look_again() */
	for (size_t i = 0; le->fresh != NULL &&
			   (p = policy_path_get(le->looked_at, i)) != NULL;
	     i++)
		sight_follow(le->fresh, p->path);
	le->has_moved = policy_paths_moved(le->looked_at, &load_world);
}

static void
look_soon(struct links_ev *le)
{
	struct timeval tv;

	if (evtimer_pending(le->timer, NULL))
		return;
	if (mono_since(mono_now(), le->looked) > QUIET_NS)
		le->wait_ns = FIRST_NS;
	tv = mono_timeval(le->wait_ns);
	if (event_add(le->timer, &tv) < 0)
		log_limited(LOG_LEVEL_WARNING, "policy",
		    "where paths of rules lead is not looked at");
}

static void
take_event(void *arg, const struct inotify_event *event)
{
	struct links_ev *le = arg;
	const char *path; /* to look too early does no harm */

	if ((event->mask & IN_Q_OVERFLOW) != 0 ||
	    sight_is_touched(le->sight, event, &path))
		look_soon(le);
}

/* Where not all is watched, what is not is looked at now and then. */
static void
look_again(struct links_ev *le, bool whole)
{
	if (!whole && !le->warned)
		log_warning("policy",
		    "not all paths of the rules can be watched: where they "
		    "lead is looked at each %d s, or less often where that "
		    "takes long",
		    (int)part.tv_sec);
	le->warned = !whole;
	if (!whole)
		(void)event_add(le->unwatched, &part); /* or the next look */
}

static void
looked(void *arg)
{
	struct links_ev *le = arg;
	bool same = le->looked_at == le->policy, whole = false;

	le->busy = false;
	policy_unref_shown(le->looked_at);
	le->looked_at = NULL;
	if (same && le->fresh != NULL &&
	    sight_read(le->fresh, le->base, take_event, le) == 0) {
		sight_free(le->sight);
		le->sight = le->fresh;
		le->fresh = NULL;
		whole = sight_is_whole(le->sight);
	}
	if (same)
		look_again(le, whole);
	sight_free(le->fresh);
	le->fresh = NULL;
	le->looked = mono_now();
	budget_spend(&le->budget, mono_since(le->looked, le->began));
	/* also where nothing comes of it */
	if (!same || le->again || le->has_moved)
		look_soon(le);
	le->again = false;
	if (same && le->has_moved)
		le->moved(le->arg);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct links_ev *le = arg;

	(void)fd;
	(void)what;
	if (le->busy) {
		le->again = true;
		return;
	}
	if (le->wait_ns < LAST_NS)
		le->wait_ns *= 2;
	le->looked_at = policy_ref_shown(le->policy);
	le->began = mono_now();
	le->busy = true;
	if (work_start(le->base, look, looked, le) == 0)
		return;
	le->has_moved = false;
	le->again = true; /* no thread is to be had: a bit later */
	looked(le);
}

static void
unwatched_cb(evutil_socket_t fd, short what, void *arg)
{
	struct links_ev *le = arg;

	(void)fd;
	(void)what;
	if (budget_has(&le->budget, mono_now()))
		look_soon(le);
	else
		(void)event_add(le->unwatched, &part); /* or the next look */
}

int
links_ev_new(struct links_ev **ret, struct event_base *base,
    void (*moved)(void *arg), void *arg)
{
	struct links_ev *le = calloc(1, sizeof(*le));

	if (le == NULL)
		return -ENOMEM;
	le->base = base;
	le->moved = moved;
	le->arg = arg;
	le->wait_ns = FIRST_NS;
	le->budget = (struct budget){ .share = PART_SHARE, .most = 1 };
	le->timer = evtimer_new(base, timer_cb, le);
	le->unwatched = evtimer_new(base, unwatched_cb, le);
	if (le->timer == NULL || le->unwatched == NULL) {
		links_ev_free(le);
		return -ENOMEM;
	}
	*ret = le;
	return 0;
}

void
links_ev_free(struct links_ev *le)
{
	if (le == NULL)
		return;
	if (le->timer != NULL)
		event_free(le->timer);
	if (le->unwatched != NULL)
		event_free(le->unwatched);
	sight_free(le->sight);
	policy_unref_shown(le->policy);
	if (!le->busy)
		free(le);
}

void
links_ev_watch(struct links_ev *le, const struct policy *policy)
{
	policy_unref_shown(le->policy);
	le->policy = policy_ref_shown(policy);
	if (policy_path_get(policy, 0) != NULL) {
		look_soon(le);
		return;
	}
	(void)event_del(le->timer); /* they may not be pending */
	(void)event_del(le->unwatched);
	sight_free(le->sight);
	le->sight = NULL;
}

bool
links_ev_is_busy(const struct links_ev *le)
{
	return le != NULL && le->busy;
}
