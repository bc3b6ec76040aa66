#ifndef BASE_INODES_H
#define BASE_INODES_H

#include <stdbool.h>
#include <stdint.h>

/* Our own outgoing sockets, by inode: the judge asks here before it looks
 * through /proc, where ours are one among thousands of descriptors. */
struct inodes;

struct inodes *inodes_new(void); /* NULL when there is no memory */
void inodes_free(struct inodes *own);

/* 0, or -ENOMEM (then the judge finds it the long way); -EINVAL for 0. */
int inodes_add(struct inodes *own, uint64_t inode);
void inodes_remove(struct inodes *own, uint64_t inode);
bool inodes_has(const struct inodes *own, uint64_t inode);

#endif
