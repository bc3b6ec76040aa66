#ifndef CORE_ADDRSET_H
#define CORE_ADDRSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/core/hostset.h"

/* The addresses of a compiled list: ranges side by side, in order, none of
 * which meet, in one piece of memory without pointers. */

/* What a range says: a code in the lower bits, and for HOSTSET_LOCAL where its
 * records are, those up to the next one's. */
#define ADDRSET_CODE_BITS 3

struct addrset4 {
	uint32_t lo, hi; /* host order */
	uint32_t what;
};

struct addrset6 {
	uint64_t lo[2], hi[2]; /* the upper half first */
	uint32_t what, unused;
};

/* Borrows both arrays. */
struct addrset {
	const struct addrset4 *v4;
	const struct addrset6 *v6;
	uint32_t n4, n6;
};

/* False where it is in none; else *ret_what. An address of NAT64 is also the
 * one where it leads, if that is of the internet. */
bool addrset_find(
    const struct addrset *set, const struct addr *addr, uint32_t *ret_what);

/* Checks what ranges say against the size of their records: for each range of
 * local data its length (uint32_t), then struct hostset_record and what
 * follows. */
bool addrset_is_sound(
    const struct addrset *set, const uint8_t *records, size_t n_records);

/* Ranges as they come, that may meet and hold each other. */
struct addrset_item;

struct addrset_build {
	struct addrset_item *items;
	size_t n, room;
	/* what addrset_build_finish() makes */
	struct addrset4 *v4;
	struct addrset6 *v6;
	size_t n4, room4, n6, room6;
};

/* Who wins where ranges meet: the later in this order; of ADDRSET_CODED the
 * narrowest, then the first. */
enum addrset_rank {
	ADDRSET_BLOCK,
	ADDRSET_CODED, /* what an RPZ says */
	ADDRSET_ALLOW,
	ADDRSET_BLOCK_FIRST,
	ADDRSET_ALLOW_FIRST,
};

/* `what` as above; HOSTSET_PASSTHRU takes the range out. 0, -E2BIG or
 * -ENOMEM. */
int addrset_build_add(struct addrset_build *build,
    const struct addr_range *range, enum addrset_rank rank, uint32_t what);

/* Once, after all: fills in the last group. 0 or -ENOMEM. */
int addrset_build_finish(struct addrset_build *build);
void addrset_build_done(struct addrset_build *build); /* accepts a zeroed one */

#endif
