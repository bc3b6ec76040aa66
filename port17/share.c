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
	bool known = process->kind == PROCESS_PROGRAM || process->has_uid;

	return (struct share_key){
		.start = process->start,
		.pid = (uint32_t)process->pid,
		.user = known ? process->uid + 1 : 0,
	};
}

/* Of all that this one's user has. No process began then. */
static struct share_key
key_of_user(const struct share_key *key)
{
	return (struct share_key){ .start = UINT64_MAX, .user = key->user };
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

static size_t
used_by(const struct shares *shares, const struct share_key *key)
{
	const struct share *share =
	    find(shares, key, map_hash(&shares->map, key, sizeof(*key)));

	return share != NULL ? share->used : 0;
}

bool
shares_have(
    const struct shares *shares, const struct share_key *key, size_t much)
{
	struct share_key user = key_of_user(key);

	return much <= shares->max - shares->used &&
	       much <= shares->max / SHARE_OF_ONE - used_by(shares, key) &&
	       much <= shares->max / SHARE_OF_USER - used_by(shares, &user);
}

/* False when there is no memory. */
static bool
add(struct shares *shares, const struct share_key *key, size_t much)
{
	uint64_t hash = map_hash(&shares->map, key, sizeof(*key));
	struct share *share = find(shares, key, hash);

	if (share == NULL) {
		share = calloc(1, sizeof(*share));
		if (share == NULL)
			return false;
		share->key = *key;
		map_put(&shares->map, &share->node, hash);
	}
	share->used += much;
	return true;
}

/* False where nothing was taken. */
static bool
subtract(struct shares *shares, const struct share_key *key, size_t much)
{
	struct share *share =
	    find(shares, key, map_hash(&shares->map, key, sizeof(*key)));

	if (share == NULL)
		return false;
	share->used -= much;
	if (share->used > 0)
		return true;
	map_remove(&shares->map, &share->node);
	free(share);
	return true;
}

bool
shares_take(struct shares *shares, const struct share_key *key, size_t much)
{
	struct share_key user = key_of_user(key);

	if (!shares_have(shares, key, much) || !add(shares, key, much))
		return false;
	if (!add(shares, &user, much)) {
		(void)subtract(shares, key, much); /* it was just taken */
		return false;
	}
	shares->used += much;
	return true;
}

void
shares_give(struct shares *shares, const struct share_key *key, size_t much)
{
	struct share_key user = key_of_user(key);

	if (!subtract(shares, key, much))
		return;
	(void)subtract(shares, &user, much); /* both have it, or none */
	shares->used -= much;
}
