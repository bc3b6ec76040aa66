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

/* On average, of eight words: under 11 bytes a name, and all but one of a
 * thousand names stand in the line of their bucket or in the next. */
#define NAMES_OF_BUCKET 6

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
	const unsigned int levels = HOSTSET_LEVELS |
				    HOSTSET_LEVELS << HOSTSET_BELOW |
				    HOSTSET_MORE | HOSTSET_FIRM;

	old |= more & levels;
	old = merge_code(old, more, HOSTSET_CODE_SHIFT);
	return merge_code(old, more, HOSTSET_CODE_BELOW_SHIFT);
}

static int
entry_cmp(const void *a, const void *b)
{
	const struct hostset_entry *x = a, *y = b;

	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

/* Before what is said of a name is put together: another rule may say a part of
 * it, too. */
static void
cancel(struct hostset_build *build)
{
	if (build->n_cancelled == 0)
		return;
	qsort(build->cancelled, build->n_cancelled, sizeof(build->cancelled[0]),
	    entry_cmp);
	for (size_t i = 0; i < build->n; i++)
		if (bsearch(&build->entries[i], build->cancelled,
			build->n_cancelled, sizeof(build->cancelled[0]),
			entry_cmp) != NULL)
			build->entries[i].b &= ~(uint64_t)HOSTSET_FLAGS;
}

/* All names by bucket, side by side. */
struct sorted {
	uint32_t *ends; /* where the names of each bucket end */
	uint64_t *words;
	size_t n; /* words */
};

static void
sorted_done(struct sorted *sorted)
{
	free(sorted->ends);
	free(sorted->words);
	memset(sorted, 0, sizeof(*sorted));
}

/* Puts each entry into its bucket, in the order they came. */
static void
distribute(const struct hostset_build *build, struct sorted *sorted)
{
	uint32_t *ends = sorted->ends;
	size_t sum = 0;

	for (size_t i = 0; i < build->n; i++)
		ends[hostset_bucket(build->n_buckets, build->entries[i].a)]++;
	/* first they are the starts */
	for (size_t i = 0; i < build->n_buckets; i++) {
		size_t n = ends[i];

		ends[i] = (uint32_t)sum;
		sum += n;
	}
	for (size_t i = 0; i < build->n; i++) {
		size_t bucket =
		    hostset_bucket(build->n_buckets, build->entries[i].a);

		sorted->words[ends[bucket]++] = build->entries[i].b;
	}
}

/* Makes one word of each name, and moves the buckets together. A name that
 * comes a million times is compared with few others. */
static void
join_equal(const struct hostset_build *build, struct sorted *sorted)
{
	const uint64_t print = ~(uint64_t)HOSTSET_FLAGS;
	uint64_t *words = sorted->words;
	size_t to = 0, from = 0;

	for (size_t i = 0; i < build->n_buckets; i++) {
		size_t start = to, end = sorted->ends[i];

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
		sorted->ends[i] = (uint32_t)to;
	}
	sorted->n = to;
}

/* n: how many names there are, or may be. */
static int
sort(struct hostset_build *build, size_t n, struct sorted *ret)
{
	build->n_buckets = (uint32_t)(n / NAMES_OF_BUCKET + 1);
	ret->ends = calloc(build->n_buckets, sizeof(ret->ends[0]));
	ret->words = malloc((build->n + 1) * sizeof(ret->words[0]));
	if (ret->ends == NULL || ret->words == NULL) {
		sorted_done(ret);
		return -ENOMEM;
	}
	distribute(build, ret);
	join_equal(build, ret);
	return 0;
}

/* Where the words of each bucket begin: at its own place, or behind those of
 * the ones before it. Also says where all of them end. */
static size_t
lay_words(
    const struct hostset_build *build, const struct sorted *sorted, bool copy)
{
	size_t to = 0, from = 0;

	for (size_t i = 0; i < build->n_buckets; i++) {
		size_t n = sorted->ends[i] - from;

		if (to < i * HOSTSET_BUCKET)
			to = i * HOSTSET_BUCKET;
		if (copy && n > 0)
			memcpy(build->words + to, sorted->words + from,
			    n * sizeof(build->words[0]));
		to += n;
		from += n;
	}
	return to;
}

static int
lay_names(struct hostset_build *build, const struct sorted *sorted)
{
	size_t least = (size_t)build->n_buckets * HOSTSET_BUCKET;
	size_t end = lay_words(build, sorted, false);

	/* A whole bucket behind, so that what is asked for beforehand is there;
	 * the last word is empty. */
	build->n_words = (end > least ? end + HOSTSET_BUCKET - 1 : least) /
			     HOSTSET_BUCKET * HOSTSET_BUCKET +
			 HOSTSET_BUCKET;
	build->n_names = sorted->n;
	build->words = calloc(build->n_words, sizeof(build->words[0]));
	if (build->words == NULL)
		return -ENOMEM;
	(void)lay_words(build, sorted, true); /* the end is known */
	return 0;
}

/* n_words where there is none. */
static size_t
find_word(const struct hostset_build *build, uint64_t a, uint64_t b)
{
	size_t i = hostset_bucket(build->n_buckets, a) * HOSTSET_BUCKET;

	for (; build->words[i] != 0; i++)
		if (((build->words[i] ^ b) & ~(uint64_t)HOSTSET_FLAGS) == 0)
			return i;
	return build->n_words;
}

static int
pending_cmp(const void *a, const void *b)
{
	const struct hostset_pending *x = a, *y = b;

	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* How many are looked at for one that is the same. */
#define TWICE_MAX 64

/* Whether one of those before it, from the first of its name on, says the same:
 * in a set of records none stands twice (RFC 2181 section 5). */
static bool
is_laid(const struct hostset_build *build, size_t first, size_t i)
{
	const struct hostset_pending *p = &build->pending[i], *q;

	for (size_t j = first; j < i && j < first + TWICE_MAX; j++) {
		q = &build->pending[j];
		if (q->len == p->len && memcmp(build->bytes + q->off,
					    build->bytes + p->off, p->len) == 0)
			return true;
	}
	return false;
}

static int
lay_records(struct hostset_build *build)
{
	size_t to = 0, begun = 0, first = 0;

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
			first = i;
		}
		if (to - begun + p->len > HOSTSET_RECORDS_OF_ONE ||
		    is_laid(build, first, i))
			continue;
		memcpy(build->records + to, build->bytes + p->off, p->len);
		to += p->len;
	}
	build->n_records = to;
	build->more[build->n_more] =
	    (struct hostset_more){ UINT32_MAX, (uint32_t)to };
	return 0;
}

int
hostset_build_finish(struct hostset_build *build)
{
	struct sorted sorted = { 0 };
	int r;

	cancel(build);
	r = sort(build, build->n, &sorted);
	if (r == 0 && sorted.n < build->n - build->n / 16) {
		/* many came twice: there are buckets for those that are left */
		size_t n = sorted.n;

		sorted_done(&sorted);
		r = sort(build, n, &sorted);
	}
	free(build->entries);
	build->entries = NULL;
	if (r == 0)
		r = lay_names(build, &sorted);
	sorted_done(&sorted);
	if (r < 0)
		return r;
	return lay_records(build);
}

size_t
hostset_build_find(const struct hostset_build *build, const struct name *name)
{
	struct hostset_key key = hostset_key(build->key, name);

	return find_word(build, key.a, key.b);
}
