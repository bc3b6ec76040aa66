#ifndef CORE_NAMES_OWN_H
#define CORE_NAMES_OWN_H

#include "src/base/list.h"
#include "src/base/map.h"
#include "src/core/names.h"

/* Behind struct names: shared by names.c, names_crowd.c, names_hosts.c,
 * names_learn.c and names_text.c. */

/* Services run as root or as a user of the system's: people begin at 1000
 * (login.defs, SYS_UID_MAX). */
#define SYSTEM_UID_MAX 999

/* Zero padded: hashed and compared as memory. All but the address is 0 for
 * anybody; zero is 1 for an owner that is several programs. */
struct names_key {
	uint64_t start, exe_dev, exe_ino;
	uint32_t pid, zero;
	struct addr addr;
};

/* A program that was told names, or several, or nobody in particular: what it
 * has. */
struct names_owner {
	struct map_node node;
	struct list rank;     /* of those that have about as much */
	struct list entries;  /* the one used last first */
	size_t bytes;	      /* of all of them */
	struct names_key key; /* without an address */
};

/* By the power of two that an owner's octets come to. */
#define NAMES_RANKS 32

/* Of each name, how long it holds, and to whose program it was told last. */
struct names_hold {
	mono_t end;
	uint32_t uid;
};

struct names_entry {
	struct map_node node;
	struct list lru;
	struct list own; /* of its owner's */
	struct names_owner *owner;
	struct names_key key;
	const struct host_names *hosts;
	struct names_hold *holds; /* of each of them, in the same memory */
	size_t bytes;		  /* of memory, with them */
};

/* What was learnt, until it is put in its place with others. */
struct names_lesson {
	struct names_key key, anybody;
	uint64_t hash, anybody_hash;
	uint32_t uid; /* whose program was told */
	mono_t time, end;
	struct name name;
};

/* As many as the answers to queries that came at once: see names_settle(). */
#define NAMES_LESSONS 32

struct names {
	struct map map, owners;
	struct names_owner *last; /* that was looked for; NULL */
	struct list lru;	  /* the one used last first */
	struct list ranks[NAMES_RANKS];
	size_t max;
	size_t bytes; /* of all entries */
	struct stats *stats;
	struct names_lesson lessons[NAMES_LESSONS];
	size_t n_lessons;
};

/* Names in one piece of memory, none longer than it is: a struct name has room
 * that is not looked at. So is what else is known of them, which is not the
 * names' user's but the entry's. NULL when there is no memory. */
struct host_names *host_names_new(const struct name *const *v,
    const struct names_hold *holds, size_t n, struct names_hold **ret_holds);

struct names_key names_key_of(
    const struct process *proc, const struct addr *addr);

/* A name of an address, for the program of the key; and who was told it, whose
 * room it takes (an address of the key means nothing). */
struct names_told {
	const struct names_key *key, *owner;
	const struct name *name;
	uint64_t hash; /* of the key, by names->map */
	struct names_hold hold;
};

/* Which of the names of an address, NAMES_PER_ADDR at most and the one learnt
 * last first, goes where there are too many: whoever has a domain can give an
 * address any number of names, and must not turn out those of others. Of the
 * domain that has most of them, and of what is below that the same, the one
 * that ends first. */
size_t names_first_to_go(
    const struct name *const *names, const struct names_hold *holds, size_t n);

/* What was learnt is put in its place, the oldest first: to be called before
 * anything is looked for. A table that holds thousands of addresses is mostly
 * not in the processor's caches, and each place is waited for as long as all
 * the rest takes; the places of many at once are waited for once. */
void names_settle(struct names *names);

/* Has it fetched from memory; entry may be no entry, but a list's head. */
static inline void
names_expect_entry(const struct names_entry *entry)
{
	for (size_t i = 0; i < sizeof(*entry); i += 64)
		__builtin_prefetch((const uint8_t *)entry + i);
}

/* When it ends that a program was told for so long. */
mono_t names_end(mono_t now, uint32_t ttl_s);

/* The name goes in front, or holds until then at least. */
void names_put(struct names *names, const struct names_told *told, mono_t now);

#endif
