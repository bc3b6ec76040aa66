#include "src/accounts_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/inotify.h>

#include "src/base/log.h"
#include "src/core/policy.h"
#include "src/sight_ev.h"
#include "src/work_ev.h"
#include "src/world.h"

/* Soon after the start, when servers come up, and then seldom: a look-up may
 * cost a server's time. */
#define FIRST_S 2
#define LAST_S 60
/* A file that changes is written in pieces, and often with the other one. */
static const struct timeval quiet = { 0, 200000 };

static const char *const files[] = { "/etc/passwd", "/etc/group" };
#define N_FILES (sizeof(files) / sizeof(files[0]))

struct accounts_ev {
	struct event_base *base;
	void (*found)(void *arg);
	void *arg;
	const struct policy *policy; /* a reference of who only shows it */
	struct sight *sight;	     /* of the files; NULL: not yet */
	struct event *timer;
	time_t wait_s;
	bool awaits; /* any of them */
	bool soon;   /* a file has changed: the timer is of that */
	bool blind;  /* the files are not watched, which was told */
	/* while it is under way */
	bool busy, again, differ;
	const struct policy *asked; /* the same, of the thread's */
	struct sight *fresh;
};

static bool
is_awaited(const struct policy_account *account)
{
	return account->state != POLICY_ACCOUNT_THERE;
}

/* In a thread: names are asked for on the network, it may be. What changes in
 * the files from when they are watched on is seen. */
static void
ask(void *arg)
{
	struct accounts_ev *ae = arg;
	const struct policy_account *a;

	ae->differ = false;
	if (sight_new(&ae->fresh) < 0)
		ae->fresh = NULL; /* see look_on() */
	for (size_t i = 0; ae->fresh != NULL && i < N_FILES; i++)
		sight_follow(ae->fresh, files[i]);
	for (size_t i = 0;
	     !ae->differ && (a = policy_account_get(ae->asked, i)) != NULL; i++)
		ae->differ = policy_account_differs(a, &load_world);
}

static void
wait_on(struct accounts_ev *ae)
{
	struct timeval tv = { ae->wait_s, 0 };

	ae->wait_s = ae->wait_s * 2 < LAST_S ? ae->wait_s * 2 : LAST_S;
	if (event_add(ae->timer, &tv) < 0)
		log_warning("policy",
		    "users and groups that are not there are not asked for");
}

static void
take_event(void *arg, const struct inotify_event *event)
{
	struct accounts_ev *ae = arg;
	const char *path; /* to ask too early does no harm */

	if ((event->mask & IN_Q_OVERFLOW) == 0 &&
	    !sight_is_touched(ae->sight, event, &path))
		return;
	if (ae->busy)
		ae->again = true;
	else if (!ae->soon)
		ae->soon = event_add(ae->timer, &quiet) == 0;
}

/* Watches the files as they were when the names were asked for. */
static void
look_on(struct accounts_ev *ae)
{
	bool sees = ae->fresh != NULL &&
		    sight_read(ae->fresh, ae->base, take_event, ae) == 0;

	if (sees) {
		sight_free(ae->sight);
		ae->sight = ae->fresh;
		ae->fresh = NULL;
	} else if (!ae->blind) {
		log_warning("policy",
		    "users and groups can't be watched: what changes of those "
		    "that rules name is taken with the next reload");
	}
	ae->blind = !sees;
}

static void
asked(void *arg)
{
	struct accounts_ev *ae = arg;
	bool same = ae->asked == ae->policy;

	ae->busy = false;
	policy_unref_shown(ae->asked);
	ae->asked = NULL;
	if (same)
		look_on(ae);
	sight_free(ae->fresh);
	ae->fresh = NULL;
	if (same && ae->awaits)
		wait_on(ae); /* also where nothing comes of it */
	if (ae->again)
		ae->soon = event_add(ae->timer, &quiet) == 0;
	ae->again = false;
	if (ae->differ)
		ae->found(ae->arg);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct accounts_ev *ae = arg;

	(void)fd;
	(void)what;
	ae->soon = false;
	if (ae->busy) { /* for rules before: it may not come back for long */
		wait_on(ae);
		return;
	}
	ae->asked = policy_ref_shown(ae->policy);
	ae->busy = true;
	if (work_start(ae->base, ask, asked, ae) == 0)
		return;
	ae->differ = false;
	ae->again = true; /* no thread is to be had: a bit later */
	asked(ae);
}

int
accounts_ev_new(struct accounts_ev **ret, struct event_base *base,
    void (*found)(void *arg), void *arg)
{
	struct accounts_ev *ae = calloc(1, sizeof(*ae));

	if (ae == NULL)
		return -ENOMEM;
	ae->base = base;
	ae->found = found;
	ae->arg = arg;
	ae->timer = evtimer_new(base, timer_cb, ae);
	if (ae->timer == NULL) {
		free(ae);
		return -ENOMEM;
	}
	*ret = ae;
	return 0;
}

void
accounts_ev_free(struct accounts_ev *ae)
{
	if (ae == NULL)
		return;
	event_free(ae->timer);
	sight_free(ae->sight);
	policy_unref_shown(ae->policy);
	if (!ae->busy)
		free(ae);
}

void
accounts_ev_watch(struct accounts_ev *ae, const struct policy *policy)
{
	const struct policy_account *a;
	size_t n = 0;

	ae->awaits = false;
	for (; (a = policy_account_get(policy, n)) != NULL; n++)
		ae->awaits = ae->awaits || is_awaited(a);
	policy_unref_shown(ae->policy);
	ae->policy = policy_ref_shown(policy);
	ae->wait_s = FIRST_S;
	ae->soon = false;
	(void)event_del(ae->timer); /* it may not be pending */
	if (n > 0) { /* those that are there are watched from then on */
		wait_on(ae);
		return;
	}
	sight_free(ae->sight);
	ae->sight = NULL;
}

bool
accounts_ev_is_busy(const struct accounts_ev *ae)
{
	return ae != NULL && ae->busy;
}
