#include "dns/asker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct budget asker_names = { .share = 1,
	.most = ASKER_NAMES * ASKER_NAME_NS };
static const struct budget user_names = { .share = 1,
	.most = ASKER_USER_NAMES * ASKER_USER_NAME_NS };

int
askers_init(struct askers *askers)
{
	list_init(&askers->lru);
	askers->last_id = 0;
	if (map_init(&askers->map) < 0)
		return -ENOMEM;
	if (map_init(&askers->users) == 0)
		return 0;
	map_done(&askers->map);
	memset(&askers->map, 0, sizeof(askers->map));
	return -ENOMEM;
}

/* A reference, or NULL when there is no memory. */
static struct asker_user *
user_get(struct askers *askers, const struct process *process)
{
	bool known = process->kind == PROCESS_PROGRAM || process->has_uid;
	struct {
		uint32_t uid, known;
	} key = { known ? process->uid : 0, known };
	uint64_t hash = map_hash(&askers->users, &key, sizeof(key));
	struct map_node *node = map_first(&askers->users, hash);
	struct asker_user *user;

	for (; node != NULL; node = map_next(node, hash)) {
		user = container_of(node, struct asker_user, node);
		if (user->uid == key.uid && user->known == known) {
			user->refs++;
			return user;
		}
	}
	user = calloc(1, sizeof(*user));
	if (user == NULL)
		return NULL;
	user->uid = key.uid;
	user->known = known;
	user->refs = 1;
	user->names = user_names;
	map_put(&askers->users, &user->node, hash);
	return user;
}

static void
user_unref(struct askers *askers, struct asker_user *user)
{
	if (--user->refs > 0)
		return;
	map_remove(&askers->users, &user->node);
	free(user);
}

static void
forget(struct askers *askers, struct asker *asker)
{
	user_unref(askers, asker->user);
	list_remove(&asker->lru);
	map_remove(&askers->map, &asker->node);
	process_unref(asker->process);
	free(asker);
}

void
askers_done(struct askers *askers)
{
	while (!list_empty(&askers->lru))
		forget(
		    askers, container_of(askers->lru.next, struct asker, lru));
	map_done(&askers->map);
	map_done(&askers->users);
}

static bool
is_idle(const struct asker *asker)
{
	return asker->waiting == 0 && asker->tasks == 0 && asker->conns == 0;
}

/* One that takes nothing, if there is any. */
static void
make_room(struct askers *askers)
{
	struct list *node;

	for (node = askers->lru.prev; node != &askers->lru; node = node->prev) {
		struct asker *asker = container_of(node, struct asker, lru);

		if (is_idle(asker)) {
			forget(askers, asker);
			return;
		}
	}
}

/* Who it is: hashed, so zeroed first. */
struct identity {
	const struct process *process;
	struct addr host;
};

struct asker *
asker_get(struct askers *askers, const struct process *process,
    const struct addr *host)
{
	struct asker *asker = container_of(askers->lru.next, struct asker, lru);
	struct identity is;
	uint64_t hash;
	struct map_node *node;

	/* mostly whoever asked before asks again */
	if (!list_empty(&askers->lru) && asker->process == process &&
	    host == NULL && asker->host.family == ADDR_NONE)
		return asker;
	memset(&is, 0, sizeof(is));
	is.process = process;
	is.host.family = ADDR_NONE;
	if (host != NULL)
		is.host = *host;
	hash = map_hash(&askers->map, &is, sizeof(is));
	node = map_first(&askers->map, hash);
	for (; node != NULL; node = map_next(node, hash)) {
		asker = container_of(node, struct asker, node);
		if (asker->process != process ||
		    !addr_equal(&asker->host, &is.host))
			continue;
		list_remove(&asker->lru);
		list_prepend(&askers->lru, &asker->lru);
		return asker;
	}
	asker = calloc(1, sizeof(*asker));
	if (asker == NULL)
		return NULL;
	if (askers->map.count >= ASKERS_MAX)
		make_room(askers);
	asker->user = user_get(askers, process);
	if (asker->user == NULL) {
		free(asker);
		return NULL;
	}
	asker->process = process_ref(process);
	asker->host = is.host;
	asker->here = host == NULL ? askers->here : NULL;
	asker->names = asker_names;
	asker->id = ++askers->last_id;
	map_put(&askers->map, &asker->node, hash);
	list_prepend(&askers->lru, &asker->lru);
	return asker;
}

uint64_t
askers_last(const struct askers *askers)
{
	return !list_empty(&askers->lru)
		   ? container_of(askers->lru.next, struct asker, lru)->id
		   : 0;
}

struct asker *
asker_new(const struct process *process)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (asker == NULL)
		return NULL;
	asker->user = calloc(1, sizeof(*asker->user));
	if (asker->user == NULL) {
		free(asker);
		return NULL;
	}
	asker->process = process_ref(process);
	asker->names = asker_names;
	asker->user->names = user_names;
	return asker;
}

void
asker_free(struct asker *asker)
{
	if (asker == NULL)
		return;
	process_unref(asker->process);
	free(asker->user);
	free(asker);
}

bool
asker_may_name(struct asker *asker, mono_t now)
{
	return budget_has(&asker->names, now) &&
	       budget_has(&asker->user->names, now);
}

void
asker_named(struct asker *asker)
{
	budget_spend(&asker->names, ASKER_NAME_NS);
	budget_spend(&asker->user->names, ASKER_USER_NAME_NS);
}
