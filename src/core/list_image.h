#ifndef CORE_LIST_IMAGE_H
#define CORE_LIST_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "src/core/lists.h"

/* A compiled list as bytes, in memory or in a file of this machine. What a
 * file says is checked before it is believed: a sum over all of it against
 * damage, and every number against its size. */

/* Of all things that the bytes were made from; two lists of one identity are
 * the same. */
struct list_identity {
	uint64_t v[2];
};

/* What belongs to the layout, and to what lines mean: older and newer files are
 * made anew. */
#define LIST_IMAGE_VERSION 9U

/* Makes a list of bytes that begin at an address divisible by 8. It keeps them
 * until release(bytes, size) is called, also on failure. 0 with one reference,
 * -EBADMSG (damaged, or of another version or machine), -ESTALE (of another
 * identity; NULL: of any) or -ENOMEM. */
int list_index_new(const struct list_index **ret, void *bytes_take, size_t size,
    void (*release)(void *bytes, size_t size),
    const struct list_identity *identity);

/* What list_build_finish() was given; borrowed. */
const uint8_t *list_index_meta(const struct list_index *l, size_t *ret_len);

const struct list_identity *list_index_identity(const struct list_index *l);

/* The bytes: for the file, and to tell how much memory they take. */
const void *list_index_bytes(const struct list_index *l, size_t *ret_size);

/* The new one goes on counting hits from what the old one has; NULL: none. */
void list_index_carry(
    const struct list_index *l, const struct list_index *before);

/* For the builder: the head of the bytes, and where the parts begin. */
struct list_header {
	char magic[8];
	uint32_t version;
	uint32_t order; /* LIST_IMAGE_ORDER, as this machine writes it */
	uint64_t size;
	uint64_t sum; /* of everything, with this being 0 */
	struct list_identity identity;
	uint64_t key[2];
	uint64_t exact_depths, below_depths;
	uint32_t codes; /* 1 << enum hostset_code of all that occur */
	uint32_t n_names, n_buckets, n_words, n_more, n_records;
	uint32_t n4, n6, n_addr_records;
	uint32_t n_meta;
	/* and so the words begin at a line of the cache */
	uint32_t n_patterns, n_pattern_text;
};

#define LIST_IMAGE_MAGIC "rrlist\r\n"
#define LIST_IMAGE_ORDER 0x01020304U

struct list_layout {
	size_t words, v6, v4, more, records, addr_records;
	size_t patterns, pattern_text, meta;
	size_t size;
};

/* Total: sums of 32-bit numbers can't overflow 64 bits. */
struct list_layout list_layout(const struct list_header *header);
/* Of bytes that are no smaller than the head; what it says as sum is left
 * out. */
uint64_t list_image_sum(const void *bytes, size_t size);

#endif
