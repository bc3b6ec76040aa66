#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include "src/base/list.h"
#include "src/base/mono.h"
#include "dns/answer.h"
#include "dns/key.h"
#include "src/core/decision.h"

/* Answers by question, bounded by bytes. What was not asked for since the hand
 * came by last makes room (SIEVE: no list is touched by a hit). */
struct cache;

/* One of them: read only but for the last lines. */
struct cache_entry {
	struct map_node node;
	struct list order; /* the youngest first */
	mono_t stored;
	struct answer answer; /* its bytes follow the entry */
	uint16_t type, class;
	uint8_t flags, group, name_len;
	uint32_t size;	 /* bytes of all of it */
	bool used;	 /* since the hand came by */
	uint64_t number; /* of those that were kept, one after the other */
	/* the user's: what was decided of this answer, for whom, by which
	 * generation of the policy; 0: nothing yet */
	uint64_t judged_policy, judged_asker;
	mono_t judged_until;
	struct decision judged;
	/* it could not be had anew, and why: till then nobody is asked */
	mono_t rests_until;
	bool refused;
};

/* bytes: 0 keeps nothing. NULL when there is no memory. */
struct cache *cache_new(size_t bytes);
void cache_free(struct cache *cache); /* accepts NULL */

/* Changes the bound; what is too much goes: some at once, and the rest by
 * cache_tidy(). Until then there will be no more than there is. */
void cache_resize(struct cache *cache, size_t bytes);

/* The answer, fresh or not; NULL. Borrowed until the next cache_put() or
 * flush. */
struct cache_entry *cache_find(struct cache *cache, const struct key *key);

/* Whether there may be an answer for all types of a name of that length (in
 * wire form): where there is none, it need not be looked for. */
bool cache_has_untyped(const struct cache *cache, uint8_t name_len);

/* For many that are looked for in a row: first for each the one, then for each
 * the other, so that memory is waited for once. The number is what the first
 * gives for the second. Nothing changes by that. Afterwards the third one tells
 * what will be found, as far as a number tells: mostly right. */
uint64_t cache_expect(const struct cache *cache, const struct key *key);
void cache_expect_entry(const struct cache *cache, uint64_t number);
const struct cache_entry *cache_expected(
    const struct cache *cache, uint64_t number);
/* As cache_find(), by that number of the same key; 0: it is not known. */
struct cache_entry *cache_find_as(
    struct cache *cache, const struct key *key, uint64_t number);

/* That of the answer which was kept last. */
uint64_t cache_last_number(const struct cache *cache);

/* Seconds since it was kept. */
uint32_t cache_age(const struct cache_entry *entry, mono_t now);
bool cache_is_fresh(const struct cache_entry *entry, mono_t now);

/* Keeps a copy in place of what was there. False where it is not kept: too
 * large, or no memory. */
bool cache_put(struct cache *cache, const struct key *key,
    const struct answer *answer, mono_t now);

/* Forgets the one answer, where there is one. */
void cache_drop(struct cache *cache, const struct key *key);

/* Forgets the name and all below it, and that a name above it is not there,
 * which denies it, too (NULL: everything); how many answers. From then on they
 * are not found, but not all of them are looked for at once:
 * cache_sweep() says of how many more, and *ret_more is true until all are. Of
 * everything the memory is freed by and by: as new ones need it, and by
 * cache_tidy(), n answers at a time, as is what a lower bound turns out; true
 * when all is done. */
size_t cache_flush(
    struct cache *cache, const struct name *name, bool *ret_more);
size_t cache_sweep(struct cache *cache, bool *ret_more);
bool cache_tidy(struct cache *cache, size_t n);

/* Groups have other numbers: `place` says which (0 to 255) the answers of a
 * group have from now on, -1 where they are to be forgotten, as those are that
 * several groups made; how many were. */
size_t cache_regroup(struct cache *cache,
    int (*place)(void *arg, uint8_t group, const struct name *name), void *arg);

struct cache_stats {
	size_t entries, bytes, bytes_max;
	size_t leaving; /* bytes that are not free yet, within the same bound */
	uint64_t evicted, refused; /* too large, or no memory */
};
void cache_stats(const struct cache *cache, struct cache_stats *ret);

#endif
