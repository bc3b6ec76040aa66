#include "src/core/hostset.h"

#include <string.h>

#include "src/base/sip.h"

/* What is looked for: one suffix. */
struct suffix {
	struct hostset_key key;
	const uint64_t *bucket;
	uint8_t len; /* of it without the root's octet */
	bool exact;  /* the whole name */
};

/* The length octet comes first, so that no label is the beginning of another.
 * `from` is the start of the name: a last word that is not full is read from
 * bytes before, where there are enough of them. */
static inline void
absorb(struct sip *sip, const uint8_t *from, const uint8_t *label)
{
	size_t left = (size_t)*label + 1;
	const uint8_t *p = label;
	uint64_t m = 0;

	for (; left >= 8; p += 8, left -= 8) {
		memcpy(&m, p, 8);
		sip_word(sip, m);
	}
	if (left == 0)
		return;
	m = 0;
	if (p + left >= from + 8) {
		memcpy(&m, p + left - 8, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		m >>= 8 * (8 - left);
#else
		m <<= 8 * (8 - left);
#endif
	} else {
		memcpy(&m, p, left);
	}
	sip_word(sip, m);
}

/* Where each label starts; how many there are. */
static size_t
labels(const struct name *name, uint8_t starts[HOSTSET_LABELS_MAX])
{
	size_t n = 0;

	for (size_t at = 0; name->wire[at] != 0;
	     at += 1 + (size_t)name->wire[at])
		starts[n++] = (uint8_t)at;
	return n;
}

static inline struct hostset_key
end_key(const struct sip *sip)
{
	uint64_t out[2];

	sip_end128(sip, out);
	out[1] &= ~(uint64_t)HOSTSET_FLAGS;
	/* a word of 0 is empty */
	return (struct hostset_key){ out[0],
		out[1] != 0 ? out[1] : (uint64_t)HOSTSET_FLAGS + 1 };
}

struct hostset_key
hostset_key(const uint64_t key[2], const struct name *name)
{
	uint8_t starts[HOSTSET_LABELS_MAX];
	size_t n = labels(name, starts);
	struct sip sip;

	sip_init(&sip, key);
	while (n-- > 0)
		absorb(&sip, name->wire, name->wire + starts[n]);
	return end_key(&sip);
}

static inline bool
has_depth(uint64_t depths, size_t n)
{
	return (depths >> (n < HOSTSET_DEPTH_MAX ? n : HOSTSET_DEPTH_MAX) &
		   1) != 0;
}

/* The suffixes that may be in the set, the shortest first. */
static size_t
suffixes(const struct hostset *set, const struct name *name,
    struct suffix ret[HOSTSET_LABELS_MAX + 1])
{
	uint8_t starts[HOSTSET_LABELS_MAX];
	size_t n = labels(name, starts), found = 0;
	struct sip sip;

	sip_init(&sip, set->key);
	for (size_t depth = 0; depth <= n; depth++) {
		struct suffix *s = &ret[found];

		if (depth > 0)
			absorb(
			    &sip, name->wire, name->wire + starts[n - depth]);
		s->exact = depth == n;
		s->len = depth == 0
			     ? 0
			     : (uint8_t)(name->len - 1 - starts[n - depth]);
		if (!has_depth(s->exact ? set->exact_depths : set->below_depths,
			depth))
			continue;
		s->key = end_key(&sip);
		s->bucket =
		    set->words +
		    HOSTSET_BUCKET * hostset_bucket(set->n_buckets, s->key.a);
		__builtin_prefetch(s->bucket);
		__builtin_prefetch(s->bucket + HOSTSET_BUCKET);
		found++;
	}
	return found;
}

/* The records of an entry; false where there are none. */
static bool
records_of(const struct hostset *set, size_t entry, const uint8_t **ret,
    const uint8_t **ret_end)
{
	size_t lo = 0, hi = set->n_more;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (set->more[mid].entry < entry)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == set->n_more || set->more[lo].entry != entry)
		return false;
	*ret = set->records + set->more[lo].off;
	*ret_end = set->records + set->more[lo + 1].off;
	return true;
}

void
hostset_seek(
    struct hostset_sought *ret, const struct name *name, uint16_t qtype)
{
	ret->name = name;
	ret->qtype = qtype;
	ret->has_keys = false;
}

/* The key's place, or the empty one where it would be: half of them are. */
static uint8_t *
place_of(struct hostset_sought *sought, const struct hostset_key *key)
{
	uint8_t i = (uint8_t)(key->b >> 56);

	while (sought->places[i] != 0) {
		const struct hostset_key *at =
		    &sought->keys[sought->places[i] - 1];

		if (at->a == key->a && at->b == key->b)
			break;
		i++;
	}
	return &sought->places[i];
}

static void
make_keys(const struct hostset *set, struct hostset_sought *sought)
{
	const struct name *name = sought->name;
	uint8_t starts[HOSTSET_LABELS_MAX];
	size_t left = labels(name, starts), n = 0;
	struct sip sip;

	memset(sought->places, 0, sizeof(sought->places));
	sip_init(&sip, set->key);
	while (left-- > 0) {
		absorb(&sip, name->wire, name->wire + starts[left]);
		sought->keys[n] = end_key(&sip);
		*place_of(sought, &sought->keys[n]) = (uint8_t)(n + 1);
		n++;
	}
	sought->has_keys = true;
}

static bool
any_key_holds(struct hostset_sought *sought, const uint8_t *keys, size_t n)
{
	struct hostset_key key;

	for (size_t i = 0; i < n; i++) {
		memcpy(&key, keys + i * sizeof(key), sizeof(key));
		if (*place_of(sought, &key) != 0)
			return true;
	}
	return false;
}

static bool
is_of_types(uint16_t qtype, const uint8_t *types, size_t len)
{
	uint16_t type, except;

	memcpy(&except, types, sizeof(except));
	for (size_t at = sizeof(except); at < len; at += sizeof(type)) {
		memcpy(&type, types + at, sizeof(type));
		if (type == qtype)
			return except == 0;
	}
	return except != 0;
}

/* The levels of rules that have conditions. */
static unsigned int
conditional(const struct hostset *set, struct hostset_sought *sought,
    size_t entry, unsigned int shift)
{
	const uint8_t *at, *end;
	struct hostset_record record;
	unsigned int levels = 0;

	if (!records_of(set, entry, &at, &end))
		return 0;
	if (!sought->has_keys)
		make_keys(set, sought);
	for (; at < end; at += sizeof(record) + record.len) {
		const uint8_t *bytes = at + sizeof(record);

		memcpy(&record, at, sizeof(record));
		if ((record.kind == HOSTSET_COND &&
			!any_key_holds(sought, bytes,
			    record.len / sizeof(struct hostset_key))) ||
		    (record.kind == HOSTSET_TYPES && sought->qtype != 0 &&
			is_of_types(sought->qtype, bytes, record.len)))
			levels |= (unsigned int)record.levels >> shift &
				  HOSTSET_LEVELS;
	}
	return levels;
}

static size_t
longer(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void
take_entry(const struct hostset *set, struct hostset_sought *sought,
    const struct hostset_pattern *at, bool exact, struct hostset_match *ret)
{
	size_t entry = at->entry;
	unsigned int flags = (unsigned int)(set->words[entry] & HOSTSET_FLAGS);
	unsigned int shift = exact ? 0 : HOSTSET_BELOW, levels;
	unsigned int code =
	    flags >> (exact ? HOSTSET_CODE_SHIFT : HOSTSET_CODE_BELOW_SHIFT) &
	    HOSTSET_CODE;

	levels = flags >> shift & HOSTSET_LEVELS;
	if ((flags & HOSTSET_MORE) != 0)
		levels |= conditional(set, sought, entry, shift);
	ret->levels |= levels;
	if ((levels & HOSTSET_BLOCK) != 0)
		ret->blocks = longer(ret->blocks, at->len);
	if (code == HOSTSET_PASSTHRU && (flags & HOSTSET_FIRM) != 0 &&
	    (levels & HOSTSET_BLOCK) != 0)
		code = HOSTSET_NO_CODE;
	/* longer suffixes come later, and are more specific */
	if (code == HOSTSET_NO_CODE) {
		if (ret->code == HOSTSET_PASSTHRU &&
		    (levels & HOSTSET_BLOCK) != 0)
			ret->code = HOSTSET_NO_CODE;
		return;
	}
	if (code == HOSTSET_PASSTHRU)
		ret->passes = longer(ret->passes, at->len);
	ret->code = (enum hostset_code)code;
	ret->below = !exact;
	ret->records = ret->records_end = NULL;
	if (code == HOSTSET_LOCAL)
		(void)records_of(set, entry, &ret->records,
		    &ret->records_end); /* NODATA where there are none */
}

void
hostset_expect(const struct hostset *set, const struct name *name)
{
	struct suffix found[HOSTSET_LABELS_MAX + 1];

	if (set->n > 0)
		(void)suffixes(set, name, found);
}

void
hostset_find(const struct hostset *set, struct hostset_sought *sought,
    struct hostset_match *ret)
{
	struct suffix found[HOSTSET_LABELS_MAX + 1];
	size_t n = 0;

	memset(ret, 0, sizeof(*ret));
	if (set->n > 0)
		n = suffixes(set, sought->name, found);
	for (size_t i = 0; i < n; i++) {
		const uint64_t *at = found[i].bucket;

		while (*at != 0 &&
		       (*at & ~(uint64_t)HOSTSET_FLAGS) != found[i].key.b)
			at++;
		if (*at != 0)
			take_entry(set, sought,
			    &(struct hostset_pattern){
				(size_t)(at - set->words),
				2U * found[i].len + 1 },
			    found[i].exact, ret);
	}
}

void
hostset_take(const struct hostset *set, struct hostset_sought *sought,
    const struct hostset_pattern *pattern, struct hostset_match *ret)
{
	struct hostset_match one = { 0 };

	take_entry(set, sought,
	    &(struct hostset_pattern){ pattern->entry, 2 * pattern->len }, true,
	    &one);
	/* where that is not known, what blocks beats what only passes */
	if (pattern->len == 0 && (one.levels & HOSTSET_BLOCK) != 0)
		one.blocks = SIZE_MAX;
	if (one.code == HOSTSET_PASSTHRU &&
	    (ret->levels & HOSTSET_BLOCK) != 0 && one.passes <= ret->blocks)
		one.code = HOSTSET_NO_CODE;
	if (ret->code == HOSTSET_PASSTHRU &&
	    (one.levels & HOSTSET_BLOCK) != 0 && ret->passes <= one.blocks)
		ret->code = HOSTSET_NO_CODE;
	one.levels |= ret->levels;
	one.blocks = longer(one.blocks, ret->blocks);
	one.passes = longer(one.passes, ret->passes);
	if (ret->code == HOSTSET_NO_CODE)
		*ret = one;
	ret->levels = one.levels;
	ret->blocks = one.blocks;
	ret->passes = one.passes;
}

bool
hostset_records_are_sound(const uint8_t *at, const uint8_t *end)
{
	struct hostset_record record;

	while (at < end) {
		if ((size_t)(end - at) < sizeof(record))
			return false;
		memcpy(&record, at, sizeof(record));
		at += sizeof(record);
		if (record.kind >= HOSTSET_N_KINDS ||
		    record.len > (size_t)(end - at))
			return false;
		/* type and TTL */
		if ((record.kind == HOSTSET_RR ||
			record.kind == HOSTSET_RR_BELOW) &&
		    record.len < 6)
			return false;
		if (record.kind == HOSTSET_TYPES &&
		    (record.len < 2 || record.len % 2 != 0))
			return false;
		at += record.len;
	}
	return true;
}

bool
hostset_is_sound(const struct hostset *set, size_t n_records)
{
	/* each walk ends at an empty word */
	if (set->n_buckets == 0 ||
	    set->n_words < ((size_t)set->n_buckets + 1) * HOSTSET_BUCKET ||
	    set->words[set->n_words - 1] != 0 || set->n > set->n_words)
		return false;
	if (set->more[0].off != 0 || set->more[set->n_more].off != n_records)
		return false;
	for (size_t i = 0; i < set->n_more; i++)
		if (set->more[i].off > set->more[i + 1].off)
			return false;
	for (size_t i = 0; i < set->n_more; i++)
		if (!hostset_records_are_sound(set->records + set->more[i].off,
			set->records + set->more[i + 1].off))
			return false;
	return true;
}
