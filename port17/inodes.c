#include "port17/inodes.h"

#include <errno.h>
#include <stdlib.h>

#include "src/base/list.h"
#include "src/base/map.h"

struct inodes {
	struct map map;
};

struct entry {
	struct map_node node;
	uint64_t inode;
};

struct inodes *
inodes_new(void)
{
	struct inodes *own = calloc(1, sizeof(*own));

	if (own != NULL && map_init(&own->map) < 0) {
		free(own);
		return NULL;
	}
	return own;
}

static struct entry *
find(const struct inodes *own, uint64_t inode)
{
	uint64_t hash = map_hash(&own->map, &inode, sizeof(inode));
	struct map_node *node = map_first(&own->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct entry *entry = container_of(node, struct entry, node);

		if (entry->inode == inode)
			return entry;
	}
	return NULL;
}

void
inodes_free(struct inodes *own)
{
	if (own == NULL)
		return;
	for (size_t i = 0; i <= own->map.mask; i++)
		while (own->map.slots[i] != NULL) {
			struct map_node *node = own->map.slots[i];

			map_remove(&own->map, node);
			free(container_of(node, struct entry, node));
		}
	map_done(&own->map);
	free(own);
}

int
inodes_add(struct inodes *own, uint64_t inode)
{
	struct entry *entry;

	if (find(own, inode) != NULL)
		return 0;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	entry->inode = inode;
	map_put(&own->map, &entry->node,
	    map_hash(&own->map, &inode, sizeof(inode)));
	return 0;
}

void
inodes_remove(struct inodes *own, uint64_t inode)
{
	struct entry *entry = find(own, inode);

	if (entry == NULL)
		return;
	map_remove(&own->map, &entry->node);
	free(entry);
}

bool
inodes_has(const struct inodes *own, uint64_t inode)
{
	return find(own, inode) != NULL;
}
