#ifndef CORE_HOSTSET_H
#define CORE_HOSTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/name.h"

/* The names of a compiled list: a table of keyed fingerprints in one piece of
 * memory without pointers, so that it can be kept in a file.
 *
 * Each name, as canonical wire form, gives 128 bits (SipHash-1-3). The first
 * half chooses a bucket, the second gives a word: 48 bits of it, and 16 of
 * flags. A bucket is the eight words of a line of the CPU's cache. What does
 * not fit goes into the next one, so that a name is found between the start of
 * its bucket and the first word that is empty. With six names a bucket that is
 * the line itself, or the one behind it, which are asked for at once for all
 * suffixes: a look-up waits for memory once. A foreign name equals one of those
 * it is compared with once in 2^45; a look-up that tries five suffixes is wrong
 * once in about 10^13. */

/* What an entry says, for the name itself; << HOSTSET_BELOW for all names below
 * it. The levels are AdBlock's: a higher one beats a lower one. */
enum hostset_level {
	HOSTSET_BLOCK = 1,
	HOSTSET_ALLOW = 2,	 /* @@ */
	HOSTSET_BLOCK_FIRST = 4, /* $important */
	HOSTSET_ALLOW_FIRST = 8, /* @@ and $important */
};
#define HOSTSET_LEVELS 0xfU
#define HOSTSET_BELOW 4

/* What RPZ and AdBlock's $dnsrewrite say: of all that cover a name, the most
 * specific one counts. HOSTSET_BLOCK of a more specific name beats PASSTHRU. */
enum hostset_code {
	HOSTSET_NO_CODE,
	HOSTSET_NXDOMAIN,
	HOSTSET_NODATA,
	HOSTSET_PASSTHRU,
	HOSTSET_DROP,
	HOSTSET_TCP_ONLY,
	HOSTSET_LOCAL, /* see more */
	HOSTSET_REFUSED,
};
#define HOSTSET_CODE_SHIFT 8	    /* of the name itself */
#define HOSTSET_CODE_BELOW_SHIFT 11 /* of names below */
#define HOSTSET_CODE 7U
#define HOSTSET_MORE 0x4000U /* the entry has records in `more` */
/* HOSTSET_BLOCK of the entry beats PASSTHRU of it, too */
#define HOSTSET_FIRM 0x8000U
#define HOSTSET_FLAGS 0xffffU

/* Words of a bucket: 64 bytes. */
#define HOSTSET_BUCKET ((size_t)8)

struct hostset_key {
	uint64_t a, b; /* the lower 16 bits of b are 0, the others are not */
};

/* Records that few entries have: see hostset_more. */
enum hostset_kind {
	HOSTSET_RR,	  /* type, TTL, RDATA: of the name itself */
	HOSTSET_RR_BELOW, /* the same, of names below */
	HOSTSET_COND,	  /* levels that hold unless one of the keys does */
	HOSTSET_TYPES,	  /* levels for queries of these types: see below */
	HOSTSET_N_KINDS,
};

struct hostset_record {
	uint8_t kind;
	uint8_t levels; /* of COND and TYPES, both halves */
	uint16_t len;	/* of what follows */
};

/* What follows HOSTSET_TYPES is numbers of 16 bits: 1 for all types but those
 * behind it, or 0 for those. */

/* Records of one entry, in bytes: all of them are gone through for each look at
 * its name, and no answer is longer. More are left out. */
#define HOSTSET_RECORDS_OF_ONE ((size_t)128 << 10)

/* Records of an entry are those from its offset to the next one's. */
struct hostset_more {
	uint32_t entry, off;
};

/* Borrows all arrays. */
struct hostset {
	uint64_t key[2];
	uint64_t exact_depths, below_depths; /* numbers of labels that occur */
	uint32_t n;			     /* names */
	uint32_t n_buckets;
	size_t n_words; /* all buckets, and what the last ones run over into */
	const uint64_t *words;
	const struct hostset_more *more; /* by entry; n_more + 1 */
	uint32_t n_more;
	const uint8_t *records;
};

struct hostset_match {
	unsigned int levels; /* enum hostset_level of all entries, or'ed */
	enum hostset_code code;
	bool below; /* the code is that of *.NAME */
	/* how specific they are: the longest that blocks, and that passes.
	 * Twice the octets, and one more for a name: it beats a pattern as long
	 */
	size_t blocks, passes;
	const uint8_t *records, *records_end; /* of the entry with the code */
};

/* A name of 255 octets has 127 labels at most. */
#define HOSTSET_LABELS_MAX 127

/* What is looked for in one set. */
struct hostset_sought {
	const struct name *name;
	uint16_t qtype; /* of the query that it is about; 0: it is about none */
	/* the keys of the name and of all that it is below: once an entry has
	 * conditions, and then for all of them */
	bool has_keys;
	struct hostset_key keys[HOSTSET_LABELS_MAX];
	uint8_t places[256]; /* of keys, 1 for the first, by their first bits */
};

/* Where depths of this many labels and more are remembered as one. */
#define HOSTSET_DEPTH_MAX 63U

/* Checks what words and records say against the sizes: after that, no
 * look-up leaves the arrays. n_records: bytes of records. */
bool hostset_is_sound(const struct hostset *set, size_t n_records);

/* Whether they are whole. */
bool hostset_records_are_sound(const uint8_t *at, const uint8_t *end);

/* For this name, which it borrows; the rest of it is left as it is. */
void hostset_seek(
    struct hostset_sought *ret, const struct name *name, uint16_t qtype);

/* Has fetched what hostset_find() is going to read of that name, for who looks
 * for many in a row. */
void hostset_expect(const struct hostset *set, const struct name *name);

void hostset_find(const struct hostset *set, struct hostset_sought *sought,
    struct hostset_match *ret);

/* What the entry of a pattern says, as of the name itself, whatever its own
 * name is: beside what *ret has already, which may have a code of its own. */
struct hostset_pattern {
	size_t entry; /* below n_words */
	/* octets of the name's end that it is, as a name has them without the
	 * root's; 0 where it is not known how specific it is */
	size_t len;
};
void hostset_take(const struct hostset *set, struct hostset_sought *sought,
    const struct hostset_pattern *pattern, struct hostset_match *ret);

struct hostset_key hostset_key(const uint64_t key[2], const struct name *name);

/* In order of `a`. */
static inline size_t
hostset_bucket(uint32_t n_buckets, uint64_t a)
{
	return (size_t)((a >> 32) * n_buckets >> 32);
}

#endif
