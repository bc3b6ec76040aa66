#ifndef LINUX_ENTRY_END_H
#define LINUX_ENTRY_END_H

#include "src/linux/chains.h"

/* Ends all TCP connections at the tunnels' entry, whose NAT is still in place:
 * the programs are told by a reset. Where the rules of nat are gone the kernel
 * does not translate what has begun either (a table without rules has no
 * hooks): a program's next bytes would go to where it believes to be connected.
 * (Of datagrams each stands for itself: the next one is as new.)
 *
 * 0, or -errno of the first that could not be ended. Blocks. */
int entry_end(enum chains_family family);

#endif
