#include "src/core/hostset_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/grow.h"

struct hostset_entry {
	uint64_t a;
	uint64_t b; /* with the flags */
};

struct hostset_pending {
	struct hostset_key key;
	size_t off, len; /* in bytes: head and what follows */
	uint32_t entry;	 /* once it is known */
	uint32_t order;
};

/* Offsets are 32 bits. */
#define ENTRIES_MAX ((size_t)1 << 30)
#define RECORDS_MAX ((size_t)1 << 30)

void
hostset_build_init(struct hostset_build *build, const uint64_t key[2])
{
	memset(build, 0, sizeof(*build));
	build->key[0] = key[0];
	build->key[1] = key[1];
}

void
hostset_build_done(struct hostset_build *build)
{
	free(build->entries);
	free(build->cancelled);
	free(build->pending);
	free(build->bytes);
	free(build->offsets);
	free(build->words);
	free(build->more);
	free(build->records);
	memset(build, 0, sizeof(*build));
}

static void
note_depth(struct hostset_build *build, const struct name *name, bool exact,
    bool below)
{
	size_t n = name_n_labels(name);
	uint64_t bit = (uint64_t)1
		       << (n < HOSTSET_DEPTH_MAX ? n : HOSTSET_DEPTH_MAX);

	if (exact)
		build->exact_depths |= bit;
	if (below)
		build->below_depths |= bit;
}

int
hostset_build_add(
    struct hostset_build *build, const struct name *name, unsigned int flags)
{
	const unsigned int exact = HOSTSET_LEVELS | HOSTSET_CODE
							<< HOSTSET_CODE_SHIFT;
	const unsigned int below = HOSTSET_LEVELS << HOSTSET_BELOW |
				   HOSTSET_CODE << HOSTSET_CODE_BELOW_SHIFT;
	struct hostset_key key = hostset_key(build->key, name);
	int r = 0;

	if (build->n == ENTRIES_MAX)
		return -E2BIG;
	if (build->n == build->room)
		r = grow(&build->entries, &build->room,
		    sizeof(struct hostset_entry));
	if (r < 0)
		return r;
	note_depth(build, name, (flags & exact) != 0, (flags & below) != 0);
	build->entries[build->n++] =
	    (struct hostset_entry){ key.a, key.b | flags };
	return 0;
}

int
hostset_build_cancel(
    struct hostset_build *build, const struct name *name, unsigned int flags)
{
	struct hostset_key key = hostset_key(build->key, name);
	int r = 0;

	if (build->n_cancelled == build->cancelled_room)
		r = grow(&build->cancelled, &build->cancelled_room,
		    sizeof(struct hostset_entry));
	if (r < 0)
		return r;
	build->cancelled[build->n_cancelled++] =
	    (struct hostset_entry){ key.a, key.b | flags };
	return 0;
}

/* Puts bytes at the end of the records' text. */
static int
append(struct hostset_build *build, const void *bytes, size_t len)
{
	int r = 0;

	if (len > RECORDS_MAX - build->n_bytes)
		return -E2BIG;
	while (r == 0 && build->bytes_room - build->n_bytes < len)
		r = grow(&build->bytes, &build->bytes_room, 1);
	if (r < 0)
		return r;
	if (len > 0)
		memcpy(build->bytes + build->n_bytes, bytes, len);
	build->n_bytes += len;
	return 0;
}

int
hostset_build_record(struct hostset_build *build, const struct name *name,
    const struct hostset_record *head, const void *bytes)
{
	struct hostset_pending *p;
	size_t off = build->n_bytes;
	int r = hostset_build_add(build, name, HOSTSET_MORE);

	if (r == 0 && build->n_pending == build->pending_room)
		r = grow(&build->pending, &build->pending_room,
		    sizeof(struct hostset_pending));
	if (r == 0)
		r = append(build, head, sizeof(*head));
	if (r == 0)
		r = append(build, bytes, head->len);
	if (r < 0)
		return r;
	if (head->kind == HOSTSET_COND || head->kind == HOSTSET_TYPES)
		note_depth(build, name, (head->levels & HOSTSET_LEVELS) != 0,
		    head->levels >> HOSTSET_BELOW != 0);
	p = &build->pending[build->n_pending++];
	p->key = hostset_key(build->key, name);
	p->off = off;
	p->len = build->n_bytes - off;
	p->order = (uint32_t)build->n_pending;
	return 0;
}

static unsigned int
merge_code(unsigned int old, unsigned int more, unsigned int shift)
{
	return (old >> shift & HOSTSET_CODE) != HOSTSET_NO_CODE
		   ? old
		   : old | (more & HOSTSET_CODE << shift);
}

static unsigned int
merge_flags(unsigned int old, unsigned int more)
{
	const unsigned int levels =
	    HOSTSET_LEVELS | HOSTSET_LEVELS << HOSTSET_BELOW | HOSTSET_MORE;

	old |= more & levels;
	old = merge_code(old, more, HOSTSET_CODE_SHIFT);
	return merge_code(old, more, HOSTSET_CODE_BELOW_SHIFT);
}

/* Puts each entry into its bucket, in the order they came; offsets[i + 1] ends
 * up as the end of bucket i, with all of them in. */
static void
distribute(struct hostset_build *build)
{
	uint32_t *offsets = build->offsets;
	size_t n_buckets = (size_t)1 << build->bits, sum = 0;

	for (size_t i = 0; i < build->n; i++)
		offsets[hostset_bucket(build->bits, build->entries[i].a) + 1]++;
	/* offsets[i + 1] becomes the start of bucket i */
	for (size_t i = 0; i < n_buckets; i++) {
		size_t n = offsets[i + 1];

		offsets[i + 1] = (uint32_t)sum;
		sum += n;
	}
	for (size_t i = 0; i < build->n; i++) {
		size_t bucket =
		    hostset_bucket(build->bits, build->entries[i].a);

		build->words[offsets[bucket + 1]++] = build->entries[i].b;
	}
}

/* Makes one word of each name, and moves the buckets together. A name that
 * comes a million times is compared with few others. */
static void
join_equal(struct hostset_build *build)
{
	const uint64_t print = ~(uint64_t)HOSTSET_FLAGS;
	uint64_t *words = build->words;
	size_t n_buckets = (size_t)1 << build->bits, to = 0, from = 0;

	for (size_t i = 0; i < n_buckets; i++) {
		size_t start = to, end = build->offsets[i + 1];

		for (; from < end; from++) {
			size_t at = start;

			while (
			    at < to && ((words[at] ^ words[from]) & print) != 0)
				at++;
			if (at == to)
				words[to++] = words[from];
			else
				words[at] =
				    (words[at] & print) |
				    merge_flags((unsigned int)(words[at] &
							       HOSTSET_FLAGS),
					(unsigned int)(words[from] &
						       HOSTSET_FLAGS));
		}
		build->offsets[i + 1] = (uint32_t)to;
	}
	build->n_words = to;
}

/* n_words where there is none. */
static size_t
find_word(const struct hostset_build *build, uint64_t a, uint64_t b)
{
	size_t bucket = hostset_bucket(build->bits, a);

	for (size_t i = build->offsets[bucket]; i < build->offsets[bucket + 1];
	     i++)
		if (((build->words[i] ^ b) & ~(uint64_t)HOSTSET_FLAGS) == 0)
			return i;
	return build->n_words;
}

static void
cancel(struct hostset_build *build)
{
	for (size_t i = 0; i < build->n_cancelled; i++) {
		const struct hostset_entry *e = &build->cancelled[i];
		size_t at = find_word(build, e->a, e->b);

		if (at < build->n_words)
			build->words[at] &= ~(e->b & HOSTSET_FLAGS);
	}
}

static int
pending_cmp(const void *a, const void *b)
{
	const struct hostset_pending *x = a, *y = b;

	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int
lay_records(struct hostset_build *build)
{
	size_t to = 0, begun = 0;

	build->more = calloc(build->n_pending + 1, sizeof(build->more[0]));
	build->records = malloc(build->n_bytes + 1);
	if (build->more == NULL || build->records == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < build->n_pending; i++)
		build->pending[i].entry = (uint32_t)find_word(
		    build, build->pending[i].key.a, build->pending[i].key.b);
	if (build->n_pending > 0)
		qsort(build->pending, build->n_pending,
		    sizeof(build->pending[0]), pending_cmp);
	for (size_t i = 0; i < build->n_pending; i++) {
		const struct hostset_pending *p = &build->pending[i];

		if (i == 0 || p->entry != build->pending[i - 1].entry) {
			build->more[build->n_more++] =
			    (struct hostset_more){ p->entry, (uint32_t)to };
			begun = to;
		}
		if (to - begun + p->len > HOSTSET_RECORDS_OF_ONE)
			continue;
		memcpy(build->records + to, build->bytes + p->off, p->len);
		to += p->len;
	}
	build->n_records = to;
	build->more[build->n_more] =
	    (struct hostset_more){ UINT32_MAX, (uint32_t)to };
	return 0;
}

/* Four to eight names a bucket. */
static unsigned int
bits_for(size_t n)
{
	unsigned int bits = 0;

	while (n >> bits > 7)
		bits++;
	return bits;
}

int
hostset_build_finish(struct hostset_build *build)
{
	build->bits = bits_for(build->n);
	build->offsets =
	    calloc(((size_t)1 << build->bits) + 1, sizeof(build->offsets[0]));
	build->words = malloc((build->n + 1) * sizeof(build->words[0]));
	if (build->offsets == NULL || build->words == NULL)
		return -ENOMEM;
	distribute(build);
	free(build->entries);
	build->entries = NULL;
	join_equal(build);
	cancel(build);
	return lay_records(build);
}
