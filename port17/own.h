#ifndef PORT17_OWN_H
#define PORT17_OWN_H

#include <stdbool.h>
#include <stdint.h>

/* Our own outgoing sockets, by inode: the judge asks here before it looks
 * through /proc, where ours are one among thousands of descriptors. */
struct own;

struct own *own_new(void); /* NULL when there is no memory */
void own_free(struct own *own);

/* 0, or -ENOMEM (then the judge finds it the long way). */
int own_add(struct own *own, uint64_t inode);
void own_remove(struct own *own, uint64_t inode);
bool own_has(const struct own *own, uint64_t inode);

#endif
