#include "src/base/inodes.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* Numbers and nothing else, eight bytes each: there is one for each flow. They
 * lie where they hash to or behind it, with no gap in between; the kernel gives
 * them out one after the other, so that nobody chooses where. */
#define ROOM_MIN 64

struct inodes {
	uint64_t *slots; /* 0: free */
	size_t mask;	 /* number of slots - 1 */
	size_t count;
};

static size_t
home_of(const struct inodes *own, uint64_t inode)
{
	return (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 32) & own->mask;
}

/* Its slot, or the one where it would lie. */
static size_t
find(const struct inodes *own, uint64_t inode)
{
	size_t at = home_of(own, inode);

	while (own->slots[at] != 0 && own->slots[at] != inode)
		at = (at + 1) & own->mask;
	return at;
}

struct inodes *
inodes_new(void)
{
	struct inodes *own = calloc(1, sizeof(*own));

	if (own == NULL)
		return NULL;
	own->slots = calloc(ROOM_MIN, sizeof(own->slots[0]));
	own->mask = ROOM_MIN - 1;
	if (own->slots == NULL) {
		free(own);
		return NULL;
	}
	return own;
}

void
inodes_free(struct inodes *own)
{
	if (own == NULL)
		return;
	free(own->slots);
	free(own);
}

static int
grow(struct inodes *own)
{
	uint64_t *was = own->slots;
	size_t n = own->mask + 1;

	own->slots = calloc(n * 2, sizeof(own->slots[0]));
	if (own->slots == NULL) {
		own->slots = was;
		return -ENOMEM;
	}
	own->mask = n * 2 - 1;
	for (size_t i = 0; i < n; i++)
		if (was[i] != 0)
			own->slots[find(own, was[i])] = was[i];
	free(was);
	return 0;
}

int
inodes_add(struct inodes *own, uint64_t inode)
{
	if (inode == 0) /* no file has that one */
		return -EINVAL;
	if (inodes_has(own, inode))
		return 0;
	/* three of four are taken at most */
	if ((own->count + 1) * 4 > (own->mask + 1) * 3 && grow(own) < 0)
		return -ENOMEM;
	own->slots[find(own, inode)] = inode;
	own->count++;
	return 0;
}

/* Those behind it move up, unless they would come to lie before their home. */
static void
close_gap(struct inodes *own, size_t gap)
{
	for (size_t at = (gap + 1) & own->mask; own->slots[at] != 0;
	     at = (at + 1) & own->mask) {
		size_t home = home_of(own, own->slots[at]);

		if (((at - home) & own->mask) < ((at - gap) & own->mask))
			continue;
		own->slots[gap] = own->slots[at];
		gap = at;
	}
	own->slots[gap] = 0;
}

void
inodes_remove(struct inodes *own, uint64_t inode)
{
	size_t at = find(own, inode);

	if (inode == 0 || own->slots[at] == 0)
		return;
	close_gap(own, at);
	own->count--;
}

bool
inodes_has(const struct inodes *own, uint64_t inode)
{
	return inode != 0 && own->slots[find(own, inode)] == inode;
}
