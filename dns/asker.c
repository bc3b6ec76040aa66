#include "dns/asker.h"

#include <errno.h>
#include <stdlib.h>

int
askers_init(struct askers *askers)
{
	list_init(&askers->lru);
	askers->last_id = 0;
	return map_init(&askers->map);
}

static void
forget(struct askers *askers, struct asker *asker)
{
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
}

/* One that nobody waits for, if there is any. */
static void
make_room(struct askers *askers)
{
	struct list *node;

	for (node = askers->lru.prev; node != &askers->lru; node = node->prev) {
		struct asker *asker = container_of(node, struct asker, lru);

		if (asker->waiting == 0) {
			forget(askers, asker);
			return;
		}
	}
}

struct asker *
asker_get(struct askers *askers, const struct process *process)
{
	uint64_t hash = map_hash(&askers->map, &process, sizeof(process));
	struct map_node *node = map_first(&askers->map, hash);
	struct asker *asker;

	for (; node != NULL; node = map_next(node, hash)) {
		asker = container_of(node, struct asker, node);
		if (asker->process != process)
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
	asker->process = process_ref(process);
	asker->id = ++askers->last_id;
	map_put(&askers->map, &asker->node, hash);
	list_prepend(&askers->lru, &asker->lru);
	return asker;
}

struct asker *
asker_new(const struct process *process)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (asker == NULL)
		return NULL;
	asker->process = process_ref(process);
	return asker;
}

void
asker_free(struct asker *asker)
{
	if (asker == NULL)
		return;
	process_unref(asker->process);
	free(asker);
}
