#ifndef CORE_POLICY_INDEX_H
#define CORE_POLICY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/arena.h"
#include "src/core/policy_set.h"

/* Finds the first matching rule without asking all of them. Each rule is filed
 * under the keys of one of its matches (the one that it shares with the fewest
 * rules): a literal, what a glob begins or ends with, a user, a port, a
 * prefix. A subject has few keys; the rules under them, and those that could
 * not be filed, are asked in order. Keys are 64-bit hashes: two that collide
 * cost a question, never a wrong answer. */
struct policy_index;

/* Built in the arena, over entries that live as long, for one kind of
 * subjects: flows or queries. NULL when there is no memory. */
const struct policy_index *policy_index_new(struct arena *arena,
    const struct policy_entry *entries, size_t n, bool queries);

/* Number (from 0) of the first entry that decides, and what of it matched; or
 * n. */
size_t policy_index_first(const struct policy_index *index,
    const struct subject *subject, struct matched *ret);

#endif
