#ifndef PORT17_SHARE_H
#define PORT17_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/map.h"

/* Something that there is so much of, and of which one process may have an
 * eighth: one that takes all it can get does not end the tunnels of others. */
#define SHARE_OF_ONE 8

struct shares {
	struct map map;
	size_t max, used;
};

/* Hashed: zeroed first. */
struct share_key {
	uint64_t start;
	uint32_t pid;
	uint32_t unused;
};

int shares_init(struct shares *shares, size_t max); /* 0 or -ENOMEM */
void shares_done(struct shares *shares);	    /* all was given back */

/* Whether there is so much for this process. */
bool shares_have(
    const struct shares *shares, uint32_t pid, uint64_t start, size_t much);

/* So much for this process. False: there is not so much left, or not for it; or
 * there is no memory. */
bool shares_take(
    struct shares *shares, uint32_t pid, uint64_t start, size_t much);
/* Back; it was taken. */
void shares_give(
    struct shares *shares, uint32_t pid, uint64_t start, size_t much);

#endif
