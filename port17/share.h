#ifndef PORT17_SHARE_H
#define PORT17_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/map.h"

struct process;

/* Something that there is so much of, and of which one process may have an
 * eighth, and all of one user a half: who takes all he can get does not end the
 * tunnels of others. */
#define SHARE_OF_ONE 8
#define SHARE_OF_USER 2

struct shares {
	struct map map;
	size_t max, used;
};

/* Whose share it is. Hashed: without padding. */
struct share_key {
	uint64_t start;
	uint32_t pid;
	uint32_t user; /* the number, and 1; 0: not known */
};

/* Of processes that could not be found those of one user have one. */
struct share_key share_key_of(const struct process *process);

int shares_init(struct shares *shares, size_t max); /* 0 or -ENOMEM */
void shares_done(struct shares *shares);	    /* all was given back */

/* Whether there is so much for this one. */
bool shares_have(
    const struct shares *shares, const struct share_key *key, size_t much);

/* So much for this one. False: there is not so much left, or not for it; or
 * there is no memory. */
bool shares_take(
    struct shares *shares, const struct share_key *key, size_t much);
/* Back; it was taken. */
void shares_give(
    struct shares *shares, const struct share_key *key, size_t much);

#endif
