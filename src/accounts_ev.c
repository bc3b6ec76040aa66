#include "src/accounts_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "src/base/log.h"
#include "src/core/policy.h"
#include "src/work_ev.h"
#include "src/world.h"

/* Soon after the start, when servers come up, and then seldom: a look-up may
 * cost a server's time. */
#define FIRST_S 2
#define LAST_S 60

struct accounts_ev {
	struct event_base *base;
	void (*found)(void *arg);
	void *arg;
	const struct policy *policy; /* a reference of who only shows it */
	struct event *timer;
	time_t wait_s;
	/* while it is under way */
	bool busy, come;
	const struct policy *asked; /* the same, of the thread's */
};

static bool
is_awaited(const struct policy_account *account)
{
	return account->state != POLICY_ACCOUNT_THERE;
}

/* In a thread: names are asked for on the network, it may be. */
static void
ask(void *arg)
{
	struct accounts_ev *ae = arg;
	const struct policy_account *a;
	uint32_t id = 0; /* whichever */

	ae->come = false;
	for (size_t i = 0;
	     !ae->come && (a = policy_account_get(ae->asked, i)) != NULL; i++)
		if (is_awaited(a))
			ae->come =
			    (a->group ? load_world.group : load_world.user)(
				load_world.arg, a->name, &id) == 0;
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
asked(void *arg)
{
	struct accounts_ev *ae = arg;
	bool same = ae->asked == ae->policy;

	ae->busy = false;
	policy_unref_shown(ae->asked);
	ae->asked = NULL;
	if (same)
		wait_on(ae); /* also where nothing comes of it */
	if (ae->come)
		ae->found(ae->arg);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct accounts_ev *ae = arg;

	(void)fd;
	(void)what;
	if (ae->busy) { /* for rules before: it may not come back for long */
		wait_on(ae);
		return;
	}
	ae->asked = policy_ref_shown(ae->policy);
	ae->busy = true;
	if (work_start(ae->base, ask, asked, ae) == 0)
		return;
	ae->come = false;
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
	policy_unref_shown(ae->policy);
	if (!ae->busy)
		free(ae);
}

void
accounts_ev_watch(struct accounts_ev *ae, const struct policy *policy)
{
	const struct policy_account *a;
	bool any = false;

	for (size_t i = 0; (a = policy_account_get(policy, i)) != NULL; i++)
		any = any || is_awaited(a);
	policy_unref_shown(ae->policy);
	ae->policy = policy_ref_shown(policy);
	ae->wait_s = FIRST_S;
	(void)event_del(ae->timer); /* it may not be pending */
	if (any)
		wait_on(ae);
}

bool
accounts_ev_is_busy(const struct accounts_ev *ae)
{
	return ae != NULL && ae->busy;
}
