#ifndef CORE_HOSTSET_BUILD_H
#define CORE_HOSTSET_BUILD_H

#include "src/core/hostset.h"

struct hostset_entry;
struct hostset_pending;

/* Collects names and makes the arrays of a hostset. */
struct hostset_build {
	uint64_t key[2];
	uint64_t exact_depths, below_depths;
	struct hostset_entry *entries;
	size_t n, room;
	struct hostset_entry *cancelled; /* to be taken out again */
	size_t n_cancelled, cancelled_room;
	struct hostset_pending *pending; /* records, in the order they came */
	size_t n_pending, pending_room;
	uint8_t *bytes; /* of the records */
	size_t n_bytes, bytes_room;
	/* what hostset_build_finish() makes; n_words and so on say how many
	 * there are */
	uint64_t *words;
	struct hostset_more *more;
	uint8_t *records;
	uint32_t n_buckets;
	size_t n_names, n_words, n_more, n_records;
};

void hostset_build_init(struct hostset_build *build, const uint64_t key[2]);
void hostset_build_done(struct hostset_build *build);

/* Flags as in hostset.h, without HOSTSET_MORE. Where a name comes again its
 * levels add up, and the first code of each half holds. 0, -E2BIG (more than
 * a set can have) or -ENOMEM. */
int hostset_build_add(
    struct hostset_build *build, const struct name *name, unsigned int flags);

/* What says just that of the name says nothing, whenever it comes
 * ($badfilter). */
int hostset_build_cancel(
    struct hostset_build *build, const struct name *name, unsigned int flags);

/* A record of the name, beside what hostset_build_add() says of it; `bytes`
 * follow the head. */
int hostset_build_record(struct hostset_build *build, const struct name *name,
    const struct hostset_record *head, const void *bytes);

/* Once, after all: fills in the last group of members. 0 or -ENOMEM. */
int hostset_build_finish(struct hostset_build *build);

/* After that: the entry of a name; n_words where there is none. */
size_t hostset_build_find(
    const struct hostset_build *build, const struct name *name);

#endif
