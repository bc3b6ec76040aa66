#include "src/port17_past.h"

#include <stdlib.h>
#include <string.h>

struct port17_pasts {
	struct map map;
	struct list lru; /* the youngest first */
	uint64_t *forgotten;
};

struct port17_pasts *
port17_pasts_new(uint64_t *forgotten)
{
	struct port17_pasts *pasts = calloc(1, sizeof(*pasts));

	if (pasts == NULL)
		return NULL;
	list_init(&pasts->lru);
	pasts->forgotten = forgotten;
	if (map_init(&pasts->map) < 0) {
		free(pasts);
		return NULL;
	}
	return pasts;
}

static struct port17_past *
find(const struct port17_pasts *pasts, const struct flow_key *key)
{
	uint64_t hash = map_hash(&pasts->map, key, sizeof(*key));
	struct map_node *node = map_first(&pasts->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct port17_past *past =
		    container_of(node, struct port17_past, node);

		if (memcmp(&past->key, key, sizeof(*key)) == 0)
			return past;
	}
	return NULL;
}

const struct port17_past *
port17_pasts_find(const struct port17_pasts *pasts, const struct flow_key *key)
{
	return find(pasts, key);
}

static void
forget(struct port17_pasts *pasts, struct port17_past *past)
{
	map_remove(&pasts->map, &past->node);
	list_remove(&past->lru);
	process_unref(past->process);
	free(past);
}

struct port17_past *
port17_pasts_put(struct port17_pasts *pasts, const struct flow_key *key)
{
	struct port17_past *past = find(pasts, key);

	if (past != NULL)
		forget(pasts, past);
	if (pasts->map.count >= PORT17_PASTS_MAX) {
		forget(pasts,
		    container_of(pasts->lru.prev, struct port17_past, lru));
		++*pasts->forgotten;
	}
	past = calloc(1, sizeof(*past));
	if (past == NULL)
		return NULL;
	past->key = *key;
	map_put(
	    &pasts->map, &past->node, map_hash(&pasts->map, key, sizeof(*key)));
	list_prepend(&pasts->lru, &past->lru);
	return past;
}

void
port17_pasts_free(struct port17_pasts *pasts)
{
	if (pasts == NULL)
		return;
	while (!list_empty(&pasts->lru))
		forget(pasts,
		    container_of(pasts->lru.next, struct port17_past, lru));
	map_done(&pasts->map);
	free(pasts);
}
