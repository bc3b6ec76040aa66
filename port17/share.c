#include "port17/share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/list.h"
#include "src/core/process.h"

struct share {
	struct map_node node;
	struct share_key key;
	size_t used; /* never 0 for long */
};

struct share_key
share_key_of(const struct process *process)
{
	return (struct share_key){
		.start = process->start,
		.pid = (uint32_t)process->pid,
		.user = process->kind == PROCESS_UNKNOWN && process->has_uid
			    ? process->uid + 1
			    : 0,
	};
}

int
shares_init(struct shares *shares, size_t max)
{
	shares->max = max;
	shares->used = 0;
	return map_init(&shares->map) < 0 ? -ENOMEM : 0;
}

void
shares_done(struct shares *shares)
{
	map_done(&shares->map);
}

static struct share *
find(const struct shares *shares, const struct share_key *key, uint64_t hash)
{
	struct map_node *node = map_first(&shares->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct share *share = container_of(node, struct share, node);

		if (memcmp(&share->key, key, sizeof(*key)) == 0)
			return share;
	}
	return NULL;
}

static bool
has_room(const struct shares *shares, const struct share *share, size_t much)
{
	size_t used = share != NULL ? share->used : 0;

	return much <= shares->max - shares->used &&
	       much <= shares->max / SHARE_OF_ONE - used;
}

bool
shares_have(
    const struct shares *shares, const struct share_key *key, size_t much)
{
	return has_room(shares,
	    find(shares, key, map_hash(&shares->map, key, sizeof(*key))), much);
}

bool
shares_take(struct shares *shares, const struct share_key *key, size_t much)
{
	uint64_t hash = map_hash(&shares->map, key, sizeof(*key));
	struct share *share = find(shares, key, hash);

	if (!has_room(shares, share, much))
		return false;
	if (share == NULL) {
		share = calloc(1, sizeof(*share));
		if (share == NULL)
			return false;
		share->key = *key;
		map_put(&shares->map, &share->node, hash);
	}
	share->used += much;
	shares->used += much;
	return true;
}

void
shares_give(struct shares *shares, const struct share_key *key, size_t much)
{
	struct share *share =
	    find(shares, key, map_hash(&shares->map, key, sizeof(*key)));

	if (share == NULL)
		return; /* nothing was taken */
	share->used -= much;
	shares->used -= much;
	if (share->used > 0)
		return;
	map_remove(&shares->map, &share->node);
	free(share);
}
