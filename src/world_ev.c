#include "src/world_ev.h"

#include <errno.h>
#include <stdlib.h>

#include "src/accounts_ev.h"
#include "src/links_ev.h"

struct world_ev {
	struct accounts_ev *accounts;
	struct links_ev *links;
};

int
world_ev_new(struct world_ev **ret, struct event_base *base,
    void (*changed)(void *arg), void *arg)
{
	struct world_ev *we = calloc(1, sizeof(*we));
	int r;

	if (we == NULL)
		return -ENOMEM;
	r = accounts_ev_new(&we->accounts, base, changed, arg);
	if (r == 0)
		r = links_ev_new(&we->links, base, changed, arg);
	if (r < 0) {
		world_ev_free(we);
		return r;
	}
	*ret = we;
	return 0;
}

void
world_ev_free(struct world_ev *we)
{
	if (we == NULL)
		return;
	accounts_ev_free(we->accounts);
	links_ev_free(we->links);
	free(we);
}

void
world_ev_watch(struct world_ev *we, const struct policy *policy)
{
	accounts_ev_watch(we->accounts, policy);
	links_ev_watch(we->links, policy);
}

bool
world_ev_is_busy(const struct world_ev *we)
{
	return we != NULL && (accounts_ev_is_busy(we->accounts) ||
				 links_ev_is_busy(we->links));
}
