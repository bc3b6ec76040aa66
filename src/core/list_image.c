#include "src/core/list_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/lists_own.h"

static size_t
part(size_t *at, size_t n, size_t size)
{
	size_t start = *at;

	*at = (start + n * size + 7) & ~(size_t)7;
	return start;
}

struct list_layout
list_layout(const struct list_header *h)
{
	struct list_layout at;
	size_t size = sizeof(*h);

	at.words = part(&size, h->n_words, sizeof(uint64_t));
	at.v6 = part(&size, h->n6, sizeof(struct addrset6));
	at.v4 = part(&size, h->n4, sizeof(struct addrset4));
	at.more =
	    part(&size, (size_t)h->n_more + 1, sizeof(struct hostset_more));
	at.records = part(&size, h->n_records, 1);
	at.addr_records = part(&size, h->n_addr_records, 1);
	at.patterns = part(&size, h->n_patterns, sizeof(struct patterns_entry));
	at.pattern_text = part(&size, h->n_pattern_text, 1);
	at.meta = part(&size, h->n_meta, 1);
	at.size = size;
	return at;
}

/* Against damage, not against forgery: four lanes, so that ten megabytes take
 * a millisecond. */
static uint64_t
sum_of(const void *bytes, size_t size)
{
	const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
	const uint8_t *p = bytes;
	uint64_t lanes[4] = { 1, 2, 3, 4 }, word, sum = size;

	for (; size >= 32; p += 32, size -= 32)
		for (int i = 0; i < 4; i++) {
			memcpy(&word, p + 8 * i, 8);
			lanes[i] = ((lanes[i] ^ word) * prime);
			lanes[i] ^= lanes[i] >> 29;
		}
	for (; size > 0; p++, size--)
		lanes[0] = (lanes[0] ^ *p) * prime;
	for (int i = 0; i < 4; i++)
		sum = (sum ^ lanes[i] ^ lanes[i] >> 32) * prime;
	return sum ^ sum >> 32;
}

uint64_t
list_image_sum(const void *bytes, size_t size)
{
	struct list_header header;
	const uint8_t *rest = (const uint8_t *)bytes + sizeof(header);

	memcpy(&header, bytes, sizeof(header));
	header.sum = 0;
	return sum_of(&header, sizeof(header)) ^
	       sum_of(rest, size - sizeof(header)) << 1;
}

static void
borrow_parts(struct list_index *l)
{
	const struct list_header *h = l->header;
	struct list_layout at = list_layout(h);
	const uint8_t *p = l->bytes;

	l->names = (struct hostset){
		.key = { h->key[0], h->key[1] },
		.exact_depths = h->exact_depths,
		.below_depths = h->below_depths,
		.n = h->n_names,
		.n_buckets = h->n_buckets,
		.n_words = h->n_words,
		.words = (const void *)(p + at.words),
		.more = (const void *)(p + at.more),
		.n_more = h->n_more,
		.records = p + at.records,
	};
	l->addrs = (struct addrset){
		.v4 = (const void *)(p + at.v4),
		.v6 = (const void *)(p + at.v6),
		.n4 = h->n4,
		.n6 = h->n6,
	};
	l->addr_records = p + at.addr_records;
	l->meta = p + at.meta;
}

static int
borrow_patterns(struct list_index *l)
{
	const struct list_header *h = l->header;
	struct list_layout at = list_layout(h);
	const uint8_t *p = l->bytes;
	struct patterns_image image = {
		.v = (const void *)(p + at.patterns),
		.n = h->n_patterns,
		.text = (const char *)p + at.pattern_text,
		.n_text = h->n_pattern_text,
		.n_entries = h->n_words,
	};

	return h->n_patterns <= h->n_names ? patterns_new(&l->patterns, &image)
					   : -EBADMSG;
}

static int
check_head(const struct list_header *h, size_t size,
    const struct list_identity *identity)
{
	if (memcmp(h->magic, LIST_IMAGE_MAGIC, sizeof(h->magic)) != 0 ||
	    h->version != LIST_IMAGE_VERSION || h->order != LIST_IMAGE_ORDER ||
	    h->size != size)
		return -EBADMSG;
	if (list_layout(h).size != size)
		return -EBADMSG;
	if (identity != NULL &&
	    memcmp(&h->identity, identity, sizeof(*identity)) != 0)
		return -ESTALE;
	return h->sum == list_image_sum(h, size) ? 0 : -EBADMSG;
}

int
list_index_new(const struct list_index **ret, void *bytes_take, size_t size,
    void (*release)(void *bytes, size_t size),
    const struct list_identity *identity)
{
	struct list_index *l = calloc(1, sizeof(*l));
	int r = -ENOMEM;

	if (l == NULL)
		goto fail;
	r = -EBADMSG;
	if (size < sizeof(struct list_header))
		goto fail;
	l->refs = 1;
	l->bytes = bytes_take;
	l->size = size;
	l->release = release;
	l->header = bytes_take;
	r = check_head(l->header, size, identity);
	if (r < 0)
		goto fail;
	borrow_parts(l);
	r = -EBADMSG;
	if (!hostset_is_sound(&l->names, l->header->n_records) ||
	    !addrset_is_sound(
		&l->addrs, l->addr_records, l->header->n_addr_records))
		goto fail;
	r = borrow_patterns(l);
	if (r < 0)
		goto fail;
	*ret = l;
	return 0;
fail:
	free(l);
	release(bytes_take, size);
	return r;
}

const struct list_index *
list_index_ref(const struct list_index *l)
{
	/* the counts are the one thing of a list that changes */
	if (l != NULL)
		(void)__atomic_add_fetch(
		    &((struct list_index *)l)->refs, 1, __ATOMIC_RELAXED);
	return l;
}

void
list_index_unref(const struct list_index *list)
{
	struct list_index *l = (struct list_index *)list; /* as above */

	if (l == NULL || __atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	patterns_free(l->patterns);
	l->release(l->bytes, l->size);
	free(l);
}

const uint8_t *
list_index_meta(const struct list_index *l, size_t *ret_len)
{
	*ret_len = l->header->n_meta;
	return l->meta;
}

const struct list_identity *
list_index_identity(const struct list_index *l)
{
	return &l->header->identity;
}

const void *
list_index_bytes(const struct list_index *l, size_t *ret_size)
{
	*ret_size = l->size;
	return l->bytes;
}

void
list_index_hit(const struct list_index *l)
{
	if (l != NULL) /* casts const away: see list_index_ref() */
		(void)__atomic_add_fetch(
		    &((struct list_index *)l)->hits, 1, __ATOMIC_RELAXED);
}

uint64_t
list_index_hits(const struct list_index *l)
{
	return l != NULL ? __atomic_load_n(&l->hits, __ATOMIC_RELAXED) : 0;
}

void
list_index_carry(const struct list_index *l, const struct list_index *before)
{
	if (l != before)
		(void)__atomic_add_fetch(&((struct list_index *)l)->hits,
		    list_index_hits(before), __ATOMIC_RELAXED);
}

size_t
list_n_names(const struct list_index *l)
{
	/* patterns have an entry each */
	return l != NULL ? l->names.n - patterns_n(l->patterns) : 0;
}

size_t
list_n_patterns(const struct list_index *l)
{
	return l != NULL ? patterns_n(l->patterns) : 0;
}

size_t
list_n_addrs(const struct list_index *l)
{
	return l != NULL ? (size_t)l->addrs.n4 + l->addrs.n6 : 0;
}
